"""A trouble that lasts, above everything else on the screen: what happened, what still works, what to do."""

from __future__ import annotations

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from tui_inbox.text import clean_line

LONGEST = 600
"""Characters of a banner."""


class Banner(Static):
    """As many lines as its words need at this width; the screen below it makes room."""

    DEFAULT_CSS = """
    Banner {
        dock: top;
        height: auto;
        max-height: 6;
        padding: 0 1;
        color: $text-error;
        background: $error-muted;
        text-style: bold;
    }
    """

    def __init__(self, words: str) -> None:
        super().__init__("", markup=False)
        self.words = ""
        """What is shown."""
        self.show(words)

    def show(self, words: str) -> None:
        """Show other words; the same ones again are not painted again."""
        if words != self.words:
            self.words = words
            self.update(Content(f"! {clean_line(words, LONGEST)}"))


def show_banner(screen: Screen[object], words: str) -> None:
    """Put the banner on a screen, change its words, or take it away (no words)."""
    present = next(iter(screen.query(Banner)), None)
    if present is not None and words:
        present.show(words)
    elif present is not None:
        present.remove()
    elif words:
        screen.mount(Banner(words))
