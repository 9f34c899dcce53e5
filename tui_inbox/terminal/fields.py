"""What every field in which somebody writes needs beyond Textual's: keys in their order, and clean pasting.

Textual inserts a printable key at once, but lets ``backspace`` and the arrows travel from the field through the screen
to the application before their action runs. Keys that arrive in one bundle, as they do over a slow line, then change
places: ``ab⌫c`` becomes ``ab``. Here a field's own actions run where they arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events

from tui_inbox.text import typed

if TYPE_CHECKING:
    from textual.widget import Widget as _Base
else:
    _Base = object


class InOrder(_Base):
    """Mix into ``Input`` or ``TextArea``, before it: ``class Field(InOrder, Input)``."""

    async def _on_key(self, event: events.Key) -> None:
        """Run the field's own binding for the key now; any other key is left to the field."""
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            # Scrolling is inherited from containers; a dialog gives those keys to the list beside the field.
            if not binding.priority and not binding.action.startswith("scroll_"):
                event.stop()
                event.prevent_default()
                await self.app.run_action(binding.action, self)
                return

    def on_paste(self, event: events.Paste) -> None:
        """Clean what is pasted before the field takes it."""
        event.text = typed(event.text)
