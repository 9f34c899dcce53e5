"""The composer: counter, keys, paste, drafts that survive, refusals that keep the text."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytest
from textual import events
from textual.pilot import Pilot
from textual.screen import Screen

from tests.screens.conftest import Workspace, until
from tests.screens.conversing import find, in_store, open_conversation, settled, use_channel
from tests.screens.services import ScreenServices
from tui_inbox.app import TuiInbox
from tui_inbox.domain.models import Draft
from tui_inbox.screens.conversation import ConversationScreen
from tui_inbox.widgets.composer import LEAST_ROWS, MOST_ROWS
from tui_inbox.widgets.status_line import StatusLine

SMALL = (80, 24)


def status(screen: ConversationScreen) -> str:
    """What the status line says."""
    return screen.query_one(StatusLine).sentence


async def writing(pilot: Pilot[Any], who: str, text: str = "") -> ConversationScreen:
    """A conversation with the composer in use and some text typed."""
    screen = await open_conversation(pilot, who, start="write")
    await until(lambda: screen.focused is screen.composer.field, pilot)
    await pilot.press(*text)
    return screen


async def draft_of(pilot: Pilot[Any], screen: ConversationScreen) -> Draft | None:
    """What the store holds."""
    app = cast(TuiInbox, pilot.app)
    return await app.services.drafts.load(app.agent, screen.contact_id)


async def saved(pilot: Pilot[Any], screen: ConversationScreen) -> None:
    """Wait until the composer knows its text in the store."""
    await until(lambda: not screen.composer.unsaved, pilot)
    await settled(pilot)


@pytest.mark.parametrize(
    ("who", "text", "told"),
    [
        ("Carlos", "héllo", "5/4,096 characters"),
        ("Oscar", "héllo", "6/1,000 bytes"),
        ("Ayşe", "hello", "5/1,600 characters, 1 segment"),
        ("Meiling", "你好", "6/2,048 bytes"),
    ],
)
async def test_the_counter_counts_in_the_channels_unit(workspace: Workspace, who: str, text: str, told: str) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await writing(pilot, who)
        screen.composer.replace(text)
        await pilot.pause()
        assert told in screen.composer.row.plain


async def test_too_long_a_text_is_marked_and_not_sent(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await writing(pilot, "Oscar")
        screen.composer.replace("é" * 501)
        await pilot.pause()
        assert "✗ 1,002/1,000 bytes, 2 too many" in screen.composer.row.plain
        await pilot.press("enter")
        await settled(pilot)
        assert "Not sent" in status(screen)
        assert screen.composer.text == "é" * 501
        assert not [entry for entry in screen.timeline.entries if entry.body.startswith("éé")]


async def test_nothing_is_not_sent(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await writing(pilot, "Carlos", "  ")
        before = len(screen.timeline.entries)
        await pilot.press("enter")
        await settled(pilot)
        assert "nothing to send" in status(screen)
        assert len(screen.timeline.entries) == before


async def test_enter_sends_and_the_other_keys_make_lines(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await writing(pilot, "Carlos", "one")
        await pilot.press("ctrl+j", *"two", "shift+enter", *"three")
        assert screen.composer.text == "one\ntwo\nthree"
        await pilot.press("enter")
        await until(lambda: screen.composer.text == "", pilot)
        await until(lambda: "one\ntwo\nthree" in [entry.body for entry in screen.timeline.entries], pilot)


async def test_the_keys_can_be_swapped(workspace: Workspace) -> None:
    keys = {"send": ("ctrl+j",), "newline": ("enter", "shift+enter")}
    async with workspace.running(SMALL, keys=keys) as (_, pilot):
        screen = await writing(pilot, "Carlos", "one")
        await pilot.press("enter", *"two")
        assert screen.composer.text == "one\ntwo"
        await pilot.press("ctrl+j")
        await until(lambda: screen.composer.text == "", pilot)


async def test_it_grows_with_the_text_up_to_a_limit(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await writing(pilot, "Carlos")
        field = screen.composer.field
        await pilot.pause()
        assert field.size.height == LEAST_ROWS
        screen.composer.replace("\n".join("line" for _ in range(5)))
        await until(lambda: field.size.height == 5, pilot)
        screen.composer.replace("\n".join("line" for _ in range(50)))
        await until(lambda: field.size.height == MOST_ROWS, pilot)
        assert screen.timeline.at_end, "the newest message stays in view"


async def test_it_has_other_rows_in_a_window_of_another_width(workspace: Workspace) -> None:
    async with workspace.running((200, 40)) as (_, pilot):
        screen = await writing(pilot, "Carlos")
        field = screen.composer.field
        screen.composer.replace("word " * 60)
        await settled(pilot)
        assert field.wrapped_document.height <= field.size.height == LEAST_ROWS
        await pilot.resize_terminal(*SMALL)
        await until(lambda: LEAST_ROWS < field.size.height == field.wrapped_document.height, pilot)
        await pilot.resize_terminal(200, 40)
        await until(lambda: field.size.height == LEAST_ROWS, pilot)
        screen.composer.replace("word " * 300)
        for width in (110, 90, 200):
            await pilot.resize_terminal(width, 40)
            await settled(pilot)
            assert field.scroll_offset.y == field.max_scroll_y, "the cursor, at the end, is in view"


async def test_text_that_is_put_in_loses_its_controls(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await writing(pilot, "Carlos")
        screen.composer.replace("a\x1b[31mb\x9b0m\x00\r\nc\rd\x7f")
        assert screen.composer.text == "a[31mb0m\nc\nd"


async def test_a_paste_is_text_and_never_keys(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await writing(pilot, "Carlos")
        before = len(screen.timeline.entries)
        screen.composer.field.post_message(events.Paste("\x1b]52;c;ZXZpbA==\x07one\r\ntwo\n" + "x" * 20_000))
        await until(lambda: len(screen.composer.text) > 20_000, pilot)
        assert screen.composer.text.startswith("]52;c;ZXZpbA==one\ntwo\nx")
        assert len(screen.timeline.entries) == before
        await saved(pilot, screen)


async def test_the_draft_is_saved_while_typing_and_back_after_a_restart(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await writing(pilot, "Carlos", "almost done")
        await saved(pilot, screen)
        kept = await draft_of(pilot, screen)
        assert kept is not None
        assert kept.body == "almost done"
    async with workspace.running(SMALL) as (_, pilot):
        again = await open_conversation(pilot, "Carlos")
        assert again.composer.text == "almost done"


async def test_a_signal_saves_at_once(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await writing(pilot, "Carlos", "hello")
        await app.save_all()
        kept = await draft_of(pilot, screen)
        assert kept is not None
        assert kept.body == "hello"


async def test_leaving_keeps_the_draft_and_so_does_going_on(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await writing(pilot, "Carlos", "later")
        await pilot.press("escape")
        await until(lambda: screen.focused is None, pilot)
        await pilot.press("escape")
        await until(lambda: app.screen is not screen, pilot)
        kept = await draft_of(pilot, screen)
        assert kept is not None
        assert kept.body == "later"


async def test_an_emptied_composer_has_no_draft(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await writing(pilot, "Carlos", "no")
        await saved(pilot, screen)
        await pilot.press("backspace", "backspace")
        await saved(pilot, screen)
        assert await draft_of(pilot, screen) is None


async def test_a_draft_remembers_the_channel_that_was_chosen(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await writing(pilot, "Carlos")
        await use_channel(pilot, screen, "email")
        screen.composer.field.focus()
        await pilot.press(*"by mail")
        await saved(pilot, screen)
    async with workspace.running(SMALL) as (_, pilot):
        again = await open_conversation(pilot, "Carlos")
        assert again.policy.current is not None
        assert again.policy.current.contact_channel.channel.kind == "email"


async def test_what_the_template_mode_hides_is_kept_as_a_draft(workspace: Workspace) -> None:
    async def keep(services: ScreenServices) -> None:
        agent = await services.directory.agent(workspace.agent)
        await services.drafts.save(agent, await find(services, "Jonas"), None, "written before")

    await in_store(workspace, keep)
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Jonas")
        assert screen.composer.text == "written before"
        assert "kept draft" in screen.composer.row.plain
        assert screen.composer.field.has_class("-kept")


async def test_nothing_blinks(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await writing(pilot, "Carlos", "x")
        assert screen.composer.field.cursor_blink is False
        assert screen.composer.field.show_line_numbers is False


def _is_wide(screen: Screen[None], width: int) -> bool:
    return screen.app.size.width == screen.size.width == width


async def test_no_width_is_too_small_for_an_empty_composer(workspace: Workspace) -> None:
    """A window of two cells leaves none for the placeholder, which Textual then folds to nothing and fails."""
    async with workspace.running(size=(120, 40)) as (app, pilot):
        screen = await open_conversation(pilot, "Oscar")
        assert screen.composer.text == ""
        for width in range(6, 0, -1):
            await pilot.resize_terminal(width, 40)
            await until(partial(_is_wide, screen, width), pilot)
            await settled(pilot)
        assert app.return_code is None
