"""The search index of SQLite: which tokens of a query are matched, and reading hits in the order of the list."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Join,
    Select,
    column,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    table,
    tuple_,
)
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import visitors

from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.search import Term
from tui_inbox.repository.base import Repository
from tui_inbox.repository.search import storable_query
from tui_inbox.repository.search_index import Hit
from tui_inbox.repository.search_tables import search_buckets, search_entries, search_tokens
from tui_inbox.repository.sqlite_search_schema import (
    CHECKS,
    COUNT,
    EMPTY,
    FILL,
    LOST,
    PLACE_BITS,
    SETTLE,
    STATUS_BITS,
    STATUS_CODES,
    WORDS,
    document,
    grams,
)
from tui_inbox.repository.tables import contacts, conversations
from tui_inbox.repository.types import Identifier, Instant

COMMON = 0.07
"""Tokens of a larger share of the contacts are looked for on the row: matching them costs more than it spares."""
NOTED = 0.004
"""Tokens of a smaller share are all taken as equally rare."""
SAMPLE = 4000
"""Contacts looked at to learn which tokens are common."""
MOST_GRAMS = 3
"""Grams of a word that are matched; more do not narrow it down any further."""

FIRST_SAMPLE = 1000
"""Contacts below which no token is common; after that the sample is taken anew whenever they have doubled."""
_STATE = """SELECT EXISTS (SELECT 1 FROM search_changes) AS changed,
 coalesce((SELECT max(contact_id) FROM search_entries), 0) AS known,
 (SELECT value FROM search_state WHERE name = 'sampled') AS sampled"""

_words = table(WORDS, column("rowid", Identifier), column(WORDS))
_BUCKET_SHIFT = PLACE_BITS + STATUS_BITS
_LINE = "\n"


class _InOrder(Join):
    """A join that SQLite does not turn around."""

    inherit_cache = True


@compiles(_InOrder, "sqlite")
def _cross_join(element: _InOrder, compiler: Any, **keywords: Any) -> str:
    keywords.pop("asfrom", None)
    if (linter := keywords.get("from_linter")) is not None:
        linter.edges.update(product(element.left._from_objects, element.right._from_objects))
    left, right = (compiler.process(side, asfrom=True, **keywords) for side in (element.left, element.right))
    return f"{left} CROSS JOIN {right} ON {compiler.process(element.onclause, **keywords)}"


@dataclass(frozen=True)
class _Word:
    """How one word is found: either of some rows of tokens, all of one row."""

    ways: tuple[tuple[str, ...], ...]

    def expression(self, shares: dict[str, float]) -> str:
        """The word in the language of the full-text search."""
        ways = []
        for tokens in self.ways:
            rarest = sorted(tokens, key=lambda token: shares.get(token, 0.0))[:MOST_GRAMS]
            ways.append("(" + " AND ".join(map(_asked, rarest)) + ")")
        return "(" + " OR ".join(ways) + ")"

    def common(self, shares: dict[str, float]) -> bool:
        """Whether some way of finding it has nothing but common tokens."""
        return any(all(shares.get(token, 0.0) > COMMON for token in way) for way in self.ways)


class SqliteHits(Repository):
    """Hits of one expression, the words verified on each entry."""

    def __init__(self, connection: AsyncConnection, expression: str, terms: Sequence[Term]) -> None:
        super().__init__(connection)
        self._expression = expression
        self._terms = terms

    async def in_order(
        self, demands: Sequence[ColumnElement[bool]], place: Hit | None, limit: int, *, newest_first: bool
    ) -> list[Hit]:
        """The first ``limit`` in the order of last activity that meet ``demands``; with a ``place`` those after it."""
        entries, rowid = search_entries.c, _words.c.rowid
        statement = self._matching(demands, entries.at, entries.contact_id, entries.place)
        statement = statement.order_by(rowid.desc() if newest_first else rowid)
        if place is not None:
            here = tuple_(entries.at, entries.contact_id)
            there = tuple_(literal(place.at, Instant), literal(place.contact_id))
            bucket = await self._bucket(place)
            edge = bucket + 1 << _BUCKET_SHIFT if newest_first else bucket << _BUCKET_SHIFT
            statement = statement.where(here < there if newest_first else here > there)
            statement = statement.where(rowid < edge if newest_first else rowid >= edge)
        found = await self._all(statement.limit(limit))
        if found and len(found) == limit:
            # Within a bucket places follow no order: what is left of the last one is needed too, to sort it.
            last = found[-1].place
            bucket = last >> PLACE_BITS
            if newest_first:
                rest = statement.where(rowid < last << STATUS_BITS, rowid >= bucket << _BUCKET_SHIFT)
            else:
                rest = statement.where(rowid > (last << STATUS_BITS) + 3, rowid < bucket + 1 << _BUCKET_SHIFT)
            found += await self._all(rest)
        hits = sorted(((row.at, row.contact_id) for row in found), reverse=newest_first)
        return [Hit(at, contact_id) for at, contact_id in hits[:limit]]

    async def some(self, demands: Sequence[ColumnElement[bool]], limit: int) -> list[int]:
        """Contacts that meet ``demands``, ``limit`` at most, in no order."""
        rows = await self._all(self._matching(demands, search_entries.c.contact_id).limit(limit))
        return [row.contact_id for row in rows]

    async def counts(self, demands: Sequence[ColumnElement[bool]], limit: int) -> dict[str, int]:
        """How many of each status meet ``demands``; each count stops at ``limit``."""
        bits = _words.c.rowid.op("&")(literal_column(str((1 << STATUS_BITS) - 1)))
        numbers = []
        for status, code in STATUS_CODES.items():
            found = self._matching(demands, literal_column("1")).where(bits == literal_column(str(code))).limit(limit)
            numbers.append(select(func.count()).select_from(found.subquery()).scalar_subquery().label(status))
        (row,) = await self._all(select(*numbers))
        return dict(row._mapping)

    def _matching(self, demands: Sequence[ColumnElement[bool]], *columns: Any) -> Select[Any]:
        rowid, entries = _words.c.rowid, search_entries.c
        joined: Any = _InOrder(
            _words, search_entries, entries.place == rowid.op(">>")(literal_column(str(STATUS_BITS)))
        )
        asked = {getattr(item, "table", None) for demand in demands for item in visitors.iterate(demand)}
        if conversations in asked:
            joined = _InOrder(joined, conversations, conversations.c.contact_id == entries.contact_id)
        if contacts in asked:
            joined = _InOrder(joined, contacts, contacts.c.id == entries.contact_id)
        match = _words.c[WORDS].op("MATCH")(self._expression)
        return select(*columns).select_from(joined).where(match, *map(_on_entry, self._terms), *demands)

    async def _bucket(self, place: Hit) -> int:
        buckets = search_buckets.c
        here = tuple_(buckets.first_at, buckets.first_id)
        return int(
            await self._value(
                select(buckets.bucket)
                .where(here <= tuple_(literal(place.at, Instant), literal(place.contact_id)))
                .order_by(buckets.first_at.desc(), buckets.first_id.desc())
                .limit(1)
            )
            or 0
        )


class SqliteSearch(Repository):
    """The index of one database, inside one unit."""

    async def hits(self, f: InboxFilter, *, all_of_them: bool = False) -> SqliteHits | None:
        """What finds this filter's words; ``None`` = reading the list and looking at each row is no slower.

        ``all_of_them``: not for a page, which common words soon fill, but to count.
        """
        terms = storable_query(f.query).terms
        if not terms or any(term.field == "id" for term in terms):
            return None
        words = [_word(term) for term in terms]
        if not all(word.ways for word in words):
            return None
        owner = _owner(f)
        asked = [token for word in words for way in word.ways for token in way] + ([owner] if owner else [])
        shares = await self._shares(asked)
        if shares is None:
            return None
        matched = [word for word in words if not word.common(shares)]
        if not matched and len(words) == 1 and not all_of_them:
            return None
        parts = [word.expression(shares) for word in matched or words]
        if owner and shares.get(owner, 0.0) <= COMMON:
            parts.append(_asked(owner))
        return SqliteHits(self._connection, " AND ".join(parts), terms)

    async def settle(self) -> None:
        """Bring the index up to what the transaction changed; to be called before each commit."""
        state = (await self._connection.exec_driver_sql(_STATE)).one()
        if state.changed:
            await self._run(SETTLE)
        if state.known > 2 * state.sampled + FIRST_SAMPLE:
            await self.sample()

    async def suspend(self) -> None:
        """Let the index wait while very much is written; search is right meanwhile, only slow. Ends with rebuild."""
        await self._run(EMPTY)

    async def rebuild(self) -> None:
        """Make the index and every counter anew."""
        await self._run((*EMPTY, *FILL, *COUNT))
        await self.sample()

    async def sample(self) -> None:
        """Learn from some of the contacts which tokens are common."""
        total = int(await self._value(select(func.max(search_entries.c.contact_id))) or 0)
        step = max(1, total // SAMPLE)
        ids = json.dumps(list(range(1, total + 1, step)))
        statement = sql(
            f"SELECT {document('e')} FROM json_each(:ids) i CROSS JOIN search_entries e ON e.contact_id = i.value"
        )
        looked, found = 0, Counter[str]()
        for (tokens,) in (await self._connection.execute(statement, {"ids": ids})).all():
            looked += 1
            found.update({token[:length] for token in tokens.split(_LINE) for length in _lengths(token)})
        await self._connection.exec_driver_sql("DELETE FROM search_tokens")
        rows = [{"token": token, "share": n / looked} for token, n in found.items() if n > max(3, NOTED * looked)]
        if rows:
            await self._connection.execute(insert(search_tokens), rows)
        await self._run((f"UPDATE search_state SET value = {total} WHERE name = 'sampled'",))

    async def verify(self) -> list[str]:
        """What is wrong with the index and the counters, as sentences."""
        found = []
        for query, sentence in CHECKS:
            if (await self._connection.exec_driver_sql(query)).first() is not None:
                found.append(sentence)
        if not found:
            lost = (await self._connection.exec_driver_sql(LOST)).scalars()
            found += [f"The search index does not find contact {ident}; it needs to be built anew." for ident in lost]
        return found

    async def _shares(self, tokens: Iterable[str]) -> dict[str, float] | None:
        """Shares of the tokens that are known to be frequent; ``None`` while the index can't be asked."""
        statement = sql(
            "SELECT '' AS token, value AND NOT EXISTS (SELECT 1 FROM search_changes) AS share FROM search_state "
            "WHERE name = 'ready' UNION ALL "
            "SELECT token, share FROM search_tokens WHERE token IN (SELECT value FROM json_each(:tokens))"
        )
        rows = (await self._connection.execute(statement, {"tokens": json.dumps(sorted(set(tokens)))})).all()
        shares = {token: float(share) for token, share in rows}
        return shares if shares.pop("", 0.0) else None

    async def _run(self, statements: Iterable[str]) -> None:
        for statement in statements:
            await self._connection.exec_driver_sql(statement)


def _word(term: Term) -> _Word:
    ways = []
    for kind, field, text in (("n", "name", term.text), ("e", "email", term.text), ("p", "phone", term.digits)):
        if term.field in {"", field} and text:
            # Up to two letters are the beginning of a token; of more, the last two and the last one say nothing new.
            whole = tuple(grams(kind, text))
            ways.append(tuple(token for token in whole if len(token) == 4) or whole[:1])
    if not term.field:
        ways.append((f"c{term.text}",))
    return _Word(tuple(ways))


def _asked(token: str) -> str:
    """A token as the full-text search is asked for it; a short gram is the beginning of longer ones."""
    quoted = '"' + token.replace('"', '""') + '"'
    return f"{quoted}*" if token[0] in "nep" and len(token) < 4 else quoted


def _lengths(token: str) -> Sequence[int]:
    return range(2, len(token) + 1) if token[:1] in {"n", "e", "p"} else (len(token),)


def _owner(f: InboxFilter) -> str:
    """The token of the inbox's owner; empty where there is none."""
    match f.inbox:
        case InboxKind.MINE:
            return f"a{f.agent_id}"
        case InboxKind.UNASSIGNED:
            return "a0"
        case InboxKind.TEAM:
            return f"t{f.team_id}"
        case InboxKind.ALL:
            return ""


def _on_entry(term: Term) -> ColumnElement[bool]:
    """The word is in the entry, as :func:`tui_inbox.domain.search.matched_fields` says."""
    entries, hits = search_entries.c, []
    if term.field in {"", "name"}:
        hits.append(func.instr(entries.name, term.text) > 0)
    if term.field in {"", "phone"} and term.digits:
        hits.append(func.instr(entries.phone, term.digits) > 0)
    if term.field in {"", "email"}:
        hits.append(func.instr(entries.email, term.text) > 0)
    if not term.field:
        hits.append(func.instr(entries.custom, f"{_LINE}{term.text}{_LINE}") > 0)
    return or_(literal_column("0"), *hits)
