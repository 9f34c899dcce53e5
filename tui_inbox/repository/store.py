"""The store: opens a database, hands out units, and turns the engine's troubles into sentences."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tui_inbox.domain.clock import Clock, system_clock
from tui_inbox.domain.errors import (
    SchemaMismatchError,
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreReadOnlyError,
    StoreUnreachableError,
)
from tui_inbox.domain.models import StoreHealth
from tui_inbox.repository import dialect, schema
from tui_inbox.repository.dialect import Access, Trouble
from tui_inbox.repository.unit import Unit

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.010, 1.0
"""Seconds between tries to write into a locked database; each is drawn between nothing and its ceiling."""
WRITE_PATIENCE = 30.0
"""Seconds after which writing into a locked database is given up."""


class Store:
    """One database. Reads are plain transactions; writes take the lock first and are one at a time in this process."""

    def __init__(self, path: Path, clock: Clock, *, read_only: bool, rng: random.Random | None = None) -> None:
        self.url = f"sqlite:///{path}"
        self.path = path
        self.read_only = read_only
        self._clock = clock
        self._random = rng or random.Random()
        self._readers = dialect.make_engine(path, Access.READ, read_only=read_only)
        self._writers = dialect.make_engine(path, Access.WRITE, read_only=read_only)
        self._watchers = dialect.make_engine(path, Access.WATCH, read_only=read_only)
        self._turn = asyncio.Lock()
        self._watch: AsyncConnection | None = None
        self._watch_lock = asyncio.Lock()

    @classmethod
    async def open(
        cls, url: str, *, clock: Clock = system_clock, migrate: bool = True, read_only: bool = False
    ) -> Store:
        """Open ``sqlite:///path`` or a bare path.

        A missing file is made (0600, in a directory of 0700) unless ``migrate`` is off or ``read_only`` is on; an older
        schema is brought up to date under the same conditions. Raises a :class:`StoreError` when the database can't be
        used; in that case nothing was written.
        """
        path = dialect.file_of(url)
        may_build = migrate and not read_only
        revision = await asyncio.to_thread(_inspect, path, may_build=may_build, read_only=read_only)
        store = cls(path, clock, read_only=read_only)
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
        its unit. Raises :class:`StoreBusyError` after :data:`WRITE_PATIENCE` seconds.
        """
        if self.read_only:
            raise StoreReadOnlyError(f"The database {self.path} is open for reading only; nothing was changed.")
        async with self._turn:
            with self._told():
                return await self._persist(work)

    async def change_token(self) -> int:
        """A number that differs when anybody has committed since it was last asked; cheap enough to ask often."""
        with self._told():
            async with self._watch_lock:
                if self._watch is None:
                    self._watch = await self._watchers.connect()
                    self._watch = await self._watch.execution_options(isolation_level="AUTOCOMMIT")
                return await dialect.change_token(self._watch)

    async def health(self) -> StoreHealth:
        """Check the database with the engine's own means."""
        with self._told():
            async with self._readers.connect() as connection:
                engine = await dialect.health(connection)
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
            warnings=(*engine.warnings, *_place_warnings(self.path)),
        )

    async def close(self) -> None:
        """Release every connection. A closed store can't be used again."""
        if self._watch is not None:
            await self._watch.close()
            self._watch = None
        for engine in (self._readers, self._writers, self._watchers):
            await engine.dispose()

    async def _persist(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        give_up_at, ceiling = loop.time() + WRITE_PATIENCE, FIRST_PAUSE
        while True:
            try:
                async with self._writers.begin() as connection:
                    unit = Unit(connection, self._clock)
                    done = await work(unit)
                    await unit.search.settle()
                    return done
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
            told = _store_error(dialect.trouble(error), self.path)
            if told is None:
                raise
            raise told from error


def _inspect(path: Path, *, may_build: bool, read_only: bool) -> str:
    """Revision of the schema in the file, empty for a new one; raises where it can't be used."""
    if not path.exists():
        if not may_build:
            raise StoreUnreachableError(f"There is no database at {path}. Check the address of the database.")
        _create(path)
        return ""
    if not path.is_file():
        raise StoreUnreachableError(f"{path} is not a file. Give the path of a database file.")
    try:
        found = dialect.probe(path)
    except dialect.ERRORS as error:
        raise _store_error(dialect.trouble(error), path) or error from error
    _check_schema(found, path, may_build=may_build)
    if not read_only and not os.access(path, os.W_OK):
        raise StoreReadOnlyError(
            f"The database {path} can be read but not written; nothing was changed. "
            "Make the file and its directory writable for you."
        )
    return found.revision


def _check_schema(found: dialect.Probe, path: Path, *, may_build: bool) -> None:
    if found.empty:
        if not may_build:
            raise SchemaMismatchError(f"The database {path} is empty; open it once for writing to set it up.")
        return
    if not found.ours:
        raise SchemaMismatchError(
            f"{path} is a database of another program; nothing was changed. Give the path of an inbox database."
        )
    if found.revision not in schema.KNOWN_REVISIONS:
        raise SchemaMismatchError(
            f"The database {path} was written by a newer version of this program (schema {found.revision}); "
            "nothing was changed. Update the program."
        )
    if found.revision != schema.SCHEMA_HEAD and not may_build:
        raise SchemaMismatchError(
            f"The database {path} has an older schema ({found.revision}); nothing was changed. "
            "Open it once for writing to bring it up to date."
        )


def _place_warnings(path: Path) -> tuple[str, ...]:
    try:
        mounts = Path("/proc/self/mounts").read_text(errors="replace")
    except OSError:
        return ()
    kind = dialect.network_filesystem(path.resolve(), mounts)
    if not kind:
        return ()
    return (f"The database lies on a network file system ({kind}), where several writers can damage it; move it.",)


def _create(path: Path) -> None:
    """Make the empty file, readable by its owner only, before the engine would make it readable by all."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        if not path.exists():
            raise StoreUnreachableError(_no_place(path)) from None
    except OSError as error:
        raise StoreUnreachableError(f"{_no_place(path)} ({error.strerror})") from error


def _no_place(path: Path) -> str:
    return f"The database {path} cannot be made. Check that its directory exists and that you may write there."


def _store_error(found: Trouble, path: Path) -> StoreError | None:
    match found:
        case Trouble.BUSY:
            return StoreBusyError(
                f"Another program has kept the database {path} locked for too long; nothing was changed. Try again."
            )
        case Trouble.READ_ONLY:
            return StoreReadOnlyError(
                f"The database {path} cannot be written; nothing was changed. "
                "Make the file and its directory writable for you."
            )
        case Trouble.DAMAGED:
            return StoreDamagedError(f"The database {path} is damaged; nothing was changed. Restore it from a backup.")
        case Trouble.NOT_A_DATABASE:
            return StoreDamagedError(
                f"{path} is not a database, or its beginning is damaged; nothing was changed. "
                "Check the path, or restore the file from a backup."
            )
        case Trouble.FULL:
            return StoreError(f"The disk that holds {path} is full; nothing was changed. Free some space.")
        case Trouble.UNREACHABLE:
            return StoreUnreachableError(
                f"The database {path} cannot be opened or read; nothing was changed. Check the path and the disk."
            )
        case Trouble.OTHER:
            return None
