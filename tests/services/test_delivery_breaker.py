"""A channel that does not answer: how many messages find out, and who goes first when it is back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.server.support.fault_server import FaultServer, Reply, fault_server, refusal
from tests.server.support.workspace import SECRETS, SetClock, Workspace, open_workspace
from tui_inbox.channels.http import Http
from tui_inbox.channels.port import ChannelCheck, Secrets
from tui_inbox.channels.whatsapp import WhatsAppAdapter
from tui_inbox.domain.breaker import Breaker
from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.services.delivery import DeliveryService
from tui_inbox.services.directory import DirectoryService
from tui_inbox.services.invariants import violations
from tui_inbox.services.queue_state import ChannelQueue, channel_queues

BUSY = Reply(503, b"busy", takes=False)
HOUR = timedelta(hours=1)


@dataclass
class Stage:
    """The pieces of one test."""

    space: Workspace
    faults: FaultServer
    clock: SetClock
    customers: int = 0

    async def queue(self, count: int, channel: str = "wa") -> list[str]:
        """As many messages to as many customers."""
        ids = []
        for _ in range(count):
            self.customers += 1
            target = await self.space.add_contact(f"+35840{self.customers:07}", channel=channel)
            ids.append(await self.space.queue(target))
        return ids

    async def breaker(self, channel: str = "wa") -> Breaker:
        """The breaker of a channel."""
        async with self.space.store.read() as unit:
            return (await unit.health.of(self.space.channels[channel].id)).breaker

    async def next_due(self) -> datetime | None:
        """When something may go next."""
        async with self.space.store.read() as unit:
            return await unit.outbox.next_due(self.clock())

    async def drain(self, *senders: DeliveryService) -> int:
        """Let the senders take turns until nothing may go now; returns how many requests that made."""
        before = self.faults.requests
        while any([await sender.run_once() for sender in senders or (self.space.sender(),)]):
            pass
        return self.faults.requests - before


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    clock = SetClock()
    async with fault_server() as faults, open_workspace(tmp_path, clock, faults.base_url) as space:
        yield Stage(space, faults, clock)
        assert await violations(space.store, clock()) == []


async def queue_of(space: Workspace, name: str = "wa") -> ChannelQueue:
    return next(queue for queue in await channel_queues(space.context) if queue.channel.name == name)


async def test_an_hour_without_answers_costs_five_messages_and_a_few_probes(stage: Stage) -> None:
    ids = await stage.queue(16)
    stage.faults.script.extend(BUSY for _ in range(100))
    senders = [stage.space.sender("one"), stage.space.sender("two")]
    start, probed = stage.clock(), []
    assert await stage.drain(*senders) == 5
    while (due := await stage.next_due()) is not None and due < start + HOUR:
        assert due > stage.clock(), "it rests"
        stage.clock.now = due
        assert await stage.drain(*senders) == 1, "one message goes, whoever sends"
        probed.append(round((due - start).total_seconds()))
    assert probed == [30, 90, 210, 450, 930, 1530, 2130, 2730, 3330]
    queue = await queue_of(stage.space)
    assert (queue.waiting, queue.breaker_retry_at, queue.held) == (2, due, True)
    assert queue.age(stage.clock()) == timedelta(seconds=3330)
    stage.faults.script.clear()
    assert due is not None
    stage.clock.now = due
    assert await stage.drain(*senders) == 2, "one probe was answered, and everything goes"
    assert (await queue_of(stage.space)).breaker_retry_at is None
    states = [await stage.space.state(ident) for ident in ids]
    assert (states.count(DeliveryState.UNCERTAIN), states.count(DeliveryState.SENT)) == (14, 2)


async def test_a_retry_goes_first_and_what_could_not_be_reached_was_not_sent(stage: Stage) -> None:
    good = stage.space.base_url
    stage.space.base_url = "http://127.0.0.1:9"
    await stage.space.add_channel("dead")
    ids = await stage.queue(7, "dead")
    assert await stage.drain() == 0
    breaker = await stage.breaker("dead")
    assert breaker.failures == 5
    tried = [ident for ident in ids if (await stage.space.row(ident)).attempts]
    assert len(tried) == 5
    channel = stage.space.channels["dead"]
    config = {**channel.config, "base_url": good}
    await stage.space.store.write(lambda unit: unit.directory.update_channel(channel.id, config=config))
    assert breaker.retry_at is not None
    stage.clock.now = breaker.retry_at + timedelta(minutes=5)
    assert await stage.space.sender().run_once()
    assert stage.faults.taken[0].message_id in tried, "its fate does not depend on this try alone"
    await stage.drain()
    assert {await stage.space.state(ident) for ident in ids} == {DeliveryState.SENT}


async def test_another_channel_goes_on(stage: Stage) -> None:
    await stage.space.add_channel("other")
    await stage.queue(6)
    stage.faults.script.extend(BUSY for _ in range(5))
    assert await stage.drain() == 5
    (fine,) = await stage.queue(1, "other")
    assert await stage.drain() == 1
    assert await stage.space.state(fine) is DeliveryState.SENT


async def test_definite_answers_open_nothing(stage: Stage) -> None:
    await stage.queue(9)
    stage.faults.script.extend(refusal(131026) for _ in range(8))
    assert await stage.drain() == 9
    assert (await stage.breaker()).retry_at is None


async def test_a_probe_whose_sender_dies_gives_its_place_to_the_next(stage: Stage) -> None:
    await stage.queue(7)
    stage.faults.script.extend(BUSY for _ in range(5))
    await stage.drain()
    due = await stage.next_due()
    assert due is not None
    stage.clock.now = due
    probe = await stage.space.store.write(
        lambda unit: unit.outbox.claim("dies", "t", stage.clock(), timedelta(seconds=60))
    )
    assert probe is not None
    assert await stage.drain() == 0, "its place is taken"
    stage.clock.advance(seconds=61)
    assert await stage.drain() == 2
    assert await stage.space.state(probe.message_id) is DeliveryState.SENT


async def test_what_was_claimed_before_it_opened_does_not_leave_after(stage: Stage) -> None:
    ids = await stage.queue(6)
    stage.faults.script.extend(BUSY for _ in range(5))
    other = stage.space.sender("other")

    async def the_others_find_out(point: str) -> None:
        if point == "claimed":
            await stage.drain(other)

    assert await stage.space.sender("slow", at=the_others_find_out).run_once()
    assert stage.faults.requests == 5
    states = [await stage.space.state(ident) for ident in ids]
    assert (states.count(DeliveryState.UNCERTAIN), states.count(DeliveryState.QUEUED)) == (5, 1)
    assert (await stage.breaker()).retry_at is not None


class GoodChannel(WhatsAppAdapter):
    """One whose credential is good."""

    async def check(self) -> ChannelCheck:
        return ChannelCheck(True, "good")


async def test_a_good_test_of_the_channel_lets_everything_go(stage: Stage) -> None:
    await stage.queue(6)
    stage.faults.script.extend(BUSY for _ in range(5))
    await stage.drain()
    stage.space.adapters.other["wa"] = GoodChannel({"phone_number_id": "1"}, Secrets(SECRETS), Http())
    assert (await DirectoryService(stage.space.context, stage.space.adapters).test_channel("wa")).ok
    stage.space.adapters.other.clear()
    assert await stage.drain() == 1


async def test_pauses_and_queues_are_told_per_channel(stage: Stage) -> None:
    await stage.space.add_channel("idle")
    await stage.queue(2)
    stage.clock.advance(minutes=3)
    stage.faults.script.append(refusal(130429, 429, Retry_After="120"))
    assert await stage.drain() == 1
    queue, idle = await queue_of(stage.space), await queue_of(stage.space, "idle")
    assert (queue.waiting, queue.age(stage.clock())) == (2, timedelta(minutes=3))
    assert queue.paused_reason == "it asked to send more slowly"
    assert queue.paused_until is not None
    assert queue.paused_until >= stage.clock() + timedelta(seconds=120)
    assert (idle.waiting, idle.oldest_due_at, idle.held, idle.age(stage.clock())) == (0, None, False, timedelta(0))
    stage.clock.now = queue.paused_until
    assert not (await queue_of(stage.space)).held
