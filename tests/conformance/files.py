"""Files: sent as the channel wants them, received whole, kept within the channel's limits."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import timedelta

from tests.conformance.bench import NAME, Bench
from tests.conformance.sample import PUBLIC_URL
from tui_inbox.domain.attachments import RULES, Attachment, FileState, kind_of, refusal_of
from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.domain.models import Agent

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A picture of one dot."""
NAMED = "Käsi & kukka 1.png"
WORDS = "Näin se avataan 👋"
DOCUMENT = Attachment(1, 1, "document", "offer.pdf", "application/pdf", 1000, FileState.KEPT)


async def sends_a_photo(bench: Bench) -> None:
    """A picture arrives byte by byte: handed over, or fetched from us at an address that nobody can guess."""
    await _send(bench, "")


async def sends_a_photo_with_text(bench: Bench) -> None:
    """Picture and text are one message."""
    await _send(bench, WORDS)


async def keeps_text_apart(bench: Bench) -> None:
    """Our rules refuse a text beside a picture, in words."""
    told = refusal_of(bench.sample.kind, "It", [_photo(1)], WORDS)
    assert "one after the other" in told


async def _send(bench: Bench, text: str) -> None:
    message_id = await _queued(bench, text)
    await _drain(bench)
    assert await bench.space.state(message_id) is DeliveryState.SENT, (await bench.row(message_id)).error_text
    (taken,) = await bench.accepted()
    assert taken["text"] == text
    (sent,) = taken["files"]
    if RULES[bench.sample.kind].by_link:
        assert sent["link"].startswith(f"{PUBLIC_URL}/files/")
        answer = await bench.client.get(sent["link"].removeprefix(PUBLIC_URL))
        assert (answer.status_code, answer.content) == (200, PNG)
        assert answer.headers["content-type"] == "image/png"
    else:
        assert (sent["media_type"], sent["sha256"]) == ("image/png", hashlib.sha256(PNG).hexdigest())


async def keeps_file_limits(bench: Bench) -> None:
    """The largest picture is allowed, one byte more is refused with both sizes; so is a document where none goes."""
    rules = RULES[bench.sample.kind]
    largest = rules.largest["photo"]
    assert refusal_of(bench.sample.kind, "It", [_photo(largest)], "") == ""
    assert "MB" in refusal_of(bench.sample.kind, "It", [_photo(largest + 1)], "")
    assert bool(refusal_of(bench.sample.kind, "It", [DOCUMENT], "")) is ("document" not in rules.largest)
    many = [_photo(1)] * (rules.most + 1)
    assert "by themselves" in refusal_of(bench.sample.kind, "It", many, "")


async def receives_a_photo(bench: Bench) -> None:
    """A picture of the customer is announced, fetched once and kept whole."""
    (file,) = await _received(bench)
    assert file.state is (FileState.KEPT if bench.sample.brings_files else FileState.WAITING)
    assert await bench.space.fetching.run_once() is not bench.sample.brings_files
    assert not await bench.space.fetching.run_once()
    (file,) = await _files(bench)
    assert (file.state, file.kind, kind_of(file.media_type), file.size) == (FileState.KEPT, "photo", "photo", len(PNG))
    async with bench.space.store.read() as unit:
        assert await unit.attachments.content(file.id) == PNG


async def gives_a_lost_photo_up(bench: Bench) -> None:
    """One that the channel does not have any more is told as such, in words and without an address."""
    await _received(bench)
    bench.servers.host.channels[NAME].state.files.clear()
    assert await bench.space.fetching.run_once()
    (file,) = await _files(bench)
    if file.state is FileState.WAITING:  # it may come back: it is asked for again, some times
        for _ in range(10):
            bench.clock.now += timedelta(hours=2)
            await bench.space.fetching.run_once()
        (file,) = await _files(bench)
    assert file.state is FileState.FAILED
    assert file.error
    assert "http" not in file.error


async def _received(bench: Bench) -> list[Attachment]:
    content = base64.b64encode(PNG).decode()
    told = {"address": bench.sample.address, "name": NAMED, "media_type": "image/png", "content": content}
    await bench.control("say_file", **told)
    assert await bench.receive(*await bench.posted()) == [200]
    return await _files(bench)


async def _files(bench: Bench) -> list[Attachment]:
    (entry,) = await bench.said()
    return list(entry.files)


async def _queued(bench: Bench, text: str) -> str:
    agent = await _agent(bench)
    folder = bench.folder / "files"
    folder.mkdir(exist_ok=True)
    (folder / NAMED).write_bytes(PNG)
    target = await bench.find()
    assert target is not None
    file = await bench.space.attachments.attach(agent, target.contact_id, folder / NAMED)
    return await bench.space.queue(bench.contact_channel_id, text, files=[file.id])


async def _agent(bench: Bench) -> Agent:
    async with bench.space.store.read() as unit:
        return next(agent for agent in await unit.directory.agents() if agent.id == bench.space.agent_id)


async def _drain(bench: Bench) -> None:
    sender = bench.space.sender(files_url=f"{PUBLIC_URL}/files")
    while await sender.run_once():
        pass


def _photo(size: int) -> Attachment:
    return replace(DOCUMENT, kind="photo", name="p.png", media_type="image/png", size=size)
