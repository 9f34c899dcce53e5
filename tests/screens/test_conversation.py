"""The conversation screen as a whole: sending reopens and assigns, nothing goes twice, what arrives shows by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.screens.conftest import Workspace, until
from tests.screens.conversing import find, in_store, not_looking, open_conversation, settled
from tests.screens.services import ScreenServices
from tui_inbox.domain.kinds import ConversationStatus, DeliveryState, Direction
from tui_inbox.repository.unit import Unit
from tui_inbox.screens.conversation import ConversationScreen
from tui_inbox.screens.dialogs.confirm import ConfirmDialog
from tui_inbox.screens.dialogs.conflict import ConflictDialog
from tui_inbox.services.send_plan import SendRequest
from tui_inbox.widgets.status_line import StatusLine

SMALL = (80, 24)


def status(screen: ConversationScreen) -> str:
    """What the status line says."""
    return screen.query_one(StatusLine).sentence


def conversation_status(screen: ConversationScreen) -> ConversationStatus:
    """Of the contact as it is shown."""
    assert screen.shown is not None
    return screen.shown.view.conversation.status


async def write(pilot: Pilot[Any], screen: ConversationScreen, text: str) -> None:
    """Type a text into the composer."""
    screen.composer.field.focus()
    await pilot.pause()
    await pilot.press(*text)


async def customer_writes(workspace: Workspace, who: str, body: str) -> None:
    """A message of the customer arrives, stored by another process."""

    async def arrive(services: ScreenServices) -> None:
        contact_id = await find(services, who)
        now = workspace.clock()

        async def work(unit: Unit) -> None:
            address = (await unit.contacts.channels_of(contact_id))[0]
            await unit.timeline.add_inbound(
                contact_id=contact_id,
                contact_channel_id=address.id,
                channel_id=address.channel.id,
                provider_id=f"test-{body}",
                at=now,
                arrived_at=now,
                body=body,
            )
            await unit.contacts.record_inbound(address.id, qualifying_at=now, inbound_at=now)

        await services.store.write(work)

    await in_store(workspace, arrive)


async def sent_texts(workspace: Workspace, who: str) -> list[str]:
    """Bodies of our messages in the store, oldest first."""

    async def read(services: ScreenServices) -> list[str]:
        entries = await services.contacts.timeline(await find(services, who), limit=500)
        return [entry.body for entry in entries if entry.direction is Direction.OUTBOUND]

    found: list[str] = await in_store(workspace, read)
    return found


async def test_sending_reopens_and_assigns_and_says_how_to_take_it_back(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        assert conversation_status(screen) is ConversationStatus.CLOSED
        await write(pilot, screen, "hello again")
        await pilot.press("enter")
        await until(lambda: screen.composer.text == "", pilot)
        assert "queued" in status(screen)
        assert "u takes it back for 5 s" in status(screen)
        await until(lambda: conversation_status(screen) is ConversationStatus.OPEN, pilot)
        mine = screen.timeline.entries
        assert any(entry.body == "hello again" and entry.state is DeliveryState.QUEUED for entry in mine)
        assert "◔ held" in screen.timeline.plain
    assert (await sent_texts(workspace, "Carlos"))[-1] == "hello again"


async def test_enter_twice_sends_once(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        await write(pilot, screen, "only once")
        screen.composer.submit()
        screen.composer.submit()
        await pilot.press("enter", "enter")
        await until(lambda: screen.composer.text == "", pilot)
        await settled(pilot)
    assert (await sent_texts(workspace, "Carlos")).count("only once") == 1


async def test_the_same_words_may_be_sent_again_on_purpose(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        for _ in range(2):
            await write(pilot, screen, "twice")
            await pilot.press("enter")
            await until(lambda: screen.composer.text == "", pilot)
            await settled(pilot)
    assert (await sent_texts(workspace, "Carlos")).count("twice") == 2


async def test_what_is_typed_while_sending_stays(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        await write(pilot, screen, "first")
        screen.composer.submit()
        screen.composer.field.insert(" and more")
        await until(lambda: screen.composer.text == " and more", pilot)
        await settled(pilot)
    assert (await sent_texts(workspace, "Carlos"))[-1] == "first"


async def test_undo_brings_text_and_conversation_back(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        await write(pilot, screen, "too soon")
        await pilot.press("enter")
        await until(lambda: conversation_status(screen) is ConversationStatus.OPEN, pilot)
        await settled(pilot)
        await pilot.press("escape", "u")
        await until(lambda: screen.composer.text == "too soon", pilot)
        await until(lambda: conversation_status(screen) is ConversationStatus.CLOSED, pilot)
        assert "∅ cancelled" in screen.timeline.plain


async def test_what_the_policy_refuses_leaves_text_and_reason(workspace: Workspace) -> None:
    async def block(services: ScreenServices) -> None:
        agent = await services.directory.agent("bo")
        await services.lifecycle.block(agent, await find(services, "Carlos"))

    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        await write(pilot, screen, "hello")
        await in_store(workspace, block)
        await pilot.press("enter")
        await until(lambda: "text is kept" in status(screen), pilot)
        assert screen.composer.text == "hello"
        assert "blocked" in status(screen)
        await until(lambda: "✕ blocked for good" in screen.policy.plain, pilot)


async def test_a_newer_message_stops_the_send_until_somebody_decides(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Carlos")
        await write(pilot, screen, "the answer")
        workspace.clock.forward(timedelta(seconds=3))
        not_looking(screen)
        await customer_writes(workspace, "Carlos", "wait, I was wrong")
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ConflictDialog), pilot)
        assert "wait, I was wrong" in app.screen.query_one("#news").plain  # type: ignore[attr-defined]  # lines
        await pilot.press("escape")
        await until(lambda: app.screen is screen, pilot)
        assert screen.composer.text == "the answer"
        await until(lambda: "wait, I was wrong" in screen.timeline.plain, pilot)
    assert "the answer" not in await sent_texts(workspace, "Carlos")


@pytest.mark.parametrize(("key", "sent", "left"), [("2", True, ""), ("3", False, ""), ("1", False, "the answer")])
async def test_the_three_ways_out_of_a_conflict(workspace: Workspace, key: str, sent: bool, left: str) -> None:
    async def colleague(services: ScreenServices) -> None:
        bo = await services.directory.agent("bo")
        await services.sending.send(bo, SendRequest(await find(services, "Carlos"), "bo was faster"))

    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Carlos")
        await write(pilot, screen, "the answer")
        not_looking(screen)
        await in_store(workspace, colleague)
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ConflictDialog), pilot)
        assert "bo was faster" in app.screen.query_one("#news").plain  # type: ignore[attr-defined]  # lines
        await pilot.press(key)
        await until(lambda: app.screen is screen and screen.composer.text == left, pilot)
        await settled(pilot)
    assert ("the answer" in await sent_texts(workspace, "Carlos")) is sent


async def test_what_arrives_shows_by_itself(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Scarlet")
        assert "template only" in screen.policy.plain
        await customer_writes(workspace, "Scarlet", "I am back")
        await until(lambda: "I am back" in screen.timeline.plain, pilot)
        assert screen.timeline.at_end
        assert "● open" in screen.policy.plain


async def long_thread(workspace: Workspace, who: str, messages: int) -> None:
    """Give somebody a long history."""

    async def fill(services: ScreenServices) -> None:
        contact_id = await find(services, who)
        start = workspace.clock() - timedelta(days=3)

        async def work(unit: Unit) -> None:
            address = (await unit.contacts.channels_of(contact_id))[0]
            for number in range(messages):
                at = start + timedelta(minutes=number)
                await unit.timeline.add_inbound(
                    contact_id=contact_id,
                    contact_channel_id=address.id,
                    channel_id=address.channel.id,
                    provider_id=f"long-{number}",
                    at=at,
                    arrived_at=at,
                    body=f"message number {number}",
                )

        await services.store.write(work)

    await in_store(workspace, fill)


def top_row(screen: ConversationScreen) -> str:
    """The first row on the screen."""
    return screen.timeline.plain.splitlines()[screen.timeline.scroll_offset.y]


async def test_older_messages_come_as_one_scrolls_and_nothing_jumps(workspace: Workspace) -> None:
    await long_thread(workspace, "Carlos", 180)
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        assert len(screen.timeline.entries) == 50
        before = next(row for row in screen.timeline.plain.splitlines() if "message number" in row)
        await pilot.press("g", "g")
        await until(lambda: len(screen.timeline.entries) == 100, pilot)
        assert before in screen.timeline.plain.splitlines()[screen.timeline.scroll_offset.y :][:4]
        while "the beginning" not in screen.timeline.plain:
            await pilot.press("g", "g")
            await settled(pilot)
        bodies = [entry.body for entry in screen.timeline.entries if "message number" in entry.body]
        assert bodies == [f"message number {number}" for number in range(180)]
        await pilot.press("G")
        assert screen.timeline.at_end


async def test_news_does_not_move_what_one_reads(workspace: Workspace) -> None:
    await long_thread(workspace, "Carlos", 60)
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        await pilot.press("pageup", "k", "k")
        await settled(pilot)
        before = top_row(screen)
        await customer_writes(workspace, "Carlos", "something new")
        await until(lambda: screen.timeline.new_below == 1, pilot)
        assert top_row(screen) == before
        last = screen.timeline.render_line(screen.timeline.size.height - 1)
        assert "↓ 1 new below" in last.text
        await pilot.press("G")
        assert screen.timeline.new_below == 0
        assert "something new" in screen.timeline.plain


async def test_an_uncertain_message_is_settled_or_sent_again_only_after_a_second_word(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        screen = await open_conversation(pilot, "Kwame")
        assert "? uncertain" in screen.timeline.plain
        await pilot.press("R")
        await until(lambda: isinstance(app.screen, ConfirmDialog), pilot)
        assert "twice" in app.screen.query_one("#question").plain  # type: ignore[attr-defined]  # lines
        await pilot.press("escape")
        await until(lambda: app.screen is screen, pilot)
        assert "? uncertain" in screen.timeline.plain
        await pilot.press("Y")
        await until(lambda: "? uncertain" not in screen.timeline.plain, pilot)
        assert "✓ sent" in screen.timeline.plain


async def test_a_message_is_dropped(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Kwame")
        await pilot.press("D")
        await until(lambda: "∅ cancelled" in screen.timeline.plain, pilot)


async def test_a_failed_message_that_cannot_go_says_why(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Ayşe")
        await pilot.press("R")
        await until(lambda: status(screen).startswith("!"), pilot)
        assert "✗ failed" in screen.timeline.plain


async def test_without_trouble_the_keys_say_so(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Carlos")
        await pilot.press("R")
        await pilot.pause()
        assert "No message here needs a decision" in status(screen)


async def test_writing_where_nothing_may_be_sent_says_why(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Win")
        await pilot.press("r")
        await pilot.pause()
        assert "this contact is blocked" in status(screen)
        assert "unblock the contact first" in status(screen)


class Walk:
    """A list of three contacts."""

    def __init__(self, *contact_ids: int) -> None:
        self.contact_ids = contact_ids

    async def neighbour(self, contact_id: int, step: int) -> int | None:
        """The one beside."""
        place = self.contact_ids.index(contact_id) + step
        return self.contact_ids[place] if 0 <= place < len(self.contact_ids) else None


async def test_walking_through_the_list_keeps_every_draft_with_its_contact(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        services: Any = app.services
        walk = Walk(await find(services, "Carlos"), await find(services, "Oscar"))
        screen = await open_conversation(pilot, "Carlos", neighbours=walk)
        await write(pilot, screen, "for Carlos")
        await pilot.press("escape", "right_square_bracket")
        await until(lambda: screen.shown is not None and screen.customer == "Oscar Lindqvist", pilot)
        assert screen.composer.text == ""
        await pilot.press("right_square_bracket")
        await until(lambda: "last one" in status(screen), pilot)
        await pilot.press("left_square_bracket")
        await until(lambda: screen.shown is not None and screen.customer == "Carlos Fuentes", pilot)
        assert screen.composer.text == "for Carlos"


async def test_opening_marks_as_read(workspace: Workspace) -> None:
    async def unread(services: ScreenServices) -> None:
        async def work(unit: Unit) -> None:
            contact_id = await find(services, "Carlos")
            await unit.conversations.touch(
                contact_id,
                at=workspace.clock(),
                preview="hi",
                direction=Direction.INBOUND,
                contact_channel_id=None,
                waiting=True,
                unread_delta=3,
            )

        await services.store.write(work)

    async def count(services: ScreenServices) -> int:
        return (await services.contacts.view(await find(services, "Carlos"))).conversation.unread

    await in_store(workspace, unread)
    assert await in_store(workspace, count) == 3
    async with workspace.running(SMALL) as (_, pilot):
        await open_conversation(pilot, "Carlos")
        await settled(pilot)
    assert await in_store(workspace, count) == 0


@pytest.mark.parametrize(
    ("size", "folded"), [((80, 24), True), ((99, 30), True), ((100, 30), False), ((120, 40), False)]
)
async def test_the_card_folds_below_a_hundred_columns(
    workspace: Workspace, size: tuple[int, int], folded: bool
) -> None:
    async with workspace.running(size) as (_, pilot):
        screen = await open_conversation(pilot, "Amélie")
        assert screen.query_one("#head").display is folded
        assert screen.query_one("#card").display is not folded
        card: Any = screen.query_one("#head" if folded else "#card")
        assert "Amélie Rousseau" in card.plain
        assert "9 m 00 s" in card.plain
        workspace.clock.forward(timedelta(seconds=10))
        screen.policy.judge()
        await pilot.pause()
        assert "8 m 50 s" in card.plain


async def test_messages_can_be_chosen_by_keys_and_by_mouse(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (_, pilot):
        screen = await open_conversation(pilot, "Kwame")
        screen.timeline.select(-1)
        assert screen.timeline.selected is not None
        assert screen.timeline.selected.state is DeliveryState.UNCERTAIN
        screen.timeline.select(-1)
        assert screen.timeline.selected.direction is Direction.INBOUND
        await pilot.press("R")
        await pilot.pause()
        assert "Only a failed" in status(screen) or "No message" in status(screen)
        await pilot.press("escape")
        assert screen.timeline.selected is None


async def test_the_offer_to_take_back_goes_when_it_is_over(workspace: Workspace) -> None:
    async with workspace.running(SMALL) as (app, pilot):
        services: Any = app.services
        services.context.rules = replace(services.context.rules, undo_seconds=2.0)
        screen = await open_conversation(pilot, "Carlos")
        await write(pilot, screen, "hello")
        screen.composer.submit()
        await until(lambda: "takes it back" in status(screen), pilot)
        await until(lambda: status(screen) == "", pilot)
