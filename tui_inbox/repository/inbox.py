"""The inbox list: pages by key, counts, and what can be filtered by. A constant number of queries per page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Label, Select, and_, func, literal_column, select
from sqlalchemy.sql import visitors

from tui_inbox.domain.delivery import NEEDS_PERSON
from tui_inbox.domain.filters import InboxFilter, InboxKind, StatusCounts
from tui_inbox.domain.kinds import ChannelKind, ConversationStatus, DeliveryState, Direction, SortOrder
from tui_inbox.domain.models import Contact, ContactChannel, InboxFacets, InboxRow
from tui_inbox.domain.search import SearchQuery, matched_fields
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.columns import in_states
from tui_inbox.repository.contacts import ContactRepository, contact_row
from tui_inbox.repository.directory import DirectoryRepository
from tui_inbox.repository.paging import Cursor, Segment, decode, in_segment, segments_of
from tui_inbox.repository.search import (
    Names,
    conditions,
    is_plain,
    needs_agents,
    needs_channels,
    storable_query,
    whole_emails,
)
from tui_inbox.repository.search_index import Hit, Hits, index_of
from tui_inbox.repository.search_tables import channel_counts, conversation_counts, tag_counts
from tui_inbox.repository.tables import (
    agents,
    contacts,
    conversations,
    outbox,
)

MOST_SEGMENTS = 4
MOST_COUNTED = 2000
"""Counting what a search or filter finds stops here, per status."""
MOST_SORTED = 2000
"""Hits that are taken from the index to be sorted; of more, the list in its own order soon finds enough."""


@dataclass(frozen=True)
class _Stretch:
    """What is read of one segment."""

    segment: Segment
    place: Cursor | None
    limit: int
    backwards: bool


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
        if is_plain(f):
            return StatusCounts(**await self._kept_counts(f))
        names, hits = await self._names(f), await index_of(self._connection).hits(f, all_of_them=True)
        demands = conditions(f, names, now, with_status=False, with_words=hits is None)
        if hits is not None:
            found = await hits.counts(demands, MOST_COUNTED)
        else:
            found = await self._bounded_counts(demands)
        return StatusCounts(**found, bound=MOST_COUNTED)

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
        kinds = await self._all(
            select(channel_counts.c.kind, channel_counts.c.number)
            .where(channel_counts.c.number > 0)
            .order_by(channel_counts.c.number.desc(), channel_counts.c.kind)
        )
        used = tag_counts.c.number
        tags = await self._all(
            select(func.min(tag_counts.c.tag), func.sum(used))
            .where(used > 0)
            .group_by(tag_counts.c.tag_folded)
            .order_by(func.sum(used).desc(), tag_counts.c.tag_folded)
        )
        held = func.sum(conversation_counts.c.number)
        assignees = await self._all(
            select(agents.c.handle, held)
            .join(conversation_counts, conversation_counts.c.assignee_id == agents.c.id)
            .group_by(agents.c.id)
            .having(held > 0)
            .order_by(held.desc(), agents.c.handle_folded)
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
        names, hits = await self._names(f), await index_of(self._connection).hits(f)
        streams = hits is not None and f.sort in {SortOrder.LATEST, SortOrder.OLDEST}
        demands, narrow = (conditions(f, names, begun, with_words=with_words) for with_words in (True, False))
        if hits is not None and not streams:
            demands += await self._among(hits, narrow)
        segments = list(enumerate(self._segments(f, begun)))
        found: list[tuple[int, Segment, AnyRow]] = []
        for index, segment in reversed(segments) if backwards else segments:
            if place is not None and (index > place.segment if backwards else index < place.segment):
                continue
            here = place if place is not None and index == place.segment else None
            stretch = _Stretch(segment, here, limit - len(found), backwards)
            if streams and hits is not None and not segment.few:
                rows = await self._streamed(hits, narrow, stretch)
            else:
                rows = await self._listed(demands, stretch)
            found += [(index, segment, row) for row in rows]
            if len(found) >= limit:
                break
        return await self._complete(found[::-1] if backwards else found, f, begun)

    async def _listed(self, demands: Sequence[ColumnElement[bool]], stretch: _Stretch) -> list[AnyRow]:
        """Rows of a stretch off the list in its own order, each looked at."""
        segment, here = stretch.segment, stretch.place
        statement = in_segment(_rows().where(*demands), segment)
        if here is not None:
            statement = statement.where(segment.beyond(here.at, here.contact_id, backwards=stretch.backwards))
        statement = statement.order_by(*segment.order(backwards=stretch.backwards))
        return await self._all(statement.limit(stretch.limit))

    async def _streamed(self, hits: Hits, demands: Sequence[ColumnElement[bool]], stretch: _Stretch) -> list[AnyRow]:
        """Rows of a stretch out of the index, which gives them in order."""
        segment, here = stretch.segment, stretch.place
        asked = [*demands] if segment.condition is None else [*demands, segment.condition]
        place = None if here is None else Hit(here.at, here.contact_id)
        newest_first = segment.descending is not stretch.backwards
        found = await hits.in_order(asked, place, stretch.limit, newest_first=newest_first)
        ids = [hit.contact_id for hit in found]
        rows = await self._all(_rows().where(conversations.c.contact_id.in_(ids))) if ids else []
        by_id = {row.contact_id: row for row in rows}
        return [by_id[ident] for ident in ids]

    async def _among(self, hits: Hits, demands: Sequence[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
        """That a conversation is one of the hits, where they are few enough to be sorted."""
        ids = await hits.some(demands, MOST_SORTED + 1)
        return [conversations.c.contact_id.in_(ids)] if len(ids) <= MOST_SORTED else []

    async def _kept_counts(self, f: InboxFilter) -> dict[str, int]:
        """The numbers of a whole inbox, which are always kept."""
        counts = conversation_counts.c
        statement = select(counts.status, func.sum(counts.number)).group_by(counts.status)
        match f.inbox:
            case InboxKind.MINE:
                statement = statement.where(counts.assignee_id == (f.agent_id or -1))
            case InboxKind.UNASSIGNED:
                statement = statement.where(counts.assignee_id == 0)
            case InboxKind.TEAM:
                statement = statement.where(counts.team_id == (f.team_id or -1))
        return {status: int(number) for status, number in await self._all(statement)}

    async def _bounded_counts(self, demands: Sequence[ColumnElement[bool]]) -> dict[str, int]:
        found = {}
        for status in ConversationStatus:
            one = _joined(select(literal_column("1")), demands).where(*demands, conversations.c.status == status)
            found[status.value] = int(
                await self._value(select(func.count()).select_from(one.limit(MOST_COUNTED).subquery()))
            )
        return found

    def _segments(self, f: InboxFilter, now: datetime) -> list[Segment]:
        return segments_of(f.sort, now, whole_emails(storable_query(f.query)))

    async def _names(self, f: InboxFilter) -> Names:
        directory = DirectoryRepository(self._connection)
        return Names(
            await directory.agents() if needs_agents(f) else (),
            await directory.channels() if needs_channels(f) else (),
        )

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
