"""Statements that are put together once, and whose rows come :mod:`straight <tui_inbox.repository.straight>`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Dialect, Select
from sqlalchemy.ext.asyncio import AsyncConnection

from tui_inbox.repository.straight import fetched


class Prepared:
    """One statement. Its parameters are those that it names, each with a value of the type that is kept."""

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._texts: dict[str, tuple[str, Sequence[str]]] = {}

    async def rows(self, connection: AsyncConnection, **values: Any) -> Sequence[Sequence[Any]]:
        """Its rows, with values as they are kept: instants, flags and structures are not turned into Python's."""
        text, names = self._for(connection.dialect)
        return await fetched(connection, text, tuple([values[name] for name in names]))

    def _for(self, dialect: Dialect) -> tuple[str, Sequence[str]]:
        """The text for an engine, and its parameters in their order."""
        found = self._texts.get(dialect.name)
        if found is None:
            compiled = self._statement.compile(dialect=dialect)
            found = self._texts[dialect.name] = str(compiled), compiled.positiontup or ()
        return found
