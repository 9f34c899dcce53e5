"""Reading hits from the search index of PostgreSQL, in the order of the list or of few in another order.

Which tokens are asked for is decided in ``postgresql_search``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.search import Term
from tui_inbox.repository.base import Repository
from tui_inbox.repository.clauses import beyond, joined_to, rendered_of
from tui_inbox.repository.demands import Demands
from tui_inbox.repository.entry_clauses import on_entry, on_owner
from tui_inbox.repository.postgresql_search_schema import (
    ASSIGNEE,
    BUCKET_ROWS,
    BUCKET_SHIFT,
    LEVELS,
    STATUS_CODES,
    TEAM,
    TOKENS,
    WAITING,
    group,
    negative,
)
from tui_inbox.repository.search_index import Counted, Hit
from tui_inbox.repository.straight import rows_of

ENOUGH = 4
"""A group of buckets is first asked that should hold so many times what is wanted."""
STEP = 2
"""Levels from there to the next group, which is asked where that was not enough."""
FEW, MANY = 2000, 40_000
"""So many hits in all are sorted at once, without asking for groups; so many where the first group was not enough. The
index has them sooner than those of a large group."""
CLEARLY = 4
"""Where so many times as many hits of one word are expected as are sorted, nobody looks whether they are that few."""
SURELY = 50
"""Where so many times as many hits are expected as would be few, nobody looks whether they are few."""
MOST_OF_PAIRS = 1250
"""So many hits of several words are few. To find out that there are more takes nearly as long as to have them all."""
MOST_WAITING = 1000
"""Hits among those who wait that are sorted at once; more are soon met in the list of all who wait."""
WALKED = 4000
"""So many of that list are looked at for a page. Words that it does not have there are rare enough to be sorted."""

_CONTACT, _SINCE = "e.contact_id", "e.waiting"
_TOKENS = TOKENS.replace("search_entries.", "e.")


class PostgresqlHits(Repository):
    """Hits of some words, verified on each entry."""

    def __init__(
        self,
        connection: AsyncConnection,
        f: InboxFilter,
        terms: Sequence[Term],
        ways: Sequence[list[int]],
        share: float,
        waiting: float,
        newest: int,
        *,
        several: bool,
    ) -> None:
        """``share`` of the conversations have the words, ``waiting`` of all wait for an answer: estimates.

        ``newest``: the bucket of the newest; ``several``: the index is asked for more than one word.
        """
        super().__init__(connection)
        self._filter, self._ways, self._share, self._waiting, self._newest = f, ways, share, waiting, newest
        self._several = several
        self._words, self._owner = on_entry(terms, "strpos"), on_owner(f)

    async def in_order(self, demands: Demands, place: Hit | None, limit: int, *, newest_first: bool) -> list[Hit]:
        """The first ``limit`` in the order of last activity that meet ``demands``; with a ``place`` those after it."""
        there, order = beyond("e.at, e.contact_id", place, descending=newest_first), _order("e.at", newest_first)
        found: list[Hit] = []
        async for asked, stretch in self._stretches(place, limit, newest_first=newest_first):
            values = {"limit": limit - len(found), **there.values}
            matching = self._matching("e.at, e.contact_id", demands, asked, values, there.text, stretch)
            found += await self._hits(f"{matching} {order} LIMIT :limit", values)
            if len(found) >= limit:
                break
        return found

    async def sorted_by(
        self,
        column: str,
        demands: Demands,
        place: Hit | None,
        limit: int,
        *,
        descending: bool,
        most: int,
    ) -> list[Hit] | None:
        """The first ``limit`` by another instant of the conversation, if the hits are ``most`` at the most."""
        ids = None
        if self._several or self._expected <= most * CLEARLY:
            ids = await self._all_up_to(most, demands)
        if ids is None:
            return None
        at = f"conversations.{column}"
        there = beyond(f"{at}, contact_id", place, descending=descending)
        after = there.text and f"AND {there.text}"
        statement = f"SELECT {at} AS at, contact_id FROM conversations WHERE contact_id = ANY(CAST(:ids AS bigint[]))"
        values = {"ids": ids, "limit": limit, **there.values}
        return await self._hits(f"{statement} {after} {_order(at, descending, 'contact_id')} LIMIT :limit", values)

    async def waiting(self, demands: Demands, place: Hit | None, limit: int, *, longest_first: bool) -> list[Hit]:
        """The first ``limit`` of those who wait for an answer, by since when; with a ``place`` those after it."""
        key = "e.waiting, e.contact_id"
        there, order = beyond(key, place, descending=not longest_first), _order("e.waiting", not longest_first)
        waits = f"e.waiting > 0 AND {there.text}" if there.text else "e.waiting > 0"
        found: list[Hit] = []
        if self._expected * self._waiting > MOST_WAITING:
            values: dict[str, Any] = {"limit": limit, "walked": WALKED, **there.values}
            edge, side = ("max", "<=") if longest_first else ("min", ">=")
            first = f"SELECT e.waiting AS last FROM search_entries e WHERE {waits} {order} LIMIT :walked"
            near = f"e.waiting {side} (SELECT {edge}(last) FROM ({first}) walked)"
            entries = self._entries(key, demands, values, waits, near)
            found = await self._hits(f"{entries} {order} LIMIT :limit", values)
        if len(found) < limit:  # rarer than it seemed
            values = {"limit": limit, **there.values}
            matching = self._matching(key, demands, [negative(WAITING, 0)], values, waits)
            found = await self._hits(f"{matching} {order} LIMIT :limit", values)
        return found

    async def few(self, demands: Demands, most: int) -> list[int] | None:
        """The contacts of all hits, if they are ``most`` at the most, or :data:`MOST_OF_PAIRS` of several words."""
        # Of one word the estimate is seldom far off; two may never go together.
        if not self._several and self._expected > most * SURELY:
            return None
        return await self._all_up_to(max(most, MOST_OF_PAIRS) if self._several else most, demands)

    async def counts(self, demands: Demands, most: int) -> Counted:
        """How many of each status meet ``demands``, among ``most`` of the newest."""
        numbers = dict.fromkeys(STATUS_CODES, 0)
        names = {code: name for name, code in STATUS_CODES.items()}
        left = most
        async for asked, stretch in self._stretches(None, most, newest_first=True):
            values: dict[str, Any] = {"limit": left}
            some = self._matching("e.status", demands, asked, values, stretch, status=False)
            statement = f"SELECT status, count(*) FROM ({some} LIMIT :limit) looked GROUP BY status"
            for code, number in await rows_of(self._connection, statement, values):
                numbers[names[code]] += number
                left -= number
            if left <= 0:
                break
        return Counted(numbers, complete=left > 0)

    async def _stretches(
        self, place: Hit | None, wanted: int, *, newest_first: bool
    ) -> AsyncIterator[tuple[list[int], str]]:
        """Groups of buckets in the order of the list, larger and larger: their tokens, and a condition beside them."""
        newest, expected = self._newest, self._expected
        bucket = (newest if newest_first else 0) if place is None else await self._bucket(place)
        level = LEVELS if expected <= FEW else 0
        while level < LEVELS and 0 <= bucket <= newest:
            groups, following = _two_groups(bucket, level, newest, newest_first=newest_first)
            if self._share * abs(following - bucket) * BUCKET_ROWS >= ENOUGH * wanted:
                yield groups, ""
                bucket, level = following, LEVELS if expected <= MANY else level + STEP
            else:
                level += 1
        if 0 <= bucket <= newest:
            edge = (bucket + 1 if newest_first else bucket) << BUCKET_SHIFT
            # So that it is looked at on the row: the index of places would name half of them all.
            yield [], f"e.place + 0 {'<' if newest_first else '>='} {edge}"

    @property
    def _expected(self) -> float:
        """About how many hits there are, whatever is demanded beside the words; seldom more than that."""
        return self._share * (self._newest + 1) * BUCKET_ROWS

    async def _bucket(self, place: Hit) -> int:
        there = "(first_at, first_id) <= (:at, :id) ORDER BY first_at DESC, first_id DESC LIMIT 1"
        statement = f"SELECT bucket FROM search_buckets WHERE {there}"
        found = await rows_of(self._connection, statement, {"at": place.at, "id": place.contact_id})
        return int(found[0][0]) if found else 0

    async def _all_up_to(self, most: int, demands: Demands) -> list[int] | None:
        """The contacts of all hits, if they are ``most`` at the most."""
        values: dict[str, Any] = {"more": most + 1}
        matching = self._matching("e.contact_id", demands, [], values)
        rows = await rows_of(self._connection, f"{matching} LIMIT :more", values)
        return None if len(rows) > most else [contact_id for (contact_id,) in rows]

    async def _hits(self, statement: str, values: Mapping[str, Any]) -> list[Hit]:
        return [Hit(at, contact_id) for at, contact_id in await rows_of(self._connection, statement, values)]

    def _matching(
        self,
        columns: str,
        demands: Demands,
        asked: list[int],
        values: dict[str, Any],
        *more: str,
        status: bool = True,
    ) -> str:
        """The query for entries that the filter finds, among those with one of the tokens of ``asked``, if any.

        ``more``: conditions beside the demands; what the query is bound to goes into ``values``.
        """
        owner = _owner_token(self._filter)
        common = [] if owner is None else [owner]
        places = [[token, *common] for token in asked] or [common]
        found = []
        for number, (way, place) in enumerate((way, place) for way in self._ways for place in places):
            values[f"tokens{number}"] = [*way, *place]
            found.append(f"{_TOKENS} @> CAST(:tokens{number} AS bigint[])")
        return self._entries(columns, demands, values, *more, f"({' OR '.join(found)})", status=status)

    def _entries(
        self,
        columns: str,
        demands: Demands,
        values: dict[str, Any],
        *more: str,
        status: bool = True,
    ) -> str:
        """The query for entries that have the words and meet all demands, whatever way they are come to."""
        asked = rendered_of("postgresql", demands, _CONTACT, _SINCE)
        values |= {**self._words.values, **self._owner.values, **asked.values}
        wanted = [self._words.text, self._owner.text, asked.text, *more]
        if status and self._filter.status is not None:
            wanted.append(f"e.status = {STATUS_CODES[self._filter.status.value]}")
        read = f"search_entries e{joined_to(asked.tables, _CONTACT, 'JOIN')}"
        return f"SELECT {columns} FROM {read} WHERE {' AND '.join(filter(None, wanted))}"


def _two_groups(bucket: int, level: int, newest: int, *, newest_first: bool) -> tuple[list[int], int]:
    """Tokens of the group of a bucket, of which part may be left, and of the next one; the bucket behind them."""
    size, first = 1 << 2 * level, bucket >> 2 * level << 2 * level
    begins = [first, first - size] if newest_first else [first, first + size]
    there = [at for at in begins if 0 <= at <= newest]
    return [group(at, level) for at in there], there[-1] - 1 if newest_first else there[-1] + size


def _order(at: str, descending: bool, contact: str = _CONTACT) -> str:
    down = " DESC" if descending else ""
    return f"ORDER BY {at}{down}, {contact}{down}"


def _owner_token(f: InboxFilter) -> int | None:
    """The token of the inbox's owner."""
    match f.inbox:
        case InboxKind.MINE:
            return negative(ASSIGNEE, -1 if f.agent_id is None else f.agent_id)
        case InboxKind.UNASSIGNED:
            return negative(ASSIGNEE, 0)
        case InboxKind.TEAM:
            return negative(TEAM, -1 if f.team_id is None else f.team_id)
        case InboxKind.ALL:
            return None
