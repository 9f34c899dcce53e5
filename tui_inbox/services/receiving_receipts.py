"""What channels report of messages that left our account: receipts, late failures, echoes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from tui_inbox.domain.events import EchoEvent, ReceiptEvent
from tui_inbox.domain.kinds import DeliveryState, Direction, ErrorClass, Receipt
from tui_inbox.domain.models import Channel, ContactChannel
from tui_inbox.domain.policy import policy_for
from tui_inbox.domain.window import decide
from tui_inbox.repository.unit import Unit
from tui_inbox.services.reach import facts_now

ECHO_LOOKBACK = 50
"""Entries of a thread among which an echo without an id looks for the message that it is."""
UNPROVEN = frozenset({DeliveryState.SENDING, DeliveryState.UNCERTAIN})


async def handle_receipt(unit: Unit, channel: Channel, event: ReceiptEvent, now: datetime) -> None:
    """Raise the receipt of the messages meant, or mark them as failed; an unknown id waits for its message."""
    await unit.outbox.apply_receipt(channel.id, await _with_way_out(unit, channel, event, now))


async def handle_echo(
    unit: Unit, channel: Channel, target: ContactChannel, event: EchoEvent, at: datetime, arrived_at: datetime
) -> None:
    """Take an echo as proof for our own message, or show what was written in the channel's own app."""
    ours = event.echo or await _unproven_twin(unit, target, event)
    receipt = ReceiptEvent(event.key, at, Receipt.SENT, event.provider_id, ours, event.address)
    if await unit.outbox.apply_receipt(channel.id, receipt):
        return
    new = await unit.timeline.add_echo(
        contact_id=target.contact_id,
        contact_channel_id=target.id,
        channel_id=channel.id,
        provider_id=event.provider_id,
        at=at,
        arrived_at=arrived_at,
        body=event.text,
        detail={"origin": "sent from the channel's own app"},
    )
    if new is None:
        return
    await unit.contacts.record_outbound(target.id, at)
    await unit.conversations.touch(
        target.contact_id,
        at=at,
        preview=event.text,
        direction=Direction.OUTBOUND,
        contact_channel_id=target.id,
        waiting=False,
        unread_delta=0,
    )


async def _with_way_out(unit: Unit, channel: Channel, event: ReceiptEvent, now: datetime) -> ReceiptEvent:
    """A late "window closed" with what may still be sent, in the agent's words."""
    if event.error_class is not ErrorClass.WINDOW_CLOSED:
        return event
    told = "The channel did not deliver it: its messaging window had closed."
    target = await unit.contacts.by_address(channel.id, event.address) if event.address else None
    contact = await unit.contacts.get(target.contact_id) if target is not None else None
    policy = policy_for(channel.kind, channel.policy_override)
    way_out = "Send a template, use another channel, or wait for the customer"
    if target is not None and contact is not None and policy.window is not None:
        # The channel has the last word: whatever our clock says, the window is shut.
        shut = replace(facts_now(contact, target, now), last_qualifying_at=now - policy.window)
        way_out = decide(policy, shut, now).way_out or way_out
    return replace(event, error_text=f"{told} {way_out[:1].upper()}{way_out[1:].rstrip('.')}.")


async def _unproven_twin(unit: Unit, target: ContactChannel, event: EchoEvent) -> str:
    """Our own message of which this must be the echo: on its way or in doubt, with the same text. Else empty."""
    for entry in await unit.timeline.page(target.contact_id, limit=ECHO_LOOKBACK):
        if entry.state in UNPROVEN and entry.direction is Direction.OUTBOUND and entry.body == event.text:
            return entry.message_id
    return ""
