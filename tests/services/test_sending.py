"""Sending: consequences, refusals without a trace, duplicates, and what somebody else wrote meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, timedelta
from itertools import product
from typing import Any

import pytest

from tests.services.world import DAY, HOUR, NOON, World
from tui_inbox.domain.errors import ConflictError, InboxError, NotFoundError, PolicyRefusedError, UsageError
from tui_inbox.domain.kinds import AssignOnSend, ConversationStatus, DeliveryState, Direction
from tui_inbox.domain.lifecycle import WorkspaceRules
from tui_inbox.repository.store import Store
from tui_inbox.services.context import Context
from tui_inbox.services.drafts import DraftService
from tui_inbox.services.sending import SendingService, SendRequest, TemplateChoice

S = ConversationStatus
HELLO = TemplateChoice("hello", "en", {"1": "Carla", "2": "A-17"})


@pytest.fixture
def world(world_on_each: World) -> World:
    """On both engines."""
    return world_on_each


def expected_owner(rule: AssignOnSend, status: ConversationStatus, owner: str) -> str:
    """The rule of the product, written a second time."""
    if status is not S.OPEN or rule is AssignOnSend.ALWAYS:
        return "ana"
    return "ana" if rule is AssignOnSend.UNASSIGNED and not owner else owner


@pytest.mark.parametrize(("rule", "status", "owner"), product(AssignOnSend, S, ["", "ana", "bo"]))
async def test_sending_reopens_and_settles_whose_it_is(
    database: str, rule: AssignOnSend, status: ConversationStatus, owner: str
) -> None:
    world = await World.build(database, WorkspaceRules(assign_on_send=rule))
    try:
        contact, (link,) = await world.contact("telegram")
        await world.customer_writes(contact, link)
        await world.put(contact, status, owner)
        request = SendRequest(contact, "Hello again")
        told = await world.sending.preview(world.ana, request)
        sent = await world.sending.send(world.ana, request)
        after = await world.conversation(contact)
        expected = expected_owner(rule, status, owner)

        assert sent.assignee == expected
        assert after.assignee_id == (world.agents[expected].id if expected else None)
        assert after.status is S.OPEN
        assert after.waiting_since is None
        assert (after.closed_at, after.closed_by_id, after.snoozed_until) == (None, None, None)
        assert sent.reopened == told.reopens == (status is not S.OPEN)
        assert told.assigns_to == ("ana" if expected == "ana" != owner else "")
        assert told.previous_assignee == (owner if expected != owner else "")
        assert told.keeps_owner == (owner if expected == owner == "bo" else "")
        assert (sent.state, sent.duplicate) == (DeliveryState.QUEUED, False)
    finally:
        await world.store.close()


async def test_one_line_says_what_sending_will_do(world: World) -> None:
    contact, (link,) = await world.contact("whatsapp")
    await world.customer_writes(contact, link, at=NOON - timedelta(hours=21, minutes=55))

    async def sentence(status: ConversationStatus, owner: str, **request: Any) -> str:
        await world.put(contact, status, owner)
        asked = SendRequest(contact, **(request or {"text": "Hi"}))
        return (await world.sending.preview(world.ana, asked, zone=UTC)).sentence

    assert await sentence(S.CLOSED, "bo") == "reopens, assigns to you (was bo), free text until 14:05"
    assert await sentence(S.SNOOZED, "") == "reopens, assigns to you, free text until 14:05"
    assert await sentence(S.OPEN, "bo") == "stays with bo, free text until 14:05"
    assert await sentence(S.OPEN, "ana") == "free text until 14:05"
    assert await sentence(S.NONE, "") == "opens, assigns to you, free text until 14:05"
    assert await sentence(S.CLOSED, "ana", template=HELLO) == "reopens, template hello"


async def test_the_sentence_names_the_day_and_the_limits_of_the_channel(world: World) -> None:
    contact, (wechat, instagram, sms, viber) = await world.contact("wechat", "instagram", "sms", "viber")
    for link in (wechat, instagram, viber):
        await world.customer_writes(contact, link)
    await world.put(contact, S.OPEN, "ana")

    async def sentence(link: int, text: str = "Hi", tag: str = "") -> str:
        asked = SendRequest(contact, text, channel_id=link, tag=tag)
        return (await world.sending.preview(world.ana, asked, zone=UTC)).sentence

    assert await sentence(wechat) == "free text until Fri 6 Mar 12:00, message 1 of 5"
    assert await sentence(sms, "x" * 161) == "free text, 2 SMS segments"
    world.clock.move(DAY)
    assert await sentence(instagram, tag="HUMAN_AGENT") == "with tag HUMAN_AGENT until Wed 11 Mar 12:00"
    assert "charged" in await sentence(viber)


async def test_a_send_writes_everything_at_once(world: World) -> None:
    contact, (link,) = await world.contact("whatsapp")
    await world.customer_writes(contact, link)
    await world.put(contact, S.CLOSED, "bo")
    drafts = DraftService(world.context)
    draft = await drafts.save(world.ana, contact, None, "Your parcel has arrived.")
    world.clock.move(HOUR)
    sent = await world.sending.send(
        world.ana, SendRequest(contact, draft.body, draft_id=draft.id, client_key="k1", due_in=5)
    )
    assert sent.reopened
    entries = await world.contacts.timeline(contact)
    assert [entry.event or entry.direction for entry in entries] == [
        Direction.INBOUND,
        "reopened",
        "assigned",
        Direction.OUTBOUND,
    ]
    assert (entries[2].detail["from"], entries[2].detail["to"]) == ("bo", "ana")
    message = entries[-1]
    assert (message.message_id, message.state, message.author) == (sent.message_id, DeliveryState.QUEUED, "ana")
    assert message.due_at == world.clock() + timedelta(seconds=5)
    assert (await world.facts(link)).sent_since_inbound == 1
    assert await drafts.load(world.ana, contact) is None
    async with world.store.read() as unit:
        row = await unit.outbox.get(sent.message_id)
        kinds = [line.kind for line in await unit.activity.for_contact(contact, 20)]
    assert row is not None
    assert row.idempotency_key not in {"", sent.message_id}
    assert {"send", "reopened", "assigned"} <= set(kinds)


async def test_a_template_is_filled_and_sent_where_text_may_not_go(world: World) -> None:
    contact, (link,) = await world.contact("whatsapp")
    await world.sending.send(world.ana, SendRequest(contact, template=HELLO))
    entries = await world.contacts.timeline(contact)
    assert entries[-1].body == "Hello Carla, your order A-17 is ready."
    assert entries[-1].detail["template"] == "hello"
    assert (await world.contacts.view(contact)).reach[0].contact_channel.id == link


def refusals() -> list[Any]:
    """Situation, request and the words that the refusal must have."""
    return [
        pytest.param("whatsapp", {"text": "Hi"}, PolicyRefusedError, "Send a template", id="window closed"),
        pytest.param("whatsapp", {"text": "Hi", "tag": "HUMAN_AGENT"}, PolicyRefusedError, "template", id="no tag"),
        pytest.param("instagram", {"text": "Hi"}, PolicyRefusedError, "with the tag HUMAN_AGENT", id="needs tag"),
        pytest.param("instagram", {"template": HELLO}, PolicyRefusedError, "tagged message", id="no templates"),
        pytest.param("telegram", {"template": HELLO}, PolicyRefusedError, "has no templates", id="text only"),
        pytest.param("telegram", {"text": "Hi", "tag": "HUMAN_AGENT"}, PolicyRefusedError, "without a tag", id="tag"),
        pytest.param("wechat", {"text": "Hi"}, PolicyRefusedError, "48 h window has closed", id="blocked"),
        pytest.param("telegram", {"text": ""}, UsageError, "text is empty", id="empty"),
        pytest.param("telegram", {"text": " \n\u200b\t"}, UsageError, "text is empty", id="blank"),
        pytest.param("telegram", {"text": "a\x00b"}, UsageError, "not characters", id="nul"),
        pytest.param("telegram", {"text": "a\udcffb"}, UsageError, "not characters", id="surrogate"),
        pytest.param("telegram", {"text": "x" * 4100}, UsageError, "4 characters too long", id="too long"),
        pytest.param("telegram", {"text": "Hi", "tag": "PROMO"}, UsageError, "not a tag", id="unknown tag"),
        pytest.param("telegram", {"text": "Hi", "template": HELLO}, UsageError, "not both", id="both"),
        pytest.param("telegram", {"text": "Hi", "due_in": -1.0}, UsageError, "delay", id="delay"),
        pytest.param("telegram", {"text": "Hi", "due_in": float("nan")}, UsageError, "delay", id="no number"),
        pytest.param("telegram", {"text": "Hi", "channel_id": 999}, NotFoundError, "It is on: telegram", id="channel"),
        pytest.param(
            "whatsapp",
            {"template": TemplateChoice("hello", "en", {"1": "Carla"})},
            UsageError,
            "fill in {{2}}",
            id="missing value",
        ),
        pytest.param(
            "whatsapp",
            {"template": TemplateChoice("hello", "en", {"1": "C", "2": "D", "3": "E"})},
            UsageError,
            "3 is not a placeholder",
            id="extra value",
        ),
        pytest.param(
            "whatsapp", {"template": TemplateChoice("hello", "de")}, NotFoundError, "only in en", id="language"
        ),
        pytest.param("whatsapp", {"template": TemplateChoice("nope", "en")}, NotFoundError, "no template", id="nope"),
        pytest.param(
            "whatsapp", {"template": TemplateChoice("offer", "en")}, PolicyRefusedError, "paused", id="paused"
        ),
    ]


@pytest.mark.parametrize(("kind", "fields", "error", "words"), refusals())
async def test_what_is_refused_leaves_no_trace(
    world: World, kind: str, fields: dict[str, Any], error: type[InboxError], words: str
) -> None:
    contact, (link,) = await world.contact(kind)
    await world.customer_writes(contact, link, at=NOON - 3 * DAY)
    await world.put(contact, S.CLOSED, "bo")
    draft = await DraftService(world.context).save(world.ana, contact, None, "kept")
    request = SendRequest(contact, **{"draft_id": draft.id, "client_key": "k", **fields})
    before = world.dump()
    with pytest.raises(error) as refused:
        await world.sending.send(world.ana, request)
    assert words in str(refused.value)
    assert world.dump() == before
    with pytest.raises(error) as foretold:
        await world.sending.preview(world.ana, request)
    assert str(foretold.value) == str(refused.value)
    assert world.dump() == before


@pytest.mark.parametrize("obstacle", ["blocked", "opted out", "paused", "no channel", "unknown contact"])
async def test_a_contact_that_cannot_be_written_to_leaves_no_trace(world: World, obstacle: str) -> None:
    contact, links = await world.contact(*(() if obstacle == "no channel" else ("telegram",)))
    if links:
        await world.customer_writes(contact, links[0])
    await world.put(contact, S.CLOSED, "bo")

    async def hinder(unit: Any) -> None:
        if obstacle == "blocked":
            await unit.contacts.set_blocked(contact, True)
        elif obstacle == "opted out":
            await unit.contacts.set_opted_out(links[0], True, True)
        elif obstacle == "paused":
            await unit.directory.pause_channel(world.channels["telegram"].id, "the token is refused", None)

    await world.store.write(hinder)
    before = world.dump()
    wanted = 9999 if obstacle == "unknown contact" else contact
    with pytest.raises(
        NotFoundError if obstacle == "unknown contact" else PolicyRefusedError, match=obstacle.split()[-1][:7]
    ):
        await world.sending.send(world.ana, SendRequest(wanted, "Hi"))
    assert world.dump() == before


async def test_a_pause_that_ends_by_itself_only_delays(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    until = world.clock() + timedelta(minutes=2)
    channel = world.channels["telegram"].id
    await world.store.write(lambda unit: unit.directory.pause_channel(channel, "slow down", until))
    told = await world.sending.preview(world.ana, SendRequest(contact, "Hi"))
    assert "messages leave later" in told.sentence
    assert (await world.sending.send(world.ana, SendRequest(contact, "Hi"))).state is DeliveryState.QUEUED


async def test_without_a_channel_named_it_is_the_one_last_used_and_never_another(world: World) -> None:
    contact, (telegram, wechat) = await world.contact("telegram", "wechat")
    await world.customer_writes(contact, telegram, at=NOON - 5 * DAY)
    await world.customer_writes(contact, wechat, at=NOON - 3 * DAY)
    with pytest.raises(PolicyRefusedError) as refused:
        await world.sending.send(world.ana, SendRequest(contact, "Hi"))
    assert refused.value.way_out == "On telegram you can send text."
    assert (await world.sending.preview(world.ana, SendRequest(contact, "Hi", channel_id=telegram))).channel.id == (
        telegram
    )
    await world.customer_writes(contact, telegram)
    assert (await world.sending.preview(world.ana, SendRequest(contact, "Hi"))).channel.id == telegram


async def test_before_any_message_the_freest_channel_is_taken(world: World) -> None:
    contact, (_, _, sms) = await world.contact("telegram", "whatsapp", "sms")
    assert (await world.sending.preview(world.ana, SendRequest(contact, "Hi"))).channel.id == sms


@pytest.mark.parametrize(("kind", "limit"), [("wechat", 5), ("tiktok", 10)])
async def test_queued_messages_count_against_the_limit(world: World, kind: str, limit: int) -> None:
    contact, (link,) = await world.contact(kind)
    await world.customer_writes(contact, link)
    for number in range(limit):
        world.clock.move(timedelta(seconds=1))
        await world.sending.send(world.ana, SendRequest(contact, f"part {number}"))
    before = world.dump()
    with pytest.raises(PolicyRefusedError, match=f"all {limit} messages"):
        await world.sending.send(world.ana, SendRequest(contact, "one more"))
    assert world.dump() == before
    world.clock.move(timedelta(seconds=1))
    await world.customer_writes(contact, link)
    await world.sending.send(world.ana, SendRequest(contact, "again"))


async def test_the_window_is_decided_at_the_moment_of_sending(world: World) -> None:
    contact, (link,) = await world.contact("whatsapp")
    await world.customer_writes(contact, link)
    request = SendRequest(contact, "Hi")
    world.clock.move(DAY - timedelta(microseconds=1))
    await world.sending.preview(world.ana, request)
    world.clock.move(timedelta(microseconds=1))
    with pytest.raises(PolicyRefusedError, match="24 h window has closed"):
        await world.sending.send(world.ana, request)


@pytest.mark.parametrize("by", ["client_key", "draft_id"])
async def test_the_same_key_or_draft_twice_is_one_message(world: World, by: str) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    draft = await DraftService(world.context).save(world.ana, contact, None, "Hi")
    request = SendRequest(contact, "Hi", client_key=draft.id)
    if by == "draft_id":
        request = SendRequest(contact, "Hi", draft_id=draft.id)
    first = await world.sending.send(world.ana, request)
    before = world.dump()
    world.clock.move(10 * DAY)
    second = await world.sending.send(world.ana, request)
    assert (second.message_id, second.duplicate, second.reopened, second.assignee) == (
        first.message_id,
        True,
        False,
        "ana",
    )
    assert world.dump() == before


async def test_a_key_belongs_to_its_agent_and_contact(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    other, (other_link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    await world.customer_writes(other, other_link)
    first = await world.sending.send(world.ana, SendRequest(contact, "Hi", client_key="k"))
    assert (
        await world.sending.send(world.bo, SendRequest(contact, "Hi", client_key="k"))
    ).message_id != first.message_id
    with pytest.raises(UsageError, match="used already for another message"):
        await world.sending.send(world.ana, SendRequest(other, "Hi", client_key="k"))


async def test_a_draft_written_after_a_send_is_a_new_message(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    drafts = DraftService(world.context)
    ids = set()
    for text in ("One", "Two", "Two"):
        draft = await drafts.save(world.ana, contact, None, text)
        ids.add((await world.sending.send(world.ana, SendRequest(contact, text, draft_id=draft.id))).message_id)
    assert len(ids) == 3


async def test_what_others_wrote_meanwhile_stops_a_send_and_is_named(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    seen = (await world.conversation(contact)).last_seq
    request = SendRequest(contact, "Hi", seen_seq=seen)
    await world.lifecycle.note(world.bo, contact, "looks urgent")
    await world.sending.send(world.ana, request)  # a note and one's own message stop nothing
    await world.sending.send(world.ana, request)
    sent = await world.sending.send(world.bo, SendRequest(contact, "I'm on it", due_in=60))
    world.clock.move(timedelta(seconds=4))
    before = world.dump()
    with pytest.raises(ConflictError, match=r"^Bo replied 4 s ago"):
        await world.sending.send(world.ana, request)
    with pytest.raises(ConflictError, match=r"^Bo replied 4 s ago"):
        await world.sending.preview(world.ana, request)
    assert world.dump() == before
    await world.sending.undo(world.bo, sent.message_id)
    await world.sending.send(world.ana, request)  # what was taken back does not count
    await world.customer_writes(contact, link, "Hello?", at=NOON - 2 * DAY)
    with pytest.raises(ConflictError, match=r"^Carla wrote 2 days ago"):
        await world.sending.send(world.ana, request)
    newest = (await world.conversation(contact)).last_seq
    await world.sending.send(world.ana, replace(request, seen_seq=newest))


async def test_pressing_enter_many_times_sends_once(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    draft = await DraftService(world.context).save(world.ana, contact, None, "Hi")
    request = SendRequest(contact, "Hi", draft_id=draft.id)
    # Two programs on one database, as when the same draft is open in two terminals.
    second = await Store.open(world.store.url, clock=world.clock)
    try:
        other = SendingService(Context(second, world.clock, world.context.rules))
        results = await asyncio.gather(
            *(service.send(world.ana, request) for service in (world.sending, other) for _ in range(5))
        )
    finally:
        await second.close()
    assert len({result.message_id for result in results}) == 1
    assert sorted(result.duplicate for result in results) == [False] + [True] * 9
    assert len([entry for entry in await world.contacts.timeline(contact) if entry.message_id]) == 1


async def test_of_two_agents_at_once_one_sends_and_the_other_is_told(world: World) -> None:
    contact, (link,) = await world.contact("telegram")
    await world.customer_writes(contact, link)
    await world.put(contact, S.CLOSED)
    seen = (await world.conversation(contact)).last_seq
    second = await Store.open(world.store.url, clock=world.clock)
    try:
        other = SendingService(Context(second, world.clock, world.context.rules))
        results = await asyncio.gather(
            world.sending.send(world.ana, SendRequest(contact, "From Ana", seen_seq=seen)),
            other.send(world.bo, SendRequest(contact, "From Bo", seen_seq=seen)),
            return_exceptions=True,
        )
    finally:
        await second.close()
    failed = [result for result in results if isinstance(result, BaseException)]
    (sent,) = [result for result in results if not isinstance(result, BaseException)]
    assert [type(error) for error in failed] == [ConflictError]
    assert sent.reopened
    after = await world.conversation(contact)
    assert after.assignee_id == world.agents[sent.assignee].id
    written = [entry.author for entry in await world.contacts.timeline(contact) if entry.message_id]
    assert written == [sent.assignee]


async def test_the_last_place_of_a_limit_is_given_once(world: World) -> None:
    contact, (link,) = await world.contact("wechat")
    await world.customer_writes(contact, link)
    results = await asyncio.gather(
        *(world.sending.send(world.ana, SendRequest(contact, f"{number}")) for number in range(8)),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, PolicyRefusedError)]
    assert len(refused) == 3
    assert (await world.facts(link)).sent_since_inbound == 5
