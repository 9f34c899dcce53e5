"""Histories written at once stand as if every step had been taken one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.repository.conftest import NOW, Place
from tui_inbox.domain.filters import InboxFilter
from tui_inbox.domain.kinds import ContentKind, ConversationStatus, DeliveryState, Direction
from tui_inbox.domain.models import Channel, ContactChannel, Conversation, InboxRow, TimelineEntry
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.history import History, HistoryChannel, HistoryDelivery, HistoryEntry, HistoryRepository
from tui_inbox.repository.outbox import NewOutgoing
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit

WROTE = NOW - timedelta(hours=3)
ANSWERED = NOW - timedelta(hours=2)
AGAIN = NOW - timedelta(hours=1)
ADA = NewContact("Ada", "Lovelace", "ada@example.com", "+15550001111", "en", "GB", ("vip",), {"plan": "Gold"})
MESSAGE = "0196a3c0-6f00-7000-8000-000000000001"
WINDOW = timedelta(hours=24)


async def at_once(unit: Unit, place: Place) -> int:
    entries = (
        HistoryEntry(WROTE, Direction.INBOUND, "Hello", channel_id=place.whatsapp, provider_id="a1"),
        HistoryEntry(WROTE, None, event="opened", detail={"by": "customer"}),
        HistoryEntry(
            ANSWERED,
            Direction.OUTBOUND,
            "Hi Ada",
            author_id=place.ana,
            channel_id=place.whatsapp,
            delivery=HistoryDelivery(MESSAGE, DeliveryState.QUEUED),
        ),
        HistoryEntry(ANSWERED, Direction.NOTE, "VIP", author_id=place.ana),
        HistoryEntry(AGAIN, Direction.INBOUND, "Thanks", channel_id=place.whatsapp, provider_id="a2"),
    )
    history = History(
        ADA,
        (HistoryChannel(place.whatsapp, "+15550001111"),),
        entries,
        ConversationStatus.OPEN,
        assignee_id=place.ana,
    )
    channels = {channel.id: channel for channel in await unit.directory.channels()}
    return (await HistoryRepository.within(unit).add(unit, [history], channels, NOW))[0]


async def step_by_step(unit: Unit, place: Place) -> int:
    contact = await unit.contacts.add(ADA, WROTE)
    link = await unit.contacts.add_channel(contact, place.whatsapp, "+15550001111", started=True, now=WROTE)
    await _wrote(unit, place, contact, link, WROTE, "Hello", "a1")
    await unit.timeline.add_event(
        contact_id=contact, event="opened", actor_id=None, at=WROTE, detail={"by": "customer"}
    )
    before = await unit.conversations.get(contact)
    opened = replace(before, status=ConversationStatus.OPEN, assignee_id=place.ana, opened_at=WROTE)
    await unit.conversations.save(before, opened)
    await unit.outbox.queue(
        NewOutgoing(
            message_id=MESSAGE,
            contact_id=contact,
            contact_channel_id=link,
            channel_id=place.whatsapp,
            content_kind=ContentKind.TEXT,
            body="Hi Ada",
            template=None,
            tag="",
            idempotency_key=MESSAGE,
            draft_id=None,
            client_key=None,
            due_at=ANSWERED,
            queued_by_id=place.ana,
            created_at=ANSWERED,
        )
    )
    await unit.timeline.add_outgoing(
        message_id=MESSAGE,
        contact_id=contact,
        contact_channel_id=link,
        channel_id=place.whatsapp,
        at=ANSWERED,
        author_id=place.ana,
        body="Hi Ada",
    )
    await unit.contacts.record_outbound(link, ANSWERED)
    await unit.conversations.touch(
        contact,
        at=ANSWERED,
        preview="Hi Ada",
        direction=Direction.OUTBOUND,
        contact_channel_id=link,
        waiting=False,
        unread_delta=-1,
    )
    await unit.timeline.add_note(contact_id=contact, author_id=place.ana, body="VIP", at=ANSWERED)
    await _wrote(unit, place, contact, link, AGAIN, "Thanks", "a2")
    return contact


async def _wrote(unit: Unit, place: Place, contact: int, link: int, at: datetime, body: str, ident: str) -> None:
    await unit.timeline.add_inbound(
        contact_id=contact,
        contact_channel_id=link,
        channel_id=place.whatsapp,
        provider_id=ident,
        at=at,
        arrived_at=at,
        body=body,
    )
    await unit.contacts.record_inbound(link, qualifying_at=at, inbound_at=at)
    await unit.conversations.touch(
        contact,
        at=at,
        preview=body,
        direction=Direction.INBOUND,
        contact_channel_id=link,
        waiting=True,
        unread_delta=1,
    )
    await unit.conversations.refresh_window(contact, at + WINDOW, True)


Seen = tuple[InboxRow, Conversation, list[ContactChannel], list[TimelineEntry], list[int]]


async def seen(unit: Unit, contact: int) -> Seen:
    """All that a reader gets of the contact, without what numbers the rows."""
    row = await unit.inbox.row(contact, InboxFilter(), now=NOW)
    assert row is not None
    conversation = await unit.conversations.get(contact)
    channels = await unit.contacts.channels_of(contact)
    message = await unit.outbox.get(MESSAGE)
    assert message is not None
    assert row.last_used is not None
    anonymous = replace(row.last_used, id=0, contact_id=0)
    return (
        row._replace(contact_id=0, cursor="", version=0, last_used=anonymous),
        replace(conversation, contact_id=0, last_channel_id=0, version=0),
        [replace(item, id=0, contact_id=0) for item in channels],
        [replace(entry, key="") for entry in await unit.timeline.page(contact)],
        [message.seq, message.version, message.attempts],
    )


async def test_both_ways_give_the_same(store: Store, place: Place) -> None:
    class UndoError(Exception):
        """Takes the first way back, so that both begin alike."""

    found: list[Seen] = []

    async def first(unit: Unit) -> None:
        found.append(await seen(unit, await step_by_step(unit, place)))
        raise UndoError

    async def second(unit: Unit) -> None:
        found.append(await seen(unit, await at_once(unit, place)))

    try:
        await store.write(first)
    except UndoError:
        await store.write(second)
    assert found[0] == found[1]


async def test_contacts_alone(store: Store, place: Place) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    histories = [
        History(ADA, (HistoryChannel(place.telegram, "77", started=False),), since=long_ago),
        History(NewContact("Bob"), blocked=True),
    ]

    async def work(unit: Unit) -> list[int]:
        channels: dict[int, Channel] = {channel.id: channel for channel in await unit.directory.channels()}
        return await HistoryRepository.within(unit).add(unit, histories, channels, NOW)

    ada, bob = await store.write(work)
    async with store.read() as unit:
        conversation = await unit.conversations.get(ada)
        [chat] = await unit.contacts.channels_of(ada)
        blocked = await unit.contacts.get(bob)
    assert (conversation.status, conversation.last_activity_at) == (ConversationStatus.NONE, long_ago)
    assert (chat.address, chat.facts.started, chat.facts.last_qualifying_at) == ("77", False, None)
    assert blocked is not None
    assert blocked.blocked


async def test_nothing_is_nothing(store: Store) -> None:
    assert await store.write(lambda unit: HistoryRepository.within(unit).add(unit, [], {}, NOW)) == []
