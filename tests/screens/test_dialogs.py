"""The dialogs: everything by keyboard, escape changes nothing, refusals stay in the dialog."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.screens.conftest import NOW, Workspace, until
from tests.screens.conversing import open_conversation, settled, use_channel
from tests.screens.services import ScreenServices
from tui_inbox.app import TuiInbox
from tui_inbox.domain.kinds import ClosingLogic, ClosingNoteMode, ConversationStatus
from tui_inbox.domain.lifecycle import WorkspaceRules
from tui_inbox.screens.conversation import ConversationScreen
from tui_inbox.screens.dialogs.assign import AssignDialog
from tui_inbox.screens.dialogs.base import Dialog
from tui_inbox.screens.dialogs.channel import ChannelDialog
from tui_inbox.screens.dialogs.closing import CloseDialog, closing_consequence
from tui_inbox.screens.dialogs.confirm import ConfirmDialog
from tui_inbox.screens.dialogs.note import NoteDialog
from tui_inbox.screens.dialogs.snooze import SnoozeDialog
from tui_inbox.services.contacts import ContactView
from tui_inbox.widgets.pick_list import PickList
from tui_inbox.widgets.status_line import StatusLine

SMALL = (80, 24)


def status(screen: ConversationScreen) -> str:
    """What the status line says."""
    return screen.query_one(StatusLine).sentence


def view_of(screen: ConversationScreen) -> ContactView:
    """The contact as it is shown."""
    assert screen.shown is not None
    return screen.shown.view


def is_now(screen: ConversationScreen, state: ConversationStatus) -> bool:
    """Whether the conversation has this status on the screen."""
    return view_of(screen).conversation.status is state


def use_rules(app: TuiInbox, **changes: Any) -> None:
    """Change the workspace's rules for a running application."""
    context = cast(ScreenServices, app.services).context
    context.rules = replace(context.rules, **changes)


async def dialog(pilot: Pilot[Any], key: str, kind: type[Dialog[Any]]) -> Any:
    """Press a key and wait for its dialog."""
    await pilot.press(key)
    await until(lambda: isinstance(pilot.app.screen, kind), pilot)
    await pilot.pause()
    return pilot.app.screen


def complaint(shown: Any) -> str:
    """What the dialog refuses."""
    return str(shown.query_one("#complaint").plain)


KEYS = [("e", CloseDialog), ("s", SnoozeDialog), ("a", AssignDialog), ("n", NoteDialog)]


@pytest.mark.parametrize(("key", "kind"), KEYS)
async def test_escape_changes_nothing(workspace: Workspace, key: str, kind: type[Dialog[Any]]) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Amélie")
        before = (view_of(screen).conversation.version, screen.timeline.entries)
        await dialog(pilot, key, kind)
        await pilot.press("escape")
        await until(lambda: app.screen is screen, pilot)
        screen.reading.again()
        await settled(pilot)
        assert (view_of(screen).conversation.version, screen.timeline.entries) == before


@pytest.mark.parametrize(("key", "kind"), KEYS)
async def test_every_dialog_fits_the_smallest_terminal(workspace: Workspace, key: str, kind: type[Dialog[Any]]) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        await open_conversation(pilot, "Amélie")
        shown = await dialog(pilot, key, kind)
        box = shown.query_one(".dialog-box")
        assert box.region.bottom <= 24
        assert box.region.right <= 80
        foot = shown.query_one(".dialog-foot")
        assert foot.region.bottom < box.region.bottom
        assert foot.size.height == 1


# Closing


async def test_enter_closes_without_a_note_where_it_is_optional(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Amélie")
        await dialog(pilot, "e", CloseDialog)
        await pilot.press("enter")
        await until(lambda: app.screen is screen and is_now(screen, ConversationStatus.CLOSED), pilot)
        assert "you closed this" in screen.timeline.plain
        assert status(screen)


async def test_a_digit_chooses_the_category_and_letters_go_into_the_summary(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Amélie")
        shown = await dialog(pilot, "e", CloseDialog)
        await pilot.press("2", *"kit sent, 2 parts")
        assert shown.query_one("#summary", Input).value == "kit sent, 2 parts"
        await pilot.press("enter")
        await until(lambda: is_now(screen, ConversationStatus.CLOSED), pilot)
        assert "you closed this · answered: kit sent, 2 parts" in screen.timeline.plain


async def test_without_closing_notes_it_closes_at_once(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        use_rules(app, closing_notes=ClosingNoteMode.OFF)
        screen = await open_conversation(pilot, "Amélie")
        await pilot.press("e")
        await until(lambda: is_now(screen, ConversationStatus.CLOSED), pilot)


@pytest.mark.parametrize(
    ("mode", "keys", "told"),
    [
        (ClosingNoteMode.CATEGORY_REQUIRED, ("enter",), "demands a category"),
        (ClosingNoteMode.BOTH_REQUIRED, ("1", "enter"), "demands a summary"),
        (ClosingNoteMode.BOTH_REQUIRED, ("enter",), "demands a category"),
    ],
)
async def test_what_the_workspace_demands_is_asked_for(
    workspace: Workspace, mode: ClosingNoteMode, keys: tuple[str, ...], told: str
) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        use_rules(app, closing_notes=mode)
        screen = await open_conversation(pilot, "Amélie")
        shown = await dialog(pilot, "e", CloseDialog)
        await pilot.press(*keys)
        await until(lambda: told in complaint(shown), pilot)
        assert is_now(screen, ConversationStatus.OPEN)
        shown.query_one(PickList).mark(0)
        shown.query_one("#summary", Input).value = "done"
        await pilot.press("ctrl+s")
        await until(lambda: app.screen is screen and is_now(screen, ConversationStatus.CLOSED), pilot)


@pytest.mark.parametrize(
    ("logic", "told"),
    [
        (ClosingLogic.KEEP, "stays with ana (closing logic: keep)"),
        (ClosingLogic.UNASSIGN, "will unassign ana (closing logic: unassign)"),
        (ClosingLogic.UNASSIGN_WHEN_AWAY, "stays with ana (closing logic: unassign when away)"),
    ],
)
async def test_the_consequence_of_closing_is_told_before(workspace: Workspace, logic: ClosingLogic, told: str) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        use_rules(app, closing_logic=logic)
        screen = await open_conversation(pilot, "Amélie")
        shown = await dialog(pilot, "e", CloseDialog)
        assert told in shown.query_one("#consequence").plain
        await pilot.press("enter")
        await until(lambda: is_now(screen, ConversationStatus.CLOSED), pilot)
        assert (view_of(screen).assignee is None) is ("will unassign" in told), "the promise was kept"


async def test_the_consequence_knows_away_and_team(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        view = view_of(await open_conversation(pilot, "Amélie"))
    assert view.assignee is not None
    away = replace(view, assignee=replace(view.assignee, away=True))
    rules = WorkspaceRules(closing_logic=ClosingLogic.UNASSIGN_WHEN_AWAY)
    assert closing_consequence(away, rules).startswith("will unassign ana")
    assert closing_consequence(replace(view, assignee=None), rules) == "nobody has it"


async def test_closing_is_taken_back(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Amélie")
        await dialog(pilot, "e", CloseDialog)
        await pilot.press("enter")
        await until(lambda: is_now(screen, ConversationStatus.CLOSED), pilot)
        await settled(pilot)
        await pilot.press("u")
        await until(lambda: is_now(screen, ConversationStatus.OPEN), pilot)
        await settled(pilot)
        await pilot.press("u")
        await until(lambda: "nothing to take back" in status(screen), pilot)


async def test_what_is_closed_already_says_so(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        use_rules(app, closing_notes=ClosingNoteMode.OFF)
        screen = await open_conversation(pilot, "Carlos")
        await pilot.press("e")
        await until(lambda: "closed already" in status(screen), pilot)


# Snoozing


async def test_a_typed_time_is_shown_before_it_is_taken(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Amélie")
        shown = await dialog(pilot, "s", SnoozeDialog)
        await pilot.press(*"tomorrow 9:00")
        assert "Thu 12 Mar 09:00" in shown.query_one("#meaning").plain
        await pilot.press("enter")
        await until(lambda: is_now(screen, ConversationStatus.SNOOZED), pilot)
        assert view_of(screen).conversation.snoozed_until == datetime(2026, 3, 12, 9, 0, tzinfo=UTC)


async def test_a_quick_choice_needs_arrows_and_enter_only(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Amélie")
        await dialog(pilot, "s", SnoozeDialog)
        await pilot.press("down", "enter")
        await until(lambda: is_now(screen, ConversationStatus.SNOOZED), pilot)
        assert view_of(screen).conversation.snoozed_until == NOW.replace(hour=12)


async def test_a_time_that_is_none_stays_in_the_dialog(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Amélie")
        shown = await dialog(pilot, "s", SnoozeDialog)
        await pilot.press(*"later", "enter")
        await until(lambda: "not a time" in complaint(shown), pilot)
        assert is_now(screen, ConversationStatus.OPEN)


# Assigning and taking


async def test_assigning_searches_by_handle_and_name(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Amélie")
        shown = await dialog(pilot, "a", AssignDialog)
        assert "away" in shown.query_one(PickList).plain
        await pilot.press(*"dora")
        assert len(shown.query_one(PickList).rows) == 1
        await pilot.press("enter")
        await until(lambda: _owner(screen) == "dora", pilot)


async def test_unassigning_is_in_the_list(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Amélie")
        shown = await dialog(pilot, "a", AssignDialog)
        await pilot.press(*"nobody", "enter")
        await until(lambda: view_of(screen).assignee is None, pilot)
        assert shown.is_attached is False


def _owner(screen: ConversationScreen) -> str:
    assignee = view_of(screen).assignee
    return "" if assignee is None else assignee.handle


async def test_taking_from_somebody_asks_first(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Priya")
        shown = await dialog(pilot, "i", ConfirmDialog)
        assert "bo has this conversation" in shown.query_one("#question").plain
        await pilot.press("n")
        await until(lambda: app.screen is screen, pilot)
        assert _owner(screen) == "bo"
        await dialog(pilot, "i", ConfirmDialog)
        await pilot.press("y")
        await until(lambda: _owner(screen) == "ana", pilot)


async def test_taking_what_nobody_has_asks_nothing(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Yusuf")
        await pilot.press("i")
        await until(lambda: _owner(screen) == "ana", pilot)


async def test_repeating_does_the_last_thing_to_another_contact(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        first = await open_conversation(pilot, "Amélie")
        await pilot.press("full_stop")
        await until(lambda: "Nothing to repeat" in status(first), pilot)
        await dialog(pilot, "e", CloseDialog)
        await pilot.press("2", "enter")
        await until(lambda: is_now(first, ConversationStatus.CLOSED), pilot)
        await pilot.press("escape")
        await until(lambda: app.screen is not first, pilot)
        second = await open_conversation(pilot, "Kwame")
        await pilot.press("full_stop")
        await until(lambda: is_now(second, ConversationStatus.CLOSED), pilot)
        assert "you closed this · answered" in second.timeline.plain


# Notes


async def test_a_note_has_lines_and_reopens_nothing(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        await dialog(pilot, "n", NoteDialog)
        await pilot.press(*"one", "ctrl+j", *"two", "enter")
        await until(lambda: any(entry.body == "one\ntwo" for entry in screen.timeline.entries), pilot)
        assert "note · you · only the team sees it" in screen.timeline.plain
        assert is_now(screen, ConversationStatus.CLOSED)


async def test_an_empty_note_is_none(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        await open_conversation(pilot, "Carlos")
        shown = await dialog(pilot, "n", NoteDialog)
        await pilot.press("enter")
        await until(lambda: "empty" in complaint(shown), pilot)


# Channels


async def test_the_switcher_shows_what_may_be_sent_and_refuses_what_may_not(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Lucía")
        shown = await dialog(pilot, "ctrl+o", ChannelDialog)
        listed = shown.query_one(PickList).plain
        assert "SMS" in listed
        assert "opted out" in listed
        sms = next(n for n, row in enumerate(shown.query_one(PickList).rows) if row.refusal)
        await pilot.press(str(sms + 1))
        await until(lambda: "opted out" in complaint(shown), pilot)
        await pilot.press("escape")
        await until(lambda: app.screen is screen, pilot)


async def test_switching_changes_mode_and_counter_but_not_the_text(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Scarlet")
        await use_channel(pilot, screen, "sms")
        screen.composer.field.focus()
        await pilot.press(*"hello")
        shown = await dialog(pilot, "ctrl+o", ChannelDialog)
        whatsapp = next(n for n, row in enumerate(shown.query_one(PickList).rows) if "WhatsApp" in row.line[1][0])
        await pilot.press(str(whatsapp + 1))
        await until(lambda: app.screen is screen and "template only" in screen.policy.plain, pilot)
        assert screen.composer.text == "hello"
        assert "kept draft" in screen.composer.row.plain


async def test_the_mouse_picks(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Amélie")
        await dialog(pilot, "s", SnoozeDialog)
        await pilot.click("#quick", offset=(4, 2))
        await until(lambda: app.screen is screen and is_now(screen, ConversationStatus.SNOOZED), pilot)
        assert view_of(screen).conversation.snoozed_until == datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
