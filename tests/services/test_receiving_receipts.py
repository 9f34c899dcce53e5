"""Receipts, late refusals and echoes of messages that left our account."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.server.support import posts
from tests.server.support.fault_server import FaultServer, Reply, fault_server
from tests.server.support.inbox import Inbox
from tests.server.support.workspace import SetClock, open_workspace
from tui_inbox.domain.kinds import ChannelKind, DeliveryState, Direction, ErrorClass, Receipt

MINUTE = timedelta(minutes=1)
Stage = tuple[Inbox, FaultServer]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    clock = SetClock()
    async with fault_server() as faults, open_workspace(tmp_path, clock, faults.base_url) as space:
        await space.add_channel("ig", ChannelKind.INSTAGRAM)
        yield Inbox(space, clock), faults


async def send(inbox: Inbox, text: str = "hello") -> str:
    """Queue a message to Ana and deliver it; returns its id."""
    async with inbox.space.store.read() as unit:
        known = await unit.contacts.by_address(inbox.space.channels["wa"].id, f"+{posts.ANA}")
    target = known.id if known is not None else await inbox.space.add_contact(f"+{posts.ANA}")
    message_id = await inbox.space.queue(target, text)
    await inbox.space.sender().run_once()
    return message_id


async def test_receipts_rise_to_the_highest_in_any_order(stage: Stage) -> None:
    inbox, _ = stage
    chance = random.Random(3)
    for number in range(1, 5):
        message_id = await send(inbox)
        names = ["sent", "delivered", "read"] * 2
        chance.shuffle(names)
        for name in names:
            await inbox.post(posts.whatsapp(posts.status(f"wamid.{number}", name, inbox.clock())))
        row = await inbox.space.row(message_id)
        assert (row.state, row.receipt) == (DeliveryState.SENT, Receipt.READ)


async def test_a_receipt_that_is_faster_than_the_answer_waits_for_the_message(stage: Stage) -> None:
    inbox, faults = stage
    target = await inbox.space.add_contact(f"+{posts.ANA}")

    async def report_first() -> None:
        await inbox.post(posts.whatsapp(posts.status("wamid.1", "delivered", inbox.clock())))

    faults.script.append(Reply(before=report_first))
    message_id = await inbox.space.queue(target)
    await inbox.space.sender().run_once()
    row = await inbox.space.row(message_id)
    assert (row.state, row.receipt, row.provider_id) == (DeliveryState.SENT, Receipt.DELIVERED, "wamid.1")


async def test_a_receipt_settles_an_uncertain_message(stage: Stage) -> None:
    inbox, faults = stage
    faults.script.append(Reply(drops=True))
    message_id = await send(inbox)
    assert await inbox.space.state(message_id) is DeliveryState.UNCERTAIN
    await inbox.post(posts.whatsapp(posts.status("wamid.1", "sent", inbox.clock(), echo=message_id)))
    row = await inbox.space.row(message_id)
    assert (row.state, row.provider_id) == (DeliveryState.SENT, "wamid.1")


async def test_a_window_that_was_closed_after_all_is_told_with_the_way_out(stage: Stage) -> None:
    inbox, _ = stage
    message_id = await send(inbox)
    await inbox.post(posts.whatsapp(posts.status("wamid.1", "failed", inbox.clock(), code=131047)))
    row = await inbox.space.row(message_id)
    assert (row.state, row.error_class) == (DeliveryState.FAILED, ErrorClass.WINDOW_CLOSED)
    assert row.failed_at is not None
    assert row.error_text == ("The channel did not deliver it: its messaging window had closed. Send a template.")
    async with inbox.space.store.read() as unit:
        assert (await unit.timeline.page(row.contact_id))[-1].state is DeliveryState.FAILED


async def test_a_late_refusal_does_not_beat_a_message_that_was_delivered(stage: Stage) -> None:
    inbox, _ = stage
    message_id = await send(inbox)
    await inbox.post(posts.whatsapp(posts.status("wamid.1", "delivered", inbox.clock())))
    await inbox.post(posts.whatsapp(posts.status("wamid.1", "failed", inbox.clock(), code=131047)))
    assert (await inbox.space.row(message_id)).state is DeliveryState.SENT


async def test_what_was_delivered_beats_an_earlier_refusal(stage: Stage) -> None:
    inbox, _ = stage
    message_id = await send(inbox)
    await inbox.post(posts.whatsapp(posts.status("wamid.1", "failed", inbox.clock(), code=131026)))
    assert (await inbox.space.row(message_id)).state is DeliveryState.FAILED
    await inbox.post(posts.whatsapp(posts.status("wamid.1", "delivered", inbox.clock())))
    row = await inbox.space.row(message_id)
    assert (row.state, row.receipt) == (DeliveryState.SENT, Receipt.DELIVERED)


async def test_what_somebody_wrote_in_the_app_is_shown_and_answers_the_customer(stage: Stage) -> None:
    inbox, _ = stage
    start = inbox.clock() - 10 * MINUTE
    await inbox.post(posts.instagram(posts.direct("d1", "anybody there?", start)), channel="ig")
    contact_id = (await inbox.find("5555", "ig")).contact_id
    assert (await inbox.conversation(contact_id)).waiting_since == start
    await inbox.post(posts.instagram(posts.direct("d2", "yes!", start + MINUTE, is_echo=True)), channel="ig")
    entry = (await inbox.thread(contact_id))[1]
    assert (entry.direction, entry.body, entry.state) == (Direction.OUTBOUND, "yes!", None)
    assert entry.detail == {"origin": "sent from the channel's own app"}
    assert (await inbox.conversation(contact_id)).waiting_since is None
    assert (await inbox.find("5555", "ig")).facts.sent_since_inbound == 1


@pytest.mark.parametrize("echoes_id", [True, False])
async def test_an_echo_of_ours_settles_it_and_is_not_shown_twice(stage: Stage, echoes_id: bool) -> None:
    inbox, faults = stage
    # The answer is lost; the message is delivered through WhatsApp's form of request, the echo is Instagram's.
    inbox.space.adapters.other["ig"] = inbox.space.adapters.get(inbox.space.channels["wa"])
    target = await inbox.space.add_contact("5555", channel="ig")
    faults.script.append(Reply(drops=True))
    message_id = await inbox.space.queue(target, "hello")
    await inbox.space.sender().run_once()
    assert await inbox.space.state(message_id) is DeliveryState.UNCERTAIN
    inbox.space.adapters.other.clear()
    more = {"metadata": message_id} if echoes_id else {}
    echo = posts.direct("d9", "hello", inbox.clock(), is_echo=True, **more)
    await inbox.post(posts.instagram(echo), channel="ig")
    row = await inbox.space.row(message_id)
    assert (row.state, row.provider_id) == (DeliveryState.SENT, "d9")
    assert [entry.body for entry in await inbox.thread(row.contact_id) if entry.direction] == ["hello"]
