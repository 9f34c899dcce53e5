"""The list read in its own order, each row looked at: the way where no index helps."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Column

from tui_inbox.repository.base import Repository
from tui_inbox.repository.clauses import Clauses, joined_to, rendered_of
from tui_inbox.repository.demands import Demands
from tui_inbox.repository.inbox_rows import Placed
from tui_inbox.repository.paging import Segment
from tui_inbox.repository.search_index import Counted, Hit
from tui_inbox.repository.straight import rows_of
from tui_inbox.repository.tables import contacts, conversations


@dataclass(frozen=True)
class Stretch:
    """What is read of one segment."""

    index: int
    segment: Segment
    place: Hit | None
    """Rows after it, or before it; ``None`` = from the first, or from the last."""
    limit: int
    backwards: bool


class Listing(Repository):
    """Reads of the list."""

    async def placed(self, demands: Demands, stretch: Stretch, few: Collection[int] | None = None) -> list[Placed]:
        """The rows of a stretch that meet ``demands``, from its place on; of ``few`` contacts, if given."""
        segment = stretch.segment
        asked = self._rendered(demands + segment.demanded, few)
        after = segment.beyond(stretch.place, backwards=stretch.backwards)
        columns = f"conversations.contact_id, conversations.{segment.column.name}"
        statement = self._select(columns, asked, few, after.text, by=segment.column)
        ordered = f"{statement} ORDER BY {segment.order(backwards=stretch.backwards)} LIMIT :limit"
        values = {**asked.values, **after.values, "limit": stretch.limit}
        return [Placed(ident, stretch.index, at) for ident, at in await rows_of(self._connection, ordered, values)]

    async def number(
        self, demands: Demands, segment: Segment, before: Hit | None, few: Collection[int] | None = None
    ) -> int:
        """How many rows of a segment meet ``demands``, of those before a place, if one is given."""
        asked = self._rendered(demands + segment.demanded, few)
        there = segment.beyond(before, backwards=True)
        counted = self._select("count(*)", asked, few, there.text)
        ((number,),) = await rows_of(self._connection, counted, {**asked.values, **there.values})
        return int(number)

    async def counted(self, demands: Demands, most: int, few: Collection[int] | None = None) -> Counted:
        """Numbers by status of rows that meet ``demands``, of ``most`` at the most."""
        asked = self._rendered(demands, few)
        some = f"{self._select('conversations.status', asked, few)} LIMIT :most"
        statement = f"SELECT status, count(*) FROM ({some}) looked GROUP BY status"
        numbers = {
            status: int(number)
            for status, number in await rows_of(self._connection, statement, {**asked.values, "most": most})
        }
        return Counted(numbers, complete=sum(numbers.values()) < most)

    def _rendered(self, demands: Demands, few: Collection[int] | None) -> Clauses:
        rendered = rendered_of(self._connection.dialect.name, demands)
        return rendered if few is None else replace(rendered, values={**rendered.values, "few": json.dumps(list(few))})

    def _select(
        self, columns: str, asked: Clauses, few: Collection[int] | None, *more: str, by: Column[Any] | None = None
    ) -> str:
        """The query for rows of the list; the contacts are read only where something is asked of them.

        Few are read before the list, else the database may go down all of it to find them in its order.
        ``by``: the column that they are sorted by.
        """
        engine = self._connection.dialect.name
        listed = "conversations"
        if few is not None:
            listed = f"{_FEW[engine]} conversations ON conversations.contact_id = few.value"
        elif engine == "sqlite" and by is conversations.c.window_ends_at:
            # Else it reads and sorts all of one status or agent, which it takes for few.
            listed = "conversations INDEXED BY ix_conversations_window"
        read = f"{listed}{joined_to(asked.tables & {contacts}, 'conversations.contact_id', 'JOIN')}"
        wanted = " AND ".join(filter(None, [asked.text, *more]))
        return f"SELECT {columns} FROM {read}{wanted and f' WHERE {wanted}'}"


_FEW = {
    "sqlite": "json_each(:few) few CROSS JOIN",
    "postgresql": "(SELECT CAST(value AS bigint) AS value FROM json_array_elements_text(CAST(:few AS json))) few JOIN",
}
"""Numbers of a JSON array, read first."""
