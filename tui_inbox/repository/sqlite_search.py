"""The search index of SQLite: which tokens of a query are matched, and keeping it up to date.

Reading what was matched is in :mod:`tui_inbox.repository.sqlite_hits`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, select

from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.search import Term
from tui_inbox.repository.base import Repository
from tui_inbox.repository.demands import Demands
from tui_inbox.repository.search import indexed_terms
from tui_inbox.repository.search_index import Sayings
from tui_inbox.repository.search_tables import search_entries, search_tokens
from tui_inbox.repository.sqlite_hits import Size, SqliteHits, asked_token
from tui_inbox.repository.sqlite_search_schema import (
    CHECKS,
    EMPTY,
    LOST,
    LOST_TEXTS,
    REBUILD,
    SETTLE,
    SETTLE_TEXTS,
    WAITS,
    document,
    grams,
)
from tui_inbox.repository.sqlite_texts import SqliteTexts
from tui_inbox.repository.straight import rows_of

COMMON = 0.07
"""Tokens of a larger share of the contacts are looked for on the row: matching them costs more than it spares."""
NOTED = 0.004
"""Tokens of a smaller share are all taken as equally rare."""
SAMPLE = 4000
"""Contacts looked at to learn which tokens are common."""
MOST_GRAMS = 2
"""Grams of a word that are matched; more do not narrow it down any further. Of several words one each will do."""
GRAM = 3
"""Letters of a gram."""
FIRST_SAMPLE = 1000
"""Contacts below which no token is common; after that the sample is taken anew whenever they have doubled."""

_STATE = """SELECT EXISTS (SELECT 1 FROM search_changes) AS changed,
 EXISTS (SELECT 1 FROM timeline WHERE id > (SELECT value FROM search_state WHERE name = 'texts'))
 OR EXISTS (SELECT 1 FROM search_taken_back) AS said,
 coalesce((SELECT max(contact_id) FROM search_entries), 0) AS known,
 (SELECT value FROM search_state WHERE name = 'sampled') AS sampled"""
_BUCKETS = "buckets"
"""Stands in the place of a token for the number of buckets; no token begins with its letter."""
_SHARES = (
    "SELECT '' AS token, value AND NOT EXISTS (SELECT 1 FROM search_changes) AS share FROM search_state "
    f"WHERE name = 'ready' UNION ALL SELECT '{_BUCKETS}', max(bucket) FROM search_buckets UNION ALL "
    "SELECT token, share FROM search_tokens WHERE token IN (SELECT value FROM json_each(:tokens))"
)


@dataclass(frozen=True)
class _Word:
    """How one word is found: either of some rows of tokens, all of one row."""

    ways: tuple[tuple[str, ...], ...]

    def expression(self, shares: dict[str, float], grams: int) -> str:
        """The word in the language of the full-text search, by one or two tokens of each way."""
        ways = ("(" + " AND ".join(map(asked_token, _chosen(way, shares, grams))) + ")" for way in self.ways)
        return "(" + " OR ".join(ways) + ")"

    def common(self, shares: dict[str, float]) -> bool:
        """Whether some way of finding it has nothing but common tokens."""
        return any(all(shares.get(token, 0.0) > COMMON for token in way) for way in self.ways)


class SqliteSearch(Repository):
    """The index of one database, inside one unit."""

    async def hits(self, f: InboxFilter, *, all_of_them: bool = False) -> SqliteHits | None:
        """What finds this filter's words; ``None`` = reading the list and looking at each row is no slower.

        ``all_of_them``: not for a page, which common words soon fill, but to count.
        """
        terms = indexed_terms(f.query)
        words = [_word(term) for term in terms]
        if not terms or not all(word.ways for word in words):
            return None
        owner = _owner(f)
        asked = [token for word in words for way in word.ways for token in way]
        shares = await self._shares([*asked, owner, WAITS])
        if shares is None:
            return None
        matched = [word for word in words if not word.common(shares)]
        if not matched and len(words) == 1 and not all_of_them:
            return None
        owners = [asked_token(owner)] if owner and shares.get(owner, 0.0) <= COMMON else []
        # Where the inbox leaves few, it is sooner to look at these.
        to_match = (matched or words, matched or words if owners else words)
        first, whole = (" AND ".join([*_each(some, shares), *owners]) for some in to_match)
        size = Size(int(shares[_BUCKETS]), shares.get(WAITS, 0.0))
        return SqliteHits(self._connection, f, first, whole, terms, size)

    async def sayings(self, texts: Sequence[str], demands: Demands, limit: int) -> Sayings:
        """Contacts, ``limit`` at most, with a message that :func:`tui_inbox.domain.search.says` all of ``texts``."""
        return await SqliteTexts(self._connection).sayings(texts, demands, limit)

    async def settle(self) -> None:
        """Bring the index up to what the transaction changed; to be called before each commit."""
        state = (await self._connection.exec_driver_sql(_STATE)).one()
        if state.changed:
            await self._run(SETTLE)
        if state.said:
            await self._run(SETTLE_TEXTS)
        if state.known > 2 * state.sampled + FIRST_SAMPLE:
            await self.sample()

    async def suspend(self) -> None:
        """Let the index wait while very much is written; search is right meanwhile, only slow. Ends with rebuild."""
        await self._run(EMPTY)

    async def rebuild(self) -> None:
        """Make the index and every counter anew."""
        await self._run(REBUILD)
        await self.sample()

    async def sample(self) -> None:
        """Learn from some of the contacts which tokens are common."""
        total = int(await self._value(select(func.max(search_entries.c.contact_id))) or 0)
        step = max(1, total // SAMPLE)
        ids = json.dumps(list(range(1, total + 1, step)))
        statement = (
            f"SELECT {document('e')} FROM json_each(:ids) i CROSS JOIN search_entries e ON e.contact_id = i.value"
        )
        looked, found = 0, Counter[str]()
        for (tokens,) in (await self._connection.exec_driver_sql(statement, {"ids": ids})).all():
            looked += 1
            found.update({token[:length] for token in tokens.split("\n") for length in _lengths(token)})
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
            lost = (await self._connection.exec_driver_sql(LOST_TEXTS)).scalars()
            found += [f"The search index does not find message {ident}; it needs to be built anew." for ident in lost]
        return found

    async def _shares(self, tokens: Iterable[str]) -> dict[str, float] | None:
        """Shares of the tokens that are known to be frequent; ``None`` while the index can't be asked."""
        asked = {"tokens": json.dumps(sorted(set(tokens)))}
        rows = await rows_of(self._connection, _SHARES, asked)
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


def _each(words: Sequence[_Word], shares: dict[str, float]) -> list[str]:
    """Each of the words in the language of the full-text search, those with rare tokens first."""
    ranked = sorted(words, key=lambda word: word.common(shares))
    return [word.expression(shares, MOST_GRAMS if len(words) == 1 else 1) for word in ranked]


def _chosen(way: Sequence[str], shares: dict[str, float], grams: int) -> list[str]:
    """The rarest token, and of the others the one that has the least letters in common with it, or is rarest of those.

    Tokens that overlap mostly are in the same words; to match more of them takes longer and finds no fewer.
    """
    rarest = min(range(len(way)), key=lambda at: shares.get(way[at], 0.0))
    others = [at for at in range(len(way)) if at != rarest]
    if grams == 1 or not others:
        return [way[rarest]]
    other = min(others, key=lambda at: (max(0, GRAM - abs(at - rarest)), shares.get(way[at], 0.0)))
    return [way[rarest], way[other]]


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
