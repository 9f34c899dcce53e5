"""Somebody else was quicker: on the screen nothing goes out, and nothing changes hands, unseen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.screens.conftest import Workspace, inbox_of, until
from tests.screens.conftest import settled as list_settled
from tests.screens.conversing import find, in_store, not_looking, open_conversation, settled
from tests.screens.services import ScreenServices
from tests.screens.test_conversation import customer_writes, long_thread, sent_texts, status, write
from tests.screens.test_dialogs import dialog, view_of
from tui_inbox.app import TuiInbox
from tui_inbox.domain.kinds import ContentKind
from tui_inbox.screens.conversation import ConversationScreen
from tui_inbox.screens.dialogs.assign import AssignDialog
from tui_inbox.screens.dialogs.confirm import ConfirmDialog
from tui_inbox.screens.dialogs.conflict import ConflictDialog
from tui_inbox.screens.seen import READ_TIME, Seen
from tui_inbox.screens.template_picker import TemplatePicker
from tui_inbox.services.send_plan import SendRequest

SMALL = (80, 24)


class Stopwatch:
    """Seconds that only pass when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def timed(screen: ConversationScreen) -> Stopwatch:
    """Let the time for which entries are on the screen pass only when told."""
    watch = Stopwatch()
    assert screen.shown is not None
    screen.seen = Seen(watch)
    screen.seen.opened(screen.shown.view.conversation.last_seq)
    return watch


async def colleague_sends(workspace: Workspace, who: str, text: str) -> None:
    """Bo writes to somebody from another program."""

    async def send(services: ScreenServices) -> None:
        bo = await services.directory.agent("bo")
        await services.sending.send(bo, SendRequest(await find(services, who), text))

    await in_store(workspace, send)


async def panel(pilot: Pilot[Any]) -> ConflictDialog:
    """The panel that a send stops at."""
    await until(lambda: isinstance(pilot.app.screen, ConflictDialog), pilot)
    await pilot.pause()
    shown = pilot.app.screen
    assert isinstance(shown, ConflictDialog)
    return shown


def news(shown: ConflictDialog) -> str:
    return shown.query_one("#news").plain  # type: ignore[attr-defined, no-any-return]  # lines


async def test_what_has_only_just_appeared_stops_the_key_that_was_on_its_way(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Carlos")
        watch = timed(screen)
        await write(pilot, screen, "the answer")
        await customer_writes(workspace, "Carlos", "wait, I was wrong")
        await until(lambda: "wait, I was wrong" in screen.timeline.plain, pilot)
        watch.seconds += READ_TIME / 2
        await pilot.press("enter")
        assert "wait, I was wrong" in news(await panel(pilot))
        await pilot.press("escape")
        await until(lambda: app.screen is screen, pilot)
        assert screen.composer.text == "the answer"
        await pilot.press("enter")  # the panel has shown it
        await until(lambda: screen.composer.text == "", pilot)
    assert "the answer" in await sent_texts(workspace, "Carlos")


async def test_what_one_has_had_time_to_read_stops_nothing(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Carlos")
        watch = timed(screen)
        await write(pilot, screen, "the answer")
        await customer_writes(workspace, "Carlos", "one more thing")
        await until(lambda: "one more thing" in screen.timeline.plain, pilot)
        await settled(pilot)
        assert "↳ " in screen.policy.plain, "what sending would do is told all the while"
        watch.seconds += READ_TIME
        await pilot.press("enter")
        await until(lambda: screen.composer.text == "", pilot)
        assert app.screen is screen


async def test_what_is_below_the_view_has_not_been_read(workspace: Workspace) -> None:
    await long_thread(workspace, "Carlos", 60)
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        watch = timed(screen)
        await pilot.press("ctrl+u")
        await settled(pilot)
        await write(pilot, screen, "the answer")
        await colleague_sends(workspace, "Carlos", "bo was faster")
        await until(lambda: screen.timeline.new_below, pilot)
        watch.seconds += 60
        await pilot.press("enter")
        assert "bo was faster" in news(await panel(pilot))


async def test_a_send_anyway_stops_again_at_what_came_while_one_decided(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Carlos")
        await write(pilot, screen, "the answer")
        not_looking(screen)
        await customer_writes(workspace, "Carlos", "first")
        await pilot.press("enter")
        first = await panel(pilot)
        await colleague_sends(workspace, "Carlos", "second")
        await pilot.press("2")
        await until(lambda: app.screen is not first, pilot)
        second = await panel(pilot)
        assert "second" in news(second)
        assert "first" not in news(second), "that was decided"
        await pilot.press("2")
        await until(lambda: app.screen is screen and screen.composer.text == "", pilot)
        await settled(pilot)
    assert "the answer" in await sent_texts(workspace, "Carlos")


@pytest.mark.parametrize("anyway", [False, True])
async def test_a_template_stops_at_what_came_behind_the_picker(workspace: Workspace, anyway: bool) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Jonas")
        watch = timed(screen)
        await pilot.press("t")
        await until(lambda: isinstance(app.screen, TemplatePicker), pilot)
        picker = app.screen
        await colleague_sends_template(workspace, "Jonas")
        await until(lambda: any(entry.author == "bo" for entry in screen.timeline.entries[-3:]), pilot)
        watch.seconds += 60
        await pilot.press(*"refund", "enter")
        await until(lambda: picker.has_class("-filling"), pilot)
        await pilot.pause()
        await pilot.press("enter", *"20 EUR", "enter")
        await panel(pilot)
        await pilot.press("2" if anyway else "escape")
        await until(lambda: app.screen is screen, pilot)
        if anyway:
            await until(lambda: "queued" in status(screen), pilot)
        else:
            await until(lambda: "The template was not sent." in status(screen), pilot)
        await settled(pilot)
        mine = [entry for entry in screen.timeline.entries if entry.content_kind is ContentKind.TEMPLATE]
        assert len([entry for entry in mine if entry.author == "ana"]) == int(anyway)


async def colleague_sends_template(workspace: Workspace, who: str) -> None:
    from tui_inbox.services.send_plan import TemplateChoice

    async def send(services: ScreenServices) -> None:
        bo, contact_id = await services.directory.agent("bo"), await find(services, who)
        choice = TemplateChoice("follow_up", "en", {"1": "Jonas", "2": "A-77"})
        await services.sending.send(bo, SendRequest(contact_id, template=choice))

    await in_store(workspace, send)


async def test_a_tagged_answer_stops_too(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Oscar")
        await write(pilot, screen, "the answer")
        not_looking(screen)

        async def tagged(services: ScreenServices) -> None:
            bo = await services.directory.agent("bo")
            contact_id = await find(services, "Oscar")
            await services.sending.send(bo, SendRequest(contact_id, "bo was faster", tag="HUMAN_AGENT"))

        await in_store(workspace, tagged)
        await pilot.press("enter")
        assert "bo was faster" in news(await panel(pilot))
        await pilot.press("2")
        await until(lambda: screen.composer.text == "", pilot)
        await settled(pilot)
        assert screen.timeline.entries[-1].tag == "HUMAN_AGENT"


def test_when_an_entry_counts_as_read() -> None:
    watch = Stopwatch()
    seen = Seen(watch)
    seen.opened(10)
    assert seen.newest(hidden=False) == 10
    seen.came(12, hidden=False)
    seen.came(12, hidden=False)
    watch.seconds = READ_TIME / 2
    seen.came(14, hidden=False)
    assert seen.newest(hidden=False) == 10
    watch.seconds = READ_TIME
    assert seen.newest(hidden=False) == 12, "the repeated look did not begin its time again"
    watch.seconds = 10 * READ_TIME
    assert seen.newest(hidden=True) == 12
    seen.came(15, hidden=True)
    assert seen.newest(hidden=False) == 14
    seen.read(15)
    seen.read(3)
    assert seen.newest(hidden=True) == 15
    seen.opened(2)
    assert seen.newest(hidden=False) == 2, "another conversation has numbers of its own"


async def test_an_assignment_stops_when_somebody_was_quicker(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Yusuf")
        await dialog(pilot, "a", AssignDialog)
        await bo_takes(workspace, "Yusuf")
        await pilot.press(*"dora", "enter")
        await until(lambda: "somebody was quicker, and bo has it now" in status(screen), pilot)
        await settled(pilot)
        owner = view_of(screen).assignee
        assert owner is not None
        assert owner.handle == "bo"
        assert app.screen is screen


async def test_what_was_confirmed_is_taken_from_that_person_only(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Priya")
        shown = await dialog(pilot, "i", ConfirmDialog)
        assert "bo has this conversation" in shown.query_one("#question").plain
        await gives(workspace, "Priya", "dora")
        await pilot.press("y")
        await until(lambda: "somebody was quicker, and dora has it now" in status(screen), pilot)


async def gives(workspace: Workspace, who: str, handle: str) -> None:
    async def assign(services: ScreenServices) -> None:
        to = await services.directory.agent(handle)
        await services.lifecycle.assign(await services.directory.agent("bo"), await find(services, who), to)

    await in_store(workspace, assign)


async def bo_takes(workspace: Workspace, who: str) -> None:
    await gives(workspace, who, "bo")


async def test_taking_many_asks_when_some_are_others(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("3", "O", "x", *"jjjjjj", "V")
        await list_settled(pilot)
        before = await owners(app)
        others = [handle for handle in before if handle not in {"", "ana"}]
        assert others
        await pilot.press("i")
        await until(lambda: isinstance(app.screen, ConfirmDialog), pilot)
        question = " ".join(app.screen.query_one("#question").plain.split())  # type: ignore[attr-defined]  # lines
        assert f"{len(others)} of these {len(before)} conversations are others'" in question
        assert all(handle in question for handle in others), question
        await pilot.press("n")
        await until(lambda: app.screen is inbox, pilot)
        assert await owners(app) == before
        await pilot.press("i")
        await until(lambda: isinstance(app.screen, ConfirmDialog), pilot)
        await pilot.press("y")
        await until(lambda: not inbox.rows.selected, pilot)
        assert f"{len(before)} of {len(before)}" in inbox.status.sentence


async def owners(app: TuiInbox) -> list[str]:
    """Who has the selected conversations."""
    views = [await app.services.contacts.view(ident) for ident in inbox_of(app).rows.selected]
    return [view.assignee.handle if view.assignee is not None else "" for view in views]


async def test_the_time_since_the_reply_is_told(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        await write(pilot, screen, "the answer")
        not_looking(screen)
        await colleague_sends(workspace, "Carlos", "bo was faster")
        workspace.clock.forward(timedelta(seconds=4))
        await pilot.press("enter")
        told = (await panel(pilot)).query_one("#told").plain  # type: ignore[attr-defined]  # lines
        assert "replied 4 s ago" in told
