"""One message, one attempt: what the server did, and the state that it leads to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.server.support.fault_server import FaultServer, Reply, fault_server, refusal
from tests.server.support.workspace import SetClock, Workspace, eventually, open_workspace
from tui_inbox.channels.port import ChannelAdapter, FirstByteGuard
from tui_inbox.channels.telegram import TelegramAdapter
from tui_inbox.domain.delivery import MOST_ATTEMPTS
from tui_inbox.domain.events import OutcomeKind, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, DeliveryState, ErrorClass


@dataclass
class Stage:
    """The pieces of one test."""

    space: Workspace
    faults: FaultServer
    clock: SetClock


@pytest.fixture
async def stage(database: str) -> AsyncIterator[Stage]:
    clock = SetClock()
    async with fault_server() as faults, open_workspace(database, clock, faults.base_url) as space:
        yield Stage(space, faults, clock)


CASES = [
    pytest.param(Reply(), DeliveryState.SENT, 1, id="taken"),
    pytest.param(Reply(body={}), DeliveryState.SENT, 1, id="taken without an id"),
    pytest.param(Reply(truncates=True), DeliveryState.SENT, 1, id="taken, answer cut short"),
    pytest.param(Reply(500, {}), DeliveryState.UNCERTAIN, 1, id="fault in the server"),
    pytest.param(Reply(503, b"busy"), DeliveryState.UNCERTAIN, 1, id="unavailable"),
    pytest.param(Reply(drops=True), DeliveryState.UNCERTAIN, 1, id="dropped after reading"),
    pytest.param(refusal(131047), DeliveryState.BLOCKED, 0, id="window closed"),
    pytest.param(refusal(131026), DeliveryState.FAILED, 0, id="cannot be reached"),
    pytest.param(refusal(132001), DeliveryState.FAILED, 0, id="template unknown"),
    pytest.param(refusal(130429, 429), DeliveryState.QUEUED, 1, id="rate limited"),
    pytest.param(refusal(190, 401), DeliveryState.QUEUED, 1, id="token refused"),
    pytest.param(Reply(302, {}, headers={"Location": "/x"}, takes=False), DeliveryState.FAILED, 0, id="redirect"),
]


@pytest.mark.parametrize(("reply", "state", "counted"), CASES)
async def test_each_outcome_has_its_state(stage: Stage, reply: Reply, state: DeliveryState, counted: int) -> None:
    target = await stage.space.add_contact()
    message_id = await stage.space.queue(target)
    stage.faults.script.append(reply)
    assert await stage.space.sender().run_once()
    row = await stage.space.row(message_id)
    assert (row.state, row.attempts, stage.faults.requests) == (state, 1, 1)
    assert await stage.space.sent_since(target) == counted, "only what never went is taken out of the count"
    async with stage.space.store.read() as unit:
        (attempt,) = await unit.outbox.attempts(message_id)
        entries = await unit.timeline.page(row.contact_id)
    assert attempt.first_byte_at is not None
    assert attempt.ended_at is not None
    assert entries[-1].state is state, "the thread shows it"
    assert bool(row.error_text) == (state is not DeliveryState.SENT)


async def test_an_unreachable_server_leaves_it_queued_and_no_byte_left(stage: Stage) -> None:
    await stage.space.add_channel("far")
    stage.space.base_url = "http://127.0.0.1:9"
    await stage.space.add_channel("dead")
    message_id = await stage.space.queue(await stage.space.add_contact(channel="dead"))
    assert await stage.space.sender().run_once()
    row = await stage.space.row(message_id)
    assert row.state is DeliveryState.QUEUED
    assert row.due_at > stage.clock()
    async with stage.space.store.read() as unit:
        (attempt,) = await unit.outbox.attempts(message_id)
    assert attempt.first_byte_at is None


async def _next_try(stage: Stage) -> bool:
    """Go to the time of the next try and make it; false when there is none."""
    async with stage.space.store.read() as unit:
        due = await unit.outbox.next_due(stage.clock())
    if due is None:
        return False
    stage.clock.now = max(stage.clock.now, due)
    return await stage.space.sender().run_once()


async def test_eight_tries_are_made_on_a_channel_that_cannot_be_reached(stage: Stage) -> None:
    stage.space.base_url = "http://127.0.0.1:9"
    await stage.space.add_channel("dead")
    message_id = await stage.space.queue(await stage.space.add_contact(channel="dead"))
    tries = 0
    while await _next_try(stage):
        tries += 1
    row = await stage.space.row(message_id)
    assert (row.state, tries) == (DeliveryState.FAILED, MOST_ATTEMPTS)
    assert "cannot be reached" in row.error_text


async def test_being_asked_to_wait_uses_up_no_try(stage: Stage) -> None:
    stage.faults.script.extend(refusal(130429, 429) for _ in range(MOST_ATTEMPTS + 2))
    stage.faults.script.extend(refusal(131056) for _ in range(MOST_ATTEMPTS + 2))  # this customer only
    stage.faults.script.append(Reply(503, b"busy"))
    message_id = await stage.space.queue(await stage.space.add_contact())
    while await _next_try(stage):
        pass
    row = await stage.space.row(message_id)
    assert (row.state, row.attempts) == (DeliveryState.UNCERTAIN, 2 * MOST_ATTEMPTS + 5), "only then in doubt"


async def test_a_rate_limit_pauses_the_channel_for_as_long_as_it_said(stage: Stage) -> None:
    stage.faults.script.append(refusal(130429, 429, Retry_After="120"))
    first = await stage.space.queue(await stage.space.add_contact())
    second = await stage.space.queue(await stage.space.add_contact("+358409999999"))
    sender = stage.space.sender()
    assert await sender.run_once()
    channel = await stage.space.channel()
    assert channel.paused_until is not None
    assert channel.paused_until >= stage.clock() + timedelta(seconds=120)
    assert not await sender.run_once(), "nobody else on this channel may go either"
    stage.clock.now = channel.paused_until
    assert await sender.run_once()
    assert await sender.run_once()
    assert await stage.space.state(first) is await stage.space.state(second) is DeliveryState.SENT


async def test_a_refused_token_stops_the_channel_until_an_admin_acts(stage: Stage) -> None:
    stage.faults.script.append(refusal(190, 401))
    message_id = await stage.space.queue(await stage.space.add_contact())
    sender = stage.space.sender()
    await sender.run_once()
    channel = await stage.space.channel()
    assert channel.paused_until is None
    assert "tui-inbox channel test wa" in channel.paused_reason
    stage.clock.advance(hours=2)
    assert not await sender.run_once()
    await stage.space.store.write(lambda unit: unit.directory.resume_channel(channel.id))
    assert await sender.run_once()
    assert await stage.space.state(message_id) is DeliveryState.SENT


async def test_a_missing_secret_waits_and_mends_itself(stage: Stage) -> None:
    stage.space.adapters.locked.add("wa")
    message_id = await stage.space.queue(await stage.space.add_contact())
    sender = stage.space.sender()
    assert await sender.run_once()
    assert await stage.space.state(message_id) is DeliveryState.QUEUED
    assert "no token" in (await stage.space.channel()).paused_reason
    stage.space.adapters.locked.clear()
    assert not await sender.run_once()
    stage.clock.advance(seconds=120)
    assert await sender.run_once()
    assert await stage.space.state(message_id) is DeliveryState.SENT


class BrokenAdapter(TelegramAdapter):
    """Breaks its promise never to raise."""

    kind = ChannelKind.WHATSAPP

    def __init__(self, *, after_first_byte: bool) -> None:
        self._after = after_first_byte

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        if self._after:
            await before_first_byte()
        raise RuntimeError("a defect")


@pytest.mark.parametrize(("after", "state"), [(False, DeliveryState.QUEUED), (True, DeliveryState.UNCERTAIN)])
async def test_an_adapter_that_raises_loses_no_message(stage: Stage, after: bool, state: DeliveryState) -> None:
    stage.space.adapters.other["wa"] = BrokenAdapter(after_first_byte=after)
    message_id = await stage.space.queue(await stage.space.add_contact())
    assert await stage.space.sender().run_once()
    assert await stage.space.state(message_id) is state


class KeyedAdapter(TelegramAdapter):
    """A channel that honours our key; takes a message once however often it comes."""

    kind = ChannelKind.WHATSAPP
    keyed = True

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        await before_first_byte()
        self.keys.append(message.idempotency_key)
        if len(self.keys) == 1:
            return SendOutcome(OutcomeKind.AMBIGUOUS, error_class=ErrorClass.TEMPORARY, error_text="no answer")
        return SendOutcome(OutcomeKind.ACCEPTED, provider_id="1")


async def test_a_keyed_channel_is_asked_again_with_the_same_key(stage: Stage) -> None:
    adapter = KeyedAdapter()
    checked: ChannelAdapter = adapter
    stage.space.adapters.other["wa"] = checked
    message_id = await stage.space.queue(await stage.space.add_contact())
    sender = stage.space.sender()
    assert await sender.run_once()
    assert await stage.space.state(message_id) is DeliveryState.QUEUED
    stage.clock.now = (await stage.space.row(message_id)).due_at
    assert await sender.run_once()
    assert await stage.space.state(message_id) is DeliveryState.SENT
    assert adapter.keys == [message_id, message_id]


async def test_order_is_kept_per_contact_and_contacts_do_not_wait_for_each_other(stage: Stage) -> None:
    ana, bo = await stage.space.add_contact(), await stage.space.add_contact("+358409999999")
    for number in range(3):
        await stage.space.queue(ana, f"ana {number}")
    held = asyncio.Event()
    stage.faults.script.append(Reply(before=held.wait))
    stop, sender = asyncio.Event(), stage.space.sender()
    running = asyncio.create_task(sender.run(stop))
    try:
        await eventually(lambda: stage.faults.requests == 1)
        await stage.space.queue(bo, "bo")
        sender.wake()
        await eventually(lambda: stage.faults.texts() == ["bo"])
        held.set()
        sender.wake()
        await eventually(lambda: len(stage.faults.taken) == 4)
    finally:
        held.set()
        stop.set()
        await running
    assert [text for text in stage.faults.texts() if text != "bo"] == ["ana 0", "ana 1", "ana 2"]


async def test_an_uncertain_message_holds_back_only_its_own_contact(stage: Stage) -> None:
    ana, bo = await stage.space.add_contact(), await stage.space.add_contact("+358409999999")
    first, second = await stage.space.queue(ana, "one"), await stage.space.queue(ana, "two")
    stage.clock.advance(seconds=1)
    other = await stage.space.queue(bo, "bo")
    stage.faults.script.append(Reply(drops=True))
    sender = stage.space.sender()
    while await sender.run_once():
        pass
    assert await stage.space.state(first) is DeliveryState.UNCERTAIN
    assert await stage.space.state(second) is DeliveryState.QUEUED
    assert await stage.space.state(other) is DeliveryState.SENT
