"""The search index of PostgreSQL: which tokens of a query are asked for, and keeping it up to date.

Reading what was asked for is in :mod:`tui_inbox.repository.postgresql_hits`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.search import Term
from tui_inbox.repository.among import among
from tui_inbox.repository.base import Repository
from tui_inbox.repository.demands import Demands
from tui_inbox.repository.entry_clauses import on_owner
from tui_inbox.repository.postgresql_hits import PostgresqlHits
from tui_inbox.repository.postgresql_schema import COUNT, COUNT_CHECKS
from tui_inbox.repository.postgresql_search_schema import CHECKS, EMPTY, FILL, WAITS, letters
from tui_inbox.repository.postgresql_texts import PostgresqlTexts
from tui_inbox.repository.search import indexed_terms
from tui_inbox.repository.search_index import Sayings
from tui_inbox.repository.search_tables import search_entries, search_state, search_tokens
from tui_inbox.repository.straight import rows_of

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

_NEWEST = "newest"
"""Stands in the place of a piece for the newest bucket; no piece begins with its letter and is as long."""
_SHARES = (
    "SELECT '' AS token, CAST(value AS float) AS share FROM search_state WHERE name = 'ready' "
    f"UNION ALL SELECT '{_NEWEST}', coalesce(max(bucket), 0) FROM search_buckets UNION ALL "
    "SELECT token, share FROM search_tokens WHERE token = ANY(CAST(:pieces AS text[]))"
)


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

    def is_part_of(self, other: _Word) -> bool:
        """Whether all pieces of each way are in one of another word."""
        return all(any(set(way) <= set(longer) for longer in other.ways) for way in self.ways)

    def share(self, shares: dict[str, float]) -> float:
        """In about which share of the contacts it is: what is in an email is often in the name as well."""
        return max(min((shares.get(piece, NOTED) for piece in way), default=0.0) for way in self.ways)


_E = search_entries.c


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
        shares = await self._shares([WAITS, *(piece for word in words for way in word.ways for piece in way)])
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
        share = prod(word.share(shares) for word in _apart(words)) * await self._share_of_owner(f)
        newest = int(shares[_NEWEST])
        waits, several = shares.get(WAITS, 0.0), len(asked) > 1
        return PostgresqlHits(self._connection, f, terms, ways, share, waits, newest, several=several)

    async def sayings(self, texts: Sequence[str], demands: Demands, limit: int) -> Sayings:
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
        for row in await self._all(select(_E.name, _E.email, _E.phone, _E.custom, _E.waiting).where(chosen)):
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
        rows = await rows_of(self._connection, _SHARES, {"pieces": sorted(set(pieces))})
        shares = {token: float(share) for token, share in rows}
        return shares if shares.pop("", 0.0) else None

    async def _share_of_owner(self, f: InboxFilter) -> float:
        """The share of the conversations that are in the inbox, whatever its status."""
        if f.inbox is InboxKind.ALL:
            return 1.0
        owned = on_owner(f)
        numbers = f"SELECT sum(number) FILTER (WHERE {owned.text}), sum(number) FROM conversation_counts e"
        ((mine, of_all),) = await rows_of(self._connection, numbers, owned.values)
        return float(mine or 0) / float(of_all or 1)

    async def _run(self, statements: Iterable[str]) -> None:
        for statement in statements:
            await self._connection.exec_driver_sql(statement)


def _apart(words: Sequence[_Word]) -> list[_Word]:
    """Those that are not a part of another one, which says nothing new."""
    return [word for word in words if not any(word is not other and word.is_part_of(other) for other in words)]


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
    if row.waiting:
        yield WAITS
