"""The panel about a message that is not through, and what its keys do in the conversation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.screens.conftest import Workspace, until
from tests.screens.conversing import find, in_store, open_conversation, settled
from tests.screens.outboxing import message, states
from tests.screens.services import ScreenServices
from tests.screens.test_conversation_hostile import forbidden, painted
from tests.support.hostile import texts
from tui_inbox.domain.kinds import ComposerMode, ConversationStatus, DeliveryState
from tui_inbox.domain.models import TimelineEntry
from tui_inbox.screens.conversation import ConversationScreen
from tui_inbox.screens.dialogs.confirm import ConfirmDialog
from tui_inbox.screens.template_picker import TemplatePicker
from tui_inbox.widgets.decision_panel import DecisionPanel
from tui_inbox.widgets.status_line import StatusLine

S = DeliveryState
SMALL = (80, 24)
MINUTE = timedelta(minutes=1)


def panel(screen: ConversationScreen) -> str:
    """The panel's words on one line."""
    shown = screen.query_one(DecisionPanel)
    return " ".join(shown.plain.replace("│", " ").split()) if shown.display else ""


def told(screen: ConversationScreen) -> str:
    """What the status line says."""
    return screen.query_one(StatusLine).sentence


async def thread_of(workspace: Workspace, who: str) -> list[TimelineEntry]:
    """The thread as another process reads it."""

    async def work(services: ScreenServices) -> list[TimelineEntry]:
        return await services.contacts.timeline(await find(services, who))

    found: list[TimelineEntry] = await in_store(workspace, work)
    return found


async def test_an_uncertain_message_tells_what_is_known_and_three_ways(workspace: Workspace) -> None:
    await message(workspace, "Yusuf", "Is it there?", S.UNCERTAIN, error="broke off", ago=MINUTE)
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Yusuf")
        words = panel(screen)
        assert "? uncertain WhatsApp · queued 09:59, 1 min ago · by ana" in words
        assert (
            "The connection broke after the message may have gone out. WhatsApp has not confirmed it. "
            "WhatsApp can still confirm it by itself; usually by 10:01." in words
        )
        assert "try 1 09:59:00 may have gone out after 20 s · broke off" in words
        assert "Y it arrived R send again, from 10:00:30 D drop" in words
        await pilot.press("R")
        await until(lambda: isinstance(app.screen, ConfirmDialog), pilot)
        assert "twice" in painted(app.screen)
        await pilot.press("y")
        await until(lambda: "Try again in 31 s" in told(screen), pilot)
        workspace.clock.forward(2 * MINUTE)
        screen.reading.again()
        await until(lambda: "R send again D drop" in panel(screen), pilot)
        assert "WhatsApp usually confirms by 10:01 but has reported nothing since" in panel(screen)
        await pilot.press("R")
        await until(lambda: isinstance(app.screen, ConfirmDialog), pilot)
        await pilot.press("y")
        await until(lambda: panel(screen) == "", pilot)
        assert "◷ queued" in screen.timeline.plain


async def test_other_news_of_the_channel_make_it_likely_that_it_never_took_it(workspace: Workspace) -> None:
    await message(workspace, "Yusuf", "Is it there?", S.UNCERTAIN, error="broke off")

    async def heard(services: ScreenServices) -> None:
        channel = next(item for item in await services.directory.channels() if item.kind == "whatsapp")
        await services.store.write(lambda unit: unit.directory.saw_webhook(channel.id, workspace.clock()))

    await in_store(workspace, heard)
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Yusuf")
        assert "has reported other things since 09:42 but not this one: it probably never took it" in panel(screen)


async def test_a_channel_that_confirms_nothing_says_so(workspace: Workspace) -> None:
    await message(workspace, "Carlos", "Is it there?", S.UNCERTAIN, error="broke off")
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        assert "Telegram confirms nothing afterwards: check with the customer." in panel(screen)


async def test_one_moves_between_several_in_trouble(workspace: Workspace) -> None:
    first = await message(workspace, "Carlos", "first", S.FAILED, error="busy", ago=3 * MINUTE)
    second = await message(workspace, "Carlos", "second", S.UNCERTAIN, error="broke off", ago=2 * MINUTE)
    third = await message(workspace, "Carlos", "third", S.QUEUED, ago=MINUTE)
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        assert "2 of 3 · N next" in panel(screen)
        seen = []
        for _ in range(3):
            await pilot.press("N")
            assert screen.trouble.current is not None
            seen.append(screen.trouble.current.item.message_id)
        assert seen == [first, third, second]
        await pilot.press("N", "N")
        assert "Waits behind an uncertain message: decide about that one first." in panel(screen)
        await pilot.press("D")
        await until(lambda: "Dropped" in told(screen), pilot)
        await pilot.press("escape")
        assert screen.timeline.selected is None
    assert await states(workspace, [first, second, third]) == [S.FAILED, S.UNCERTAIN, S.CANCELLED]


async def test_without_trouble_there_is_no_panel(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        assert not screen.query_one(DecisionPanel).display
        for key in ("N", "T", "E"):
            await pilot.press(key)
            await until(lambda: "Every message here is through" in told(screen), pilot)
            screen.say("")


async def test_every_attempt_is_told_on_request(workspace: Workspace) -> None:
    made = await message(workspace, "Carlos", "again and again", S.FAILED, error="busy", ago=3 * MINUTE)

    async def again(services: ScreenServices) -> None:
        await services.sending.retry(await services.directory.agent("ana"), made)

    await in_store(workspace, again)
    from tests.screens.outboxing import _end

    async def end(services: ScreenServices) -> None:
        await services.store.write(lambda unit: _end(unit, made, S.FAILED, "gone for good", workspace.clock()))

    await in_store(workspace, end)
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        assert "try 2 of 2 10:00:00 refused after 20 s · HTTP 400 · gone for good" in panel(screen)
        assert "try 1 of 2" not in panel(screen)
        await pilot.press("T")
        assert "try 1 of 2 09:57:00 refused after 20 s · HTTP 400 · busy" in panel(screen)
        await pilot.press("T")
        assert "try 1 of 2" not in panel(screen)


async def test_a_stranger_is_told_who_decides(workspace: Workspace) -> None:
    made = await message(workspace, "Carlos", "of bo", S.FAILED, error="busy", by="bo")

    async def hand_over(services: ScreenServices) -> None:
        bo, chen = await services.directory.agent("bo"), await services.directory.agent("chen")
        await services.lifecycle.assign(bo, await find(services, "Carlos"), chen)

    await in_store(workspace, hand_over)
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        assert "Its sender, whoever has the conversation, or a lead decides about it." in panel(screen)
        await pilot.press("D")
        await until(lambda: "a lead decides" in told(screen), pilot)
    assert await states(workspace, [made]) == [S.FAILED]


async def block(workspace: Workspace, who: str, text: str) -> str:
    """A text that was queued while the window was open and blocked when it had closed."""
    made = await message(
        workspace, who, text, S.BLOCKED, error="the messaging window closed", ago=timedelta(), channel="whatsapp"
    )
    workspace.clock.forward(timedelta(days=2))
    return made


async def test_a_blocked_text_comes_back_below_the_draft_and_names_the_ways_out(workspace: Workspace) -> None:
    made = await block(workspace, "Yusuf", "Your parcel left")
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Yusuf")
        words = panel(screen)
        assert "It was held back: the messaging window closed. Nothing was sent." in words
        assert "t template E text back, wait for a reply R try again D drop" in words
        screen.composer.replace("Another thought")
        await pilot.press("E")
        await until(lambda: screen.composer.text == "Another thought\nYour parcel left", pilot)
        assert "t chooses a template, or wait for a reply" in told(screen)
        assert screen.composer.mode is ComposerMode.TEMPLATE
        await until(lambda: panel(screen) == "", pilot)
        await settled(pilot)
    assert await states(workspace, [made]) == [S.CANCELLED]
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Yusuf")
        assert screen.composer.text == "Another thought\nYour parcel left"


async def test_a_template_does_not_wait_behind_the_blocked_text(workspace: Workspace) -> None:
    made = await block(workspace, "Yusuf", "Your parcel left")
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Yusuf")
        await pilot.press("t")
        await until(lambda: isinstance(app.screen, TemplatePicker), pilot)
        await pilot.press(*"refund", "enter", "enter", *"20 EUR", "enter")
        await until(lambda: "queued" in told(screen), pilot)
        assert screen.composer.text == "Your parcel left"
    assert await states(workspace, [made]) == [S.CANCELLED]
    newest = (await thread_of(workspace, "Yusuf"))[-1]
    assert (newest.state, newest.waits is not None and newest.waits.kind) == (S.QUEUED, "held")


async def test_undo_takes_reopening_and_assignment_back_as_well(workspace: Workspace) -> None:
    workspace.agent = "bo"
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos", start="write")

        def whose() -> tuple[Any, str]:
            assert screen.shown is not None
            view = screen.shown.view
            return view.conversation.status, "" if view.assignee is None else view.assignee.handle

        before = whose()
        assert before[0] is ConversationStatus.CLOSED
        assert before[1] != "bo"
        await pilot.press(*"too soon", "enter")
        await until(lambda: whose() == (ConversationStatus.OPEN, "bo"), pilot)
        assert "◔ held" in screen.timeline.plain
        await pilot.press("escape", "u")
        await until(lambda: whose() == before, pilot)
        assert screen.composer.text == "too soon"
        assert "∅ cancelled" in screen.timeline.plain


async def test_hostile_text_stays_text_in_the_panel(workspace: Workspace) -> None:
    await message(workspace, "Carlos", "x", S.FAILED, error="y")
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        assert screen.shown is not None
        shown = screen.shown
        detail = shown.details[0]
        for one in texts():
            item = replace(detail.item, error_text=one.text, queued_by=one.text, paused_reason=one.text)
            attempt = replace(detail.attempts[0], error_text=one.text, outcome=one.text)
            screen.trouble.show((replace(detail, item=item, attempts=(attempt,)),))
            await pilot.pause()
            assert not forbidden(painted(screen)), one.id
            assert screen.is_current, f"{one.id} became an action"
