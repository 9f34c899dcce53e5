"""For tests of messages that are not through: putting the demo's messages into a state, with their attempts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from textual.pilot import Pilot

from tests.screens.conftest import Workspace, until
from tests.screens.conversing import find, in_store, settled
from tests.screens.services import ScreenServices
from tui_inbox.app import TuiInbox
from tui_inbox.domain.delivery import LEASE
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import DeliveryState, ErrorClass, Role
from tui_inbox.repository.unit import Unit
from tui_inbox.screens.outbox import OutboxScreen
from tui_inbox.services.sending import SendRequest

KINDS = {
    DeliveryState.UNCERTAIN: OutcomeKind.AMBIGUOUS,
    DeliveryState.FAILED: OutcomeKind.REFUSED,
    DeliveryState.BLOCKED: OutcomeKind.REFUSED,
}


async def message(
    workspace: Workspace,
    who: str,
    text: str,
    state: DeliveryState,
    *,
    by: str = "ana",
    error: str = "",
    ago: timedelta = timedelta(minutes=20),
    due_in: float = 0,
    channel: str = "",
) -> str:
    """Send ``text`` at an earlier time and let a sender end in ``state``; returns the message's id."""
    workspace.clock.now -= ago

    async def work(services: ScreenServices) -> str:
        agent, contact_id = await services.directory.agent(by), await find(services, who)
        view = await services.contacts.view(contact_id)
        links = [r.contact_channel.id for r in view.reach if r.contact_channel.channel.kind == channel]
        request = SendRequest(contact_id, text, channel_id=links[0] if links else None, due_in=due_in)
        made = await services.sending.send(agent, request)
        if state in KINDS:
            await services.store.write(lambda unit: _end(unit, made.message_id, state, error, workspace.clock()))
        return made.message_id

    made: str = await in_store(workspace, work)
    workspace.clock.now += ago
    return made


async def _end(unit: Unit, message_id: str, state: DeliveryState, error: str, now: datetime) -> None:
    row = await unit.outbox.claim("ana@desk", f"token-{message_id}-{now.timestamp()}", now, LEASE)
    assert row is not None
    assert row.message_id == message_id
    assert await unit.outbox.start_sending(message_id, row.lease_token, now)
    kind = KINDS[state]
    outcome = SendOutcome(kind, error_class=ErrorClass.INVALID, error_text=error, http_status=400)
    if kind is OutcomeKind.AMBIGUOUS:
        outcome = SendOutcome(kind, error_class=ErrorClass.TEMPORARY, error_text=error)
    end = now + timedelta(seconds=20)
    assert await unit.outbox.settle(message_id, row.lease_token, state, outcome, due_at=None, now=end)


async def make_lead(workspace: Workspace, handle: str = "ana") -> None:
    """The agent at the keyboard is a lead."""

    async def work(services: ScreenServices) -> None:
        from sqlalchemy import update

        from tui_inbox.repository.tables import agents

        async def change(unit: Unit) -> None:
            connection: Any = unit.directory._connection
            await connection.execute(update(agents).where(agents.c.handle == handle).values(role=Role.LEAD))

        await services.store.write(change)

    await in_store(workspace, work)


async def states(workspace: Workspace, ids: Sequence[str]) -> list[DeliveryState]:
    """The states of messages, as another process reads them."""

    async def work(services: ScreenServices) -> list[DeliveryState]:
        found = [await services.outbox.item(ident) for ident in ids]
        return [item.state for item in found if item is not None]

    result: list[DeliveryState] = await in_store(workspace, work)
    return result


async def open_outbox(pilot: Pilot[Any]) -> OutboxScreen:
    """Press the outbox's key and wait until everything is read."""
    await pilot.press("M")
    app: TuiInbox = pilot.app  # type: ignore[assignment]  # the application under test
    await until(lambda: isinstance(app.screen, OutboxScreen) and not app.screen.rows.loading_rows, pilot)
    screen = app.screen
    assert isinstance(screen, OutboxScreen)
    await settled(pilot)
    return screen
