"""The floor of painting: a Textual program that repaints a list of the same size on every key and does no more."""

from __future__ import annotations

from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.events import Key
from textual.strip import Strip
from textual.widget import Widget


class Listing(Widget):
    """Rows whose text changes with each key."""

    can_focus = True
    count = 0

    def on_key(self, event: Key) -> None:
        self.count += 1
        self.refresh()

    def render_line(self, y: int) -> Strip:
        text = f"row {y + self.count:6} Carlos Fuentes  open  3 h 12 m  Thanks, that solved it for us {self.count}"
        return Strip([Segment(text.ljust(self.size.width)[: self.size.width], self.rich_style)])


class ListingApp(App[None]):
    """Nothing but the list."""

    def compose(self) -> ComposeResult:
        yield Listing()


if __name__ == "__main__":
    ListingApp().run()
