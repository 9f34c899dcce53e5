"""Styled lines: the smallest way from words to the terminal.

A line is a tuple of spans, a span is text with the names of styles. Widgets that draw lines share the vocabulary of
styles below; colours come from the theme. Text of customers must have passed the cleaner before it becomes a span.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.css.styles import RenderStyles
from textual.dom import DOMNode
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

Span = tuple[str, str]
"""Text and the names of its styles, separated by blanks; no name = the widget's own style."""
Line = tuple[Span, ...]

STYLES = (
    "strong", "muted", "faint", "good", "warn", "info", "bad", "accent", "rule", "picked",
    "edge-good", "edge-warn", "edge-info", "edge-bad", "edge-muted", "edge-accent",
)  # fmt: skip
"""Names that a span may carry."""
COMPONENTS = frozenset(f"lines--{name}" for name in STYLES)
"""Classes that carry them in the style sheet."""


def width_of(line: Line) -> int:
    """Cells that a line takes."""
    return sum(cell_len(text) for text, _ in line)


def beside(left: Line, right: Line, width: int) -> Line:
    """``left`` and ``right`` at the two ends of ``width`` cells; ``left`` is cut with ``…`` where both do not fit."""
    room = width - width_of(right) - (1 if right else 0)
    left = cut(left, max(0, room))
    gap = width - width_of(left) - width_of(right)
    return (*left, (" " * max(0, gap), ""), *right)


def cut(line: Line, width: int) -> Line:
    """``line`` in at most ``width`` cells, ending in ``…`` where something was lost."""
    if width_of(line) <= width:
        return line
    kept: list[Span] = []
    room = max(0, width - 1)
    for text, style in line:
        size = cell_len(text)
        if size > room:
            kept.append((set_cell_size(text, room) + ("…" if width else ""), style))
            return tuple(kept)
        kept.append((text, style))
        room -= size
    return tuple(kept)


class StyledLines(Widget):
    """Base of widgets that draw lines: knows how to turn a line into a strip.

    Its styles are looked up when a line first carries them. Declared as ``COMPONENT_CLASSES`` all sixteen would be, for
    every such widget and each time it is styled, which is most of what opening a screen costs.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    StyledLines {
        & > .lines--strong { text-style: bold; }
        & > .lines--muted { color: $foreground 70%; }
        & > .lines--faint { color: $foreground 45%; }
        & > .lines--good { color: $text-success; }
        & > .lines--warn { color: $text-warning; }
        & > .lines--info { color: $text-primary; }
        & > .lines--bad { color: $text-error; }
        & > .lines--accent { color: $text-accent; }
        & > .lines--rule { color: $foreground 25%; }
        & > .lines--picked { text-style: reverse; }
        & > .lines--edge-good { color: $success; }
        & > .lines--edge-warn { color: $warning; }
        & > .lines--edge-info { color: $primary; }
        & > .lines--edge-bad { color: $error; }
        & > .lines--edge-muted { color: $foreground 30%; }
        & > .lines--edge-accent { color: $accent; }
        &:ansi {
            & > .lines--muted { text-style: dim; }
            & > .lines--faint { text-style: dim; }
            & > .lines--rule { text-style: dim; }
        }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        self._line_styles: dict[str, Style] = {}
        super().__init__(id=id, classes=classes)

    def get_component_styles(self, *names: str) -> RenderStyles:
        """As Textual's, for the styles of lines too. Raises ``KeyError`` for a name that nothing declares."""
        for name in COMPONENTS.intersection(names) - self._component_styles.keys():
            node = DOMNode(classes=name)
            node._attach(self)
            self.app.stylesheet.apply(node, animate=False)
            self._component_styles[name] = node.styles
        return super().get_component_styles(*names)

    def notify_style_update(self) -> None:
        """Another theme or class: look the styles up anew."""
        super().notify_style_update()
        self._line_styles.clear()
        for name in COMPONENTS:
            self._component_styles.pop(name, None)

    def line_style(self, names: str) -> Style:
        """The style with these names, on this widget's background; remembered until the widget is styled anew.

        No style of a line depends on the focus or the mouse.
        """
        known = self._line_styles.get(names)
        if known is None:
            known = self.get_visual_style(*(f"lines--{name}" for name in names.split())).rich_style
            self._line_styles[names] = known
        return known

    def strip_of(self, line: Line, width: int) -> Strip:
        """``line`` as a strip of exactly ``width`` cells."""
        segments = [Segment(text, self.line_style(names)) for text, names in line if text]
        return Strip(segments).adjust_cell_length(width, self.line_style(""))


class Lines(StyledLines):
    """A few lines; showing new ones redraws only the cells that differ."""

    DEFAULT_CSS = """
    Lines { height: auto; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown."""
        return self._lines

    @property
    def plain(self) -> str:
        """What is shown, without styles; for tests and for reading aloud."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def show(self, lines: Sequence[Line]) -> None:
        """Show ``lines`` instead of the present ones."""
        before, self._lines = self._lines, tuple(lines)
        if len(before) != len(self._lines):
            height = self.styles.height
            self.refresh(layout=height is None or height.is_auto)
            return
        for y, (old, new) in enumerate(zip(before, self._lines, strict=True)):
            if old != new:
                start, end = changed_cells(old, new)
                self.refresh(Region(start, y, end - start, 1))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One row for each line."""
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        """The line at ``y``."""
        line = self._lines[y] if y < len(self._lines) else ()
        return self.strip_of(line, self.content_size.width)


def changed_cells(old: Line, new: Line) -> tuple[int, int]:
    """First cell that differs and the cell after the last one that does."""
    before, after = _characters(old), _characters(new)
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    start = cell_len("".join(text for text, _ in after[:same]))
    widths = width_of(old), width_of(new)
    if widths[0] != widths[1]:
        return start, max(widths)
    tail = 0
    while tail < min(len(before), len(after)) - same and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    end = widths[1] - cell_len("".join(text for text, _ in after[len(after) - tail :]))
    return start, max(start + 1, end)


def _characters(line: Line) -> list[Span]:
    return [(char, style) for text, style in line for char in text]
