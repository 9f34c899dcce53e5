"""Secrets of channels: a value, a command that prints it, or a file; read when needed, never stored, never logged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from pydantic import SecretStr

from tui_inbox import logs, paths
from tui_inbox.config.models import FORMS, SECRETS, ChannelSettings, Settings
from tui_inbox.config.names import fold_name
from tui_inbox.domain.errors import UsageError

COMMAND_TIMEOUT = 15.0
"""Seconds that a command which prints a secret may take."""


def secrets_for(settings: Settings, channel: str) -> Mapping[str, str]:
    """The secrets of one channel, by name; only those that are set. Runs commands and reads files as configured.

    Raises :class:`UsageError` when a command fails or a file cannot be used. Every value is hidden from the log.
    """
    entry = settings.channels.get(fold_name(channel))
    if entry is None:
        return {}
    found = {name: _secret(entry, channel, name) for name in SECRETS}
    values = {name: value for name, value in found.items() if value}
    logs.hide(values.values())
    return values


def secret_sources(settings: Settings, channel: str) -> Mapping[str, str]:
    """Where each secret of a channel comes from (``value``, ``command``, ``file``), without reading it."""
    entry = settings.channels.get(fold_name(channel))
    found: dict[str, str] = {}
    for name in SECRETS if entry is not None else ():
        for form, told in zip(FORMS, ("value", "command", "file"), strict=True):
            if getattr(entry, name + form):
                found.setdefault(name, told)
    return found


def _secret(entry: ChannelSettings, channel: str, name: str) -> str:
    literal = cast("SecretStr | None", getattr(entry, name))
    if literal is not None:
        return literal.get_secret_value().strip()
    command = cast("tuple[str, ...]", getattr(entry, f"{name}_command"))
    if command:
        return _from_command(command, channel, name)
    file = cast("Path | None", getattr(entry, f"{name}_file"))
    return _from_file(file.expanduser(), channel, name) if file is not None else ""


def _from_command(command: tuple[str, ...], channel: str, name: str) -> str:
    import subprocess

    told = f"The command for {name} of channel '{channel}' ({command[0]})"
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"{told} gave no answer within {COMMAND_TIMEOUT:.0f} s. Run it by hand to see why.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{told} cannot be run: {getattr(error, 'strerror', None) or 'no text'}.") from None
    value = done.stdout.splitlines()[0].strip() if done.stdout.strip() else ""
    if done.returncode or not value:
        raise UsageError(f"{told} ended with code {done.returncode} and no secret. Run it by hand to see why.")
    return value


def _from_file(path: Path, channel: str, name: str) -> str:
    told = f"The file {path} for {name} of channel '{channel}'"
    try:
        if paths.open_to_others(path):
            raise UsageError(f"{told} may be read by others on this machine. Run: chmod 600 {path}")
        value = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{told} cannot be read: {getattr(error, 'strerror', None) or 'not text'}.") from error
    if not value:
        raise UsageError(f"{told} is empty.")
    return value
