"""Bringing customers' files in: once however many do it, again after trouble, given up in the end, cut off anywhere."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.server.support.workspace import eventually
from tests.services.world import World
from tests.support.cutting import cut_off_after
from tui_inbox.channels.port import Fetched, FetchError
from tui_inbox.domain.attachments import FILE_MAXIMUM, Attachment, FileState, RemoteFile
from tui_inbox.domain.errors import StoreError, UsageError
from tui_inbox.domain.models import Channel
from tui_inbox.repository.attachments import PIECE
from tui_inbox.services.attachments import AttachmentService
from tui_inbox.services.fetching import TAKEN_FOR, WAITS, FetchingService

CONTENT = bytes(range(256)) * (PIECE // 256 * 2 + 3)
"""Three pieces."""


@dataclass
class Source:
    """Stands for a channel: answers as it is told, and counts."""

    answers: list[Any] = field(default_factory=list)
    asked: list[RemoteFile] = field(default_factory=list)
    hold: asyncio.Event | None = None

    def get(self, channel: Channel) -> Any:
        return self

    def former(self, channel: Channel) -> None:
        return None

    async def fetch(self, file: RemoteFile, maximum: int) -> Fetched:
        assert maximum == FILE_MAXIMUM
        self.asked.append(file)
        if self.hold is not None:
            await self.hold.wait()
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, BaseException):
            raise found
        assert isinstance(found, Fetched)
        return found


@dataclass
class Stage:
    world: World
    source: Source

    @property
    def fetching(self) -> FetchingService:
        return FetchingService(self.world.context, self.source)

    async def announce(self, **told: Any) -> int:
        contact, _ = await self.world.contact("telegram")
        file = RemoteFile(**{"kind": "photo", "locator": "file-7", **told})
        channel = self.world.channels["telegram"].id
        return await self.world.store.write(
            lambda unit: unit.attachments.add(contact, file, self.world.clock(), channel_id=channel, seq=1)
        )

    async def file(self, ident: int) -> Attachment:
        return await AttachmentService(self.world.context).get(ident)

    async def content(self, ident: int) -> bytes:
        async with self.world.store.read() as unit:
            return await unit.attachments.content(ident)


@pytest.fixture
async def stage(world_on_each: World) -> Stage:
    return Stage(world_on_each, Source())


async def test_a_file_is_fetched_once_and_kept_whole(stage: Stage) -> None:
    stage.source.answers = [Fetched(CONTENT, "image/png", "beach.png")]
    ident = await stage.announce()
    assert await stage.fetching.run_once()
    assert not await stage.fetching.run_once()
    file = await stage.file(ident)
    assert (file.state, file.size, file.media_type, file.name) == (
        FileState.KEPT,
        len(CONTENT),
        "image/png",
        "beach.png",
    )
    assert await stage.content(ident) == CONTENT
    assert [told.locator for told in stage.source.asked] == ["file-7"]
    locators = [row for row in stage.world.dump()["attachments"] if "file-7" in map(str, row)]
    assert locators == [], "what it was fetched by is not needed any more"


async def test_what_the_event_said_counts_before_what_the_server_says(stage: Stage) -> None:
    stage.source.answers = [Fetched(b"x", "application/octet-stream", "other")]
    ident = await stage.announce(name="a.pdf", media_type="application/pdf")
    bare = await stage.announce(name="b.pdf")
    while await stage.fetching.run_once():
        pass
    file, guessed = await stage.file(ident), await stage.file(bare)
    assert (file.name, file.media_type) == ("a.pdf", "application/pdf")
    assert (guessed.name, guessed.media_type) == ("b.pdf", "application/pdf")


async def test_trouble_is_waited_out_and_given_up_in_the_end(stage: Stage) -> None:
    stage.source.answers = [FetchError("It cannot be reached.")]
    ident = await stage.announce()
    for tries, wait in enumerate(WAITS, 1):
        assert await stage.fetching.run_once()
        assert not await stage.fetching.run_once(), "it waits"
        file = await stage.file(ident)
        assert (file.state, file.error) == (FileState.WAITING, "It cannot be reached")
        assert len(stage.source.asked) == tries
        stage.world.clock.move(wait * 1.3)
    assert await stage.fetching.run_once()
    assert (await stage.file(ident)).state is FileState.FAILED
    stage.world.clock.move(timedelta(days=9))
    assert not await stage.fetching.run_once()

    stage.source.answers = [Fetched(b"there after all")]
    await AttachmentService(stage.world.context).again(ident)
    assert await stage.fetching.run_once()
    assert await stage.content(ident) == b"there after all"
    with pytest.raises(UsageError, match="not one that could not be fetched"):
        await AttachmentService(stage.world.context).again(ident)


@pytest.mark.parametrize(
    ("failure", "state", "told"),
    [
        (FetchError("It is gone.", gone=True), FileState.FAILED, "It is gone"),
        (UsageError("Channel 'telegram' has no token."), FileState.WAITING, "has no token"),
        (RuntimeError("a defect"), FileState.WAITING, "the program failed"),
        (Fetched(None), FileState.REFUSED, "larger than the 25.0 MB"),
    ],
)
async def test_each_kind_of_failure(stage: Stage, failure: Any, state: FileState, told: str) -> None:
    stage.source.answers = [failure]
    ident = await stage.announce()
    other = await stage.announce()
    while await stage.fetching.run_once():
        pass
    for file in (await stage.file(ident), await stage.file(other)):
        assert file.state is state
        assert told in file.error
        assert "a defect" not in file.error


async def test_a_file_that_is_said_to_be_too_large_is_not_asked_for(stage: Stage) -> None:
    ident = await stage.announce(size=FILE_MAXIMUM + 1)
    assert await stage.fetching.run_once()
    assert (await stage.file(ident)).state is FileState.REFUSED
    assert stage.source.asked == []


async def test_two_programs_fetch_a_file_once(stage: Stage) -> None:
    stage.source.answers, stage.source.hold = [Fetched(CONTENT)], asyncio.Event()
    ident = await stage.announce()
    first = asyncio.create_task(stage.fetching.run_once())
    await eventually(lambda: bool(stage.source.asked))
    assert not await stage.fetching.run_once(), "it is taken"
    stage.source.hold.set()
    assert await first
    assert len(stage.source.asked) == 1
    assert await stage.content(ident) == CONTENT


@pytest.mark.parametrize("written", range(4))
async def test_a_program_that_ends_anywhere_leaves_it_to_the_next(stage: Stage, written: int) -> None:
    """Cut off after so many pieces: what is there is not shown, and the next try brings the whole file."""
    stage.source.answers = [Fetched(b"another half " * PIECE), Fetched(CONTENT)]
    ident = await stage.announce()
    # The first write takes it on.
    with cut_off_after(stage.world.store, written + 1), pytest.raises(StoreError):
        await stage.fetching.run_once()
    assert (await stage.file(ident)).state is FileState.WAITING
    assert not await stage.fetching.run_once(), "it is left to the first for a while"
    stage.world.clock.move(TAKEN_FOR)
    assert await stage.fetching.run_once()
    assert (await stage.file(ident)).state is FileState.KEPT
    assert await stage.content(ident) == CONTENT


@pytest.mark.parametrize("late", [FetchError("late", gone=True), Fetched(b"something else " * PIECE), Fetched(None)])
async def test_what_comes_too_late_changes_nothing(stage: Stage, late: Any) -> None:
    """A program that was frozen for long ends its try when another has been begun."""
    stage.source.answers, stage.source.hold = [late, Fetched(b"in time")], asyncio.Event()
    ident = await stage.announce()
    frozen = asyncio.create_task(stage.fetching.run_once())
    await eventually(lambda: bool(stage.source.asked))
    stage.world.clock.move(TAKEN_FOR)
    second = asyncio.create_task(stage.fetching.run_once())
    await eventually(lambda: len(stage.source.asked) == 2)
    stage.source.hold.set()
    await second
    await frozen
    file = await stage.file(ident)
    assert (file.state, file.size) == (FileState.KEPT, 7)
    assert await stage.content(ident) == b"in time"


async def test_it_runs_until_it_is_stopped(stage: Stage) -> None:
    stage.source.answers = [Fetched(b"x")]
    ident, stop = await stage.announce(), asyncio.Event()
    running = asyncio.create_task(stage.fetching.run(stop))

    async def there() -> bool:
        return (await stage.file(ident)).state is FileState.KEPT

    await eventually(there)
    stop.set()
    await running
