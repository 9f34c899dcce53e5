"""Taking back, cancelling, sending again and settling by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.services.world import DAY, HOUR, NOON, World
from tui_inbox.domain.delivery import GRACE, LEASE
from tui_inbox.domain.errors import ConflictError, NotFoundError, NotPermittedError, PolicyRefusedError
from tui_inbox.domain.kinds import ConversationStatus, DeliveryState, Direction, Role
from tui_inbox.domain.lifecycle import ClosingNote
from tui_inbox.domain.models import Conversation
from tui_inbox.services.drafts import DraftService
from tui_inbox.services.sending import SendRequest

S = ConversationStatus
SECOND = timedelta(seconds=1)


@pytest.fixture
def world(world_on_each: World) -> World:
    """On both engines."""
    return world_on_each


def settled(conversation: Conversation) -> Conversation:
    """A conversation without what only ever rises."""
    return replace(conversation, version=0, last_seq=0, last_activity_at=NOON)


@pytest.mark.parametrize("status", list(S))
@pytest.mark.parametrize("owner", ["", "bo", "ana"])
async def test_undo_puts_everything_back(world: World, status: ConversationStatus, owner: str) -> None:
    contact, (telegram, whatsapp) = await world.contact("telegram", "whatsapp")
    await world.customer_writes(contact, whatsapp, "First")
    world.clock.move(HOUR)
    await world.customer_writes(contact, telegram, "Where is it?")
    before = await world.put(contact, status, owner)
    world.clock.move(HOUR)
    sent = await world.sending.send(world.ana, SendRequest(contact, "Here", channel_id=whatsapp, due_in=5))
    world.clock.move(4 * SECOND)
    undone = await world.sending.undo(world.ana, sent.message_id)

    assert (undone.text, undone.channel_id, undone.restored) == ("Here", whatsapp, True)
    assert undone.message == "Not sent; the conversation is as before."
    assert settled(await world.conversation(contact)) == settled(before)
    assert await world.state(sent.message_id) is DeliveryState.CANCELLED
    assert (await world.facts(whatsapp)).sent_since_inbound == 0
    draft = await DraftService(world.context).load(world.ana, contact)
    assert draft is not None
    assert (draft.body, draft.channel_id) == ("Here", whatsapp)
    entries = await world.contacts.timeline(contact)
    assert [entry.state for entry in entries if entry.direction is Direction.OUTBOUND] == [DeliveryState.CANCELLED]
    # The draft is a new one, so that sending it now really sends.
    again = await world.sending.send(world.ana, SendRequest(contact, draft.body, draft_id=draft.id))
    assert not again.duplicate
    assert again.message_id != sent.message_id


async def test_undo_leaves_alone_what_others_changed(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    await world.put(contact, S.CLOSED, "bo")
    sent = await world.sending.send(world.ana, SendRequest(contact, "Hi", due_in=5))
    await world.lifecycle.assign(world.bo, contact, world.bo)
    undone = await world.sending.undo(world.ana, sent.message_id)
    assert not undone.restored
    after = await world.conversation(contact)
    assert (after.status, after.assignee_id) == (S.OPEN, world.bo.id)


async def test_undo_never_closes_over_a_message_of_the_customer(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    await world.put(contact, S.CLOSED, "ana")
    sent = await world.sending.send(world.ana, SendRequest(contact, "Hi", due_in=5))
    await world.customer_writes(contact, link, "One more thing")
    assert not (await world.sending.undo(world.ana, sent.message_id)).restored
    after = await world.conversation(contact)
    assert after.status is S.OPEN
    assert after.waiting_since == NOON


async def test_undo_does_not_write_over_a_newer_draft(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    sent = await world.sending.send(world.ana, SendRequest(contact, "Old", due_in=5))
    drafts = DraftService(world.context)
    await drafts.save(world.ana, contact, None, "New")
    assert (await world.sending.undo(world.ana, sent.message_id)).text == "Old"
    draft = await drafts.load(world.ana, contact)
    assert draft is not None
    assert draft.body == "New"


async def test_undo_comes_too_late_and_says_so(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    sent = await world.sending.send(world.ana, SendRequest(contact, "Hi", due_in=5))
    with pytest.raises(NotPermittedError):
        await world.sending.undo(world.bo, sent.message_id)
    world.clock.move(5 * SECOND)
    before = world.dump()
    with pytest.raises(ConflictError, match="Too late"):
        await world.sending.undo(world.ana, sent.message_id)
    assert world.dump() == before
    with pytest.raises(NotFoundError):
        await world.sending.undo(world.ana, "no-such-message")


async def test_cancel_frees_the_place_and_lets_the_customer_wait_again(world: World) -> None:
    contact, (link,) = await world.contact("wechat")
    await world.customer_writes(contact, link, "First")
    world.clock.move(HOUR)
    await world.customer_writes(contact, link, "Second")
    sent = await world.sending.send(world.ana, SendRequest(contact, "Hi"))
    lead = replace(world.bo, role=Role.LEAD)
    assert await world.sending.cancel(lead, sent.message_id) == "Hi"
    assert (await world.facts(link)).sent_since_inbound == 0
    assert (await world.conversation(contact)).waiting_since == NOON
    with pytest.raises(ConflictError, match="cancelled already"):
        await world.sending.cancel(lead, sent.message_id)


@pytest.mark.parametrize("state", [DeliveryState.SENT, DeliveryState.LEASED])
async def test_what_is_on_its_way_cannot_be_cancelled(world: World, state: DeliveryState) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    sent = await world.sending.send(world.ana, SendRequest(contact, "Hi"))
    if state is DeliveryState.LEASED:
        await world.store.write(lambda unit: unit.outbox.claim("worker", "token", world.clock(), LEASE))
    else:
        await world.fail(sent.message_id, state)
    before = world.dump()
    for attempt in (world.sending.cancel, world.sending.retry, world.sending.undo):
        with pytest.raises(ConflictError):
            await attempt(world.ana, sent.message_id)
    assert world.dump() == before


async def test_retry_sends_again_once_and_counts_once(world: World) -> None:
    contact, (link,) = await world.contact("wechat")
    await world.customer_writes(contact, link)
    sent = await world.sending.send(world.ana, SendRequest(contact, "Hi"))
    await world.fail(sent.message_id, DeliveryState.FAILED)
    assert (await world.facts(link)).sent_since_inbound == 0
    await world.lifecycle.close(world.ana, contact, ClosingNote())
    world.clock.move(HOUR)
    lead = replace(world.bo, role=Role.LEAD)
    row = await world.sending.retry(lead, sent.message_id)
    assert (row.state, row.due_at, row.error_text) == (DeliveryState.QUEUED, world.clock(), "")
    assert (await world.facts(link)).sent_since_inbound == 1
    after = await world.conversation(contact)
    assert (after.status, after.assignee_id) == (S.OPEN, world.bo.id)
    with pytest.raises(ConflictError, match="waiting to be sent already"):
        await world.sending.retry(lead, sent.message_id)


async def test_retry_after_the_window_has_closed_is_refused_without_a_trace(world: World) -> None:
    contact, (link,) = await world.contact("whatsapp")
    await world.customer_writes(contact, link)
    sent = await world.sending.send(world.ana, SendRequest(contact, "Hi"))
    await world.fail(sent.message_id, DeliveryState.BLOCKED)
    world.clock.move(DAY)
    before = world.dump()
    with pytest.raises(PolicyRefusedError, match="Send a template"):
        await world.sending.retry(world.ana, sent.message_id)
    assert world.dump() == before
    await world.sending.cancel(world.ana, sent.message_id)
    assert (await world.facts(link)).sent_since_inbound == 0


async def test_an_uncertain_message_needs_a_person_and_time(world: World) -> None:
    contact, (link,) = await world.contact("wechat")
    await world.customer_writes(contact, link)
    for number in range(4):
        await world.sending.send(world.ana, SendRequest(contact, f"{number}", due_in=3600))
        world.clock.move(SECOND)
    contact, (link,) = await world.contact("wechat")
    await world.customer_writes(contact, link)
    sent = await world.sending.send(world.ana, SendRequest(contact, "Hi"))
    await world.fail(sent.message_id, DeliveryState.UNCERTAIN)
    before = world.dump()
    with pytest.raises(PolicyRefusedError, match="may have arrived"):
        await world.sending.retry(world.ana, sent.message_id)
    with pytest.raises(PolicyRefusedError, match="still be at work"):
        await world.sending.retry(world.ana, sent.message_id, confirmed=True)
    assert world.dump() == before
    world.clock.move(LEASE + GRACE)
    row = await world.sending.retry(world.ana, sent.message_id, confirmed=True)
    assert row.state is DeliveryState.QUEUED
    assert (await world.facts(link)).sent_since_inbound == 1


@pytest.mark.parametrize("arrived", [True, False])
async def test_an_uncertain_message_is_settled_by_hand(world: World, arrived: bool) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    sent = await world.sending.send(world.ana, SendRequest(contact, "Hi"))
    with pytest.raises(ConflictError, match="Only an uncertain"):
        await world.sending.settle_by_hand(world.ana, sent.message_id, arrived)
    await world.fail(sent.message_id, DeliveryState.UNCERTAIN)
    assert await world.needing_person(world.ana.id) == [sent.message_id]
    assert await world.needing_person(world.bo.id) == []
    row = await world.sending.settle_by_hand(replace(world.bo, role=Role.LEAD), sent.message_id, arrived)
    assert row.state is (DeliveryState.SENT if arrived else DeliveryState.CANCELLED)
    assert (await world.facts(link)).sent_since_inbound == int(arrived)
    assert ((await world.conversation(contact)).waiting_since is None) is arrived
    assert await world.needing_person(None) == []
