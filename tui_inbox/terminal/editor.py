"""Writing a message in the agent's own editor, as git does it. Call within ``App.suspend()``.

The text lies in a private file that stays until the draft is safe in the store, so that neither a crash of the editor
nor one of this program loses it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_inbox.paths import PRIVATE_FILE, private_directory

FALLBACKS = ("nano", "vi")
Run = Callable[[Sequence[str]], int]
"""Runs a command on the terminal and returns its exit status; raises ``OSError`` if it can't be started."""


@dataclass(frozen=True)
class Edited:
    """What came back from the editor."""

    text: str
    """The text to go on with: the edited one, or the given one where something went wrong."""
    error: str = ""
    """One sentence for the agent; empty when all went well."""
    path: Path | None = None
    """The file, until :meth:`confirm`."""

    def confirm(self) -> None:
        """The text is safe elsewhere: the file may go."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def command(environ: Mapping[str, str]) -> list[str]:
    """The editor's command: ``VISUAL``, else ``EDITOR``, else nano or vi; empty when there is none."""
    for name in ("VISUAL", "EDITOR"):
        try:
            words = shlex.split(environ.get(name, ""))
        except ValueError:
            # An unclosed quote: take it as one word rather than guess.
            words = [environ[name]]
        if words:
            return words
    found = next((path for name in FALLBACKS if (path := shutil.which(name, path=environ.get("PATH")))), None)
    return [found] if found else []


def edit(text: str, *, name: str, directory: Path, environ: Mapping[str, str], run: Run | None = None) -> Edited:
    """Let the agent edit ``text``; never raises for what the editor or the disk does.

    ``name``: of the file, without folder; ours, never a customer's. ``directory``: made 0700. No shell is involved.
    """
    words = command(environ)
    if not words:
        return Edited(text, "No editor found: set EDITOR, for example EDITOR=nano. Your text is unchanged.")
    path = directory / f"{name}.txt"
    try:
        _write(path, text)
    except OSError as error:
        return Edited(text, f"The editor's file can't be written ({error.strerror}). Your text is unchanged.")
    try:
        status = (run or _run)([*words, str(path)])
    except OSError as error:
        path.unlink(missing_ok=True)
        return Edited(text, f"The editor '{words[0]}' can't be started ({error.strerror}). Your text is unchanged.")
    if status != 0:
        return Edited(text, f"The editor ended with status {status}, so your text is unchanged. Its file: {path}", path)
    return _read(path, text)


def leftovers(directory: Path) -> list[Path]:
    """Files whose text was never confirmed, oldest first."""
    if not directory.is_dir():
        return []
    return sorted(directory.glob("*.txt"), key=lambda path: path.stat().st_mtime)


def _write(path: Path, text: str) -> None:
    private_directory(path.parent)
    # Never through a link that somebody has put there.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="\n") as file:
        path.chmod(PRIVATE_FILE)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path, given: str) -> Edited:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return Edited(given, f"The edited file is not UTF-8, so your text is unchanged. It is kept: {path}", path)
    except OSError as error:
        return Edited(given, f"The edited file can't be read ({error.strerror}). Your text is unchanged.")
    if not given.endswith("\n"):
        # Editors end a file with a line break that nobody has typed.
        text = text.removesuffix("\n")
    return Edited(text, "", path)


def _run(words: Sequence[str]) -> int:
    return subprocess.run(words, check=False).returncode
