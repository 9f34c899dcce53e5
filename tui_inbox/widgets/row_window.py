"""The part of a long list that is in memory: rows around the view, and where the cursor is. Knows no Textual.

Rows are addressed by their key in the store's order, never by a number, so the list may be a million rows long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeAlias, TypeVar

MOST_ROWS = 1600
"""Rows kept in memory; beyond that the far end is let go."""


Key: TypeAlias = int | str


class Row(Protocol):
    """What the window must know of a row."""

    @property
    def key(self) -> Key:
        """Identity: the cursor stays on it whatever the order becomes."""

    @property
    def cursor(self) -> str:
        """Place in the store's order."""


RowT = TypeVar("RowT", bound=Row)


class RowSource(Protocol[RowT]):
    """One question to the store; equal sources ask the same."""

    async def after(self, cursor: str | None, limit: int) -> list[RowT]:
        """The rows after a cursor; the first ones for ``None``."""

    async def before(self, cursor: str, limit: int) -> list[RowT]:
        """The rows just before a cursor, in list order."""

    async def last(self, limit: int) -> list[RowT]:
        """The last rows, in list order."""

    async def find(self, key: Key) -> RowT | None:
        """The row with this key, if the answer holds it."""


@dataclass
class RowWindow(Generic[RowT]):
    """Loaded rows, the first visible one and the cursor, all by index into ``rows``."""

    rows: list[RowT] = field(default_factory=list)
    more_above: bool = False
    more_below: bool = False
    first_number: int | None = 0
    """Number of ``rows[0]`` in the whole list, counted from 0; ``None`` = not known."""
    top: int = 0
    """Index of the first visible row."""
    at: int = 0
    """Index of the row under the cursor."""
    height: int = 1
    """Rows that fit on the screen."""

    @property
    def current(self) -> RowT | None:
        """The row under the cursor."""
        return self.rows[self.at] if self.rows else None

    @property
    def at_top(self) -> bool:
        """Whether the very first row of the list is visible."""
        return self.top == 0 and not self.more_above

    @property
    def shown(self) -> list[RowT]:
        """The visible rows."""
        return self.rows[self.top : self.top + self.height]

    def index_of(self, key: Key) -> int | None:
        """Index of the row with this key, if it is loaded."""
        return next((index for index, row in enumerate(self.rows) if row.key == key), None)

    def move(self, step: int) -> bool:
        """Move the cursor by rows; returns whether the view moved with it.

        At an edge the view jumps by a third of its height: a line by line scroll would repaint everything each time.
        """
        return self.go(self.at + step)

    def go(self, index: int) -> bool:
        """Put the cursor on a loaded row; returns whether the view moved."""
        self.at = max(0, min(index, len(self.rows) - 1))
        return self.keep_in_view(jump=max(1, self.height // 3))

    def page(self, rows: int) -> bool:
        """Move view and cursor together by ``rows``; returns whether the view moved."""
        before = self.top
        self.top += rows
        self._clamp()
        self.at = max(0, min(self.at + rows, len(self.rows) - 1))
        self.keep_in_view(jump=0)
        return self.top != before

    def keep_in_view(self, jump: int = 0) -> bool:
        """Move the view so that the cursor is in it, ``jump`` rows further than needed; returns whether it moved."""
        before = self.top
        if self.at < self.top:
            self.top = self.at - jump
        elif self.at >= self.top + self.height:
            self.top = self.at - self.height + 1 + jump
        self._clamp()
        return self.top != before

    def resize(self, height: int) -> None:
        """Another height; the cursor stays visible."""
        self.height = max(1, height)
        self.keep_in_view()

    def append(self, rows: Sequence[RowT], *, complete: bool) -> None:
        """Rows that follow the last one. ``complete``: nothing comes after them."""
        known = {row.key for row in self.rows}
        self.rows += [row for row in rows if row.key not in known]
        self.more_below = not complete
        surplus = min(len(self.rows) - MOST_ROWS, self.top - self.height)
        if surplus > 0:
            del self.rows[:surplus]
            self.top -= surplus
            self.at -= surplus
            self.more_above = True
            if self.first_number is not None:
                self.first_number += surplus

    def prepend(self, rows: Sequence[RowT], *, complete: bool) -> None:
        """Rows that precede the first one; what is seen does not move. ``complete``: nothing comes before them."""
        known = {row.key for row in self.rows}
        fresh = [row for row in rows if row.key not in known]
        self.rows[:0] = fresh
        self.top += len(fresh)
        self.at += len(fresh)
        self.more_above = not complete
        if complete:
            self.first_number = 0
        elif self.first_number is not None:
            self.first_number = max(1, self.first_number - len(fresh))
        last_needed = self.top + 2 * self.height
        if len(self.rows) > max(MOST_ROWS, last_needed):
            del self.rows[max(MOST_ROWS, last_needed) :]
            self.more_below = True

    def replace(self, rows: Sequence[RowT], *, more_above: bool, more_below: bool, first_number: int | None) -> None:
        """Fresh rows of the same stretch of the list, without moving what the reader looks at.

        The cursor stays on its row; where that is gone it goes to the one that followed it, else to the one before.
        The first visible row stays on its line, except at the very top, which stays the top.
        """
        was_top = self.at_top
        old, old_at, old_top = self.rows, self.at, self.top
        self.rows = list(rows)
        self.more_above, self.more_below, self.first_number = more_above, more_below, first_number
        places = {row.key: index for index, row in enumerate(self.rows)}
        self.at = _nearest(old, old_at, places)
        self.top = 0 if was_top and not more_above else _nearest(old, old_top, places)
        self._clamp()
        self.keep_in_view()

    def _clamp(self) -> None:
        self.top = max(0, min(self.top, len(self.rows) - self.height))
        self.at = max(0, min(self.at, len(self.rows) - 1))


def _nearest(old: Sequence[Row], index: int, places: dict[Key, int]) -> int:
    """New index of ``old[index]``, else of the first one after it that is still there, else of the last one before."""
    for row in (*old[index:], *reversed(old[:index])):
        if row.key in places:
            return places[row.key]
    return 0
