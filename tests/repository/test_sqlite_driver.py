"""Each statement is one visit to the driver's thread, and its whole answer comes back with it."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.repository.conftest import only_sqlite
from tui_inbox.repository.store import Store

pytestmark = only_sqlite


def visits(log: pytest.LogCaptureFixture) -> int:
    """Visits to the driver's thread since the log was last cleared."""
    return sum(record.getMessage().startswith("executing") for record in log.records)


async def test_a_statement_is_one_visit(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="aiosqlite")
    async with store._readers.connect() as connection:
        await connection.execute(text("SELECT 1"))  # begins the transaction as well
        caplog.clear()
        found = await connection.execute(text("SELECT value, value * 2 AS twice FROM json_each('[1, 2, 3]')"))
        assert [(row.value, row.twice) for row in found] == [(1, 2), (2, 4), (3, 6)]
        assert visits(caplog) == 1


async def test_writing_tells_rows_and_keys(store: Store) -> None:
    async with store._writers.begin() as connection:
        add = text("INSERT INTO teams (name, name_folded) VALUES (:name, :name)")
        one = await connection.execute(add, {"name": "one"})
        assert (one.rowcount, one.lastrowid) == (1, 1)
        many = await connection.execute(add, [{"name": "two"}, {"name": "three"}])
        assert many.rowcount == 2
        changed = await connection.execute(text("UPDATE teams SET name = 'all'"))
        assert changed.rowcount == 3


async def test_a_refused_statement_leaves_the_connection_usable(store: Store) -> None:
    async with store._readers.connect() as connection:
        with pytest.raises(OperationalError):
            await connection.execute(text("SELECT * FROM nowhere"))
        assert (await connection.execute(text("SELECT 7"))).scalar_one() == 7
