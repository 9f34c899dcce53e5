"""The command palette: Textual's own search over the commands of the registry."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.app import ComposeResult
from textual.command import (
    CommandInput,
    CommandList,
    CommandPalette,
    DiscoveryHit,
    Hit,
    Hits,
    Provider,
    SearchIcon,
)
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import LoadingIndicator

from tui_inbox.actions import ACTIONS, signs_of
from tui_inbox.screens.base import ActionScreen
from tui_inbox.terminal.fields import InOrder


class PaletteField(InOrder, CommandInput):
    """Where one types a command's name: keys in their order and clean pasting, as in every field."""


class Palette(CommandPalette):
    """Textual's palette with a cursor that stands still."""

    def on_mount(self) -> None:
        """No blinking: an idle screen sends nothing."""
        self.query_one(CommandInput).cursor_blink = False

    def compose(self) -> ComposeResult:
        """As Textual does it, with a field of our own."""
        with Vertical(id="--container"):
            with Horizontal(id="--input"):
                yield SearchIcon()
                yield PaletteField(placeholder=self._placeholder, select_on_focus=False)
            with Vertical(id="--results"):
                yield CommandList()
                yield LoadingIndicator()


class ActionCommands(Provider):
    """Every command of the screen below; one that is not available says why when chosen."""

    async def discover(self) -> Hits:
        """All commands, before anything is typed."""
        for title, told, action_id in self._commands():
            yield DiscoveryHit(_plain(title), partial(self._do, action_id), title, told)

    async def search(self, query: str) -> Hits:
        """Commands that match."""
        matcher = self.matcher(query)
        for title, told, action_id in self._commands():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, _plain(title), partial(self._do, action_id), title, told)

    def _commands(self) -> Iterator[tuple[str, str, str]]:
        screen = self.screen
        if not isinstance(screen, ActionScreen):
            return
        for action_id, reason in screen.commands().items():
            action = ACTIONS[action_id]
            keys = signs_of(action_id, screen.keymap)
            told = f"not now: {reason}" if reason else action.help
            yield action.command, f"{keys}  {told}" if keys else told, action_id

    async def _do(self, action_id: str) -> None:
        screen = self.screen
        if isinstance(screen, ActionScreen):
            await screen.perform(action_id)


def _plain(title: str) -> Content:
    return Content(title)
