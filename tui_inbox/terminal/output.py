"""The way to the terminal, on which nobody ever waits.

A terminal may stop reading: ctrl+s, a laptop that sleeps, an SSH line that hangs. Textual hands over at most 30 pieces
and then stands still, and with it drafts, signals and everything else. Here the pieces queue up beside the program;
when there are too many they are dropped, and once the terminal reads again it gets a whole new picture.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable

MOST_PIECES, MOST_BYTES = 32, 256 * 1024
"""What may wait for a terminal that does not read; beyond both it is dropped. A whole picture is a few pieces."""
AT_ONCE = 16 * 1024
"""Bytes from which on waiting pieces are no longer joined into one write."""
LAST_WORDS = 3.0
"""Seconds that a terminal gets for the last pieces before the program leaves, or is put into the background."""
SYNC_END = b"\x1b[?2026l"
"""Ends a picture whose own end was dropped."""


class Output:
    """Writes to ``descriptor`` in a thread of its own.

    ``repaint`` is called, in that thread, when pieces were dropped and the terminal reads again. Once the terminal is
    gone everything is swallowed.
    """

    def __init__(self, descriptor: int, repaint: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._repaint = repaint
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._busy = False
        self._dropping = False
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self.gone = False
        """Whether writing has failed: there is no terminal any more."""

    def write(self, text: str) -> None:
        """Hand over a piece that makes sense only as a whole; returns at once."""
        data = text.encode(errors="replace")
        with self._changed:
            if self.gone or self._dropping or not data:
                return
            if len(self._pieces) >= MOST_PIECES and self._bytes + len(data) > MOST_BYTES:
                self._drop()
                return
            self._put(data)

    def finish(self) -> None:
        """What follows must arrive: it puts the terminal back."""
        with self._changed:
            if self._dropping:
                self._dropping = False
                self._put(SYNC_END)

    def drain(self, seconds: float = LAST_WORDS) -> bool:
        """Wait until everything is out, at most so long; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self.gone or not (self._pieces or self._busy), seconds)

    def _put(self, data: bytes) -> None:
        if self._thread is None:
            # A daemon: a write to a terminal that never reads again must not keep the program from ending.
            self._thread = threading.Thread(target=self._run, name="terminal-output", daemon=True)
            self._thread.start()
        self._pieces.append(data)
        self._bytes += len(data)
        self._changed.notify_all()

    def _drop(self) -> None:
        self._pieces.clear()
        self._bytes = 0
        self._dropping = True

    def _run(self) -> None:
        while True:
            data, repaint = self._next()
            try:
                _write(self._descriptor, data)
            except OSError:
                self._lose()
                return
            if repaint:
                self._repaint()

    def _next(self) -> tuple[bytes, bool]:
        """The next bytes to write, and whether a new picture is needed after them."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._pieces or self._dropping)
            self._busy = True
            if self._dropping:
                self._dropping = False
                return SYNC_END, True
            taken: list[bytes] = []
            size = 0
            while self._pieces and size < AT_ONCE:
                taken.append(self._pieces.popleft())
                size += len(taken[-1])
            self._bytes -= size
            return b"".join(taken), False

    def _lose(self) -> None:
        with self._changed:
            self.gone = True
            self._pieces.clear()
            self._changed.notify_all()
        _silence(self._descriptor)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _silence(descriptor: int) -> None:
    """Let the standard streams that led to a lost terminal lead nowhere, so that their last flush does not fail."""
    try:
        device = os.fstat(descriptor).st_rdev
    except OSError:
        return  # closed already: nothing leads there
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        try:
            if os.fstat(number).st_rdev == device:
                os.dup2(nowhere, number)
        except OSError:
            continue
    os.close(nowhere)
