"""The search index of SQLite: which tokens of a query are matched, and reading hits in the order of the list.

Statements are written as text: for questions that are asked with every key, putting them together from expressions
takes longer than the database needs to answer.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.search import Term
from tui_inbox.repository.base import Repository
from tui_inbox.repository.search import storable_query
from tui_inbox.repository.search_index import Counted, Hit, Sayings
from tui_inbox.repository.search_tables import search_entries, search_tokens
from tui_inbox.repository.sqlite_clauses import Clauses, joined_to, rendered_of
from tui_inbox.repository.sqlite_search_schema import (
    CHECKS,
    COUNT,
    EMPTY,
    EMPTY_TEXTS,
    FILL,
    LOST,
    LOST_TEXTS,
    PLACE_BITS,
    SETTLE,
    SETTLE_TEXTS,
    STATUS_BITS,
    STATUS_CODES,
    WAITS,
    WORDS,
    document,
    grams,
)
from tui_inbox.repository.sqlite_texts import SqliteTexts
from tui_inbox.repository.tables import conversations
from tui_inbox.repository.types import instant, microseconds

COMMON = 0.07
"""Tokens of a larger share of the contacts are looked for on the row: matching them costs more than it spares."""
NOTED = 0.004
"""Tokens of a smaller share are all taken as equally rare."""
SAMPLE = 4000
"""Contacts looked at to learn which tokens are common."""
MOST_GRAMS = 3
"""Grams of a word that are matched; more do not narrow it down any further. Of several words one each will do."""
FIRST_SAMPLE = 1000
"""Contacts below which no token is common; after that the sample is taken anew whenever they have doubled."""

_STATE = """SELECT EXISTS (SELECT 1 FROM search_changes) AS changed,
 EXISTS (SELECT 1 FROM timeline WHERE id > (SELECT value FROM search_state WHERE name = 'texts'))
 OR EXISTS (SELECT 1 FROM search_taken_back) AS said,
 coalesce((SELECT max(contact_id) FROM search_entries), 0) AS known,
 (SELECT value FROM search_state WHERE name = 'sampled') AS sampled"""
_SHARES = sql(
    "SELECT '' AS token, value AND NOT EXISTS (SELECT 1 FROM search_changes) AS share FROM search_state "
    "WHERE name = 'ready' UNION ALL "
    "SELECT token, share FROM search_tokens WHERE token IN (SELECT value FROM json_each(:tokens))"
)
_BUCKET_SHIFT = PLACE_BITS + STATUS_BITS
_BUCKET = (
    "(SELECT bucket FROM search_buckets WHERE (first_at, first_id) <= (:at, :id) "
    "ORDER BY first_at DESC, first_id DESC LIMIT 1)"
)


@dataclass(frozen=True)
class _Word:
    """How one word is found: either of some rows of tokens, all of one row."""

    ways: tuple[tuple[str, ...], ...]

    def expression(self, shares: dict[str, float], grams: int) -> str:
        """The word in the language of the full-text search, by the ``grams`` rarest of its tokens."""
        ways = []
        for tokens in self.ways:
            rarest = sorted(tokens, key=lambda token: shares.get(token, 0.0))[:grams]
            ways.append("(" + " AND ".join(map(_asked, rarest)) + ")")
        return "(" + " OR ".join(ways) + ")"

    def common(self, shares: dict[str, float]) -> bool:
        """Whether some way of finding it has nothing but common tokens."""
        return any(all(shares.get(token, 0.0) > COMMON for token in way) for way in self.ways)


class SqliteHits(Repository):
    """Hits of one expression, the words verified on each entry."""

    def __init__(self, connection: AsyncConnection, f: InboxFilter, expression: str, terms: Sequence[Term]) -> None:
        super().__init__(connection)
        self._filter = f
        self._expression = expression
        self._words = _on_entry(terms)

    async def in_order(
        self, demands: Sequence[ColumnElement[bool]], place: Hit | None, limit: int, *, newest_first: bool
    ) -> list[Hit]:
        """The first ``limit`` in the order of last activity that meet ``demands``; with a ``place`` those after it."""
        values: dict[str, Any] = {"limit": limit}
        matching = self._matching("e.at, e.contact_id, w.rowid AS number", demands, values)
        if place is not None:
            values |= {"at": microseconds(place.at), "id": place.contact_id}
            matching += f" AND (e.at, e.contact_id) {'<' if newest_first else '>'} (:at, :id) AND w.rowid "
            matching += f"< ({_BUCKET} + 1) << {_BUCKET_SHIFT}" if newest_first else f">= {_BUCKET} << {_BUCKET_SHIFT}"
        down, last, edge = ("DESC", "min", ">= {}") if newest_first else ("ASC", "max", "< {} + (1 << {})")
        number = f"(SELECT {last}(number) FROM first)"
        bucket = f"({number} >> {_BUCKET_SHIFT} << {_BUCKET_SHIFT})"
        # Within a bucket places follow no order: what is left of the last one is needed too, to sort it.
        rest = (
            f"{matching} AND (SELECT count(*) FROM first) = :limit AND w.rowid {'<' if newest_first else '>'} {number} "
            f"AND w.rowid {edge.format(bucket, _BUCKET_SHIFT)}"
        )
        return await self._hits(
            f"WITH first AS MATERIALIZED ({matching} ORDER BY w.rowid {down} LIMIT :limit) "
            f"SELECT at, contact_id FROM (SELECT * FROM first UNION ALL SELECT * FROM ({rest})) "
            f"ORDER BY at {down}, contact_id {down} LIMIT :limit",
            values,
        )

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
        values: dict[str, Any] = {"limit": limit, "most": most + 1}
        waits = column == conversations.c.waiting_since.name
        matching = self._matching("e.contact_id", demands, values, WAITS if waits else "")
        found = f"WITH found AS MATERIALIZED ({matching} LIMIT :most) "
        beyond = ""
        if place is not None:
            values |= {"at": microseconds(place.at), "id": place.contact_id}
            beyond = f"WHERE (v.{column}, v.contact_id) {'<' if descending else '>'} (:at, :id)"
        down = "DESC" if descending else "ASC"
        statement = (
            f"{found} SELECT v.{column} AS at, v.contact_id, (SELECT count(*) FROM found) AS number FROM found "
            f"CROSS JOIN conversations v ON v.contact_id = found.contact_id {beyond} "
            f"ORDER BY 1 {down}, 2 {down} LIMIT :limit"
        )
        rows = (await self._connection.execute(sql(statement), values)).all()
        if not rows and place is not None:
            number = (await self._connection.execute(sql(f"{found} SELECT count(*) FROM found"), values)).scalar_one()
        else:
            number = rows[0].number if rows else 0
        return None if number > most else [Hit(instant(row.at), row.contact_id) for row in rows]

    async def counts(self, demands: Sequence[ColumnElement[bool]], most: int) -> Counted:
        """How many of each status meet ``demands``, among the newest ``most`` at the least."""
        values: dict[str, Any] = {"most": most}
        matching = self._matching(f"w.rowid & {(1 << STATUS_BITS) - 1} AS status", demands, values, status=False)
        counted = f"SELECT status, count(*) FROM ({matching} ORDER BY w.rowid DESC LIMIT :most) GROUP BY status"
        by_code = {int(code): int(number) for code, number in (await self._connection.execute(sql(counted), values))}
        numbers = {status: by_code.get(code, 0) for status, code in STATUS_CODES.items()}
        return Counted(numbers, complete=sum(numbers.values()) < most)

    async def _hits(self, statement: str, values: Mapping[str, Any]) -> list[Hit]:
        rows = (await self._connection.execute(sql(statement), values)).all()
        return [Hit(instant(at), contact_id) for at, contact_id in rows]

    def _matching(
        self,
        columns: str,
        demands: Sequence[ColumnElement[bool]],
        values: dict[str, Any],
        token: str = "",
        *,
        status: bool = True,
    ) -> str:
        """The query for entries that the filter finds; what it is bound to goes into ``values``."""
        rendered = rendered_of(demands)
        joined = joined_to(rendered, "e.contact_id")
        values |= {"match": f"{self._expression} AND {_asked(token)}" if token else self._expression}
        values |= {**self._words.values, **rendered.values}
        wanted = [f"{WORDS} MATCH :match", self._words.text, *_on_owner(self._filter, values), rendered.text]
        if status and self._filter.status is not None:
            wanted.append(f"w.rowid & {(1 << STATUS_BITS) - 1} = {STATUS_CODES[self._filter.status.value]}")
        return (
            f"SELECT {columns} FROM {WORDS} w CROSS JOIN search_entries e ON e.place = w.rowid >> {STATUS_BITS}"
            f"{joined} WHERE {' AND '.join(filter(None, wanted))}"
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
        asked_for = matched or words
        parts = [word.expression(shares, MOST_GRAMS if len(asked_for) == 1 else 1) for word in asked_for]
        if owner and shares.get(owner, 0.0) <= COMMON:
            parts.append(_asked(owner))
        return SqliteHits(self._connection, f, " AND ".join(parts), terms)

    async def sayings(self, texts: Sequence[str], demands: Sequence[ColumnElement[bool]], limit: int) -> Sayings:
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
        await self._run((*EMPTY, *FILL, *EMPTY_TEXTS, *SETTLE_TEXTS, *COUNT))
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
        rows = (await self._connection.execute(_SHARES, {"tokens": json.dumps(sorted(set(tokens)))})).all()
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


def _on_owner(f: InboxFilter, values: dict[str, Any]) -> list[str]:
    """That an entry is in the filter's inbox, also where that is not matched."""
    match f.inbox:
        case InboxKind.MINE:
            values["owner"] = -1 if f.agent_id is None else f.agent_id
            return ["e.assignee_id = :owner"]
        case InboxKind.UNASSIGNED:
            return ["e.assignee_id = 0"]
        case InboxKind.TEAM:
            values["owner"] = -1 if f.team_id is None else f.team_id
            return ["e.team_id = :owner"]
        case InboxKind.ALL:
            return []


def _on_entry(terms: Sequence[Term]) -> Clauses:
    """The words are in the entry, as :func:`tui_inbox.domain.search.matched_fields` says."""
    values: dict[str, Any] = {}
    found = []
    for number, term in enumerate(terms):
        word, digits = f"word{number}", f"digits{number}"
        hits = [f"instr(e.{name}, :{word}) > 0" for name in ("name", "email") if term.field in {"", name}]
        if hits or not term.field:
            values[word] = term.text
        if term.field in {"", "phone"} and term.digits:
            values[digits] = term.digits
            hits.append(f"instr(e.phone, :{digits}) > 0")
        if not term.field:
            hits.append(f"instr(e.custom, char(10) || :{word} || char(10)) > 0")
        found.append(f"({' OR '.join(hits) or '0'})")
    return Clauses(" AND ".join(found), values)
