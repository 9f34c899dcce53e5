"""The inbox on a real store: finding, moving between views, acting on one and on many."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.screens.conftest import Workspace, inbox_of, settled, until
from tui_inbox.actions import ACTIONS
from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.kinds import ConversationStatus, SortOrder
from tui_inbox.domain.lifecycle import ClosingNote
from tui_inbox.domain.search import parse
from tui_inbox.screens.filters import FiltersScreen
from tui_inbox.screens.help import HelpScreen
from tui_inbox.screens.inbox import InboxScreen
from tui_inbox.widgets.lines import Lines


def names(inbox: InboxScreen) -> list[str]:
    return [row.name for row in inbox.rows.window.rows]


def title(inbox: InboxScreen) -> str:
    return inbox.title_line.plain


def orders(inbox: InboxScreen) -> list[SortOrder]:
    return [inbox.view.sort]


async def test_it_opens_on_what_is_mine_and_open(workspace: Workspace) -> None:
    async with workspace.running() as (app, _):
        inbox = inbox_of(app)
        assert title(inbox).startswith("Mine · Open")
        assert title(inbox).rstrip().endswith(workspace.agent)
        assert {row.assignee for row in inbox.rows.window.rows} == {workspace.agent}
        assert {row.status for row in inbox.rows.window.rows} == {ConversationStatus.OPEN}


@pytest.mark.parametrize(
    ("keys", "inbox", "status"),
    [
        ("3", InboxKind.ALL, ConversationStatus.OPEN),
        ("2", InboxKind.UNASSIGNED, ConversationStatus.OPEN),
        ("3C", InboxKind.ALL, ConversationStatus.CLOSED),
        ("3S", InboxKind.ALL, ConversationStatus.SNOOZED),
        ("3A", InboxKind.ALL, None),
        ("3CO1", InboxKind.MINE, ConversationStatus.OPEN),
    ],
)
async def test_keys_choose_inbox_and_status(
    workspace: Workspace, keys: str, inbox: InboxKind, status: ConversationStatus | None
) -> None:
    async with workspace.running() as (app, pilot):
        await pilot.press(*keys)
        await settled(pilot)
        shown = inbox_of(app)
        assert (shown.view.inbox, shown.view.status) == (inbox, status)
        wanted = await app.services.inbox.page(shown.view, limit=50)
        assert [row.contact_id for row in shown.rows.window.rows[:50]] == [row.contact_id for row in wanted]


async def test_search_finds_a_closed_contact_as_one_types(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("3", "C", "slash", *"car")
        await until(lambda: inbox.view.query == parse("car"), pilot)
        await settled(pilot)
        assert {"Carlos Fuentes", "Scarlet Whitfield", "Oscar Lindqvist"} <= set(names(inbox))
        await pilot.press("enter")
        await pilot.pause()
        assert app.focused is inbox.rows
        await pilot.press("escape")
        await settled(pilot)
        assert inbox.view.query.empty
        assert inbox.search.query_text == ""


async def test_escape_in_the_search_takes_it_away_and_goes_back(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("slash", *"zzz")
        await until(lambda: not inbox.view.query.empty, pilot)
        await pilot.press("escape")
        await until(lambda: inbox.view.query.empty, pilot)
        assert app.focused is inbox.rows


async def test_hits_that_the_status_hides_are_told_with_their_keys(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("3", "S", "slash", *"carlos")
        await until(lambda: inbox.reading.counts is not None and not inbox.view.query.empty, pilot)
        await settled(pilot)
        hint = str(inbox.query_one("#search-hint").render())
        assert "0 in Snoozed" in hint
        assert "in Closed" in hint
        assert hint.endswith("press C") or "/ C" in hint or "C /" in hint


async def test_hits_that_the_inbox_hides_are_told_too(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("2", "C", "slash", *"carlos")
        await until(lambda: not inbox.view.query.empty, pilot)
        await settled(pilot)
        assert "more in All" in str(inbox.query_one("#search-hint").render())


async def test_the_row_tells_in_which_field_it_was_found(workspace: Workspace) -> None:
    async with workspace.running((120, 24)) as (app, pilot):
        inbox = inbox_of(app)
        row = next(row for row in inbox.rows.window.rows if row.phone)
        await pilot.press("slash", *f"phone:{row.phone[-5:]}")
        await until(lambda: not inbox.view.query.empty, pilot)
        await settled(pilot)
        assert row.contact_id in {found.contact_id for found in inbox.rows.window.rows}
        assert all("phone" in found.matched for found in inbox.rows.window.rows)


async def test_the_cursor_is_remembered_for_each_view(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("3", "j", "j", "j")
        await settled(pilot)
        here = inbox.rows.current
        await pilot.press("C", "j")
        await settled(pilot)
        assert inbox.rows.current != here
        await pilot.press("O")
        await settled(pilot)
        assert inbox.rows.current is not None
        assert here is not None
        assert inbox.rows.current.contact_id == here.contact_id


async def test_motions(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        await pilot.press("3", "A")
        await settled(pilot)
        rows = inbox_of(app).rows
        await pilot.press("G")
        await settled(pilot)
        assert not rows.window.more_below
        assert rows.current == rows.window.rows[-1]
        await pilot.press("g", "g")
        await settled(pilot)
        assert (rows.window.at, rows.window.first_number) == (0, 0)
        await pilot.press("ctrl+d")
        assert rows.window.at > 5
        await pilot.press("ctrl+u")
        assert rows.window.at == 0
        await pilot.press("g", "j")
        assert rows.window.at == 1, "a sequence that breaks off does nothing by itself"


async def test_sorting_by_window_end_and_back(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("3", "w")
        await settled(pilot)
        assert orders(inbox) == [SortOrder.WINDOW_END]
        ends = [row.window_ends_at for row in inbox.rows.window.rows if row.window_ends_at]
        future = [end for end in ends if end > workspace.clock()]
        assert future == sorted(future)
        assert "window ends first" in title(inbox)
        await pilot.press("w")
        await settled(pilot)
        assert orders(inbox) == [SortOrder.LATEST]


async def test_the_sidebar_filters_by_keys(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("3", "f")
        await settled(pilot)
        assert app.focused is inbox.filters
        while inbox.filters.current is None or inbox.filters.current.field != "channel":
            await pilot.press("j")
        wanted = inbox.filters.current.value
        await pilot.press("enter")
        await settled(pilot)
        assert [kind.value for kind in inbox.view.channels] == [wanted]
        assert all(wanted in [kind.value for kind in row.channel_kinds] for row in inbox.rows.window.rows)
        await pilot.press("escape", "F")
        await settled(pilot)
        assert inbox.view.channels == ()


async def test_below_a_hundred_columns_the_filters_come_over_the_list(workspace: Workspace) -> None:
    async with workspace.running((80, 24)) as (app, pilot):
        inbox = inbox_of(app)
        assert not inbox.filters.display
        await pilot.press("f")
        await until(lambda: isinstance(app.screen, FiltersScreen), pilot)
        await pilot.press("j", "j", "enter")
        await settled(pilot)
        assert inbox.view.inbox is InboxKind.ALL
        await pilot.press("escape")
        await until(lambda: app.screen is inbox, pilot)


async def test_the_preview_follows_the_cursor_from_120_columns(workspace: Workspace) -> None:
    async with workspace.running((120, 40)) as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("3", "j")
        assert inbox.rows.current is not None
        name = inbox.rows.current.name.split()[0]
        await until(lambda: name in inbox.preview.plain.split("\n")[0], pilot)
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        assert not inbox.preview.display
        assert inbox.filters.display


async def test_a_closed_row_leaves_and_the_next_one_gets_the_cursor(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("j")
        first, second = inbox.rows.window.rows[1:3]
        await pilot.press("e")
        await until(lambda: app.screen is not inbox, pilot)
        await pilot.press("ctrl+s")
        await until(lambda: app.screen is inbox, pilot)
        await until(lambda: first.contact_id not in {row.contact_id for row in inbox.rows.window.rows}, pilot)
        assert inbox.rows.current is not None
        assert inbox.rows.current.contact_id == second.contact_id
        assert "u undoes" in inbox.status.sentence
        await pilot.press("u")
        await until(lambda: first.contact_id in {row.contact_id for row in inbox.rows.window.rows}, pilot)


async def test_actions_on_many_are_counted(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("3", "C", "x", "j", "j", "V")
        await settled(pilot)
        chosen = list(inbox.rows.selected)
        assert len(chosen) == 4
        assert "4 selected" in title(inbox)
        await pilot.press("i")
        await until(lambda: not inbox.rows.selected, pilot)
        await settled(pilot)
        assert "4 of 4" in inbox.status.sentence
        for contact_id in chosen:
            view = await app.services.contacts.view(contact_id)
            assert view.assignee is not None
            assert view.assignee.handle == workspace.agent


async def test_the_selection_is_let_go_by_escape_and_by_another_view(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("x", "escape")
        assert not inbox.rows.selected
        await pilot.press("x", "3")
        await settled(pilot)
        assert not inbox.rows.selected


async def test_a_key_that_is_not_possible_says_why(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("u")
        await pilot.pause()
        assert inbox.status.sentence == "! There is nothing to take back."
        assert inbox.status.has_class("-refused")
        await pilot.press("slash", *"nobodyiscalledthis", "enter")
        await until(lambda: not inbox.rows.window.rows, pilot)
        await pilot.press("e")
        await pilot.pause()
        assert inbox.status.sentence == "! There is no contact under the cursor."


async def test_an_empty_view_says_what_to_do(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("slash", *"nobodyiscalledthis")
        await until(lambda: not inbox.view.query.empty and not inbox.rows.window.rows, pilot)
        await settled(pilot)
        assert inbox.rows.empty_text[0] == "Nothing found here."


async def test_what_another_process_writes_shows_by_itself(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        gone = inbox.rows.window.rows[0]
        elsewhere = await workspace.open_services()
        try:
            agent = await elsewhere.directory.agent(workspace.agent)
            await elsewhere.lifecycle.close(agent, gone.contact_id, ClosingNote())
        finally:
            await elsewhere.close()
        await until(lambda: gone.contact_id not in {row.contact_id for row in inbox.rows.window.rows}, pilot)


async def test_times_change_while_nobody_does_anything(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        before = inbox.rows._line(1).text
        workspace.clock.forward(timedelta(hours=5))
        inbox._minute()
        await pilot.pause()
        assert inbox.rows._painted[1].text != before


async def test_help_starts_with_this_screen_and_tells_what_search_cannot_find(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        await pilot.press("question_mark")
        await until(lambda: isinstance(app.screen, HelpScreen), pilot)
        text = app.screen.query_one("#help-lines", Lines).plain
        assert text.startswith("Inbox\n")
        assert "cannot find: country, language, tags" in text
        assert "text: looks into messages" in text
        assert all(action.help in text for action in ACTIONS.values())
        assert "not now: There is nothing to take back." in text
        await pilot.press("G", "g", "g", "escape")
        await until(lambda: app.screen is inbox_of(app), pilot)


async def test_the_palette_offers_the_registry_and_does_it(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        await pilot.press("ctrl+p")
        await until(lambda: app.screen is not inbox_of(app), pilot)
        await pilot.press(*"status: closed")
        await pilot.pause(0.3)
        await pilot.press("enter", "enter")
        await until(lambda: inbox_of(app).view.status is ConversationStatus.CLOSED, pilot)


async def test_keys_from_the_settings_work_and_show(workspace: Workspace) -> None:
    async with workspace.running(keys={"status_closed": ["ctrl+x"], "top": ["z z"]}) as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("C")
        assert title(inbox).startswith("Mine · Open")
        await pilot.press("3", "G", "z", "z")
        await settled(pilot)
        assert inbox.rows.window.at == 0
        await pilot.press("ctrl+x")
        assert inbox.view.status is ConversationStatus.CLOSED


async def test_the_view_is_a_value(workspace: Workspace) -> None:
    async with workspace.running() as (app, _):
        view = inbox_of(app).view
        assert view == replace(InboxFilter(), inbox=InboxKind.MINE, agent_id=app.agent.id, status=view.status)


async def test_typing_in_the_search_is_no_command(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("slash", *"qexu")
        await pilot.pause()
        assert app.screen is inbox
        assert inbox.search.query_text == "qexu"
