"""The store on a SQLite file: what lies at the path, whether it is still there, and whether it can be written."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path

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
from tui_inbox.repository.dialect import Access, Journal
from tui_inbox.repository.place import Place, Presence
from tui_inbox.repository.presence import FilePresence, PresenceBoard
from tui_inbox.repository.store import Store, T
from tui_inbox.repository.turn import Turn
from tui_inbox.repository.unit import Unit


class FileStore(Store):
    """One file. Reads are plain transactions; writes take the file's one lock first."""

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
        super().__init__(clock, rng=rng)
        self.url, self.name = f"sqlite:///{path}", str(path)
        self.path = path
        self.read_only = read_only
        self.journal = journal
        self.engine_warning = dialect.race_warning() if journal is Journal.WAL else ""
        self._condition = Condition(Place(path), trouble)
        self._turn_among_programs = Turn(path, self._random)
        self._make_engines()
        self._former: list[AsyncEngine] = []
        """Of a file or a trouble that is past, until the last unit on them has ended."""
        self._check_lock = asyncio.Lock()
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
        create: bool = True,
        read_only: bool = False,
        journal: Journal = Journal.WAL,
        allow_network: bool = False,
        or_read_only: bool = False,
    ) -> FileStore:
        """Open ``sqlite:///path`` or a bare path; see :meth:`Store.open`."""
        path = dialect.file_of(url)
        may_build = migrate and not read_only
        if not (read_only or allow_network):
            opening.refuse_network(path)
        trouble: StoreReadOnlyError | None = None
        try:
            revision = await asyncio.to_thread(
                opening.inspect, path, may_build=may_build, may_create=create, read_only=read_only
            )
            if not read_only:
                await asyncio.to_thread(opening.use_journal, path, journal)
        except StoreReadOnlyError as error:
            if not or_read_only:
                raise
            trouble = error
            revision = await asyncio.to_thread(opening.inspect, path, may_build=False, read_only=True)
        store = cls(path, clock, read_only=read_only or trouble is not None, journal=journal, trouble=trouble)
        store.found = revision
        try:
            if revision != schema.SCHEMA_HEAD:
                await store._build()
        except BaseException:
            await store.close()
            raise
        return store

    async def write(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        """See :meth:`Store.write`."""
        try:
            return await super().write(work)
        except (StoreReplacedError, StoreDamagedError):
            await self.check()  # this one is refused all the same; the next may find a sound file
            raise

    async def change_token(self) -> int:
        """See :meth:`Store.change_token`. Raises :class:`StoreReplacedError` when the file is not at its place."""
        with self._told():
            self._condition.require_in_place()
            self._condition.place.note_log()
            async with self._watch_lock:
                if self._watch is None:
                    self._watch = await self._watchers.connect()
                    self._watch = await self._watch.execution_options(isolation_level="AUTOCOMMIT")
                return await dialect.change_token(self._watch)

    @property
    def trouble(self) -> StoreError | None:
        """See :attr:`Store.trouble`."""
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
        """See :meth:`Store.health`."""
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

    def presence(self) -> PresenceBoard:
        """A small file of its own beside the database."""
        return FilePresence(self.path)

    async def close(self) -> None:
        """See :meth:`Store.close`."""
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

    @asynccontextmanager
    async def _begun(self, tries: int) -> AsyncIterator[AsyncConnection]:
        self._condition.require_writable()
        async with self._turn_among_programs.taken(), self._writers.begin() as connection:
            yield connection
            self._condition.require_writable()  # the last moment: what is not committed goes to no orphan

    def _waiting(self) -> AbstractContextManager[None]:
        return self._condition.waiting()

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
