"""The thread with one contact: a line-API view of its entries.

Keeps laid-out rows of each entry until the entry or the width changes, paints only the rows on screen, and never moves
what is being read: what arrives while one reads further up is announced in the last row instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui_inbox.domain.models import TimelineEntry
from tui_inbox.text.parts import is_long
from tui_inbox.widgets.lines import Line, StyledLines
from tui_inbox.widgets.timeline_layout import Reader, Row, body_rows, lay_out

NEAR_TOP = 4
"""Rows from the top at which older entries are asked for."""


class Timeline(StyledLines, ScrollView, can_focus=False):
    """Scrolls by rows; has a cursor on messages (``J``, ``K``) for those that need a decision."""

    BINDINGS: ClassVar = []
    DEFAULT_CSS = """
    Timeline {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        background: $background;
    }
    """

    class OlderWanted(Message):
        """The reader comes near the oldest entry that is loaded."""

    class Activated(Message):
        """A message was clicked."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._reader: Reader | None = None
        self._entries: tuple[TimelineEntry, ...] = ()
        self._rows: list[Row] = []
        self._bodies: dict[str, tuple[TimelineEntry, int, list[Line]]] = {}
        self._complete = False
        self._asked_older = False
        self._selected = ""
        self._follow = True
        self._laid_width = 0
        self.new_below = 0
        """Messages that arrived below what is on screen."""

    # --- what the screen says

    def show(self, entries: Sequence[TimelineEntry], reader: Reader, *, complete: bool, fresh: bool = False) -> None:
        """Show ``entries``, oldest first. ``complete``: nothing older exists. ``fresh``: another thread; start below.

        Otherwise the row at the top stays where it is, or the view stays at the end if it was there.
        """
        if not fresh and self._same(entries, reader, complete):
            return
        if fresh:
            self._selected, self.new_below, self._follow = "", 0, True
            self._bodies.clear()
        elif not self._follow:
            self.new_below += _arrived(self._entries, entries)
        anchor = None if self._follow else self._anchor()
        self._entries, self._reader = tuple(entries), reader
        self._complete, self._asked_older = complete, False
        self._lay_out()
        self._settle(anchor)

    def forget(self) -> None:
        """Show nothing."""
        self._entries, self._reader, self._rows = (), None, []
        self._bodies.clear()
        self._set_length(0)
        self.refresh()

    @property
    def entries(self) -> tuple[TimelineEntry, ...]:
        """What is shown."""
        return self._entries

    @property
    def plain(self) -> str:
        """All rows without styles; for tests."""
        return "\n".join("".join(text for text, _ in row.line).rstrip() for row in self._rows)

    @property
    def at_end(self) -> bool:
        """Whether the newest row is on screen."""
        return self.scroll_offset.y >= self.max_scroll_y

    @property
    def selected(self) -> TimelineEntry | None:
        """The message under the cursor."""
        return next((entry for entry in self._entries if entry.key == self._selected), None)

    @property
    def longest(self) -> TimelineEntry | None:
        """The message to be read whole: the selected one, else the newest that is cut."""
        chosen = self.selected
        if chosen is not None:
            return chosen
        return next((entry for entry in reversed(self._entries) if entry.direction and is_long(entry.body)), None)

    # --- moving

    def move(self, rows: int) -> None:
        """Scroll by ``rows``."""
        self._scroll(self.scroll_offset.y + rows)

    def to_end(self) -> None:
        """To the newest entry."""
        self.new_below = 0
        self._follow = True
        self._scroll(self.max_scroll_y)

    def to_start(self) -> None:
        """To the oldest loaded entry; older ones are asked for."""
        self._scroll(0)

    def select(self, step: int) -> None:
        """Put the cursor on the next (``1``) or previous (``-1``) message and bring it into view."""
        messages = [index for index, entry in enumerate(self._entries) if entry.direction is not None]
        if not messages:
            return
        present = next(
            (place for place, index in enumerate(messages) if self._entries[index].key == self._selected), None
        )
        place = len(messages) - 1 if present is None else min(len(messages) - 1, max(0, present + step))
        self._put_cursor(messages[place])

    def select_message(self, message_id: str) -> bool:
        """Put the cursor on an outgoing message and bring it into view; whether it is here."""
        index = next((n for n, entry in enumerate(self._entries) if entry.message_id == message_id), None)
        if index is None:
            return False
        self._put_cursor(index)
        return True

    def _put_cursor(self, index: int) -> None:
        self._selected = self._entries[index].key
        rows = [y for y, row in enumerate(self._rows) if row.entry == index]
        if not rows:
            return  # not laid out yet: it comes into view once the width is known
        top, bottom = rows[0], rows[-1] + 1
        if top < self.scroll_offset.y:
            self._scroll(top)
        elif bottom > self.scroll_offset.y + self.size.height:
            self._scroll(min(top, bottom - self.size.height))
        self.refresh()

    def unselect(self) -> bool:
        """Take the cursor away; whether there was one."""
        had, self._selected = bool(self._selected), ""
        if had:
            self.refresh()
        return had

    # --- painting

    def render_line(self, y: int) -> Strip:
        """One row of the view."""
        width, height = self.size
        if self.new_below and y == height - 1:
            return self.strip_of(self._announcement(), width)
        place = self.scroll_offset.y + y
        if place >= len(self._rows):
            return self.strip_of((), width)
        row = self._rows[place]
        if row.entry is not None and self._entries[row.entry].key == self._selected and row.line:
            return self.strip_of(_marked(row.line), width)
        return self.strip_of(row.line, width)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Older entries are asked for near the top; at the end nothing is new any more."""
        super().watch_scroll_y(old_value, new_value)
        self._follow = self.at_end
        if self._follow and self.new_below:
            self.new_below = 0
        if new_value <= NEAR_TOP and not self._complete and not self._asked_older and self._entries:
            self._asked_older = True
            self.post_message(self.OlderWanted())

    def on_resize(self) -> None:
        """Another width means other rows; what is read stays at the top, or the end at the end."""
        if self._reader is None:
            return
        anchor = None if self._follow else self._anchor()
        if self.size.width != self._laid_width:
            self._lay_out()
        self._settle(anchor)

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor on a message."""
        place = self.scroll_offset.y + event.y
        index = self._rows[place].entry if 0 <= place < len(self._rows) else None
        if self.new_below and event.y == self.size.height - 1:
            self.to_end()
        elif index is not None and self._entries[index].direction is not None:
            self._selected = self._entries[index].key
            self.refresh()
        self.post_message(self.Activated())

    def _on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.move(3)

    def _on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.move(-3)

    # --- inside

    def _same(self, entries: Sequence[TimelineEntry], reader: Reader, complete: bool) -> bool:
        """Whether nothing would look different: then nothing is painted."""
        before = self._reader
        return (
            before is not None
            and self._entries == tuple(entries)
            and self._complete == complete
            and replace(before, now=reader.now) == reader
            and before.now.astimezone(before.zone).date() == reader.now.astimezone(reader.zone).date()
        )

    def _scroll(self, y: float) -> None:
        # At once: else Textual paints the rows where they stood before, and all of them again where they belong.
        self.scroll_to(y=max(0, min(y, self.max_scroll_y)), animate=False, force=True, immediate=True)

    def _settle(self, anchor: tuple[str, int] | None) -> None:
        """After rows were laid out anew: to the end, or back to what was at the top."""
        if self._follow:
            self.to_end()
        else:
            self._restore(anchor)
        self.refresh()

    def _lay_out(self) -> None:
        assert self._reader is not None
        width = self._laid_width = self.size.width
        if not width:
            return
        known, self._bodies = self._bodies, {}
        for entry in self._entries:
            kept = known.get(entry.key)
            fits = kept is not None and kept[0] == entry and kept[1] == width
            body = kept[2] if kept is not None and fits else body_rows(entry, self._reader, width)
            self._bodies[entry.key] = (entry, width, body)
        bodies = [self._bodies[entry.key][2] for entry in self._entries]
        self._rows = [self._head(), *lay_out(self._entries, bodies, self._reader, width), Row((), None)]
        self._set_length(len(self._rows))

    def _set_length(self, rows: int) -> None:
        """Another number of rows. The layout of the screen does not depend on it, so none is asked for."""
        self.set_reactive(Timeline.virtual_size, Size(self.size.width, rows))
        self.vertical_scrollbar.window_virtual_size = rows
        self.vertical_scrollbar.refresh()

    def _head(self) -> Row:
        told = "the beginning" if self._complete else "older messages load as you scroll up"
        told = "no messages yet" if self._complete and not self._entries else told
        return Row(((f"       {told}", "faint"),), None)

    def _anchor(self) -> tuple[str, int] | None:
        """The entry at the top of the view and how many of its rows lie above the view."""
        top = self.scroll_offset.y
        for y in range(top, len(self._rows)):
            index = self._rows[y].entry
            if index is not None:
                first = next(place for place, row in enumerate(self._rows) if row.entry == index)
                return self._entries[index].key, first - top
        return None

    def _restore(self, anchor: tuple[str, int] | None) -> None:
        if anchor is None:
            return
        key, above = anchor
        for y, row in enumerate(self._rows):
            if row.entry is not None and self._entries[row.entry].key == key:
                self._scroll(y - above)
                return

    def _announcement(self) -> Line:
        return ((" " * 7, ""), (f"↓ {self.new_below} new below", "accent strong"), ("  G shows", "muted"))


def _marked(line: Line) -> Line:
    """A row of the selected message: the mark column is ours alone."""
    text, style = line[0]
    return (("▸" + text[1:], f"{style} accent strong".strip()), *line[1:])


def _arrived(before: Sequence[TimelineEntry], after: Sequence[TimelineEntry]) -> int:
    """Messages in ``after`` that are not in ``before`` and not older than all of it."""
    if not before:
        return 0
    known = {entry.key for entry in before}
    first = next((index for index, entry in enumerate(after) if entry.key in known), len(after))
    return sum(1 for entry in after[first:] if entry.key not in known and entry.direction is not None)
