"""Somebody wrote while one was writing: what changed, and what becomes of the text."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from textual import on
from textual.app import ComposeResult

from tui_inbox.domain.kinds import Direction
from tui_inbox.domain.models import TimelineEntry
from tui_inbox.screens.dialogs.base import Dialog
from tui_inbox.screens.dialogs.confirm import paragraph
from tui_inbox.text import clean, clean_line, wrap
from tui_inbox.widgets.lines import Line, Lines
from tui_inbox.widgets.pick_list import PickList, PickRow

MOST_ENTRIES, MOST_ROWS = 4, 3


class Resolution(StrEnum):
    """What the agent decided."""

    SEND = "send"
    EDIT = "edit"
    DROP = "drop"


_CHOICES = (
    (Resolution.EDIT, "edit", "back to the text, with the thread in view"),
    (Resolution.SEND, "send anyway", "the text goes as it is"),
    (Resolution.DROP, "drop", "the text is thrown away"),
)


class ConflictDialog(Dialog[Resolution]):
    """Shows the newer messages. Leaving it means editing: nothing is lost."""

    title_text = "Not sent: somebody wrote meanwhile"
    accept_word = "do it"

    def __init__(self, sentence: str, news: Sequence[TimelineEntry], customer: str) -> None:
        super().__init__()
        self._sentence = sentence
        self._news = tuple(news)[-MOST_ENTRIES:]
        self._customer = customer

    def hints(self) -> list[tuple[str, str]]:
        """Digits pick."""
        return [("1–3", "pick"), *super().hints()]

    def body(self) -> ComposeResult:
        """What changed, and the choices."""
        yield Lines(id="told")
        yield Lines(id="news")
        yield PickList(numbered=True, id="choices")

    def on_mount(self) -> None:
        """Fill in."""
        self.query_one("#told", Lines).show(paragraph(str(clean_line(self._sentence, 300)), 60, "muted"))
        self.query_one("#news", Lines).show([(), *self._new_lines(), ()])
        rows = [PickRow(((f"{name:<14}", ""), (told, "muted"))) for _, name, told in _CHOICES]
        self.query_one(PickList).show(rows)

    @on(PickList.Picked)
    def _picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(_CHOICES[event.index][0])

    def _new_lines(self) -> list[Line]:
        lines: list[Line] = []
        for entry in self._news:
            who = self._customer if entry.direction is Direction.INBOUND else clean_line(entry.author or "the team")
            lines.append(((str(who), "accent strong"),))
            rows = wrap(clean(entry.body), 58)
            lines.extend((("│ ", "edge-accent"), (row, "")) for row in rows[:MOST_ROWS])
            if len(rows) > MOST_ROWS:
                lines.append((("│ ", "edge-accent"), ("…", "faint")))
        return lines
