"""The list read in its own order, each row looked at: the way where no index helps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from tui_inbox.repository.among import among_named, numbers
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


def one_of(ids: Collection[int]) -> Demands:
    """That a conversation is one of these contacts'."""
    return Demands((_ONE_OF,), {"ids": numbers(ids)})


_ONE_OF: ColumnElement[bool] = among_named(conversations.c.contact_id, "ids")


class Listing(Repository):
    """Reads of the list."""

    async def placed(self, demands: Demands, stretch: Stretch) -> list[Placed]:
        """The rows of a stretch that meet ``demands``, from its place on."""
        segment = stretch.segment
        asked = self._rendered(demands + segment.demanded)
        after = segment.beyond(stretch.place, backwards=stretch.backwards)
        statement = _select(f"conversations.contact_id, conversations.{segment.column.name}", asked, after.text)
        ordered = f"{statement} ORDER BY {segment.order(backwards=stretch.backwards)} LIMIT :limit"
        values = {**asked.values, **after.values, "limit": stretch.limit}
        return [Placed(ident, stretch.index, at) for ident, at in await rows_of(self._connection, ordered, values)]

    async def number(self, demands: Demands, segment: Segment, before: Hit | None) -> int:
        """How many rows of a segment meet ``demands``, of those before a place, if one is given."""
        asked = self._rendered(demands + segment.demanded)
        there = segment.beyond(before, backwards=True)
        counted = _select("count(*)", asked, there.text)
        ((number,),) = await rows_of(self._connection, counted, {**asked.values, **there.values})
        return int(number)

    async def counted(self, demands: Demands, most: int) -> Counted:
        """Numbers by status of rows that meet ``demands``, of ``most`` at the most."""
        asked = self._rendered(demands)
        some = f"{_select('conversations.status', asked)} LIMIT :most"
        statement = f"SELECT status, count(*) FROM ({some}) looked GROUP BY status"
        numbers = {
            status: int(number)
            for status, number in await rows_of(self._connection, statement, {**asked.values, "most": most})
        }
        return Counted(numbers, complete=sum(numbers.values()) < most)

    def _rendered(self, demands: Demands) -> Clauses:
        return rendered_of(self._connection.dialect.name, demands)


def _select(columns: str, asked: Clauses, *more: str) -> str:
    """The query for rows of the list; the contacts are read only where something is asked of them."""
    read = f"conversations{joined_to(asked.tables & {contacts}, 'conversations.contact_id', 'JOIN')}"
    wanted = " AND ".join(filter(None, [asked.text, *more]))
    return f"SELECT {columns} FROM {read}{wanted and f' WHERE {wanted}'}"
