"""``doctor`` and ``config``: what is set, where it is, and whether all is well."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from tui_inbox.cli.output import cell, emit_json, emit_rows, json_option, list_options
from tui_inbox.cli.session import FAILED, Session, common_options, now, tell

if TYPE_CHECKING:
    from tui_inbox.config import Settings
    from tui_inbox.services.doctor import Check

NARROWEST, LOWEST = 80, 24
"""Smallest terminal that the screens are made for."""


@click.command()
@click.option("--deep", is_flag=True, help="Check the whole database, and ask every channel; sends nothing.")
@json_option
@common_options
@click.pass_obj
def doctor(session: Session, deep: bool, as_json: bool) -> None:
    """Check versions, places, database, channels, sender and terminal. Exit code 1 when something fails."""
    settings = session.settings()
    from tui_inbox.services.doctor import State

    checks = [*asyncio.run(_examined(settings, deep=deep)), _terminal()]
    rows = [{"check": item.name, "state": item.state, "message": item.message} for item in checks]
    emit_rows(rows, ("state", "check", "message"), as_json=as_json)
    failed = [item for item in checks if item.state is State.FAILED]
    if failed:
        tell(f"{len(failed)} of {len(checks)} checks failed")
        raise click.exceptions.Exit(FAILED)


async def _examined(settings: Settings, *, deep: bool) -> list[Check]:
    from tui_inbox.bootstrap import Adapters
    from tui_inbox.services.doctor import examine

    adapters = Adapters(settings)
    try:
        return await examine(settings, now(), deep=deep, adapters=adapters)
    finally:
        await adapters.close()


def _terminal() -> Check:
    from tui_inbox.services.doctor import Check, State

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Check("terminal", State.OK, "none here; the commands work without one, the screen does not")
    size = shutil.get_terminal_size()
    kind = os.environ.get("TERM", "")
    colours = os.environ.get("COLORTERM") or ("none" if "NO_COLOR" in os.environ else "by TERM")
    told = f"{kind or 'TERM is not set'}, {size.columns}x{size.lines}, colours: {colours}"
    if kind in {"", "dumb"}:
        return Check("terminal", State.WARNING, f"{told}. Set TERM, for example to xterm-256color.")
    if size.columns < NARROWEST or size.lines < LOWEST:
        return Check("terminal", State.WARNING, f"{told}. Make it {NARROWEST}x{LOWEST} or larger.")
    return Check("terminal", State.OK, told)


@click.group()
def config() -> None:
    """The settings."""


@config.command()
@json_option
@common_options
@click.pass_obj
def path(session: Session, as_json: bool) -> None:
    """Print where settings, database and logs are."""
    settings = session.settings()
    from tui_inbox import paths
    from tui_inbox.config import shown_database

    record = {
        "settings": str(settings.file or paths.config_file()),
        "exists": settings.file is not None,
        "database": shown_database(settings.database),
        "log": str(paths.log_file()),
    }
    if as_json:
        emit_json(record)
    else:
        for name in ("settings", "database", "log"):
            click.echo(f"{name}\t{record[name]}")


@config.command()
@json_option
@common_options
@click.pass_obj
def show(session: Session, as_json: bool) -> None:
    """Print every setting as it is in force; secrets are masked."""
    settings = session.settings()
    from tui_inbox.config import shown

    values = shown(settings)
    if as_json:
        emit_json(values)
    else:
        for name, value in _flat(values):
            click.echo(f"{name} = {value}")


@config.command()
@json_option
@common_options
@click.pass_obj
def check(session: Session, as_json: bool) -> None:
    """Check the settings; nothing is opened or changed."""
    settings = session.settings()
    from tui_inbox.actions import check_keymap
    from tui_inbox.config import secrets_for

    check_keymap(settings.keys)
    for name in settings.channels:
        secrets_for(settings, name)
    told = str(settings.file) if settings.file is not None else "no settings file, defaults and environment"
    if as_json:
        emit_json({"ok": True, "settings": told})
    else:
        click.echo(f"in order: {told}")


@config.command()
@list_options
@common_options
@click.pass_obj
def keys(session: Session, as_json: bool, as_csv: bool) -> None:
    """Print the actions of the screen: id (for [keys] in the settings), keys in force, where, what."""
    from tui_inbox.actions import ACTIONS, check_keymap, keys_of

    keymap = check_keymap(session.settings().keys)
    rows = [
        {
            "action": action.id,
            "keys": list(keys_of(action.id, keymap)),
            "where": action.scope.value,
            "does": action.help,
        }
        for action in ACTIONS.values()
    ]
    emit_rows(rows, ("action", "keys", "where", "does"), as_json=as_json, as_csv=as_csv)


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found = []
    for name, value in values.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", cell(value)))
    return found
