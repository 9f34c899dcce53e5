"""The first frame: the inbox's first and last line, while everything else is still being imported."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.events import Resize

from tui_inbox.screens.painting import Painting
from tui_inbox.widgets.hint_bar import HintBar
from tui_inbox.widgets.lines import Lines, beside

INBOX_HINTS = (
    "open",
    "write",
    "search",
    "status_closed",
    "all",
    "filters",
    "close",
    "snooze",
    "assign",
    "undo",
    "help",
)
"""Action ids of the inbox's hint bar, the most wanted first."""


class OpeningScreen(Painting[None]):
    """Looks as the inbox will; the application holds all keys for it."""

    DEFAULT_CSS = """
    OpeningScreen {
        background: $background;
        & > #title { height: 1; padding: 0 1; background: $panel; }
        & > HintBar { dock: bottom; }
    }
    """

    def compose(self) -> ComposeResult:
        """Title and keys."""
        yield Lines(id="title")
        yield HintBar(INBOX_HINTS)

    def on_resize(self, event: Resize) -> None:
        """The title is laid out for the width."""
        view = (("Mine", "strong"), (" · ", "faint"), ("Open", "strong"))
        width = max(20, event.size.width - 2)
        self.query_one("#title", Lines).show([beside(view, (("opening…", "muted"),), width)])
