"""Textual's driver for a terminal that may be slow, hostile or gone: a trip-wire, and a way out that never waits.

Imported where there are such terminals only; ask :func:`tui_inbox.terminal.guard.guarded_driver` for it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from typing import Any

from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size

from tui_inbox.terminal.guard import guarded
from tui_inbox.terminal.keyboard import read_keys
from tui_inbox.terminal.output import Output

LOG = logging.getLogger(__name__)


class GuardedDriver(LinuxDriver):
    """Looks at what goes out, never waits for the terminal, and outlives it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        assert sys.__stderr__ is not None, "require_terminal() has looked"
        self._output = Output(sys.__stderr__.fileno(), self._repaint_soon)
        self._reported: set[str] = set()

    def write(self, data: str) -> None:
        """Write ``data``; anything foreign in it is made visible and its kind logged once."""
        safe, kinds = guarded(data)
        for kind in kinds:
            if kind not in self._reported:
                self._reported.add(kind)
                LOG.error("kept from the terminal: %s", kind)
        self._output.write(safe)

    def window_size(self) -> Size:
        """The size of the window at this moment."""
        return Size(*self._get_terminal_size())

    def stop_application_mode(self) -> None:
        """Put the terminal back, whatever it has not read yet."""
        self._output.finish()
        super().stop_application_mode()

    def close(self) -> None:
        """Give the terminal a moment to take the last words."""
        super().close()
        self._output.drain()

    def run_input_thread(self) -> None:
        """Read keys; a paste stays a paste, and a terminal that has gone away is a hang-up, not a crash."""
        try:
            read_keys(self)
        except OSError:
            os.kill(os.getpid(), signal.SIGHUP)

    def _repaint_soon(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nothing is painted any more
            self._loop.call_soon_threadsafe(self._app.call_later, self._app.refresh)

    def _sigcont_application(self, *arguments: Any) -> None:
        """Go on after ctrl+z. A lost terminal sends the same signal; starting anew there would never end."""
        if self._must_signal_resume:
            super()._sigcont_application(*arguments)
            # Textual tells the app its size; where that has not changed, not everything is painted.
            self._repaint_soon()
