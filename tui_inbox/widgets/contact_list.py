"""The inbox list: contacts as one-line rows, with a selection for actions on many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui_inbox.domain.clock import Clock, system_clock
from tui_inbox.domain.models import InboxRow
from tui_inbox.domain.presence import Doing
from tui_inbox.widgets.row_list import RowList
from tui_inbox.widgets.row_words import columns_for, head_spans, row_spans

TONES = ("strong", "muted", "faint", "good", "warn", "info", "bad", "accent")


class ContactList(RowList[InboxRow]):
    """Rows of the inbox, the cursor, and the selected contacts."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {*(f"contacts--{tone}" for tone in TONES), "contacts--cursor"}
    DEFAULT_CSS = """
    ContactList {
        width: 1fr;
        height: 1fr;
        & > .contacts--strong { text-style: bold; }
        & > .contacts--muted { color: $foreground 70%; }
        & > .contacts--faint { color: $foreground 50%; }
        & > .contacts--good { color: $text-success; }
        & > .contacts--warn { color: $text-warning; }
        & > .contacts--info { color: $text-primary; }
        & > .contacts--bad { color: $text-error; }
        & > .contacts--accent { color: $text-accent; text-style: bold; }
        & > .contacts--cursor { background: $primary 25%; }
        &:focus > .contacts--cursor { background: $primary 40%; }
        &:ansi > .contacts--muted { text-style: dim; }
        &:ansi > .contacts--faint { text-style: dim; }
        &:ansi > .contacts--cursor { background: ansi_default; color: ansi_default; text-style: reverse; }
        &:ansi:focus > .contacts--cursor { background: ansi_default; color: ansi_default; text-style: reverse bold; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self.clock: Clock = system_clock
        self.tz: tzinfo = UTC
        self.with_assignee = True
        """Whether rows tell whose they are; pointless in Mine and Unassigned."""
        self.searching = False
        """Whether rows tell in which field the search hit."""
        self.empty_text: Sequence[str] = ()
        """What is said instead of rows; lines of our own words."""
        self.selected: dict[int, None] = {}
        """Selected contacts, in the order in which they were selected."""
        self.colleagues: Mapping[int, Doing] = {}
        """What other agents do, by contact."""
        self._styles: dict[str, Style] = {}

    # Selection ------------------------------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Select or unselect the row under the cursor and go one down."""
        row = self.current
        if row is None:
            return
        if row.contact_id in self.selected:
            del self.selected[row.contact_id]
        else:
            self.selected[row.contact_id] = None
        self.repaint()
        self.move(1)

    def select_to_cursor(self) -> None:
        """Select every row from the one selected last to the cursor; only rows that are loaded."""
        window = self.window
        last = next((index for ident in reversed(self.selected) if (index := window.index_of(ident)) is not None), None)
        if last is None:
            last = window.at
        for row in window.rows[min(last, window.at) : max(last, window.at) + 1]:
            self.selected.setdefault(row.contact_id)
        self.repaint()

    def unselect(self) -> None:
        """Select nothing any more."""
        if self.selected:
            self.selected.clear()
            self.repaint()

    # Painting -------------------------------------------------------------------------------------------------------

    def style_of(self, tone: str, *, under_cursor: bool) -> Style:
        """The style of a tone, with the cursor's background under the cursor."""
        key = f"{tone}|{under_cursor}|{self.has_focus}"
        known = self._styles.get(key)
        if known is None:
            plain = under_cursor and self.app.current_theme.ansi  # tones over a reversed line would be unreadable
            names = [f"contacts--{tone}"] if tone and not plain else []
            names += ["contacts--cursor"] if under_cursor else []
            known = self._styles[key] = self.get_visual_style(*names).rich_style
        return known

    def paint_row(self, row: InboxRow, width: int, *, under_cursor: bool) -> Strip:
        """One line: a bar under the cursor, marks, facts, name, the newest words."""
        columns = columns_for(width, with_assignee=self.with_assignee)
        spans = row_spans(
            row,
            columns,
            width - 1,
            self.now,
            self.tz,
            selected=row.contact_id in self.selected,
            searching=self.searching,
            colleague=self.colleagues.get(row.contact_id),
        )
        lead = ("▌", "accent") if under_cursor else (" ", "")
        return Strip(_merged(self, [lead, *spans], under_cursor=under_cursor), width)

    def paint_head(self, width: int) -> Strip:
        """The names of the columns."""
        spans = [(" ", ""), *head_spans(columns_for(width, with_assignee=self.with_assignee), width - 1)]
        return Strip(_merged(self, spans, under_cursor=False), width)

    def paint_empty(self, line: int, width: int) -> Strip:
        """Words where there are no rows at all."""
        text = ""
        if not self.window.rows and not self.loading_rows and 1 <= line <= len(self.empty_text):
            text = f"   {self.empty_text[line - 1]}"
        tone = "" if line == 1 else "muted"
        return Strip([Segment(text[:width].ljust(width), self.style_of(tone, under_cursor=False))], width)

    @property
    def base_style(self) -> Style:
        return self.style_of("faint", under_cursor=False)

    @property
    def now(self) -> datetime:
        """The present minute: whatever is painted again within it looks the same, so that nothing moves by itself."""
        return self.clock().replace(second=0, microsecond=0)

    def notify_style_update(self) -> None:
        """Another theme: every style is another."""
        self._styles.clear()
        super().notify_style_update()


def _merged(widget: ContactList, spans: Sequence[tuple[str, str]], *, under_cursor: bool) -> list[Segment]:
    """Spans as segments, blanks in their neighbour's style: fewer bytes on the wire."""
    segments: list[Segment] = []
    tone, text = spans[0][1], ""
    for part, wanted in spans:
        if wanted != tone and part.strip():
            segments.append(Segment(text, widget.style_of(tone, under_cursor=under_cursor)))
            tone, text = wanted, ""
        text += part
    segments.append(Segment(text, widget.style_of(tone, under_cursor=under_cursor)))
    return segments
