"""Looking after what is not through: whose it is, why it waits, who decides about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.services.world import DAY, NOON, World
from tests.support.files import path_of
from tui_inbox.domain.delivery import LEASE, NEEDS_PERSON
from tui_inbox.domain.errors import ConflictError, NotFoundError, NotPermittedError, PolicyRefusedError, UsageError
from tui_inbox.domain.kinds import ConversationStatus, DeliveryState, Role
from tui_inbox.domain.models import Agent
from tui_inbox.domain.outbox import OVERDUE
from tui_inbox.domain.waiting import WaitKind
from tui_inbox.services.drafts import DraftService
from tui_inbox.services.outbox import OLD, OutboxService
from tui_inbox.services.sending import SendRequest

S = DeliveryState
SECOND = timedelta(seconds=1)


async def sent(world: World, agent: Agent, state: DeliveryState, text: str = "Hi", kind: str = "whatsapp") -> str:
    """A message of an agent to a contact of its own, in a state."""
    contact, (link,) = await world.contact(kind)
    await world.customer_writes(contact, link)
    message = await world.sending.send(agent, SendRequest(contact, text))
    if state is not S.QUEUED:
        await world.fail(message.message_id, state)
    world.clock.move(SECOND)
    return message.message_id


async def contact_of(world: World, message_id: str) -> int:
    """Whom a message goes to."""
    item = await OutboxService(world.context).item(message_id)
    assert item is not None
    return item.contact_id


async def test_the_list_holds_what_is_not_through_and_nothing_else(world: World) -> None:
    await world.sending.cancel(world.ana, await sent(world, world.ana, S.FAILED))
    kinds = [S.FAILED, S.UNCERTAIN, S.BLOCKED, S.SENT, S.QUEUED]
    made = {state: await sent(world, world.ana, state) for state in kinds}
    outbox = OutboxService(world.context)
    rows = await outbox.page(world.ana)
    assert [row.message_id for row in rows] == [made[S.QUEUED], made[S.BLOCKED], made[S.UNCERTAIN], made[S.FAILED]]
    assert [row.state for row in await outbox.page(world.ana, states=NEEDS_PERSON)] == [
        S.BLOCKED,
        S.UNCERTAIN,
        S.FAILED,
    ]
    counts = await outbox.counts(world.ana)
    assert (counts.words, counts.any) == ("1 uncertain, 1 failed, 1 blocked", 3)
    assert (await outbox.counts(world.bo)).words == ""


async def test_pages_go_on_where_the_last_one_ended_both_ways(world: World) -> None:
    made = [await sent(world, world.ana, S.QUEUED, text=f"{number}") for number in range(5)]
    outbox = OutboxService(world.context)
    first = await outbox.page(world.ana, limit=2)
    second = await outbox.page(world.ana, after=first[-1].cursor, limit=2)
    third = await outbox.page(world.ana, after=second[-1].cursor, limit=2)
    assert [row.message_id for row in (*first, *second, *third)] == made[::-1]
    assert await outbox.page(world.ana, before=third[0].cursor, limit=2) == second
    assert [row.message_id for row in await outbox.last_page(world.ana, limit=2)] == made[1::-1]
    for nonsense in ("x", "e30", first[0].cursor[:-3]):
        with pytest.raises(UsageError, match="not a place"):
            await outbox.page(world.ana, after=nonsense)


async def test_mine_are_those_i_sent_and_those_in_my_conversations(world: World) -> None:
    mine, of_bo = await sent(world, world.ana, S.FAILED), await sent(world, world.bo, S.FAILED)
    handed = await sent(world, world.bo, S.UNCERTAIN)
    await world.lifecycle.assign(world.bo, await contact_of(world, handed), world.ana)
    outbox = OutboxService(world.context)
    assert [row.message_id for row in await outbox.page(world.ana)] == [handed, mine]
    assert (await outbox.counts(world.ana)).words == "1 uncertain, 1 failed"
    with pytest.raises(NotPermittedError, match="Only a lead"):
        await outbox.page(world.ana, everybody=True)
    with pytest.raises(NotPermittedError):
        await outbox.counts(world.ana, everybody=True)
    for role in (Role.LEAD, Role.ADMIN):
        boss = replace(world.cy, role=role)
        assert [row.message_id for row in await outbox.page(boss, everybody=True)] == [handed, of_bo, mine]
        assert await outbox.page(boss) == []


Change = Callable[[World, Agent, str], Awaitable[Any]]
CHANGES: dict[str, tuple[DeliveryState, Change]] = {
    "retry": (S.FAILED, lambda world, agent, ident: world.sending.retry(agent, ident)),
    "drop": (S.BLOCKED, lambda world, agent, ident: world.sending.cancel(agent, ident)),
    "arrived": (S.UNCERTAIN, lambda world, agent, ident: world.sending.settle_by_hand(agent, ident, arrived=True)),
    "did not": (S.UNCERTAIN, lambda world, agent, ident: world.sending.settle_by_hand(agent, ident, arrived=False)),
    "text back": (S.FAILED, lambda world, agent, ident: world.sending.take_back(agent, ident)),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_stranger_decides_nothing_and_leaves_no_trace(world: World, change: str) -> None:
    state, work = CHANGES[change]
    message = await sent(world, world.ana, state)
    before = world.dump()
    with pytest.raises(NotPermittedError, match="a lead decides") as refused:
        await work(world, world.bo, message)
    assert refused.value.exit_code == 5
    assert world.dump() == before
    await work(world, replace(world.bo, role=Role.LEAD), message)
    assert await world.state(message) is not state


@pytest.mark.parametrize("owner", ["", "bo"])
async def test_who_has_the_conversation_decides_and_of_nobodys_everyone_does(world: World, owner: str) -> None:
    message = await sent(world, world.ana, S.FAILED)
    await world.put(await contact_of(world, message), ConversationStatus.OPEN, owner)
    await world.sending.cancel(world.bo, message)
    assert await world.state(message) is S.CANCELLED


async def test_the_sender_decides_although_somebody_else_has_the_conversation(world: World) -> None:
    message = await sent(world, world.ana, S.FAILED)
    await world.put(await contact_of(world, message), ConversationStatus.OPEN, "bo")
    await world.sending.retry(world.ana, message)
    assert await world.state(message) is S.QUEUED


async def why(world: World, message_id: str) -> tuple[WaitKind | None, Any]:
    """Why a message waits, as the thread says it."""
    entries = await world.contacts.timeline(await contact_of(world, message_id))
    waits = next(entry.waits for entry in entries if entry.message_id == message_id)
    return (None, None) if waits is None else (waits.kind, waits.until or waits.behind)


async def test_a_queued_message_says_why_it_waits(world: World) -> None:
    contact, (link,) = await world.contact("whatsapp")
    await world.customer_writes(contact, link)
    first = (await world.sending.send(world.ana, SendRequest(contact, "One", due_in=5))).message_id
    assert await why(world, first) == (WaitKind.HELD, NOON + 5 * SECOND)
    world.clock.move(5 * SECOND)
    assert await why(world, first) == (None, None)
    second = (await world.sending.send(world.ana, SendRequest(contact, "Two"))).message_id
    assert await why(world, second) == (WaitKind.EARLIER, S.QUEUED)
    world.clock.move(OVERDUE)
    assert await why(world, first) == (WaitKind.SENDER, None)
    await world.fail(first, S.UNCERTAIN)
    assert await why(world, second) == (WaitKind.EARLIER, S.UNCERTAIN)
    await world.sending.settle_by_hand(world.ana, first, arrived=True)
    until = world.clock() + 60 * SECOND
    channel = world.channels["whatsapp"].id
    await world.store.write(lambda unit: unit.directory.pause_channel(channel, "it asked to send more slowly", until))
    assert await why(world, second) == (WaitKind.PAUSED, until)
    world.clock.move(60 * SECOND)
    with closing(sqlite3.connect(path_of(world.store))) as connection, connection:
        rests = int((world.clock() + 30 * SECOND).timestamp() * 1_000_000)
        connection.execute("INSERT INTO channel_health (channel_id, retry_at) VALUES (?, ?)", (channel, rests))
    assert await why(world, second) == (WaitKind.RESTS, world.clock() + 30 * SECOND)


async def test_channels_that_keep_messages_waiting_are_named(world: World) -> None:
    outbox = OutboxService(world.context)

    async def named() -> list[str]:
        return [queue.channel.name for queue in await outbox.queues()]

    until = world.clock() + 60 * SECOND
    channel = world.channels["telegram"].id
    await world.store.write(lambda unit: unit.directory.pause_channel(channel, "it asked to send more slowly", until))
    assert await named() == ["telegram"]
    world.clock.move(60 * SECOND)
    assert await named() == []
    await sent(world, world.ana, S.QUEUED)
    assert await named() == []
    world.clock.move(OLD)
    assert await named() == ["whatsapp"]


async def test_a_message_tells_each_attempt(world: World) -> None:
    message = await sent(world, world.ana, S.UNCERTAIN)
    outbox = OutboxService(world.context)
    detail = await outbox.detail(message)
    assert [(attempt.n, attempt.outcome) for attempt in detail.attempts] == [(1, "ambiguous")]
    assert detail.item.lease_until == NOON + LEASE
    assert await outbox.of_contact(detail.item.contact_id) == (detail,)
    with pytest.raises(NotFoundError, match="outbox list"):
        await outbox.detail("no-such-message")


async def test_the_text_of_a_blocked_message_comes_back_below_what_was_drafted(world: World) -> None:
    message = await sent(world, world.ana, S.BLOCKED, text="Your parcel left")
    contact, drafts = await contact_of(world, message), DraftService(world.context)
    world.clock.move(DAY)
    await drafts.save(world.ana, contact, None, "Another thought")
    back = await world.sending.take_back(world.ana, message)
    assert back.draft == "Another thought\nYour parcel left"
    kept = await drafts.load(world.ana, contact)
    assert kept is not None
    assert (kept.body, kept.channel_id) == (back.draft, back.channel_id)
    assert await world.state(message) is S.CANCELLED
    with pytest.raises(ConflictError, match="cancelled already"):
        await world.sending.take_back(world.ana, message)
    assert await drafts.load(world.ana, contact) == kept


async def test_the_text_of_an_uncertain_message_stays_where_it_is(world: World) -> None:
    message = await sent(world, world.ana, S.UNCERTAIN)
    before = world.dump()
    with pytest.raises(PolicyRefusedError, match="may have arrived"):
        await world.sending.take_back(world.ana, message)
    assert world.dump() == before


async def test_the_outbox_is_read_by_its_partial_indexes_alone(world: World) -> None:
    """What was sent is never walked: a year of it would cost the reader nothing."""
    await sent(world, world.ana, S.FAILED)
    from tui_inbox.repository.outbox_pages import NOT_THROUGH, _listed, _of_agent

    listed = (_listed(NOT_THROUGH), _listed(NOT_THROUGH, _of_agent(world.ana.id)))
    statements = [str(rows.select().compile(compile_kwargs={"literal_binds": True})) for rows in listed]
    counting = "SELECT state FROM outbox WHERE state = 'blocked' OR state = 'failed' OR state = 'uncertain' LIMIT 1000"
    with closing(sqlite3.connect(path_of(world.store))) as connection:
        connection.execute("ANALYZE")
        plans = [row[3] for sql in (*statements, counting) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
    walks = [plan for plan in plans if plan.split()[:2] in (["SCAN", "outbox"], ["SEARCH", "outbox"])]
    assert len(walks) == 5
    assert all("ix_outbox_needs_person" in plan or "ix_outbox_unsettled" in plan for plan in walks), plans
