"""Hostile names, messages and templates on the conversation screen: nothing but our own cells reaches the terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen

from tests.screens.conftest import Workspace, until
from tests.screens.conversing import open_conversation, settled
from tests.support.hostile import texts
from tui_inbox.domain.kinds import Direction
from tui_inbox.domain.templates import Template
from tui_inbox.screens.conversation import ConversationScreen
from tui_inbox.screens.dialogs.confirm import ConfirmDialog
from tui_inbox.screens.template_picker import TemplatePicker


def painted(screen: Screen[Any]) -> str:
    """Every cell of the screen as it would be sent, rows one after the other."""
    return "".join(segment.text for strip in screen._compositor.render_strips() for segment in strip)


def forbidden(text: str) -> set[str]:
    """Characters that no screen may paint: controls, and marks that turn the reading direction around."""
    marks = {
        "\u202a",
        "\u202b",
        "\u202c",
        "\u202d",
        "\u202e",
        "\u2066",
        "\u2067",
        "\u2068",
        "\u2069",
        "\u200b",
        "\ufeff",
    }
    return {char for char in text if ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000} | (
        marks & set(text)
    )


def show(screen: ConversationScreen, text: str) -> None:
    """Everything that a customer or a channel can put on this screen is ``text``."""
    assert screen.shown is not None
    contact = replace(
        screen.shown.view.contact,
        first_name=text,
        last_name=text,
        email=text,
        phone=text,
        country=text,
        language=text,
        tags=(text, text[:20]),
        custom={text[:30]: text},
    )
    channel = replace(
        screen.shown.view.reach[0], contact_channel=replace(screen.shown.view.reach[0].contact_channel, address=text)
    )
    view = replace(screen.shown.view, contact=contact, reach=(channel, *screen.shown.view.reach[1:]))
    entries = tuple(
        replace(entry, body=text, error_text=text, detail={"category": text, "summary": text, "from": text, "to": text})
        for entry in screen.shown.entries
    )
    note = replace(screen.shown.entries[0], key="note", direction=Direction.NOTE, body=text, author=text)
    screen.post_message(replace(screen.shown, view=view, entries=(*entries, note)))


async def each_shown(pilot: Pilot[Any], screen: ConversationScreen) -> None:
    """Show one hostile text after the other and look at every cell."""
    for one in texts():
        show(screen, one.text)
        await pilot.pause()
        cells = painted(screen)
        assert len(cells) > 1000
        assert not forbidden(cells), one.id
        assert screen.is_current, f"{one.id} became an action"


async def test_no_hostile_text_reaches_the_terminal_folded(workspace: Workspace) -> None:
    async with workspace.running((80, 24)) as (_, pilot):
        await each_shown(pilot, await open_conversation(pilot, "Carlos"))


async def test_no_hostile_text_reaches_the_terminal_wide(workspace: Workspace) -> None:
    async with workspace.running((120, 40)) as (_, pilot):
        await each_shown(pilot, await open_conversation(pilot, "Kwame"))


async def test_a_hostile_template_is_only_text(workspace: Workspace) -> None:
    async with workspace.running((80, 24)) as (app, pilot):
        screen = await open_conversation(pilot, "Jonas")
        assert screen.shown is not None
        for one in texts():
            body = {"type": "BODY", "text": f"{one.text} {{{{1}}}}"}
            template = Template(1, 1, one.text[:60], one.text[:8], "APPROVED", one.text[:20], (body,), reason=one.text)
            contact = replace(screen.shown.view.contact, first_name=one.text)
            picker = TemplatePicker([template, replace(template, status="REJECTED")], contact, "WhatsApp")
            await app.push_screen(picker)
            await pilot.pause()
            assert not forbidden(painted(picker)), one.id
            await picker._start_filling(template)
            await pilot.pause()
            assert not forbidden(painted(picker)), one.id
            picker.dismiss(None)
            await until(lambda: app.screen is screen, pilot)


async def test_a_click_on_markup_runs_nothing(workspace: Workspace) -> None:
    async with workspace.running((80, 24)) as (app, pilot):
        screen = await open_conversation(pilot, "Carlos")
        show(screen, "[@click=app.exit]click[/] [link=http://x]y[/link] [/")
        await settled(pilot)
        for row in range(14):
            await pilot.click("#timeline", offset=(12, row))
        assert app.screen is screen
        assert app._exit is False


async def test_a_hostile_name_in_a_dialog_is_only_text(workspace: Workspace) -> None:
    async with workspace.running((80, 24)) as (app, pilot):
        await open_conversation(pilot, "Carlos")
        for one in texts():
            from tui_inbox.text import clean_line

            dialog = ConfirmDialog("Take", "Take it over?", about=str(clean_line(one.text, 40)))
            await app.push_screen(dialog)
            await pilot.pause()
            assert not forbidden(painted(dialog)), one.id
            dialog.dismiss(None)
            await until(lambda dialog=dialog: app.screen is not dialog, pilot)  # type: ignore[misc]  # bound now
