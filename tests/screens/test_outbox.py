"""The outbox screen: whose messages it shows, opening, deciding about one and about many."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from textual.pilot import Pilot

from tests.screens.conftest import Workspace, inbox_of, until
from tests.screens.conversing import in_store, settled
from tests.screens.outboxing import make_lead, message, open_outbox, states
from tests.screens.services import ScreenServices
from tests.screens.test_conversation_hostile import forbidden, painted
from tests.support.hostile import texts
from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.screens.conversation import ConversationScreen
from tui_inbox.screens.dialogs.confirm import ConfirmDialog
from tui_inbox.screens.inbox import InboxScreen
from tui_inbox.screens.outbox import OutboxScreen
from tui_inbox.widgets.status_line import StatusLine

S = DeliveryState
SMALL = (80, 24)


def told(screen: OutboxScreen) -> str:
    """What the status line says."""
    return screen.query_one(StatusLine).sentence


def shown(screen: OutboxScreen) -> list[str]:
    """Ids of the rows."""
    return [row.message_id for row in screen.rows.window.rows]


async def cursor_on(pilot: Pilot[Any], screen: OutboxScreen, message_id: str) -> None:
    """Put the cursor on a message and wait until it is told of."""
    screen.rows.select_row(message_id)
    await until(lambda: screen.detail is not None and screen.detail.item.message_id == message_id, pilot)


async def test_the_title_counts_trouble_and_its_key_opens_the_list(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        inbox = inbox_of(app)
        await until(lambda: "1 uncertain, 1 failed M" in inbox.title_line.plain, pilot)
        screen = await open_outbox(pilot)
        assert "Outbox · Mine   1 uncertain, 1 failed" in screen.title_line.plain
        assert [row.state for row in screen.rows.window.rows] == [S.UNCERTAIN, S.FAILED]
        await pilot.press("M")
        await until(lambda: app.screen is inbox, pilot)


async def test_without_trouble_nothing_is_counted(workspace: Workspace) -> None:
    workspace.agent = "bo"
    async with workspace.running(SMALL) as (app, pilot):
        await settled(pilot)
        assert "uncertain" not in inbox_of(app).title_line.plain
        screen = await open_outbox(pilot)
        assert "nothing needs a decision" in screen.title_line.plain
        assert "Every message of yours is through." in painted(screen)
        await pilot.press("R")
        await until(lambda: "No message here needs a decision" in told(screen), pilot)
        await pilot.press("3")
        await until(lambda: "Only a lead" in told(screen), pilot)
        assert not screen.everybody


async def test_a_lead_sees_everybodys_and_switches(workspace: Workspace) -> None:
    of_bo = await message(workspace, "Carlos", "From Bo", S.FAILED, by="bo", error="no such number")
    await make_lead(workspace)
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_outbox(pilot)
        assert screen.everybody
        assert of_bo in shown(screen)
        assert "bo " in painted(screen)
        await pilot.press("1")
        await until(lambda: of_bo not in shown(screen), pilot)
        await pilot.press("3")
        await until(lambda: of_bo in shown(screen), pilot)


async def test_enter_opens_the_conversation_at_this_message_and_esc_returns(workspace: Workspace) -> None:
    wanted = await message(workspace, "Carlos", "the one in question", S.FAILED, error="no such number")
    await message(workspace, "Carlos", "a later one", S.FAILED, error="no such number", ago=timedelta(minutes=10))
    async with workspace.running(SMALL) as (app, pilot):
        outbox = await open_outbox(pilot)
        await cursor_on(pilot, outbox, wanted)
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ConversationScreen) and app.screen.shown is not None, pilot)
        await settled(pilot)
        screen = app.screen
        assert isinstance(screen, ConversationScreen)
        assert screen.timeline.selected is not None
        assert screen.timeline.selected.message_id == wanted
        assert screen.trouble.current is not None
        assert screen.trouble.current.item.message_id == wanted
        await pilot.press("escape")
        await until(lambda: app.screen is outbox, pilot)
        assert outbox.rows.current is not None
        assert outbox.rows.current.message_id == wanted


async def test_a_message_far_up_is_brought_into_view(workspace: Workspace) -> None:
    wanted = await message(workspace, "Carlos", "long ago", S.FAILED, error="no", ago=timedelta(hours=3))

    async def notes(services: ScreenServices) -> None:
        agent = await services.directory.agent("ana")
        item = await services.outbox.item(wanted)
        assert item is not None
        for number in range(120):
            await services.lifecycle.note(agent, item.contact_id, f"note {number}")

    await in_store(workspace, notes)
    async with workspace.running(SMALL) as (app, pilot):
        await cursor_on(pilot, await open_outbox(pilot), wanted)
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ConversationScreen) and app.screen.shown is not None, pilot)
        await settled(pilot)
        assert "long ago" in painted(app.screen)


async def test_deciding_here_about_the_one_under_the_cursor(workspace: Workspace) -> None:
    failed = await message(workspace, "Carlos", "again, please", S.FAILED, error="busy")
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_outbox(pilot)
        await cursor_on(pilot, screen, failed)
        await pilot.press("Y")
        await until(lambda: "Only an uncertain message" in told(screen), pilot)
        await pilot.press("R")
        await until(lambda: "Queued again." in told(screen), pilot)
        kwame = next(row.message_id for row in screen.rows.window.rows if row.state is S.UNCERTAIN)
        await cursor_on(pilot, screen, kwame)
        await pilot.press("R")
        await until(lambda: isinstance(app.screen, ConfirmDialog), pilot)
        await pilot.press("escape")
        await until(lambda: app.screen is screen, pilot)
        await pilot.press("Y")
        await until(lambda: kwame not in shown(screen), pilot)
    assert await states(workspace, [failed, kwame]) == [S.QUEUED, S.SENT]


async def test_many_are_sent_again_only_after_the_uncertain_ones_are_confirmed(workspace: Workspace) -> None:
    failed = await message(workspace, "Carlos", "one", S.FAILED, error="busy")
    unsure = await message(workspace, "Yusuf", "two", S.UNCERTAIN, error="broke off")
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_outbox(pilot)
        for ident in (failed, unsure):
            await cursor_on(pilot, screen, ident)
            await pilot.press("x")
        assert "✓ 2 selected" in screen.title_line.plain
        await pilot.press("R")
        await until(lambda: isinstance(app.screen, ConfirmDialog), pilot)
        question = painted(app.screen)
        assert "2 messages are sent again. 1 of them is uncertain" in question
        assert "twice" in question
        await pilot.press("escape")
        await until(lambda: app.screen is screen, pilot)
        await settled(pilot)
        assert await states(workspace, [failed, unsure]) == [S.FAILED, S.UNCERTAIN]
        await pilot.press("R")
        await until(lambda: isinstance(app.screen, ConfirmDialog), pilot)
        await pilot.press("y")
        await until(lambda: "Queued again: 2 of 2." in told(screen), pilot)
        assert not screen.rows.selected
    assert await states(workspace, [failed, unsure]) == [S.QUEUED, S.QUEUED]


async def test_many_are_dropped_after_one_question_and_refusals_are_told(workspace: Workspace) -> None:
    mine = await message(workspace, "Carlos", "one", S.FAILED, error="busy")
    handed = await message(workspace, "Yusuf", "two", S.FAILED, error="busy")
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_outbox(pilot)
        for ident in (mine, handed):
            await cursor_on(pilot, screen, ident)
            await pilot.press("x")
        await pilot.press("D")
        await until(lambda: isinstance(app.screen, ConfirmDialog), pilot)

        async def settle(services: ScreenServices) -> None:
            await services.sending.cancel(await services.directory.agent("ana"), handed)

        await in_store(workspace, settle)
        await pilot.press("y")
        await until(lambda: "Dropped: 1 of 2. Not done: 1; the first: The message was cancelled" in told(screen), pilot)
    assert await states(workspace, [mine]) == [S.CANCELLED]


async def test_what_happens_elsewhere_is_seen(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_outbox(pilot)
        before = len(shown(screen))
        failed = await message(workspace, "Carlos", "new", S.FAILED, error="busy")
        await until(lambda: failed in shown(screen), pilot)
        await until(lambda: "2 failed" in screen.title_line.plain, pilot)
        assert len(shown(screen)) == before + 1


async def test_a_channel_that_rests_is_told_above_the_list(workspace: Workspace) -> None:
    await message(workspace, "Yusuf", "waits", S.QUEUED)

    async def pause(services: ScreenServices) -> None:
        channel = next(item for item in await services.directory.channels() if item.kind == "whatsapp")
        until_then = workspace.clock() + timedelta(hours=4, minutes=5)
        await services.store.write(
            lambda unit: unit.directory.pause_channel(channel.id, "it asked to send more slowly", until_then)
        )

    await in_store(workspace, pause)
    async with workspace.running((120, 40)) as (_, pilot):
        screen = await open_outbox(pilot)
        await until(lambda: "1 waits, the oldest for 20 min; rests until 14:05" in screen.queues.plain, pilot)
        assert "waits: WhatsApp rests until 14:05 (it asked to send more slowly)" in painted(screen)


async def test_the_palette_and_the_conversation_know_the_outbox(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        inbox = inbox_of(app)
        assert inbox.commands()["outbox"] == ""
        screen = await open_outbox(pilot)
        assert "outbox_everybody" in screen.commands()
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ConversationScreen), pilot)
        await settled(pilot)
        await pilot.press("M")
        await pilot.pause()
        assert isinstance(app.screen, ConversationScreen)
        await pilot.press("escape")
        await until(lambda: app.screen is screen, pilot)
        await pilot.press("escape")
        await until(lambda: isinstance(app.screen, InboxScreen), pilot)


async def test_hostile_text_stays_text_in_the_outbox(workspace: Workspace) -> None:
    made = await message(workspace, "Carlos", "x", S.FAILED, error="y")
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_outbox(pilot)
        await cursor_on(pilot, screen, made)
        from dataclasses import replace

        assert screen.detail is not None
        detail = screen.detail
        for one in texts():
            item = replace(
                detail.item, contact_name=one.text, body=one.text, error_text=one.text, queued_by=one.text,
                channel_name=one.text,
            )  # fmt: skip
            attempt = replace(detail.attempts[0], error_text=one.text, outcome=one.text, error_code=one.text)
            waits = replace(item, state=S.QUEUED, paused_reason=one.text)
            screen.rows.window.rows = [item, waits]
            screen.rows.repaint()
            screen.detail = replace(detail, item=item, attempts=(attempt,))
            screen.panel.tell(screen._lines)
            await pilot.pause()
            cells = painted(screen)
            assert not forbidden(cells), one.id
            assert screen.is_current, f"{one.id} became an action"
