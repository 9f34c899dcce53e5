"""The check-up: versions, places and their modes, the database, channels and their secrets, sender and receiver.

It opens the database for reading only, shows no secret, and says for everything that is wrong what to do.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tui_inbox.config import Settings
from tui_inbox.domain.errors import StoreError
from tui_inbox.domain.models import Activity, Channel
from tui_inbox.repository.store import Store
from tui_inbox.services.context import AdapterSource
from tui_inbox.services.delivery import ALIVE_WITHIN, KIND
from tui_inbox.services.doctor_channels import channel, clock_of
from tui_inbox.services.doctor_finding import Check, State
from tui_inbox.services.doctor_places import leftovers, places, versions
from tui_inbox.services.doctor_store import outbox, stored
from tui_inbox.services.invariants import violations
from tui_inbox.services.receiving_events import CLOCK_ALARM

__all__ = ["Check", "State", "examine"]

RECEIVER_QUIET = timedelta(days=1)
"""Without any webhook for so long, the receiver is worth a look."""
ALARMS_SHOWN = timedelta(days=1)
"""How far back wrong clocks of channels are told."""


async def examine(
    settings: Settings, now: datetime, *, deep: bool = False, adapters: AdapterSource | None = None
) -> list[Check]:
    """Look at everything; never raises for what is wrong, that is what it reports.

    ``deep``: check the whole database, and with ``adapters`` ask every channel; both may take their time.
    """
    checks = [versions(), *places(settings), *leftovers()]
    try:
        store = await Store.open(settings.database, migrate=False, read_only=True)
    except StoreError as error:
        return [*checks, Check("database", State.FAILED, str(error))]
    try:
        checks += await stored(store, settings, now, deep=deep)
        if deep:
            checks += outbox(await violations(store, now))
        return checks + await _workspace(store, settings, now, adapters if deep else None)
    except StoreError as error:
        return [*checks, Check("database", State.FAILED, str(error))]
    finally:
        await store.close()


async def _workspace(store: Store, settings: Settings, now: datetime, adapters: AdapterSource | None) -> list[Check]:
    async with store.read() as unit:
        channels = await unit.directory.channels()
        agents = await unit.directory.agents()
        sender = await unit.directory.alive(KIND, now, ALIVE_WITHIN)
        waiting = await unit.outbox.pending_count()
        health = await unit.health.all()
        alarms = await unit.activity.of_kind(CLOCK_ALARM, now - ALARMS_SHOWN)
    checks = [_agent(settings, [agent.handle for agent in agents])]
    for item in channels:
        checks.append(await channel(settings, item, adapters))
        checks += clock_of(item, health.get(item.id))
    checks.append(_sender(sender, waiting))
    checks.append(_receiver(channels, now))
    checks.append(_clocks(alarms))
    return checks


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
    heard = [item.last_webhook_at for item in channels if item.last_webhook_at is not None]
    if not heard:
        return Check("receiver", State.OK, "no webhook has come in yet; tui-inbox serve takes them")
    ago = now - max(heard)
    told = f"last webhook {max(heard).isoformat()}"
    if ago > RECEIVER_QUIET:
        return Check("receiver", State.WARNING, f"{told}. Does tui-inbox serve run, and does the provider reach it?")
    return Check("receiver", State.OK, told)
