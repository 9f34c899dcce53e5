"""A few lines about one message that is not through: what happened, what was tried, what can be done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tui_inbox.widgets.lines import Line, Lines

EDGE = 2
"""Cells of the edge at the left."""
MakeLines = Callable[[int], Sequence[Line]]
"""Lines for a width in cells."""


class DecisionPanel(Lines):
    """Takes no room while there is nothing to decide."""

    DEFAULT_CSS = """
    DecisionPanel { height: auto; background: $boost; padding: 0 1 0 0; display: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self._make: MakeLines | None = None

    def tell(self, make: MakeLines | None) -> None:
        """Show what ``make`` gives for the panel's width; ``None`` = nothing to decide."""
        self._make = make
        self.display = make is not None
        self._draw()

    def on_resize(self) -> None:
        """Sentences are folded for the width."""
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        if self._make is None or not width:
            self.show([] if self._make is None else [()])  # one row until it is laid out and knows its width
            return
        self.show([(("│ ", "edge-warn"), *line) for line in self._make(max(20, width - EDGE))])
