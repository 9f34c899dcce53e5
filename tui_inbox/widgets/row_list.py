"""A list of any length on the line API: shows a window into the store, asks for pages as the reader moves.

Nothing here scrolls by itself or is animated; a cursor move paints two lines. What a row looks like is the subclass's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui_inbox.widgets.latest import Latest
from tui_inbox.widgets.row_window import Key, Row, RowSource, RowT, RowWindow

LEAST_PAGE = 50
"""Rows of one page, or what the screen holds where that is more."""
HEAD = 1
"""Lines above the rows."""
MOST_NEW_COUNTED = 20
"""More new rows than these are told as "20+"."""


class RowList(Widget, Generic[RowT], can_focus=True):
    """The list. :meth:`ask` another question, :meth:`read_again` when the store has changed."""

    @dataclass
    class CursorMoved(Message):
        """Another row, or a newer form of it, is under the cursor; ``None`` = the list is empty."""

        row: Row | None

    @dataclass
    class Opened(Message):
        """A row was clicked twice, or once while under the cursor."""

        key: Key

    @dataclass
    class Answered(Message):
        """The first rows of a question are there."""

        source: object
        empty: bool

    @dataclass
    class NewAbove(Message):
        """So many rows came on top while the reader is further down; 0 = the top is seen."""

        count: int

    @dataclass
    class Failed(Message):
        """The store could not answer; what was shown stays."""

        sentence: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self.window: RowWindow[RowT] = RowWindow()
        self.source: RowSource[RowT] | None = None
        self.loading_rows = True
        """Whether the first rows of the question are still to come."""
        self.total: int | None = None
        """Length of the whole list, once somebody has counted it; only for the scroll mark."""
        self._answered: RowSource[RowT] | None = None
        self._new_above = 0
        self._rows = Latest(self, "rows", self._failed)
        self._sides = {side: Latest(self, f"rows-{side}", self._failed) for side in ("above", "below")}
        self._painted: list[Strip] = []
        self._prepared: dict[int, Strip] = {}
        """Lines that were made to see whether they differ and are about to be painted."""
        self._edges_due = False
        """Whether the edges are looked at once the list has been painted."""

    # What a row looks like ------------------------------------------------------------------------------------------

    def paint_row(self, row: RowT, width: int, *, under_cursor: bool) -> Strip:
        """One line of ``width`` cells; every segment with a style."""
        raise NotImplementedError

    def paint_head(self, width: int) -> Strip:
        """The line above the rows: the names of the columns."""
        raise NotImplementedError

    def paint_empty(self, line: int, width: int) -> Strip:
        """One line where there is no row."""
        return Strip([Segment(" " * width, self.rich_style)], width)

    @property
    def base_style(self) -> Style:
        """Style of the widget without decoration."""
        return self.rich_style

    # Questions ------------------------------------------------------------------------------------------------------

    @property
    def answered(self) -> bool:
        """Whether the rows are those of the present question, not still of the one before."""
        return self._answered == self.source

    @property
    def page_size(self) -> int:
        """Rows of one page."""
        return max(LEAST_PAGE, self.window.height)

    def ask(self, source: RowSource[RowT], keep: Key | None = None) -> None:
        """Show the answer to another question from its top, or around row ``keep`` where the answer holds it.

        What is on the screen stays until the answer is there.
        """
        self.source = source
        self._rows.ask(lambda: self._first(source, keep))

    def read_again(self) -> None:
        """Ask for the same stretch once more, without moving what the reader looks at."""
        source = self.source
        if source is not None and not self.loading_rows:
            self._rows.ask(lambda: self._stretch(source))

    def go_last(self) -> None:
        """To the end of the list."""
        window, source = self.window, self.source
        if not window.more_below:
            self.move_to(len(window.rows) - 1)
        elif source is not None:
            self._rows.ask(lambda: self._last(source))

    def go_first(self) -> None:
        """To the top of the list."""
        source = self.source
        if not self.window.more_above and not self._new_above:
            self.move_to(0)
        elif source is not None:
            self._rows.ask(lambda: self._first(source, None))

    async def _first(self, source: RowSource[RowT], keep: Key | None) -> None:
        # No more than one sees: whoever types a search waits for this; the rest is fetched once it is painted.
        limit = self.window.height
        kept = None if keep is None else await source.find(keep)
        if kept is None:
            rows = await source.after(None, limit)
            above: list[RowT] = []
        else:
            above = await source.before(kept.cursor, limit)
            rows = [kept, *await source.after(kept.cursor, limit)]
        if source != self.source:
            return
        window = self.window
        window.rows, window.at, window.top = [*above, *rows], len(above), 0
        window.more_above, window.more_below = len(above) >= limit, len(rows) >= limit
        window.first_number = None if window.more_above else 0
        window.keep_in_view(jump=window.height // 3)
        self.loading_rows, self._answered = False, source
        self._tell_new(0)
        self.post_message(self.Answered(source, not window.rows))
        self._changed()

    async def _last(self, source: RowSource[RowT]) -> None:
        limit = self.page_size
        rows = await source.last(limit)
        if source != self.source or not rows:
            return
        window = self.window
        window.rows, window.at, window.top = rows, len(rows) - 1, 0
        window.more_above, window.more_below = len(rows) >= limit, False
        window.first_number = 0 if not window.more_above else None
        window.keep_in_view()
        self._changed()

    async def _stretch(self, source: RowSource[RowT]) -> None:
        window = self.window
        start = max(0, window.top - self.page_size)
        anchor = window.rows[start - 1].cursor if start else None
        at_start = anchor is None and not window.more_above
        number = None if window.first_number is None else window.first_number + start
        if anchor is None and not at_start:
            anchor, number = window.rows[0].cursor, None
        limit = max(window.top - start, 0) + window.height + self.page_size
        rows = await source.after(None if at_start else anchor, limit)
        newer = 0 if at_start and window.top == 0 else await self._count_newer(source)
        if source != self.source:
            return
        window.replace(rows, more_above=not at_start, more_below=len(rows) >= limit, first_number=number)
        self._tell_new(newer)
        self.post_message(self.Answered(source, not window.rows))
        self._changed()

    async def _count_newer(self, source: RowSource[RowT]) -> int:
        """Rows that came before the first one that this reader has seen; only where that one is loaded."""
        if self.window.more_above or not self.window.rows:
            return self._new_above
        return self._new_above + len(await source.before(self.window.rows[0].cursor, MOST_NEW_COUNTED))

    async def _more(self, source: RowSource[RowT], side: str) -> None:
        window, limit = self.window, self.page_size
        if not window.rows:
            return
        edge = window.rows[-1 if side == "below" else 0]
        rows = await (source.after if side == "below" else source.before)(edge.cursor, limit)
        unchanged = window.rows and window.rows[-1 if side == "below" else 0].key == edge.key
        if source != self.source or not unchanged:
            return
        filled = window.top + window.height < len(window.rows)
        if side == "below":
            window.append(rows, complete=len(rows) < limit)
        else:
            window.prepend(rows, complete=len(rows) < limit)
        if side == "above" or not filled:
            self._repaint_changed()

    def _failed(self, sentence: str) -> None:
        self.post_message(self.Failed(sentence))

    def _prefetch(self) -> None:
        """Keep one screenful loaded beyond both edges of the view."""
        window, source = self.window, self.source
        if source is None or not window.rows:
            return
        ahead = len(window.rows) - window.top - window.height
        for side, wanted in (
            ("below", window.more_below and ahead < window.height),
            ("above", window.more_above and window.top < window.height),
        ):
            if wanted and not self._sides[side].busy:
                self._sides[side].ask(partial(self._more, source, side))

    def _tell_new(self, count: int) -> None:
        if count != self._new_above:
            self._new_above = count
            self.post_message(self.NewAbove(count))

    # Moving ---------------------------------------------------------------------------------------------------------

    @property
    def current(self) -> RowT | None:
        """The row under the cursor."""
        return self.window.current

    def move(self, step: int) -> None:
        """Cursor by so many rows."""
        self._moving(lambda: self.window.move(step))

    def move_to(self, index: int) -> None:
        """Cursor to a loaded row."""
        self._moving(lambda: self.window.go(index))

    def move_page(self, pages: float) -> None:
        """View and cursor by so many pages."""
        rows = max(1, round(self.window.height * abs(pages)) - (1 if abs(pages) >= 1 else 0))
        self._moving(lambda: self.window.page(rows if pages > 0 else -rows))

    def neighbour(self, key: Key, step: int) -> RowT | None:
        """The loaded row ``step`` rows away from another one; ``None`` beyond the loaded ones."""
        index = self.window.index_of(key)
        wanted = (self.window.at if step < 0 else self.window.at - 1) + step if index is None else index + step
        return self.window.rows[wanted] if 0 <= wanted < len(self.window.rows) else None

    def select_row(self, key: Key) -> None:
        """Cursor to a row, where it is loaded."""
        index = self.window.index_of(key)
        if index is not None:
            self.move_to(index)

    def _moving(self, change: Callable[[], bool]) -> None:
        before, painted = self.window.at, False
        scrolled = change()
        if scrolled:
            painted = self._repaint_changed()
        elif self.window.at != before:
            painted = self._refresh_lines(before - self.window.top + HEAD, self.window.at - self.window.top + HEAD)
        if scrolled or self.window.at != before:
            self.post_message(self.CursorMoved(self.current))
            if self.window.at_top:
                self._top_reached()
        self._look_at_edges(painted)

    def _top_reached(self) -> None:
        if self._new_above:
            self.read_again()

    # Painting -------------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One line; a page that is still on its way is shown as an ellipsis."""
        strip = self._prepared.pop(y, None) or self._line(y)
        while len(self._painted) <= y:
            self._painted.append(Strip([]))
        self._painted[y] = strip
        return strip

    def _line(self, y: int) -> Strip:
        width, window = self.size.width, self.window
        if y < HEAD:
            return Strip([*self.paint_head(width - 1), Segment(" ", self.base_style)], width)
        y -= HEAD
        index = window.top + y
        if index < len(window.rows):
            body = self.paint_row(window.rows[index], width - 1, under_cursor=index == window.at)
        elif self.loading_rows or (window.more_below and index == len(window.rows)):
            body = Strip([Segment("  …".ljust(width - 1)[: width - 1], self.base_style)], width - 1)
        else:
            body = self.paint_empty(y, width - 1)
        return Strip([*body, self._scroll_mark(y)], width)

    def _scroll_mark(self, y: int) -> Segment:
        """The last cell of each line: a thumb that tells roughly where in the list the view is."""
        window, total = self.window, self.total or 0
        if window.first_number is None or total <= window.height:
            return Segment(" ", self.base_style)
        thumb = max(1, window.height * window.height // total)
        first = (window.first_number + window.top) * (window.height - thumb) // max(1, total - window.height)
        return Segment("▐" if first <= y < first + thumb else " ", self.base_style + Style(dim=True))

    def repaint(self) -> None:
        """Paint the lines that look different from before: after a minute has passed, say."""
        self._repaint_changed()

    def _changed(self) -> None:
        painted = self._repaint_changed()
        self.post_message(self.CursorMoved(self.current))
        self._look_at_edges(painted)

    def _look_at_edges(self, painted: bool) -> None:
        """Fetch what is missing beyond the view once the list has been painted, or now where it is not: walking through
        the conversations goes on below another screen."""
        if painted and self.screen is self.app.screen:
            self._edges_due = True
        else:
            self._prefetch()

    def render_lines(self, crop: Region) -> list[Strip]:
        """As Textual's. What ``call_after_refresh`` is given may run before: the screen hears of changes later."""
        if self._edges_due:
            self._edges_due = False
            self.call_later(self._prefetch)
        return super().render_lines(crop)

    def _repaint_changed(self) -> bool:
        height = self.size.height
        old = self._painted[:height]
        lines = {y: strip for y in range(height) if (strip := self._line(y)) != (old[y] if y < len(old) else None)}
        painted = self._refresh_lines(*lines)
        self._prepared = lines
        return painted

    def _refresh_lines(self, *lines: int) -> bool:
        """Have lines painted; whether any of them is on the screen."""
        self._prepared = {}
        width, height = self.size
        regions = [Region(0, y, width, 1) for y in lines if 0 <= y < height]
        if regions:
            self.refresh(*regions)
        return bool(regions)

    def notify_style_update(self) -> None:
        """Another theme: everything looks different."""
        super().notify_style_update()
        self._forget_painted()

    def _forget_painted(self) -> None:
        self._painted.clear()
        self._prepared.clear()

    # Events ---------------------------------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """The cursor stays in view."""
        self.window.resize(event.size.height - HEAD)
        self._forget_painted()
        self._prefetch()

    def on_click(self, event: events.Click) -> None:
        """One click puts the cursor, a second one opens."""
        index = self.window.top + event.y - HEAD
        if event.y < HEAD or index >= len(self.window.rows):
            return
        if index == self.window.at or event.chain > 1:
            self.move_to(index)
            self.post_message(self.Opened(self.window.rows[index].key))
        else:
            self.move_to(index)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves by three rows."""
        event.stop()
        self._moving(lambda: self.window.page(3))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves by three rows."""
        event.stop()
        self._moving(lambda: self.window.page(-3))
