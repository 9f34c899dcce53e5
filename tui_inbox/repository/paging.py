"""Orders of the inbox list, and the places in it.

An order is a row of segments, each sorted by one indexed column and the contact's id, all of one segment before all of
the next. A cursor names the segment, the column's value there and the contact, so a page is found by its key, however
deep it lies. For orders that depend on the present, the cursor carries the instant at which the list was begun.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Column, ColumnElement, and_

from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.kinds import SortOrder
from tui_inbox.repository.clauses import Clauses, beyond
from tui_inbox.repository.demands import NEVER, SINCE, Demands
from tui_inbox.repository.search_index import Hit
from tui_inbox.repository.tables import conversations
from tui_inbox.repository.types import instant, microseconds

_NOBODY_WAITS = SINCE == NEVER
_BAD_CURSOR = "This is not a place in the list as it is now sorted; begin again without it."


@dataclass(frozen=True)
class Segment:
    """One stretch of the list."""

    column: Column[datetime]
    descending: bool
    condition: ColumnElement[bool] | None = None
    """What its rows have, beside a value in the column, and no other segment's rows have."""
    of_some: bool = False
    """Not all conversations have a value in the column."""
    few: bool = False
    """Its contacts are known, and few."""

    @property
    def demanded(self) -> Demands:
        """What its rows have and others have not."""
        has_value = self.column.is_not(None) if self.of_some else None
        return Demands().and_also(self.condition, has_value)

    def order(self, *, backwards: bool = False) -> str:
        """The ORDER BY of its rows."""
        down = " DESC" if self.descending is not backwards else ""
        return f"conversations.{self.column.name}{down}, conversations.contact_id{down}"

    def beyond(self, place: Hit | None, *, backwards: bool = False) -> Clauses:
        """Rows after a place in the segment, or before it; all without a place."""
        key = f"conversations.{self.column.name}, conversations.contact_id"
        return beyond(key, place, descending=self.descending is not backwards)


@dataclass(frozen=True)
class Cursor:
    """A place in the list."""

    sort: SortOrder
    segment: int
    at: int
    """As it is stored."""
    contact_id: int
    now: datetime

    @property
    def hit(self) -> Hit:
        """The same within its segment."""
        return Hit(self.at, self.contact_id)


def cursors(sort: SortOrder, now: datetime) -> Callable[[int, int, int], str]:
    """What makes the cursors of one list as callers get them, opaque, from segment, value and contact."""
    began = microseconds(now)
    return lambda segment, at, contact_id: f"{sort.value}.{segment}.{at}.{contact_id}.{began}"


def decode(cursor: str, sort: SortOrder, segments: int) -> Cursor:
    """The place that a cursor names. Raises :class:`UsageError` for anything but a cursor of this order."""
    try:
        named, segment, at, contact_id, now = cursor.split(".")
        found = Cursor(SortOrder(named), int(segment), int(at), int(contact_id), instant(int(now)))
    except (ValueError, OverflowError) as error:
        raise UsageError(_BAD_CURSOR) from error
    within = 0 <= found.segment < segments and 0 <= found.contact_id < 1 << 63 and abs(found.at) < 1 << 63
    if found.sort is not sort or not within:
        raise UsageError(_BAD_CURSOR)
    return found


def segments_of(sort: SortOrder, now: datetime, typed: Collection[int] | None) -> list[Segment]:
    """The segments of an order; contacts whose whole email was ``typed`` come before all others.

    ``None``: there is no word that could be one.
    """
    plain = _plain(sort, now)
    if typed is None:
        return plain
    others = conversations.c.contact_id.not_in(typed) if typed else None
    return [replace(item, few=True) for item in plain] + [_narrowed(item, others) for item in plain]


def _plain(sort: SortOrder, now: datetime) -> list[Segment]:
    columns = conversations.c
    latest = columns.last_activity_at
    match sort:
        case SortOrder.LATEST:
            return [Segment(latest, descending=True)]
        case SortOrder.OLDEST:
            return [Segment(latest, descending=False)]
        case SortOrder.WAITING:
            return [
                Segment(columns.waiting_since, descending=False, of_some=True),
                Segment(latest, descending=True, condition=_NOBODY_WAITS),
            ]
        case SortOrder.WINDOW_END:
            ends = columns.window_ends_at
            shut = (ends <= now) | ends.is_(None)
            return [
                Segment(ends, descending=False, condition=ends > now),
                Segment(latest, descending=True, condition=shut),
            ]


def _narrowed(segment: Segment, condition: ColumnElement[bool] | None) -> Segment:
    if condition is None or segment.condition is None:
        return replace(segment, condition=segment.condition if condition is None else condition)
    return replace(segment, condition=and_(condition, segment.condition))
