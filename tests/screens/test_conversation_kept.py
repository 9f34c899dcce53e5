"""The conversation screen is made once and kept: what was left on it is never seen with the next contact."""

from __future__ import annotations

import asyncio
from typing import Any

from textual.pilot import Pilot
from textual.widgets import TextArea

from tests.screens.conftest import Workspace, inbox_of, until
from tests.screens.conversing import settled
from tui_inbox.app import TuiInbox
from tui_inbox.screens.conversation import ConversationScreen


async def opened(app: TuiInbox, pilot: Pilot[Any], *keys: str) -> ConversationScreen:
    """Open the conversation under the cursor and wait until it is shown."""
    await pilot.press(*(keys or ("enter",)))
    await until(lambda: isinstance(app.screen, ConversationScreen) and app.screen.shown is not None, pilot)
    await settled(pilot)
    screen = app.screen
    assert isinstance(screen, ConversationScreen)
    return screen


async def back(app: TuiInbox, pilot: Pilot[Any]) -> None:
    """Back to the inbox."""
    await pilot.press("escape")
    await until(lambda: app.screen is inbox_of(app), pilot)
    await settled(pilot)


async def all_contacts(app: TuiInbox, pilot: Pilot[Any]) -> None:
    """Show every contact in the list."""
    await pilot.press("3", "A")
    await until(lambda: inbox_of(app).rows.answered and inbox_of(app).view.status is None, pilot)


async def test_one_screen_serves_every_contact(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        await all_contacts(app, pilot)
        first = await opened(app, pilot)
        before = first.contact_id, first.timeline.plain, first.customer
        await back(app, pilot)
        await pilot.press("j")
        second = await opened(app, pilot)
        assert second is first
        assert second.contact_id != before[0]
        assert second.timeline.plain != before[1]
        assert second.customer != before[2]
        assert second.customer in second.query_one("#card").plain  # type: ignore[attr-defined]  # a ContactCard


async def test_a_screen_that_was_left_shows_and_waits_for_nothing(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        await all_contacts(app, pilot)
        screen = await opened(app, pilot, "r")
        await back_from_composer(app, pilot)
        assert screen.shown is None
        assert screen.timeline.plain.strip() == ""
        assert screen.policy.plain == ""
        assert screen.policy._timer is None
        assert screen.composer.text == ""
        assert screen.focused is None


async def back_from_composer(app: TuiInbox, pilot: Pilot[Any]) -> None:
    """Out of the composer, then back to the inbox."""
    while app.screen is not inbox_of(app):
        await pilot.press("escape")
        await settled(pilot)


async def test_a_draft_stays_with_its_contact(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        await pilot.press("3", "A", "slash", *"carlos", "enter")
        await until(lambda: [row.name for row in inbox_of(app).rows.window.rows] == ["Carlos Fuentes"], pilot)
        screen = await opened(app, pilot)
        channel = next(
            item.contact_channel.id for item in screen.policy.reaches if item.contact_channel.channel.kind == "telegram"
        )
        screen.policy.use(channel)
        await settled(pilot)
        await pilot.press("r", *"half a sentence")
        await back_from_composer(app, pilot)
        await pilot.press("escape")
        await until(lambda: len(inbox_of(app).rows.window.rows) > 1, pilot)
        other = next(row for row in inbox_of(app).rows.window.rows if row.name != "Carlos Fuentes")
        inbox_of(app).rows.select_row(other.key)
        await opened(app, pilot)
        assert "half a sentence" not in screen.composer.text
        await back(app, pilot)
        await pilot.press("slash", *"carlos", "enter")
        await until(lambda: [row.name for row in inbox_of(app).rows.window.rows] == ["Carlos Fuentes"], pilot)
        await opened(app, pilot)
        assert screen.query_one(TextArea).text == "half a sentence"


async def test_another_theme_and_width_reach_a_screen_that_is_away(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        screen = await opened(app, pilot)
        dark = screen.query_one("#card").styles.background
        await back(app, pilot)
        await pilot.resize_terminal(80, 24)
        await opened(app, pilot)
        assert screen.has_class("-narrow")
        assert not screen.query_one("#card").display
        await pilot.resize_terminal(120, 40)
        await settled(pilot)
        assert screen.query_one("#card").display
        await back(app, pilot)
        app.theme = "textual-light"
        await opened(app, pilot)
        assert screen.query_one("#card").styles.background != dark


async def test_while_the_next_contact_is_slow_to_come_the_last_one_is_gone(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        await all_contacts(app, pilot)
        screen = await opened(app, pilot)
        name = screen.customer
        await back(app, pilot)
        services: Any = app.services
        view, store_answers = services.contacts.view, asyncio.Event()

        async def slow_view(contact_id: int) -> Any:
            await store_answers.wait()
            return await view(contact_id)

        await pilot.press("j")
        await settled(pilot)
        services.contacts.view = slow_view
        await pilot.press("enter")
        await until(lambda: app.screen is screen and not app._batch_count, pilot)
        assert name not in screen.query_one("#card").plain  # type: ignore[attr-defined]  # a ContactCard
        assert not screen.timeline.entries
        assert "still opening" in (screen.unavailable("close") or "")
        store_answers.set()
        await until(lambda: screen.shown is not None, pilot)
        assert screen.customer != name
