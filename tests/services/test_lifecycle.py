"""Closing, opening, snoozing, assigning, notes, blocking, and their undo."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, timedelta
from itertools import product

import pytest

from tests.services.world import DAY, HOUR, World
from tui_inbox.domain.errors import ConflictError, InboxError, NotFoundError, PolicyRefusedError, UsageError
from tui_inbox.domain.kinds import ClosingLogic, ClosingNoteMode, ConversationStatus, Direction
from tui_inbox.domain.lifecycle import ClosingNote, WorkspaceRules
from tui_inbox.domain.models import Conversation
from tui_inbox.services.lifecycle import LifecycleResult

S = ConversationStatus
FULL = ClosingNote("solved", "Sent a new one.")
CATEGORY = ClosingNote("solved")
SUMMARY = ClosingNote("", "Sent a new one.")
NOTHING = ClosingNote()
OFF, OPTIONAL, CATEGORY_REQUIRED, BOTH_REQUIRED = ClosingNoteMode

ALLOWED = {
    OFF: [NOTHING],
    OPTIONAL: [NOTHING, CATEGORY, SUMMARY, FULL],
    CATEGORY_REQUIRED: [CATEGORY, FULL],
    BOTH_REQUIRED: [FULL],
}


@pytest.fixture
def world(world_on_each: World) -> World:
    """On both engines."""
    return world_on_each


@pytest.mark.parametrize(("mode", "note"), product(ClosingNoteMode, [NOTHING, CATEGORY, SUMMARY, FULL]))
async def test_closing_demands_the_note_of_the_workspace(
    database: str, mode: ClosingNoteMode, note: ClosingNote
) -> None:
    world = await World.build(database, WorkspaceRules(closing_notes=mode))
    try:
        contact, _ = await world.contact("telegram")
        await world.put(contact, S.OPEN, "ana")
        before = world.dump()
        if note not in ALLOWED[mode]:
            with pytest.raises((PolicyRefusedError, UsageError)):
                await world.lifecycle.close(world.ana, contact, note)
            assert world.dump() == before
            return
        await world.lifecycle.close(world.bo, contact, note)
        after = await world.conversation(contact)
        assert (after.status, after.closed_at, after.closed_by_id) == (S.CLOSED, world.clock(), world.bo.id)
        event = (await world.contacts.timeline(contact))[-1]
        assert (event.event, event.author) == ("closed", "bo")
        assert (event.detail["category"], event.detail["summary"]) == (note.category, note.summary)
    finally:
        await world.store.close()


async def test_a_category_that_does_not_exist_is_refused(world: World) -> None:
    contact, _ = await world.contact("telegram")
    await world.put(contact, S.OPEN)
    with pytest.raises(UsageError, match="not a closing category"):
        await world.lifecycle.close(world.ana, contact, ClosingNote("done"))


KEEPS = {
    (ClosingLogic.KEEP, False): True,
    (ClosingLogic.KEEP, True): True,
    (ClosingLogic.UNASSIGN, False): False,
    (ClosingLogic.UNASSIGN, True): False,
    (ClosingLogic.UNASSIGN_WHEN_AWAY, False): True,
    (ClosingLogic.UNASSIGN_WHEN_AWAY, True): False,
}


@pytest.mark.parametrize(("workspace", "team", "away"), product(ClosingLogic, [None, *ClosingLogic], [False, True]))
async def test_the_closing_logic_decides_who_keeps_it(
    database: str, workspace: ClosingLogic, team: ClosingLogic | None, away: bool
) -> None:
    world = await World.build(database, WorkspaceRules(closing_logic=workspace))
    try:
        contact, _ = await world.contact("telegram")
        team_id = await world.store.write(lambda unit: unit.directory.add_team("returns", team, [world.ana.id]))
        await world.store.write(lambda unit: unit.directory.set_away(world.ana.id, away))
        await world.put(contact, S.OPEN, "ana", team_id=team_id)
        result = await world.lifecycle.close(world.bo, contact)
        keeps = KEEPS[(team or workspace, away)]
        assert (await world.conversation(contact)).assignee_id == (world.ana.id if keeps else None)
        expected = "Closed; stays with ana." if keeps else "Closed; unassigned by closing logic (was ana)."
        assert result.message == expected
        events = [entry.event for entry in await world.contacts.timeline(contact)]
        assert events == (["closed"] if keeps else ["closed", "unassigned"])
    finally:
        await world.store.close()


async def test_closing_ends_the_waiting_and_undo_brings_it_back(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    await world.put(contact, S.SNOOZED, "ana")
    before = await world.conversation(contact)
    closed = await world.lifecycle.close(world.ana, contact)
    assert (closed.conversation.waiting_since, closed.conversation.snoozed_until) == (None, None)
    assert closed.undo is not None
    message = await world.lifecycle.undo(world.ana, closed.undo)
    assert message == "Undone: the conversation is snoozed again, as before it was closed."
    after = await world.conversation(contact)
    assert replace(after, version=0, last_seq=0) == replace(before, version=0, last_seq=0)
    assert (await world.contacts.timeline(contact))[-1].event == "undone"


Step = Callable[[World, int], Awaitable[LifecycleResult]]
STEPS: dict[str, tuple[ConversationStatus, str, Step]] = {
    "close": (S.OPEN, "bo", lambda world, contact: world.lifecycle.close(world.ana, contact)),
    "open": (S.CLOSED, "", lambda world, contact: world.lifecycle.open(world.ana, contact)),
    "snooze": (S.OPEN, "bo", lambda world, contact: world.lifecycle.snooze(world.ana, contact, world.clock() + DAY)),
    "assign": (S.OPEN, "bo", lambda world, contact: world.lifecycle.assign(world.ana, contact, world.cy)),
    "unassign": (S.CLOSED, "bo", lambda world, contact: world.lifecycle.assign(world.ana, contact, None)),
}


def comparable(row: Conversation) -> Conversation:
    return replace(row, version=0, last_seq=0)


@pytest.mark.parametrize("name", STEPS)
async def test_every_change_can_be_undone_once_and_only_untouched(world: World, name: str) -> None:
    status, owner, step = STEPS[name]
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    before = await world.put(contact, status, owner)
    done = await step(world, contact)
    assert done.undo is not None
    assert comparable(done.conversation) != comparable(before)
    await world.lifecycle.undo(world.ana, done.undo)
    assert comparable(await world.conversation(contact)) == comparable(before)
    with pytest.raises(ConflictError, match="changed the conversation since"):
        await world.lifecycle.undo(world.ana, done.undo)

    again = await step(world, contact)
    assert again.undo is not None
    await world.lifecycle.assign(world.bo, contact, world.bo if again.conversation.assignee_id != world.bo.id else None)
    touched = world.dump()
    with pytest.raises(ConflictError, match="changed the conversation since"):
        await world.lifecycle.undo(world.ana, again.undo)
    assert world.dump() == touched


@pytest.mark.parametrize("name", ["open", "snooze"])
async def test_undo_of_a_status_stops_when_somebody_has_written_since(world: World, name: str) -> None:
    status, owner, step = STEPS[name]
    contact, (link,) = await world.contact("telegram")
    await world.put(contact, status, owner)
    done = await step(world, contact)
    await world.customer_writes(contact, link)
    assert done.undo is not None
    with pytest.raises(ConflictError, match="written since"):
        await world.lifecycle.undo(world.ana, done.undo)


async def test_opening_by_hand(world: World) -> None:
    contact, _ = await world.contact("telegram")
    opened = await world.lifecycle.open(world.ana, contact)
    assert opened.message == "Opened; assigned to you."
    assert (opened.conversation.status, opened.conversation.assignee_id) == (S.OPEN, world.ana.id)
    before = world.dump()
    again = await world.lifecycle.open(world.bo, contact)
    assert (again.message, again.undo) == ("The conversation is open already.", None)
    assert world.dump() == before
    await world.lifecycle.close(world.ana, contact)
    assert (await world.lifecycle.open(world.bo, contact)).message == "Opened; stays with ana."


async def test_assigning_says_who_had_it_and_who_is_away(world: World) -> None:
    contact, _ = await world.contact("telegram")
    await world.store.write(lambda unit: unit.directory.set_away(world.cy.id, True))

    async def said(assignee: str) -> str:
        chosen = world.agents[assignee] if assignee else None
        return (await world.lifecycle.assign(world.ana, contact, chosen)).message

    assert await said("") == "Nobody has it already."
    assert await said("ana") == "Assigned to you."
    assert await said("ana") == "It is yours already."
    assert await said("bo") == "Assigned to bo (was ana)."
    assert await said("bo") == "bo has it already."
    assert await said("cy") == "Assigned to cy, who is away (was bo)."
    assert await said("") == "Unassigned (was cy)."
    with pytest.raises(NotFoundError):
        await world.lifecycle.assign(world.ana, contact, replace(world.bo, id=999, handle="gone"))


async def test_a_snooze_wakes_at_its_time_for_the_assignee_that_it_has(world: World) -> None:
    first, _ = await world.contact("telegram")
    second, _ = await world.contact("telegram")
    for contact, hours in ((first, 1), (second, 2)):
        await world.put(contact, S.OPEN, "bo")
        result = await world.lifecycle.snooze(world.bo, contact, world.clock() + hours * HOUR, zone=UTC)
        assert result.message == f"Snoozed until {12 + hours}:00."
    world.clock.move(HOUR - timedelta(microseconds=1))
    assert await world.lifecycle.wake_due() == 0
    world.clock.move(timedelta(microseconds=1))
    assert await world.lifecycle.wake_due() == 1
    assert await world.lifecycle.wake_due() == 0
    woken, asleep = await world.conversation(first), await world.conversation(second)
    assert (woken.status, woken.assignee_id, woken.snoozed_until) == (S.OPEN, world.bo.id, None)
    assert asleep.status is S.SNOOZED
    assert (await world.contacts.timeline(first))[-1].event == "woken"


async def test_many_snoozes_wake_in_one_go(world: World) -> None:
    for _ in range(105):
        contact, _ = await world.contact()
        await world.put(contact, S.SNOOZED, "bo")
    world.clock.move(DAY)
    assert await world.lifecycle.wake_due() == 105


@pytest.mark.parametrize("status", list(S))
async def test_a_note_opens_nothing_and_answers_nothing(world: World, status: ConversationStatus) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    before = await world.put(contact, status, "bo")
    async with world.store.read() as unit:
        queued = await unit.outbox.pending_count()
    result = await world.lifecycle.note(world.ana, contact, "Called them.")
    after = result.conversation
    assert replace(after, last_seq=before.last_seq) == before
    entry = (await world.contacts.timeline(contact))[-1]
    assert (entry.direction, entry.body, entry.author) == (Direction.NOTE, "Called them.", "ana")
    async with world.store.read() as unit:
        assert await unit.outbox.pending_count() == queued


@pytest.mark.parametrize("text", ["", "  \n", "a\x00b", "\udc80"])
async def test_a_note_without_words_is_refused(world: World, text: str) -> None:
    contact, _ = await world.contact("telegram")
    before = world.dump()
    with pytest.raises(UsageError):
        await world.lifecycle.note(world.ana, contact, text)
    assert world.dump() == before


@pytest.mark.parametrize("name", ["close", "open", "snooze"])
@pytest.mark.parametrize("status", list(S))
async def test_a_blocked_contact_stays_as_it_is(world: World, name: str, status: ConversationStatus) -> None:
    contact, _ = await world.contact("telegram")
    await world.put(contact, status, "bo")
    await world.lifecycle.block(world.ana, contact)
    before = world.dump()
    with pytest.raises(PolicyRefusedError, match="blocked"):
        await STEPS[name][2](world, contact)
    assert world.dump() == before


async def test_blocking_and_lifting_it(world: World) -> None:
    contact, _ = await world.contact("telegram")
    blocked = await world.lifecycle.block(world.ana, contact)
    assert (await world.contacts.view(contact)).contact.blocked
    assert (await world.lifecycle.block(world.ana, contact)).undo is None
    assert blocked.undo is not None
    assert await world.lifecycle.undo(world.ana, blocked.undo) == "Undone: the contact is not blocked any more."
    with pytest.raises(ConflictError):
        await world.lifecycle.undo(world.ana, blocked.undo)
    assert (await world.lifecycle.unblock(world.ana, contact)).message == "The contact is not blocked."
    assert [entry.event for entry in await world.contacts.timeline(contact)] == ["blocked", "unblocked"]


REFUSED: list[tuple[str, ConversationStatus, type[InboxError]]] = [
    ("close", S.CLOSED, PolicyRefusedError),
    ("close", S.NONE, PolicyRefusedError),
    ("snooze", S.CLOSED, PolicyRefusedError),
    ("snooze", S.NONE, PolicyRefusedError),
]


@pytest.mark.parametrize(("name", "status", "error"), REFUSED)
async def test_what_makes_no_sense_is_refused_without_a_trace(
    world: World, name: str, status: ConversationStatus, error: type[InboxError]
) -> None:
    contact, _ = await world.contact("telegram")
    await world.put(contact, status, "bo")
    before = world.dump()
    with pytest.raises(error):
        await STEPS[name][2](world, contact)
    assert world.dump() == before


async def test_a_snooze_into_the_past_is_refused(world: World) -> None:
    contact, _ = await world.contact("telegram")
    await world.put(contact, S.OPEN)
    with pytest.raises(UsageError, match="future"):
        await world.lifecycle.snooze(world.ana, contact, world.clock())


async def test_an_unknown_contact_is_not_found(world: World) -> None:
    for _, _, step in STEPS.values():
        with pytest.raises(NotFoundError):
            await step(world, 9999)
    with pytest.raises(NotFoundError):
        await world.lifecycle.note(world.ana, 9999, "Hi")
