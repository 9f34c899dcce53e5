"""How a store stands to its file: the trouble that it met, whether it waits for the lock, when the trouble is over."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tui_inbox.domain.errors import StoreBusyError, StoreDamagedError, StoreError, StoreReplacedError
from tui_inbox.repository import dialect, troubles
from tui_inbox.repository.dialect import Trouble
from tui_inbox.repository.place import Place, Presence

LONG_WAIT = 3.0
"""Seconds that a write waits for the lock before the wait counts as a trouble of its own."""
PROBE_EVERY = 1.0
"""Seconds between two looks at whether a trouble is over."""
CHECK_EVERY = 30.0
"""The same for damage: there the whole file is read."""
_PROBE_BYTES = 64 << 10
"""Room in bytes that a database must have again before it is taken to be writable."""


class Condition:
    """Of one store. Trouble stays until a look shows that it is over; that one access got through is not enough."""

    def __init__(self, place: Place, trouble: StoreError | None = None) -> None:
        self.place = place
        self._trouble = trouble
        self._waiting_since: float | None = None
        self._looked_at = 0.0

    @property
    def trouble(self) -> StoreError | None:
        """What stands in the way now; ``None`` when nothing does."""
        if self._trouble is not None:
            return self._trouble
        since = self._waiting_since
        if since is not None and time.monotonic() - since > LONG_WAIT:
            return troubles.store_error(Trouble.BUSY, self.place.path)
        return None

    def met(self, error: StoreError) -> None:
        """An access failed. Damage is not forgotten for a smaller trouble."""
        if not isinstance(self._trouble, StoreDamagedError) or isinstance(error, StoreReplacedError):
            self._trouble = error
        self._looked_at = time.monotonic()

    def over(self) -> None:
        """Nothing stands in the way any more."""
        self._trouble = None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A span in which somebody may have to wait for the lock."""
        self._waiting_since = time.monotonic()
        try:
            yield
        finally:
            self._waiting_since = None

    def require_writable(self) -> None:
        """Raise when nothing may be written: into a file that is not at its place, or one known to be damaged."""
        if isinstance(self._trouble, StoreDamagedError):
            raise self._trouble
        self.require_in_place()

    def require_in_place(self) -> None:
        """Raise when the file is not at its place."""
        presence = self.place.look()
        if presence is not Presence.SAME:
            error = troubles.moved(presence, self.place.path)
            if not isinstance(self._trouble, StoreReplacedError):
                self.met(error)
            raise self._trouble or error

    @property
    def worth_a_look(self) -> bool:
        """Whether the last look at the trouble is long enough ago."""
        every = CHECK_EVERY if isinstance(self._trouble, StoreDamagedError) else PROBE_EVERY
        return self._trouble is not None and time.monotonic() - self._looked_at >= every

    async def look_again(self) -> bool:
        """Whether the trouble is over; one that has turned into another takes its place."""
        self._looked_at = time.monotonic()
        path, damaged = self.place.path, isinstance(self._trouble, StoreDamagedError)
        self.place.mend_modes()
        try:
            if damaged and await asyncio.to_thread(dialect.check_file, path) != "ok":
                return False
            await asyncio.to_thread(_try_writing, path)
        except dialect.ERRORS as error:
            told = troubles.store_error(dialect.trouble(error), path)
            # Somebody else's lock says nothing about what was in the way before.
            if told is not None and not isinstance(told, StoreBusyError):
                self.met(told)
            return False
        return True


def _try_writing(path: Path) -> None:
    """Write what changes nothing, on a connection of its own and without waiting. Raises what stands in the way.

    The first part needs new pages and is taken back; the second really goes to the disk.
    """
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=0, isolation_level=None)
    try:
        for setting in dialect.SETTINGS:
            connection.execute(setting)
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("SAVEPOINT room")
        connection.execute("CREATE TABLE room_for_writing (bytes BLOB)")
        connection.execute("INSERT INTO room_for_writing VALUES (zeroblob(?))", (_PROBE_BYTES,))
        connection.execute("ROLLBACK TO room")
        (mark,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {int(mark)}")
        connection.execute("COMMIT")
    finally:
        connection.close()
