"""Reading hits from the search index of PostgreSQL, in the order of the list or of few in another order.

Which tokens are asked for is decided in ``postgresql_search``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.search import Term
from tui_inbox.repository.base import Repository
from tui_inbox.repository.demands import joined
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
from tui_inbox.repository.search_tables import search_buckets, search_entries
from tui_inbox.repository.tables import conversations
from tui_inbox.repository.types import Instant, stored

ENOUGH = 4
"""A group of buckets is first asked that should hold so many times what is wanted."""
STEP = 2
"""Levels from there to the next group, which is asked where that was not enough."""
FEW, MANY = 2000, 40_000
"""So many hits in all are sorted at once, without asking for groups; so many where the first group was not enough. The
index has them sooner than those of a large group."""
SURELY = 50
"""Where so many times as many hits are expected as would be few, nobody looks whether they are few."""
MOST_OF_PAIRS = 1250
"""So many hits of several words are few. To find out that there are more takes nearly as long as to have them all."""
MOST_WAITING = 1000
"""Hits among those who wait that are sorted at once; more are soon met in the list of all who wait."""
WALKED = 4000
"""So many of that list are looked at for a page. Words that it does not have there are rare enough to be sorted."""

_E = search_entries.c


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
    ) -> None:
        """``share`` of the conversations have the words, ``waiting`` of all wait for an answer: estimates."""
        super().__init__(connection)
        self._filter, self._ways, self._share, self._waiting = f, ways, share, waiting
        self._last: int | None = None
        self._verified = [_on_entry(term) for term in terms]

    async def in_order(
        self, demands: Sequence[ColumnElement[bool]], place: Hit | None, limit: int, *, newest_first: bool
    ) -> list[Hit]:
        """The first ``limit`` in the order of last activity that meet ``demands``; with a ``place`` those after it."""
        order = [column.desc() if newest_first else column.asc() for column in (_E.at, _E.contact_id)]
        beyond: list[ColumnElement[bool]] = []
        if place is not None:
            here, there = tuple_(_E.at, _E.contact_id), _place(place)
            beyond = [here < there if newest_first else here > there]
        found: list[Hit] = []
        async for asked, stretch in self._stretches(place, limit, newest_first=newest_first):
            statement = self._matching([*demands, *beyond, *stretch], asked, stored(_E.at).label("at"), _E.contact_id)
            rows = await self._all(statement.order_by(*order).limit(limit - len(found)))
            found += [Hit(*row) for row in rows]
            if len(found) >= limit:
                break
        return found

    async def sorted_by(
        self,
        column: str,
        demands: Sequence[ColumnElement[bool]],
        place: Hit | None,
        limit: int,
        *,
        descending: bool,
        most: int,
    ) -> list[Hit] | None:
        """The first ``limit`` by another instant of the conversation, if the hits are ``most`` at the most."""
        rows = await self._all(self._matching(demands, [], _E.contact_id).limit(most + 1))
        if len(rows) > most:
            return None
        at, ident = conversations.c[column], conversations.c.contact_id
        statement = select(stored(at).label("at"), ident).where(ident.in_([row.contact_id for row in rows]))
        if place is not None:
            here, there = tuple_(at, ident), _place(place)
            statement = statement.where(here < there if descending else here > there)
        order = [key.desc() if descending else key.asc() for key in (at, ident)]
        return [Hit(*row) for row in await self._all(statement.order_by(*order).limit(limit))]

    async def waiting(
        self, demands: Sequence[ColumnElement[bool]], place: Hit | None, limit: int, *, longest_first: bool
    ) -> list[Hit]:
        """The first ``limit`` of those who wait for an answer, by since when; with a ``place`` those after it."""
        waits: list[ColumnElement[bool]] = [_E.waiting > literal_column("0")]
        if place is not None:
            here, there = tuple_(_E.waiting, _E.contact_id), _place(place)
            waits.append(here > there if longest_first else here < there)
        order = [key.asc() if longest_first else key.desc() for key in (_E.waiting, _E.contact_id)]
        columns = (_E.waiting.label("at"), _E.contact_id)
        rows: list[Any] = []
        if await self._expected() * self._waiting > MOST_WAITING:
            first = select(_E.waiting).where(*waits).order_by(*order).limit(WALKED).subquery()
            last = select((func.max if longest_first else func.min)(first.c.waiting)).scalar_subquery()
            near = _E.waiting <= last if longest_first else _E.waiting >= last
            rows = await self._all(self._entries([*demands, *waits, near], *columns).order_by(*order).limit(limit))
        if len(rows) < limit:  # rarer than it seemed
            statement = self._matching([*demands, *waits], [negative(WAITING, 0)], *columns)
            rows = await self._all(statement.order_by(*order).limit(limit))
        return [Hit(*row) for row in rows]

    async def few(self, demands: Sequence[ColumnElement[bool]], most: int) -> list[int] | None:
        """The contacts of all hits, if they are ``most`` at the most, or :data:`MOST_OF_PAIRS` of several words."""
        # Of one word the estimate is seldom far off; two may never go together.
        if len(self._verified) == 1:
            if await self._expected() > most * SURELY:
                return None
        else:
            most = max(most, MOST_OF_PAIRS)
        rows = await self._all(self._matching(demands, [], _E.contact_id).limit(most + 1))
        return None if len(rows) > most else [row.contact_id for row in rows]

    async def counts(self, demands: Sequence[ColumnElement[bool]], most: int) -> Counted:
        """How many of each status meet ``demands``, among ``most`` of the newest."""
        numbers = dict.fromkeys(STATUS_CODES, 0)
        names = {code: name for name, code in STATUS_CODES.items()}
        left = most
        async for asked, stretch in self._stretches(None, most, newest_first=True):
            some = self._matching([*demands, *stretch], asked, _E.status, status=False).limit(left).subquery()
            for code, number in await self._all(select(some.c.status, func.count()).group_by(some.c.status)):
                numbers[names[code]] += int(number)
                left -= int(number)
            if left <= 0:
                break
        return Counted(numbers, complete=left > 0)

    async def _stretches(self, place: Hit | None, wanted: int, *, newest_first: bool) -> Any:
        """Groups of buckets in the order of the list, larger and larger: their tokens, and conditions beside them."""
        newest, expected = await self._newest(), await self._expected()
        bucket = (newest if newest_first else 0) if place is None else await self._bucket(place)
        level = LEVELS if expected <= FEW else 0
        while level < LEVELS and 0 <= bucket <= newest:
            groups, beyond = _two_groups(bucket, level, newest, newest_first=newest_first)
            if self._share * abs(beyond - bucket) * BUCKET_ROWS >= ENOUGH * wanted:
                yield groups, []
                bucket, level = beyond, LEVELS if expected <= MANY else level + STEP
            else:
                level += 1
        if 0 <= bucket <= newest:
            edge = bucket + 1 if newest_first else bucket
            there = _E.place + 0  # so that it is looked at on the row: the index of places would name half of them all
            yield [], [there < edge << BUCKET_SHIFT if newest_first else there >= edge << BUCKET_SHIFT]

    async def _newest(self) -> int:
        """The newest bucket."""
        if self._last is None:
            self._last = int(await self._value(select(func.max(search_buckets.c.bucket))) or 0)
        return self._last

    async def _expected(self) -> float:
        """About how many hits there are, whatever is demanded beside the words; seldom more than that."""
        return self._share * (await self._newest() + 1) * BUCKET_ROWS

    async def _bucket(self, place: Hit) -> int:
        first = (search_buckets.c.first_at, search_buckets.c.first_id)
        statement = select(search_buckets.c.bucket).where(tuple_(*first) <= _place(place))
        return int(await self._value(statement.order_by(*(column.desc() for column in first)).limit(1)) or 0)

    def _matching(
        self, demands: Sequence[ColumnElement[bool]], asked: list[int], *columns: Any, status: bool = True
    ) -> Select[Any]:
        """The query for entries that the filter finds, among those with one of the tokens of ``asked``, if any."""
        owner, _ = _owner(self._filter)
        common = [] if owner is None else [owner]
        places = [[token, *common] for token in asked] or [common]
        found = or_(*(_has([*way, *place]) for way in self._ways for place in places))
        return self._entries(demands, *columns, status=status).where(found)

    def _entries(self, demands: Sequence[ColumnElement[bool]], *columns: Any, status: bool = True) -> Select[Any]:
        """The query for entries that have the words and meet all demands, whatever way they are come to."""
        read, demands = joined(search_entries, _E.contact_id, demands, type_coerce(_E.waiting, Instant))
        _, of_owner = _owner(self._filter)
        wanted = [*self._verified, *of_owner, *demands]
        if status and self._filter.status is not None:
            wanted.append(_E.status == STATUS_CODES[self._filter.status.value])
        return select(*columns).select_from(read).where(*wanted)


def _two_groups(bucket: int, level: int, newest: int, *, newest_first: bool) -> tuple[list[int], int]:
    """Tokens of the group of a bucket, of which part may be left, and of the next one; the bucket behind them."""
    size, first = 1 << 2 * level, bucket >> 2 * level << 2 * level
    begins = [first, first - size] if newest_first else [first, first + size]
    there = [at for at in begins if 0 <= at <= newest]
    return [group(at, level) for at in there], there[-1] - 1 if newest_first else there[-1] + size


def _has(tokens: list[int]) -> ColumnElement[bool]:
    return literal_column(TOKENS, ARRAY(BigInteger)).op("@>")(literal(tokens, ARRAY(BigInteger)))


def _place(place: Hit) -> ColumnElement[Any]:
    return tuple_(literal(place.at, BigInteger), literal(place.contact_id, BigInteger))


def _owner(f: InboxFilter) -> tuple[int | None, list[ColumnElement[bool]]]:
    """The token of the inbox's owner, and the condition that says the same."""
    match f.inbox:
        case InboxKind.MINE:
            agent = -1 if f.agent_id is None else f.agent_id
            return negative(ASSIGNEE, agent), [_E.assignee_id == agent]
        case InboxKind.UNASSIGNED:
            return negative(ASSIGNEE, 0), [_E.assignee_id == 0]
        case InboxKind.TEAM:
            team = -1 if f.team_id is None else f.team_id
            return negative(TEAM, team), [_E.team_id == team]
        case InboxKind.ALL:
            return None, []


def _on_entry(term: Term) -> ColumnElement[bool]:
    """The word is in the entry, as :func:`tui_inbox.domain.search.matched_fields` says."""
    hits = [func.strpos(_E[name], term.text) > 0 for name in ("name", "email") if term.field in {"", name}]
    if term.field in {"", "phone"} and term.digits:
        hits.append(func.strpos(_E.phone, term.digits) > 0)
    if not term.field:
        hits.append(func.strpos(_E.custom, f"\n{term.text}\n") > 0)
    return or_(*hits) if hits else and_(literal_column("false"))
