"""The store: opens a database, hands out units, and turns the engine's troubles into sentences."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tui_inbox import paths
from tui_inbox.domain.clock import Clock, system_clock
from tui_inbox.domain.errors import (
    StoreDamagedError,
    StoreError,
    StoreReadOnlyError,
    StoreReplacedError,
)
from tui_inbox.domain.models import StoreHealth
from tui_inbox.repository import dialect, opening, schema, troubles
from tui_inbox.repository.condition import Condition
from tui_inbox.repository.dialect import Access, Journal, Trouble
from tui_inbox.repository.place import Place, Presence
from tui_inbox.repository.turn import Turn
from tui_inbox.repository.unit import Unit

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.010, 1.0
"""Seconds between tries to write into a locked database; each is drawn between nothing and its ceiling."""
WRITE_PATIENCE = 30.0
"""Seconds after which writing into a locked database is given up."""


class Store:
    """One database. Reads are plain transactions; writes take the lock first and are one at a time in this process."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        read_only: bool,
        rng: random.Random | None = None,
        journal: Journal = Journal.WAL,
        trouble: StoreError | None = None,
    ) -> None:
        self.url = f"sqlite:///{path}"
        self.path = path
        self.read_only = read_only
        self.journal = journal
        self.generation = 0
        """Grows when another file has been taken up: whatever was read before may be of another state."""
        self._clock = clock
        self._random = rng or random.Random()
        self._condition = Condition(Place(path), trouble)
        self._make_engines()
        self._former: list[AsyncEngine] = []
        """Of a file or a trouble that is past, until the last unit on them has ended."""
        self._turn = asyncio.Lock()
        self._turn_among_programs = Turn(path, self._random)
        self._check_lock = asyncio.Lock()
        self._writing: set[asyncio.Task[Any]] = set()
        self._watch: AsyncConnection | None = None
        self._watch_lock = asyncio.Lock()

    def _make_engines(self) -> None:
        def make(access: Access) -> AsyncEngine:
            return dialect.make_engine(
                self.path,
                access,
                read_only=self.read_only,
                journal=self.journal,
                before_connect=self._condition.require_in_place,
            )

        self._readers, self._writers, self._watchers = make(Access.READ), make(Access.WRITE), make(Access.WATCH)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        clock: Clock = system_clock,
        migrate: bool = True,
        read_only: bool = False,
        journal: Journal = Journal.WAL,
        allow_network: bool = False,
        or_read_only: bool = False,
    ) -> Store:
        """Open ``sqlite:///path`` or a bare path.

        A missing file is made (0600, in a directory of 0700) unless ``migrate`` is off or ``read_only`` is on; an older
        schema is brought up to date under the same conditions. ``journal``: how changes are made safe.
        ``allow_network``: write although other machines may write too. ``or_read_only``: what cannot be written is
        opened for reading, until it can; :attr:`trouble` says so. Raises a :class:`StoreError` when the database
        can't be used; in that case nothing was written.
        """
        path = dialect.file_of(url)
        may_build = migrate and not read_only
        if not (read_only or allow_network):
            opening.refuse_network(path)
        trouble: StoreReadOnlyError | None = None
        try:
            revision = await asyncio.to_thread(opening.inspect, path, may_build=may_build, read_only=read_only)
            if not read_only:
                await asyncio.to_thread(opening.use_journal, path, journal)
        except StoreReadOnlyError as error:
            if not or_read_only:
                raise
            trouble = error
            revision = await asyncio.to_thread(opening.inspect, path, may_build=False, read_only=True)
        store = cls(path, clock, read_only=read_only or trouble is not None, journal=journal, trouble=trouble)
        try:
            if revision != schema.SCHEMA_HEAD:
                await store._build()
        except BaseException:
            await store.close()
            raise
        return store

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Unit]:
        """A unit for reading. Keep it short: a reader left open lets the database's log grow."""
        with self._told():
            async with self._readers.connect() as connection:
                yield Unit(connection, self._clock)

    async def write(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Run ``work`` in one transaction that holds the write lock; commit when it returns, roll back when it raises.

        While another process holds the lock the whole of ``work`` is tried again, so it must have no effect outside
        its unit. Raises :class:`StoreBusyError` after :data:`WRITE_PATIENCE` seconds. A caller that is cancelled
        learns at once, but what has begun is brought to its end, and the next write waits for that.
        """
        if self.read_only:
            raise self.trouble or StoreReadOnlyError(
                f"The database {self.path} is open for reading only; nothing was changed."
            )
        await self._turn.acquire()
        # A transaction that is cut off half-way would keep the database locked for every program until this one ends.
        writing = asyncio.create_task(self._persist(work))
        self._writing.add(writing)
        writing.add_done_callback(self._wrote)
        try:
            with self._told(), self._condition.waiting():
                return await asyncio.shield(writing)
        except (StoreReplacedError, StoreDamagedError):
            await self.check()  # this one is refused all the same; the next may find a sound file
            raise

    async def change_token(self) -> int:
        """A number that differs when anybody has committed since it was last asked; cheap enough to ask often.

        Raises :class:`StoreReplacedError` when the file is not at its place any more.
        """
        with self._told():
            self._condition.require_in_place()
            self._condition.place.note_log()
            async with self._watch_lock:
                if self._watch is None:
                    self._watch = await self._watchers.connect()
                    self._watch = await self._watch.execution_options(isolation_level="AUTOCOMMIT")
                return await dialect.change_token(self._watch)

    @property
    def engine_warning(self) -> str:
        """What this version of the engine may do to a database with several writers; empty = nothing."""
        return dialect.race_warning() if self.journal is Journal.WAL else ""

    @property
    def trouble(self) -> StoreError | None:
        """Why the database cannot be used as it should be; ``None`` when it can. Costs nothing to ask."""
        return self._condition.trouble

    async def check(self) -> StoreError | None:
        """Look whether the file is still there and whether a trouble is over; the trouble that stands, if any.

        Another file at the same path is taken up when it is a sound database of the same people. Never raises a
        :class:`StoreError`; cheap enough to be asked several times a second.
        """
        async with self._check_lock:
            await self._let_go()
            presence = self._condition.place.look()
            if presence is not Presence.SAME:
                await self._follow(presence)
            elif self._condition.worth_a_look:
                await self._look_again()
        return self.trouble

    async def look_over(self) -> None:
        """Read the whole file once; damage that is found stops every write. Takes a second for each gigabyte or so."""
        try:
            with self._told():
                sound = await asyncio.to_thread(dialect.check_file, self.path, most=1) == "ok"
        except StoreError:
            return  # noted already
        if not sound:
            self._condition.met(troubles.damaged(self.path))

    async def health(self, *, deep: bool = False) -> StoreHealth:
        """Check the database with the engine's own means. ``deep``: indexes and references too, which takes longer."""
        with self._told():
            async with self._readers.connect() as connection:
                engine = await dialect.health(connection, deep=deep)
                revision = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
        parts = (self.path, *(self.path.with_name(self.path.name + end) for end in ("-wal", "-shm")))
        return StoreHealth(
            engine="sqlite",
            version=engine.version,
            schema=str(revision),
            journal_mode=engine.journal_mode,
            synchronous=engine.synchronous,
            check=engine.check,
            size_bytes=sum(part.stat().st_size for part in parts if part.exists()),
            warnings=(*engine.warnings, *opening.place_warnings(self.path)),
            settings=engine.settings,
            orphans=engine.orphans,
        )

    async def close(self) -> None:
        """Release every connection. A closed store can't be used again."""
        if self._writing:
            await asyncio.wait(self._writing)
        await self._stop_watching()
        for engine in (*self._former, self._readers, self._writers, self._watchers):
            await engine.dispose()
        self._turn_among_programs.close()

    async def _stop_watching(self) -> None:
        async with self._watch_lock:
            if self._watch is not None:
                await self._watch.close()
                self._watch = None

    async def _let_go(self) -> None:
        """Close former connections that nobody uses any more; a pool that is closed too early would forget them."""
        idle = [engine for engine in self._former if not dialect.in_use(engine)]
        self._former = [engine for engine in self._former if engine not in idle]
        for engine in idle:
            await engine.dispose()

    async def _look_again(self) -> None:
        """Whether the trouble is over. Connections that have met it are not trusted: they keep what they found."""
        if self.read_only and paths.may_write(self.path):
            await self._begin_anew(self._condition.place, self.trouble)  # else what they hold stays read-only
        if await self._condition.look_again():
            self.read_only = False
            await self._begin_anew(self._condition.place)
        elif isinstance(self.trouble, StoreReadOnlyError) and not self.read_only:
            self.read_only = True
            await self._begin_anew(self._condition.place, self.trouble)

    async def _follow(self, presence: Presence) -> None:
        """The file is not the one that was opened: take up what lies there, or say why not."""
        condition = self._condition
        if isinstance(condition.trouble, StoreReplacedError) and not condition.worth_a_look:
            return
        try:
            await self._require_successor(presence)
        except StoreError as error:
            condition.met(error if isinstance(error, StoreReplacedError) else _unusable(error))
            return
        await self._begin_anew(Place(self.path))
        self.generation += 1

    async def _require_successor(self, presence: Presence) -> None:
        """Raise unless a sound database of the same people lies at the path, without the log of the former one."""
        if presence is Presence.MISSING:
            raise troubles.moved(presence, self.path)
        log = self._condition.place.orphaned_log()
        if log is not None:
            raise troubles.mixed(log)
        await asyncio.to_thread(opening.inspect, self.path, may_build=False, read_only=False)
        with self._told():
            if await asyncio.to_thread(dialect.check_file, self.path) != "ok":
                raise troubles.damaged(self.path)
            theirs, ours = await asyncio.to_thread(dialect.people, self.path), await self._people()
        if not (ours & theirs and (ours <= theirs or theirs <= ours)):
            raise troubles.foreign(self.path)

    async def _people(self) -> frozenset[tuple[int, str]]:
        """Who works in the former file, by the one connection that is certainly its own; nobody when there is none."""
        async with self._watch_lock:
            if self._watch is None:
                return frozenset()
            found = await self._watch.execute(text("SELECT id, handle_folded FROM agents"))
            return frozenset((int(ident), str(handle)) for ident, handle in found)

    async def _begin_anew(self, place: Place, trouble: StoreError | None = None) -> None:
        """New connections to what lies at the path now; units that are under way end on the old ones."""
        await self._stop_watching()
        self._former += [self._readers, self._writers, self._watchers]
        self._condition = Condition(place, trouble)
        self._make_engines()
        await self._let_go()

    def _wrote(self, writing: asyncio.Task[Any]) -> None:
        self._writing.discard(writing)
        self._turn.release()
        if not writing.cancelled():
            writing.exception()  # whoever waits for it is told; nobody may be waiting any more

    async def _persist(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        give_up_at, ceiling = loop.time() + WRITE_PATIENCE, FIRST_PAUSE
        while True:
            try:
                self._condition.require_writable()
                async with self._turn_among_programs.taken(), self._writers.begin() as connection:
                    unit = Unit(connection, self._clock)
                    result = await work(unit)
                    await unit.search.settle()
                    self._condition.require_writable()  # the last moment: what is not committed goes to no orphan
                    return result
            except dialect.ERRORS as error:
                if dialect.trouble(error) is not Trouble.BUSY or loop.time() >= give_up_at:
                    raise
            await asyncio.sleep(self._random.uniform(0, ceiling))
            ceiling = min(LONGEST_PAUSE, ceiling * 2)

    async def _build(self) -> None:
        """Make the schema, or bring it up to date; two programs doing so at once do it once."""
        with self._told():
            async with self._writers.begin() as connection:
                await connection.run_sync(schema.upgrade)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the engine's troubles into our errors; what is none of them is a defect and passes."""
        try:
            yield
        except dialect.ERRORS as error:
            told = troubles.store_error(dialect.trouble(error), self.path)
            if told is None:
                raise
            self._condition.met(told)
            raise told from error


def _unusable(error: StoreError) -> StoreReplacedError:
    return StoreReplacedError(f"The database was replaced by another file while it was open. {error}")
