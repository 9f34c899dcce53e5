"""Clocks that are wrong, set back or forward, or stand still while the machine sleeps: nothing goes out twice, nothing
after its window, and nothing waits for hours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.server.support.fault_server import FaultServer, Reply, fault_server, refusal
from tests.server.support.workspace import SECRETS, SetClock, Workspace, open_workspace
from tui_inbox.channels.http import Http
from tui_inbox.channels.port import Secrets
from tui_inbox.channels.registry import build_adapter
from tui_inbox.domain.delivery import GRACE, LEASE
from tui_inbox.domain.errors import PolicyRefusedError
from tui_inbox.domain.kinds import DeliveryState as S
from tui_inbox.domain.kinds import ErrorClass
from tui_inbox.domain.models import Agent, ChannelHealth
from tui_inbox.services.invariants import violations
from tui_inbox.services.queue_state import channel_queues
from tui_inbox.services.sending import SendingService

DAY = timedelta(days=1)


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

    async def held(self, state: S, token: str = "t") -> str:
        """A message that a sender has brought to ``state`` and then was never heard of again."""
        message_id = await self.space.queue(await self.space.add_contact(f"+35840111{list(S).index(state):04}"))
        now = self.clock()
        if state is not S.QUEUED:
            await self.space.store.write(lambda unit: unit.outbox.claim("dies", token, now, LEASE))
        if state is S.SENDING:
            await self.space.store.write(lambda unit: unit.outbox.start_sending(message_id, token, now))
        assert await self.space.state(message_id) is state
        return message_id

    async def health(self) -> ChannelHealth:
        """What is known of the channel."""
        async with self.space.store.read() as unit:
            return await unit.health.of(self.space.channels["wa"].id)

    async def agent(self) -> Agent:
        """Who sends."""
        async with self.space.store.read() as unit:
            found = await unit.directory.agent("ana")
        assert found is not None
        return found


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    clock = SetClock()
    async with fault_server() as faults, open_workspace(tmp_path, clock, faults.base_url) as space:
        wa = space.channels["wa"]
        space.adapters.other["wa"] = build_adapter(wa, Secrets(SECRETS), http=Http(clock=clock))
        yield Stage(space, faults, clock)
        assert await violations(space.store, clock()) == []


STEPS = (3600, -3600, 30, -30)


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_of_the_clock_delays_by_no_more_than_a_lease(stage: Stage, step: int) -> None:
    held = {state: await stage.held(state) for state in (S.SENDING, S.LEASED, S.QUEUED)}
    stage.clock.advance(seconds=step)
    await stage.deliver()
    stage.clock.advance(seconds=LEASE.total_seconds() + 1)
    await stage.deliver()
    assert await stage.space.state(held[S.LEASED]) is S.SENT, "at the latest when a lease from now would have ended"
    assert await stage.space.state(held[S.SENDING]) is S.UNCERTAIN
    if step == -3600:
        stage.clock.advance(seconds=-step)  # what was due by the old clock is due again when that time comes
        await stage.deliver()
    assert await stage.space.state(held[S.QUEUED]) is S.SENT
    assert stage.faults.requests == 2


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_while_a_sender_is_at_work_sends_nothing_twice(stage: Stage, step: int) -> None:
    other = stage.space.sender("other")
    for number, point in enumerate(("claimed", "guard_done", "reply_received")):
        message_id = await stage.space.queue(await stage.space.add_contact(f"+35840111111{number}"))

        async def turn(reached: str, at: str = point) -> None:
            if reached == at:
                stage.clock.advance(seconds=step)
                while await other.run_once():
                    pass

        await stage.space.sender("slow", at=turn).run_once()
        stage.clock.advance(seconds=max(0, -step) + 120)
        await stage.deliver()
        assert (await stage.space.state(message_id), stage.faults.requests) == (S.SENT, number + 1), point


@pytest.mark.parametrize("step", [-3600, 3600])
async def test_a_person_can_send_an_uncertain_one_again_within_minutes_of_a_step(stage: Stage, step: int) -> None:
    message_id = await stage.held(S.SENDING)
    stage.clock.advance(seconds=step)
    sending, agent = SendingService(stage.space.context), await stage.agent()
    for _ in range(2):
        await stage.space.sender().expire()
        stage.clock.advance(seconds=(LEASE + GRACE).total_seconds() + 1)
    assert await stage.space.state(message_id) is S.UNCERTAIN
    assert (await sending.retry(agent, message_id, confirmed=True)).state is S.QUEUED


async def test_a_person_must_still_wait_for_a_sender_that_may_be_at_work(stage: Stage) -> None:
    message_id = await stage.held(S.SENDING)
    stage.clock.advance(seconds=61)
    await stage.space.sender().expire()
    with pytest.raises(PolicyRefusedError, match="still be at work"):
        await SendingService(stage.space.context).retry(await stage.agent(), message_id, confirmed=True)


@pytest.mark.parametrize("step", [*STEPS, 0])
async def test_nothing_leaves_after_its_window_by_the_clock_of_that_moment(stage: Stage, step: int) -> None:
    """Queued inside the window; at the first byte the clock says that one second, or none, is left."""
    in_time = await stage.space.queue(await stage.space.add_contact(wrote=timedelta(hours=20)))
    closes_at = stage.clock() + timedelta(hours=4)
    stage.clock.advance(seconds=step)
    stage.clock.now = closes_at - timedelta(seconds=1)
    await stage.deliver()
    too_late = await stage.space.queue(await stage.space.add_contact("+358402222222", wrote=DAY - timedelta(seconds=1)))
    stage.clock.now = closes_at
    await stage.deliver()
    assert [await stage.space.state(ident) for ident in (in_time, too_late)] == [S.SENT, S.BLOCKED]
    assert stage.faults.requests == 1


@pytest.mark.parametrize("wall", [7200, 0], ids=["clock ran on", "clock stood still"])
@pytest.mark.parametrize(("point", "after", "requests"), [("claimed", S.QUEUED, 0), ("reply_received", S.SENT, 1)])
async def test_a_machine_that_slept_for_two_hours(stage: Stage, wall: int, point: str, after: S, requests: int) -> None:
    boot = [1000.0]

    async def sleep(reached: str) -> None:
        if reached == point:
            boot[0] += 7200
            stage.clock.advance(seconds=wall)

    message_id = await stage.space.queue(await stage.space.add_contact())
    await stage.space.sender(at=sleep, boot_clock=lambda: boot[0]).run_once()
    assert (await stage.space.state(message_id), stage.faults.requests) == (after, requests)
    stage.clock.advance(seconds=120)
    await stage.deliver()
    assert (await stage.space.state(message_id), stage.faults.requests) == (S.SENT, 1)


def dated(at: datetime) -> Reply:
    """A success from a channel whose clock says ``at``."""
    return Reply(headers={"Date": format_datetime(at, usegmt=True)})


@pytest.mark.parametrize("ahead", [0, 1, 45, -45, 5000])
async def test_the_channels_clock_is_known_from_its_answers(stage: Stage, ahead: int) -> None:
    stage.faults.script.append(dated(stage.clock() + timedelta(seconds=ahead)))
    await stage.space.queue(await stage.space.add_contact())
    await stage.deliver()
    health = await stage.health()
    found = health.skew.total_seconds()
    assert (abs(found - ahead) <= 1, abs(found) <= abs(ahead), health.skew_at) == (True, True, stage.clock())
    (queue,) = await channel_queues(stage.space.context)
    assert queue.skew == health.skew


async def test_an_answer_without_a_date_says_nothing_of_the_clock(stage: Stage) -> None:
    stage.faults.script.append(Reply(headers={"Date": "yesterday"}))
    await stage.space.queue(await stage.space.add_contact())
    await stage.deliver()
    assert (await stage.health()).skew_at is None


@pytest.mark.parametrize(
    ("ahead", "left", "leaves"),
    [(45, 46, True), (45, 43, False), (-45, 43, False), (29, 5, True), (45, 3600, True)],
)
async def test_near_the_end_of_a_window_the_clocks_must_agree(
    stage: Stage, ahead: int, left: int, leaves: bool
) -> None:
    stage.faults.script.append(dated(stage.clock() + timedelta(seconds=ahead)))
    await stage.space.queue(await stage.space.add_contact("+358409999999"))
    await stage.deliver()
    wrote = DAY - timedelta(seconds=left)
    message_id = await stage.space.queue(await stage.space.add_contact(wrote=wrote))
    template = await stage.space.queue(await stage.space.add_contact("+358408888888", wrote=wrote), template="hello")
    await stage.deliver()
    row = await stage.space.row(message_id)
    assert row.state is (S.SENT if leaves else S.BLOCKED)
    assert await stage.space.state(template) is S.SENT, "its window is another matter"
    if not leaves:
        assert row.error_class is ErrorClass.WINDOW_CLOSED
        assert row.error_text.startswith("Not sent: the clock of this machine and that of the channel differ by 4")


RETRY_AFTER = {
    "7": 7.0,
    "0": 1.0,
    "-5": None,
    "soon": None,
    "1000000000": 3600.0,
    "{now+90}": 90.0,
    "{now-3600}": 1.0,
    "{now+9999999}": 3600.0,
    "Fri, 99 Nov 2026 12:01:30 GMT": None,
    "": None,
}


async def test_no_message_of_the_account_goes_earlier_than_the_channel_said(stage: Stage) -> None:
    contacts = [await stage.space.add_contact(f"+35840000000{n}", wrote=timedelta(0)) for n in range(2)]
    for header, told in RETRY_AFTER.items():
        if header.startswith("{now"):
            at = stage.clock() + timedelta(seconds=int(header[4:-1]))
            header = format_datetime(at.replace(microsecond=0), usegmt=True)
            stage.clock.now = stage.clock.now.replace(microsecond=0)
        ids = [await stage.space.queue(contact) for contact in contacts]
        before = stage.faults.requests
        stage.faults.script.append(refusal(130429, 429, **({"Retry_After": header} if header else {})))
        await stage.deliver()
        assert stage.faults.requests == before + 1, "the whole account waits"
        async with stage.space.store.read() as unit:
            due = await unit.outbox.next_due(stage.clock())
        assert due is not None
        waits = (due - stage.clock()).total_seconds()
        least, most = (told, max(told, 2.0) * 1.2) if told is not None else (0.5, 2.0)
        assert least <= waits <= most, header
        stage.clock.now = due - timedelta(microseconds=1)
        await stage.deliver()
        assert stage.faults.requests == before + 1, header
        stage.clock.advance(minutes=5)
        await stage.deliver()
        assert [await stage.space.state(ident) for ident in ids] == [S.SENT, S.SENT]


async def test_a_date_is_understood_by_the_channels_own_clock(stage: Stage) -> None:
    theirs = stage.clock() + timedelta(hours=1)
    wait = {"Date": format_datetime(theirs, usegmt=True)}
    wait["Retry-After"] = format_datetime(theirs + timedelta(seconds=30), usegmt=True)
    stage.faults.script.append(Reply(429, {}, headers=wait, takes=False))
    message_id = await stage.space.queue(await stage.space.add_contact())
    await stage.deliver()
    waits = ((await stage.space.row(message_id)).due_at - stage.clock()).total_seconds()
    assert 30 <= waits <= 36


async def test_the_mildest_answer_does_not_cut_a_pause_short(stage: Stage) -> None:
    await stage.space.queue(await stage.space.add_contact())
    await stage.space.queue(await stage.space.add_contact("+358409999999"))
    stage.faults.script.extend([refusal(130429, 429, Retry_After="600"), refusal(130429, 429)])
    other = stage.space.sender("other")

    async def let_the_other_end_first(point: str) -> None:
        if point == "guard_done":
            await other.run_once()

    await stage.space.sender("slow", at=let_the_other_end_first).run_once()
    assert stage.faults.requests == 2
    channel = await stage.space.channel()
    assert channel.paused_until is not None
    assert channel.paused_until >= stage.clock() + timedelta(seconds=600)
