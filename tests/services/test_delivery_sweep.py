"""Messages that wait in vain go back to their agents at once, with their text, the reason and the way out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.server.support.fault_server import FaultServer, Reply, fault_server, refusal
from tests.server.support.workspace import SetClock, Workspace, eventually, open_workspace
from tui_inbox.domain.delivery import MOST_AGE
from tui_inbox.domain.kinds import DeliveryState, ErrorClass
from tui_inbox.domain.models import Agent
from tui_inbox.services.invariants import violations
from tui_inbox.services.sending import SendingService

Hold = Callable[["Stage"], Awaitable[None]]


@dataclass
class Stage:
    """The pieces of one test."""

    space: Workspace
    faults: FaultServer
    clock: SetClock

    async def deliver(self) -> None:
        """Deliver what may go now."""
        sender = self.space.sender()
        while await sender.run_once():
            pass

    async def states(self, ids: list[str]) -> list[DeliveryState]:
        """The states of messages."""
        return [await self.space.state(ident) for ident in ids]

    async def agent(self) -> Agent:
        """Who sends."""
        async with self.space.store.read() as unit:
            found = await unit.directory.agent("ana")
        assert found is not None
        return found


@pytest.fixture
async def stage(database: str) -> AsyncIterator[Stage]:
    clock = SetClock()
    async with fault_server() as faults, open_workspace(database, clock, faults.base_url) as space:
        yield Stage(space, faults, clock)
        assert await violations(space.store, clock()) == []


async def behind_an_uncertain_one(stage: Stage) -> None:
    stage.faults.script.append(Reply(drops=True, takes=False))


async def behind_a_paused_channel(stage: Stage) -> None:
    await stage.space.store.write(
        lambda unit: unit.directory.pause_channel(stage.space.channels["wa"].id, "the token is refused", None)
    )


async def behind_an_open_breaker(stage: Stage) -> None:
    stage.faults.script.extend(Reply(503, b"busy", takes=False) for _ in range(6))
    for number in range(5):
        await stage.space.queue(await stage.space.add_contact(f"+35840000000{number}"))


@pytest.mark.parametrize("hold", [behind_an_uncertain_one, behind_a_paused_channel, behind_an_open_breaker])
async def test_a_message_whose_window_closes_while_it_waits_is_blocked_on_the_second(stage: Stage, hold: Hold) -> None:
    target = await stage.space.add_contact(wrote=timedelta(hours=23))
    await hold(stage)
    first = []
    if hold is not behind_a_paused_channel:
        first = [await stage.space.queue(target, "first")]
        await stage.deliver()
    ids = [await stage.space.queue(target, text) for text in ("later", "last")]
    template = await stage.space.queue(target, "hello", template="hello_world")
    before = stage.faults.requests
    stage.clock.advance(seconds=3599)
    sender = stage.space.sender()
    await sender.sweep()
    assert await stage.states(ids) == [DeliveryState.QUEUED] * 2, "open until the very last second"
    counted = await stage.space.sent_since(target)
    stage.clock.advance(seconds=1)
    await sender.sweep()
    assert await stage.states(ids) == [DeliveryState.BLOCKED] * 2
    assert await stage.space.state(template) is DeliveryState.QUEUED, "a template may still go"
    # Whether the first one was on its way when the breaker opened, or waits behind it, is a matter of a moment.
    gone = 2 + (await stage.states(first)).count(DeliveryState.BLOCKED)
    assert await stage.space.sent_since(target) == counted - gone, "they never went"
    row = await stage.space.row(ids[0])
    assert (row.body, row.error_class, stage.faults.requests) == ("later", ErrorClass.WINDOW_CLOSED, before)
    assert row.error_text == (
        "Not sent: the 24 h window has closed; only an approved template may be sent. Send a template."
    )


async def test_the_running_sender_does_it_by_itself(stage: Stage) -> None:
    target = await stage.space.add_contact(wrote=timedelta(hours=23))
    await behind_a_paused_channel(stage)
    message_id = await stage.space.queue(target)
    stage.clock.advance(hours=1)
    stop = asyncio.Event()
    running = asyncio.create_task(stage.space.sender().run(stop))

    async def blocked() -> bool:
        return await stage.space.state(message_id) is DeliveryState.BLOCKED

    await eventually(blocked)
    stop.set()
    await running


async def test_a_customer_who_writes_again_keeps_the_window_open(stage: Stage) -> None:
    target = await stage.space.add_contact(wrote=timedelta(hours=23))
    await behind_a_paused_channel(stage)
    message_id = await stage.space.queue(target)
    now = stage.clock()
    await stage.space.store.write(lambda unit: unit.contacts.record_inbound(target, qualifying_at=now, inbound_at=now))
    stage.clock.advance(hours=2)
    await stage.space.sender().sweep()
    assert await stage.space.state(message_id) is DeliveryState.QUEUED


async def test_nothing_goes_out_a_day_late_but_what_a_person_sends_again_does(stage: Stage) -> None:
    channel = await stage.space.add_channel("patient", override={"window_seconds": 10 * 86_400})
    target = await stage.space.add_contact(channel="patient")
    await stage.space.store.write(lambda unit: unit.directory.pause_channel(channel.id, "the token is refused", None))
    first = await stage.space.queue(target, "hello")
    stage.clock.advance(seconds=MOST_AGE.total_seconds() - 1)
    second = await stage.space.queue(target, "again")
    await stage.space.sender().sweep()
    assert await stage.space.state(first) is DeliveryState.QUEUED
    stage.clock.advance(seconds=1)
    await stage.space.store.write(lambda unit: unit.directory.resume_channel(channel.id))
    await stage.deliver()
    row = await stage.space.row(first)
    assert (row.state, row.error_class) == (DeliveryState.FAILED, ErrorClass.TEMPORARY)
    assert row.error_text == (
        "Not sent: it could not go out for 24 h. Read it again, then send it again if it still fits."
    )
    assert [taken.message_id for taken in stage.faults.taken] == [second]
    stage.clock.advance(hours=30)
    sending = SendingService(stage.space.context)
    await sending.retry(await stage.agent(), first)
    stage.faults.script.append(refusal(130429, 429))
    await stage.deliver()
    assert await stage.space.state(first) is DeliveryState.QUEUED, "its day begins anew"
    stage.clock.advance(minutes=1)
    await stage.deliver()
    assert await stage.space.state(first) is DeliveryState.SENT


async def test_the_guard_itself_stops_what_grew_too_old_while_it_connected(stage: Stage) -> None:
    target = await stage.space.add_contact()
    message_id = await stage.space.queue(target, "hello", template="hello_world")
    stage.clock.advance(seconds=MOST_AGE.total_seconds() - 1)

    async def dawdle(point: str) -> None:
        if point == "claimed":
            stage.clock.advance(seconds=1)

    assert await stage.space.sender(at=dawdle).run_once()
    assert (await stage.space.state(message_id), stage.faults.requests) == (DeliveryState.FAILED, 0)


async def test_a_second_try_that_may_not_go_does_not_call_the_first_one_unsent(stage: Stage) -> None:
    target = await stage.space.add_contact(wrote=timedelta(hours=23))
    stage.faults.script.append(Reply(drops=True))
    message_id = await stage.space.queue(target)
    await stage.deliver()
    stage.clock.advance(minutes=2)
    await SendingService(stage.space.context).retry(await stage.agent(), message_id, confirmed=True)
    stage.clock.advance(hours=1)
    await stage.space.sender().sweep()
    row = await stage.space.row(message_id)
    assert row.state is DeliveryState.UNCERTAIN
    assert row.error_text.startswith("Not sent again: the 24 h window has closed;")
    assert "An earlier try may have reached the customer" in row.error_text
