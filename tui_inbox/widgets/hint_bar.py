"""The bottom line: the keys that matter on this screen, as many as fit."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from tui_inbox.actions import ACTIONS, Keymap, first_sign


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

    def show(self, action_ids: Sequence[str], keymap: Keymap) -> None:
        """Other hints; the same ones again are not painted again."""
        if (tuple(action_ids), keymap) == (self._ids, self._keymap):
            return
        self._ids, self._keymap = tuple(action_ids), keymap
        self._paint()

    def on_resize(self) -> None:
        """More or fewer pairs."""
        self._paint()

    def _paint(self) -> None:
        self.update(hints(self._ids, self._keymap, self.content_size.width))


def hints(action_ids: Sequence[str], keymap: Keymap, width: int) -> Content:
    """Pairs ``key word`` that fit into ``width`` cells; the pair of ``help`` is kept whatever goes."""
    pairs = [(first_sign(ident, keymap), ACTIONS[ident].label) for ident in action_ids if ident != "help"]
    last = (first_sign("help", keymap), ACTIONS["help"].label)
    room = width - _width(last)
    parts: list[Content | tuple[str, str]] = []
    for key, label in pairs:
        if not key:
            continue
        room -= _width((key, label)) + 2
        if room < 0:
            break
        parts += [(key, "bold $text-accent"), f" {label}  "]  # type: ignore[list-item]  # plain strings are content too
    parts += [(last[0], "bold $text-accent"), f" {last[1]}"]  # type: ignore[list-item]  # plain strings are content too
    return Content.assemble(*parts)


def _width(pair: tuple[str, str]) -> int:
    return len(pair[0]) + 1 + len(pair[1])
