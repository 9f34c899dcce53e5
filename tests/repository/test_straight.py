"""The shortest way to rows: within the unit's transaction, heard by whoever listens, and its troubles are told."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.repository.conftest import Place, listening
from tests.support.servers import Server
from tui_inbox.domain.errors import StoreUnreachableError
from tui_inbox.domain.kinds import ChannelKind, Role
from tui_inbox.repository import dialect
from tui_inbox.repository.dialect import Trouble
from tui_inbox.repository.store import Store
from tui_inbox.repository.straight import rows_of
from tui_inbox.repository.unit import Unit

SECRET = "what a customer typed"


async def handles(unit: Unit) -> list[str]:
    return [agent.handle for agent in await unit.directory.agents()]


async def test_it_is_in_the_transaction_that_it_begins(store: Store, place: Place) -> None:
    async with store.read() as unit:
        channels = await unit.directory.channels()  # asked for by it, and the first of the unit
        await store.write(lambda writing: writing.directory.add_agent("cy", "Cy", Role.AGENT))
        await store.write(lambda writing: writing.directory.add_channel("late", ChannelKind.SMS, {}, {}, "late"))
        assert await handles(unit) == ["ana", "bo"]
        assert await unit.directory.channels() == channels
    async with store.read() as unit:
        assert "late" in [channel.name for channel in await unit.directory.channels()]


async def test_it_is_in_the_transaction_that_has_begun(store: Store, place: Place) -> None:
    async with store.read() as unit:
        assert await handles(unit) == ["ana", "bo"]
        await store.write(lambda writing: writing.directory.add_channel("late", ChannelKind.SMS, {}, {}, "late"))
        assert "late" not in [channel.name for channel in await unit.directory.channels()]


async def test_what_a_unit_has_written_it_sees(store: Store, place: Place) -> None:
    async def work(unit: Unit) -> list[str]:
        await unit.directory.add_channel("late", ChannelKind.SMS, {}, {}, "late")
        return [channel.name for channel in await unit.directory.channels()]

    assert "late" in await store.write(work)


async def test_parameters_have_names_and_may_stand_twice(store: Store) -> None:
    statement = "SELECT :more + 1, CAST(:word AS text), :more + 2"
    async with store._readers.connect() as connection:
        for _ in range(2):  # the first begins the transaction
            ((one, word, two),) = await rows_of(connection, statement, {"word": "a :more", "more": 1, "other": 3})
            assert (one, word, two) == (2, "a :more", 3)


async def test_it_is_heard(store: Store, place: Place) -> None:
    async with store.read() as unit:
        await unit.directory.channels()
        with listening(store) as heard:
            await unit.directory.channels()
    assert len(heard.selects) == 1


@pytest.mark.parametrize("first", [True, False])
async def test_what_fails_is_told_without_values_and_the_next_unit_works(
    store: Store, place: Place, first: bool
) -> None:
    async with store._readers.connect() as connection:
        if not first:
            await rows_of(connection, "SELECT 1", {})
        with pytest.raises(dialect.ERRORS, match="nowhere") as raised:
            await rows_of(connection, "SELECT * FROM nowhere WHERE word = :word", {"word": SECRET})
    async with store._readers.connect() as connection:
        with pytest.raises(dialect.ERRORS, match="nowhere") as by_the_other_way:
            await connection.execute(text("SELECT * FROM nowhere WHERE word = :word"), {"word": SECRET})
    assert SECRET not in f"{raised.value} {by_the_other_way.value}"
    assert dialect.trouble(raised.value) is Trouble.OTHER
    async with store.read() as unit:
        assert await handles(unit) == ["ana", "bo"]


async def test_a_line_that_is_cut_between_two_statements_is_told(server_database: str, server: Server) -> None:
    store = await Store.open(server_database)
    ours = f"FROM pg_stat_activity WHERE datname = '{server_database.partition('?')[0].rpartition('/')[2]}'"

    async def cut() -> None:
        async with store.read() as unit:
            await unit.directory.channels()
            server.run(f"SELECT pg_terminate_backend(pid, 5000) {ours}")
            await unit.directory.channels()

    with pytest.raises(StoreUnreachableError, match="was lost"):
        await cut()
    assert isinstance(store.trouble, StoreUnreachableError)
    async with store.read() as unit:
        assert await unit.directory.channels() == []
    await store.close()
