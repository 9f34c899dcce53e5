"""Yes or no, where an action cannot be taken back."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult

from tui_inbox.actions import first_sign
from tui_inbox.screens.dialogs.base import Dialog
from tui_inbox.text import wrap
from tui_inbox.widgets.lines import Lines


class ConfirmDialog(Dialog[bool]):
    """``y`` or enter does it; ``n`` or escape does not. ``sentence`` is ours or cleaned."""

    AUTO_FOCUS = ""

    def __init__(self, title: str, sentence: str, *, yes: str = "do it", about: str = "") -> None:
        super().__init__()
        self.title_text = title
        self._sentence = sentence
        self._yes = yes
        self._about = about

    def about(self) -> str:
        """Whom."""
        return self._about

    def hints(self) -> list[tuple[str, str]]:
        """Yes and no."""
        return [("y", self._yes), (first_sign("cancel", self.keymap), "back")]

    def body(self) -> ComposeResult:
        """The question."""
        yield Lines(id="question")

    def on_mount(self) -> None:
        """Fill in."""
        self.query_one("#question", Lines).show(paragraph(self._sentence, 60))

    def do_accept(self) -> None:
        """Yes."""
        self.dismiss(True)

    async def on_key(self, event: events.Key) -> None:
        """``y`` and ``n``."""
        if event.key in {"y", "n"}:
            event.stop()
            event.prevent_default()
            self.dismiss(event.key == "y")


def paragraph(sentence: str, width: int, style: str = "") -> Sequence[tuple[tuple[str, str], ...]]:
    """A sentence broken into lines."""
    return [((row, style),) for row in wrap(sentence, width)]
