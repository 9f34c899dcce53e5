"""A very small Textual program on which the harness is tried: ``python -m tests.support.tiny``.

With an argument, the file of that name is painted as it is, without any cleaning.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from tui_inbox.terminal import signals
from tui_inbox.terminal.fields import InOrder
from tui_inbox.terminal.guard import guarded_driver


class Field(InOrder, Input):
    """A field as the program's own are."""


class Tiny(App[int]):
    """A label and an input; ``ctrl+y`` copies, ``ctrl+q`` quits, a signal ends it properly."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+y", "copy", priority=True)]

    def __init__(self, text: str, guard: bool) -> None:
        super().__init__(driver_class=guarded_driver() if guard else None)
        self.text = text
        self.animation_level = "none"

    def compose(self) -> ComposeResult:
        """A label above an input."""
        yield Static(Content(self.text), id="label")
        field = Field(id="field")
        field.cursor_blink = False
        yield field

    def on_mount(self) -> None:
        """Listen for signals."""
        signals.install(asyncio.get_running_loop(), self.stop)
        self.query_one("#field").focus()

    def stop(self, number: int) -> None:
        """End because of a signal."""
        self.exit(signals.exit_code(number))

    def action_copy(self) -> None:
        """Copy what was typed."""
        self.copy_to_clipboard(self.query_one("#field", Input).value)


def main() -> int:
    """Run it; the exit status."""
    arguments = sys.argv[1:]
    guard = "--no-guard" not in arguments
    files = [name for name in arguments if not name.startswith("--")]
    text = Path(files[0]).read_bytes().decode() if files else "hello from the tiny program"
    return Tiny(text, guard).run() or 0


if __name__ == "__main__":
    sys.exit(main())
