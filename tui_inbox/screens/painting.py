"""How a screen is painted, where Textual's own way paints too late, too much, or not at all.

Textual keeps a set of the widgets that look different. It empties the set in two places without having looked at what
is in it: when the screen itself is asked to paint a part of its own, and when a layout of before is painted later.
A widget that waited there kept its old looks. It also lets a screen that cannot be seen ask the one above to paint.
"""

from __future__ import annotations

from typing import TypeVar

from textual import events
from textual.screen import Screen

ResultT = TypeVar("ResultT")


class Painting(Screen[ResultT]):
    """Base of every screen and dialog."""

    _at_once = False

    def paint_at_once(self) -> None:
        """Do not let what has just changed wait. Textual paints no sooner than a sixtieth of a second after the picture
        before, which is that of the key whose answer this is."""
        self._at_once = True
        self.check_idle()

    def _on_idle(self, event: events.Idle) -> None:  # type: ignore[override]  # Textual calls its own one as well
        if self._at_once and (self._dirty_widgets or self._layout_required or self._repaint_required):
            self._at_once = False
            self._on_timer_update()

    def _on_timer_update(self) -> None:
        """As Textual does it, with the widgets that wait although the screen itself is to paint."""
        if self._repaint_required and self.is_current and not self.app._batch_count:
            self._compositor.update_widgets(self._dirty_widgets)
        super()._on_timer_update()

    def _compositor_refresh(self) -> None:
        """As Textual does it, with the widgets that wait; below a dialog only what has changed is painted, and once.

        Textual, when anything has ever changed there, paints the whole screen at every message that comes here later.
        Below a screen that hides it nothing is painted: it is painted whole when it comes back.
        """
        app, regions = self.app, self._compositor._dirty_regions
        if self is app.screen or self not in app._background_screens:
            self._compositor.update_widgets(self._dirty_widgets)
            super()._compositor_refresh()
            return
        if regions and app.screen.styles.background.a < 1:
            self._set_dirty(*regions)
            app.screen.refresh(*regions)
        regions.clear()
        self._dirty_widgets.clear()
