"""Choosing a template, filling it in, and sending it along the same way as text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from tests.screens.conftest import Workspace, until
from tests.screens.conversing import open_conversation, settled
from tui_inbox.domain.kinds import ContentKind, ConversationStatus
from tui_inbox.domain.models import Contact
from tui_inbox.domain.templates import Template
from tui_inbox.screens.conversation import ConversationScreen
from tui_inbox.screens.template_picker import TemplatePicker, suggested
from tui_inbox.widgets.pick_list import PickList
from tui_inbox.widgets.status_line import StatusLine

SMALL = (80, 24)
ANA = Contact(1, "Ana", "Lopez", "ana@example.com", "+15551234567")


async def picking(pilot: Pilot[Any], who: str = "Jonas") -> tuple[ConversationScreen, TemplatePicker]:
    """The picker over a conversation in which only templates may go."""
    screen = await open_conversation(pilot, who)
    await pilot.press("r")
    await until(lambda: isinstance(pilot.app.screen, TemplatePicker), pilot)
    await settled_modal(pilot)
    shown = pilot.app.screen
    assert isinstance(shown, TemplatePicker)
    return screen, shown


async def settled_modal(pilot: Pilot[Any]) -> None:
    """The worker that waits for the dialog goes on; only the painting is waited for."""
    await pilot.pause()
    await pilot.pause()


def rows(shown: TemplatePicker) -> list[str]:
    """What the list shows."""
    return shown.query_one(PickList).plain.splitlines()


def preview(shown: TemplatePicker, name: str = "#preview") -> str:
    """The text below the list or the fields."""
    text: Any = shown.query_one(name)
    return str(text.plain)


def complaint(shown: TemplatePicker) -> str:
    """What it refuses."""
    told: Any = shown.query_one("#complaint")
    return str(told.plain)


async def test_approved_ones_come_first_and_the_rest_says_why_not(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        _, shown = await picking(pilot)
        marks = [row.strip()[0] for row in rows(shown)]
        assert marks == sorted(marks, key="✓⊘".index)
        assert any("paused" in row for row in rows(shown))
        await pilot.press(*"spring", "enter")
        await until(lambda: "cannot be sent" in complaint(shown), pilot)
        assert "PROMOTIONAL" in complaint(shown)
        assert not shown.has_class("-filling")


def test_the_contacts_language_comes_first_and_what_needs_a_file_last() -> None:
    body = {"type": "BODY", "text": "Hi"}
    plain = Template(1, 1, "news", "en", "APPROVED", "UTILITY", (body,))
    picture = replace(plain, name="a", components=({"type": "HEADER", "format": "IMAGE"}, body))
    brazil, spoken = replace(plain, language="pt_BR"), replace(ANA, language="pt")
    paused = replace(plain, name="b", status="PAUSED")
    templates = [paused, picture, plain, brazil]
    assert TemplatePicker(templates, ANA, "")._templates == [plain, brazil, picture, paused]
    assert TemplatePicker(templates, spoken, "")._templates == [brazil, plain, picture, paused]


async def test_search_looks_into_name_and_text(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        _, shown = await picking(pilot)
        await pilot.press(*"refund")
        assert len(rows(shown)) == 1
        assert "refund_issued" in rows(shown)[0]
        shown.query_one("#template-search", Input).value = "ARBEITEN"
        await pilot.pause()
        assert "No template matches" in preview(shown)
        shown.query_one("#template-search", Input).value = "warehouse"
        await pilot.pause()
        assert "shipping_update" in rows(shown)[0]


async def test_the_preview_follows_the_cursor(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        _, shown = await picking(pilot)
        before = preview(shown)
        await pilot.press("down")
        await until(lambda: preview(shown) != before, pilot)


async def test_fields_begin_with_what_is_known_and_the_preview_is_live(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        _, shown = await picking(pilot)
        await pilot.press(*"follow", "down", "enter")
        await until(lambda: shown.has_class("-filling"), pilot)
        await settled_modal(pilot)
        assert shown.query_one("#value-0", Input).value == "Jonas"
        await pilot.press("tab", *"A-77")
        assert "Hello Jonas, we have news about your request A-77." in preview(shown, "#filled")


async def test_what_is_missing_is_said_and_nothing_is_sent(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen, shown = await picking(pilot)
        before = len(screen.timeline.entries)
        await pilot.press(*"follow", "enter")
        await until(lambda: shown.has_class("-filling"), pilot)
        await pilot.press("ctrl+s")
        await until(lambda: "fill in {{2}}" in complaint(shown), pilot)
        await pilot.press("escape")
        assert app.screen is shown
        assert not shown.has_class("-filling")
        await pilot.press("escape")
        await until(lambda: app.screen is screen, pilot)
        assert len(screen.timeline.entries) == before


async def test_a_filled_template_is_sent_and_opens_the_conversation(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen, shown = await picking(pilot)
        await pilot.press(*"refund", "enter")
        await until(lambda: shown.has_class("-filling"), pilot)
        await settled_modal(pilot)
        assert shown.query_one("#value-0", Input).value == "Jonas"
        await pilot.press("enter", *"20 EUR", "enter")
        await until(lambda: app.screen is screen, pilot)
        await until(lambda: any(entry.content_kind is ContentKind.TEMPLATE for entry in screen.timeline.entries), pilot)
        await settled(pilot)
        assert "your refund of 20 EUR is on its way" in " ".join(screen.timeline.plain.split()).replace("┃ ", "")
        assert "queued" in screen.query_one(StatusLine).sentence
        assert screen.shown is not None
        assert screen.shown.view.conversation.status is ConversationStatus.OPEN


async def test_what_is_typed_on_goes_into_the_fields(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen, shown = await picking(pilot)
        for key in (*"refund", "enter", "enter", *"20EUR"):  # in one bundle, as a fast hand or a slow line brings it
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(lambda: shown.has_class("-filling") and shown.query_one("#value-1", Input).value == "20EUR", pilot)
        assert shown.query_one("#template-search", Input).value == "refund"
        await pilot.press("enter")
        await until(lambda: app.screen is screen, pilot)
        await settled(pilot)


async def test_a_draft_survives_a_template(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Yusuf", start="write")
        await until(lambda: screen.focused is screen.composer.field, pilot)
        await pilot.press(*"not yet", "ctrl+t")
        await until(lambda: isinstance(app.screen, TemplatePicker), pilot)
        await settled_modal(pilot)
        await pilot.press(*"reopen", "enter")
        await until(lambda: app.screen.has_class("-filling"), pilot)
        await settled_modal(pilot)
        await pilot.press("enter")
        await until(lambda: app.screen is screen, pilot)
        await settled(pilot)
        assert screen.composer.text == "not yet"


async def test_where_no_channel_takes_templates_it_says_so(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Carlos")
        await pilot.press("t")
        await until(lambda: "takes a template" in screen.query_one(StatusLine).sentence, pilot)
        assert app.screen is screen


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("1", "Ana"),
        ("first_name", "Ana"),
        ("name", "Ana Lopez"),
        ("last_name", "Lopez"),
        ("Email", "ana@example.com"),
        ("phone", "+15551234567"),
        ("2", ""),
        ("header.1", ""),
        ("button0.1", ""),
        ("order", ""),
    ],
)
def test_suggestions(key: str, value: str) -> None:
    assert suggested([key], ANA) == {key: value}
