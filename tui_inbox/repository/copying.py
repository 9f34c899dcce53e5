"""Moving a whole workspace from one database into another, whatever engines they are on.

Tables are copied one after the other in the order of their keys, a batch at a time. What is there already is the
beginning of the same order, so an interrupted copy goes on where it stopped. Until the last comparison the target says
:data:`UNFINISHED` where its schema's revision stands, and every program refuses it. What can be reckoned from the rest
(search, counters) is not copied but made anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Table, Text, func, literal, select, text, tuple_, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from tui_inbox.domain.errors import StoreError, UsageError
from tui_inbox.repository import postgresql_copying, schema, search_tables
from tui_inbox.repository.attachment_tables import attachment_parts
from tui_inbox.repository.schema import UNFINISHED
from tui_inbox.repository.store import Store
from tui_inbox.repository.tables import metadata
from tui_inbox.repository.types import Identifier, Instant, Structure, Words

BATCH = 5_000
"""Rows that are written in one transaction."""
BATCH_OF_PIECES = 40
"""Of pieces of files, which are large."""
DERIVED = frozenset(name for name, item in vars(search_tables).items() if isinstance(item, Table))
"""Tables that are reckoned from the others."""
TABLES = tuple(table for table in metadata.sorted_tables if table.name not in DERIVED)
"""What is copied, in an order in which every reference leads to something."""

Progress = Callable[[str, int, int], None]
"""Told the table, rows done and rows in all."""


async def prepare(target: Store) -> None:
    """Mark an empty target as unfinished; one that is unfinished already is left. Raises :class:`UsageError`."""
    with target._told():
        await _mark(target)
    await target.write(lambda unit: unit.search.suspend())


async def _mark(target: Store) -> None:
    async with target._writers.begin() as connection:
        if await revision(connection) == UNFINISHED:
            return
        for table in TABLES:
            if (await connection.execute(select(literal(1)).select_from(table).limit(1))).first() is not None:
                raise UsageError(f"There is a workspace in {target.name} already; nothing was changed. Name a new one.")
        await connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": UNFINISHED})
        if connection.dialect.name == "postgresql":
            await postgresql_copying.quiet(connection, TABLES)


async def copy(source: Store, target: Store, progress: Progress) -> None:
    """Bring over what is missing in the target."""
    with told(source, target):
        await _copy(source, target, progress)


async def _copy(source: Store, target: Store, progress: Progress) -> None:
    async with source._readers.connect() as reading:
        numbers = {table: await _count(reading, table) for table in TABLES}
        whole, done = sum(numbers.values()), 0
        for table in TABLES:
            async with target._writers.begin() as connection:
                there, last = await _count(connection, table), await _last(connection, table)
            done += there
            progress(table.name, done, whole)
            async for rows in _batches(reading, table, last):
                async with target._writers.begin() as connection:
                    await _put(connection, table, rows)
                done += len(rows)
                progress(table.name, done, whole)


async def compare(source: Store, target: Store, progress: Progress) -> dict[str, int]:
    """Count and compare every row of both; numbers by table. Raises :class:`StoreError` at the first difference."""
    found: dict[str, int] = {}
    async with source._readers.connect() as connection:
        whole, done = sum([await _count(connection, table) for table in TABLES]), 0
    for table in TABLES:
        with told(source, target):
            here, there = await _sum(source, table), await _sum(target, table)
        if here != there:
            raise StoreError(
                f"{table.name} in {target.name} ({there[0]} rows) differs from {source.name} ({here[0]} rows): "
                "something wrote meanwhile. Stop all programs, make an empty database, and copy again."
            )
        found[table.name] = here[0]
        done += here[0]
        progress(table.name, done, whole)
    return found


async def finish(target: Store) -> None:
    """Make search and counters anew, and let the target be used."""
    await target.write(lambda unit: unit.search.rebuild())
    with target._told():
        async with target._writers.begin() as connection:
            if connection.dialect.name == "postgresql":
                await postgresql_copying.wake(connection, TABLES)
            await connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": schema.SCHEMA_HEAD})


@contextmanager
def told(source: Store, target: Store) -> Iterator[None]:
    """Troubles of either database as a :class:`StoreError` that says that the copy can go on."""
    try:
        with source._told(), target._told():
            yield
    except StoreError as error:
        kept = "What had been copied before is kept: the same command goes on from there."
        raise type(error)(f"{error} {kept}") from error


async def revision(connection: AsyncConnection) -> str:
    """What stands where the schema's revision is."""
    return str((await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar() or "")


def _plain(column: Column[Any]) -> Any:
    """A column as the engine keeps it: instants are numbers, structures and words are texts."""
    if isinstance(column.type, Instant) or column.type is Identifier:
        return type_coerce(column, BigInteger()).label(column.name)
    if isinstance(column.type, Words | Structure):
        return type_coerce(column, Text()).label(column.name)
    return column


def _key(table: Table) -> Sequence[Any]:
    return [table.c[column.name] for column in table.primary_key.columns]


async def _count(connection: AsyncConnection, table: Table) -> int:
    return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def _last(connection: AsyncConnection, table: Table) -> tuple[Any, ...] | None:
    key = _key(table)
    row = (await connection.execute(select(*key).order_by(*(column.desc() for column in key)).limit(1))).first()
    return None if row is None else tuple(row)


async def _batches(
    connection: AsyncConnection, table: Table, last: tuple[Any, ...] | None
) -> AsyncIterator[Sequence[tuple[Any, ...]]]:
    """Rows behind ``last`` in the order of the key."""
    key, columns = _key(table), [_plain(column) for column in table.columns]
    places = [list(table.columns).index(column) for column in key]
    batch = BATCH_OF_PIECES if table is attachment_parts else BATCH
    statement = select(*columns).order_by(*key).limit(batch)
    while True:
        beyond = statement
        if last is not None:
            beyond = statement.where(tuple_(*key) > tuple_(*last, types=[column.type for column in key]))
        rows = [tuple(row) for row in (await connection.execute(beyond)).all()]
        if not rows:
            return
        yield rows
        last = tuple(rows[-1][place] for place in places)


async def _put(connection: AsyncConnection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    if connection.dialect.name == "postgresql":
        await postgresql_copying.put(connection, table, rows)
        return
    names = [column.name for column in table.columns]
    holders = ", ".join("?" for _ in names)
    statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({holders})"
    await connection.exec_driver_sql(statement, list(rows))


async def _sum(store: Store, table: Table) -> tuple[int, str]:
    """Number of rows and a checksum of all that is in them.

    In a transaction of its own: a server ends one that waits until the other database has been read.
    """
    number, digest = 0, hashlib.blake2b(digest_size=16)
    booleans = [at for at, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
    async with store._readers.connect() as connection:
        async for rows in _batches(connection, table, None):
            number += len(rows)
            for row in rows:
                values = list(row)
                for at in booleans:
                    values[at] = bool(values[at])
                digest.update(repr(values).encode("utf-8", "surrogatepass"))
    return number, digest.hexdigest()
