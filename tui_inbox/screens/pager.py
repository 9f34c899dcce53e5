"""One message from its beginning to its end, however long: part by part, so that a million characters cost no more than
a few thousand."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Resize

from tui_inbox.actions import Scope
from tui_inbox.screens.base import ActionScreen, bindings_for
from tui_inbox.text import wrap
from tui_inbox.text.parts import part, part_ends
from tui_inbox.widgets.hint_bar import HintBar
from tui_inbox.widgets.lines import Line, Lines, beside

LEFT: Line = (("  ", ""), ("│ ", "edge-accent"))
"""Before every row, as in the thread: no text can pass for a line of ours."""


class PagerScreen(ActionScreen[None]):
    """The motions scroll; past the end of a part comes the next one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(Scope.LIST),
        *bindings_for(only=("help", "quit", "back", "view")),
    ]

    def __init__(self, text: str, about: str) -> None:
        """``text``: raw, as it is stored. ``about``: whose and of when, cleaned."""
        super().__init__()
        self._text, self._about = text, about
        self._ends = part_ends(text)
        self.number = 0
        """The part that is shown, counted from 0."""
        self.rows: list[str] = []
        """Its rows, folded for the width."""
        self.top = 0
        """The first row on the screen."""
        self._height = 1

    def compose(self) -> ComposeResult:
        """Title, rows, keys."""
        yield Lines(id="pager-title")
        yield Lines(id="pager-rows")
        yield HintBar(("back", "page_down", "page_up", "top", "bottom"), self.keymap)

    def on_resize(self, event: Resize) -> None:
        """Rows are folded for the width."""
        self._height = max(1, event.size.height - 2)
        self._fold(event.size.width)
        self._show(self.top)

    def do_back(self) -> None:
        """Back to the conversation."""
        self.dismiss(None)

    do_view = do_back

    async def do_quit(self) -> None:
        """Leaves the pager only."""
        self.dismiss(None)

    def do_cursor_down(self) -> None:
        self._move(1)

    def do_cursor_up(self) -> None:
        self._move(-1)

    def do_half_down(self) -> None:
        self._move(max(1, self._height // 2))

    def do_half_up(self) -> None:
        self._move(-max(1, self._height // 2))

    def do_page_down(self) -> None:
        self._move(max(1, self._height - 1))

    def do_page_up(self) -> None:
        self._move(-max(1, self._height - 1))

    def do_top(self) -> None:
        self._go(0)

    def do_bottom(self) -> None:
        self._go(len(self._ends) - 1, at_end=True)

    def _move(self, rows: int) -> None:
        if rows > 0 and self.top >= self._last_top and self.number + 1 < len(self._ends):
            self._go(self.number + 1)
        elif rows < 0 and not self.top and self.number:
            self._go(self.number - 1, at_end=True)
        else:
            self._show(self.top + rows)

    def _go(self, number: int, *, at_end: bool = False) -> None:
        if number != self.number:
            self.number = number
            self._fold(self.size.width)
        self._show(self._last_top if at_end else 0)

    @property
    def _last_top(self) -> int:
        return max(0, len(self.rows) - self._height)

    def _fold(self, width: int) -> None:
        self.rows = wrap(part(self._text, self._ends, self.number), max(20, width - 6))

    def _show(self, top: int) -> None:
        self.top = max(0, min(top, self._last_top))
        rows = self.rows[self.top : self.top + self._height]
        # As many as there is room for, always: then only what differs is painted.
        blank = [()] * (self._height - len(rows))
        self.query_one("#pager-rows", Lines).show([*((*LEFT, (row, "")) for row in rows), *blank])
        told = f"{len(self._text):,} characters"
        if len(self._ends) > 1:
            told = f"part {self.number + 1:,} of {len(self._ends):,} · {told}"
        left: Line = (("Whole message", "strong"), (f"   {self._about}", "muted"))
        self.query_one("#pager-title", Lines).show([beside(left, ((told, "muted"),), max(20, self.size.width - 2))])
