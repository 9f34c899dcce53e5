"""The inbox list: pages by key, counts, and what can be filtered by. A constant number of statements per page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from tui_inbox.domain.filters import InboxFilter, StatusCounts
from tui_inbox.domain.kinds import ChannelKind, ConversationStatus
from tui_inbox.domain.models import Channel, InboxFacets, InboxRow
from tui_inbox.repository.base import Repository
from tui_inbox.repository.demands import Demands
from tui_inbox.repository.directory import DirectoryRepository
from tui_inbox.repository.inbox_rows import Asked, InboxRows, Placed
from tui_inbox.repository.listing import Listing, Stretch
from tui_inbox.repository.paging import Cursor, Segment, cursors, decode, segments_of
from tui_inbox.repository.search import (
    Names,
    conditions,
    counted_in,
    inbox_conditions,
    is_plain,
    needs_agents,
    needs_channels,
    status_conditions,
    storable_query,
    tags_asked,
    whole_emails,
    words_demanded,
)
from tui_inbox.repository.search_index import Hit, Hits, Sayings, index_of
from tui_inbox.repository.search_tables import channel_counts, conversation_counts, tag_counts
from tui_inbox.repository.tables import agents, contact_tags, contacts, conversations

MOST_SEGMENTS = 4
MOST_COUNTED = 5000
"""Counting what a search or filter finds stops here."""
MOST_SORTED = 1250
"""Hits that are taken from the index to be sorted; of more, the list in its own order soon finds enough."""
MOST_FEW = 100
"""Hits that are taken from the index at once for an order that has several segments."""
MOST_TAGGED = 1000
"""Contacts with a tag that are looked at one by one; of more, the list in its own order soon finds enough."""
MOST_SAYING = 500
"""Contacts that a search in messages finds: those with the newest messages."""


@dataclass(frozen=True)
class _Question:
    """A filter, ready to be asked."""

    filter: InboxFilter
    narrow: Demands
    """What is demanded beside inbox, status and words."""
    hits: Hits | None
    channels: Sequence[Channel] = ()
    """All there are, where one of them is asked for."""
    sayings: Sayings | None = None
    few: Collection[int] | None = None
    """The contacts that meet all demands, where they were few enough to be found at once."""
    typed: Collection[int] | None = None
    """The contacts whose whole email is one of the words; ``None`` where none of these could be one."""
    among: Collection[int] | None = None
    """The contacts among which are all that meet the demands, where one of these leaves few."""

    @property
    def demands(self) -> Demands:
        """Everything that a row must meet."""
        return Demands(status_conditions(self.filter.status)) + self.demands_of_any_status

    @property
    def demands_of_any_status(self) -> Demands:
        """The same whatever the status."""
        f = self.filter
        of_inbox = Demands(inbox_conditions(f.inbox, f.agent_id, f.team_id))
        return of_inbox + self.narrow + words_demanded(storable_query(f.query).terms)

    def segments(self, now: datetime) -> list[Segment]:
        """Of the list as it is sorted."""
        return segments_of(self.filter.sort, now, self.typed)

    def few_of(self, segment: Segment) -> Collection[int] | None:
        """The contacts among which are all of a segment, where these are known."""
        known = [some for some in (self.typed if segment.few else None, self.few, self.among) if some is not None]
        return list(set(known[0]).intersection(*known[1:])) if known else None

    @property
    def entries(self) -> Mapping[int, int]:
        """By contact, the message that a text search has found."""
        return {} if self.sayings is None else self.sayings.found


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
        """How many contacts the filter finds per status, its own status left out.

        Where counting stopped, :attr:`StatusCounts.complete` says so.
        """
        if is_plain(f):
            return await self._kept_counts(f)
        asked = await self._asked(f, now, of_any_status=True)
        if asked.hits is not None:
            counted = await asked.hits.counts(asked.narrow, MOST_COUNTED)
        else:
            few = asked.among if asked.sayings is None else asked.entries
            counted = await Listing(self._connection).counted(asked.demands_of_any_status, MOST_COUNTED, few)
        complete = counted.complete and (asked.sayings is None or asked.sayings.complete)
        return _status_counts(counted.numbers, complete=complete)

    async def row(self, contact_id: int, f: InboxFilter, *, now: datetime) -> InboxRow | None:
        """The row of one contact as the list would show it now; ``None`` when the filter does not find it."""
        only = conversations.c.contact_id == contact_id
        asked = await self._asked(f, now, only)
        for index, segment in enumerate(asked.segments(now)):
            stretch = Stretch(index, segment, None, 1, False)
            for place in await Listing(self._connection).placed(asked.demands, stretch, asked.few_of(segment)):
                rows = await self._rows(f, now, [place], asked)
                return rows[0] if rows else None
        return None

    async def position(self, f: InboxFilter, cursor: str, *, now: datetime) -> int:
        """Number of rows before the row of this cursor."""
        place = decode(cursor, f.sort, MOST_SEGMENTS)
        asked = await self._asked(f, place.now)
        total = 0
        for index, segment in enumerate(asked.segments(place.now)[: place.segment + 1]):
            before = place.hit if index == place.segment else None
            total += await Listing(self._connection).number(asked.demands, segment, before, asked.few_of(segment))
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
        asked = await self._asked(f, begun)
        segments = list(enumerate(asked.segments(begun)))
        if asked.hits is not None and len(segments) > 1:
            asked = replace(asked, few=await asked.hits.few(asked.narrow, MOST_FEW))
        found: list[Placed] = []
        for index, segment in reversed(segments) if backwards else segments:
            if place is not None and (index > place.segment if backwards else index < place.segment):
                continue
            here = place.hit if place is not None and index == place.segment else None
            found += await self._stretch(asked, Stretch(index, segment, here, limit - len(found), backwards))
            if len(found) >= limit:
                break
        return await self._rows(f, begun, found[::-1] if backwards else found, asked)

    async def _asked(
        self, f: InboxFilter, now: datetime, *more: ColumnElement[bool], of_any_status: bool = False
    ) -> _Question:
        """What the filter demands, and ``more``; a search in messages is done here already."""
        index = index_of(self._connection)
        names = await self._names(f)
        typed = None if of_any_status else await self._typed(f)
        narrow, among = conditions(f, names, now).and_also(*more), await self._tagged(f)
        question = _Question(f, narrow, None, names.channels, typed=typed, among=among)
        if f.query.texts:
            demands = question.demands_of_any_status if of_any_status else question.demands
            sayings = await index.sayings(storable_query(f.query).texts, demands, MOST_SAYING)
            question = replace(question, sayings=sayings)
            return replace(question, few=question.entries)
        if more or question.among is not None:
            return question
        return replace(question, hits=await index.hits(f, all_of_them=of_any_status))

    async def _stretch(self, asked: _Question, stretch: Stretch) -> list[Placed]:
        """The contacts of one stretch, by the way that is quickest there."""
        listing = Listing(self._connection)
        few = asked.few_of(stretch.segment)
        if few is not None:
            demands = asked.demands if asked.few is None else Demands()
            return await listing.placed(demands, stretch, few) if few else []
        found = None
        if asked.hits is not None:
            found = await self._indexed(asked.hits, asked.narrow, stretch)
        if found is None:
            return await listing.placed(asked.demands, stretch)
        return [Placed(contact_id, stretch.index, at) for at, contact_id in found]

    async def _indexed(self, hits: Hits, narrow: Demands, stretch: Stretch) -> list[Hit] | None:
        """Out of the index, which gives them in the order of last activity; few hits can be sorted otherwise."""
        segment, place, limit = stretch.segment, stretch.place, stretch.limit
        demands = narrow.and_also(segment.condition)
        descending = segment.descending is not stretch.backwards
        if segment.column is conversations.c.last_activity_at:
            return await hits.in_order(demands, place, limit, newest_first=descending)
        if segment.column is conversations.c.waiting_since:
            return await hits.waiting(demands, place, limit, longest_first=not descending)
        return await hits.sorted_by(segment.column.name, demands, place, limit, descending=descending, most=MOST_SORTED)

    async def _rows(self, f: InboxFilter, now: datetime, found: Sequence[Placed], asked: _Question) -> list[InboxRow]:
        said = Asked(cursors(f.sort, now), storable_query(f.query), asked.entries, asked.channels)
        return await InboxRows(self._connection).complete(found, said)

    async def _kept_counts(self, f: InboxFilter) -> StatusCounts:
        """The numbers of a whole inbox, which are always kept."""
        counts = conversation_counts.c
        statement = select(counts.status, func.sum(counts.number)).where(counted_in(f)).group_by(counts.status)
        return _status_counts({status: int(number) for status, number in await self._all(statement)}, complete=True)

    async def _typed(self, f: InboxFilter) -> list[int] | None:
        """The contacts whose whole email is one of the words; ``None`` where none of these could be one."""
        emails = whole_emails(storable_query(f.query))
        if not emails:
            return None
        return [row.id for row in await self._all(select(contacts.c.id).where(contacts.c.email_folded.in_(emails)))]

    async def _tagged(self, f: InboxFilter) -> list[int] | None:
        """The contacts with the tags that are asked for, where these are few."""
        for tags in tags_asked(f):
            used = await self._value(select(func.sum(tag_counts.c.number)).where(tag_counts.c.tag_folded.in_(tags)))
            if (used or 0) <= MOST_TAGGED:
                having = select(contact_tags.c.contact_id).where(contact_tags.c.tag_folded.in_(tags))
                return list({row.contact_id for row in await self._all(having)})
        return None

    async def _names(self, f: InboxFilter) -> Names:
        directory = DirectoryRepository(self._connection)
        return Names(
            await directory.agents() if needs_agents(f) else (),
            await directory.channels() if needs_channels(f) else (),
        )


def _status_counts(numbers: Mapping[str, int], *, complete: bool) -> StatusCounts:
    by_status = {status.value: numbers.get(status.value, 0) for status in ConversationStatus}
    return StatusCounts(
        by_status["open"], by_status["snoozed"], by_status["closed"], by_status["none"], complete=complete
    )
