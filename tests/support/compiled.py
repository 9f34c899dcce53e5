"""Statements are put together once for all databases of a run, not once for each: an eighth of the time of its tests.

A program opens one database and keeps it. A test opens one of its own, with engines whose caches are empty.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.util import LRUCache

_STATEMENTS: LRUCache[Any, Any] = LRUCache(2000)


def _share(connection: Connection) -> None:
    engine = connection.engine
    if "compiled_cache" not in engine.get_execution_options():
        engine.update_execution_options(compiled_cache=_STATEMENTS)


def share() -> None:
    """To be called once in a run, before it opens a database."""
    event.listen(Engine, "engine_connect", _share)
    for dialect in (SQLiteDialect_aiosqlite, PGDialect_asyncpg):
        _make_equal(dialect)


def _make_equal(dialect: type[Dialect]) -> None:
    """Of one class all are alike here: every database of a run has the same engine and settings."""

    def equal(self: Dialect, other: object) -> bool:
        return type(self) is type(other)

    def number(self: Dialect) -> int:
        return hash(type(self))

    dialect.__eq__ = equal  # type: ignore[assignment,method-assign]
    dialect.__hash__ = number  # type: ignore[assignment,method-assign]
