"""Who else is at a contact: told above the composer, in the row and in the preview, and told to the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, timedelta

import pytest

from tests.screens.conftest import NOW, Workspace, inbox_of, settled, until
from tests.screens.conversing import find, open_conversation, use_channel
from tests.screens.services import ScreenServices
from tests.support.hostile import texts
from tui_inbox.domain.presence import Colleague, Doing
from tui_inbox.screens.conversation import ConversationScreen
from tui_inbox.text import cells, is_clean
from tui_inbox.widgets.colleague_words import HANDLE_CELLS, MARKS, colleague_line
from tui_inbox.widgets.preview import preview_lines
from tui_inbox.widgets.row_words import columns_for, row_spans

SMALL, WIDE = (80, 24), (120, 40)


class Colleagues:
    """Other agents' programs on the same store."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._programs: dict[str, ScreenServices] = {}

    async def do(self, handle: str, who: str, doing: Doing | None = Doing.VIEWING) -> None:
        """Let an agent look at, type to, or (``None``) leave somebody."""
        if handle not in self._programs:
            self._programs[handle] = await self._workspace.open_services()
        services = self._programs[handle]
        agent, contact_id = await services.directory.agent(handle), await find(services, who)
        if doing is None:
            services.presence.go(contact_id)
        else:
            services.presence.come(agent, contact_id)
        if doing is Doing.TYPING:
            services.presence.typed()
        await services.presence.tell()

    async def see(self, handle: str, who: str) -> list[tuple[str, Doing]]:
        """What an agent is told of the others at somebody."""
        services = self._programs.setdefault(handle, await self._workspace.open_services())
        await services.presence.look(await services.directory.agent(handle))
        return [(one.handle, one.doing) for one in services.presence.at(await find(services, who))]

    async def close(self) -> None:
        """End their programs."""
        for services in self._programs.values():
            await services.close()


@asynccontextmanager
async def colleagues_of(workspace: Workspace) -> AsyncIterator[Colleagues]:
    colleagues = Colleagues(workspace)
    try:
        yield colleagues
    finally:
        await colleagues.close()


@pytest.mark.parametrize("size", [SMALL, WIDE], ids=str)
async def test_who_else_is_here_stands_above_the_composer(workspace: Workspace, size: tuple[int, int]) -> None:
    async with colleagues_of(workspace) as others, workspace.running(size) as (_, pilot):
        await others.do("bo", "Carlos")
        screen = await open_conversation(pilot, "Carlos")
        policy = screen.policy
        await until(lambda: policy.plain.endswith("☻ bo is looking at this"), pilot)
        assert "↳ " in policy.plain, "what sending does is still told"
        await others.do("bo", "Carlos", Doing.TYPING)
        await until(lambda: policy.plain.endswith("✎ bo is typing"), pilot)
        await others.do("bo", "Carlos", None)
        await until(lambda: " bo " not in policy.plain, pilot)
        assert [cells(line) <= policy.content_size.width for line in policy.plain.split("\n")] == [True, True]


async def test_somebody_at_another_contact_is_not_here(workspace: Workspace) -> None:
    async with colleagues_of(workspace) as others, workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Carlos")
        await others.do("bo", "Scarlet", Doing.TYPING)
        await until(lambda: app.services.presence.colleagues, pilot)
        await settled(pilot)
        assert "bo" not in screen.policy.plain.split("\n")[1]


async def test_a_contact_without_a_channel_says_who_is_here_too(workspace: Workspace) -> None:
    async with colleagues_of(workspace) as others, workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        assert screen.shown is not None
        screen.policy.show_contact(screen.shown.view.contact, (), None)
        await others.do("bo", "Carlos")
        await until(lambda: "☻ bo is looking at this" in screen.policy.plain, pilot)
        assert "no channel" in screen.policy.plain


async def test_the_others_are_told_what_one_does(workspace: Workspace) -> None:
    async with colleagues_of(workspace) as others:
        async with workspace.running(SMALL) as (app, pilot):
            presence = app.services.presence
            screen = await open_conversation(pilot, "Carlos")
            await until(lambda: presence._told_at, pilot)
            assert await others.see("bo", "Carlos") == [("ana", Doing.VIEWING)]
            await pilot.press("r", "h")
            await settled(pilot)
            assert await others.see("bo", "Carlos") == [("ana", Doing.TYPING)]
            workspace.clock.forward(timedelta(seconds=6))
            await until(lambda: len(presence._told_at) == 1 and _doing(presence) is Doing.VIEWING, pilot)
            assert await others.see("bo", "Carlos") == [("ana", Doing.VIEWING)]
            await screen.show_contact(await find(app.services, "Scarlet"))  # type: ignore[arg-type]  # the test's own
            await until(lambda: screen.shown is not None, pilot)
            await settled(pilot)
            assert await others.see("bo", "Carlos") == []
            assert await others.see("bo", "Scarlet") == [("ana", Doing.VIEWING)]
            await pilot.press("escape")
            await pilot.press("escape")
            await until(lambda: app.screen is inbox_of(app), pilot)
            await settled(pilot)
            assert await others.see("bo", "Scarlet") == []
            await open_conversation(pilot, "Carlos")
            assert await others.see("bo", "Carlos") == [("ana", Doing.VIEWING)]
        assert await others.see("bo", "Carlos") == [], "the program has ended"


def _doing(presence: object) -> Doing | None:
    told = presence._sitting._told  # type: ignore[attr-defined]  # what was written down last
    return None if told is None else told[0]


async def test_a_draft_that_is_loaded_is_not_typing(workspace: Workspace) -> None:
    async def draft(services: ScreenServices) -> None:
        agent = await services.directory.agent("ana")
        await services.drafts.save(agent, await find(services, "Carlos"), None, "kept from yesterday")

    services = await workspace.open_services()
    try:
        await draft(services)
    finally:
        await services.close()
    async with colleagues_of(workspace) as others, workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        assert screen.composer.text == "kept from yesterday"
        await settled(pilot)
        assert await others.see("bo", "Carlos") == [("ana", Doing.VIEWING)]


async def test_the_list_marks_the_row_and_the_preview_says_who(workspace: Workspace) -> None:
    async with colleagues_of(workspace) as others, workspace.running(WIDE) as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("3", "A", "/", *"Carlos", "enter")
        await settled(pilot)
        await until(lambda: inbox.rows.current is not None and inbox.reading.previewed is not None, pilot)
        row = inbox.rows.current
        assert row is not None
        assert row.name.startswith("Carlos")
        assert "☻" not in row_text(app)
        await others.do("bo", "Carlos")
        await until(lambda: "☻" in row_text(app), pilot)
        await until(lambda: "☻ bo is looking at this" in inbox.preview.plain, pilot)
        await others.do("bo", "Carlos", Doing.TYPING)
        await until(lambda: "✎" in row_text(app) and "☻" not in row_text(app), pilot)
        await until(lambda: "✎ bo is typing" in inbox.preview.plain, pilot)
        workspace.clock.forward(timedelta(seconds=20))
        await until(lambda: "✎" not in row_text(app), pilot)
        await until(lambda: "bo is" not in inbox.preview.plain, pilot)
        assert inbox.rows.current is not None
        assert inbox.rows.current.contact_id == row.contact_id


def row_text(app: object) -> str:
    """The row under the cursor as it is painted."""
    rows = inbox_of(app).rows  # type: ignore[arg-type]  # the application
    return rows._painted[rows.window.at - rows.window.top + 1].text


async def test_somebody_elsewhere_paints_nothing(workspace: Workspace) -> None:
    async with colleagues_of(workspace) as others, workspace.running(WIDE) as (app, pilot):
        inbox = inbox_of(app)
        await settled(pilot)
        painted = []
        refresh = inbox.rows.refresh
        inbox.rows.refresh = lambda *regions, **more: painted.append(regions) or refresh(*regions, **more)  # type: ignore[method-assign, func-returns-value]  # listens
        assert inbox.rows.window.index_of(await find(app.services, "Win")) is None  # type: ignore[arg-type]  # the test's own
        await others.do("bo", "Win", Doing.TYPING)
        await until(lambda: inbox.rows.colleagues, pilot)
        await settled(pilot)
        assert painted == []


def test_only_what_one_needs_is_told_and_those_who_type_come_first() -> None:
    def at(handle: str, doing: Doing = Doing.VIEWING, minutes: float = 0) -> Colleague:
        return Colleague(7, handle, doing, NOW - timedelta(minutes=minutes))

    def told(*colleagues: Colleague) -> str:
        return "".join(text for text, _ in colleague_line(colleagues, NOW))

    assert told() == ""
    assert told(at("bo", minutes=0.9)) == "☻ bo is looking at this"
    assert told(at("bo", minutes=2)) == "☻ bo is looking at this (2 min)"
    assert told(at("bo", minutes=150)) == "☻ bo is looking at this (2 h)"
    assert told(at("cy", Doing.TYPING, 9), at("bo")) == "✎ cy is typing · ☻ bo is looking at this"
    assert told(*(at(name) for name in "abcd")) == "☻ a is looking at this · ☻ b is looking at this · 2 more here"
    assert {cells(sign) for sign, _ in MARKS.values()} == {1}


def test_no_hostile_handle_leaves_its_cells() -> None:
    for one in texts():
        line = colleague_line([Colleague(7, one.text, Doing.TYPING, NOW)], NOW)
        text = "".join(part for part, _ in line)
        assert is_clean(text), one.id
        assert "\n" not in text
        assert cells(text) <= HANDLE_CELLS + len("✎  is typing"), one.id


async def test_no_hostile_handle_reaches_the_terminal(workspace: Workspace) -> None:
    async with workspace.running(WIDE) as (app, pilot):
        screen = await open_conversation(pilot, "Carlos")
        inbox = inbox_of(app)
        row = inbox.rows.window.rows[0]
        presence = app.services.presence
        assert screen.shown is not None
        for one in texts():
            presence.colleagues = (Colleague(screen.contact_id, one.text, Doing.VIEWING, NOW),)
            screen.company.show()
            await pilot.pause()
            check(screen)
            company = colleague_line(presence.at(screen.contact_id), NOW)
            lines = preview_lines(screen.shown.view, (), 40, 20, NOW, UTC, company=company)
            assert all(is_clean(text) for line in lines for text, _ in line), one.id
            assert all(sum(cells(text) for text, _ in line) <= 40 for line in lines), one.id
            spans = row_spans(row._replace(name=one.text), columns_for(70), 70, NOW, UTC, colleague=Doing.TYPING)
            assert sum(cells(text) for text, _ in spans) == 70


def check(screen: ConversationScreen) -> None:
    """Nothing but visible characters is painted, and no cell is an action."""
    for strip in screen._compositor.render_strips():
        assert strip.cell_length == WIDE[0]
        for text, style, control in strip:
            assert control is None
            assert is_clean(text), ascii(text)
            assert style is None or (style.link is None and "@click" not in style.meta)


async def test_a_channel_that_only_takes_templates_says_it_too(workspace: Workspace) -> None:
    async with colleagues_of(workspace) as others, workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Scarlet")
        await others.do("bo", "Scarlet", Doing.TYPING)
        await until(lambda: "✎ bo is typing" in screen.policy.plain, pilot)
        await use_channel(pilot, screen, screen.policy.reaches[0].contact_channel.channel.kind)
        assert "choose a template" in screen.policy.plain


async def test_coming_back_at_once_is_not_undone_by_the_screen_that_was_left(workspace: Workspace) -> None:
    async with colleagues_of(workspace) as others, workspace.running(SMALL) as (app, pilot):
        left = await open_conversation(pilot, "Carlos")
        await pilot.press("escape")
        await until(lambda: app.screen is inbox_of(app), pilot)
        await open_conversation(pilot, "Carlos")
        left.on_unmount()  # however late it comes
        await settled(pilot)
        assert app.services.presence._sitting is not None
        await app.services.presence.tell()
        assert await others.see("bo", "Carlos") == [("ana", Doing.VIEWING)]
