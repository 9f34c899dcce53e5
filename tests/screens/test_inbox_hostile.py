"""Every hostile input as name, address, tag and newest message: nothing of it leaves its cells or becomes a command."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.screens.conftest import NOW, Workspace, inbox_of, settled
from tests.support.hostile import Hostile, texts
from tui_inbox.app import TuiInbox
from tui_inbox.domain.kinds import Direction
from tui_inbox.domain.models import TimelineEntry
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit
from tui_inbox.text import cells, is_clean
from tui_inbox.widgets.preview import preview_lines

SIZE = (120, 40)


def storable(one: Hostile) -> bool:
    """Lone surrogates are replaced where they come in; no database takes them."""
    return not any("\ud800" <= character <= "\udfff" for character in one.text)


async def fill(workspace: Workspace) -> None:
    """One contact for each input, which is everything about it."""
    found = [one.text for one in texts() if storable(one)]

    async def work(unit: Unit) -> None:
        contacts = [NewContact(first_name=text, email=text, tags=(text[:60],)) for text in found]
        for text, contact_id in zip(found, await unit.contacts.add_many(contacts, NOW), strict=True):
            await unit.conversations.touch(
                contact_id,
                at=NOW,
                preview=text,
                direction=Direction.INBOUND,
                contact_channel_id=None,
                waiting=True,
                unread_delta=1,
            )

    store = await Store.open(workspace.url, clock=workspace.clock)
    try:
        await store.write(work)
    finally:
        await store.close()


def check_screen(app: TuiInbox) -> None:
    """No painted cell holds anything but a visible character, no line is too long, no cell is a link or an action."""
    for strip in app.screen._compositor.render_strips():
        assert strip.cell_length == SIZE[0]
        for text, style, control in strip:
            assert control is None
            assert is_clean(text), ascii(text)
            assert style is None or (style.link is None and "@click" not in style.meta)


async def pages(pilot: Pilot[Any]) -> None:
    """From the top of the list to its end."""
    app = pilot.app
    assert isinstance(app, TuiInbox)
    rows = inbox_of(app).rows
    while True:
        check_screen(app)
        before = rows.window.at
        await pilot.press("pagedown")
        await settled(pilot)
        if rows.window.at == before and not rows.window.more_below:
            return


@pytest.mark.parametrize("query", ["", "a"])
async def test_the_list_is_only_ever_text(workspace: Workspace, query: str) -> None:
    await fill(workspace)
    async with workspace.running(SIZE) as (_, pilot):
        await pilot.press("3", "A")
        if query:
            await pilot.press("slash", *query, "enter")
        await settled(pilot)
        await pages(pilot)


async def test_the_preview_is_only_ever_text(workspace: Workspace) -> None:
    await fill(workspace)
    width = 40
    async with workspace.running((80, 24)) as (app, pilot):
        await pilot.press("3", "A", "G")
        await settled(pilot)
        for row in inbox_of(app).rows.window.rows:
            view = await app.services.contacts.view(row.contact_id)
            entry = TimelineEntry("k", 1, NOW, Direction.INBOUND, body=row.preview, author=row.name)
            for line in preview_lines(view, [entry], width, 30, NOW, UTC):
                assert sum(cells(text) for text, _ in line) <= width
                assert all(is_clean(text) for text, _ in line)
