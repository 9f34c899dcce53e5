"""What the agent has read of a conversation: a send stops at anything that others wrote after it."""

from __future__ import annotations

import time
from collections.abc import Callable

READ_TIME = 1.0
"""Seconds that a message stands on the screen before it counts as read: nobody answers to it sooner, but the key that
sends may be on its way already."""


class Seen:
    """Numbers of entries in the thread, and since when they are on the screen."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._read = 0
        self._came: list[tuple[int, float]] = []

    def read(self, seq: int) -> None:
        """Everything up to this entry has been read: the conversation was opened, or a dialog has shown it."""
        self._read = max(self._read, seq)

    def opened(self, seq: int) -> None:
        """Another conversation is shown, up to this entry."""
        self._read, self._came = seq, []

    def came(self, seq: int, *, hidden: bool) -> None:
        """Entries up to ``seq`` are shown from now on; ``hidden``: newer ones were below the view before already."""
        self.newest(hidden=hidden)
        if seq > max([self._read, *(number for number, _ in self._came)]):
            self._came.append((seq, self._clock()))

    def newest(self, *, hidden: bool) -> int:
        """Number of the newest entry that has been read; ``hidden``: newer ones are below the view."""
        if not hidden:
            now = self._clock()
            self.read(max([self._read, *(seq for seq, at in self._came if now - at >= READ_TIME)]))
            self._came = [(seq, at) for seq, at in self._came if seq > self._read]
        return self._read
