"""The search index of PostgreSQL: which tokens of a query are asked for, and reading hits in the order of the list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    and_,
    delete,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import visitors

from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.search import Term
from tui_inbox.repository.among import among
from tui_inbox.repository.base import Repository
from tui_inbox.repository.postgresql_schema import COUNT, COUNT_CHECKS
from tui_inbox.repository.postgresql_search_schema import (
    ASSIGNEE,
    BUCKET_ROWS,
    BUCKET_SHIFT,
    CHECKS,
    EMPTY,
    FILL,
    LEVELS,
    STATUS_CODES,
    TEAM,
    TOKENS,
    group,
    letters,
    negative,
)
from tui_inbox.repository.postgresql_texts import PostgresqlTexts
from tui_inbox.repository.search import counted_in, indexed_terms
from tui_inbox.repository.search_index import Counted, Hit, Sayings
from tui_inbox.repository.search_tables import (
    conversation_counts,
    search_buckets,
    search_entries,
    search_state,
    search_tokens,
)
from tui_inbox.repository.tables import contacts, conversations
from tui_inbox.repository.types import Instant

COMMON = 0.07
"""Pieces of a larger share of the contacts are looked for on the row: the list soon has a page of them."""
NOTED = 0.004
"""Pieces of a smaller share are all taken as equally rare."""
SAMPLE = 4000
"""Contacts looked at to learn which pieces are common."""
MOST_PIECES = 3
"""Pieces of a word that are asked for; more do not narrow it down any further. Of two words one each will do."""
MOST_ASKED = 2
"""Words that the index is asked for, the rarest; the others are looked for on the rows that have these."""
FIRST_SAMPLE = 1000
"""Contacts below which nothing is common; after that the sample is taken anew whenever they have doubled."""
ENOUGH = 4
"""A group of buckets is first asked that should hold so many times what is wanted."""
STEP = 2
"""Levels from there to the next group, which is asked where that was not enough."""
FEW, MANY = 2000, 40_000
"""So many hits in all are sorted at once, without asking for groups; so many where the first group was not enough. The
index has them sooner than those of a large group."""

_E = search_entries.c


@dataclass(frozen=True)
class _Word:
    """How one word is found: either of some rows of pieces, all of one row. A piece is a kind and its letters."""

    ways: tuple[tuple[str, ...], ...]

    def rarest(self, shares: dict[str, float], most: int) -> list[list[int]]:
        """Tokens of the ways, ``most`` of each."""
        return [
            [letters(piece[0], piece[1:]) for piece in sorted(way, key=lambda one: shares.get(one, 0.0))[:most]]
            for way in self.ways
        ]

    def share(self, shares: dict[str, float]) -> float:
        """In about which share of the contacts it is: what is in an email is often in the name as well."""
        return max(min((shares.get(piece, 0.0) for piece in way), default=0.0) for way in self.ways)


class PostgresqlHits(Repository):
    """Hits of some words, verified on each entry."""

    def __init__(
        self,
        connection: AsyncConnection,
        f: InboxFilter,
        terms: Sequence[Term],
        ways: Sequence[list[int]],
        share: float,
    ) -> None:
        super().__init__(connection)
        self._filter, self._ways, self._share = f, ways, share
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
            statement = self._matching([*demands, *beyond, *stretch], asked, _E.at, _E.contact_id)
            rows = await self._all(statement.order_by(*order).limit(limit - len(found)))
            found += [Hit(row.at, row.contact_id) for row in rows]
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
        waits = [_E.waiting == 1] if column == conversations.c.waiting_since.name else []
        rows = await self._all(self._matching([*demands, *waits], [], _E.contact_id).limit(most + 1))
        if len(rows) > most:
            return None
        at, ident = conversations.c[column], conversations.c.contact_id
        statement = select(at.label("at"), ident).where(ident.in_([row.contact_id for row in rows]))
        if place is not None:
            here, there = tuple_(at, ident), _place(place)
            statement = statement.where(here < there if descending else here > there)
        order = [key.desc() if descending else key.asc() for key in (at, ident)]
        return [Hit(row.at, row.contact_id) for row in await self._all(statement.order_by(*order).limit(limit))]

    async def few(self, demands: Sequence[ColumnElement[bool]], most: int) -> list[int] | None:
        """The contacts of all hits, if they are ``most`` at the most."""
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
        newest = int(await self._value(select(func.max(search_buckets.c.bucket))) or 0)
        bucket = (newest if newest_first else 0) if place is None else await self._bucket(place)
        expected = self._share * newest * BUCKET_ROWS
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

    async def _bucket(self, place: Hit) -> int:
        first = (search_buckets.c.first_at, search_buckets.c.first_id)
        statement = select(search_buckets.c.bucket).where(tuple_(*first) <= _place(place))
        return int(await self._value(statement.order_by(*(column.desc() for column in first)).limit(1)) or 0)

    def _matching(
        self, demands: Sequence[ColumnElement[bool]], asked: list[int], *columns: Any, status: bool = True
    ) -> Select[Any]:
        """The query for entries that the filter finds, among those with one of the tokens of ``asked``, if any."""
        joined: Any = search_entries
        tables = {getattr(item, "table", None) for demand in demands for item in visitors.iterate(demand)}
        if conversations in tables:
            joined = joined.join(conversations, conversations.c.contact_id == _E.contact_id)
        if contacts in tables:
            joined = joined.join(contacts, contacts.c.id == _E.contact_id)
        owner, of_owner = _owner(self._filter)
        common = [] if owner is None else [owner]
        places = [[token, *common] for token in asked] or [common]
        found = or_(*(_has([*way, *place]) for way in self._ways for place in places))
        wanted = [found, *self._verified, *of_owner, *demands]
        if status and self._filter.status is not None:
            wanted.append(_E.status == STATUS_CODES[self._filter.status.value])
        return select(*columns).select_from(joined).where(*wanted)


class PostgresqlSearch(Repository):
    """The index of one database, inside one unit."""

    async def hits(self, f: InboxFilter, *, all_of_them: bool = False) -> PostgresqlHits | None:
        """What finds this filter's words; ``None`` = reading the list and looking at each row is no slower.

        ``all_of_them``: not for a page, which common words soon fill, but to count.
        """
        terms = indexed_terms(f.query)
        words = [_word(term) for term in terms]
        if not terms or not all(word.ways for word in words):
            return None
        shares = await self._shares(piece for word in words for way in word.ways for piece in way)
        if shares is None:
            return None
        matched = [word for word in words if word.share(shares) <= COMMON]
        if not matched and len(words) == 1 and not all_of_them:
            return None
        asked = sorted(matched or words, key=lambda word: word.share(shares))[:MOST_ASKED]
        most = MOST_PIECES if len(asked) == 1 else 1
        # All pairs of ways as one condition: the server takes up several that go together one after the other, and
        # works the tokens out anew for each row that the first one finds.
        pairs = product(*(word.rarest(shares, most) for word in asked))
        ways = [[token for way in pair for token in way] for pair in pairs]
        share = prod(word.share(shares) for word in asked) * await self._share_of_owner(f)
        return PostgresqlHits(self._connection, f, terms, ways, share)

    async def sayings(self, texts: Sequence[str], demands: Sequence[ColumnElement[bool]], limit: int) -> Sayings:
        """Contacts, ``limit`` at most, with a message that :func:`tui_inbox.domain.search.says` all of ``texts``."""
        return await PostgresqlTexts(self._connection).sayings(texts, demands, limit)

    async def settle(self) -> None:
        """Bring the index up to what the transaction changed; to be called before each commit."""
        state = (
            await self._connection.exec_driver_sql(
                "SELECT current_setting('tui_inbox.said', true) AS said, value AS sampled, "
                "coalesce(pg_sequence_last_value(pg_get_serial_sequence('contacts', 'id')::regclass), 0) AS known "
                "FROM search_state WHERE name = 'sampled'"
            )
        ).one()
        if state.said:
            ids = sorted({int(ident) for ident in state.said.split(",")})
            await PostgresqlTexts(self._connection).put(ids)
            await self._run(("SELECT set_config('tui_inbox.said', '', true)",))
        if state.known > 2 * state.sampled + FIRST_SAMPLE:
            await self.sample()

    async def suspend(self) -> None:
        """Let the index wait while very much is written; search is right meanwhile, only slow. Ends with rebuild."""
        await self._run(EMPTY)

    async def rebuild(self) -> None:
        """Make the index and every counter anew."""
        await self._run(("SET LOCAL maintenance_work_mem = '256MB'", *EMPTY, *FILL, *COUNT))
        await PostgresqlTexts(self._connection).rebuild()
        await self._run(("ANALYZE search_entries",))
        await self.sample()

    async def sample(self) -> None:
        """Learn from some of the contacts which pieces are common."""
        total = int(await self._value(select(func.max(_E.contact_id))) or 0)
        step = max(1, total // SAMPLE)
        looked, found = 0, Counter[str]()
        chosen = among(_E.contact_id, range(1, total + 1, step))
        for row in await self._all(select(_E.name, _E.email, _E.phone, _E.custom).where(chosen)):
            looked += 1
            found.update(set(_pieces_of(row)))
        await self._connection.execute(delete(search_tokens))
        rows = [{"token": piece, "share": n / looked} for piece, n in found.items() if n > max(3, NOTED * looked)]
        if rows:
            await self._connection.execute(insert(search_tokens), rows)
        await self._connection.execute(update(search_state).where(search_state.c.name == "sampled").values(value=total))

    async def verify(self) -> list[str]:
        """What is wrong with the index and the counters, as sentences."""
        found = []
        for query, sentence in (*CHECKS, *COUNT_CHECKS):
            if sentence not in found and (await self._connection.exec_driver_sql(query)).first() is not None:
                found.append(sentence)
        return found

    async def _shares(self, pieces: Iterable[str]) -> dict[str, float] | None:
        """Shares of the pieces that are known to be frequent; ``None`` while the index can't be asked."""
        tokens = search_tokens.c
        ready = select(literal("").label("token"), search_state.c.value.label("share")).where(
            search_state.c.name == "ready"
        )
        known = select(tokens.token, tokens.share).where(tokens.token.in_(sorted(set(pieces))))
        shares = {token: float(share) for token, share in await self._all(ready.union_all(known))}
        return shares if shares.pop("", 0.0) else None

    async def _share_of_owner(self, f: InboxFilter) -> float:
        """The share of the conversations that are in the inbox, whatever its status."""
        if f.inbox is InboxKind.ALL:
            return 1.0
        number = conversation_counts.c.number
        numbers = select(func.sum(number).filter(counted_in(f)), func.sum(number))
        mine, of_all = (await self._connection.execute(numbers)).one()
        return float(mine or 0) / float(of_all or 1)

    async def _run(self, statements: Iterable[str]) -> None:
        for statement in statements:
            await self._connection.exec_driver_sql(statement)


def _word(term: Term) -> _Word:
    ways = []
    for kind, field, text in (("n", "name", term.text), ("e", "email", term.text), ("p", "phone", term.digits)):
        if term.field in {"", field} and text:
            ways.append(tuple(dict.fromkeys(kind + text[at : at + 3] for at in range(max(1, len(text) - 2)))))
    if not term.field:
        ways.append((f"c{term.text[:3]}",))
    return _Word(tuple(ways))


def _pieces_of(row: Any) -> Iterator[str]:
    for kind, text in (("n", row.name), ("e", row.email), ("p", row.phone)):
        for at in range(len(text)):
            yield from (kind + text[at : at + length] for length in range(1, min(3, len(text) - at) + 1))
    yield from (f"c{value[:3]}" for value in row.custom.split("\n"))


def _two_groups(bucket: int, level: int, newest: int, *, newest_first: bool) -> tuple[list[int], int]:
    """Tokens of the group of a bucket, of which part may be left, and of the next one; the bucket behind them."""
    size, first = 1 << 2 * level, bucket >> 2 * level << 2 * level
    begins = [first, first - size] if newest_first else [first, first + size]
    there = [at for at in begins if 0 <= at <= newest]
    return [group(at, level) for at in there], there[-1] - 1 if newest_first else there[-1] + size


def _has(tokens: list[int]) -> ColumnElement[bool]:
    return literal_column(TOKENS, ARRAY(BigInteger)).op("@>")(literal(tokens, ARRAY(BigInteger)))


def _place(place: Hit) -> ColumnElement[Any]:
    return tuple_(literal(place.at, Instant), literal(place.contact_id, BigInteger))


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
