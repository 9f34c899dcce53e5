"""The bottom line: the keys that matter on this screen, as many as fit."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from tui_inbox.actions import ACTIONS, Keymap, first_sign, key_sign, keys_of


class HintBar(Static):
    """Pairs of key and word, cut at a whole pair; ``?`` always stays."""

    DEFAULT_CSS = """
    HintBar {
        height: 1;
        padding: 0 1;
        background: $panel;
        color: $text-muted;
    }
    """

    def __init__(self, action_ids: Sequence[str] = (), keymap: Keymap | None = None) -> None:
        super().__init__("", markup=False)
        self._ids = tuple(action_ids)
        self._keymap = keymap or {}
        self._typing = False

    def show(self, action_ids: Sequence[str], keymap: Keymap, *, typing: bool = False) -> None:
        """Other hints; the same ones again are not painted again. ``typing``: letters go into a field."""
        if (tuple(action_ids), keymap, typing) == (self._ids, self._keymap, self._typing):
            return
        self._ids, self._keymap, self._typing = tuple(action_ids), keymap, typing
        self._paint()

    def on_resize(self) -> None:
        """More or fewer pairs."""
        self._paint()

    def _paint(self) -> None:
        self.update(hints(self._ids, self._keymap, self.content_size.width, typing=self._typing))


def hints(action_ids: Sequence[str], keymap: Keymap, width: int, *, typing: bool = False) -> Content:
    """Pairs ``key word`` that fit into ``width`` cells; the pair of ``help`` is kept whatever goes.

    ``typing``: of the keys of ``help`` one that no field takes for a letter is told.
    """
    pairs = [(first_sign(ident, keymap), ACTIONS[ident].label) for ident in action_ids if ident != "help"]
    signs = [key_sign(key) for key in keys_of("help", keymap)]
    sign = next((sign for sign in signs if len(sign) > 1 or not typing), "")
    last = (sign, ACTIONS["help"].label)
    room = width - _width(last)
    parts: list[Content | tuple[str, str]] = []
    for key, label in pairs:
        if not key:
            continue
        room -= _width((key, label)) + 2
        if room < 0:
            break
        parts += [(key, "bold $text-accent"), f" {label}  "]  # type: ignore[list-item]  # plain strings are content too
    if sign:
        parts += [(last[0], "bold $text-accent"), f" {last[1]}"]  # type: ignore[list-item]  # plain strings are content too
    return Content.assemble(*parts)


def _width(pair: tuple[str, str]) -> int:
    return len(pair[0]) + 1 + len(pair[1])
