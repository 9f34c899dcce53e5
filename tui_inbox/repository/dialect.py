"""Everything that only one database engine understands: addresses, settings, locks, error codes, triggers.

Here are the questions that are asked of every engine, and the answers of SQLite; those of PostgreSQL are in
:mod:`tui_inbox.repository.postgresql`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, QueuePool

from tui_inbox import paths
from tui_inbox.domain.errors import StoreUnreachableError
from tui_inbox.repository import sqlite_search_schema, sqlite_thread

APPLICATION_ID = 0x7475_6962
"""Written into the file's header, so that another program's database is never taken for ours."""
BUSY_TIMEOUT_MS = 10_000
READ_CACHE_KIB = 16000
"""Memory of a reading connection for pages: without those of the upper levels each row of a search is a read."""
SMALLEST = 512
"""Bytes of the smallest database."""
SAFE_VERSION = (3, 51, 3)
"""Older ones can damage a WAL file under several writers (reference: reliability, section 1.2)."""

ACTIVITY_TRIGGERS = (
    "CREATE TRIGGER activity_no_update BEFORE UPDATE ON activity "
    "BEGIN SELECT RAISE(ABORT, 'activity is append-only'); END",
    "CREATE TRIGGER activity_no_delete BEFORE DELETE ON activity "
    "BEGIN SELECT RAISE(ABORT, 'activity is append-only'); END",
)
"""Keep the record of activity append-only, whoever writes."""

SETTINGS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)

EXPECTED_SETTINGS = {
    "busy_timeout": BUSY_TIMEOUT_MS,
    "synchronous": 2,
    "foreign_keys": 1,
    "secure_delete": 1,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "mmap_size": 0,
}
"""The same as the engine tells them; the last one is its default, and must stay so."""


ERRORS = (DBAPIError, sqlite3.Error)
"""What :func:`trouble` explains; settings made on a new connection raise the driver's own class."""


class Access(Enum):
    """What an engine is for."""

    READ = "BEGIN"
    WRITE = "BEGIN IMMEDIATE"
    WATCH = ""
    """One connection without transactions that sees the commits of others."""


POOLS: dict[Access, dict[str, Any]] = {
    Access.READ: {"pool_size": 2, "max_overflow": 6, "pool_use_lifo": True},  # first the one that has pages in memory
    Access.WRITE: {"pool_size": 1, "max_overflow": 0},
    Access.WATCH: {"poolclass": NullPool},
}


class Journal(StrEnum):
    """How a change is made safe before it is made; both wait for the disk at every commit."""

    WAL = "wal"
    """Readers and a writer at the same time."""
    TRUNCATE = "truncate"
    """No log beside the database and no shared memory: slower, readers wait while somebody commits."""


class Trouble(Enum):
    """Why the database refused."""

    BUSY = "busy"
    READ_ONLY = "read only"
    DAMAGED = "damaged"
    NOT_A_DATABASE = "not a database"
    FULL = "full"
    UNREACHABLE = "unreachable"
    OTHER = "other"


_TROUBLE = {
    sqlite3.SQLITE_BUSY: Trouble.BUSY,
    sqlite3.SQLITE_LOCKED: Trouble.BUSY,
    sqlite3.SQLITE_READONLY: Trouble.READ_ONLY,
    sqlite3.SQLITE_PERM: Trouble.READ_ONLY,
    sqlite3.SQLITE_CORRUPT: Trouble.DAMAGED,
    sqlite3.SQLITE_NOTADB: Trouble.NOT_A_DATABASE,
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_CANTOPEN: Trouble.UNREACHABLE,
    sqlite3.SQLITE_IOERR: Trouble.UNREACHABLE,
}


@dataclass(frozen=True)
class Probe:
    """What a database holds, found out without writing."""

    empty: bool
    ours: bool
    revision: str
    """Revision of the schema; empty when it says none."""


def file_of(address: str) -> Path:
    """The absolute path of a database address: ``sqlite:///path`` or a bare path.

    Raises :class:`StoreUnreachableError` for anything else; a password in the address is not repeated.
    """
    scheme, separator, rest = address.partition("://")
    if separator and scheme not in {"sqlite", "sqlite+aiosqlite"}:
        raise StoreUnreachableError(
            f"Databases of the kind '{scheme}' are not supported; give sqlite:///PATH, the path of a file, or "
            "postgresql://USER@HOST/DATABASE."
        )
    name = "/" + rest.lstrip("/") if separator else address
    if not rest.strip("/") if separator else not address.strip():
        raise StoreUnreachableError("The database address names no file; give sqlite:///PATH or the path of a file.")
    if "\x00" in name or name == ":memory:" or name == "/:memory:":
        raise StoreUnreachableError("The database must be a file, since several programs share it; give its path.")
    return Path(name).expanduser().absolute()


def _reading(path: Path) -> dict[str, str]:
    """How to open a file for reading only.

    A log beside it cannot be made in a directory that is read-only; without one nobody can be writing, as far as this
    machine goes, and the engine is told to do without.
    """
    log = path.with_name(f"{path.name}-wal")
    alone = not log.exists() and not paths.may_write(path.parent)
    return {"mode": "ro", "immutable": "1"} if alone else {"mode": "ro"}


def reader(path: Path) -> sqlite3.Connection:
    """A plain connection that cannot write."""
    query = "&".join(f"{name}={value}" for name, value in _reading(path).items())
    return sqlite3.connect(f"file:{quote(str(path))}?{query}", uri=True, timeout=BUSY_TIMEOUT_MS / 1000)


def probe(path: Path) -> Probe:
    """Look into a database file without writing. Raises ``sqlite3.Error``."""
    # Through the engine and never by open(): closing any other descriptor of the file would drop this process's locks.
    connection = reader(path)
    try:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        row = None
        if "alembic_version" in names:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return Probe(not names, application == APPLICATION_ID, "" if row is None else str(row[0]))
    finally:
        connection.close()


def use_journal(path: Path, journal: Journal) -> bool:
    """Bring the file to ``journal``; false when other programs have it open under the other one. Raises on trouble."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)
    try:
        for setting in SETTINGS:
            connection.execute(setting)
        (present,) = connection.execute("PRAGMA journal_mode").fetchone()
        if (present == Journal.WAL) is (journal is Journal.WAL):
            return True
        try:
            (now,) = connection.execute(f"PRAGMA journal_mode = {journal.value}").fetchone()
        except sqlite3.OperationalError as error:
            if trouble(error) is Trouble.BUSY:
                return False
            raise
        return bool(now == journal.value)
    finally:
        connection.close()


def check_file(path: Path, *, whole: bool = False, most: int = 5) -> str:
    """``ok``, or what the engine's own check finds wrong in the file. ``whole``: compare the indexes as well."""
    connection = reader(path)
    try:
        check = "integrity_check" if whole else "quick_check"
        return "; ".join(str(row[0]) for row in connection.execute(f"PRAGMA {check}({most})"))
    finally:
        connection.close()


def people(path: Path) -> frozenset[tuple[int, str]]:
    """Ids and handles of the agents in a file: what tells a restored database from somebody else's."""
    connection = reader(path)
    try:
        return frozenset(connection.execute("SELECT id, handle_folded FROM agents"))
    finally:
        connection.close()


def make_engine(
    path: Path,
    access: Access,
    *,
    read_only: bool,
    journal: Journal = Journal.WAL,
    before_connect: Callable[[], None] = lambda: None,
) -> AsyncEngine:
    """An engine for one kind of access, with every setting of this module on each of its connections.

    The file must be there: one that has vanished is not made anew. ``before_connect`` may refuse by raising.
    """
    query = {**(_reading(path) if read_only else {"mode": "rw"}), "uri": "true"}
    url = URL.create("sqlite+aiosqlite", database=f"file:{quote(str(path))}", query=query)
    way_in = {"async_creator_fn": sqlite_thread.connect}
    engine = create_async_engine(url, connect_args=way_in, hide_parameters=True, **POOLS[access])

    def on_connect(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        # The driver's own transactions leave out SELECT and lose updates; ours begin by the event below.
        connection.isolation_level = None
        sqlite_search_schema.add_functions(connection)
        cursor = connection.cursor()
        try:
            for setting in SETTINGS:
                cursor.execute(setting)
            if access is Access.WRITE and not read_only:
                cursor.execute(f"PRAGMA journal_mode = {journal.value}")
            if access is not Access.WRITE:
                cursor.execute("PRAGMA query_only = ON")
            if access is Access.READ:
                cursor.execute(f"PRAGMA cache_size = -{READ_CACHE_KIB}")
            cursor.close()
        except BaseException:
            connection.close()  # nobody else will
            raise

    def on_begin(connection: Connection) -> None:
        _begin(connection, access)

    def on_do_connect(*_: object) -> None:
        before_connect()

    event.listen(engine.sync_engine, "do_connect", on_do_connect)
    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", on_begin)
    return engine


def _begin(connection: Connection, access: Access) -> None:
    if access is Access.READ:
        sqlite_thread.begin_with_next(connection, access.value)
    elif access.value:
        connection.exec_driver_sql(access.value)


def in_use(engine: AsyncEngine) -> bool:
    """Whether somebody has a connection of this engine."""
    pool = engine.sync_engine.pool
    return isinstance(pool, QueuePool) and pool.checkedout() > 0


def trouble(error: BaseException) -> Trouble:
    """What is behind a driver's error."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    if code is None:
        from tui_inbox.repository import postgresql

        return postgresql.trouble(error)
    return _TROUBLE.get(code & 0xFF, Trouble.OTHER)


def schema_extras(engine: str) -> tuple[str, ...]:
    """Statements that finish a new schema: our mark in it, and the triggers that keep the record append-only."""
    if engine == "sqlite":
        return (f"PRAGMA application_id = {APPLICATION_ID}", *ACTIVITY_TRIGGERS)
    from tui_inbox.repository import postgresql_schema

    return postgresql_schema.EXTRAS


def search_extras(engine: str) -> tuple[str, ...]:
    """Statements that make the search index and the triggers that keep it and the counters, and fill them."""
    if engine == "sqlite":
        search = sqlite_search_schema
        return (*search.SCHEMA, *search.FILL, *search.SETTLE_TEXTS, *search.COUNT)
    from tui_inbox.repository import postgresql_schema

    return postgresql_schema.SEARCH_EXTRAS


def waiting_extras(engine: str) -> tuple[str, ...]:
    """Statements that teach a search index of before since when somebody waits; no harm to one that knows."""
    if engine == "sqlite":
        return sqlite_search_schema.LEARN_WAITING
    from tui_inbox.repository import postgresql_search_schema

    return postgresql_search_schema.LEARN_WAITING


def own_table(name: str) -> bool:
    """Whether this is a table of one engine only: made as a part of another, or that of presence."""
    return name.startswith((sqlite_search_schema.WORDS, sqlite_search_schema.TEXTS)) or name == "presence"


def insert(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


async def clock(connection: AsyncConnection) -> datetime:
    """The present instant by the engine's clock, to the millisecond at least."""
    if connection.dialect.name != "sqlite":
        moment: datetime = (await connection.exec_driver_sql("SELECT clock_timestamp()")).scalar_one()
        return moment
    result = await connection.exec_driver_sql("SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')")
    return datetime.fromisoformat(str(result.scalar_one()))


async def change_token(connection: AsyncConnection) -> int:
    """A number that differs whenever another connection has committed."""
    result = await connection.exec_driver_sql("PRAGMA data_version")
    return int(result.scalar_one())


@dataclass(frozen=True)
class EngineHealth:
    """What the engine says of itself."""

    version: str
    journal_mode: str
    synchronous: str
    check: str
    warnings: tuple[str, ...]
    settings: Mapping[str, int]
    orphans: tuple[str, ...]


async def health(connection: AsyncConnection, *, deep: bool) -> EngineHealth:
    """The engine's version, settings and own check of the file; ``deep``: indexes and references as well."""

    async def ask(pragma: str) -> str:
        return str((await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar_one())

    synchronous = {"0": "off", "1": "normal", "2": "full", "3": "extra"}.get(await ask("synchronous"), "unknown")
    journal_mode = await ask("journal_mode")
    check = "integrity_check(5)" if deep else "quick_check(5)"
    found = (await connection.exec_driver_sql(f"PRAGMA {check}")).scalars().all()
    orphans = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all() if deep else []
    return EngineHealth(
        sqlite3.sqlite_version,
        journal_mode,
        synchronous,
        "; ".join(map(str, found)),
        (race_warning(),) if race_warning() and journal_mode == Journal.WAL else (),
        {name: int(await ask(name)) for name in EXPECTED_SETTINGS},
        tuple(sorted({str(row[0]) for row in orphans})),
    )


def race_warning(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str:
    """What an engine of this version may do to a database with several writers in WAL mode; empty = nothing."""
    if version >= SAFE_VERSION:
        return ""
    return (
        f"SQLite {'.'.join(map(str, version))} is older than {'.'.join(map(str, SAFE_VERSION))}, which repairs a rare"
        " loss of data when several programs write at once. Install a newer SQLite, or set"
        ' sqlite_journal = "truncate" (slower); keep backups.'
    )
