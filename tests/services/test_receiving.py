"""What webhooks do to contacts, threads, windows and conversations."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.server.support import posts
from tests.server.support.inbox import Inbox
from tests.server.support.workspace import SECRETS, SetClock, open_workspace
from tui_inbox.channels.http import Http
from tui_inbox.channels.port import PayloadError, Secrets
from tui_inbox.channels.whatsapp import WhatsAppAdapter
from tui_inbox.domain.errors import StoreBusyError
from tui_inbox.domain.events import ChannelEvent
from tui_inbox.domain.kinds import ChannelKind, ConversationStatus, Direction
from tui_inbox.repository.contacts import NewContact
from tui_inbox.services.receiving_events import CLOCK_ALARM, split_name

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    clock = SetClock()
    async with open_workspace(tmp_path, clock, "http://127.0.0.1:9") as space:
        await space.add_channel("ig", ChannelKind.INSTAGRAM)
        await space.add_channel("tg", ChannelKind.TELEGRAM)
        yield Inbox(space, clock)


async def test_a_first_message_makes_a_contact_and_opens_a_conversation(inbox: Inbox) -> None:
    at = inbox.clock() - MINUTE
    assert await inbox.post(posts.whatsapp(posts.message("m1", "hello", at))) == 1
    contact, target = await inbox.contact(), await inbox.find()
    assert (contact.first_name, contact.last_name, contact.phone) == ("Ana", "Virtanen", f"+{posts.ANA}")
    assert (target.facts.last_qualifying_at, target.facts.started, target.last_inbound_at) == (at, True, at)
    conversation = await inbox.conversation(contact.id)
    assert (conversation.status, conversation.assignee_id) == (ConversationStatus.OPEN, None)
    assert (conversation.waiting_since, conversation.unread) == (at, 1)
    assert conversation.last_channel_id == target.id
    thread = await inbox.thread(contact.id)
    assert [(entry.direction, entry.event, entry.body) for entry in thread] == [
        (Direction.INBOUND, "", "hello"),
        (None, "opened", ""),
    ]
    channel = await inbox.space.channel()
    assert channel.last_webhook_at == inbox.clock()


@pytest.mark.parametrize("status", [ConversationStatus.CLOSED, ConversationStatus.SNOOZED])
async def test_a_message_opens_or_wakes_for_the_assignee_that_it_has(inbox: Inbox, status: ConversationStatus) -> None:
    await inbox.post(posts.whatsapp(posts.message("m1", "one", inbox.clock() - HOUR)))
    contact = await inbox.contact()
    snoozed = inbox.clock() + DAY if status is ConversationStatus.SNOOZED else None
    await inbox.put(contact.id, status=status, assignee_id=inbox.space.agent_id, snoozed_until=snoozed)
    await inbox.post(posts.whatsapp(posts.message("m2", "two", inbox.clock())))
    conversation = await inbox.conversation(contact.id)
    assert (conversation.status, conversation.assignee_id) == (ConversationStatus.OPEN, inbox.space.agent_id)
    assert conversation.snoozed_until is None
    assert {entry.event for entry in await inbox.thread(contact.id)} >= {
        "woken" if status is ConversationStatus.SNOOZED else "reopened"
    }


async def test_a_blocked_contact_is_kept_and_opens_nothing(inbox: Inbox) -> None:
    await inbox.post(posts.whatsapp(posts.message("m1", "one", inbox.clock() - HOUR)))
    contact = await inbox.contact()
    await inbox.put(contact.id, status=ConversationStatus.CLOSED, waiting_since=None)
    await inbox.space.store.write(lambda unit: unit.conversations.mark_read(contact.id))
    await inbox.space.store.write(lambda unit: unit.contacts.set_blocked(contact.id, True))
    await inbox.post(posts.whatsapp(posts.message("m2", "two", inbox.clock())))
    conversation = await inbox.conversation(contact.id)
    assert (conversation.status, conversation.waiting_since, conversation.unread) == (
        ConversationStatus.CLOSED,
        None,
        0,
    )
    assert await inbox.said(contact.id) == ["one", "two"]


async def test_the_same_message_again_changes_nothing(inbox: Inbox) -> None:
    body = posts.whatsapp(posts.message("m1", "one", inbox.clock() - HOUR))
    await inbox.post(body)
    contact = await inbox.contact()
    await inbox.put(contact.id, status=ConversationStatus.CLOSED)
    before = await inbox.conversation(contact.id)
    assert await inbox.post(body, body) == 2
    assert await inbox.conversation(contact.id) == before
    assert await inbox.said(contact.id) == ["one"]


async def test_the_same_id_on_another_channel_is_another_message(inbox: Inbox) -> None:
    await inbox.space.add_channel("wa2")
    for name in ("wa", "wa2"):
        await inbox.post(posts.whatsapp(posts.message("m1", name, inbox.clock())), channel=name)
    assert await inbox.said((await inbox.contact(channel="wa2")).id) == ["wa", "wa2"]


@pytest.mark.parametrize(
    ("event_at", "taken_at"),
    [(timedelta(minutes=4), timedelta(minutes=4)), (timedelta(minutes=6), timedelta(0)), (400 * DAY, timedelta(0))],
)
async def test_a_time_far_in_the_future_is_the_arrival(inbox: Inbox, event_at: timedelta, taken_at: timedelta) -> None:
    now = inbox.clock()
    await inbox.post(posts.whatsapp(posts.message("m1", "one", now + event_at)))
    target = await inbox.find()
    assert target.facts.last_qualifying_at == now + taken_at
    (entry,) = [entry for entry in await inbox.thread(target.contact_id) if entry.body]
    assert entry.at == now + taken_at


async def test_a_date_in_the_future_is_put_on_record_once_an_hour_for_each_channel(
    inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    async def alarms() -> list[tuple[object, object]]:
        async with inbox.space.store.read() as unit:
            lines = await unit.activity.of_kind(CLOCK_ALARM, inbox.clock() - DAY)
        return [(line.detail["channel"], line.detail["ahead_seconds"]) for line in lines]

    await inbox.post(posts.whatsapp(posts.message("m0", "fine", inbox.clock() + 5 * MINUTE)))
    assert await alarms() == []
    for number in range(3):
        await inbox.post(posts.whatsapp(posts.message(f"m{number + 1}", "secret words", inbox.clock() + HOUR)))
    assert await alarms() == [("wa", 3600)]
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        "channel wa: an event is dated 3600 s after its arrival, taken at its arrival"
    ]
    await inbox.space.add_channel("wa2")
    await inbox.post(posts.whatsapp(posts.message("m1", "one", inbox.clock() + 2 * HOUR)), channel="wa2")
    inbox.clock.now += 2 * HOUR
    await inbox.post(posts.whatsapp(posts.message("m9", "again", inbox.clock() + HOUR)))
    assert await alarms() == [("wa", 3600), ("wa2", 7200), ("wa", 3600)]


async def test_reordered_repeated_late_and_future_messages_leave_one_window_and_one_order(inbox: Inbox) -> None:
    now, chance = inbox.clock(), random.Random(5)
    offsets = [
        chance.choice((-30, -26, -20, -3, -1, 2, 30)) * HOUR - chance.randrange(3600) * SECOND for _ in range(40)
    ]
    offsets = [-abs(offset) if abs(offset) <= 5 * MINUTE else offset for offset in offsets]
    items = [posts.message(f"m{number}", f"text {number}", now + offset) for number, offset in enumerate(offsets)]
    bodies = [posts.whatsapp(item) for item in items * 2]
    chance.shuffle(bodies)
    await inbox.post(*bodies)
    target = await inbox.find()
    counted = [now if offset > 5 * MINUTE else now + offset for offset in offsets]
    assert target.facts.last_qualifying_at == max(counted)
    entries = [entry for entry in await inbox.thread(target.contact_id) if entry.body]
    assert sorted(entry.body for entry in entries) == sorted(f"text {number}" for number in range(40))
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


async def test_an_old_message_is_shown_late_and_opens_no_window(inbox: Inbox) -> None:
    at = inbox.clock() - 9 * DAY
    await inbox.post(posts.whatsapp(posts.message("m1", "old", at)))
    target = await inbox.find()
    assert target.facts.last_qualifying_at == at
    (entry,) = [entry for entry in await inbox.thread(target.contact_id) if entry.body]
    assert entry.arrived_late
    assert (await inbox.conversation(target.contact_id)).unread == 1


async def test_a_reaction_is_shown_and_opens_nothing(inbox: Inbox) -> None:
    await inbox.post(posts.whatsapp(posts.message("m1", "one", inbox.clock() - 2 * HOUR)))
    contact = await inbox.contact()
    await inbox.put(contact.id, status=ConversationStatus.CLOSED, waiting_since=None)
    emoji = {"message_id": "m1", "emoji": "👍"}
    reaction = posts.message("m2", "", inbox.clock(), type="reaction", reaction=emoji)
    await inbox.post(posts.whatsapp(reaction))
    conversation = await inbox.conversation(contact.id)
    assert (conversation.status, conversation.waiting_since) == (ConversationStatus.CLOSED, None)
    assert "👍" in (await inbox.said(contact.id))[-1]
    assert (await inbox.find()).facts.last_qualifying_at == inbox.clock() - 2 * HOUR, "it renews no WhatsApp window"


@pytest.mark.parametrize(
    ("others", "joins"),
    [
        pytest.param(1, True, id="the one contact with this number"),
        pytest.param(2, False, id="two share the number"),
        pytest.param(0, False, id="nobody has it"),
    ],
)
async def test_a_new_address_joins_a_contact_only_without_doubt(inbox: Inbox, others: int, joins: bool) -> None:
    new = [NewContact(first_name=f"n{number}", phone="+358 40 123 4567") for number in range(others)]
    known = await inbox.space.store.write(lambda unit: unit.contacts.add_many(new, inbox.clock()))
    await inbox.post(posts.whatsapp(posts.message("m1", "one", inbox.clock())))
    assert ((await inbox.contact()).id in known) is joins


async def test_a_contact_that_is_on_the_channel_already_gets_no_second_address(inbox: Inbox) -> None:
    target = await inbox.space.add_contact("+358409999999")
    contact_id = (await inbox.find("+358409999999")).contact_id
    await inbox.space.store.write(lambda unit: unit.contacts.update(contact_id, phone=f"+{posts.ANA}"))
    await inbox.post(posts.whatsapp(posts.message("m1", "one", inbox.clock())))
    assert (await inbox.find()).id != target
    assert (await inbox.contact()).id != contact_id


async def test_leaving_and_coming_back_in_any_order(inbox: Inbox) -> None:
    start = inbox.clock() - HOUR
    await inbox.post(posts.telegram(1, "/start", start), channel="tg")
    left, back = posts.membership(2, "kicked", start + MINUTE), posts.membership(3, "member", start + 2 * MINUTE)
    await inbox.post(left, channel="tg")
    assert (await inbox.find("77", "tg")).facts.opted_out
    await inbox.post(back, channel="tg")
    assert not (await inbox.find("77", "tg")).facts.opted_out
    late = posts.membership(4, "kicked", start + MINUTE)
    await inbox.post(late, channel="tg")
    assert not (await inbox.find("77", "tg")).facts.opted_out, "older news than what is known"


async def test_an_update_that_comes_again_is_recorded_once(inbox: Inbox) -> None:
    await inbox.post(posts.telegram(1, "/start", inbox.clock()), channel="tg")
    update = posts.membership(2, "kicked", inbox.clock())
    await inbox.post(update, update, channel="tg")
    contact_id = (await inbox.find("77", "tg")).contact_id
    async with inbox.space.store.read() as unit:
        kinds = [line.kind for line in await unit.activity.for_contact(contact_id)]
    assert kinds.count("opted out") == 1


async def test_somebody_unknown_who_leaves_makes_no_contact(inbox: Inbox) -> None:
    await inbox.post(posts.membership(1, "kicked", inbox.clock(), chat=5), channel="tg")
    async with inbox.space.store.read() as unit:
        assert await unit.contacts.by_address(inbox.space.channels["tg"].id, "5") is None


async def test_a_message_taken_back_is_forgotten_before_or_after_it_comes(inbox: Inbox) -> None:
    at = inbox.clock() - MINUTE
    for number, order in enumerate([(0, 1), (1, 0)]):
        pair = [
            posts.instagram(posts.direct(f"d{number}", "secret", at)),
            posts.instagram(posts.direct(f"d{number}", "", at, is_deleted=True)),
        ]
        await inbox.post(*(pair[index] for index in order), channel="ig")
    contact_id = (await inbox.find("5555", "ig")).contact_id
    assert await inbox.said(contact_id) == ["", ""]
    assert all(entry.detail.get("redacted") for entry in await inbox.thread(contact_id) if not entry.event)


async def test_templates_follow_their_channel(inbox: Inbox) -> None:
    from tui_inbox.channels.port import RemoteTemplate

    channel_id = inbox.space.channels["wa"].id
    listed = [RemoteTemplate("offer", "en", "APPROVED", "MARKETING", ())]
    await inbox.space.store.write(lambda unit: unit.directory.put_templates(channel_id, listed, inbox.clock()))
    await inbox.post(posts.template_status("offer", "PAUSED", inbox.clock()))
    async with inbox.space.store.read() as unit:
        template = await unit.directory.template(channel_id, "offer", "en")
    assert template is not None
    assert template.status == "PAUSED"


async def test_what_cannot_be_read_is_put_aside_and_the_rest_goes_on(inbox: Inbox) -> None:
    good = posts.whatsapp(posts.message("m1", "good", inbox.clock()))
    assert await inbox.post(b'{"object":"page","entry":[]}', b"[" * 100_000, good) == 3
    assert [status for status, _ in await inbox.statuses()] == ["quarantined", "quarantined", "processed"]
    assert await inbox.said((await inbox.contact()).id) == ["good"]


class Fragile(WhatsAppAdapter):
    """An adapter with a defect."""

    def parse(self, body: bytes, received_at: datetime) -> list[ChannelEvent]:
        if b"crash" in body:
            raise ZeroDivisionError("secret text")
        raise PayloadError("not ours")


async def test_a_defect_of_the_adapter_is_put_aside_without_its_text(
    inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    config = {**inbox.space.channels["wa"].config, "webhook_url": "", "base_url": ""}
    inbox.space.adapters.other["wa"] = Fragile(config, Secrets(SECRETS), Http())
    assert await inbox.post(b"crash", b"other") == 2
    assert await inbox.statuses() == [
        ("quarantined", "the adapter failed: ZeroDivisionError"),
        ("quarantined", "not ours"),
    ]
    assert "secret text" not in caplog.text


async def test_one_bad_event_does_not_lose_the_others_of_its_body(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tui_inbox.services import receiving, receiving_events

    async def fragile(unit: object, channel: object, event: object, **times: object) -> None:
        if getattr(event, "text", "") == "two":
            raise KeyError("two")
        await receiving_events.handle(unit, channel, event, **times)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(receiving, "handle", fragile)
    batch = posts.whatsapp(*(posts.message(f"m{n}", text, inbox.clock()) for n, text in enumerate(["one", "two", "3"])))
    await inbox.post(batch)
    assert await inbox.said((await inbox.contact()).id) == ["one", "3"]
    assert await inbox.statuses() == [("quarantined", "event 2 of 3 (InboundMessage): KeyError")]


async def test_killed_in_the_middle_of_a_batch_the_rest_is_done_later(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui_inbox.services import receiving, receiving_events

    async def locked(unit: object, channel: object, event: object, **times: object) -> None:
        if getattr(event, "text", "") == "two":
            raise StoreBusyError("locked")
        await receiving_events.handle(unit, channel, event, **times)  # type: ignore[arg-type]  # handed through

    batch = posts.whatsapp(*(posts.message(f"m{n}", text, inbox.clock()) for n, text in enumerate(["one", "two", "3"])))
    with monkeypatch.context() as patched:
        patched.setattr(receiving, "handle", locked)
        with pytest.raises(StoreBusyError):
            await inbox.post(batch)
    assert await inbox.statuses() == [("pending", "")]
    assert await inbox.space.receiving.process_pending() == 1
    contact = await inbox.contact()
    assert await inbox.said(contact.id) == ["one", "two", "3"]
    assert (await inbox.conversation(contact.id)).unread == 3
    assert await inbox.space.receiving.process_pending() == 0


async def test_bodies_of_a_channel_without_secrets_wait_and_hold_up_nobody(inbox: Inbox) -> None:
    hook = await inbox.hook("tg")
    for number in range(25):
        update = posts.posted(posts.telegram(number, "hi", inbox.clock()))
        await inbox.space.receiving.accept(hook.channel, hook.adapter, update)
    inbox.space.adapters.locked.add("tg")
    assert await inbox.space.receiving.process_pending() == 0
    assert await inbox.post(posts.whatsapp(posts.message("m1", "hello", inbox.clock()))) == 1
    inbox.space.adapters.locked.clear()
    assert await inbox.space.receiving.process_pending() == 25


async def test_each_delivery_up_to_three_times_and_shuffled_ends_as_once_and_in_order(
    inbox: Inbox, tmp_path: Path
) -> None:
    chance = random.Random(11)
    start = inbox.clock() - 2 * HOUR
    items = [posts.message(f"m{number}", f"t{number}", start + number * MINUTE) for number in range(30)]
    once = await _state_after(inbox, [items])
    for seed in range(3):
        shuffled = items * 2 + chance.sample(items, 10)
        chance.shuffle(shuffled)
        batches = [shuffled[index : index + 7] for index in range(0, len(shuffled), 7)]
        folder = tmp_path / str(seed)
        folder.mkdir()
        clock = SetClock()
        async with open_workspace(folder, clock, "http://127.0.0.1:9") as space:
            assert await _state_after(Inbox(space, clock), batches) == once


async def _state_after(inbox: Inbox, batches: list[list[dict[str, object]]]) -> tuple[object, ...]:
    await inbox.post(*(posts.whatsapp(*batch) for batch in batches))
    target = await inbox.find()
    row = await inbox.conversation(target.contact_id)
    same = (row.status, row.unread, row.last_activity_at, row.assignee_id, row.last_channel_id)
    return (*same, target.facts, target.last_inbound_at, await inbox.said(target.contact_id))


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("Ana Maria Virtanen", ("Ana", "Maria Virtanen")),
        ("  Ana  ", ("Ana", "")),
        ("", ("", "")),
        ("x" * 500, ("x" * 200, "")),
    ],
)
def test_names_are_split_at_the_first_blank(name: str, split: tuple[str, str]) -> None:
    assert split_name(name) == split
