"""The field in which an agent writes, and the keys that are not typing there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea

from tui_inbox.terminal.fields import InOrder


class ComposerText(InOrder, TextArea):
    """The editing field: a text area without blinking cursor whose special keys are told to the composer."""

    DEFAULT_CSS = """
    ComposerText { height: 3; border: none; padding: 0 1; background: $surface; }
    ComposerText:focus { border: none; }
    ComposerText.-kept { color: $foreground 50%; text-style: dim; }
    """

    class TypedInVain(Message):
        """A character was typed while nothing can be written."""

    class Rewrapped(Message):
        """Another width has made other rows of the same text."""

    special: frozenset[str] = frozenset()
    """Keys that are not typing; each goes to :attr:`answer`."""
    answer: Callable[[str], None] = staticmethod(lambda key: None)
    """Answers a special key where it arrives: a message would come after what was typed behind the key."""

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Every key but the special ones is typing."""
        return key not in self.special and super().check_consume_key(key, character)

    def render_line(self, y: int) -> Strip:
        """Nothing where a window leaves no cell for it; Textual cannot fold its placeholder then."""
        return super().render_line(y) if self.content_size.width else Strip.blank(self.size.width)

    def on_resize(self) -> None:
        """The text area wraps after this, before the message is heard."""
        self.post_message(self.Rewrapped())

    async def _on_key(self, event: events.Key) -> None:
        """Special keys are answered, typing in vain is told; the rest is :class:`InOrder`'s and the text area's."""
        if event.key in self.special:
            event.stop()
            event.prevent_default()
            self.answer(event.key)
            return
        if self.read_only and event.is_printable:
            # Typing goes on when the mode changes under one's fingers: it must never become commands of the screen.
            event.stop()
            event.prevent_default()
            self.post_message(self.TypedInVain())


@dataclass(frozen=True)
class ComposerKeys:
    """Keys of the composer, from the registry of actions."""

    send: tuple[str, ...] = ("enter",)
    newline: tuple[str, ...] = ("ctrl+j", "shift+enter")
    template: tuple[str, ...] = ("ctrl+t",)
    channel: tuple[str, ...] = ("ctrl+o",)
    editor: tuple[str, ...] = ("ctrl+e",)
    attach: tuple[str, ...] = ("ctrl+f",)
    detach: tuple[str, ...] = ("ctrl+r",)
    leave: tuple[str, ...] = ("escape",)

    def meaning(self, key: str) -> str:
        """``send``, ``newline``… or empty."""
        for name in self.__dataclass_fields__:
            if key in getattr(self, name):
                return name
        return ""

    def all(self) -> frozenset[str]:
        """Every one of them."""
        return frozenset(key for name in self.__dataclass_fields__ for key in getattr(self, name))
