"""An internal note: several lines, never sent."""

from __future__ import annotations

from textual.app import ComposeResult

from tui_inbox.actions import first_sign, keys_of
from tui_inbox.screens.dialogs.base import Dialog, quiet
from tui_inbox.widgets.composer_text import ComposerText
from tui_inbox.widgets.lines import Lines


class NoteDialog(Dialog[str]):
    """Returns the text of the note."""

    title_text = "Note"
    accept_word = "add"
    DEFAULT_CSS = """
    NoteDialog ComposerText { height: 6; background: $boost; }
    """

    def __init__(self, about: str) -> None:
        super().__init__()
        self._about = about

    def about(self) -> str:
        """Whom."""
        return self._about

    def hints(self) -> list[tuple[str, str]]:
        """With the key for a new line."""
        add, *rest = super().hints()
        return [add, (first_sign("newline", self.keymap), "new line"), *rest]

    def body(self) -> ComposeResult:
        """The field and what a note is."""
        field = ComposerText(show_line_numbers=False, highlight_cursor_line=False, soft_wrap=True, id="note")
        field.cursor_blink = False
        field.special = frozenset(
            key for name in ("accept", "submit", "cancel", "newline") for key in keys_of(name, self.keymap)
        )
        field.answer = self._answer
        yield field
        yield Lines(id="what")

    def on_mount(self) -> None:
        """Fill in."""
        self.query_one("#what", Lines).show([quiet("Only the team sees it. It is never sent and reopens nothing.")])

    def do_accept(self) -> None:
        """Add the note."""
        text = self.query_one(ComposerText).text.strip()
        if text:
            self.dismiss(text)
        else:
            self.complain("The note is empty. Write something, or go back.")

    def _answer(self, key: str) -> None:
        if key in keys_of("newline", self.keymap):
            self.query_one(ComposerText).insert("\n")
        elif key in keys_of("cancel", self.keymap):
            self.do_cancel()
        else:
            self.do_accept()
