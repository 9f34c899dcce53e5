"""One line that says what just happened, or why something was not done."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from tui_inbox.text import clean_line


class StatusLine(Static):
    """The newest sentence; ``!`` before it and another colour mean that it was not done."""

    DEFAULT_CSS = """
    StatusLine {
        height: 1;
        padding: 0 1;
        color: $text-muted;
        &.-refused { color: $text-warning; text-style: bold; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__("", id=id, markup=False)
        self.sentence = ""
        """What is shown."""

    def say(self, sentence: str, *, refused: bool = False) -> None:
        """Show a sentence until the next one; an unchanged one is not painted again."""
        marked = f"! {sentence}" if refused else sentence
        if marked == self.sentence:
            return
        self.sentence = marked
        self.set_class(refused, "-refused")
        self.update(Content(str(clean_line(marked, 400)) if marked else ""))

    def clear(self) -> None:
        """Say nothing any more."""
        self.say("")
