"""What every repository has: the connection of its unit."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import Executable, Row
from sqlalchemy.ext.asyncio import AsyncConnection

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
"""A row of a query; its columns are read by name."""


class Repository:
    """One subject's reads and writes inside one unit."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def _all(self, statement: Executable) -> list[AnyRow]:
        return list((await self._connection.execute(statement)).all())

    async def _first(self, statement: Executable) -> AnyRow | None:
        return (await self._connection.execute(statement)).first()

    async def _count(self, statement: Executable) -> int:
        """Number of rows that a writing statement touched."""
        return (await self._connection.execute(statement)).rowcount

    async def _value(self, statement: Executable) -> Any:
        return (await self._connection.execute(statement)).scalar()
