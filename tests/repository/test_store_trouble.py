"""Trouble with the file under an open store: full, read-only, locked, replaced, moved, and when it is over."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.repository.conftest import present
from tui_inbox.domain.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreReplacedError,
    StoreUnreachableError,
)
from tui_inbox.domain.kinds import Role
from tui_inbox.repository import condition, dialect, place
from tui_inbox.repository.dialect import Journal
from tui_inbox.repository.file_store import FileStore

NOBODY = 65534
"""An ordinary user."""
both_journals = pytest.mark.parametrize("journal", list(Journal))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks whether a trouble is over follow each other at once."""
    monkeypatch.setattr(condition, "PROBE_EVERY", 0.0)
    monkeypatch.setattr(condition, "CHECK_EVERY", 0.0)


@pytest.fixture
def store(file_store: FileStore) -> FileStore:
    """These tests are about files."""
    return file_store


async def names(store: FileStore) -> list[str]:
    async with store.read() as unit:
        return [agent.handle for agent in await unit.directory.agents()]


async def add(store: FileStore, handle: str) -> None:
    await store.write(lambda unit: unit.directory.add_agent(handle, handle.title(), Role.AGENT))


async def copied(store: FileStore, to: Path) -> Path:
    """A sound copy of the database, made as a backup is made."""
    with closing(sqlite3.connect(store.path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)
    return to


def put_in_place(new: Path, store: FileStore) -> None:
    """Restore a backup properly: the former file goes with its log."""
    for end in ("", "-wal", "-shm"):
        former = store.path.with_name(store.path.name + end)
        if former.exists():
            former.rename(store.path.with_name(f"former.db{end}"))
    new.rename(store.path)


def logs_go_with(orphan: Path, path: Path) -> None:
    """What lies in the log beside a path belongs to the file that lay there."""
    for log in path.parent.glob(f"{path.name}-*"):
        log.rename(orphan.with_name(orphan.name + log.name.removeprefix(path.name)))


def people_in(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT handle FROM agents")}


# --- the file is not at its place


@both_journals
@pytest.mark.parametrize("how", ["moved", "deleted", "replaced"])
async def test_nothing_is_written_into_an_orphan(tmp_path: Path, journal: Journal, how: str) -> None:
    store = await FileStore.open(str(tmp_path / "inbox.db"), clock=present, journal=journal)
    await add(store, "ana")
    await store.change_token()
    assert await names(store) == ["ana"]
    orphan = tmp_path / "orphan.db"
    os.link(store.path, orphan)  # another name, so that the test can look into the file
    if how == "moved":
        store.path.rename(tmp_path / "elsewhere.db")
    elif how == "deleted":
        store.path.unlink()
    else:
        (tmp_path / "diary").write_text("Dear diary, " * 500)
        (tmp_path / "diary").rename(store.path)
    for _ in range(2):
        with pytest.raises(StoreReplacedError, match="nothing was changed"):
            await add(store, "bo")
    with pytest.raises(StoreReplacedError):
        await store.change_token()
    assert isinstance(await store.check(), StoreReplacedError)
    assert await names(store) == ["ana"], "reading goes on"
    await store._readers.dispose()
    with pytest.raises(StoreReplacedError):
        await names(store)  # a new connection would be to another file, or make one
    await store.close()
    if how != "replaced":
        assert not store.path.exists(), "no empty file is made in its place"
    else:
        assert store.path.read_text().startswith("Dear diary")
    logs_go_with(orphan, store.path)
    assert people_in(orphan) == {"ana"}


async def test_a_file_that_vanishes_during_a_unit_is_not_committed(store: FileStore, tmp_path: Path) -> None:
    async def work(unit: object) -> None:
        await unit.directory.add_agent("bo", "Bo", Role.AGENT)  # type: ignore[attr-defined]
        store.path.rename(tmp_path / "elsewhere.db")

    with pytest.raises(StoreReplacedError):
        await store.write(work)
    (tmp_path / "elsewhere.db").rename(store.path)
    assert await store.check() is None
    assert await names(store) == []


async def test_a_file_that_is_put_back_is_used_again(store: FileStore, tmp_path: Path) -> None:
    await add(store, "ana")
    store.path.rename(tmp_path / "elsewhere.db")
    assert isinstance(await store.check(), StoreReplacedError)
    (tmp_path / "elsewhere.db").rename(store.path)
    assert await store.check() is None
    await add(store, "bo")
    assert await names(store) == ["ana", "bo"]
    assert store.generation == 0


@both_journals
async def test_a_restored_backup_is_taken_up(tmp_path: Path, journal: Journal) -> None:
    store = await FileStore.open(str(tmp_path / "inbox.db"), clock=present, journal=journal)
    await add(store, "ana")
    backup = await copied(store, tmp_path / "backup.db")
    await add(store, "bo")
    await store.change_token()
    put_in_place(backup, store)
    with pytest.raises(StoreReplacedError):
        await add(store, "cy")  # meant for the former file
    assert await store.check() is None
    assert store.generation == 1
    assert await names(store) == ["ana"]
    await add(store, "di")
    await store.close()
    assert people_in(store.path) == {"ana", "di"}


async def test_another_workspace_is_not_taken_up(store: FileStore, tmp_path: Path) -> None:
    await add(store, "ana")
    await store.change_token()
    assert await names(store) == ["ana"]
    other = await FileStore.open(str(tmp_path / "other.db"), clock=present)
    await add(other, "zoe")
    await other.close()
    put_in_place(tmp_path / "other.db", store)
    with pytest.raises(StoreReplacedError):
        await add(store, "bo")
    trouble = await store.check()
    assert "another workspace" in str(trouble)
    assert await names(store) == ["ana"]
    await store.close()
    assert people_in(store.path) == {"zoe"}


async def test_a_log_of_the_former_file_is_never_mixed_in(store: FileStore, tmp_path: Path) -> None:
    """SQLite would read the log that lies beside a file as its own."""
    await add(store, "ana")
    backup = await copied(store, tmp_path / "backup.db")
    await add(store, "bo")
    await store.change_token()
    backup.rename(store.path)  # over the file, while its log stays
    trouble = await store.check()
    assert isinstance(trouble, StoreReplacedError)
    assert f"move {store.path}-wal away" in str(trouble)
    with pytest.raises(StoreReplacedError):
        await add(store, "cy")


@pytest.mark.parametrize("spoil", [b"", b"no database at all" * 99])
async def test_what_is_no_database_is_not_taken_up(store: FileStore, tmp_path: Path, spoil: bytes) -> None:
    await add(store, "ana")
    await store.change_token()
    (tmp_path / "spoilt").write_bytes(spoil)
    put_in_place(tmp_path / "spoilt", store)
    trouble = await store.check()
    assert isinstance(trouble, StoreReplacedError)
    assert "was replaced by another file" in str(trouble)
    assert store.path.read_bytes() == spoil


# --- full, read-only, locked, damaged


def limited(monkeypatch: pytest.MonkeyPatch, *settings: str) -> None:
    """What every new connection finds; the engine itself then refuses."""
    monkeypatch.setattr(dialect, "SETTINGS", (*dialect.SETTINGS, *settings))


async def fill(store: FileStore) -> None:
    """Write until there is no room."""
    for number in range(500):
        await add(store, f"agent{number}")


async def renewed(store: FileStore) -> None:
    """New connections, as if the trouble had come upon those that were open."""
    await store._writers.dispose()


@both_journals
async def test_a_full_disk_is_told_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    store = await FileStore.open(str(tmp_path / "inbox.db"), clock=present, journal=journal)
    with monkeypatch.context() as limits:
        limited(limits, "PRAGMA max_page_count = 1")
        await renewed(store)
        with pytest.raises(StoreFullError, match=r"is full; nothing was changed\. Free some space"):
            await fill(store)
        kept = len(await names(store))
        for _ in range(2):
            assert isinstance(await store.check(), StoreFullError), "a look finds no room either"
    assert await store.check() is None
    await add(store, "zoe")
    assert len(await names(store)) == kept + 1
    assert dialect.check_file(store.path, whole=True) == "ok"
    await store.close()


async def test_what_may_only_be_read_is_told_until_it_may_be_written(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as limits:
        limited(limits, "PRAGMA query_only = ON")
        await renewed(store)
        with pytest.raises(StoreReadOnlyError):
            await add(store, "ana")
        assert isinstance(await store.check(), StoreReadOnlyError)
        assert await names(store) == []
    assert await store.check() is None
    await add(store, "ana")
    assert await names(store) == ["ana"]


async def test_a_long_wait_for_the_lock_is_a_trouble_while_it_lasts(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(condition, "LONG_WAIT", 0.0)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(add(store, "ana"))
        async with asyncio.timeout(10):
            while store.trouble is None:  # noqa: ASYNC110 (nobody tells when a lock is waited for)
                await asyncio.sleep(0.01)
        assert isinstance(store.trouble, StoreBusyError)
        assert await names(store) == [], "reading goes on"
        holder.execute("ROLLBACK")
        await writing
    assert store.trouble is None


async def test_damage_that_was_met_stops_every_write_until_the_file_is_sound(store: FileStore, tmp_path: Path) -> None:
    await add(store, "ana")
    backup = await copied(store, tmp_path / "backup.db")
    await store.close()
    whole = backup.read_bytes()
    opened = await FileStore.open(str(backup), clock=present)
    await opened.change_token()
    spoilt = bytearray(whole)
    root = page_of(backup, "agents")
    with backup.open("r+b") as file:  # in place, as a failing disk does it
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)
    await opened._readers.dispose()
    with pytest.raises(StoreDamagedError, match=r"\.recover"):
        await names(opened)
    with pytest.raises(StoreDamagedError):
        await opened.write(lambda unit: unit.directory.add_team("support"))
    assert isinstance(await opened.check(), StoreDamagedError)
    with backup.open("r+b") as file:
        file.write(bytes(spoilt))
    assert await opened.check() is None
    await add(opened, "bo")
    assert await names(opened) == ["ana", "bo"]
    await opened.close()


def page_of(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (number,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return int(number)


# --- settings


@both_journals
async def test_settings_are_in_force_on_every_connection(tmp_path: Path, journal: Journal) -> None:
    store = await FileStore.open(str(tmp_path / "inbox.db"), clock=present, journal=journal)
    await store.change_token()
    assert store._watch is not None
    async with store._readers.connect() as reader, store._writers.connect() as writer:
        for connection in (reader, writer, store._watch):
            for name, wanted in {**dialect.EXPECTED_SETTINGS, "journal_mode": journal.value}.items():
                found = (await connection.execute(text(f"PRAGMA {name}"))).scalar()
                if name == "journal_mode" and connection is not writer and journal is Journal.TRUNCATE:
                    continue  # who only reads has no journal
                assert found == wanted, (name, connection)
    assert (await store.health()).synchronous == "full"
    await store.close()


async def test_the_journal_is_changed_when_nobody_else_has_the_file(tmp_path: Path) -> None:
    path = tmp_path / "inbox.db"
    first = await FileStore.open(str(path), clock=present)
    await add(first, "ana")
    with pytest.raises(StoreBusyError, match=r"sqlite_journal = .truncate. needs the database .* alone"):
        await FileStore.open(str(path), journal=Journal.TRUNCATE)
    await first.close()
    for journal in (Journal.TRUNCATE, Journal.WAL, Journal.TRUNCATE):
        store = await FileStore.open(str(path), clock=present, journal=journal)
        await add(store, f"{journal.value}{len(await names(store))}")
        assert (await store.health()).journal_mode == journal.value or journal is Journal.TRUNCATE
        assert bool(store.path.with_name("inbox.db-wal").exists()) is (journal is Journal.WAL)
        await store.close()


def test_the_race_of_old_engines_is_told() -> None:
    assert "3.40.1 is older than 3.51.3" in dialect.race_warning((3, 40, 1))
    assert "truncate" in dialect.race_warning((3, 51, 2))
    assert dialect.race_warning((3, 51, 3)) == ""
    assert dialect.race_warning((3, 52, 0)) == ""


async def test_network_file_systems_are_refused_unless_a_setting_allows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/home {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr(place, "MOUNTS", mounts)
    path = tmp_path / "inbox.db"
    with pytest.raises(StoreUnreachableError, match=r"network file system \(nfs4\).*network_database = true"):
        await FileStore.open(str(path))
    assert not path.exists()
    store = await FileStore.open(str(path), allow_network=True)
    assert any("network file system" in warning for warning in (await store.health()).warnings)
    await store.close()
    reader = await FileStore.open(str(path), read_only=True)
    await reader.close()


# --- permissions, as an ordinary user


@pytest.fixture
async def owned() -> AsyncIterator[Path]:
    """A folder of an ordinary user, who the test is meanwhile: no file mode stops the superuser.

    That user may be shut out of the checkout, so the database is made first.
    """
    folder, before = Path(tempfile.mkdtemp(prefix="inbox-owned-")), os.geteuid()
    await (await FileStore.open(str(folder / "inbox.db"))).close()
    if before == 0:
        for path in (str(folder), *(entry.path for entry in os.scandir(folder))):
            os.chown(path, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    yield folder
    os.seteuid(before)
    shutil.rmtree(folder)


def shut(path: Path) -> None:
    path.chmod(0o444)


def shut_folder(path: Path) -> None:
    path.parent.chmod(0o555)


def shut_both(path: Path) -> None:
    shut(path)
    shut_folder(path)


def opened_again(path: Path) -> None:
    path.parent.chmod(0o700)
    path.chmod(0o600)


@both_journals
@pytest.mark.parametrize("close_it", [shut, shut_both])
async def test_a_file_without_permission_is_read_and_written_once_it_may_be(
    owned: Path, journal: Journal, close_it: Callable[[Path], None]
) -> None:
    path = owned / "inbox.db"
    store = await FileStore.open(str(path), clock=present, journal=journal)
    await add(store, "ana")
    await store.close()
    close_it(path)
    with pytest.raises(StoreReadOnlyError, match="Make the file and its directory writable"):
        await FileStore.open(str(path), journal=journal)
    store = await FileStore.open(str(path), clock=present, journal=journal, or_read_only=True)
    assert isinstance(store.trouble, StoreReadOnlyError)
    assert await names(store) == ["ana"]
    with pytest.raises(StoreReadOnlyError):
        await add(store, "bo")
    assert isinstance(await store.check(), StoreReadOnlyError | StoreUnreachableError)
    opened_again(path)
    assert await store.check() is None
    await add(store, "bo")
    assert await names(store) == ["ana", "bo"]
    await store.close()


@both_journals
async def test_a_folder_that_is_shut_while_open_is_told(owned: Path, journal: Journal) -> None:
    path = owned / "inbox.db"
    store = await FileStore.open(str(path), clock=present, journal=journal)
    await add(store, "ana")
    await store._writers.dispose()
    shut_both(path)
    with pytest.raises(StoreError, match="nothing was changed"):
        await add(store, "bo")
    assert await store.check() is not None
    assert await names(store) == ["ana"]
    opened_again(path)
    assert await store.check() is None
    await add(store, "bo")
    await store.close()
