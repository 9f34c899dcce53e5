"""Two agents, one customer: whoever is second is told, changes nothing, and decides with open eyes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.services.world import DAY, NOON, World
from tui_inbox.domain.errors import ConflictError
from tui_inbox.domain.kinds import ConversationStatus as S
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import Context
from tui_inbox.services.lifecycle import LifecycleService, SeenAssignee
from tui_inbox.services.send_plan import SendRequest, TemplateChoice

HELLO = TemplateChoice("hello", "en", {"1": "Carla", "2": "A-1"})
WAYS: dict[str, tuple[str, timedelta, dict[str, Any]]] = {
    "text": ("telegram", timedelta(0), {"text": "Hi"}),
    "template": ("whatsapp", 2 * DAY, {"template": HELLO}),
    "tag": ("instagram", 2 * DAY, {"text": "Hi", "tag": "HUMAN_AGENT"}),
}
"""Channel, how long ago the customer wrote, and what is sent."""


@pytest.fixture
def world(world_on_each: World) -> World:
    """On both engines."""
    return world_on_each


async def colleague(world: World, contact: int, link: int) -> None:
    """Bo's own message, on a channel that always takes one."""
    await world.sending.send(world.bo, SendRequest(contact, "On it", channel_id=link))


async def customer(world: World, contact: int, link: int) -> None:
    await world.customer_writes(contact, link, "One more thing")


async def from_the_phone(world: World, contact: int, link: int) -> None:
    """Somebody answered in the channel's own app."""

    async def work(unit: Unit) -> None:
        target = await unit.contacts.channel(link)
        assert target is not None
        await unit.timeline.add_echo(
            contact_id=contact,
            contact_channel_id=link,
            channel_id=target.channel.id,
            provider_id="echo-1",
            at=world.clock(),
            arrived_at=world.clock(),
            body="Done",
        )

    await world.store.write(work)


async def late_one(world: World, contact: int, link: int) -> None:
    """It came in now but was written three days ago: it stands far up in the thread."""
    await world.customer_writes(contact, link, "Are you there?", at=NOON - 3 * DAY)


NEWS = {
    "a customer": (customer, "Carla wrote 4 s ago"),
    "a colleague": (colleague, "Bo replied 4 s ago"),
    "the channel's app": (from_the_phone, "Somebody replied from the channel's own app 4 s ago"),
    "a late message": (late_one, "Carla wrote 3 days ago"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("news", NEWS)
async def test_whatever_is_sent_stops_at_whatever_is_newer(world: World, way: str, news: str) -> None:
    kind, ago, what = WAYS[way]
    contact, (link, other) = await world.contact(kind, "sms")
    await world.customer_writes(contact, link, at=NOON - ago)
    request = SendRequest(
        contact, channel_id=link, seen_seq=(await world.conversation(contact)).last_seq, client_key="k", **what
    )
    happens, told = NEWS[news]
    await happens(world, contact, other)
    world.clock.move(timedelta(seconds=4))
    before = world.dump()
    with pytest.raises(ConflictError, match=f"^{told}, after what you have seen. Nothing was sent and your text is"):
        await world.sending.send(world.ana, request)
    assert world.dump() == before
    shown = await world.contacts.written_since(world.ana, contact, request.seen_seq or 0)
    assert len(shown) == 1
    decided = SendRequest(contact, channel_id=link, seen_seq=shown[0].seq, client_key="k", **what)
    assert not (await world.sending.send(world.ana, decided)).duplicate


async def test_what_is_shown_is_everything_that_stops_the_send_and_nothing_else(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    seen = (await world.conversation(contact)).last_seq
    await world.lifecycle.note(world.bo, contact, "a note")
    await world.sending.send(world.ana, SendRequest(contact, "my own"))
    await colleague(world, contact, link)
    taken_back = await world.sending.send(world.bo, SendRequest(contact, "oops", due_in=60))
    await world.sending.undo(world.bo, taken_back.message_id)
    for number in range(30):
        await world.customer_writes(contact, link, f"message {number}", at=NOON - timedelta(days=30 - number))
    shown = await world.contacts.written_since(world.ana, contact, seen)
    assert [entry.body for entry in shown] == ["On it", *(f"message {number}" for number in range(30))]
    assert [entry.seq for entry in shown] == sorted(entry.seq for entry in shown)


async def test_sending_anyway_goes_no_further_than_what_was_shown(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    seen = (await world.conversation(contact)).last_seq
    await customer(world, contact, link)
    (shown,) = await world.contacts.written_since(world.ana, contact, seen)
    await colleague(world, contact, link)
    with pytest.raises(ConflictError, match=r"^Bo replied"):
        await world.sending.send(world.ana, SendRequest(contact, "Hi", seen_seq=shown.seq))


async def test_of_two_who_take_at_once_one_is_told(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    await world.put(contact, S.OPEN)
    second = await Store.open(world.store.url, clock=world.clock)
    try:
        other = LifecycleService(Context(second, world.clock, world.context.rules))
        nobody = SeenAssignee(None)
        results = await asyncio.gather(
            world.lifecycle.assign(world.ana, contact, world.ana, seen=nobody),
            other.assign(world.bo, contact, world.bo, seen=nobody),
            return_exceptions=True,
        )
    finally:
        await second.close()
    (loser,) = [result for result in results if isinstance(result, BaseException)]
    owner = (await world.conversation(contact)).assignee_id
    winner = "ana" if owner == world.ana.id else "bo"
    assert isinstance(loser, ConflictError)
    assert (
        str(loser) == f"Not assigned: somebody was quicker, and {winner} has it now. Nothing was changed; decide again."
    )
    async with world.store.read() as unit:
        lines = [line for line in await unit.activity.for_contact(contact) if line.kind == "assigned"]
    assert [(line.actor, line.detail["from"], line.detail["to"]) for line in lines] == [(winner, "", winner)]


@pytest.mark.parametrize(("seen", "taken"), [("bo", True), ("cy", False), ("", False)])
async def test_taking_from_a_person_holds_for_that_person_only_and_is_on_record(
    world: World, seen: str, taken: bool
) -> None:
    contact, _ = await world.contact("telegram")
    await world.put(contact, S.OPEN, "bo")
    before = world.dump()
    looked = SeenAssignee(world.agents[seen].id if seen else None)
    if not taken:
        with pytest.raises(ConflictError, match="and bo has it now"):
            await world.lifecycle.assign(world.ana, contact, world.ana, seen=looked)
        assert world.dump() == before
        return
    await world.lifecycle.assign(world.ana, contact, world.ana, seen=looked)
    async with world.store.read() as unit:
        (line,) = await unit.activity.for_contact(contact)
        (entry,) = await unit.timeline.page(contact)
    assert (line.kind, line.actor, line.detail["from"], line.detail["to"]) == ("assigned", "ana", "bo", "ana")
    assert (entry.event, entry.author) == ("assigned", "ana")


async def test_who_has_it_already_is_told_so_whatever_was_seen(world: World) -> None:
    contact, _ = await world.contact("telegram")
    await world.put(contact, S.OPEN, "ana")
    done = await world.lifecycle.assign(world.ana, contact, world.ana, seen=SeenAssignee(None))
    assert done.message == "It is yours already."


async def test_any_change_of_the_conversation_moves_its_version(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    await world.put(contact, S.OPEN, "bo")
    versions = [(await world.conversation(contact)).version]
    for step in (
        world.lifecycle.assign(world.ana, contact, world.ana),
        world.lifecycle.snooze(world.ana, contact, NOON + DAY),
        world.lifecycle.open(world.ana, contact),
        world.lifecycle.close(world.ana, contact),
        world.sending.send(world.ana, SendRequest(contact, "Hi")),
    ):
        await step
        versions.append((await world.conversation(contact)).version)
    assert versions == sorted(set(versions))
