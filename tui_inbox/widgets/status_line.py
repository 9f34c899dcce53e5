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
        &.-banner { color: $text-error; text-style: bold; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__("", id=id, markup=False)
        self.sentence = ""
        """What is shown."""
        self._banner = ""

    def say(self, sentence: str, *, refused: bool = False) -> None:
        """Show a sentence until the next one; an unchanged one is not painted again."""
        if self._banner:
            return
        self._show(sentence, refused=refused, banner=False)

    def banner(self, sentence: str) -> None:
        """A trouble that lasts: stays over everything else until called with an empty sentence."""
        if sentence == self._banner:
            return
        self._banner = sentence
        self._show(sentence, refused=False, banner=bool(sentence))

    def clear(self) -> None:
        """Say nothing any more."""
        self.say("")

    def _show(self, sentence: str, *, refused: bool, banner: bool) -> None:
        marked = f"! {sentence}" if refused or banner else sentence
        if marked == self.sentence:
            return
        self.sentence = marked
        self.set_class(refused, "-refused")
        self.set_class(banner, "-banner")
        self.update(Content(str(clean_line(marked, 400)) if marked else ""))
