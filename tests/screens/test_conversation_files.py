"""Files on the conversation screen: attach, see, send, take away, open, save; as many messages as the channel wants."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.screens.conftest import Workspace, until
from tests.screens.conversing import find, in_store, open_conversation, settled, use_channel
from tests.screens.services import ScreenServices
from tui_inbox.domain.attachments import FileState, RemoteFile
from tui_inbox.domain.kinds import Direction
from tui_inbox.domain.models import TimelineEntry
from tui_inbox.screens.conversation import ConversationScreen
from tui_inbox.screens.dialogs.files import AttachDialog, FileDialog, SaveDialog
from tui_inbox.terminal import opener
from tui_inbox.widgets.lines import Lines
from tui_inbox.widgets.status_line import StatusLine

SIZE = (100, 30)
PNG = b"\x89PNG not really"


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with files, in which the program was started."""
    place = tmp_path / "disk"
    (place / "offers").mkdir(parents=True)
    for name in ("photo one.png", "photo two.png", "offers/offer.pdf", ".hidden.png"):
        (place / name).write_bytes(PNG)
    monkeypatch.chdir(place)
    return place


def status(screen: ConversationScreen) -> str:
    return screen.query_one(StatusLine).sentence


def shown(screen: ConversationScreen) -> str:
    """The rows of files in the composer; empty while they are hidden."""
    rows = screen.query_one("#composer-files", Lines)
    return rows.plain if rows.display else ""


async def attach(pilot: Pilot[Any], screen: ConversationScreen, *keys: str) -> None:
    await pilot.press("ctrl+f")
    await until(lambda: isinstance(pilot.app.screen, AttachDialog), pilot)
    await pilot.press(*keys)
    await until(lambda: pilot.app.screen is screen, pilot)
    await settled(pilot)


async def send_with_file(pilot: Pilot[Any], screen: ConversationScreen, channel: str, words: str) -> None:
    """Write, put a file beside it and send both on ``channel``."""
    await use_channel(pilot, screen, channel)
    screen.composer.field.focus()
    await pilot.press(*words)
    await attach(pilot, screen, *"photo one.png", "enter")
    await pilot.press("enter")
    await until(lambda: not screen.composer.files and not screen.composer.text, pilot)
    await settled(pilot)


async def sent(workspace: Workspace, who: str) -> Sequence[TimelineEntry]:
    async def read(services: ScreenServices) -> list[TimelineEntry]:
        entries = await services.contacts.timeline(await find(services, who), limit=500)
        return [entry for entry in entries if entry.direction is Direction.OUTBOUND and entry.state == "queued"]

    found: list[TimelineEntry] = await in_store(workspace, read)
    return found


async def test_a_file_is_found_by_tab_seen_and_sent_with_the_text(workspace: Workspace, disk: Path) -> None:
    async with workspace.app().run_test(size=SIZE) as pilot:
        screen = await open_conversation(pilot, "Carlos", start="write")
        await use_channel(pilot, screen, "telegram")
        screen.composer.field.focus()
        await pilot.press(*"look")
        await pilot.press("ctrl+f")
        await until(lambda: isinstance(pilot.app.screen, AttachDialog), pilot)
        dialog = pilot.app.screen
        assert isinstance(dialog, AttachDialog)
        await pilot.press("p", "tab")
        assert dialog.typed == f"{disk}/photo "
        await pilot.press("o", "tab", "enter")
        await until(lambda: pilot.app.screen is screen, pilot)
        await settled(pilot)
        assert "photo one.png  15 B" in shown(screen)
        assert status(screen) == "photo one.png goes with your next message."
        assert screen.focused is screen.composer.field
        await pilot.press("enter")
        await until(lambda: "photo one.png" in screen.timeline.plain and not screen.composer.files, pilot)
        await settled(pilot)
        assert (screen.composer.text, shown(screen)) == ("", "")
        assert "▫ photo one.png  15 B" in screen.timeline.plain
    (entry,) = await sent(workspace, "Carlos")
    assert (entry.body, [file.name for file in entry.files]) == ("look", ["photo one.png"])


async def test_a_directory_is_entered_and_a_hidden_file_shown_when_asked_for(workspace: Workspace, disk: Path) -> None:
    async with workspace.app().run_test(size=SIZE) as pilot:
        screen = await open_conversation(pilot, "Carlos")
        await pilot.press("ctrl+f")
        await until(lambda: isinstance(pilot.app.screen, AttachDialog), pilot)
        dialog = pilot.app.screen
        assert isinstance(dialog, AttachDialog)
        listed = [entry.name for entry in dialog._entries]
        assert listed == ["offers", "photo one.png", "photo two.png"]
        await pilot.press("o", "enter")
        assert dialog.typed == f"{disk}/o", "no such file"
        await pilot.press("tab")
        assert dialog.typed == f"{disk}/offers/"
        assert [entry.name for entry in dialog._entries] == ["offer.pdf"]
        for _ in range(len("offers/")):
            await pilot.press("backspace")
        await pilot.press(".")
        assert [entry.name for entry in dialog._entries] == [".hidden.png"]
        await pilot.press("escape")
        await until(lambda: pilot.app.screen is screen, pilot)
        assert screen.composer.files == ()


async def test_the_last_file_is_taken_away_again(workspace: Workspace, disk: Path) -> None:
    async with workspace.app().run_test(size=SIZE) as pilot:
        screen = await open_conversation(pilot, "Carlos", start="write")
        await attach(pilot, screen, *"photo one.png", "enter")
        await attach(pilot, screen, *"photo two.png", "enter")
        await pilot.press("ctrl+r")
        await until(lambda: len(screen.composer.files) == 1, pilot)
        assert "photo two.png" not in shown(screen)
        await pilot.press("ctrl+r")
        await until(lambda: not screen.composer.files, pilot)
        await pilot.press("ctrl+r")
        await until(lambda: "no file" in status(screen), pilot)
    assert (disk / "photo two.png").exists()


async def test_files_wait_in_the_composer_like_a_draft(workspace: Workspace, disk: Path) -> None:
    async with workspace.app().run_test(size=SIZE) as pilot:
        screen = await open_conversation(pilot, "Carlos", start="write")
        await attach(pilot, screen, *"photo one.png", "enter")
    async with workspace.app().run_test(size=SIZE) as pilot:
        other = await open_conversation(pilot, "Scarlet")
        assert shown(other) == ""
        screen = await open_conversation(pilot, "Carlos")
        assert "photo one.png" in shown(screen)


async def test_a_channel_that_does_not_carry_it_says_so_at_once(workspace: Workspace, disk: Path) -> None:
    async with workspace.app().run_test(size=SIZE) as pilot:
        screen = await open_conversation(pilot, "Meiling")
        await attach(pilot, screen, *"offers/offer.pdf", "enter")
        assert "is none" in status(screen)
        assert "carries photos" in shown(screen)


async def test_a_channel_without_text_beside_files_gets_two_messages(workspace: Workspace, disk: Path) -> None:
    async with workspace.app().run_test(size=SIZE) as pilot:
        screen = await open_conversation(pilot, "Oscar", start="write")
        await send_with_file(pilot, screen, "instagram", "words")
    entries = await sent(workspace, "Oscar")
    assert [(entry.body, len(entry.files)) for entry in entries] == [("[photo] photo one.png", 1), ("words", 0)]


async def test_undo_brings_text_and_file_back(workspace: Workspace, disk: Path) -> None:
    async with workspace.app().run_test(size=SIZE) as pilot:
        screen = await open_conversation(pilot, "Carlos", start="write")
        await send_with_file(pilot, screen, "telegram", "hm")
        await pilot.press("escape", "u")
        await until(lambda: bool(screen.composer.files), pilot)
        await settled(pilot)
        assert screen.composer.text == "hm"
        assert "photo one.png" in shown(screen)


async def receive(workspace: Workspace, who: str, *files: RemoteFile) -> None:
    """A message of the customer with files, stored by another process."""

    async def arrive(services: ScreenServices) -> None:
        contact_id, now = await find(services, who), workspace.clock()

        async def work(unit: Any) -> None:
            address = (await unit.contacts.channels_of(contact_id))[0]
            seq = await unit.timeline.add_inbound(
                contact_id=contact_id,
                contact_channel_id=address.id,
                channel_id=address.channel.id,
                provider_id="with files",
                at=now,
                arrived_at=now,
                body="[photo]",
                detail={"files": len(files)},
            )
            for file in files:
                await unit.attachments.add(contact_id, file, now, channel_id=address.channel.id, seq=seq)

        await services.store.write(work)

    await in_store(workspace, arrive)


PHOTO = RemoteFile("photo", name="parcel.png", media_type="image/png", content=PNG)
EVIL = RemoteFile("document", "", "../\x1b[31mrm -rf\n.desktop", "application/x-desktop", content=b"[Desktop]")


async def test_a_file_is_saved_where_one_says_and_over_nothing(workspace: Workspace, disk: Path) -> None:
    await receive(workspace, "Carlos", PHOTO)
    async with workspace.app().run_test(size=SIZE) as pilot:
        screen = await open_conversation(pilot, "Carlos")
        assert "▫ parcel.png  15 B" in screen.timeline.plain
        await pilot.press("F")
        await until(lambda: isinstance(pilot.app.screen, SaveDialog), pilot)
        await pilot.press("enter")
        await until(lambda: status(screen) == f"Saved: {disk}/parcel.png", pilot)
        await pilot.press("F")
        await until(lambda: isinstance(pilot.app.screen, SaveDialog), pilot)
        await pilot.press("enter")
        dialog = pilot.app.screen
        assert isinstance(dialog, SaveDialog)
        await until(lambda: "there already" in dialog.query_one("#complaint", Lines).plain, pilot)
    assert (disk / "parcel.png").read_bytes() == PNG


async def test_what_could_run_is_not_opened_and_its_name_draws_nothing(workspace: Workspace, disk: Path) -> None:
    await receive(workspace, "Carlos", EVIL)
    async with workspace.app().run_test(size=SIZE) as pilot:
        screen = await open_conversation(pilot, "Carlos")
        assert "▫ [31mrm -rf.desktop" in screen.timeline.plain
        await pilot.press("f")
        await until(lambda: "not opened" in status(screen), pilot)


async def test_a_viewer_gets_a_private_copy(workspace: Workspace, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Sequence[str]] = []
    monkeypatch.setattr(opener, "desktop", lambda environ: "/usr/bin/viewer")
    monkeypatch.setattr(opener, "start", started.append)
    await receive(workspace, "Carlos", PHOTO, EVIL)
    async with workspace.app().run_test(size=SIZE) as pilot:
        screen = await open_conversation(pilot, "Carlos")
        await pilot.press("f")
        await until(lambda: isinstance(pilot.app.screen, FileDialog), pilot)
        await pilot.press("1")
        await until(lambda: bool(started), pilot)
        await settled(pilot)
        assert status(screen) == "parcel.png is being opened."
    ((viewer, path),) = started
    assert viewer == "/usr/bin/viewer"
    assert re.fullmatch(r".*/opened/file-[0-9]+\.png", path)
    with open(path, "rb") as copy:  # noqa: ASYNC230, PTH123
        assert copy.read() == PNG


async def test_without_a_viewer_the_way_out_is_told(
    workspace: Workspace, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opener, "desktop", lambda environ: "")
    await receive(workspace, "Carlos", PHOTO)
    async with workspace.app().run_test(size=SIZE) as pilot:
        screen = await open_conversation(pilot, "Carlos")
        await pilot.press("f")
        await until(lambda: "Save it instead" in status(screen), pilot)


async def test_one_that_is_on_its_way_or_failed_says_so(workspace: Workspace, disk: Path) -> None:
    await receive(workspace, "Carlos", RemoteFile("photo", "x", "parcel.png"))
    async with workspace.app().run_test(size=SIZE) as pilot:
        screen = await open_conversation(pilot, "Carlos")
        assert "parcel.png  is being fetched" in screen.timeline.plain
        await pilot.press("f")
        await until(lambda: "still being fetched" in status(screen), pilot)

        async def fail(services: ScreenServices) -> None:
            async def work(unit: Any) -> None:
                ident, _, tries, _ = await unit.attachments.next_waiting(workspace.clock())
                await unit.attachments.settle(ident, tries, FileState.FAILED, error="Telegram has lost it")

            await services.store.write(work)

        await in_store(workspace, fail)
        await screen.store_changed()
        await until(lambda: "not here: Telegram has lost it" in screen.timeline.plain, pilot)
        await pilot.press("f")
        await until(lambda: "asked again" in status(screen), pilot)
        await until(lambda: "is being fetched" in screen.timeline.plain, pilot)


async def test_where_there_is_no_file_the_keys_say_so(workspace: Workspace) -> None:
    async with workspace.app().run_test(size=SIZE) as pilot:
        screen = await open_conversation(pilot, "Kwame")
        for key in ("f", "F"):
            await pilot.press(key)
            await until(lambda: status(screen).endswith("No message here has a file."), pilot)
            screen.query_one(StatusLine).clear()


async def test_of_a_long_path_the_end_is_seen(
    workspace: Workspace, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in every field: what is longer than it scrolls, and no scroll bar takes the place of the text."""
    deep = disk / ("x" * 60) / ("y" * 60)
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    async with workspace.app().run_test(size=SIZE) as pilot:
        await open_conversation(pilot, "Carlos")
        await pilot.press("ctrl+f")
        await until(lambda: isinstance(pilot.app.screen, AttachDialog), pilot)
        dialog = pilot.app.screen
        field = dialog.query_one(Input)

        def row() -> str:
            return dialog._compositor.render_strips()[field.region.y].text

        await until(lambda: "yyyyyyyy/" in row(), pilot)
        await pilot.press("ctrl+u", *("z" * 100))
        await pilot.pause()
        assert "z" * 60 in row()


async def test_tab_means_what_was_typed_before_it_however_fast(workspace: Workspace, disk: Path) -> None:
    async with workspace.app().run_test(size=SIZE) as pilot:
        await open_conversation(pilot, "Carlos")
        await pilot.press("ctrl+f")
        await until(lambda: isinstance(pilot.app.screen, AttachDialog), pilot)
        dialog = pilot.app.screen
        assert isinstance(dialog, AttachDialog)
        dialog.query_one(Input).value = f"{disk}/photo t"
        dialog._complete()  # as for keys that come in one bundle: no message was heard in between
        assert dialog.typed == f"{disk}/photo two.png"
