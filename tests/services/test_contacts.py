"""Naming one contact, reading it, and what may be sent to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.services.world import DAY, HOUR, NOON, World
from tui_inbox.domain.errors import NotFoundError, UsageError
from tui_inbox.domain.filters import InboxFilter
from tui_inbox.domain.kinds import ConversationStatus, Permission, WindowState
from tui_inbox.repository.contacts import NewContact
from tui_inbox.services.drafts import DraftService
from tui_inbox.services.inbox import InboxService
from tui_inbox.services.reach import clock_time, reach
from tui_inbox.services.sending import SendRequest


async def add(world: World, **fields: str) -> int:
    new = NewContact(**fields)  # type: ignore[arg-type]  # only text fields are given here
    return await world.store.write(lambda unit: unit.contacts.add(new, world.clock()))


async def test_a_contact_is_named_by_id_email_or_phone(world: World) -> None:
    ident = await add(world, first_name="Zoë", email="Zoe@Example.com", phone="+15559990000")
    for reference in (
        f"id:{ident}",
        f" ID: {ident} ",
        "email:zoe@example.com",
        "phone:+15559990000",
        "phone:+1 (555) 999-0000",
    ):
        assert await world.contacts.resolve(reference) == ident


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "Zoe",
        "zoe@example.com",
        "+15559990000",
        "name:zoe",
        "id:",
        "id:x",
        "id:-1",
        "id:1e3",
        "id:" + "9" * 30,
        "phone:abc",
    ],
)
async def test_anything_else_is_refused_with_the_way_to_write_it(world: World, reference: str) -> None:
    with pytest.raises(UsageError, match=r"id:123, email:ana@example.com or phone:\+15551234567"):
        await world.contacts.resolve(reference)


@pytest.mark.parametrize("reference", ["id:99", "email:nobody@example.com", "phone:+4930123456"])
async def test_nobody_is_not_found(world: World, reference: str) -> None:
    with pytest.raises(NotFoundError):
        await world.contacts.resolve(reference)


async def test_several_are_listed(world: World) -> None:
    idents = [await add(world, email="team@example.com") for _ in range(2)]
    with pytest.raises(UsageError, match=", ".join(f"id:{ident}" for ident in idents)):
        await world.contacts.resolve("email:team@example.com")


async def test_the_view_has_the_channel_last_used_first(world: World) -> None:
    contact, (telegram, wechat, sms) = await world.contact("telegram", "wechat", "sms")
    await world.customer_writes(contact, wechat, at=NOON - 3 * DAY)
    await world.customer_writes(contact, telegram, at=NOON - 4 * DAY)
    await world.put(contact, ConversationStatus.CLOSED, "ana")
    view = await world.contacts.view(contact)
    assert [item.contact_channel.id for item in view.reach] == [wechat, telegram, sms]
    assert view.reach[0].answer.state is WindowState.BLOCKED
    assert view.preferred is not None
    assert view.preferred.contact_channel.id == telegram
    assert (view.assignee, view.closed_by) == (world.ana, world.bo)
    with pytest.raises(NotFoundError):
        await world.contacts.view(99)


async def test_reach_is_decided_anew_without_the_store(world: World) -> None:
    contact, (link,) = await world.contact("whatsapp")
    await world.customer_writes(contact, link)
    view = await world.contacts.view(contact)
    channels = [item.contact_channel for item in view.reach]
    assert reach(view.contact, channels, NOON + DAY - timedelta(seconds=1))[0].answer.allows(Permission.TEXT)
    assert reach(view.contact, channels, NOON + DAY)[0].answer.may_send == (Permission.TEMPLATE,)
    blocked = reach(replace(view.contact, blocked=True), channels, NOON)[0].answer
    assert (blocked.state, blocked.for_good) == (WindowState.BLOCKED, True)
    paused = [replace(channels[0], channel=replace(channels[0].channel, paused_reason="the token is refused"))]
    assert "the token is refused" in reach(view.contact, paused, NOON)[0].answer.reason


async def test_times_are_short_today_and_named_otherwise() -> None:
    utc = NOON.tzinfo
    assert clock_time(NOON + HOUR, NOON, utc) == "13:00"
    assert clock_time(NOON + DAY, NOON, utc) == "Thu 5 Mar 12:00"
    assert clock_time(NOON + 300 * DAY, NOON, utc) == "Tue 29 Dec 12:00"
    assert clock_time(NOON + 400 * DAY, NOON, utc) == "Thu 8 Apr 2027 12:00"


async def test_the_list_follows_what_happens(world: World) -> None:
    inbox = InboxService(world.context)
    contact, (link,) = await world.contact("whatsapp")
    await world.customer_writes(contact, link)
    view = InboxFilter(status=ConversationStatus.OPEN)
    assert await inbox.page(view) == []
    await world.sending.send(world.ana, SendRequest(contact, "On its way"))
    (row,) = await inbox.page(view)
    assert (row.contact_id, row.assignee, row.preview) == (contact, "ana", "On its way")
    assert row.window_ends_at == NOON + DAY
    assert await inbox.row(contact, view) == row
    assert await inbox.last_page(view) == [row]
    assert await inbox.position(view, row.cursor) == 0
    assert (await inbox.counts(view)).open == 1
    assert ("ana", 1) in (await inbox.facets()).assignees
    await world.contacts.mark_read(contact)
    assert (await inbox.page(view))[0].unread == 0


async def test_drafts_belong_to_agent_and_contact(world: World) -> None:
    drafts = DraftService(world.context)
    contact, (link,) = await world.contact("telegram")
    assert await drafts.load(world.ana, contact) is None
    first = await drafts.save(world.ana, contact, link, "Dear")
    again = await drafts.save(world.ana, contact, link, "Dear Carla")
    assert (again.id, again.version) == (first.id, first.version + 1)
    assert await drafts.load(world.bo, contact) is None
    assert [draft.body for draft in await drafts.all_of(world.ana)] == ["Dear Carla"]
    await drafts.discard(world.ana, contact)
    await drafts.discard(world.ana, contact)
    assert await drafts.load(world.ana, contact) is None
