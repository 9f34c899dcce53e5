"""Connecting a channel at a terminal: what is missing is asked for, and typed secrets are kept where they belong.

A secret that was typed goes into a private file of its own beside the settings, and the settings name that file; it is
never part of a command line, the database or what is printed.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path

import click

from tui_inbox import paths
from tui_inbox.cli.session import tell
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.kinds import ChannelKind


def at_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_settings(kind: ChannelKind, given: Mapping[str, str]) -> dict[str, str]:
    """The settings that a channel of this kind needs or is better with, and that are not given."""
    from tui_inbox.channels.registry import ADAPTERS

    adapter = ADAPTERS.get(kind)
    needed, useful = (adapter.required_config, getattr(adapter, "useful_config", ())) if adapter else ((), ())
    missing = [name for name in (*needed, *useful) if not given.get(name, "").strip()]
    if missing:
        tell(f"what these are, and where to find them: tui-inbox manual {kind.value.replace('_', '-')}")
    answers = {name: _ask(name, optional=name in useful) for name in missing}
    return {name: value for name, value in answers.items() if value}


def _ask(name: str, *, optional: bool = False, hidden: bool = False) -> str:
    notes = ["not shown"] * hidden + ["enter leaves it out"] * optional
    told = f"{name} ({'; '.join(notes)})" if notes else name
    default = "" if optional else None
    return str(click.prompt(told, hide_input=hidden, default=default, show_default=False, err=True)).strip()


def ask_secrets(kind: ChannelKind, present: Collection[str]) -> dict[str, str]:
    """The secrets that are not set anywhere; one that is left empty is left out."""
    from tui_inbox.channels.registry import secrets_of

    typed = {name: _ask(name, optional=True, hidden=True) for name in secrets_of(kind) if name not in present}
    return {name: value for name, value in typed.items() if value}


def keep_secrets(settings_file: Path | None, channel: str, secrets: Mapping[str, str]) -> None:
    """Write each into a file of mode 0600, and name these in the settings. Raises :class:`UsageError`."""
    if not secrets:
        return
    file = settings_file or paths.config_file()
    folder = paths.private_directory(file.parent / "secrets")
    lines = []
    try:
        for name, value in secrets.items():
            place = folder / f"{channel}-{name}"
            paths.write_private(place, value + "\n")
            lines.append(f"{name}_file = {json.dumps(str(place))}")
        if _has_table(file, channel):
            tell(f"add to [channels.{channel}] in {file}: {'; '.join(lines)}")
            return
        _append(file, "\n".join(["", f"[channels.{json.dumps(channel)}]", *lines, ""]))
    except OSError as error:
        told = f"{error.filename} can't be written: {error.strerror}"
        raise UsageError(f"{told}. The channel is there; set its secrets.") from error
    tell(f"kept: {', '.join(secrets)} in {folder}, which {file} names")


def _has_table(file: Path, channel: str) -> bool:
    from tui_inbox.config import fold_name

    if not file.exists():
        return False
    known = tomllib.loads(file.read_text("utf-8")).get("channels", {})
    return fold_name(channel) in {fold_name(name) for name in known}


def _append(file: Path, text: str) -> None:
    paths.private_directory(file.parent)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, paths.PRIVATE_FILE)
    with os.fdopen(descriptor, "a", encoding="utf-8") as out:
        out.write(text)
