"""The check-up: versions, places and their modes, the database, channels and their secrets, sender and receiver.

It opens the database for reading only, shows no secret, and says for everything that is wrong what to do.
"""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tui_inbox import __version__, paths
from tui_inbox.config import Settings, secret_sources, secrets_for, shown_database, variable_for
from tui_inbox.domain.errors import InboxError, StoreError
from tui_inbox.domain.models import Activity, Channel, StoreHealth
from tui_inbox.repository.schema import SCHEMA_HEAD
from tui_inbox.repository.store import Store
from tui_inbox.services.delivery import ALIVE_WITHIN, KIND
from tui_inbox.services.receiving_events import CLOCK_ALARM

PACKAGES = ("textual", "sqlalchemy", "httpx", "starlette")
RECEIVER_QUIET = timedelta(days=1)
"""Without any webhook for so long, the receiver is worth a look."""
ALARMS_SHOWN = timedelta(days=1)
"""How far back wrong clocks of channels are told."""


class State(StrEnum):
    """Outcome of one check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    message: str
    """What was found and, where it is not well, what to do."""


async def examine(settings: Settings, now: datetime) -> list[Check]:
    """Look at everything; never raises for what is wrong, that is what it reports."""
    checks = [_versions(), *_places(settings)]
    try:
        store = await Store.open(settings.database, migrate=False, read_only=True)
    except StoreError as error:
        return [*checks, Check("database", State.FAILED, str(error))]
    try:
        return checks + await _stored(store, settings, now)
    except StoreError as error:
        return [*checks, Check("database", State.FAILED, str(error))]
    finally:
        await store.close()


def _versions() -> Check:
    found = [f"tui-inbox {__version__}", f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    missing = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        return Check("versions", State.FAILED, f"not installed: {', '.join(missing)}. Install the program again.")
    return Check("versions", State.OK, ", ".join(found))


def _places(settings: Settings) -> Iterable[Check]:
    yield _place("settings", settings.file or paths.config_file(), needed=False)
    yield _place("log", paths.log_file(), needed=False)
    path = _sqlite_file(settings.database)
    if path is None:
        yield Check("database file", State.OK, shown_database(settings.database))
    else:
        yield _place("database file", path, needed=True)


def _place(name: str, path: Path, *, needed: bool) -> Check:
    try:
        if not path.exists():
            told = f"{path} does not exist"
            return Check(name, State.FAILED if needed else State.OK, told + ("" if needed else " (not needed)"))
        mode = f"{path.stat().st_mode & 0o777:04o}"
        if paths.open_to_others(path) and name != "settings":
            return Check(name, State.WARNING, f"{path} ({mode}) is open to others. Run: chmod 600 {path}")
    except OSError as error:
        return Check(name, State.FAILED, f"{path} cannot be looked at: {error.strerror}.")
    return Check(name, State.OK, f"{path} ({mode})")


def _sqlite_file(url: str) -> Path | None:
    if "://" in url and not url.startswith("sqlite:///"):
        return None
    return Path(url.removeprefix("sqlite:///"))


async def _stored(store: Store, settings: Settings, now: datetime) -> list[Check]:
    checks = [*_health(await store.health())]
    async with store.read() as unit:
        channels = await unit.directory.channels()
        agents = await unit.directory.agents()
        sender = await unit.directory.alive(KIND, now, ALIVE_WITHIN)
        waiting = await unit.outbox.pending_count()
        alarms = await unit.activity.of_kind(CLOCK_ALARM, now - ALARMS_SHOWN)
    checks.append(_agent(settings, [agent.handle for agent in agents]))
    checks += [_channel(settings, channel) for channel in channels]
    checks.append(_sender(sender, waiting))
    checks.append(_receiver(channels, now))
    checks.append(_clocks(alarms))
    return checks


def _health(health: StoreHealth) -> Iterable[Check]:
    sound = health.check == "ok"
    told = f"{health.engine} {health.version}, {health.journal_mode}, {health.size_bytes:,} bytes"
    trouble = f"the database fails its check: {health.check}. Restore it from a backup."
    yield Check("database", State.OK if sound else State.FAILED, told if sound else trouble)
    current = health.schema == SCHEMA_HEAD
    older = f"schema {health.schema}, this program uses {SCHEMA_HEAD}: open the inbox once to bring it up to date"
    yield Check("schema", State.OK if current else State.WARNING, health.schema if current else older)
    for warning in health.warnings:
        yield Check("database engine", State.WARNING, warning)


def _agent(settings: Settings, handles: list[str]) -> Check:
    if not settings.agent:
        return Check(
            "agent", State.WARNING, "nobody is named: use --agent HANDLE, TUI_INBOX_AGENT or agent = in settings"
        )
    if settings.agent.casefold() not in {handle.casefold() for handle in handles}:
        return Check(
            "agent", State.FAILED, f"{settings.agent} is not an agent here. Known: {', '.join(handles) or 'none'}."
        )
    return Check("agent", State.OK, settings.agent)


def _channel(settings: Settings, channel: Channel) -> Check:
    from tui_inbox.channels.registry import ADAPTERS, WEBHOOK_SECRETS

    name = f"channel {channel.name}"
    adapter = ADAPTERS.get(channel.kind)
    if adapter is None:
        return Check(
            name, State.WARNING, f"{channel.kind.value} channels cannot be connected yet: nothing is sent there"
        )
    if channel.paused_reason:
        return Check(name, State.WARNING, f"paused: {channel.paused_reason}")
    needed = dict.fromkeys((*adapter.required_secrets, *WEBHOOK_SECRETS.get(channel.kind, ())))
    sources = secret_sources(settings, channel.name)
    missing = [variable_for(channel.name, secret) for secret in needed if secret not in sources]
    if missing:
        return Check(name, State.WARNING, f"secrets are not set: {', '.join(missing)}")
    try:
        secrets_for(settings, channel.name)
    except InboxError as error:
        return Check(name, State.FAILED, str(error))
    return Check(
        name, State.OK, f"{channel.kind.value}; secrets: " + ", ".join(f"{n} ({w})" for n, w in sources.items())
    )


def _sender(alive: bool, waiting: int) -> Check:
    if alive:
        return Check("sender", State.OK, f"running, {waiting} waiting")
    state = State.WARNING if waiting else State.OK
    return Check("sender", state, f"not running, {waiting} waiting; the inbox starts it, or: tui-inbox deliver")


def _clocks(alarms: list[Activity]) -> Check:
    """What the receiver has noticed of wrong clocks."""
    if not alarms:
        return Check("clocks of channels", State.OK, "no event was dated in the future lately")
    newest = {str(line.detail["channel"]): line for line in reversed(alarms)}
    told = ", ".join(
        f"{name} by {line.detail['ahead_seconds']:,} s at {line.at.isoformat()}" for name, line in newest.items()
    )
    return Check(
        "clocks of channels",
        State.WARNING,
        f"events were dated in the future and taken at their arrival: {told}. Compare this machine's clock with the"
        " time; if it is right, the channel's is wrong.",
    )


def _receiver(channels: list[Channel], now: datetime) -> Check:
    heard = [channel.last_webhook_at for channel in channels if channel.last_webhook_at is not None]
    if not heard:
        return Check("receiver", State.OK, "no webhook has come in yet; tui-inbox serve takes them")
    ago = now - max(heard)
    state = State.WARNING if ago > RECEIVER_QUIET else State.OK
    return Check("receiver", state, f"last webhook {max(heard).isoformat()}")
