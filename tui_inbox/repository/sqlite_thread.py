"""The way into the thread in which SQLite works: there and back once for each statement.

The driver goes there four times for a statement (a cursor, the statement, its rows, the end of the cursor), the
transaction's begin and end not counted, and each time the event loop and the thread must wait for one another. A screen
is a dozen statements.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import aiosqlite
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

ITERATED = 64
"""Rows that the driver's own cursors fetch at a time; ours have all of them."""


class WholeCursor:
    """A cursor that comes back from a statement with all its rows, and is closed then. For SQLAlchemy alone."""

    def __init__(self, connection: ThreadConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.arraysize = 1
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> WholeCursor:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> WholeCursor:
        """Run one statement; raises ``sqlite3.Error``."""
        await self._connection.in_thread(self._run, sqlite3.Cursor.execute, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> WholeCursor:
        """Run one statement with many rows of parameters; raises ``sqlite3.Error``."""
        await self._connection.in_thread(self._run, sqlite3.Cursor.executemany, sql, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        """All rows; nobody waits for them."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """It is closed already."""

    def _run(self, raw: sqlite3.Connection, way: Any, sql: str, parameters: Any) -> None:
        cursor = raw.cursor()
        try:
            way(cursor, sql, parameters)
            self._rows = cursor.fetchall() if cursor.description else []
            self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()


class ThreadConnection(aiosqlite.Connection):
    """The driver's connection with cursors of ours.

    A transaction that was announced by :meth:`begin_with_next` begins with its first statement, and nobody waits for
    its end: what is asked of the connection later comes after it.
    """

    _announced = ""
    _reading = False

    def cursor(self) -> WholeCursor:  # type: ignore[override]  # SQLAlchemy asks for nothing that ours has not
        """A new cursor; nobody waits for it."""
        return WholeCursor(self)

    def begin_with_next(self, begin: str) -> None:
        """Say how the transaction begins. For those which take no lock by that: nothing is seen before a statement."""
        self._announced, self._reading = begin, True

    async def in_thread(self, work: Any, *arguments: Any) -> Any:
        """Do ``work(connection, …)`` in the thread, within the transaction that was announced."""
        begin, self._announced = self._announced, ""
        return await cast(Any, self)._execute(self._work, begin, work, arguments)  # the driver gives no types here

    def _work(self, begin: str, work: Any, arguments: Sequence[Any]) -> Any:
        raw = self._conn
        if begin:
            raw.execute(begin).close()
        return work(raw, *arguments)

    async def rollback(self) -> None:
        """Take back what the transaction changed; one that only reads is let go."""
        begun, self._announced = not self._announced, ""
        reading, self._reading = self._reading, False
        if not reading:
            await super().rollback()
        elif begun:
            self._tx.put_nowait((None, self._conn.rollback))


def connect(database: str | Path, **options: Any) -> ThreadConnection:
    """As the driver's own ``connect``; given to SQLAlchemy as ``async_creator_fn``."""
    connection = ThreadConnection(lambda: sqlite3.connect(database, **options), ITERATED)
    connection._thread.daemon = True  # as SQLAlchemy does: a program must be able to end while a statement runs
    return connection


async def rows_of(connection: AsyncConnection, sql: str, parameters: Any) -> list[Any]:
    """All rows of a statement that only reads, by the shortest way: none of SQLAlchemy's layers but its transaction.

    For what is asked with every key, where those layers take longer than SQLite. Raises ``sqlite3.Error``.
    """
    above = connection.sync_connection
    assert above is not None, "a unit has a connection"
    if not above.in_transaction():
        above.begin()
    for hear in above.dispatch.before_cursor_execute:  # whoever listens to statements hears this one too
        hear(above, None, sql, parameters, None, False)
    return cast("list[Any]", await _below(above).in_thread(_fetched, sql, parameters))


def _fetched(raw: sqlite3.Connection, sql: str, parameters: Any) -> list[Any]:
    with closing(raw.execute(sql, parameters)) as cursor:
        return cursor.fetchall()


def _below(connection: Connection) -> ThreadConnection:
    return cast(ThreadConnection, connection.connection.driver_connection)


def begin_with_next(connection: Connection, begin: str) -> None:
    """:meth:`ThreadConnection.begin_with_next` of the driver's connection below SQLAlchemy's."""
    _below(connection).begin_with_next(begin)
