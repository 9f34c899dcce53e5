"""Reading hits from the search index of SQLite, in the order of the list or of few in another order.

Statements are written as text, and go to the driver as they are: for questions that are asked with every key, putting
them together from expressions takes longer than the database needs to answer. Which tokens are matched is decided in
``sqlite_search``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from tui_inbox.domain.filters import InboxFilter
from tui_inbox.domain.search import Term
from tui_inbox.repository.base import Repository
from tui_inbox.repository.clauses import Clauses, beyond, joined_to, rendered_of
from tui_inbox.repository.demands import Demands
from tui_inbox.repository.entry_clauses import on_entry, on_owner
from tui_inbox.repository.search_index import Counted, Hit
from tui_inbox.repository.sqlite_search_schema import (
    PLACE_BITS,
    STATUS_BITS,
    STATUS_CODES,
    WAITING,
    WAITS,
    WORDS,
)
from tui_inbox.repository.straight import rows_of
from tui_inbox.repository.tables import conversations

CLEARLY = 1.5
"""Where that many times as many are expected, or that part of them, nobody needs to count."""
MOST_WAITING = 400
"""Hits among those who wait that the index gives to be sorted; more are soon met in the list of all of them."""
WALKED = 8000
"""So many of that list are looked at for a page. What it does not have there is rare enough to be sorted."""
NARROWED = 8
"""How many times as many are looked at for a sort where something is demanded that the index does not know."""

_CONTACT = "e.contact_id"
_BUCKET_SHIFT = PLACE_BITS + STATUS_BITS
_BUCKET = (
    "(SELECT bucket FROM search_buckets WHERE (first_at, first_id) <= (:beyond_at, :beyond_id) "
    "ORDER BY first_at DESC, first_id DESC LIMIT 1)"
)


def asked_token(token: str) -> str:
    """A token as the full-text search is asked for it; a short gram is the beginning of longer ones."""
    quoted = '"' + token.replace('"', '""') + '"'
    return f"{quoted}*" if token[0] in "nep" and len(token) < 4 else quoted


@dataclass(frozen=True)
class Size:
    """What is known of the whole list."""

    buckets: int
    waiting: float
    """Share of those who wait for an answer."""


class SqliteHits(Repository):
    """Hits of one expression, the words verified on each entry."""

    def __init__(
        self,
        connection: AsyncConnection,
        f: InboxFilter,
        expression: str,
        whole: str,
        terms: Sequence[Term],
        size: Size,
    ) -> None:
        """``expression`` finds the first hits soonest, ``whole`` all of them: it matches common words as well."""
        super().__init__(connection)
        self._size = size
        self._expected: float | None = None
        """Number of hits, estimated; ``None`` = nobody has looked."""
        self._filter = f
        self._expression, self._whole = expression, whole
        self._words, self._owner = on_entry(terms, "instr"), on_owner(f)

    async def in_order(self, demands: Demands, place: Hit | None, limit: int, *, newest_first: bool) -> list[Hit]:
        """The first ``limit`` in the order of last activity that meet ``demands``; with a ``place`` those after it."""
        columns = "e.at, e.contact_id, w.rowid AS number"
        there = beyond("e.at, e.contact_id", place, descending=newest_first)
        values: dict[str, Any] = {"limit": limit, **there.values}
        after = ""
        if there.text:
            after = f" AND {there.text} AND w.rowid "
            after += f"< ({_BUCKET} + 1) << {_BUCKET_SHIFT}" if newest_first else f">= {_BUCKET} << {_BUCKET_SHIFT}"
        down, last = ("DESC", "min") if newest_first else ("ASC", "max")
        bucket = f"full.number >> {_BUCKET_SHIFT} << {_BUCKET_SHIFT}"
        left = (
            f"w.rowid < full.number AND w.rowid >= {bucket}"
            if newest_first
            else f"w.rowid > full.number AND w.rowid < ({bucket}) + (1 << {_BUCKET_SHIFT})"
        )
        asked = _rendered(demands)
        matching = self._matching(columns, asked, values, whole=False) + after
        # Within a bucket places follow no order: what is left of the last one is needed too, to sort it. Where the
        # first are all, there is none, and the index is not asked for it: to find nothing may take it longest.
        rest = self._matching(columns, asked, values, before="full CROSS JOIN ", whole=False) + after
        return await self._hits(
            f"WITH first AS MATERIALIZED ({matching} ORDER BY w.rowid {down} LIMIT :limit), "
            f"full AS MATERIALIZED (SELECT {last}(number) AS number FROM first HAVING count(*) = :limit) "
            f"SELECT at, contact_id FROM (SELECT * FROM first UNION ALL {rest} AND {left}) "
            f"ORDER BY at {down}, contact_id {down} LIMIT :limit",
            values,
        )

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
        values: dict[str, Any] = {}
        columns = f"conversations.{column} AS at, e.contact_id"
        matching = self._matching(columns, _rendered(demands), values, joined={conversations})
        too_many = self._too_many(most)
        if too_many is None:
            too_many = await self._more_than(most * NARROWED if demands else most, values["match"])
        return None if too_many else await self._sorted(matching, values, place, limit, most, descending=descending)

    async def waiting(self, demands: Demands, place: Hit | None, limit: int, *, longest_first: bool) -> list[Hit]:
        """The first ``limit`` of those who wait for an answer, by since when; with a ``place`` those after it."""
        asked, columns, last_first = _rendered(demands), "e.waiting AS at, e.contact_id", not longest_first
        match: dict[str, Any] = {}
        matching = f"{self._matching(columns, asked, match, WAITS)} AND e.waiting > 0"
        found: list[Hit] | None = None
        if not self._too_many(MOST_WAITING, self._size.waiting):
            found = await self._sorted(matching, match, place, limit, MOST_WAITING, descending=last_first)
        if found is None:
            # Down the list of all who wait, which has what the words are compared with.
            order = "ORDER BY e.waiting DESC, e.contact_id DESC" if last_first else "ORDER BY e.waiting, e.contact_id"
            after = beyond("e.waiting, e.contact_id", place, descending=last_first)
            listed = f"search_entries e INDEXED BY {WAITING}"
            waits = f"e.waiting > 0 AND {after.text}" if after.text else "e.waiting > 0"
            edge, side = ("max", "<=") if longest_first else ("min", ">=")
            walked = f"SELECT e.waiting AS last FROM {listed} WHERE {waits} {order} LIMIT :walked"
            near = f"e.waiting {side} (SELECT {edge}(last) FROM ({walked}))"
            values: dict[str, Any] = {"limit": limit, "walked": WALKED, **after.values}
            entries = self._entries(columns, listed, asked, values)
            found = await self._hits(f"{entries} AND {waits} AND {near} {order} LIMIT :limit", values)
            if len(found) < limit:
                found = await self._sorted(matching, match, place, limit, None, descending=last_first)
        return found or []

    async def counts(self, demands: Demands, most: int) -> Counted:
        """How many of each status meet ``demands``, among the newest ``most`` at the least."""
        values: dict[str, Any] = {"most": most}
        code = f"w.rowid & {(1 << STATUS_BITS) - 1} AS status"
        matching = self._matching(code, _rendered(demands), values, status=False)
        counted = f"SELECT status, count(*) FROM ({matching} ORDER BY w.rowid DESC LIMIT :most) GROUP BY status"
        by_code = {int(code): int(number) for code, number in await self._rows(counted, values)}
        numbers = {status: by_code.get(code, 0) for status, code in STATUS_CODES.items()}
        return Counted(numbers, complete=sum(numbers.values()) < most)

    async def few(self, demands: Demands, most: int) -> list[int] | None:
        """The contacts of all hits, if they are ``most`` at the most."""
        values: dict[str, Any] = {"most": most + 1}
        matching = self._matching("e.contact_id, e.place", _rendered(demands), values)
        # Unless something is demanded that leaves few of many, the first ones tell.
        if demands and await self._more_than(most * NARROWED, values["match"]):
            return None
        rows = await self._rows(f"{matching} LIMIT :most", values)
        if len(rows) <= most:
            return [contact_id for contact_id, _ in rows]
        # The oldest of the list come first: all of it has as many more hits as there are more buckets.
        self._expected = len(rows) * self._size.buckets / (rows[-1][1] >> PLACE_BITS)
        return None

    def _too_many(self, most: int, share: float = 1.0) -> bool | None:
        """Whether there are clearly more than ``most``, of which ``share`` are asked for; ``None`` = nobody knows."""
        expected = None if self._expected is None else self._expected * share
        if expected is None or most / CLEARLY < expected < most * CLEARLY:
            return None
        return expected > most

    async def _sorted(
        self,
        matching: str,
        match: Mapping[str, Any],
        place: Hit | None,
        limit: int,
        most: int | None,
        *,
        descending: bool,
    ) -> list[Hit] | None:
        """The first ``limit`` after ``place`` of what a query finds; ``None`` where that is more than ``most``."""
        after, down = beyond("at, contact_id", place, descending=descending), "DESC" if descending else "ASC"
        more = -1 if most is None else most + 1
        (number, _), *rows = await self._rows(
            f"WITH found AS MATERIALIZED ({matching} LIMIT :more), page AS (SELECT at, contact_id FROM found "
            f"{after.text and f'WHERE {after.text}'} ORDER BY at {down}, contact_id {down} LIMIT :limit) "
            "SELECT count(*), 0 FROM found UNION ALL SELECT * FROM page",
            {**match, **after.values, "limit": limit, "more": more},
        )
        return None if most is not None and number > most else [Hit(at, contact_id) for at, contact_id in rows]

    async def _more_than(self, most: int, match: str) -> bool:
        """Whether the index finds more than ``most``, which it counts without looking at a row."""
        some = f"SELECT 1 FROM {WORDS} WHERE {WORDS} MATCH :match LIMIT :more"
        ((number,),) = await self._rows(f"SELECT count(*) FROM ({some})", {"match": match, "more": most + 1})
        return bool(number > most)

    async def _hits(self, statement: str, values: Mapping[str, Any]) -> list[Hit]:
        return [Hit(at, contact_id) for at, contact_id in await self._rows(statement, values)]

    async def _rows(self, statement: str, values: Mapping[str, Any]) -> Sequence[Any]:
        return await rows_of(self._connection, statement, values)

    def _matching(
        self,
        columns: str,
        asked: Clauses,
        values: dict[str, Any],
        token: str = "",
        *,
        status: bool = True,
        joined: Collection[Any] = (),
        before: str = "",
        whole: bool = True,
    ) -> str:
        """The query for entries that the filter finds; what it is bound to goes into ``values``.

        ``joined``: tables that ``columns`` are of; ``before``: what is read before the index.
        """
        listed = f"{before}{WORDS} w CROSS JOIN search_entries e ON e.place = w.rowid >> {STATUS_BITS}"
        expression = self._whole if whole else self._expression
        values["match"] = f"{expression} AND {asked_token(token)}" if token else expression
        known = f"w.rowid & {(1 << STATUS_BITS) - 1}" if status else ""
        entries = self._entries(columns, listed, asked, values, status=known, joined=joined)
        return f"{entries} AND {WORDS} MATCH :match"

    def _entries(
        self,
        columns: str,
        listed: str,
        asked: Clauses,
        values: dict[str, Any],
        *,
        status: str = "e.status",
        joined: Collection[Any] = (),
    ) -> str:
        """The query for entries, however they are ``listed``, that have the words and meet what is asked.

        ``status``: what tells it; empty where any will do.
        """
        others = joined_to(asked.tables | set(joined), _CONTACT)
        values |= {**self._words.values, **self._owner.values, **asked.values}
        wanted = [self._words.text, self._owner.text, asked.text]
        if status and self._filter.status is not None:
            wanted.append(f"{status} = {STATUS_CODES[self._filter.status.value]}")
        return f"SELECT {columns} FROM {listed}{others} WHERE {' AND '.join(filter(None, wanted))}"


def _rendered(demands: Demands) -> Clauses:
    return rendered_of("sqlite", demands, _CONTACT, "e.waiting")
