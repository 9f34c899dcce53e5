"""Keys typed faster than the screen follows: each means what it would mean to somebody who waits.

Textual forwards a key to what has the focus at that moment, also when the key before it has just asked for another
focus: of ``/car`` typed at once, ``a`` would assign. So keys of a screen are carried out one after the other, and while
something that takes the keyboard is still opening, keys wait for it.
"""

from __future__ import annotations

from typing import Any

from textual import events
from textual.app import App
from textual.timer import Timer

from tui_inbox.widgets.keys import ActionTarget

LONGEST_HOLD = 1.5
"""Seconds after which held keys are let go whatever happened."""
WAY_OUT = "ctrl+q"
"""Textual's own key for leaving: never held."""


class TypeAhead(App[int]):
    """The part of the application that keys pass first."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._held: list[events.Key] | None = None
        self._hold_timer: Timer | None = None

    def hold_keys(self, longest: float | None = LONGEST_HOLD) -> None:
        """Something that takes the keyboard is opening: let keys wait for :meth:`release_keys`.

        ``longest``: seconds after which they are let go all the same; ``None`` = never.
        """
        if self._held is None:
            self._held = []
            self._hold_timer = None if longest is None else self.set_timer(longest, self.release_keys)

    def release_keys(self) -> None:
        """It is there, or will not come: the keys that waited are typed now."""
        held, self._held = self._held, None
        if self._hold_timer is not None:
            self._hold_timer.stop()
            self._hold_timer = None
        for key in held or ():
            self.post_message(key)

    async def on_event(self, event: events.Event) -> None:
        """Keys one after the other; everything else as Textual does."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            if self._held is not None and event.key != WAY_OUT:
                self._held.append(event)
                return
            if await self._done_at_once(event):
                return
        await super().on_event(event)

    async def _done_at_once(self, event: events.Key) -> bool:
        """Carry a key out before the next one is looked at, where no field takes it for a letter."""
        from textual.widgets import Input, TextArea  # not needed for the first frame

        from tui_inbox.screens.base import ActionScreen
        from tui_inbox.screens.dialogs.base import Dialog

        screen, focused = self.screen, self.focused
        if event.key == "enter" and isinstance(screen, Dialog) and isinstance(focused, Input):
            self.hold_keys()  # the dialog hears of it some messages later, and then the focus may be elsewhere
        if not isinstance(screen, ActionScreen) or isinstance(focused, Input | TextArea):
            return False
        target = focused if isinstance(focused, ActionTarget) else screen
        if await target.watch_sequence(event):
            return True
        # What Textual itself calls for a key that nobody took, only now and not a few messages later.
        return await self._check_bindings(event.key)
