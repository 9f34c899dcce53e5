"""The way into SQLite's thread: there and back once for each statement, and a read is a transaction all the same."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.repository.conftest import Place, only_sqlite, present
from tui_inbox.domain.kinds import Role
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit


def crossings(caplog: pytest.LogCaptureFixture) -> int:
    """Pieces of work that threads of the driver have done since the last time."""
    done = len([record for record in caplog.records if record.message.startswith("executing")])
    caplog.clear()
    return done


async def handles(unit: Unit) -> list[str]:
    return [agent.handle for agent in await unit.directory.agents()]


@only_sqlite
async def test_a_read_crosses_once_for_each_statement(
    store: Store, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    async with store.read() as unit:  # makes the connection
        await handles(unit)
    caplog.set_level(logging.DEBUG, "aiosqlite")
    async with store.read() as unit:
        await handles(unit)
        assert crossings(caplog) <= 2  # maybe the end of the one before; the begin comes with the statement
        for _ in range(3):
            assert await handles(unit) == ["ana", "bo"]
        assert crossings(caplog) == 3


@only_sqlite
async def test_a_unit_is_of_the_instant_of_its_first_statement(store: Store, place: Place) -> None:
    async with store.read() as unit:
        await store.write(lambda writing: writing.directory.add_agent("cy", "Cy", Role.AGENT))
        assert await handles(unit) == ["ana", "bo", "cy"]
        await store.write(lambda writing: writing.directory.add_agent("di", "Di", Role.AGENT))
        assert await handles(unit) == ["ana", "bo", "cy"]
    async with store.read() as unit:
        assert await handles(unit) == ["ana", "bo", "cy", "di"]


@only_sqlite
async def test_the_shortest_way_crosses_once(store: Store, place: Place, caplog: pytest.LogCaptureFixture) -> None:
    async with store.read() as unit:
        await unit.directory.channels()
        caplog.set_level(logging.DEBUG, "aiosqlite")
        crossings(caplog)
        await unit.directory.channels()
        assert crossings(caplog) == 1


@only_sqlite
async def test_a_statement_that_fails_is_told_and_the_next_unit_works(store: Store, place: Place) -> None:
    async with store._readers.connect() as connection:
        await connection.execute(text("SELECT 1"))
        with pytest.raises(DBAPIError, match="no such table"):
            await connection.execute(text("SELECT * FROM nowhere"))
    async with store.read() as unit:
        assert await handles(unit) == ["ana", "bo"]


async def test_many_rows_and_the_numbers_of_what_was_written(tmp_path: Path) -> None:
    store = await Store.open(str(tmp_path / "inbox.db"), clock=present)
    async with store._writers.begin() as connection:
        await connection.execute(text("CREATE TABLE numbers (id INTEGER PRIMARY KEY, value INTEGER)"))
        rows = [{"value": value} for value in range(500)]
        await connection.execute(text("INSERT INTO numbers (value) VALUES (:value)"), rows)
        added = await connection.execute(text("INSERT INTO numbers (value) VALUES (7)"))
        assert added.lastrowid == 501
        changed = await connection.execute(text("UPDATE numbers SET value = 0 WHERE value >= 250"))
        assert changed.rowcount == 250
        removed = await connection.execute(text("DELETE FROM numbers WHERE value = 0 RETURNING id"))
        assert len(removed.all()) == 251
    async with store._readers.connect() as connection:
        found = await connection.execute(text("SELECT value FROM numbers ORDER BY id"))
        assert list(found.scalars()) == [*range(1, 250), 7]
    await store.close()
