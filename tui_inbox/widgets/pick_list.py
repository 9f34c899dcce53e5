"""A short list to pick from: rows of spans, some of which cannot be picked and say why.

For dialogs; holds all its rows. The inbox has a list of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui_inbox.widgets.lines import Line, StyledLines

_STEPS = {"down": 1, "j": 1, "ctrl+n": 1, "up": -1, "k": -1}


@dataclass(frozen=True)
class PickRow:
    """One row."""

    line: Line
    refusal: str = ""
    """Why it cannot be picked, one sentence; empty when it can."""


class PickList(StyledLines, ScrollView, can_focus=True):
    """Cursor with ``j k ↑ ↓``; enter, blank or a click picks, and digits where the rows are numbered."""

    BINDINGS: ClassVar = []
    DEFAULT_CSS = """
    PickList {
        height: auto;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        background: $surface;
    }
    """

    @dataclass
    class Highlighted(Message):
        """The cursor is on another row."""

        index: int

    @dataclass
    class Picked(Message):
        """A row was picked."""

        index: int

    @dataclass
    class Refused(Message):
        """A row that cannot be picked was."""

        reason: str

    def __init__(
        self,
        *,
        numbered: bool = False,
        enter_picks: bool = True,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        """``enter_picks``: false where enter accepts the dialog and only blank, digits and clicks choose."""
        super().__init__(id=id)
        self._rows: tuple[PickRow, ...] = ()
        self._numbered = numbered
        self._pick_keys = {"enter", "space"} if enter_picks else {"space"}
        # Where enter does not pick, letters are for a field beside the list.
        self._steps = {key: step for key, step in _STEPS.items() if enter_picks or len(key) > 1}
        self.cursor = 0
        """Index of the row under the cursor."""
        self.marked: int | None = None
        """Index of the row that is chosen but not yet acted upon; shown by a mark."""

    def show(self, rows: Sequence[PickRow], cursor: int = 0) -> None:
        """Show ``rows`` with the cursor on one of them."""
        self._rows = tuple(rows)
        self.cursor = max(0, min(cursor, len(self._rows) - 1))
        self.virtual_size = Size(0, len(self._rows))
        self.refresh(layout=True)
        self._in_view()

    @property
    def rows(self) -> tuple[PickRow, ...]:
        """What is shown."""
        return self._rows

    @property
    def plain(self) -> str:
        """The rows without styles; for tests."""
        return "\n".join("".join(text for text, _ in row.line) for row in self._rows)

    def move(self, step: int) -> None:
        """Move the cursor; it stays within the rows."""
        place = max(0, min(self.cursor + step, len(self._rows) - 1))
        if place != self.cursor and self._rows:
            before, self.cursor = self.cursor, place
            self._in_view()
            self.refresh_lines(before)
            self.refresh_lines(place)
            self.post_message(self.Highlighted(place))

    def mark(self, index: int | None) -> None:
        """Mark one row as chosen."""
        self.marked = index
        self.refresh()

    def pick(self, index: int | None = None) -> None:
        """Pick a row, or the one under the cursor; tells why where it cannot be."""
        place = self.cursor if index is None else index
        if not 0 <= place < len(self._rows):
            return
        self.move(place - self.cursor)
        refusal = self._rows[place].refusal
        self.post_message(self.Refused(refusal) if refusal else self.Picked(place))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One row of the screen for each row."""
        return len(self._rows)

    def render_line(self, y: int) -> Strip:
        """One row, with the cursor's mark."""
        width = self.size.width
        place = self.scroll_offset.y + y
        if place >= len(self._rows):
            return self.strip_of((), width)
        here = place == self.cursor
        mark = "▸" if here else " "
        number = f"{'●' if place == self.marked else place + 1} " if self._numbered and place < 9 else " "
        line = self._rows[place].line
        if here and self.has_focus:
            line = tuple((text, f"{style} strong".strip()) for text, style in line)
        return self.strip_of(((mark, "accent strong"), (number, "accent" if self._numbered else ""), *line), width)

    async def _on_key(self, event: events.Key) -> None:
        if event.key in self._steps:
            self.move(self._steps[event.key])
        elif event.key in {"pagedown", "pageup"}:
            self.move((1 if event.key == "pagedown" else -1) * max(1, self.size.height - 1))
        elif event.key in {"home", "end"}:
            self.move(len(self._rows) * (1 if event.key == "end" else -1))
        elif event.key in self._pick_keys:
            self.pick()
        elif self._numbered and event.key.isdigit() and 0 < int(event.key) <= len(self._rows):
            self.pick(int(event.key) - 1)
        else:
            return
        event.stop()
        event.prevent_default()

    def on_click(self, event: events.Click) -> None:
        """A click picks."""
        event.stop()
        self.pick(self.scroll_offset.y + event.y)

    def on_focus(self) -> None:
        """The cursor's row shows the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor's row shows the focus."""
        self.refresh()

    def _in_view(self) -> None:
        top, height = self.scroll_offset.y, self.size.height
        if height and self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif height and self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True)
