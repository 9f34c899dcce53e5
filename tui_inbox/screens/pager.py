"""One message from its beginning to its end, however long: part by part, so that a million characters cost no more than
a few thousand."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
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

    def compose(self) -> ComposeResult:
        """Title, part, keys."""
        yield Lines(id="pager-title")
        with VerticalScroll(id="pager-page", can_focus=False):
            yield Lines(id="pager-lines")
        yield HintBar(("back", "page_down", "page_up", "top", "bottom"), self.keymap)

    def on_resize(self, event: Resize) -> None:
        """Rows are folded for the width."""
        self._show()

    @property
    def page(self) -> VerticalScroll:
        """What scrolls."""
        return self.query_one("#pager-page", VerticalScroll)

    def do_back(self) -> None:
        """Back to the conversation."""
        self.dismiss(None)

    do_view = do_back

    async def do_quit(self) -> None:
        """Leaves the pager only."""
        self.dismiss(None)

    def do_cursor_down(self) -> None:
        self._scroll(1)

    def do_cursor_up(self) -> None:
        self._scroll(-1)

    def do_half_down(self) -> None:
        self._scroll(max(1, self.page.size.height // 2))

    def do_half_up(self) -> None:
        self._scroll(-max(1, self.page.size.height // 2))

    def do_page_down(self) -> None:
        self._scroll(max(1, self.page.size.height - 1))

    def do_page_up(self) -> None:
        self._scroll(-max(1, self.page.size.height - 1))

    def do_top(self) -> None:
        self._go(0)
        self.page.scroll_home(animate=False)

    def do_bottom(self) -> None:
        self._go(len(self._ends) - 1, at_end=True)

    def _scroll(self, rows: int) -> None:
        page = self.page
        if rows > 0 and page.scroll_offset.y >= page.max_scroll_y and self.number + 1 < len(self._ends):
            self._go(self.number + 1)
            page.scroll_home(animate=False)
        elif rows < 0 and page.scroll_offset.y <= 0 and self.number:
            self._go(self.number - 1, at_end=True)
        else:
            page.scroll_relative(y=rows, animate=False)

    def _go(self, number: int, *, at_end: bool = False) -> None:
        if number != self.number:
            self.number = number
            self._show()
        if at_end:
            # The rows of the part are laid out first.
            self.call_after_refresh(self.page.scroll_end, animate=False)

    def _show(self) -> None:
        width = max(20, self.size.width - 6)
        rows = wrap(part(self._text, self._ends, self.number), width)
        self.query_one("#pager-lines", Lines).show([(*LEFT, (row, "")) for row in rows])
        told = f"{len(self._text):,} characters"
        if len(self._ends) > 1:
            told = f"part {self.number + 1:,} of {len(self._ends):,} · {told}"
        left: Line = (("Whole message", "strong"), (f"   {self._about}", "muted"))
        self.query_one("#pager-title", Lines).show([beside(left, ((told, "muted"),), max(20, self.size.width - 2))])
