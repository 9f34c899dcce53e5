"""Snoozing: a typed time or a quick choice, with the instant that it means."""

from __future__ import annotations

from datetime import datetime, tzinfo

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.snooze import parse_snooze
from tui_inbox.screens.dialogs.base import Dialog, field
from tui_inbox.services.reach import clock_time
from tui_inbox.widgets.lines import Lines
from tui_inbox.widgets.pick_list import PickList, PickRow

QUICK = ("30m", "2h", "tomorrow 9:00", "monday 9:00", "1w")
"""Quick choices, as one would type them."""


class SnoozeDialog(Dialog[datetime]):
    """Returns the instant (aware UTC) at which the conversation comes back."""

    title_text = "Snooze"
    accept_word = "snooze"
    AUTO_FOCUS = "Input"

    def __init__(self, about: str, now: datetime, zone: tzinfo | None = None) -> None:
        super().__init__()
        self._about = about
        self._now = now
        self._zone = zone

    def about(self) -> str:
        """Whom."""
        return self._about

    def hints(self) -> list[tuple[str, str]]:
        """Arrows choose while typing."""
        return [("↑↓", "choose"), *super().hints()]

    def body(self) -> ComposeResult:
        """Field, what it means, quick choices."""
        yield field(placeholder="until when? 2h, tomorrow 9:00, friday, 2026-12-01 09:00", id="phrase")
        yield Lines(id="meaning")
        yield PickList(id="quick")

    def on_mount(self) -> None:
        """Fill in."""
        rows = [PickRow(((f"{phrase:<16}", ""), (self._local(phrase), "muted"))) for phrase in QUICK]
        self.query_one(PickList).show(rows)
        self.query_one("#meaning", Lines).show([()])

    def do_accept(self) -> None:
        """The typed time, else the quick choice under the cursor."""
        typed = self.query_one("#phrase", Input).value.strip()
        self._snooze(typed or QUICK[self.query_one(PickList).cursor])

    @on(PickList.Picked)
    def _picked(self, event: PickList.Picked) -> None:
        event.stop()
        self._snooze(QUICK[event.index])

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        typed = event.value.strip()
        self.complain("")
        meaning = self.query_one("#meaning", Lines)
        try:
            meaning.show([(("→ ", "accent"), (self._local(typed), "strong")) if typed else ()])
        except UsageError:
            meaning.show([(("… not a time yet", "faint"),)])

    def _snooze(self, phrase: str) -> None:
        try:
            self.dismiss(parse_snooze(phrase, self._now, self._zone))
        except UsageError as error:
            self.complain(str(error))

    def _local(self, phrase: str) -> str:
        return clock_time(parse_snooze(phrase, self._now, self._zone), self._now, self._zone)
