"""Whose turn it is to write, among the processes that work on one SQLite file.

SQLite's write lock has no queue: whoever asks at the right moment gets it, and with eight busy programs one of them may
wait for half a minute. So a writer first takes a lock on a small file beside the database, and asks for it the more
often the longer it has waited. That is good manners, no more: SQLite's own lock is what keeps the data whole, and a
writer that is not let in within :data:`PATIENCE`, because a program stands still with the turn in its hand, goes on
without.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks; there SQLite's own has to do
    fcntl = None  # type: ignore[assignment]

SUFFIX = "-turn"
PATIENCE = 2.0
"""Seconds after which a writer goes on without its turn."""
LONGEST_PAUSE, SHORTEST_PAUSE = 0.008, 0.001
"""Seconds between two questions: of one who has just come, and of one who has waited for :data:`LONG`."""
LONG = 0.25


class Turn:
    """The turn to write into the database at ``path``; one writer of this process asks at a time."""

    def __init__(self, path: Path, rng: random.Random) -> None:
        self._path = path.with_name(path.name + SUFFIX)
        self._random = rng
        self._file = -1

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[bool]:
        """Wait for the turn and keep it until the end. False: it goes without, since nobody hands the turn over."""
        ours = self._open() and await self._wait()
        try:
            yield ours
        finally:
            if ours:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file; it stays, for the others."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> bool:
        if self._file < 0 and fcntl is not None:
            try:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:
                return False  # a full or a read-only place: the database itself will tell
        return self._file >= 0

    async def _wait(self) -> bool:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while (waited := loop.time() - began) < PATIENCE:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pause = LONGEST_PAUSE + min(1.0, waited / LONG) * (SHORTEST_PAUSE - LONGEST_PAUSE)
                await asyncio.sleep(self._random.uniform(pause / 2, pause))
            except OSError:
                return False  # a file system without such locks
            else:
                return True
        return False
