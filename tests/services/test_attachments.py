"""Files of agents: attached, sent with or without a text, back in the composer when the message does not go."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.services.world import World
from tui_inbox import paths
from tui_inbox.domain.attachments import FILE_MAXIMUM, Attachment, FileState, RemoteFile
from tui_inbox.domain.errors import NotFoundError, PolicyRefusedError, UsageError
from tui_inbox.domain.filters import InboxFilter
from tui_inbox.domain.kinds import DeliveryState, Direction
from tui_inbox.domain.models import TimelineEntry
from tui_inbox.repository.attachments import PIECE
from tui_inbox.repository.unit import Unit
from tui_inbox.services.attachments import MOST_IN_COMPOSER, AttachmentService
from tui_inbox.services.sending import SendRequest

CONTENT = bytes(range(256)) * (PIECE // 256 + 1)


@dataclass
class Desk:
    """Ana, who writes to a customer on Telegram, and her disk."""

    world: World
    contact: int
    link: int
    disk: Path

    @property
    def files(self) -> AttachmentService:
        return AttachmentService(self.world.context)

    async def attach(self, name: str = "offer.pdf", content: bytes = CONTENT) -> Attachment:
        (self.disk / name).write_bytes(content)
        return await self.files.attach(self.world.ana, self.contact, self.disk / name)

    async def composer(self) -> list[str]:
        return [file.name for file in await self.files.of_composer(self.world.ana, self.contact)]

    async def send(self, *files: Attachment, text: str = "", **more: Any) -> str:
        request = SendRequest(self.contact, text, files=tuple(file.id for file in files), **more)
        return (await self.world.sending.send(self.world.ana, request)).message_id

    async def thread(self) -> list[TimelineEntry]:
        async with self.world.store.read() as unit:
            return [e for e in await unit.timeline.page(self.contact) if e.direction is Direction.OUTBOUND]


@pytest.fixture
async def desk(world_on_each: World, tmp_path: Path) -> Desk:
    contact, (link,) = await world_on_each.contact("telegram")
    await world_on_each.customer_writes(contact, link)
    disk = tmp_path / "disk"
    disk.mkdir()
    return Desk(world_on_each, contact, link, disk)


async def test_a_file_goes_with_its_text(desk: Desk) -> None:
    file = await desk.attach()
    assert (file.kind, file.media_type, file.size, file.state) == (
        "document",
        "application/pdf",
        len(CONTENT),
        FileState.KEPT,
    )
    preview = await desk.world.sending.preview(desk.world.ana, SendRequest(desk.contact, "hi", files=(file.id,)))
    assert (preview.files, preview.sentence) == (("offer.pdf",), "opens, assigns to you, free text, 1 file")
    await desk.send(file, text="as promised")
    (entry,) = await desk.thread()
    assert (entry.body, [told.name for told in entry.files]) == ("as promised", ["offer.pdf"])
    assert await desk.composer() == []
    async with desk.world.store.read() as unit:
        assert await unit.attachments.content(file.id) == CONTENT


async def test_a_file_alone_is_shown_by_its_name(desk: Desk) -> None:
    message_id = await desk.send(await desk.attach("käsi.png"))
    (entry,) = await desk.thread()
    assert entry.body == "[photo] käsi.png"
    async with desk.world.store.read() as unit:
        row = await unit.outbox.get(message_id)
        (listed,) = await unit.inbox.page(InboxFilter(status=None), now=desk.world.clock())
    assert row is not None
    assert row.body == "", "what is shown is not what is sent"
    assert listed.preview == "[photo] käsi.png"


async def test_undo_puts_the_file_back_where_it_was(desk: Desk) -> None:
    file = await desk.attach()
    message_id = await desk.send(file, text="hm", due_in=5)
    undone = await desk.world.sending.undo(desk.world.ana, message_id)
    assert undone.text == "hm"
    assert await desk.composer() == ["offer.pdf"]
    (entry,) = await desk.thread()
    assert (entry.state, entry.files) == (DeliveryState.CANCELLED, ())
    await desk.send(file, text="now really")


async def test_a_message_that_failed_gives_text_and_file_back(desk: Desk) -> None:
    file = await desk.attach()
    message_id = await desk.send(file, text="words")
    await desk.world.fail(message_id, DeliveryState.FAILED)
    back = await desk.world.sending.take_back(desk.world.ana, message_id)
    assert (back.draft, await desk.composer()) == ("words", ["offer.pdf"])
    await desk.send(file)


async def test_one_that_is_tried_again_keeps_its_file(desk: Desk) -> None:
    message_id = await desk.send(await desk.attach())
    await desk.world.fail(message_id, DeliveryState.FAILED)
    await desk.world.sending.retry(desk.world.ana, message_id)
    async with desk.world.store.read() as unit:
        assert [file.name for file in await unit.attachments.of_message(message_id)] == ["offer.pdf"]


async def test_a_file_goes_once(desk: Desk) -> None:
    file = await desk.attach()
    first = await desk.send(file, client_key="k")
    again = await desk.world.sending.send(
        desk.world.ana, SendRequest(desk.contact, "", files=(file.id,), client_key="k")
    )
    assert (again.message_id, again.duplicate) == (first, True)
    with pytest.raises(NotFoundError, match="not in the composer any more"):
        await desk.send(file)


async def test_what_is_not_mine_cannot_be_sent_or_removed(desk: Desk) -> None:
    file = await desk.attach()
    with pytest.raises(NotFoundError):
        await desk.world.sending.send(desk.world.bo, SendRequest(desk.contact, "", files=(file.id,)))
    assert not await desk.files.remove(desk.world.bo, file.id)
    other, (link,) = await desk.world.contact("telegram")
    await desk.world.customer_writes(other, link)
    with pytest.raises(NotFoundError):
        await desk.world.sending.send(desk.world.ana, SendRequest(other, "", files=(file.id,)))
    assert await desk.files.remove(desk.world.ana, file.id)
    assert not await desk.files.remove(desk.world.ana, file.id)
    rows = desk.world.dump()
    assert rows["attachments"] == rows["attachment_parts"] == []


async def test_what_the_channel_does_not_carry_leaves_no_trace(desk: Desk) -> None:
    contact, (link,) = await desk.world.contact("viber")
    await desk.world.customer_writes(contact, link)
    (desk.disk / "song.mp3").write_bytes(b"la la")
    file = await desk.files.attach(desk.world.ana, contact, desk.disk / "song.mp3")
    before = desk.world.dump()
    with pytest.raises(UsageError, match="photos, videos, documents only"):
        await desk.world.sending.send(desk.world.ana, SendRequest(contact, "", files=(file.id,)))
    assert desk.world.dump() == before


async def test_nothing_at_all_cannot_be_sent(desk: Desk) -> None:
    with pytest.raises(UsageError, match="nothing to send"):
        await desk.send()
    file = await desk.attach()
    with pytest.raises(UsageError, match="nothing to send"):
        await desk.send(file, text=" \u200b")


async def test_a_closed_window_stops_a_file_as_it_stops_a_text(desk: Desk) -> None:
    contact, (link,) = await desk.world.contact("instagram")
    file = await _attached(desk, contact)
    with pytest.raises(PolicyRefusedError):
        await desk.world.sending.send(desk.world.ana, SendRequest(contact, channel_id=link, files=(file.id,)))


async def _attached(desk: Desk, contact: int) -> Attachment:
    (desk.disk / "p.png").write_bytes(b"png")
    return await desk.files.attach(desk.world.ana, contact, desk.disk / "p.png")


@pytest.mark.parametrize("kind", ["missing", "empty", "directory", "large", "secret"])
async def test_what_cannot_be_read_is_told_and_not_attached(desk: Desk, kind: str) -> None:
    place = desk.disk / kind
    if kind == "empty":
        place.touch()
    elif kind == "directory":
        place.mkdir()
    elif kind == "large":
        with place.open("wb") as file:
            file.truncate(FILE_MAXIMUM + 1)
    elif kind == "secret":
        place.write_bytes(b"x")
        place.chmod(0)
        if os.access(place, os.R_OK):
            place.unlink()  # root reads everything: then it is one more that is missing
    with pytest.raises(UsageError, match=kind):
        await desk.files.attach(desk.world.ana, desk.contact, place)
    assert await desk.composer() == []


async def test_a_composer_holds_so_many(desk: Desk) -> None:
    for number in range(MOST_IN_COMPOSER):
        await desk.attach(f"{number}.txt", b"x")
    with pytest.raises(UsageError, match="already"):
        await desk.attach("more.txt", b"x")


async def received(desk: Desk, **told: Any) -> int:
    file = RemoteFile(**{"kind": "photo", "name": "../../evil\x1b[2J.png", "media_type": "image/png", **told})
    return await desk.world.store.write(
        lambda unit: unit.attachments.add(desk.contact, file, desk.world.clock(), seq=1)
    )


async def test_saving_writes_over_nothing_and_leads_nowhere_else(desk: Desk) -> None:
    ident = await received(desk, content=CONTENT)
    place = await desk.files.save(ident, desk.disk)
    assert place == desk.disk / "evil[2J.png"
    assert place.read_bytes() == CONTENT
    assert place.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="not written over"):
        await desk.files.save(ident, desk.disk)
    link = desk.disk / "link"
    link.symlink_to(desk.disk / "target")
    with pytest.raises(UsageError, match="not written over"):
        await desk.files.save(ident, link)
    assert not (desk.disk / "target").exists()
    with pytest.raises(UsageError, match="can't be written"):
        await desk.files.save(ident, desk.disk / "no" / "such")
    assert await desk.files.save(ident, desk.disk / "mine.png") == desk.disk / "mine.png"


async def test_a_copy_to_open_has_a_name_of_ours_and_is_private(desk: Desk) -> None:
    ident = await received(desk, content=b"png")
    for _ in range(2):
        place = await desk.files.copy_to_open(ident)
        assert place == paths.state_dir() / "opened" / f"file-{ident}.png"
        assert place.read_bytes() == b"png"
        assert place.stat().st_mode & 0o777 == 0o600
        assert place.parent.stat().st_mode & 0o777 == 0o700
    os.utime(place, (0, 0))
    await desk.files.copy_to_open(await received(desk, content=b"other"))
    assert not place.exists(), "copies of the days before are removed"


async def test_what_is_not_here_says_why(desk: Desk) -> None:
    ident = await received(desk, locator="x")
    with pytest.raises(UsageError, match="is being fetched"):
        await desk.files.save(ident, desk.disk)
    with pytest.raises(NotFoundError, match="no file 999"):
        await desk.files.save(999, desk.disk)


async def test_a_message_that_the_customer_took_back_takes_its_files_along(desk: Desk) -> None:
    channel = desk.world.channels["telegram"].id

    async def arrives(unit: Unit) -> int:
        seq = await unit.timeline.add_inbound(
            contact_id=desk.contact,
            contact_channel_id=desk.link,
            channel_id=channel,
            provider_id="m7",
            at=desk.world.clock(),
            arrived_at=desk.world.clock(),
            body="[photo]",
            detail={"files": 1},
        )
        return await unit.attachments.add(
            desk.contact, RemoteFile("photo", content=b"secret"), desk.world.clock(), seq=seq
        )

    ident = await desk.world.store.write(arrives)
    assert (await desk.files.get(ident)).state is FileState.KEPT
    assert await desk.world.store.write(lambda unit: unit.timeline.redact(channel, "m7"))
    assert await desk.files.of_contact(desk.contact) == []
    assert desk.world.dump()["attachment_parts"] == []
