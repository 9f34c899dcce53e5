"""Opening, writing, waiting for the lock, and every way in which a file cannot be used."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from tests.repository.conftest import NOW, present
from tui_inbox.domain.errors import (
    SchemaMismatchError,
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreReadOnlyError,
    StoreUnreachableError,
)
from tui_inbox.domain.kinds import Role
from tui_inbox.repository import dialect, schema
from tui_inbox.repository import store as store_module
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.file_store import FileStore
from tui_inbox.repository.place import network_filesystem
from tui_inbox.repository.search_tables import metadata
from tui_inbox.repository.sqlite_search_schema import WAITING
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit


async def names(store: Store) -> list[str]:
    async with store.read() as unit:
        return [agent.handle for agent in await unit.directory.agents()]


async def test_a_new_file_is_its_owners_alone_and_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "inbox.db"
    store = await Store.open(str(path), clock=present)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    await store.write(lambda unit: unit.directory.add_agent("ana", "Ana", Role.AGENT))
    assert {part.stat().st_mode & 0o777 for part in path.parent.iterdir()} == {0o600}
    await store.close()
    for address in (f"sqlite://{path}", f"sqlite:///{path}", str(path)):
        again = await Store.open(address)
        assert await names(again) == ["ana"]
        await again.close()


async def test_health_tells_the_settings(file_store: FileStore) -> None:
    health = await file_store.health()
    assert (health.engine, health.journal_mode, health.synchronous, health.check) == ("sqlite", "wal", "full", "ok")
    assert health.schema == schema.SCHEMA_HEAD
    assert health.size_bytes > 0
    old = sqlite3.sqlite_version_info < dialect.SAFE_VERSION
    assert any("is older than" in warning for warning in health.warnings) is old


async def test_every_connection_has_its_settings(file_store: FileStore) -> None:
    for engine in (file_store._readers, file_store._writers):
        async with engine.connect() as connection:
            found = {
                pragma: (await connection.execute(text(f"PRAGMA {pragma}"))).scalar()
                for pragma in ("foreign_keys", "secure_delete", "trusted_schema", "cell_size_check", "busy_timeout")
            }
        assert found == {
            "foreign_keys": 1,
            "secure_delete": 1,
            "trusted_schema": 0,
            "cell_size_check": 1,
            "busy_timeout": 10_000,
        }


def indexes(connection: Connection) -> set[str]:
    """Every index as it is written, blanks aside."""
    found = connection.execute(text("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"))
    return {"".join(str(sql).split()) for sql in found.scalars()}


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether a table or an index is made by the migrations and not by the engine for itself."""
    if kind == "index":
        return name != WAITING
    return kind != "table" or not dialect.own_table(name or "")


async def test_the_migrations_build_the_tables(file_store: FileStore) -> None:
    migrated, plain = create_engine(f"sqlite:///{file_store.path}"), create_engine("sqlite://")
    metadata.create_all(plain)
    with migrated.connect() as built, plain.connect() as wanted:
        assert compare_metadata(MigrationContext.configure(built, opts={"include_name": is_ours}), metadata) == []
        assert {index for index in indexes(built) if WAITING not in index} == indexes(wanted), (
            "conditions of partial indexes included"
        )
    migrated.dispose()
    plain.dispose()


def test_alembic_is_imported_only_to_build(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import asyncio, sys
        from tui_inbox.repository.store import Store
        assert "alembic" not in sys.modules
        async def main():
            store = await Store.open({str(tmp_path / "x.db")!r})
            await store.close()
        asyncio.run(main())
        print("alembic" in sys.modules)
    """)
    run = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    ]
    assert run == ["True", "False"]


async def test_what_raises_leaves_nothing(store: Store) -> None:
    async def work(unit: Unit) -> None:
        await unit.directory.add_agent("ana", "Ana", Role.AGENT)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await store.write(work)
    assert await names(store) == []


async def test_reading_cannot_write(store: Store) -> None:
    with pytest.raises(StoreReadOnlyError):
        async with store.read() as unit:
            await unit.directory.add_agent("ana", "Ana", Role.AGENT)


async def test_nothing_is_lost_between_writers(store: Store) -> None:
    """Read-then-write from several tasks and two stores on one file: every step counts."""
    stores = [store, await Store.open(store.url, clock=present)]
    contact = await stores[0].write(lambda unit: unit.contacts.add(NewContact("A"), NOW))
    await asyncio.gather(*(stores[n % 2].write(lambda unit: unit.conversations.next_seq(contact)) for n in range(40)))
    async with stores[1].read() as unit:
        assert (await unit.conversations.get(contact)).last_seq == 40
    await stores[1].close()


async def test_two_programs_make_one_database_at_once(tmp_path: Path) -> None:
    stores = await asyncio.gather(*(Store.open(str(tmp_path / "x.db")) for _ in range(4)))
    assert [await names(store) for store in stores] == [[]] * 4
    for store in stores:
        await store.close()


HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
"""


async def test_waits_while_another_program_holds_the_lock(
    file_store: FileStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dialect, "SETTINGS", ("PRAGMA busy_timeout = 1",))
    hurried = FileStore(file_store.path, present, read_only=False, rng=random.Random(7))
    tries = asyncio.Event()
    real = asyncio.sleep

    async def noted(delay: float) -> None:
        tries.set()
        await real(delay)

    monkeypatch.setattr(asyncio, "sleep", noted)
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(file_store.path), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert await holder.stdout.readline() == b"held\n"
        writing = asyncio.create_task(hurried.write(lambda unit: unit.directory.add_agent("ana", "Ana", Role.AGENT)))
        await tries.wait()
        assert await names(hurried) == [], "readers are not held up"
        await holder.communicate(b"go\n")
        await writing
    finally:
        if holder.returncode is None:
            holder.kill()
            await holder.wait()
    assert await names(hurried) == ["ana"]
    await hurried.close()


async def test_gives_up_waiting_with_a_sentence(file_store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialect, "SETTINGS", ("PRAGMA busy_timeout = 1",))
    monkeypatch.setattr(store_module, "WRITE_PATIENCE", 0.05)
    hurried = FileStore(file_store.path, present, read_only=False)
    holder = sqlite3.connect(file_store.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusyError, match=r"locked for too long; nothing was changed\. Try again\."):
        await hurried.write(lambda unit: unit.directory.add_agent("ana", "Ana", Role.AGENT))
    holder.execute("ROLLBACK")
    holder.close()
    await hurried.write(lambda unit: unit.directory.add_agent("bo", "Bo", Role.AGENT))
    assert await names(hurried) == ["bo"]
    await hurried.close()


async def test_change_token_tells_of_every_commit_and_of_nothing_else(file_store: FileStore) -> None:
    store = file_store
    other = await Store.open(store.url)
    first = await store.change_token()
    await names(store)
    assert await store.change_token() == first
    await other.write(lambda unit: unit.directory.add_agent("ana", "Ana", Role.AGENT))
    second = await store.change_token()
    assert second != first
    await store.write(lambda unit: unit.directory.add_agent("bo", "Bo", Role.AGENT))
    assert await store.change_token() != second
    await other.close()


async def test_read_only_reads_and_refuses(store: Store) -> None:
    await store.write(lambda unit: unit.directory.add_agent("ana", "Ana", Role.AGENT))
    reader = await Store.open(store.url, read_only=True)
    assert await names(reader) == ["ana"]
    with pytest.raises(StoreReadOnlyError, match="nothing was changed"):
        await reader.write(lambda unit: unit.directory.add_agent("bo", "Bo", Role.AGENT))
    await reader.close()


def foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    connection.commit()
    connection.close()


def newer(path: Path) -> None:
    foreign(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.execute(f"PRAGMA application_id = {dialect.APPLICATION_ID}")
    connection.commit()
    connection.close()


def not_a_database(path: Path) -> None:
    path.write_text("Dear diary, " * 200)


def damaged(path: Path) -> None:
    asyncio.run(_made(path))
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3000)


async def _made(path: Path) -> None:
    store = await Store.open(str(path))
    await store.close()


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (foreign, SchemaMismatchError, "another program; nothing was changed"),
        (newer, SchemaMismatchError, "newer version of this program .schema 9999.; nothing was changed. Update"),
        (not_a_database, StoreDamagedError, "is not a database, or its beginning is damaged; nothing was changed"),
        (damaged, StoreDamagedError, "damaged; nothing was changed. Restore it from a backup"),
    ],
)
def test_files_that_cannot_be_used_stay_as_they_are(
    tmp_path: Path, make: object, error: type[StoreError], sentence: str
) -> None:
    path = tmp_path / "x.db"
    assert callable(make)
    make(path)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(error, match=sentence) as raised:
        asyncio.run(_made(path))
    assert "\n" not in str(raised.value)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert all(part.name == "x.db" or part.name == "x.db-shm" or not part.stat().st_size for part in tmp_path.iterdir())


@pytest.mark.parametrize("address", ["mysql://me:geheim@host/db", "sqlite://", "", ":memory:", "a\x00b"])
async def test_addresses_that_are_not_understood(address: str) -> None:
    with pytest.raises(StoreUnreachableError) as raised:
        await Store.open(address)
    assert "geheim" not in str(raised.value)


async def test_missing_and_misplaced_files(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "x.db"
    ways: tuple[dict[str, Any], ...] = ({"migrate": False}, {"read_only": True}, {"create": False})
    for way in ways:
        with pytest.raises(StoreUnreachableError, match="There is no database at"):
            await Store.open(str(missing), **way)
    assert not missing.parent.exists()
    with pytest.raises(StoreUnreachableError, match="is not a file"):
        await Store.open(str(tmp_path))
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreUnreachableError, match="cannot be made"):
        await Store.open(str(tmp_path / "file" / "x.db"))
    (tmp_path / "empty.db").touch()
    with pytest.raises(SchemaMismatchError, match="is empty"):
        await Store.open(str(tmp_path / "empty.db"), migrate=False)
    store = await Store.open(str(tmp_path / "empty.db"))
    assert await names(store) == []
    await store.close()


async def test_a_file_that_may_only_be_read(file_store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    # Tests may run as root, whom no file mode stops: the answer to the question is what is replaced.
    monkeypatch.setattr(os, "access", lambda _path, mode, **_: not mode & os.W_OK)
    with pytest.raises(StoreReadOnlyError, match="can be read but not written; nothing was changed"):
        await Store.open(file_store.url)
    reader = await Store.open(file_store.url, read_only=True)
    assert await names(reader) == []
    await reader.close()


async def test_an_older_schema_is_updated_with_its_rows_when_allowed(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        schema.upgrade(connection, "0001")
        connection.exec_driver_sql("INSERT INTO agents (handle, handle_folded, role) VALUES ('ana', 'ana', 'agent')")
    engine.dispose()
    with pytest.raises(SchemaMismatchError, match="older schema"):
        await Store.open(str(path), migrate=False)
    store = await Store.open(str(path))
    try:
        assert (await store.health()).schema == schema.SCHEMA_HEAD
        async with store.read() as unit:
            assert [agent.handle for agent in await unit.directory.agents()] == ["ana"]
    finally:
        await store.close()


MOUNTS = """/dev/sda1 / ext4 rw 0 0
srv:/home /home nfs4 rw 0 0
/dev/sdb1 /home/ana/local ext4 rw 0 0
me@x:/ /mnt/two\\040words fuse.sshfs rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/x.db", ""),
        ("/home/ana/x.db", "nfs4"),
        ("/home/ana/local/x.db", ""),
        ("/homestead/x.db", ""),
        ("/mnt/two words/x.db", "fuse.sshfs"),
    ],
)
def test_network_file_systems_are_known(path: str, kind: str) -> None:
    assert network_filesystem(Path(path), MOUNTS) == kind


async def test_a_write_that_nobody_waits_for_any_more_is_brought_to_its_end(store: Store) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work(unit: Unit) -> None:
        await unit.directory.add_agent("begun", "", Role.AGENT)
        begun.set()
        await go_on.wait()
        await unit.directory.add_agent("finished", "", Role.AGENT)

    writing = asyncio.create_task(store.write(work))
    await begun.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    after = asyncio.create_task(store.write(lambda unit: unit.directory.agent("finished")))
    go_on.set()
    assert await after is not None, "the next write sees what the one before it has done"


async def test_writes_cut_off_at_any_moment_leave_the_database_free(store: Store) -> None:
    async def work(unit: Unit) -> None:
        for number in range(20):
            await unit.directory.add_agent(f"{len(held)} {number}", "", Role.AGENT)

    held: list[object] = []  # an error that is kept, as a log may do, keeps alive what it came through
    for step in range(40):
        writing = asyncio.create_task(store.write(work))
        await asyncio.sleep(step / 2000)
        writing.cancel()
        held += await asyncio.gather(writing, return_exceptions=True)
    await store.write(lambda unit: unit.directory.add_agent("last", "", Role.AGENT))
    other = await Store.open(store.url)
    async with asyncio.timeout(5):
        await other.write(lambda unit: unit.directory.add_agent("free", "", Role.AGENT))
    await other.close()
