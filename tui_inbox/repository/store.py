"""The store: opens a database, hands out units, and turns the engine's troubles into sentences.

What a file needs is in :mod:`tui_inbox.repository.file_store`, what a server needs in
:mod:`tui_inbox.repository.server_store`; here is what both promise.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tui_inbox.domain.clock import Clock, system_clock
from tui_inbox.domain.errors import StoreError, StoreReadOnlyError
from tui_inbox.domain.models import StoreHealth
from tui_inbox.repository import dialect
from tui_inbox.repository.dialect import Journal, Trouble
from tui_inbox.repository.presence import PresenceBoard
from tui_inbox.repository.server_address import is_server
from tui_inbox.repository.unit import Unit

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.010, 1.0
"""Seconds between tries to write into a locked database; each is drawn between nothing and its ceiling."""
WRITE_PATIENCE = 30.0
"""Seconds after which writing into a locked database is given up."""


class Store(ABC):
    """One database. Reads see one instant; writes happen one after the other, or as if, and one at a time here."""

    url: str
    """For :meth:`open`; may hold a password."""
    name: str
    """For people, and for files that remember which database they belong to."""
    found: str = ""
    """Revision of the schema that was found on opening; empty for a new database."""
    read_only: bool
    generation: int = 0
    """Grows when another file has been taken up: whatever was read before may be of another state."""
    engine_warning: str = ""
    """What this version of the engine may do to a database with several writers; empty = nothing."""
    _readers: AsyncEngine
    _writers: AsyncEngine

    def __init__(self, clock: Clock, *, rng: random.Random | None = None) -> None:
        self._clock = clock
        self._random = rng or random.Random()
        self._turn = asyncio.Lock()
        self._writing: set[asyncio.Task[Any]] = set()

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        clock: Clock = system_clock,
        migrate: bool = True,
        create: bool = True,
        read_only: bool = False,
        journal: Journal = Journal.WAL,
        allow_network: bool = False,
        or_read_only: bool = False,
    ) -> Store:
        """Open ``sqlite:///path``, a bare path, or ``postgresql://user@host/database``.

        An older schema is brought up to date unless ``migrate`` is off or ``read_only`` is on; a missing file is made
        (0600, in a directory of 0700) under the same conditions, if ``create`` is on. ``journal``: how changes to a
        file are made safe. ``allow_network``: write into a file although other machines may write too.
        ``or_read_only``: what cannot be written is opened for reading, until it can; :attr:`trouble` says so. Raises
        a :class:`StoreError` when the database can't be used; in that case nothing was written.
        """
        if is_server(url):
            from tui_inbox.repository.server_store import ServerStore

            return await ServerStore.connect(
                url, clock=clock, migrate=migrate, read_only=read_only, or_read_only=or_read_only
            )
        from tui_inbox.repository.file_store import FileStore

        return await FileStore.open(
            url,
            clock=clock,
            migrate=migrate,
            create=create,
            read_only=read_only,
            journal=journal,
            allow_network=allow_network,
            or_read_only=or_read_only,
        )

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Unit]:
        """A unit for reading. Keep it short: a reader left open keeps the engine from tidying up."""
        with self._told():
            async with self._readers.connect() as connection:
                yield Unit(connection, self._clock)

    async def write(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Run ``work`` in one transaction; commit when it returns, roll back when it raises.

        While another program is in the way the whole of ``work`` is tried again, so it must have no effect outside
        its unit. Raises :class:`StoreBusyError` after :data:`WRITE_PATIENCE` seconds. A caller that is cancelled
        learns at once, but what has begun is brought to its end, and the next write waits for that.
        """
        if self.read_only:
            raise self.trouble or StoreReadOnlyError(
                f"The database {self.name} is open for reading only; nothing was changed."
            )
        await self._turn.acquire()
        # A transaction that is cut off half-way would keep the database locked for every program until this one ends.
        writing = asyncio.create_task(self._persist(work))
        self._writing.add(writing)
        writing.add_done_callback(self._wrote)
        with self._told(), self._waiting():
            return await asyncio.shield(writing)

    @property
    def clock(self) -> Clock:
        """The present instant by the clock that all programs on this database share."""
        return self._clock

    @abstractmethod
    async def change_token(self) -> int:
        """A number that differs when anybody has committed since it was last asked; cheap enough to ask often."""

    @property
    @abstractmethod
    def trouble(self) -> StoreError | None:
        """Why the database cannot be used as it should be; ``None`` when it can. Costs nothing to ask."""

    @abstractmethod
    async def check(self) -> StoreError | None:
        """Look whether a trouble is over; the one that stands, if any. Cheap enough to be asked several times a second.

        Never raises a :class:`StoreError`."""

    @abstractmethod
    async def look_over(self) -> None:
        """Look once for damage that would else be met later; what is found stops every write."""

    @abstractmethod
    async def health(self, *, deep: bool = False) -> StoreHealth:
        """Check the database with the engine's own means. ``deep``: indexes and references too, which takes longer."""

    @abstractmethod
    def presence(self) -> PresenceBoard:
        """Where it is written down which agent is at which contact; whoever asks closes it."""

    @abstractmethod
    async def close(self) -> None:
        """Release every connection. A closed store can't be used again."""

    @abstractmethod
    def _begun(self, tries: int) -> AbstractAsyncContextManager[AsyncConnection]:
        """A writing transaction, committed at the end of the block. ``tries``: how many have failed before it."""

    @abstractmethod
    def _told(self) -> AbstractContextManager[None]:
        """Turn the engine's troubles into our errors; what is none of them is a defect and passes."""

    def _waiting(self) -> AbstractContextManager[None]:
        """A span in which somebody may have to wait for others who write."""
        return nullcontext()

    def _worth_another_try(self, error: BaseException, tries: int, waited: float) -> bool:
        """Whether a unit that failed with ``error`` is tried once more, after ``tries`` tries in ``waited`` seconds."""
        return dialect.trouble(error) is Trouble.BUSY and waited < WRITE_PATIENCE

    def _wrote(self, writing: asyncio.Task[Any]) -> None:
        self._writing.discard(writing)
        self._turn.release()
        if not writing.cancelled():
            writing.exception()  # whoever waits for it is told; nobody may be waiting any more

    async def _persist(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        begun, ceiling, tries = loop.time(), FIRST_PAUSE, 0
        while True:
            try:
                async with self._begun(tries) as connection:
                    unit = Unit(connection, self._clock)
                    result = await work(unit)
                    await unit.search.settle()
                    return result
            except (*dialect.ERRORS, StoreError) as error:
                tries += 1
                if not self._worth_another_try(error, tries, loop.time() - begun):
                    raise
            await asyncio.sleep(self._random.uniform(0, ceiling))
            ceiling = min(LONGEST_PAUSE, ceiling * 2)
