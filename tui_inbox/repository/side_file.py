"""A small SQLite file beside the database, for what may be lost at any moment and must never be waited for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import URL, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from tui_inbox.repository import sqlite_thread

SIDE_SETTINGS = (
    "PRAGMA busy_timeout = 250",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA trusted_schema = OFF",
)
"""For a file beside the database whose loss costs nothing: never waits for the disk, nor long for another program.
With WAL and NORMAL it survives a crash all the same. What its keys refer to lies in the database."""


def make_side_engine(path: Path) -> AsyncEngine:
    """An engine for a small file beside the database, without transactions but those of :func:`side_write`."""
    url = URL.create("sqlite+aiosqlite", database=str(path))
    way_in = {"async_creator_fn": sqlite_thread.connect}
    engine = create_async_engine(
        url, connect_args=way_in, poolclass=NullPool, hide_parameters=True, isolation_level="AUTOCOMMIT"
    )

    def on_connect(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for setting in SIDE_SETTINGS:
            cursor.execute(setting)
        cursor.close()

    event.listen(engine.sync_engine, "connect", on_connect)
    return engine


@asynccontextmanager
async def side_write(connection: AsyncConnection) -> AsyncIterator[None]:
    """One writing transaction on a connection of :func:`make_side_engine`; one that fails must be closed."""
    await connection.exec_driver_sql("BEGIN IMMEDIATE")
    yield
    await connection.exec_driver_sql("COMMIT")
