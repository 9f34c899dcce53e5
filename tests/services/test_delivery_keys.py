"""Channels that honour our key: repeating is safe while they know it, and not a second longer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from tests.server.support.workspace import SECRETS, SetClock, Workspace, open_workspace
from tui_inbox.channels.http import Http
from tui_inbox.channels.port import FirstByteGuard, Secrets, key_life_of
from tui_inbox.channels.telegram import TelegramAdapter
from tui_inbox.channels.whatsapp import WhatsAppAdapter
from tui_inbox.domain.delivery import KEY_MARGIN, LEASE, MOST_ATTEMPTS, MOST_LOST_LEASES
from tui_inbox.domain.events import OutcomeKind, Outgoing, SendOutcome
from tui_inbox.domain.kinds import DeliveryState, ErrorClass
from tui_inbox.domain.models import OutboxRow
from tui_inbox.services.invariants import violations
from tui_inbox.services.sending import SendingService

LIFE = timedelta(hours=24)
NO_ANSWER = SendOutcome(OutcomeKind.AMBIGUOUS, error_class=ErrorClass.TEMPORARY, error_text="no answer")
SLOWLY = SendOutcome(OutcomeKind.RETRY, error_class=ErrorClass.RATE_LIMITED, error_text="slowly", pauses_channel=True)


class KeyedChannel(WhatsAppAdapter):
    """Takes a message once however often it comes while it remembers the key, and says what it is told to."""

    keyed = True
    key_life = LIFE

    def __init__(self, clock: SetClock) -> None:
        super().__init__({"phone_number_id": "1"}, Secrets(SECRETS), Http())
        self.clock = clock
        self.answers: list[SendOutcome] = []
        self.known: dict[str, datetime] = {}
        self.customer_got: list[str] = []
        self.asked = 0

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        await before_first_byte()
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else None
        if answer is SLOWLY:
            return answer
        first = self.known.get(message.idempotency_key)
        if first is None or self.clock() >= first + LIFE:
            self.known[message.idempotency_key] = self.clock()
            self.customer_got.append(message.text)
        return answer or SendOutcome(OutcomeKind.ACCEPTED, provider_id="p1", http_status=200)


@dataclass
class Stage:
    """The pieces of one test."""

    space: Workspace
    clock: SetClock
    channel: KeyedChannel = field(init=False)

    def __post_init__(self) -> None:
        self.channel = self.space.adapters.other["wa"] = KeyedChannel(self.clock)

    async def queue(self, text: str = "hello") -> str:
        """A message on the keyed channel."""
        return await self.space.queue(await self.space.add_contact(), text)

    async def row(self, message_id: str) -> OutboxRow:
        """The message as it stands."""
        return await self.space.row(message_id)

    async def dies(self, *, sending: bool) -> None:
        """A sender takes the next message up and is never heard of again; its lease ends."""
        now = self.clock()
        row = await self.space.store.write(lambda unit: unit.outbox.claim("dies", f"t{now}", now, LEASE))
        assert row is not None
        if sending:
            assert await self.space.store.write(
                lambda unit: unit.outbox.start_sending(row.message_id, row.lease_token, now, LIFE)
            )
        self.clock.advance(seconds=61)
        await self.space.sender().expire()


@pytest.fixture
async def stage(database: str) -> AsyncIterator[Stage]:
    clock = SetClock()
    async with open_workspace(database, clock, "http://127.0.0.1:9") as space:
        yield Stage(space, clock)
        assert await violations(space.store, clock()) == []


def test_the_life_of_a_key_is_the_channels_own_or_a_day() -> None:
    adapter = KeyedChannel(SetClock())
    assert key_life_of(adapter) == LIFE
    adapter.key_life = timedelta(hours=1)
    assert key_life_of(adapter) == timedelta(hours=1)
    assert key_life_of(TelegramAdapter({}, Secrets(SECRETS), Http())) is None


async def test_a_lost_answer_is_asked_for_again_under_the_same_key(stage: Stage) -> None:
    stage.channel.answers += [NO_ANSWER, NO_ANSWER]
    message_id = await stage.queue()
    first_try = stage.clock()
    for _ in range(3):
        assert await stage.space.sender().run_once()
        row = await stage.row(message_id)
        assert row.key_expires_at == first_try + LIFE, "from the first use, not from the last"
        stage.clock.now = max(stage.clock.now, row.due_at)
    assert (row.state, stage.channel.asked, stage.channel.customer_got) == (DeliveryState.SENT, 3, ["hello"])


@pytest.mark.parametrize("dies", [False, True], ids=["no answer", "sender died"])
async def test_once_the_key_has_ended_nothing_is_sent_again_by_itself(stage: Stage, dies: bool) -> None:
    message_id = await stage.queue()
    if dies:
        await stage.dies(sending=True)
    else:
        stage.channel.answers.append(NO_ANSWER)
        await stage.space.sender().run_once()
    assert (await stage.row(message_id)).state is DeliveryState.QUEUED
    ends = (await stage.row(message_id)).key_expires_at
    assert ends is not None
    asked = stage.channel.asked
    stage.clock.now = ends - KEY_MARGIN + timedelta(seconds=1)
    assert not await stage.space.sender().run_once()
    row = await stage.row(message_id)
    assert (row.state, stage.channel.asked) == (DeliveryState.UNCERTAIN, asked)
    assert "does not know any more whether it has this message already" in row.error_text
    async with stage.space.store.read() as unit:
        agent = await unit.directory.agent("ana")
    assert agent is not None
    await stage.space.store.write(
        lambda unit: unit.contacts.record_inbound(
            row.contact_channel_id, qualifying_at=stage.clock(), inbound_at=stage.clock()
        )
    )
    again = await SendingService(stage.space.context).retry(agent, message_id, confirmed=True)
    assert again.key_expires_at is None, "the person knows that the old key protects no more"
    assert await stage.space.sender().run_once()
    assert (await stage.row(message_id)).state is DeliveryState.SENT


async def test_the_guard_stops_a_repeat_whose_key_ends_while_it_connects(stage: Stage) -> None:
    stage.channel.key_life = timedelta(hours=1)
    stage.channel.answers.append(NO_ANSWER)
    message_id = await stage.queue()
    await stage.space.sender().run_once()
    ends = (await stage.row(message_id)).key_expires_at
    assert ends is not None
    stage.clock.now = ends - KEY_MARGIN

    async def dawdle(point: str) -> None:
        if point == "claimed":
            stage.clock.advance(seconds=1)

    assert await stage.space.sender(at=dawdle).run_once()
    assert ((await stage.row(message_id)).state, stage.channel.asked) == (DeliveryState.UNCERTAIN, 1)


async def test_a_lease_that_ends_after_the_key_leaves_the_message_in_doubt(stage: Stage) -> None:
    stage.channel.key_life = timedelta(seconds=90)
    message_id = await stage.queue()
    now = stage.clock()
    row = await stage.space.store.write(lambda unit: unit.outbox.claim("dies", "t", now, LEASE))
    assert row is not None
    await stage.space.store.write(lambda unit: unit.outbox.start_sending(message_id, "t", now, timedelta(seconds=90)))
    stage.clock.advance(seconds=61)
    await stage.space.sender().expire()
    assert (await stage.row(message_id)).state is DeliveryState.UNCERTAIN


async def test_a_key_that_no_try_may_have_used_begins_anew(stage: Stage) -> None:
    stage.channel.key_life = timedelta(minutes=5)
    stage.channel.answers.append(SLOWLY)
    message_id = await stage.queue()
    await stage.space.sender().run_once()
    stage.clock.advance(hours=22)
    assert await stage.space.sender().run_once()
    row = await stage.row(message_id)
    assert (row.state, stage.channel.customer_got) == (DeliveryState.SENT, ["hello"])
    assert row.key_expires_at == stage.clock() + timedelta(minutes=5)


async def test_eight_lost_answers_are_a_matter_for_a_person_not_a_failure(stage: Stage) -> None:
    stage.channel.answers += [NO_ANSWER] * MOST_ATTEMPTS
    message_id = await stage.queue()
    while (await stage.row(message_id)).state is DeliveryState.QUEUED:
        async with stage.space.store.read() as unit:
            due = await unit.outbox.next_due(stage.clock())
        assert due is not None
        stage.clock.now = max(due, stage.clock.now)
        await stage.space.sender().run_once()
    assert (await stage.row(message_id)).state is DeliveryState.UNCERTAIN
    assert (stage.channel.asked, stage.channel.customer_got) == (MOST_ATTEMPTS, ["hello"])


async def test_a_message_that_kills_each_sender_while_it_is_sent_is_put_aside_in_doubt(stage: Stage) -> None:
    message_id = await stage.queue()
    for number in range(1, MOST_LOST_LEASES + 1):
        assert (await stage.row(message_id)).state is DeliveryState.QUEUED
        await stage.dies(sending=True)
        assert (await stage.row(message_id)).lost_leases == number
    row = await stage.row(message_id)
    assert (row.state, row.error_class) == (DeliveryState.UNCERTAIN, ErrorClass.INTERNAL)
    assert row.error_text == (
        "The sender stopped 3 times while it had this message; it may have gone out. Check with the customer or wait."
    )
    assert not await stage.space.sender().run_once()


async def test_deaths_before_and_after_the_first_byte_count_together(stage: Stage) -> None:
    message_id = await stage.queue()
    for sending in (True, False, False):
        await stage.dies(sending=sending)
    assert (await stage.row(message_id)).state is DeliveryState.UNCERTAIN, "the first one may have sent it"


async def test_a_late_answer_of_a_given_up_sender_spares_the_repeat(stage: Stage) -> None:
    message_id = await stage.queue()
    other = stage.space.sender("other")

    async def oversleep(point: str) -> None:
        if point == "reply_received":
            stage.clock.advance(seconds=61)
            await other.expire()
            assert (await stage.row(message_id)).state is DeliveryState.QUEUED

    assert await stage.space.sender("slow", at=oversleep).run_once()
    row = await stage.row(message_id)
    assert (row.state, row.provider_id, stage.channel.asked) == (DeliveryState.SENT, "p1", 1)
    assert not await other.run_once()
