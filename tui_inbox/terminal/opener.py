"""Showing a file with another program: the one of the settings, on this terminal, or the desktop's own viewer."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

DESKTOP = {"darwin": "open"}
NO_VIEWER = (
    "There is nothing here to show files with, as over SSH. Save it instead, or set opener in the settings file "
    '(for example opener = "less").'
)
Start = Callable[[Sequence[str]], object]
"""Starts a command; raises ``OSError`` if it can't be started."""


def on_terminal(command: str, path: Path) -> list[str]:
    """The words of the settings' own command with the file; empty when none is set."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = [command]
    return [*words, str(path)] if words else []


def desktop(environ: Mapping[str, str]) -> str:
    """The desktop's viewer; empty where there is no desktop."""
    name = DESKTOP.get(sys.platform, "xdg-open")
    has_screen = sys.platform in DESKTOP or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
    return (shutil.which(name, path=environ.get("PATH")) or "") if has_screen else ""


def start(words: Sequence[str]) -> None:
    """Start a viewer that lives on by itself, away from this terminal. Raises ``OSError``."""
    subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def run(words: Sequence[str]) -> None:
    """Run a command on this terminal, which must be free for it, until it ends. Raises ``OSError``."""
    subprocess.run(words, check=False)
