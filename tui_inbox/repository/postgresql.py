"""What only PostgreSQL understands: connecting, transactions, error codes, the server's clock and its own check-up.

Reading sees one snapshot. Writing is serializable: what could not have happened one after the other fails and the whole
unit is tried again; one that keeps failing asks to be alone (:func:`lock_for_writing`). The lock is taken before the
first look at the data, since that is what fixes the snapshot.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from tui_inbox.domain.errors import StoreError, StoreUnreachableError, UsageError
from tui_inbox.repository.dialect import Access, EngineHealth, Probe, Trouble
from tui_inbox.repository.server_address import ServerAddress

if TYPE_CHECKING:
    import asyncpg

OURS = "tui-inbox"
"""Comment on the table of revisions, so that another program's database is never taken for ours."""
ALONE = "EXCLUSIVE"
TOGETHER = "ROW SHARE"
"""Modes of the lock on the table of revisions; a reader needs neither."""
POOLS = {Access.READ: (2, 6), Access.WRITE: (1, 1)}
"""Connections that are kept, and how many more there may be."""
SETTINGS = {
    "TimeZone": "UTC",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",  # to start them takes longer than a page
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""Of every connection. A program that hangs in a transaction must not hold up all others."""
DURABLE = frozenset({"on", "remote_apply", "remote_write", "local"})
"""Values of ``synchronous_commit`` under which what is committed survives the server's machine."""

_ISOLATION = {Access.READ: "REPEATABLE READ", Access.WRITE: "SERIALIZABLE", Access.WATCH: "AUTOCOMMIT"}
_TROUBLE = {
    "25006": Trouble.READ_ONLY,
    "42501": Trouble.READ_ONLY,
    "40001": Trouble.BUSY,
    "40P01": Trouble.BUSY,
    "55P03": Trouble.BUSY,
    "57014": Trouble.BUSY,
    "53100": Trouble.FULL,
    "XX001": Trouble.DAMAGED,
    "XX002": Trouble.DAMAGED,
}
_TROUBLE_CLASSES = {"08": Trouble.UNREACHABLE, "57": Trouble.UNREACHABLE, "53": Trouble.UNREACHABLE}
"""SQLSTATE codes, and their first two characters where the code itself is not named."""


def make_engine(address: ServerAddress, access: Access, *, read_only: bool = False) -> AsyncEngine:
    """An engine for one kind of access; what stands in the way of connecting comes as a ``StoreError``."""

    async def connected() -> asyncpg.Connection[Any]:
        return await connect(address)

    pool: dict[str, Any] = {"poolclass": NullPool}
    if access in POOLS:
        pool = dict(zip(("pool_size", "max_overflow"), POOLS[access], strict=True))
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connected,
        hide_parameters=True,
        isolation_level=_ISOLATION[access],
        execution_options={} if access is Access.WATCH else {"postgresql_readonly": read_only or access is Access.READ},
        **pool,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: DBAPIConnection, _record: ConnectionPoolEntry, _proxy: object) -> None:
    # The driver hears at once when a server goes: asking it before each use would cost a round trip.
    if connection.driver_connection.is_closed():
        raise DisconnectionError


async def connect(address: ServerAddress) -> asyncpg.Connection[Any]:
    """A connection of the driver. Raises :class:`StoreUnreachableError`; ``UsageError`` where it is not installed."""
    library = driver()
    told = {**SETTINGS, "application_name": address.application}
    try:
        found: asyncpg.Connection[Any] = await library.connect(
            address.dsn, timeout=address.timeout, server_settings=told
        )
        return found
    except library.ClientConfigurationError as error:
        raise UsageError(f"The address of the database cannot be used: {str(error).rstrip('.')}.") from None
    except (library.PostgresError, library.InterfaceError, OSError, TimeoutError, ValueError) as error:
        raise _not_connected(error, address) from None  # what the driver says may repeat the address


def driver() -> Any:
    """The module of the driver. Raises :class:`UsageError` where it is not installed."""
    try:
        import asyncpg
    except ImportError:
        raise UsageError(
            "A PostgreSQL database needs a driver that is not installed. Install it with: "
            "pip install 'tui-inbox[postgresql]'"
        ) from None
    return asyncpg


def _not_connected(error: Exception, address: ServerAddress) -> StoreError:
    code, where = str(getattr(error, "sqlstate", "") or ""), address.name
    if code.startswith("28"):
        told = (
            f"The server of {where} does not let this user in. Check the user's name, and the password in the address, "
            "in PGPASSWORD or in ~/.pgpass."
        )
    elif code == "3D000":
        told = f"There is no database at {where}. Make it with createdb, or correct the address."
    elif code.startswith("53"):
        told = f"The server of {where} takes no more connections. Close some programs, or raise max_connections."
    elif code.startswith("57"):
        told = f"The server of {where} is starting or stopping. Try again in a moment."
    elif isinstance(error, ssl.SSLError) or "SSL" in str(error):
        told = f"No safe connection to the server of {where} could be made. Check sslmode and the certificates."
    elif isinstance(error, TimeoutError):
        told = f"The server of {where} did not answer within {address.timeout:g} seconds. Check the address."
    else:
        told = f"The server of {where} cannot be reached. Check that it runs, and the address of the database."
    return StoreUnreachableError(told)


async def lock_for_writing(connection: AsyncConnection, *, alone: bool) -> None:
    """Begin a writing unit: beside others, or with everybody else who writes kept out until it ends."""
    await connection.exec_driver_sql(f"LOCK TABLE alembic_version IN {ALONE if alone else TOGETHER} MODE")


async def rows_of(connection: AsyncConnection, sql: str, arguments: Sequence[Any]) -> Sequence[Any]:
    """All rows of a statement that only reads, by the shortest way: none of SQLAlchemy's layers but its transaction.

    Raises ``DBAPIError``.
    """
    above = connection.sync_connection
    assert above is not None, "a unit has a connection"
    below: asyncpg.Connection[Any] = above.connection.driver_connection  # type: ignore[assignment]  # its types don't know
    if not below.is_in_transaction():  # the first of a unit: SQLAlchemy knows how its transaction is to begin
        return (await connection.exec_driver_sql(sql, tuple(arguments))).all()
    for hear in above.dispatch.before_cursor_execute:  # whoever listens to statements hears this one too
        hear(above, None, sql, arguments, None, False)
    library = driver()
    try:
        return await below.fetch(sql, *arguments)
    except (library.PostgresError, library.InterfaceError, OSError) as error:
        lost = below.is_closed()
        if lost:
            await connection.invalidate()
        raise DBAPIError("", None, error, connection_invalidated=lost) from None  # no statement, no text of customers


def trouble(error: BaseException) -> Trouble:
    """What is behind a driver's error."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return Trouble.UNREACHABLE
    cause = error.orig if isinstance(error, DBAPIError) else error
    if type(cause).__name__ == "InvalidCachedStatementError":
        return Trouble.BUSY  # another program has changed the schema; the statement is right when it is prepared anew
    code = str(getattr(cause, "sqlstate", "") or "")
    return _TROUBLE.get(code) or _TROUBLE_CLASSES.get(code[:2], Trouble.OTHER)


def is_duplicate(error: BaseException) -> bool:
    """Whether a row was refused because its key is taken."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") == "23505"


async def probe(connection: AsyncConnection) -> Probe:
    """Look what is in the database without writing."""
    row = (
        await connection.exec_driver_sql(
            "SELECT current_schema() IS NOT NULL AS has_schema, "
            "(SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = "
            "current_schema()::regnamespace) AS tables, "
            "obj_description(to_regclass('alembic_version'), 'pg_class') AS mark, "
            "to_regclass('alembic_version') IS NOT NULL AS versioned"
        )
    ).one()
    revision = ""
    if row.versioned and row.mark == OURS:
        revision = str((await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar() or "")
    return Probe(not row.tables, row.mark == OURS, revision)


async def encoding(connection: AsyncConnection) -> str:
    """How the database keeps letters."""
    return str((await connection.exec_driver_sql("SHOW server_encoding")).scalar_one())


@dataclass(frozen=True)
class ServerHealth:
    """What the server says of itself."""

    engine: EngineHealth
    size_bytes: int


async def health(connection: AsyncConnection, *, deep: bool) -> ServerHealth:
    """Version, settings and size; ``deep``: whether every reference leads somewhere."""
    names = ("server_version", "synchronous_commit", "fsync", "full_page_writes", "wal_level", "TimeZone")
    told: Mapping[str, str] = {
        name: str((await connection.exec_driver_sql(f"SHOW {name}")).scalar_one()) for name in names
    }
    size = (await connection.exec_driver_sql("SELECT pg_database_size(current_database())")).scalar_one()
    orphans = await _orphans(connection) if deep else ()
    return ServerHealth(
        EngineHealth(
            told["server_version"].partition(" ")[0],
            "wal",
            told["synchronous_commit"],
            "ok",
            tuple(_warnings(told)),
            {name: int(told[name] == "on") for name in ("fsync", "full_page_writes")},
            orphans,
        ),
        int(size),
    )


def _warnings(told: Mapping[str, str]) -> list[str]:
    found = []
    if told["synchronous_commit"] not in DURABLE:
        found.append(
            "synchronous_commit is off: when the server's machine fails, a message that went out may be forgotten and "
            "go out again. Set it to on."
        )
    found += [
        f"{name} is off: when the server's machine fails, the database may be damaged. Set it to on."
        for name in ("fsync", "full_page_writes")
        if told[name] != "on"
    ]
    return found


async def _orphans(connection: AsyncConnection) -> tuple[str, ...]:
    """Tables with rows whose reference leads nowhere; the server keeps that from happening unless it is damaged."""
    keys = await connection.exec_driver_sql(
        "SELECT c.conrelid::regclass::text AS child, c.confrelid::regclass::text AS parent, a.attname AS name, "
        "f.attname AS target FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND "
        "a.attnum = c.conkey[1] JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1] "
        "WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace"
    )
    found = set()
    for key in keys.all():
        lost = await connection.exec_driver_sql(
            f"SELECT 1 FROM {key.child} c WHERE c.{key.name} IS NOT NULL AND NOT EXISTS "
            f"(SELECT 1 FROM {key.parent} p WHERE p.{key.target} = c.{key.name}) LIMIT 1"
        )
        if lost.first() is not None:
            found.add(str(key.child))
    return tuple(sorted(found))
