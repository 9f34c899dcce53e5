"""The sidebar: inboxes, statuses and filters with their counts, one per line, for keys and mouse.

Shows what it is given and tells what was chosen; which rows follow from it is the screen's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui_inbox.actions import Keymap, Scope
from tui_inbox.text import cells, fit
from tui_inbox.widgets.keys import ActionTarget, bindings_for
from tui_inbox.widgets.row_words import cleaned

TONES = ("heading", "on", "muted", "key", "cursor")


@dataclass(frozen=True)
class Choice:
    """One line that can be chosen. A heading has no ``field``."""

    label: str
    field: str = ""
    """What it sets: ``inbox``, ``team``, ``status``, ``channel``, ``window``, ``tag``, ``assignee``, ``needs``."""
    value: str = ""
    count: int | None = None
    """How many contacts it finds; ``None`` = not counted."""
    on: bool = False
    """Whether it holds now."""
    sign: str = ""
    """Key that does the same."""
    more: bool = False
    """Whether it finds so many or more: counting stopped there."""

    @property
    def heading(self) -> bool:
        """Whether it only titles what follows."""
        return not self.field


class FilterSidebar(ActionTarget, Widget, can_focus=True):
    """The lines; the cursor skips headings."""

    SEQUENCE_SCOPES = (Scope.LIST,)
    BINDINGS = bindings_for(Scope.LIST, Scope.FILTERS)
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"filters--{tone}" for tone in TONES}
    DEFAULT_CSS = """
    FilterSidebar {
        width: 25;
        padding: 0 1;
        border-right: solid $foreground 15%;
        & > .filters--heading { color: $text-accent; text-style: bold; }
        & > .filters--on { color: $foreground; text-style: bold; }
        & > .filters--muted { color: $foreground 70%; }
        & > .filters--key { color: $foreground 40%; }
        & > .filters--cursor { background: $primary 40%; }
        &:ansi > .filters--muted { text-style: dim; }
        &:ansi > .filters--key { text-style: dim; }
        &:ansi > .filters--cursor { background: ansi_default; color: ansi_default; text-style: reverse; }
    }
    """

    @dataclass
    class Chosen(Message):
        """A line was chosen."""

        choice: Choice

    class Left(Message):
        """Back to the list, please."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self.choices: tuple[Choice, ...] = ()
        self._at = 0
        self._top = 0
        self._moved = False
        self._styles: dict[str, Style] = {}
        self.host_keymap: Keymap = {}

    @property
    def keymap(self) -> Keymap:
        return self.host_keymap

    def say(self, sentence: str, *, refused: bool = False) -> None:
        """Nothing here is ever refused."""

    def show(self, choices: Sequence[Choice]) -> None:
        """Show other lines; the cursor stays on the same choice where it still is. Only changed lines are painted."""
        old = self.choices
        if tuple(choices) == old:
            return
        here = self.current
        self.choices = tuple(choices)
        wanted = (here.field, here.value) if here is not None else None
        places = (index for index, item in enumerate(self.choices) if (item.field, item.value) == wanted)
        self._go(next(places, self._at), 1)
        if len(old) != len(self.choices):
            self.refresh()
            return
        for index, (before, after) in enumerate(zip(old, self.choices, strict=True)):
            if before != after:
                self._refresh_line(index)

    @property
    def current(self) -> Choice | None:
        """The choice under the cursor."""
        return self.choices[self._at] if self._at < len(self.choices) else None

    # Actions --------------------------------------------------------------------------------------------------------

    def do_cursor_down(self) -> None:
        self._move(1)

    def do_cursor_up(self) -> None:
        self._move(-1)

    def do_half_down(self) -> None:
        self._move(max(1, self.size.height // 2))

    def do_half_up(self) -> None:
        self._move(-max(1, self.size.height // 2))

    def do_page_down(self) -> None:
        self._move(self.size.height)

    def do_page_up(self) -> None:
        self._move(-self.size.height)

    def do_top(self) -> None:
        self._move(-len(self.choices))

    def do_bottom(self) -> None:
        self._move(len(self.choices))

    def do_choose(self) -> None:
        """Choose the line under the cursor."""
        if self.current is not None and not self.current.heading:
            self.post_message(self.Chosen(self.current))

    def do_filters_leave(self) -> None:
        """Back to the list."""
        self.post_message(self.Left())

    def _move(self, step: int) -> None:
        self._moved = True
        self._go(max(0, min(self._at + step, len(self.choices) - 1)), 1 if step > 0 else -1)

    def _go(self, index: int, direction: int) -> None:
        """Put the cursor at ``index``, or past headings in ``direction``, or back where there is nothing further on."""
        before, top = self._at, self._top
        for step in (direction, -direction):
            place = index
            while 0 <= place < len(self.choices) and self.choices[place].heading:
                place += step
            if 0 <= place < len(self.choices):
                self._at = place
                break
        height = max(1, self.size.height)
        lead = 1 if self._at and self.choices and self.choices[self._at - 1].heading else 0
        self._top = max(min(self._top, self._at - lead), self._at - height + 1, 0)
        if self._top != top:
            self.refresh()
        elif before != self._at:
            self._refresh_line(before)
            self._refresh_line(self._at)

    def _refresh_line(self, index: int) -> None:
        y = index - self._top
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1).translate(self.content_offset))

    # Painting -------------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One choice."""
        width, index = self.size.width, self._top + y
        if index >= len(self.choices):
            return Strip([Segment(" " * width, self._style(""))], width)
        item = self.choices[index]
        if item.heading:
            return Strip([Segment(fit(item.label, width), self._style("heading"))], width)
        cursor = index == self._at and self.has_focus
        mark = "▸ " if item.on else "  "
        count = "" if item.count is None else f" {item.count:,}{'+' if item.more else ''}"
        sign = f" {item.sign}" if item.sign else "  "
        room = max(0, width - cells(mark) - len(count) - len(sign))
        label = fit(str(cleaned(item.label, 40)), room)
        tone = "on" if item.on else "muted"
        return Strip(
            [
                Segment(mark + label, self._style(tone, cursor)),
                Segment(count, self._style("muted", cursor)),
                Segment(sign, self._style("key", cursor)),
            ],
            width,
        )

    def _style(self, tone: str, cursor: bool = False) -> Style:
        key = f"{tone}|{cursor}"
        if key not in self._styles:
            plain = cursor and self.app.current_theme.ansi  # tones over a reversed line would be unreadable
            names = [f"filters--{tone}"] if tone and not plain else []
            names += ["filters--cursor"] if cursor else []
            self._styles[key] = self.get_visual_style(*names).rich_style
        return self._styles[key]

    def notify_style_update(self) -> None:
        """Another theme: every style is another."""
        self._styles.clear()
        super().notify_style_update()

    # Events ---------------------------------------------------------------------------------------------------------

    async def on_key(self, event: events.Key) -> None:
        """Sequences such as ``g g``."""
        await self.watch_sequence(event)

    def on_resize(self) -> None:
        """The cursor stays in view."""
        self._go(self._at, 1)

    def on_focus(self) -> None:
        """The cursor shows, on what holds now if it was never moved."""
        if not self._moved:
            self._go(next((index for index, item in enumerate(self.choices) if item.on), 0), 1)
        self._refresh_line(self._at)

    def on_blur(self) -> None:
        """The cursor hides."""
        self._refresh_line(self._at)

    def on_click(self, event: events.Click) -> None:
        """A click chooses."""
        index = self._top + event.y
        if index < len(self.choices) and not self.choices[index].heading:
            self._go(index, 1)
            self.post_message(self.Chosen(replace(self.choices[index])))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the cursor."""
        event.stop()
        self._move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the cursor."""
        event.stop()
        self._move(-3)
