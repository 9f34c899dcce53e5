"""Drafts that the database cannot take: kept in private files, brought back, never over a newer text, never lost."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.services.world import World
from tests.support.files import path_of
from tui_inbox.domain.errors import StoreBusyError, StoreError
from tui_inbox.repository import condition, dialect
from tui_inbox.repository import store as store_module
from tui_inbox.repository.store import Store
from tui_inbox.services.context import Context
from tui_inbox.services.draft_files import DraftFiles
from tui_inbox.services.drafts import DraftService, Merged


@pytest.fixture
def files(tmp_path: Path) -> DraftFiles:
    return DraftFiles(tmp_path / "state" / "drafts")


@pytest.fixture
def drafts(world: World, files: DraftFiles) -> DraftService:
    return DraftService(world.context, files)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition, "PROBE_EVERY", 0.0)


@asynccontextmanager
async def full(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A span in which the engine has no room: every write is refused."""
    with monkeypatch.context() as limits:
        limits.setattr(dialect, "SETTINGS", (*dialect.SETTINGS, "PRAGMA query_only = ON"))
        await world.store._writers.dispose()
        yield


def living(world: World) -> list[tuple[str, int]]:
    """Text and version of every living draft."""
    with closing(sqlite3.connect(path_of(world.store))) as connection:
        return list(connection.execute("SELECT body, version FROM drafts WHERE deleted_at IS NULL"))


async def test_while_the_database_takes_nothing_drafts_lie_in_private_files(
    world: World, drafts: DraftService, files: DraftFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact, links = await world.contact("telegram")
    async with full(world, monkeypatch):
        for text in ("Dear", "Dear Carla", "Dear Car"):
            await drafts.save(world.ana, contact, links[0], text)
        found = files.leftovers()
        assert [json.loads(path.read_text())["body"] for path in found] == ["Dear Car"]
        assert found[0].stat().st_mode & 0o777 == 0o600
        assert found[0].parent.stat().st_mode & 0o777 == 0o700
        assert living(world) == []
        shown = await drafts.load(world.ana, contact)
        assert shown is not None
        assert (shown.body, shown.channel_id) == ("Dear Car", links[0])
    assert await world.store.check() is None
    assert await drafts.merge_files() == Merged(taken=1)
    assert living(world) == [("Dear Car", 1)]
    assert files.leftovers() == []
    assert await drafts.merge_files() == Merged()


async def test_without_files_a_refusal_is_a_refusal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    contact, _ = await world.contact("telegram")
    async with full(world, monkeypatch):
        with pytest.raises(StoreError):
            await DraftService(world.context).save(world.ana, contact, None, "Dear")


async def test_a_draft_to_be_sent_must_be_in_the_database(
    world: World, drafts: DraftService, files: DraftFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact, _ = await world.contact("telegram")
    async with full(world, monkeypatch):
        with pytest.raises(StoreError):
            await drafts.save(world.ana, contact, None, "Dear", to_send=True)
    assert len(files.leftovers()) == 1, "it is kept all the same"
    assert await world.store.check() is None
    draft = await drafts.save(world.ana, contact, None, "Dear", to_send=True)
    assert (draft.body, draft.version) == ("Dear", 1)
    assert files.leftovers() == []


async def test_where_no_file_can_be_made_either_it_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    contact, _ = await world.contact("telegram")
    blocked = path_of(world.store).with_name("state")
    blocked.write_text("a file where a folder should be")
    drafts = DraftService(world.context, DraftFiles(blocked))
    async with full(world, monkeypatch):
        with pytest.raises(StoreError, match="could not be kept in a file either"):
            await drafts.save(world.ana, contact, None, "Dear")


@pytest.mark.parametrize(
    ("in_row", "in_file", "after", "merged"),
    [
        ("", "mine", "mine", Merged(taken=1)),
        ("base", "base", "base", Merged()),
        ("base", "base and more", "base and more", Merged(taken=1)),
        ("theirs", "mine", "theirs\n\nmine", Merged(taken=1, joined=1)),
        ("theirs and mine", "mine", "theirs and mine", Merged()),
    ],
)
async def test_a_newer_text_in_the_database_is_never_overwritten(
    world: World,
    drafts: DraftService,
    files: DraftFiles,
    monkeypatch: pytest.MonkeyPatch,
    in_row: str,
    in_file: str,
    after: str,
    merged: Merged,
) -> None:
    contact, _ = await world.contact("telegram")
    async with full(world, monkeypatch):
        await drafts.save(world.ana, contact, None, in_file)
    assert await world.store.check() is None
    if in_row:
        other = await Store.open(world.store.url, clock=world.clock)
        await DraftService(Context(other, world.clock)).save(world.ana, contact, None, in_row)
        await other.close()
    later = DraftService(world.context, files)  # the next start
    assert await later.merge_files() == merged
    assert [body for body, _ in living(world)] == [after]
    assert files.leftovers() == []


async def test_an_edit_during_the_trouble_replaces_the_row_that_it_grew_from(
    world: World, drafts: DraftService, files: DraftFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact, _ = await world.contact("telegram")
    await drafts.save(world.ana, contact, None, "Dear Carla, hello")
    async with full(world, monkeypatch):
        await drafts.save(world.ana, contact, None, "Hello Carla")
    assert await world.store.check() is None
    assert await DraftService(world.context, files).merge_files() == Merged(taken=1)
    assert living(world) == [("Hello Carla", 2)]


async def test_throwing_away_during_the_trouble_is_done_afterwards(
    world: World, drafts: DraftService, files: DraftFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact, _ = await world.contact("telegram")
    await drafts.save(world.ana, contact, None, "Dear Carla")
    async with full(world, monkeypatch):
        await drafts.discard(world.ana, contact)
        assert await drafts.load(world.ana, contact) is None
    assert await world.store.check() is None
    await DraftService(world.context, files).merge_files()
    assert (living(world), files.leftovers()) == ([], [])


async def test_a_text_that_went_out_does_not_come_back_as_a_draft(
    world: World, drafts: DraftService, files: DraftFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact, _ = await world.contact("telegram")
    saved = await drafts.save(world.ana, contact, None, "Dear Carla")
    async with full(world, monkeypatch):
        await drafts.save(world.ana, contact, None, "Dear Carla!")
    assert await world.store.check() is None
    world.clock.move(timedelta(seconds=1))
    await world.store.write(lambda unit: unit.drafts.discard(saved.id, world.clock()))  # as sending does it
    await DraftService(world.context, files).merge_files()
    assert (living(world), files.leftovers()) == ([], [])


async def test_drafts_of_strangers_stay_in_their_files(
    world: World, drafts: DraftService, files: DraftFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact, _ = await world.contact("telegram")
    async with full(world, monkeypatch):
        await drafts.save(world.ana, contact, None, "to Carla")
        await drafts.save(world.ana, 999, None, "to nobody")
        await drafts.save(world.bo, contact, None, "by somebody else")
    assert await world.store.check() is None
    with closing(sqlite3.connect(path_of(world.store))) as connection:
        connection.execute("UPDATE agents SET handle = 'rob', handle_folded = 'rob' WHERE handle = 'bo'")
        connection.commit()
    (files.directory / "9-broken.1.draft.json").write_text("{")
    assert await drafts.merge_files() == Merged(taken=1, left=2)
    assert sorted(json.loads(path.read_text() + "}" * (path.read_text() == "{")).get("body", "?") for path in
                  files.leftovers()) == ["?", "by somebody else", "to nobody"]  # fmt: skip
    other = await Store.open(str(path_of(world.store).with_name("other.db")), clock=world.clock)
    assert await DraftService(Context(other, world.clock), files).merge_files() == Merged()
    await other.close()


async def test_a_long_wait_for_the_lock_keeps_the_text_in_a_file_meanwhile(
    world: World, drafts: DraftService, files: DraftFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact, _ = await world.contact("telegram")
    await drafts.save(world.ana, contact, None, "one two")
    with closing(sqlite3.connect(path_of(world.store), isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        await drafts.save(world.ana, contact, None, "one or two")
        await drafts.save(world.ana, contact, None, "one or three")
        assert [json.loads(path.read_text())["body"] for path in files.leftovers()] == ["one or three"]
        holder.execute("ROLLBACK")
    async with asyncio.timeout(20):
        while files.leftovers():  # noqa: ASYNC110 (nobody tells when a file goes)
            await asyncio.sleep(0.01)
    assert [body for body, _ in living(world)] == ["one or three"], "an edit is no conflict with oneself"
    await drafts.close()


async def test_leaving_while_the_lock_is_held_loses_nothing(
    world: World, drafts: DraftService, files: DraftFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "SETTINGS", (*dialect.SETTINGS, "PRAGMA busy_timeout = 5"))
    monkeypatch.setattr(store_module, "WRITE_PATIENCE", 1.0)
    await world.store._writers.dispose()
    contact, _ = await world.contact("telegram")
    with closing(sqlite3.connect(path_of(world.store), isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        await drafts.save(world.ana, contact, None, "Dear Carla")
        await drafts.close()
        with pytest.raises(StoreBusyError):
            await drafts.save(world.ana, contact, None, "Dear Carla", to_send=True)
        holder.execute("ROLLBACK")
    assert await DraftService(world.context, files).merge_files() == Merged(taken=1)
    assert living(world) == [("Dear Carla", 1)]


KEPT = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from tui_inbox.services.draft_files import DraftFiles, KeptDraft
files = DraftFiles(Path(sys.argv[1]))
for n in range(1, 1_000_000):
    draft = KeptDraft("id", "db", 1, "ana", 7, None, "x" * (n % 5000), "", 0, datetime.now(UTC), n)
    files.keep(draft)
    print(n, flush=True)
"""


@pytest.mark.parametrize("after", [1, 2, 5, 20, 60])
def test_a_kill_while_files_are_written_leaves_the_last_whole_text(tmp_path: Path, after: int) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KEPT), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    last = 0
    while last < after:
        last = int(writer.stdout.readline())
    writer.kill()
    rest = writer.stdout.read().split()
    writer.wait()
    writer.stdout.close()
    told = int(rest[-1]) if rest else last
    (kept,) = DraftFiles(tmp_path).waiting("db")
    assert kept.n >= told, "what was reported as kept is there"
    assert kept.body == "x" * (kept.n % 5000)
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


async def test_discarded_drafts_are_forgotten_after_a_week(world: World, drafts: DraftService) -> None:
    contact, _ = await world.contact("telegram")
    await drafts.save(world.ana, contact, None, "old")
    await drafts.discard(world.ana, contact)
    world.clock.move(timedelta(days=6, hours=23))
    await drafts.save(world.ana, contact, None, "newer")
    await drafts.discard(world.ana, contact)
    assert await drafts.purge() == 0
    world.clock.move(timedelta(hours=2))
    assert await drafts.purge() == 1
    await drafts.save(world.ana, contact, None, "living")
    world.clock.move(timedelta(days=30))
    assert await drafts.purge() == 1
    assert living(world) == [("living", 1)]
