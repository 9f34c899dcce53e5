"""The inbox list: pages by key, counts, and what can be filtered by. A constant number of queries per page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Label, Select, and_, func, select
from sqlalchemy.sql import visitors

from tui_inbox.domain.delivery import NEEDS_PERSON
from tui_inbox.domain.filters import InboxFilter, StatusCounts
from tui_inbox.domain.kinds import ChannelKind, ConversationStatus, DeliveryState, Direction
from tui_inbox.domain.models import Contact, ContactChannel, InboxFacets, InboxRow
from tui_inbox.domain.search import SearchQuery, matched_fields
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.columns import in_states
from tui_inbox.repository.contacts import ContactRepository, contact_row
from tui_inbox.repository.directory import DirectoryRepository
from tui_inbox.repository.paging import Cursor, Segment, decode, in_segment, segments_of
from tui_inbox.repository.search import Names, conditions, needs_names, storable_query, whole_emails
from tui_inbox.repository.tables import (
    agents,
    channels,
    contact_channels,
    contact_tags,
    contacts,
    conversations,
    outbox,
)

MOST_SEGMENTS = 4


class InboxRepository(Repository):
    """Reads of the inbox list."""

    async def page(
        self,
        f: InboxFilter,
        *,
        now: datetime,
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[InboxRow]:
        """Rows after (or right before) a cursor, or the first ones, in the list's order.

        Raises :class:`UsageError` for a cursor that is not one of this order.
        """
        cursor = before if before is not None else after
        place = None if cursor is None else decode(cursor, f.sort, MOST_SEGMENTS)
        return await self._page(f, now, place, limit, backwards=before is not None)

    async def last_page(self, f: InboxFilter, *, now: datetime, limit: int = 50) -> list[InboxRow]:
        """The last rows of the list, in its order."""
        return await self._page(f, now, None, limit, backwards=True)

    async def counts(self, f: InboxFilter, *, now: datetime) -> StatusCounts:
        """How many contacts the filter finds per status, its own status left out."""
        demands = conditions(f, await self._names(f), now, with_status=False)
        statement = _joined(select(conversations.c.status, func.count()), demands).where(*demands)
        found = dict(map(tuple, await self._all(statement.group_by(conversations.c.status))))
        return StatusCounts(**{status.value: found.get(status.value, 0) for status in ConversationStatus})

    async def row(self, contact_id: int, f: InboxFilter, *, now: datetime) -> InboxRow | None:
        """The row of one contact as the list would show it now; ``None`` when the filter does not find it."""
        names = await self._names(f)
        for index, segment in enumerate(self._segments(f, now)):
            statement = in_segment(_rows().where(conversations.c.contact_id == contact_id), segment)
            found = await self._first(statement.where(*conditions(f, names, now)))
            if found is not None:
                return (await self._complete([(index, segment, found)], f, now))[0]
        return None

    async def position(self, f: InboxFilter, cursor: str, *, now: datetime) -> int:
        """Number of rows before the row of this cursor."""
        place = decode(cursor, f.sort, MOST_SEGMENTS)
        demands = conditions(f, await self._names(f), place.now)
        total = 0
        for index, segment in enumerate(self._segments(f, place.now)[: place.segment + 1]):
            statement = in_segment(_joined(select(func.count()), demands, segment).where(*demands), segment)
            if index == place.segment:
                statement = statement.where(segment.beyond(place.at, place.contact_id, backwards=True))
            total += int(await self._value(statement))
        return total

    async def facets(self) -> InboxFacets:
        """What the inbox can be filtered by, the most frequent first."""
        count = func.count(contact_channels.c.contact_id.distinct())
        kinds = await self._all(
            select(channels.c.kind, count)
            .join(contact_channels, contact_channels.c.channel_id == channels.c.id)
            .group_by(channels.c.kind)
            .order_by(count.desc(), channels.c.kind)
        )
        tags = await self._all(
            select(func.min(contact_tags.c.tag), func.count())
            .group_by(contact_tags.c.tag_folded)
            .order_by(func.count().desc(), contact_tags.c.tag_folded)
        )
        assignees = await self._all(
            select(agents.c.handle, func.count())
            .join(conversations, conversations.c.assignee_id == agents.c.id)
            .group_by(agents.c.id)
            .order_by(func.count().desc(), agents.c.handle_folded)
        )
        return InboxFacets(
            tuple((ChannelKind(kind), number) for kind, number in kinds),
            tuple((tag, number) for tag, number in tags),
            tuple((handle, number) for handle, number in assignees),
        )

    async def _page(
        self, f: InboxFilter, now: datetime, place: Cursor | None, limit: int, *, backwards: bool
    ) -> list[InboxRow]:
        begun = now if place is None else place.now
        demands = conditions(f, await self._names(f), begun)
        segments = list(enumerate(self._segments(f, begun)))
        found: list[tuple[int, Segment, AnyRow]] = []
        for index, segment in reversed(segments) if backwards else segments:
            if place is not None and (index > place.segment if backwards else index < place.segment):
                continue
            statement = in_segment(_rows().where(*demands), segment)
            if place is not None and index == place.segment:
                statement = statement.where(segment.beyond(place.at, place.contact_id, backwards=backwards))
            statement = statement.order_by(*segment.order(backwards=backwards)).limit(limit - len(found))
            found += [(index, segment, row) for row in await self._all(statement)]
            if len(found) >= limit:
                break
        return await self._complete(found[::-1] if backwards else found, f, begun)

    def _segments(self, f: InboxFilter, now: datetime) -> list[Segment]:
        return segments_of(f.sort, now, whole_emails(storable_query(f.query)))

    async def _names(self, f: InboxFilter) -> Names:
        if not needs_names(f):
            return Names()
        directory = DirectoryRepository(self._connection)
        return Names(await directory.agents(), await directory.channels())

    async def _complete(
        self, found: Sequence[tuple[int, Segment, AnyRow]], f: InboxFilter, now: datetime
    ) -> list[InboxRow]:
        """The rows with what other tables know of them, read for all of them at once."""
        ids = [row.contact_id for _, _, row in found]
        if not ids:
            return []
        people = ContactRepository(self._connection)
        tags, reached = await people.tags_of(ids), await people.channels_of_all(ids)
        query = storable_query(f.query)
        rows = []
        for index, segment, row in found:
            contact = contact_row(row, tags.get(row.contact_id, ()))
            at = getattr(row, segment.column.name)
            cursor = Cursor(f.sort, index, at, row.contact_id, now).encode()
            rows.append(_inbox_row(row, contact, tuple(reached[row.contact_id]), _matched(contact, query), cursor))
        return rows


_CONVERSATION = tuple(
    conversations.c[name]
    for name in (
        "contact_id",
        "status",
        "version",
        "last_activity_at",
        "waiting_since",
        "snoozed_until",
        "window_ends_at",
        "unread",
        "preview",
        "preview_direction",
    )
)
_CONTACT = tuple(
    contacts.c[name]
    for name in ("id", "first_name", "last_name", "email", "phone", "language", "country", "blocked", "custom")
)


def _messages(states: Collection[DeliveryState], label: str) -> Label[int]:
    """How many messages of a conversation's contact need a person because they are in one of ``states``."""
    needing = in_states(outbox.c.state, NEEDS_PERSON)  # in these words, so that the index of those few serves it
    wanted = needing if states == NEEDS_PERSON else and_(needing, outbox.c.state.in_(states))
    counted = select(func.count()).where(wanted, outbox.c.contact_id == conversations.c.contact_id)
    return counted.correlate(conversations).scalar_subquery().label(label)


_TROUBLE = (_messages(NEEDS_PERSON, "failed"), _messages({DeliveryState.UNCERTAIN}, "uncertain"))


def _rows() -> Select[Any]:
    joined = conversations.join(contacts, contacts.c.id == conversations.c.contact_id).outerjoin(
        agents, agents.c.id == conversations.c.assignee_id
    )
    return select(*_CONVERSATION, *_CONTACT, agents.c.handle, *_TROUBLE).select_from(joined)


def _joined(
    statement: Select[Any], demands: Sequence[ColumnElement[bool]], segment: Segment | None = None
) -> Select[Any]:
    """Counting needs the contacts only where something is asked of them."""
    asked = [*demands, *([] if segment is None or segment.condition is None else [segment.condition])]
    if any(contacts in _tables(demand) for demand in asked):
        return statement.select_from(conversations.join(contacts, contacts.c.id == conversations.c.contact_id))
    return statement.select_from(conversations)


def _tables(condition: ColumnElement[bool]) -> set[Any]:
    return {getattr(item, "table", None) for item in visitors.iterate(condition)}


def _matched(contact: Contact, query: SearchQuery) -> tuple[str, ...]:
    return (matched_fields(contact, query) or ()) if query.terms else ()


def _inbox_row(
    row: AnyRow,
    contact: Contact,
    owned: tuple[ContactChannel, ...],
    matched: tuple[str, ...],
    cursor: str,
) -> InboxRow:
    return InboxRow(
        contact_id=contact.id,
        name=contact.name,
        email=contact.email,
        phone=contact.phone,
        status=ConversationStatus(row.status),
        assignee=row.handle or "",
        last_activity_at=row.last_activity_at,
        preview=row.preview,
        preview_direction=None if row.preview_direction is None else Direction(row.preview_direction),
        channels=owned,
        window_ends_at=row.window_ends_at,
        waiting_since=row.waiting_since,
        snoozed_until=row.snoozed_until,
        unread=row.unread,
        tags=contact.tags,
        blocked=contact.blocked,
        failed=row.failed,
        uncertain=row.uncertain,
        matched=matched,
        version=row.version,
        cursor=cursor,
    )
