"""What may change between queueing and the first byte, and that then no byte leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.server.support.fault_server import FaultServer, fault_server
from tests.server.support.workspace import SetClock, Workspace, open_workspace
from tui_inbox.domain.delivery import LEASE, LEASE_RESERVE, TOTAL_TIMEOUT
from tui_inbox.domain.kinds import ChannelKind, DeliveryState, ErrorClass, Permission
from tui_inbox.services.delivery_guard import permission_of

HOUR = timedelta(hours=1)


@dataclass
class Stage:
    """The pieces of one test."""

    space: Workspace
    faults: FaultServer
    clock: SetClock

    async def send_all(self) -> None:
        """Deliver what is due."""
        sender = self.space.sender()
        while await sender.run_once():
            pass


@pytest.fixture
async def stage(database: str) -> AsyncIterator[Stage]:
    clock = SetClock()
    async with fault_server() as faults, open_workspace(database, clock, faults.base_url) as space:
        yield Stage(space, faults, clock)


@pytest.mark.parametrize(("wrote_ago", "leaves"), [(24 * 3600 - 1, True), (24 * 3600, False), (24 * 3600 + 1, False)])
async def test_the_window_decides_once_more_at_the_first_byte(stage: Stage, wrote_ago: int, leaves: bool) -> None:
    target = await stage.space.add_contact(wrote=timedelta(seconds=10))
    message_id = await stage.space.queue(target)
    stage.clock.advance(seconds=wrote_ago - 10)
    await stage.send_all()
    row = await stage.space.row(message_id)
    assert stage.faults.requests == int(leaves)
    assert row.state is (DeliveryState.SENT if leaves else DeliveryState.BLOCKED)
    assert await stage.space.sent_since(target) == int(leaves)
    if not leaves:
        assert row.error_class is ErrorClass.WINDOW_CLOSED
        assert row.error_text == (
            "Not sent: the 24 h window has closed; only an approved template may be sent. Send a template."
        )
        async with stage.space.store.read() as unit:
            assert (await unit.timeline.page(row.contact_id))[-1].error_text == row.error_text


async def test_a_template_still_goes_after_the_window(stage: Stage) -> None:
    message_id = await stage.space.queue(await stage.space.add_contact(), template="hello_world")
    stage.clock.advance(hours=23, minutes=30)
    await stage.send_all()
    assert await stage.space.state(message_id) is DeliveryState.SENT


@pytest.mark.parametrize(
    ("tag", "days", "leaves"),
    [("HUMAN_AGENT", 3, True), ("", 3, False), ("HUMAN_AGENT", 8, False), ("HUMAN_AGENT", 0, True)],
)
async def test_a_tag_reaches_from_the_open_window_to_its_own_end(
    stage: Stage, tag: str, days: int, leaves: bool
) -> None:
    await stage.space.add_channel("ig", ChannelKind.INSTAGRAM)
    wrote = timedelta(days=days, hours=1)
    message_id = await stage.space.queue(await stage.space.add_contact("1784", channel="ig", wrote=wrote), tag=tag)
    assert permission_of(await stage.space.row(message_id)) is (Permission.HUMAN_AGENT if tag else Permission.TEXT)
    stage.space.adapters.other["ig"] = stage.space.adapters.get(await stage.space.channel("wa"))
    await stage.send_all()
    assert stage.faults.requests == int(leaves)
    assert await stage.space.state(message_id) is (DeliveryState.SENT if leaves else DeliveryState.BLOCKED)


async def test_a_contact_blocked_meanwhile_gets_nothing(stage: Stage) -> None:
    message_id = await stage.space.queue(await stage.space.add_contact())
    contact_id = (await stage.space.row(message_id)).contact_id
    await stage.space.store.write(lambda unit: unit.contacts.set_blocked(contact_id, True))
    await stage.send_all()
    row = await stage.space.row(message_id)
    assert (row.state, stage.faults.requests) == (DeliveryState.BLOCKED, 0)
    assert row.error_class is ErrorClass.UNREACHABLE
    assert "Unblock the contact first." in row.error_text


async def test_a_customer_who_opted_out_meanwhile_gets_nothing(stage: Stage) -> None:
    target = await stage.space.add_contact()
    message_id = await stage.space.queue(target)
    await stage.space.store.write(lambda unit: unit.contacts.set_opted_out(target, True, True))
    await stage.send_all()
    assert (await stage.space.state(message_id), stage.faults.requests) == (DeliveryState.BLOCKED, 0)


async def test_a_message_does_not_count_against_itself(stage: Stage) -> None:
    await stage.space.add_channel("few", override={"count_limit": 2})
    target = await stage.space.add_contact("+358401111111", channel="few")
    ids = [await stage.space.queue(target, f"m{number}") for number in range(3)]
    await stage.send_all()
    states = [await stage.space.state(message_id) for message_id in ids]
    # Three are queued where two are allowed: the first is refused by the count, which then has room for the others.
    assert states[0] is DeliveryState.BLOCKED
    assert (await stage.space.row(ids[0])).error_class is ErrorClass.COUNT_USED
    assert stage.faults.requests == 0, "a blocked message holds the line"
    await stage.space.store.write(
        lambda unit: unit.outbox.change(
            ids[0], expected=[DeliveryState.BLOCKED], to=DeliveryState.CANCELLED, now=stage.clock()
        )
    )
    await stage.send_all()
    assert stage.faults.texts() == ["m1", "m2"]


async def test_a_channel_paused_while_connecting_sends_nothing(stage: Stage) -> None:
    message_id = await stage.space.queue(await stage.space.add_contact())
    channel_id = stage.space.channels["wa"].id

    async def pause_when_claimed(point: str) -> None:
        if point == "claimed":
            await stage.space.store.write(lambda unit: unit.directory.pause_channel(channel_id, "maintenance", None))

    assert await stage.space.sender(at=pause_when_claimed).run_once()
    assert (await stage.space.state(message_id), stage.faults.requests) == (DeliveryState.QUEUED, 0)


@pytest.mark.parametrize(
    ("slept", "leaves"),
    [(LEASE.total_seconds() - TOTAL_TIMEOUT - LEASE_RESERVE, True), (26.0, False), (3600.0, False)],
)
@pytest.mark.parametrize("asleep_at", ["claimed", "guard_done"])
async def test_a_sender_that_slept_sends_nothing(stage: Stage, slept: float, leaves: bool, asleep_at: str) -> None:
    boot = [1000.0]

    async def sleep(point: str) -> None:
        if point == asleep_at:
            boot[0] += slept  # the wall clock stands still, as after a change of time

    message_id = await stage.space.queue(await stage.space.add_contact())
    assert await stage.space.sender(at=sleep, boot_clock=lambda: boot[0]).run_once()
    assert stage.faults.requests == int(leaves)
    assert await stage.space.state(message_id) is (DeliveryState.SENT if leaves else DeliveryState.QUEUED)


async def test_a_sender_whose_message_was_taken_over_sends_nothing_and_writes_nothing(stage: Stage) -> None:
    message_id = await stage.space.queue(await stage.space.add_contact())
    other = stage.space.sender("other")

    async def oversleep(point: str) -> None:
        if point == "claimed":
            stage.clock.advance(seconds=61)
            assert await other.run_once()

    assert await stage.space.sender("slow", at=oversleep).run_once()
    row = await stage.space.row(message_id)
    assert (row.state, stage.faults.requests, row.attempts) == (DeliveryState.SENT, 1, 2)
    assert row.lease_owner == "other"


async def test_a_late_answer_settles_what_was_already_uncertain(stage: Stage) -> None:
    message_id = await stage.space.queue(await stage.space.add_contact())
    other = stage.space.sender("other")

    async def oversleep(point: str) -> None:
        if point == "reply_received":
            stage.clock.advance(seconds=61)
            await other.expire()
            assert await stage.space.state(message_id) is DeliveryState.UNCERTAIN

    assert await stage.space.sender("slow", at=oversleep).run_once()
    row = await stage.space.row(message_id)
    assert (row.state, row.provider_id, stage.faults.requests) == (DeliveryState.SENT, "wamid.1", 1)
