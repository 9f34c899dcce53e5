"""A server: getting in, being kept out, losing the line and finding it again, and hearing of what others do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from tests.repository.conftest import NOW, present
from tests.server.support.workspace import eventually
from tests.support.servers import Server
from tui_inbox.domain.errors import (
    SchemaMismatchError,
    StoreBusyError,
    StoreDoubtfulError,
    StoreError,
    StoreReadOnlyError,
    StoreUnreachableError,
    UsageError,
)
from tui_inbox.domain.kinds import Role
from tui_inbox.domain.presence import Doing, Present
from tui_inbox.repository import dialect, doorbell, schema, server_store
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.search_tables import metadata
from tui_inbox.repository.server_address import parse
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit

SECRET = "geheim"


@pytest.fixture
async def store(server_database: str) -> AsyncIterator[Store]:
    """These tests are about servers."""
    opened = await Store.open(server_database, clock=present)
    yield opened
    await opened.close()


async def names(store: Store) -> list[str]:
    async with store.read() as unit:
        return [agent.handle for agent in await unit.directory.agents()]


async def add(store: Store, handle: str) -> None:
    await store.write(lambda unit: unit.directory.add_agent(handle, "", Role.AGENT))


def test_addresses_as_people_paste_them() -> None:
    found = parse(f"postgres://ana:{SECRET}@db.example:6432/inbox?sslmode=require&connect_timeout=3&application_name=x")
    assert (found.name, found.timeout, found.application) == ("postgresql://db.example:6432/inbox", 3.0, "x")
    assert "sslmode=require" in found.dsn
    assert "connect_timeout" not in found.dsn
    assert SECRET not in repr(found)
    assert parse("postgresql:///inbox?host=/run/postgresql").name == "postgresql:///run/postgresql:5432/inbox"
    assert parse("postgresql://[::1]/inbox").name == "postgresql://[::1]:5432/inbox"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (f"postgresql://ana:{SECRET}@host", "names no database"),
        (f"postgresql://ana:{SECRET}@host/db?colour=red", "'colour' that is not understood"),
        (f"postgresql://ana:{SECRET}@host/db?connect_timeout=soon", "whole seconds"),
        (f"postgresql://ana:{SECRET}@host/db?sslmode=maybe", "cannot be used"),
    ],
)
async def test_addresses_that_are_none(address: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as raised:
        await Store.open(address)
    assert SECRET not in str(raised.value)


async def test_ways_of_not_getting_in(server: Server) -> None:
    server.run(f"CREATE ROLE locked_{server.port} LOGIN PASSWORD '{SECRET}'")
    if not server.run("SELECT 1 FROM pg_database WHERE datname = 'locked'"):
        server.run("CREATE DATABASE locked")
    user = f"locked_{server.port}"
    doors = [
        (server.tcp_url("locked", f"{user}:wrong{SECRET}"), "does not let this user in"),
        (server.tcp_url("nowhere"), "There is no database at"),
        (f"postgresql://postgres:{SECRET}@127.0.0.1:1/inbox", "cannot be reached"),
        (f"{server.tcp_url('locked', f'{user}:{SECRET}')}?sslmode=require", "No safe connection"),
        (f"postgresql://ana:{SECRET}@/inbox?host=/nowhere", "cannot be reached"),
    ]
    for address, told in doors:
        with pytest.raises(StoreUnreachableError, match=told) as raised:
            await Store.open(address)
        assert SECRET not in str(raised.value)
        assert "\n" not in str(raised.value)
    with pytest.raises(StoreReadOnlyError, match="no right"):
        await Store.open(server.tcp_url("locked", f"{user}:{SECRET}"))  # lets in, but may make nothing


async def test_without_the_driver_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(UsageError, match=r"pip install 'tui-inbox\[postgresql\]'"):
        await Store.open("postgresql://ana@host/inbox")


def foreign(server: Server, name: str) -> None:
    server.run("CREATE TABLE something (id int)", name)


def newer(server: Server, name: str) -> None:
    server.run("CREATE TABLE alembic_version (version_num text)", name)
    server.run("INSERT INTO alembic_version VALUES ('9999')", name)
    server.run("COMMENT ON TABLE alembic_version IS 'tui-inbox'", name)


@pytest.mark.parametrize(("spoil", "told"), [(foreign, "another program"), (newer, r"newer version.*schema 9999")])
async def test_databases_that_are_not_ours_stay_as_they_are(
    server: Server, spoil: Callable[[Server, str], None], told: str
) -> None:
    url = server.make_database("template0")
    name = url.partition("?")[0].rpartition("/")[2]
    spoil(server, name)
    try:
        with pytest.raises(SchemaMismatchError, match=told):
            await Store.open(url)
        assert len(server.run("SELECT 1 FROM pg_tables WHERE schemaname = 'public'", name)) == 1
    finally:
        server.drop_database(url)


async def test_a_new_database_is_set_up_once_by_whoever_comes_first(server: Server) -> None:
    url = server.make_database("template0")
    try:
        with pytest.raises(SchemaMismatchError, match="is empty"):
            await Store.open(url, read_only=True)
        stores = await asyncio.gather(*(Store.open(url) for _ in range(3)))
        assert [(await store.health()).schema for store in stores] == [schema.SCHEMA_HEAD] * 3
        for store in stores:
            await store.close()
    finally:
        server.drop_database(url)


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether the migrations make it for both engines."""
    if kind == "index":
        return not (name or "").startswith("ix_search_entries_")
    return kind != "table" or not dialect.own_table(name or "")


async def test_the_migrations_build_the_tables(store: Store) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"include_name": is_ours}), metadata))

    async with store._writers.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_others_are_heard_and_nothing_else(store: Store) -> None:
    other = await Store.open(store.url)
    before = await store.change_token()
    await names(store)
    await other.write(lambda unit: unit.directory.heartbeat("deliver", "w", 1, NOW))  # on no screen
    assert await store.change_token() == before
    await add(other, "ana")
    await eventually(lambda: _differs(store, before), within=0.5)
    await other.close()


def database_of(store: Store) -> str:
    return store.url.partition("?")[0].rpartition("/")[2]


async def _differs(store: Store, token: int) -> bool:
    return await store.change_token() != token


async def test_without_a_bell_it_looks_by_itself(store: Store, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorbell, "COMPARE_EVERY", 0.02)
    server.run("DROP FUNCTION tui_inbox_ring() CASCADE", database_of(store))
    before = await store.change_token()
    server.run("INSERT INTO agents (handle, handle_folded, role) VALUES ('x', 'x', 'agent')", database_of(store))
    await eventually(lambda: _differs(store, before), within=5)


async def test_what_nobody_heard_while_the_line_was_down_counts_when_it_is_back(store: Store, server: Server) -> None:
    name, before = database_of(store), await store.change_token()
    server.run("DROP FUNCTION tui_inbox_ring() CASCADE", name)
    server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    server.run(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")
    server.run(f"ALTER DATABASE {name} RENAME TO {name}_away")
    server.run(f"ALTER DATABASE {name}_away ALLOW_CONNECTIONS true")
    server.run("INSERT INTO agents (handle, handle_folded, role) VALUES ('x', 'x', 'agent')", f"{name}_away")
    server.run(f"ALTER DATABASE {name}_away RENAME TO {name}")
    await eventually(lambda: _differs(store, before), within=10)
    assert await names(store) == ["x"]


async def test_a_line_that_breaks_while_committing_leaves_a_doubt(store: Store, server: Server) -> None:
    die = "BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END"
    server.run(f"CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ {die} $$", database_of(store))
    server.run(
        "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON agents DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION die()",
        database_of(store),
    )
    tries: list[int] = []

    async def work(unit: Unit) -> None:
        tries.append(await unit.directory.add_agent("ana", "", Role.AGENT))

    with pytest.raises(StoreDoubtfulError, match=r"is not known; look before you repeat it\."):
        await store.write(work)
    assert len(tries) == 1, "what may have been done is not done again"


async def test_a_lost_line_is_told_and_found_again(store: Store, server: Server) -> None:
    other = await Store.open(store.url)
    before = await store.change_token()
    name = database_of(store)
    server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    await eventually(lambda: isinstance(store.trouble, StoreUnreachableError), within=5)
    await add(other, "ana")  # tries again by itself
    # Nobody rang while the line was down; that it is back counts as a change.
    await eventually(lambda: _differs(store, before), within=5)
    assert await store.check() is None
    assert await names(store) == ["ana"]
    await other.close()


async def test_two_who_read_before_they_write_are_as_if_one_after_the_other(store: Store) -> None:
    """Each takes the free place if it sees it free: by snapshots alone both would."""
    other = await Store.open(store.url, clock=present)
    both = asyncio.Barrier(2)
    tries: list[str] = []

    def take(handle: str) -> Callable[[Unit], Awaitable[bool]]:
        async def work(unit: Unit) -> bool:
            first = handle not in tries
            tries.append(handle)
            free = not await unit.directory.agents()
            if first:
                await both.wait()
            if free:
                await unit.directory.add_agent(handle, "", Role.AGENT)
            return free

        return work

    taken = await asyncio.gather(store.write(take("ana")), other.write(take("bo")))
    assert sorted(taken) == [False, True]
    assert len(await names(store)) == 1
    assert len(tries) == 3, "one of them had to look again"
    await other.close()


async def test_many_writers_lose_nothing_and_come_to_an_end(store: Store) -> None:
    stores = [store, *[await Store.open(store.url, clock=present) for _ in range(3)]]
    contact = await store.write(lambda unit: unit.contacts.add(NewContact("A"), NOW))

    async def count(one: Store) -> None:
        for _ in range(10):
            await one.write(lambda unit: unit.conversations.next_seq(contact))

    await asyncio.gather(*(count(one) for one in stores))
    async with store.read() as unit:
        assert (await unit.conversations.get(contact)).last_seq == 40
    for one in stores[1:]:
        await one.close()


async def test_who_keeps_failing_is_let_in_alone(store: Store) -> None:
    """A unit that is overtaken every time it looks: the last try keeps the others out."""
    other = await Store.open(store.url, clock=present)
    contact = await store.write(lambda unit: unit.contacts.add(NewContact("A"), NOW))
    tries = 0

    async def overtaken(unit: Unit) -> int:
        nonlocal tries
        tries += 1
        await unit.conversations.get(contact)
        if tries <= server_store.TOGETHER_TRIES:
            await other.write(lambda theirs: theirs.conversations.next_seq(contact))
        else:
            late = asyncio.create_task(other.write(lambda theirs: theirs.conversations.next_seq(contact)))
            waiting.append(late)
            done, _ = await asyncio.wait([late], timeout=0.5)
            assert not done, "it waits at the door"
        return await unit.conversations.next_seq(contact)

    waiting: list[asyncio.Task[int]] = []
    assert await store.write(overtaken) == server_store.TOGETHER_TRIES + 1
    assert await waiting[0] == server_store.TOGETHER_TRIES + 2
    await other.close()


async def test_a_server_that_takes_no_writes_is_read(server: Server, store: Store) -> None:
    await add(store, "ana")
    name = database_of(store)
    server.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(StoreReadOnlyError, match="standby"):
        await Store.open(store.url)
    reader = await Store.open(store.url, or_read_only=True)
    assert isinstance(reader.trouble, StoreReadOnlyError)
    assert await names(reader) == ["ana"]
    with pytest.raises(StoreError):
        await add(reader, "bo")
    await reader.close()


async def test_the_servers_clock_is_everybodys(store: Store) -> None:
    """However wrong the clock of one machine is."""
    late = await Store.open(store.url, clock=lambda: datetime.now(UTC) - timedelta(hours=3))
    right = await Store.open(store.url, clock=lambda: datetime.now(UTC))
    assert abs(late.clock() - datetime.now(UTC)) < timedelta(seconds=30)
    assert abs(right.clock() - datetime.now(UTC)) < timedelta(seconds=30)
    await late.close()
    await right.close()


async def test_colleagues_are_seen_and_ring_nobodys_bell(store: Store) -> None:
    other = await Store.open(store.url)
    before = await store.change_token()
    ana, bo = store.presence(), other.presence()
    token = await bo.change_token()
    await ana.tell(1, (), Present(1, 7, Doing.TYPING, NOW, NOW))
    assert await bo.change_token() != token
    assert await bo.others(2, NOW) == [Present(1, 7, Doing.TYPING, NOW, NOW)]
    assert await ana.others(1, NOW) == []
    await ana.tell(1, {7}, None)
    assert await bo.others(2, NOW) == []
    assert await store.change_token() == before
    await ana.close()
    await bo.close()
    await other.close()


async def test_a_wait_that_takes_too_long_ends_with_a_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_inbox.repository.store.WRITE_PATIENCE", 0.05)
    other = await Store.open(store.url, clock=present)
    contact = await store.write(lambda unit: unit.contacts.add(NewContact("A"), NOW))

    async def overtaken(unit: Unit) -> int:
        await unit.conversations.get(contact)
        await other.write(lambda theirs: theirs.conversations.next_seq(contact))
        return await unit.conversations.next_seq(contact)

    with pytest.raises(StoreBusyError, match="busy for too long; nothing was changed"):
        await store.write(overtaken)
    await other.close()
