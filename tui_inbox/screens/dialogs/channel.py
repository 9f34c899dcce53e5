"""The channel switcher: every channel of the contact with what may be sent on it now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from textual import on
from textual.app import ComposeResult

from tui_inbox.screens.dialogs.base import Dialog
from tui_inbox.services.reach import Reach
from tui_inbox.text import clean_line, fit
from tui_inbox.widgets.pick_list import PickList, PickRow
from tui_inbox.widgets.policy_words import face


class ChannelDialog(Dialog[int]):
    """Returns the id of the contact channel; one on which nothing may be sent cannot be picked and says why."""

    title_text = "Write on"
    accept_word = "use"

    DEFAULT_CSS = """
    ChannelDialog > .dialog-box { width: 78; }
    ChannelDialog PickList { max-height: 12; }
    """

    def __init__(
        self, about: str, reaches: Sequence[Reach], in_use: int | None, now: datetime, zone: tzinfo | None = None
    ) -> None:
        super().__init__()
        self._about = about
        self._reaches = tuple(reaches)
        self._in_use = in_use
        self._now = now
        self._zone = zone

    def about(self) -> str:
        """Whom."""
        return self._about

    def hints(self) -> list[tuple[str, str]]:
        """Digits pick."""
        return [("1–9", "pick"), *super().hints()]

    def body(self) -> ComposeResult:
        """The channels."""
        yield PickList(numbered=True, id="channels")

    def on_mount(self) -> None:
        """Fill in."""
        at = next((n for n, item in enumerate(self._reaches) if item.contact_channel.id == self._in_use), 0)
        self.query_one(PickList).show([self._row(item) for item in self._reaches], at)

    @on(PickList.Picked)
    def _picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(self._reaches[event.index].contact_channel.id)

    def _row(self, item: Reach) -> PickRow:
        shown = face(item, self._now, self._zone)
        refusal = "" if item.answer.may_send else f"{item.policy.label}: {item.answer.reason}."
        name_style = "" if item.answer.may_send else "faint"
        address = fit(clean_line(item.contact_channel.address, 20), 21)
        line = (
            (f"{shown.glyph} ", shown.tone),
            (fit(item.policy.label, 20), name_style),
            (address, "faint"),
            (f"{shown.word} ", shown.tone),
            ("· in use" if item.contact_channel.id == self._in_use else "", "muted"),
        )
        return PickRow(line, refusal)
