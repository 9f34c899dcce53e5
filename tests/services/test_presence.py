"""Presence as the programs of two agents live it, on one store and a clock that moves when told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.services.world import World
from tests.support.files import path_of
from tui_inbox.domain.presence import REFRESH_EVERY, STALE_AFTER, TYPING_LASTS, Doing, Present
from tui_inbox.repository.presence import FilePresence
from tui_inbox.services.presence import PresenceService

SECOND = timedelta(seconds=1)


class CountingBoard(FilePresence):
    """Counts what is written and read."""

    written = read = 0

    async def tell(self, agent_id: int, left: object, present: Present | None) -> None:
        self.written += 1
        await super().tell(agent_id, left, present)  # type: ignore[arg-type]  # passed on as it is

    async def others(self, agent_id: int, now: object) -> list[Present]:
        self.read += 1
        return await super().others(agent_id, now)  # type: ignore[arg-type]  # passed on as it is


class Seat:
    """One program."""

    def __init__(self, world: World) -> None:
        self.board = CountingBoard(path_of(world.store))
        self.presence = PresenceService(world.context, self.board)


@pytest.fixture
async def seats(world: World) -> AsyncIterator[tuple[Seat, Seat]]:
    both = (Seat(world), Seat(world))
    yield both
    for seat in both:
        await seat.presence.close()


def told(seat: Seat, contact_id: int = 7) -> list[tuple[str, Doing]]:
    return [(one.handle, one.doing) for one in seat.presence.at(contact_id)]


async def test_a_colleague_comes_types_pauses_and_leaves(world: World, seats: tuple[Seat, Seat]) -> None:
    ana, bo = seats
    assert await ana.presence.look(world.ana) is False
    bo.presence.come(world.bo, 7)
    await bo.presence.tell()
    assert await ana.presence.look(world.ana) is True
    assert told(ana) == [("bo", Doing.VIEWING)]
    assert told(ana, 8) == []
    bo.presence.typed()
    await bo.presence.tell()
    assert await ana.presence.look(world.ana) is True
    assert told(ana) == [("bo", Doing.TYPING)]
    world.clock.move(TYPING_LASTS)
    await bo.presence.look(world.bo)
    await ana.presence.look(world.ana)
    assert told(ana) == [("bo", Doing.VIEWING)]
    bo.presence.go(8)  # a screen that was left before
    bo.presence.go(7)
    await bo.presence.tell()
    assert await ana.presence.look(world.ana) is True
    assert told(ana) == []
    assert told(bo) == []


async def test_it_is_written_once_for_a_change_and_then_every_five_seconds(
    world: World, seats: tuple[Seat, Seat]
) -> None:
    ana, bo = seats
    await ana.presence.look(world.ana)
    reads = ana.board.read
    bo.presence.come(world.bo, 7)
    for _ in range(100):  # thirty seconds of watching
        await bo.presence.look(world.bo)
        await ana.presence.look(world.ana)
        world.clock.move(timedelta(seconds=0.3))
    assert bo.board.written == 30 / REFRESH_EVERY.total_seconds()
    assert ana.board.written == 0, "somebody in the list says nothing"
    assert ana.board.read - reads == bo.board.written, "and reads only when somebody has"
    assert bo.board.read == 1


async def test_leaving_one_contact_for_another_is_one_write(world: World, seats: tuple[Seat, Seat]) -> None:
    ana, bo = seats
    bo.presence.come(world.bo, 7)
    await bo.presence.tell()
    bo.presence.come(world.bo, 8)
    bo.presence.go(7)
    await bo.presence.tell()
    await bo.presence.tell()
    assert bo.board.written == 2
    await ana.presence.look(world.ana)
    assert (told(ana, 7), told(ana, 8)) == ([], [("bo", Doing.VIEWING)])


async def test_a_killed_program_is_gone_after_fifteen_seconds(world: World, seats: tuple[Seat, Seat]) -> None:
    ana, bo = seats
    bo.presence.come(world.bo, 7)
    await bo.presence.tell()
    await ana.presence.look(world.ana)
    reads = ana.board.read
    world.clock.move(STALE_AFTER - SECOND)
    assert await ana.presence.look(world.ana) is False
    assert told(ana) == [("bo", Doing.VIEWING)]
    world.clock.move(SECOND)
    assert await ana.presence.look(world.ana) is True
    assert told(ana) == []
    assert ana.board.read == reads, "that needs no reading"


async def test_ending_the_program_is_leaving(world: World, seats: tuple[Seat, Seat]) -> None:
    ana, bo = seats
    bo.presence.come(world.bo, 7)
    await bo.presence.tell()
    await bo.presence.close()
    assert await bo.presence.look(world.bo) is False, "a look that comes too late opens nothing again"
    await ana.presence.look(world.ana)
    assert told(ana) == []


async def test_who_types_is_told_first_then_who_came_first(world: World, seats: tuple[Seat, Seat]) -> None:
    ana, bo = seats
    cy = Seat(world)
    try:
        bo.presence.come(world.bo, 7)
        await bo.presence.tell()
        world.clock.move(SECOND)
        cy.presence.come(world.agents["cy"], 7)
        await cy.presence.tell()
        await ana.presence.look(world.ana)
        assert told(ana) == [("bo", Doing.VIEWING), ("cy", Doing.VIEWING)]
        cy.presence.typed()
        await cy.presence.tell()
        await ana.presence.look(world.ana)
        assert told(ana) == [("cy", Doing.TYPING), ("bo", Doing.VIEWING)]
    finally:
        await cy.presence.close()


async def test_a_minute_that_passes_is_news(world: World, seats: tuple[Seat, Seat]) -> None:
    ana, bo = seats
    bo.presence.come(world.bo, 7)
    changes = []
    for _ in range(70):
        await bo.presence.look(world.bo)
        changes.append(await ana.presence.look(world.ana))
        world.clock.move(SECOND)
    assert [number for number, changed in enumerate(changes) if changed] == [0, 60]


async def test_a_colleague_whom_the_database_does_not_know_is_nobody(world: World, seats: tuple[Seat, Seat]) -> None:
    ana, _ = seats
    stranger = FilePresence(path_of(world.store))
    try:
        await stranger.tell(99, (), Present(99, 7, Doing.TYPING, world.clock.now, world.clock.now))
        assert await ana.presence.look(world.ana) is False
        assert told(ana) == []
    finally:
        await stranger.close()


async def test_a_file_that_cannot_be_used_troubles_nobody(
    world: World, seats: tuple[Seat, Seat], caplog: pytest.LogCaptureFixture
) -> None:
    ana, _ = seats
    ana.board.path.write_bytes(b"not a database, certainly not" * 100)
    ana.presence.come(world.ana, 7)
    for _ in range(5):
        assert await ana.presence.look(world.ana) is False
    assert [record.levelname for record in caplog.records if record.name == "tui_inbox.presence"] == ["WARNING"]
    ana.board.path.unlink()
    await ana.presence.tell()  # what could not be said is said once it can be
    other = FilePresence(path_of(world.store))
    try:
        assert [one.contact_id for one in await other.others(99, world.clock.now)] == [7]
    finally:
        await other.close()
