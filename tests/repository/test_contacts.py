"""Contacts, conversations and threads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any, TypeVar

import pytest

from tests.repository.conftest import NOW, Place
from tui_inbox.domain.errors import ConflictError, NotFoundError
from tui_inbox.domain.kinds import ContentKind, ConversationStatus, Direction
from tui_inbox.domain.models import ContactChannel, TimelineEntry
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit

T = TypeVar("T")
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


async def read(store: Store, work: Callable[[Unit], Awaitable[T]]) -> T:
    async with store.read() as unit:
        return await work(unit)


async def test_a_contact_comes_back_as_it_was_given(store: Store) -> None:
    given = NewContact(
        "Ana",
        "Sørensen",
        "Ana@Example.com",
        "+1 (555) 123",
        "pt-BR",
        "BR",
        ("VIP", "vip", " new  one "),
        {"Plan": "Gold"},
    )
    ident = await store.write(lambda unit: unit.contacts.add(given, NOW))
    found = await read(store, lambda unit: unit.contacts.get(ident))
    assert found is not None
    assert (found.first_name, found.last_name, found.email, found.phone) == (
        "Ana",
        "Sørensen",
        "Ana@Example.com",
        "+1 (555) 123",
    )
    assert (found.language, found.country, found.tags, found.custom) == (
        "pt-BR",
        "BR",
        ("new one", "VIP"),
        {"Plan": "Gold"},
    )
    conversation = await read(store, lambda unit: unit.conversations.get(ident))
    assert conversation.status is ConversationStatus.NONE
    assert conversation.last_activity_at == NOW
    assert conversation.version == 1


async def test_what_cannot_be_stored_is_replaced(store: Store) -> None:
    given = NewContact("a\x00b", "\ud800", "x\udfff@y", tags=("t\x00",), custom={"k\x00": "v\ud900"})
    ident = await store.write(lambda unit: unit.contacts.add(given, NOW))
    found = await read(store, lambda unit: unit.contacts.get(ident))
    assert found is not None
    assert (found.first_name, found.last_name, found.email) == ("a\ufffdb", "\ufffd", "x\ufffd@y")
    assert (found.tags, found.custom) == (("t\ufffd",), {"k\ufffd": "v\ufffd"})


async def test_many_at_once_keep_their_order(store: Store) -> None:
    given = [NewContact(f"First{n}", tags=("a",) * (n % 2), email=f"{n}@x.y", phone=str(n)) for n in range(2500)]
    ids = await store.write(lambda unit: unit.contacts.add_many(given, NOW))
    assert len(set(ids)) == 2500
    for n in (0, 1, 999, 1000, 2499):
        found = await read(store, lambda unit, n=n: unit.contacts.get(ids[n]))  # type: ignore[misc]  # default binds n
        assert found is not None
        assert found.first_name == f"First{n}"
        assert found.tags == ("a",) * (n % 2)
    mails, numbers = [f"{n}@x.y" for n in range(3000)], [str(n) for n in range(3000)]
    emails, phones = await read(store, lambda unit: unit.contacts.known_among(mails, numbers))
    assert emails == {f"{n}@x.y": ids[n] for n in range(2500)}
    assert phones == {str(n): ids[n] for n in range(2500)}
    assert await store.write(lambda unit: unit.contacts.add_many([], NOW)) == []


async def test_found_by_whole_email_and_by_digits(store: Store, place: Place) -> None:
    async with store.read() as unit:
        by_email = await unit.contacts.find(email="CARLA@example.com")
        by_phone = await unit.contacts.find(phone="1 (555) 123-4567")
    assert by_email == by_phone
    assert [item.id for item in by_email] == [place.contact]
    assert await read(store, lambda unit: unit.contacts.find(email="carla@example")) == []
    assert await read(store, lambda unit: unit.contacts.find()) == []


async def test_changing_a_contact_keeps_the_rest(store: Store, place: Place) -> None:
    async def work(unit: Unit) -> None:
        await unit.contacts.update(place.contact, email="new@x.y", custom={"a": "b"})
        await unit.contacts.set_tags(place.contact, ["b", "a"])
        await unit.contacts.set_blocked(place.contact, True)

    await store.write(work)
    found = await read(store, lambda unit: unit.contacts.get(place.contact))
    assert found is not None
    assert (found.name, found.email, found.tags, found.blocked, found.custom) == (
        "Carla Díaz",
        "new@x.y",
        ("a", "b"),
        True,
        {"a": "b"},
    )
    assert await read(store, lambda unit: unit.contacts.find(email="carla@example.com")) == []
    with pytest.raises(NotFoundError):
        await store.write(lambda unit: unit.contacts.update(999, email="x"))
    with pytest.raises(TypeError):
        await store.write(lambda unit: unit.contacts.update(place.contact, nickname="x"))


async def chat(store: Store, place: Place) -> ContactChannel:
    found = await read(store, lambda unit: unit.contacts.channel(place.chat))
    assert found is not None
    return found


async def test_addresses(store: Store, place: Place) -> None:
    found = await chat(store, place)
    assert (found.contact_id, found.address, found.channel.name, found.facts.started) == (
        place.contact,
        "42",
        "bot",
        True,
    )
    assert await read(store, lambda unit: unit.contacts.by_address(place.telegram, "42")) == found
    assert await read(store, lambda unit: unit.contacts.by_address(place.whatsapp, "42")) is None

    async def work(unit: Unit) -> int:
        other = await unit.contacts.add_channel(place.contact, place.whatsapp, "1555", started=False, now=NOW)
        await unit.contacts.record_outbound(other, NOW)
        await unit.contacts.set_opted_out(place.chat, True, False)
        await unit.directory.pause_channel(place.telegram, "token expired", None)
        return other

    other = await store.write(work)
    both = await read(store, lambda unit: unit.contacts.channels_of(place.contact))
    assert [item.id for item in both] == [other, place.chat], "the one last used first"
    assert both[1].facts.opted_out
    assert both[1].facts.paused == "token expired"
    await store.write(lambda unit: unit.directory.pause_channel(place.telegram, "rate limit", NOW + HOUR))
    assert (await chat(store, place)).facts.paused == "", (
        "a pause that ends by itself does not keep an agent from writing"
    )


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_no_order_of_inbound_events_moves_a_window_back(store: Store, place: Place, order: Sequence[int]) -> None:
    instants = [NOW - 3 * HOUR, NOW - 2 * HOUR, NOW - HOUR]
    for n in order:
        at = instants[n]
        await store.write(
            lambda unit, at=at: unit.contacts.record_inbound(place.chat, qualifying_at=at, inbound_at=at)  # type: ignore[misc]  # default binds at
        )
    found = await chat(store, place)
    assert found.facts.last_qualifying_at == found.last_inbound_at == found.last_message_at == instants[2]


async def test_a_late_event_takes_nothing_from_the_count(store: Store, place: Place) -> None:
    async def inbound(unit: Unit, at: datetime) -> None:
        await unit.contacts.record_inbound(place.chat, qualifying_at=at, inbound_at=at)

    async def echo(unit: Unit, at: datetime, ident: str) -> None:
        known: dict[str, Any] = {"contact_channel_id": place.chat, "channel_id": place.telegram}
        await unit.timeline.add_echo(
            contact_id=place.contact, provider_id=ident, at=at, arrived_at=at, body="hi", **known
        )
        await unit.contacts.record_outbound(place.chat, at)

    await store.write(lambda unit: inbound(unit, NOW))
    await store.write(lambda unit: echo(unit, NOW + SECOND, "e1"))
    await store.write(lambda unit: echo(unit, NOW + 2 * SECOND, "e2"))
    assert (await chat(store, place)).facts.sent_since_inbound == 2
    await store.write(lambda unit: inbound(unit, NOW - HOUR))
    assert (await chat(store, place)).facts.sent_since_inbound == 2, "older than what we know"
    await store.write(lambda unit: inbound(unit, NOW + SECOND))
    assert (await chat(store, place)).facts.sent_since_inbound == 1, "only what was sent after it"
    await store.write(lambda unit: inbound(unit, NOW - 2 * HOUR))
    assert (await chat(store, place)).facts.sent_since_inbound == 1, "what the newest has renewed stays renewed"
    await store.write(lambda unit: unit.contacts.record_outbound(place.chat, NOW, delta=-1))
    await store.write(lambda unit: unit.contacts.record_outbound(place.chat, NOW, delta=-1))
    assert (await chat(store, place)).facts.sent_since_inbound == 0


async def test_saving_is_compare_and_set(store: Store, place: Place) -> None:
    before = await read(store, lambda unit: unit.conversations.get(place.contact))
    opened = replace(before, status=ConversationStatus.OPEN, assignee_id=place.ana, opened_at=NOW)
    await store.write(lambda unit: unit.conversations.next_seq(place.contact))
    after = await store.write(lambda unit: unit.conversations.save(before, opened))
    assert (after.status, after.assignee_id, after.version) == (ConversationStatus.OPEN, place.ana, before.version + 1)
    assert after.last_seq == 1, "what saving does not own is left alone"
    with pytest.raises(ConflictError):
        await store.write(lambda unit: unit.conversations.save(before, replace(before, assignee_id=place.bo)))
    assert await store.write(lambda unit: unit.conversations.save(after, after)) == after
    with pytest.raises(NotFoundError):
        await read(store, lambda unit: unit.conversations.get(999))


async def test_touching(store: Store, place: Place) -> None:
    async def touch(at: datetime, preview: str, waiting: bool | None, unread: int) -> None:
        await store.write(
            lambda unit: unit.conversations.touch(
                place.contact,
                at=at,
                preview=preview,
                direction=Direction.INBOUND,
                contact_channel_id=place.chat,
                waiting=waiting,
                unread_delta=unread,
            )
        )

    await touch(NOW - HOUR, "older than the contact", True, 1)
    first = await read(store, lambda unit: unit.conversations.get(place.contact))
    assert (first.waiting_since, first.unread, first.last_channel_id) == (NOW - HOUR, 1, place.chat)
    assert first.last_activity_at == NOW
    await touch(NOW + HOUR, "newest", True, 1)
    await touch(NOW, "late", None, 1)
    found = await read(store, lambda unit: unit.conversations.get(place.contact))
    assert (found.waiting_since, found.unread, found.last_activity_at) == (NOW - HOUR, 3, NOW + HOUR)
    await touch(NOW + 2 * HOUR, "x" * 500, False, 0)
    await store.write(lambda unit: unit.conversations.mark_read(place.contact))
    found = await read(store, lambda unit: unit.conversations.get(place.contact))
    assert (found.waiting_since, found.unread) == (None, 0)
    assert found.version == 1, "messages do not disturb a compare-and-set of the lifecycle"


async def test_due_snoozes(store: Store, place: Place) -> None:
    before = await read(store, lambda unit: unit.conversations.get(place.contact))
    snoozed = replace(before, status=ConversationStatus.SNOOZED, snoozed_until=NOW)
    await store.write(lambda unit: unit.conversations.save(before, snoozed))
    assert await read(store, lambda unit: unit.conversations.due_snoozes(NOW - SECOND)) == []
    assert await read(store, lambda unit: unit.conversations.due_snoozes(NOW)) == [place.contact]


async def thread(store: Store, place: Place, **keywords: Any) -> list[TimelineEntry]:
    return await read(store, lambda unit: unit.timeline.page(place.contact, **keywords))


async def receive(
    store: Store, place: Place, ident: str, at: datetime, arrived_at: datetime | None = None
) -> int | None:
    return await store.write(
        lambda unit: unit.timeline.add_inbound(
            contact_id=place.contact,
            contact_channel_id=place.chat,
            channel_id=place.telegram,
            provider_id=ident,
            at=at,
            arrived_at=arrived_at or at,
            body=f"body {ident}",
            content="photo",
        )
    )


async def test_a_thread_is_in_the_order_of_events_and_repeats_are_harmless(store: Store, place: Place) -> None:
    assert await receive(store, place, "1", NOW)
    assert await receive(store, place, "0", NOW - HOUR, NOW)
    assert not await receive(store, place, "1", NOW)

    async def ours(unit: Unit) -> int:
        await unit.timeline.add_note(contact_id=place.contact, author_id=place.bo, body="note", at=NOW + SECOND)
        await unit.timeline.add_event(
            contact_id=place.contact, event="closed", actor_id=None, at=NOW + 2 * SECOND, detail={"category": "solved"}
        )
        return await unit.timeline.add_outgoing(
            message_id="m1",
            contact_id=place.contact,
            contact_channel_id=place.chat,
            channel_id=place.telegram,
            at=NOW + 3 * SECOND,
            author_id=place.ana,
            body="hello",
            content_kind=ContentKind.TEMPLATE,
            tag="HUMAN_AGENT",
            detail={},
        )

    assert await store.write(ours) == 5, "a repeat takes no number"
    entries = await thread(store, place)
    assert [(entry.seq, entry.direction, entry.event, entry.author) for entry in entries] == [
        (2, Direction.INBOUND, "", ""),
        (1, Direction.INBOUND, "", ""),
        (3, Direction.NOTE, "", "bo"),
        (4, None, "closed", ""),
        (5, Direction.OUTBOUND, "", "ana"),
    ]
    assert [entry.arrived_late for entry in entries] == [True, False, False, False, False]
    assert entries[0].detail == {"content": "photo"}
    assert (entries[4].content_kind, entries[4].tag, entries[4].message_id) == (
        ContentKind.TEMPLATE,
        "HUMAN_AGENT",
        "m1",
    )
    assert entries[4].channel_name == "bot"


async def test_a_thread_is_paged_by_place(store: Store, place: Place) -> None:
    for n in range(7):
        await receive(store, place, str(n), NOW + (n // 2) * SECOND)
    whole = await thread(store, place)
    pages: list[TimelineEntry] = []
    before = None
    while page := await thread(store, place, before=before, limit=3):
        pages = page + pages
        before = (page[0].at, page[0].seq)
    assert pages == whole
    assert len(whole) == 7


async def test_who_wrote_meanwhile(store: Store, place: Place) -> None:
    async def out(message_id: str, author: int) -> int:
        return await store.write(
            lambda unit: unit.timeline.add_outgoing(
                message_id=message_id,
                contact_id=place.contact,
                contact_channel_id=place.chat,
                channel_id=place.telegram,
                at=NOW,
                author_id=author,
                body="x",
            )
        )

    async def since(seq: int, agent: int) -> str:
        found = await read(store, lambda unit: unit.timeline.written_since(place.contact, seq, except_agent_id=agent))
        return ", ".join(entry.author or "customer" for entry in found)

    seq = await out("m1", place.ana)
    assert await since(0, place.ana) == ""
    assert await since(0, place.bo) == "ana"
    assert await since(seq, place.bo) == ""
    await receive(store, place, "1", NOW)
    assert await since(seq, place.ana) == "customer"
    assert await since(0, place.bo) == "customer, ana"


async def test_a_message_taken_back_leaves_no_words(store: Store, place: Place) -> None:
    await receive(store, place, "1", NOW)
    await store.write(
        lambda unit: unit.conversations.touch(
            place.contact,
            at=NOW,
            preview="body 1",
            direction=Direction.INBOUND,
            contact_channel_id=place.chat,
            waiting=True,
            unread_delta=1,
        )
    )
    assert await store.write(lambda unit: unit.timeline.redact(place.telegram, "1"))
    assert not await store.write(lambda unit: unit.timeline.redact(place.telegram, "2"))
    (entry,) = await thread(store, place)
    assert (entry.body, entry.detail) == ("", {"redacted": True})
