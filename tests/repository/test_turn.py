"""The turn to write among several programs: one at a time, and nobody waits for one that stands still."""

from __future__ import annotations

import asyncio
import random
import stat
from pathlib import Path

import pytest

from tui_inbox.repository import turn
from tui_inbox.repository.turn import Turn

WRITERS, WRITES = 6, 20


async def test_one_has_the_turn_at_a_time_and_everybody_gets_it(tmp_path: Path) -> None:
    inside: list[int] = []
    done: list[int] = []

    async def write(number: int) -> None:
        mine = Turn(tmp_path / "inbox.db", random.Random(number))
        for _ in range(WRITES):
            async with mine.taken() as ours:
                assert ours
                inside.append(number)
                await asyncio.sleep(0)
                assert inside == [number]
                inside.remove(number)
                done.append(number)
        mine.close()

    await asyncio.gather(*map(write, range(WRITERS)))
    assert sorted(done) == sorted(list(range(WRITERS)) * WRITES)
    assert stat.S_IMODE((tmp_path / "inbox.db-turn").stat().st_mode) == 0o600


async def test_the_turn_is_given_back_by_work_that_fails(tmp_path: Path) -> None:
    first, second = (Turn(tmp_path / "inbox.db", random.Random(number)) for number in range(2))
    with pytest.raises(ZeroDivisionError):
        async with first.taken():
            raise ZeroDivisionError
    async with second.taken() as ours:
        assert ours
    first.close()
    second.close()


async def test_nobody_waits_for_a_program_that_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "PATIENCE", 0.02)
    still, other = (Turn(tmp_path / "inbox.db", random.Random(number)) for number in range(2))
    async with still.taken():
        for _ in range(2):  # also the second time: what was not given is not taken, and not given back
            async with other.taken() as ours:
                assert not ours
    async with other.taken() as ours:
        assert ours
    still.close()
    other.close()


async def test_without_a_place_for_the_file_there_is_no_turn_to_take(tmp_path: Path) -> None:
    nowhere = Turn(tmp_path / "missing" / "inbox.db", random.Random(1))
    async with nowhere.taken() as ours:
        assert not ours
    nowhere.close()
