"""A list whose rows can be selected and are painted from toned spans: what the inbox and the outbox have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui_inbox.domain.clock import Clock, system_clock
from tui_inbox.widgets.row_list import RowList
from tui_inbox.widgets.row_window import RowT

TONES = ("strong", "muted", "faint", "good", "warn", "info", "bad", "accent")
Toned = tuple[str, str]
"""Text and the names of its tones, separated by blanks; no name = plain."""


class MarkedList(RowList[RowT]):
    """Rows, the cursor, and the selected rows."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {*(f"rows--{tone}" for tone in TONES), "rows--cursor"}
    DEFAULT_CSS = """
    MarkedList {
        width: 1fr;
        height: 1fr;
        & > .rows--strong { text-style: bold; }
        & > .rows--muted { color: $foreground 70%; }
        & > .rows--faint { color: $foreground 50%; }
        & > .rows--good { color: $text-success; }
        & > .rows--warn { color: $text-warning; }
        & > .rows--info { color: $text-primary; }
        & > .rows--bad { color: $text-error; }
        & > .rows--accent { color: $text-accent; text-style: bold; }
        & > .rows--cursor { background: $primary 25%; }
        &:focus > .rows--cursor { background: $primary 40%; }
        &:ansi > .rows--muted { text-style: dim; }
        &:ansi > .rows--faint { text-style: dim; }
        &:ansi > .rows--cursor { background: ansi_default; color: ansi_default; text-style: reverse; }
        &:ansi:focus > .rows--cursor { background: ansi_default; color: ansi_default; text-style: reverse bold; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self.clock: Clock = system_clock
        self.tz: tzinfo = UTC
        self.empty_text: Sequence[str] = ()
        """What is said instead of rows; lines of our own words."""
        self.selected: dict[Any, None] = {}
        """Keys of the selected rows, in the order in which they were selected."""
        self._styles: dict[tuple[str, bool, bool], Style] = {}

    # Selection ------------------------------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Select or unselect the row under the cursor and go one down."""
        row = self.current
        if row is None:
            return
        if row.key in self.selected:
            del self.selected[row.key]
        else:
            self.selected[row.key] = None
        self.repaint()
        self.move(1)

    def select_to_cursor(self) -> None:
        """Select every row from the one selected last to the cursor; only rows that are loaded."""
        window = self.window
        last = next((index for key in reversed(self.selected) if (index := window.index_of(key)) is not None), None)
        if last is None:
            last = window.at
        for row in window.rows[min(last, window.at) : max(last, window.at) + 1]:
            self.selected.setdefault(row.key)
        self.repaint()

    def unselect(self) -> None:
        """Select nothing any more."""
        if self.selected:
            self.selected.clear()
            self.repaint()

    # Painting -------------------------------------------------------------------------------------------------------

    def style_of(self, tone: str, *, under_cursor: bool) -> Style:
        """The style of some tones, with the cursor's background under the cursor."""
        focused = under_cursor and self.has_focus  # nothing else depends on it, and asking Textual takes its time
        key = (tone, under_cursor, focused)
        known = self._styles.get(key)
        if known is None:
            plain = under_cursor and self.app.current_theme.ansi  # tones over a reversed line would be unreadable
            names = [] if plain else [f"rows--{name}" for name in tone.split()]
            names += ["rows--cursor"] if under_cursor else []
            known = self._styles[key] = self.get_visual_style(*names).rich_style
        return known

    def strip_of(self, spans: Sequence[Toned], width: int, *, under_cursor: bool) -> Strip:
        """Spans, together ``width`` cells, as one line; blanks in their neighbour's style: fewer bytes on the wire."""
        segments: list[Segment] = []
        tone, text = spans[0][1], ""
        for part, wanted in spans:
            if wanted != tone and part.strip():
                segments.append(Segment(text, self.style_of(tone, under_cursor=under_cursor)))
                tone, text = wanted, ""
            text += part
        segments.append(Segment(text, self.style_of(tone, under_cursor=under_cursor)))
        return Strip(segments, width)

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
