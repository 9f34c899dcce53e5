"""The file of presence beside the database: shared by programs, and never in anybody's way."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tui_inbox.domain.errors import StoreBusyError, StoreError
from tui_inbox.domain.presence import STALE_AFTER, Doing, Present
from tui_inbox.repository.presence import FilePresence
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def present(agent_id: int, contact_id: int, doing: Doing = Doing.VIEWING, at: datetime = NOW) -> Present:
    return Present(agent_id, contact_id, doing, NOW, at)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "inbox.db"


@pytest.fixture
async def boards(database: Path) -> AsyncIterator[tuple[FilePresence, FilePresence]]:
    """The boards of two programs."""
    both = (FilePresence(database), FilePresence(database))
    yield both
    for board in both:
        await board.close()


async def test_one_program_sees_where_the_agent_of_another_is(boards: tuple[FilePresence, FilePresence]) -> None:
    ana, bo = boards
    await ana.tell(1, (), present(1, 7))
    await ana.tell(1, (), present(1, 7, Doing.TYPING))
    assert await bo.others(2, NOW) == [present(1, 7, Doing.TYPING)]
    assert await ana.others(1, NOW) == [], "one is not one's own colleague"
    await ana.tell(1, {7}, present(1, 8))
    assert await bo.others(2, NOW) == [present(1, 8)]
    await ana.tell(1, {8}, None)
    assert await bo.others(2, NOW) == []


async def test_only_what_others_write_changes_the_token(boards: tuple[FilePresence, FilePresence]) -> None:
    ana, bo = boards
    before = await ana.change_token(), await bo.change_token()
    await ana.tell(1, (), present(1, 7))
    assert await ana.change_token() == before[0]
    assert await bo.change_token() != before[1]


async def test_the_database_does_not_hear_of_it(boards: tuple[FilePresence, FilePresence], database: Path) -> None:
    """Else every program would read its whole screen again, every few seconds for every colleague."""
    store = await Store.open(f"sqlite:///{database}")
    try:
        before = await store.change_token()
        await boards[0].tell(1, (), present(1, 7))
        assert await store.change_token() == before

        async def told_meanwhile(unit: Unit) -> None:
            await boards[0].tell(1, (), present(1, 9))

        await store.write(told_meanwhile)  # while somebody holds the one write lock
    finally:
        await store.close()
    assert await boards[1].others(2, NOW) == [present(1, 7), present(1, 9)]


async def test_who_was_killed_goes_stale_and_is_cleared_away(boards: tuple[FilePresence, FilePresence]) -> None:
    ana, bo = boards
    await ana.tell(1, (), present(1, 7))
    assert await bo.others(2, NOW + STALE_AFTER - timedelta(seconds=1)) == [present(1, 7)]
    assert await bo.others(2, NOW + STALE_AFTER) == []
    await bo.tell(2, (), present(2, 8, at=NOW + STALE_AFTER))
    assert await bo.others(3, NOW) == [], "cleared, and bo is not there yet"


async def test_many_programs_begin_at_once(database: Path) -> None:
    boards = [FilePresence(database) for _ in range(6)]
    try:
        await asyncio.gather(*(_told_at_last(board, present(number, 7)) for number, board in enumerate(boards)))
        assert len(await boards[0].others(0, NOW)) == 5
    finally:
        for board in boards:
            await board.close()


async def _told_at_last(board: FilePresence, one: Present) -> None:
    """Programs that open a new file in the same instant may be in each other's way; they try again."""
    for _ in range(50):
        try:
            return await board.tell(one.agent_id, (), one)
        except StoreBusyError:
            await asyncio.sleep(0.01)
    raise AssertionError("it is never its turn")


async def test_only_the_owner_can_read_it(boards: tuple[FilePresence, FilePresence]) -> None:
    before = os.umask(0)
    try:
        await boards[0].tell(1, (), present(1, 7))
    finally:
        os.umask(before)
    files = list(boards[0].path.parent.glob("*-presence*"))
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


async def test_a_file_that_is_none_of_ours_is_a_sentence(database: Path) -> None:
    board = FilePresence(database)
    board.path.write_bytes(b"not a database, certainly not" * 100)
    try:
        with pytest.raises(StoreError, match="nobody sees who else is at a contact"):
            await board.others(1, NOW)
    finally:
        await board.close()


async def test_a_place_where_nothing_can_be_written_is_a_sentence(tmp_path: Path) -> None:
    board = FilePresence(tmp_path / "nowhere" / "inbox.db")
    with pytest.raises(StoreError, match="nobody sees who else is at a contact"):
        await board.tell(1, (), present(1, 7))
    await board.close()


@pytest.mark.parametrize("steps", range(0, 24, 2))
async def test_being_cut_short_harms_nothing(boards: tuple[FilePresence, FilePresence], steps: int) -> None:
    """The program ends while something is being written: what it says last must still go through."""
    ana, bo = boards
    await ana.tell(1, (), present(1, 7))
    cut = asyncio.ensure_future(ana.tell(1, {7}, present(1, 8)))
    for _ in range(steps):
        await asyncio.sleep(0)
    cut.cancel()
    await asyncio.gather(cut, return_exceptions=True)
    await ana.tell(1, {7, 8}, None)
    assert await bo.others(2, NOW) == []
