"""Straight to the driver: the shortest way to the rows of a statement that only reads, within the unit's transaction.

For what is asked with every key. SQLAlchemy needs longer to understand such a statement, and to hand its values and
rows from layer to layer, than the database to answer it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from tui_inbox.repository import sqlite_thread

_PARAMETER = re.compile(r"(?<![:\w]):(\w+)")


async def rows_of(connection: AsyncConnection, statement: str, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    """All rows of a statement that names its parameters ``:name``; ``values`` may have more than it names.

    Values are of the types that are kept, in and out. Raises what the drivers raise, as ``dialect.ERRORS`` says.
    """
    if connection.dialect.name == "sqlite":
        return await sqlite_thread.rows_of(connection, statement, values)
    text, names = _numbered(statement)
    return await fetched(connection, text, tuple([values[name] for name in names]))


async def fetched(connection: AsyncConnection, text: str, given: Sequence[Any]) -> Sequence[Sequence[Any]]:
    """The same of a statement in the driver's own words."""
    if connection.dialect.name == "sqlite":
        return await sqlite_thread.rows_of(connection, text, given)
    from tui_inbox.repository import postgresql

    return await postgresql.rows_of(connection, text, given)


@lru_cache(maxsize=512)
def _numbered(statement: str) -> tuple[str, Sequence[str]]:
    """The statement with ``$1`` and so on, and the names in that order, each once."""
    names = list(dict.fromkeys(_PARAMETER.findall(statement)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", statement), names
