"""Filling a PostgreSQL database with the rows of another: without its triggers, by the server's own way of loading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection


async def quiet(connection: AsyncConnection, tables: Sequence[Table]) -> None:
    """Nothing is counted and nobody is told while the tables are filled."""
    for table in tables:
        await connection.exec_driver_sql(f"ALTER TABLE {table.name} DISABLE TRIGGER USER")


async def put(connection: AsyncConnection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add rows, each with a value for every column in the order of the table."""
    pooled = await connection.get_raw_connection()
    # The first statement begins the transaction; the driver's own way does not know of it.
    await connection.exec_driver_sql("SELECT 1")
    driver: Any = pooled.driver_connection
    await driver.copy_records_to_table(table.name, records=rows, columns=[column.name for column in table.columns])


async def wake(connection: AsyncConnection, tables: Sequence[Table]) -> None:
    """Triggers as they were; keys that the database makes come after those that were given."""
    for table in tables:
        await connection.exec_driver_sql(f"ALTER TABLE {table.name} ENABLE TRIGGER USER")
        if "id" in table.c and table.c["id"].autoincrement is True:
            await connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "
                f"coalesce((SELECT max(id) FROM {table.name}), 0) + 1, false)"
            )
