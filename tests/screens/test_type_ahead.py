"""Keys typed faster than the screen follows: each means what it would mean to somebody who waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from textual import events
from textual.widgets import TextArea

from tests.screens.conftest import Workspace, inbox_of, settled, until
from tui_inbox.app import TuiInbox
from tui_inbox.domain.filters import InboxKind
from tui_inbox.domain.kinds import ConversationStatus
from tui_inbox.domain.models import InboxRow


def type_at_once(app: TuiInbox, *keys: str) -> None:
    """All keys before any of them is looked at, as a slow line delivers them."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_letters_typed_right_after_the_search_key_are_no_commands(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        type_at_once(app, "3", "C", "slash", *"care")
        await until(lambda: inbox.search.query_text == "care", pilot)
        await settled(pilot)
        assert app.screen is inbox
        assert inbox.view.inbox is InboxKind.ALL


async def test_keys_typed_while_a_dialog_opens_are_the_dialogs(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        first = inbox.rows.current
        assert first is not None
        type_at_once(app, "n", *"quit", "ctrl+s")
        await until(lambda: "u undoes" in inbox.status.sentence or "ote" in inbox.status.sentence, pilot)
        entries = await app.services.contacts.timeline(first.contact_id)
        assert entries[-1].body == "quit"


async def test_keys_typed_while_the_composer_opens_are_text(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("3", "A", "slash", *"carlos", "enter")
        await until(lambda: [row.name for row in inbox.rows.window.rows] == ["Carlos Fuentes"], pilot)
        type_at_once(app, "r", *"hequ")
        await until(lambda: app.screen is not inbox and app.screen.query("TextArea"), pilot)
        field = app.screen.query_one(TextArea)
        await until(lambda: field.text == "hequ", pilot)


async def test_keys_wait_for_the_rows_of_another_view(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox, store_answers = inbox_of(app), asyncio.Event()
        services: Any = app.services
        page = services.inbox.page

        async def slow_page(*arguments: Any, **options: Any) -> Sequence[InboxRow]:
            await store_answers.wait()
            found: Sequence[InboxRow] = await page(*arguments, **options)
            return found

        services.inbox.page = slow_page
        type_at_once(app, "3", "C", "x")
        await until(lambda: inbox.view.status is ConversationStatus.CLOSED, pilot)
        await pilot.pause()
        assert not inbox.rows.selected, "the rows of the view before are none of its business"
        store_answers.set()
        await until(lambda: inbox.rows.selected, pilot)
        [chosen] = inbox.rows.selected
        closed = {row.contact_id: row.status for row in inbox.rows.window.rows}
        assert closed[chosen] is ConversationStatus.CLOSED
