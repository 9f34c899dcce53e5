"""What each event of a channel does to contacts, threads and conversations.

Every function works inside one write unit; the caller has claimed the event's key in the same one. Instants of events
are the channel's own, except that one dated too far in the future is taken at its arrival.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from tui_inbox.domain import lifecycle
from tui_inbox.domain.events import (
    ChannelEvent,
    DeletedEvent,
    EchoEvent,
    InboundMessage,
    ReceiptEvent,
    SubscriptionEvent,
    TemplateChanged,
)
from tui_inbox.domain.kinds import Direction, InboundKind
from tui_inbox.domain.models import Channel, Contact, ContactChannel
from tui_inbox.domain.policy import policy_for
from tui_inbox.domain.window import FUTURE_TOLERANCE, decide, renew
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.timeline import FILES
from tui_inbox.repository.unit import Unit
from tui_inbox.services.receiving_receipts import handle_echo, handle_receipt

logger = logging.getLogger(__name__)

CLOCK_ALARM = "clock alarm"
"""Kind of the line in the record that says that a channel's clock, or ours, is wrong."""
ALARM_EVERY = timedelta(hours=1)
"""At most one such line in this time for each channel."""
NAME_MAXIMUM = 200
"""Characters of a first or last name that are kept."""
SILENT = frozenset({InboundKind.REACTION, InboundKind.READ, InboundKind.FOLLOW, InboundKind.AUTOMATIC})
"""Events that are shown and may renew a window but ask for no answer, so they open nothing."""


async def handle(unit: Unit, channel: Channel, event: ChannelEvent, *, arrived_at: datetime, now: datetime) -> None:
    """Do what ``event`` asks for. Its key must have been claimed in this very unit."""
    if taken_at(event.at, arrived_at) != event.at:
        await _alarm(unit, channel, event.at - arrived_at, now)
        event = replace(event, at=arrived_at)
    match event:
        case InboundMessage():
            await _message(unit, channel, event, arrived_at, now)
        case ReceiptEvent():
            await handle_receipt(unit, channel, event, now)
        case EchoEvent():
            target = await find_or_introduce(unit, channel, event.address, now=now)
            await handle_echo(unit, channel, target, event, event.at, arrived_at)
        case SubscriptionEvent():
            await _subscription(unit, channel, event, event.at, now)
        case DeletedEvent():
            await _deleted(unit, channel, event, event.at, arrived_at, now)
        case TemplateChanged():
            await unit.directory.set_template_status(channel.id, event.name, event.language, event.status, event.reason)
        case _:
            assert_never(event)


def taken_at(event_at: datetime, arrived_at: datetime) -> datetime:
    """The time that an event is taken at: its own, but never far after its arrival."""
    return arrived_at if event_at > arrived_at + FUTURE_TOLERANCE else event_at


async def _alarm(unit: Unit, channel: Channel, ahead: timedelta, now: datetime) -> None:
    """Put on record that an event was dated in the future: one of the two clocks is wrong."""
    recent = await unit.activity.of_kind(CLOCK_ALARM, now - ALARM_EVERY)
    if any(line.detail.get("channel") == channel.name for line in recent):
        return
    seconds = int(ahead.total_seconds())
    logger.warning("channel %s: an event is dated %d s after its arrival, taken at its arrival", channel.name, seconds)
    await unit.activity.add(CLOCK_ALARM, detail={"channel": channel.name, "ahead_seconds": seconds}, now=now)


async def find_or_introduce(
    unit: Unit, channel: Channel, address: str, *, now: datetime, name: str = "", phone: str = "", email: str = ""
) -> ContactChannel:
    """The contact channel at ``address``, made when it is new.

    A new address belongs to the one contact that has the phone number or email told by the channel and is not on this
    channel yet; else to a new contact. The number itself is never the key: numbers change hands and several people
    share one.
    """
    known = await unit.contacts.by_address(channel.id, address)
    if known is not None:
        return known
    contact_id = await _owner_of(unit, channel, phone, email) if phone or email else None
    if contact_id is None:
        first, last = split_name(name)
        new = NewContact(first_name=first, last_name=last, phone=phone, email=email)
        contact_id = await unit.contacts.add(new, now)
    added = await unit.contacts.add_channel(contact_id, channel.id, address, started=False, now=now)
    found = await unit.contacts.channel(added)
    assert found is not None
    return found


def split_name(name: str) -> tuple[str, str]:
    """First and last name from one line: the last name is what follows the first blank."""
    first, _, last = " ".join(name.split()).partition(" ")
    return first[:NAME_MAXIMUM], last[:NAME_MAXIMUM]


def shown_text(text: str, attachments: Sequence[str]) -> str:
    """The text of a message; one without any shows what was attached, such as ``[photo]``."""
    return text or " ".join(f"[{kind}]" for kind in attachments)


async def refresh_window(unit: Unit, contact_id: int, now: datetime) -> None:
    """Bring the list's copy of the window (that of the channel last used) up to date."""
    conversation = await unit.conversations.get(contact_id)
    last_used = conversation.last_channel_id
    target = await unit.contacts.channel(last_used) if last_used is not None else None
    if target is None:
        return
    policy = policy_for(target.channel.kind, target.channel.policy_override)
    ends_at = None
    if policy.window is not None and target.facts.last_qualifying_at is not None:
        ends_at = decide(policy, target.facts, now).closes_at
    await unit.conversations.refresh_window(contact_id, ends_at, policy.window is not None)


async def _message(unit: Unit, channel: Channel, event: InboundMessage, arrived_at: datetime, now: datetime) -> None:
    told = {"name": event.name, "phone": event.phone, "email": event.email}
    target = await find_or_introduce(unit, channel, event.address, now=now, **told)
    contact = await _contact(unit, target)
    at = event.at
    await _renew(unit, channel, target, event, at, arrived_at)
    if event.kind is not InboundKind.READ:
        await _show(unit, channel, target, contact, event, at, arrived_at, now)
    await refresh_window(unit, contact.id, now)


async def _renew(
    unit: Unit, channel: Channel, target: ContactChannel, event: InboundMessage, at: datetime, arrived_at: datetime
) -> None:
    policy = policy_for(channel.kind, channel.policy_override)
    if event.kind in policy.renewing_events:
        qualifying_at = renew(policy, target.facts.last_qualifying_at, event.kind, at, arrived_at)
        await unit.contacts.record_inbound(target.id, qualifying_at=qualifying_at, inbound_at=at, started=True)
    elif not target.facts.started:
        await unit.contacts.set_opted_out(target.id, target.facts.opted_out, True)


async def _show(
    unit: Unit,
    channel: Channel,
    target: ContactChannel,
    contact: Contact,
    event: InboundMessage,
    at: datetime,
    arrived_at: datetime,
    now: datetime,
) -> None:
    body = shown_text(event.text, event.attachments)
    new = await unit.timeline.add_inbound(
        contact_id=contact.id,
        contact_channel_id=target.id,
        channel_id=channel.id,
        provider_id=event.provider_id,
        at=at,
        arrived_at=arrived_at,
        body=body,
        content=event.kind.value if event.kind is not InboundKind.MESSAGE else "text",
        detail=_detail(event),
    )
    if new is None:
        return
    for file in event.files:
        await unit.attachments.add(contact.id, file, now, channel_id=channel.id, seq=new)
    asks = not contact.blocked and event.kind not in SILENT
    if asks:
        await _wake(unit, contact, now)
    await unit.conversations.touch(
        contact.id,
        at=at,
        preview=body,
        direction=Direction.INBOUND,
        contact_channel_id=target.id,
        waiting=True if asks else None,
        unread_delta=0 if contact.blocked else 1,
    )


def _detail(event: InboundMessage) -> dict[str, Any]:
    kinds = {"attachments": list(event.attachments)} if event.attachments else {}
    return {**kinds, **({FILES: len(event.files)} if event.files else {})}


async def _wake(unit: Unit, contact: Contact, now: datetime) -> None:
    before = await unit.conversations.get(contact.id)
    change = lifecycle.inbound(before, blocked=contact.blocked, now=now)
    if change.after == before:
        return
    await unit.conversations.save(before, change.after)
    for event in change.events:
        await unit.timeline.add_event(
            contact_id=contact.id, event=event.kind, actor_id=None, at=now, detail=event.detail
        )
        await unit.activity.add(event.kind, contact_id=contact.id, detail=event.detail, now=now)


async def _subscription(unit: Unit, channel: Channel, event: SubscriptionEvent, at: datetime, now: datetime) -> None:
    target = await unit.contacts.by_address(channel.id, event.address)
    if target is None:
        if not event.started:
            return  # somebody we never heard of has left
        target = await find_or_introduce(unit, channel, event.address, now=now, name=event.name)
    if await _newer_subscription(unit, target, at):
        return
    await unit.contacts.set_opted_out(target.id, not event.started, event.started or target.facts.started)
    kind = "subscribed" if event.started else "opted out"
    detail = {"contact_channel_id": target.id, "at": at.isoformat()}
    await unit.activity.add(kind, contact_id=target.contact_id, detail=detail, now=now)


async def _newer_subscription(unit: Unit, target: ContactChannel, at: datetime) -> bool:
    """Whether a later word of the customer is known already: webhooks do not come in order."""
    for line in await unit.activity.for_contact(target.contact_id, 500):
        if line.kind in {"subscribed", "opted out"} and line.detail.get("contact_channel_id") == target.id:
            return datetime.fromisoformat(str(line.detail["at"])) > at
    return False


async def _deleted(
    unit: Unit, channel: Channel, event: DeletedEvent, at: datetime, arrived_at: datetime, now: datetime
) -> None:
    if await unit.timeline.redact(channel.id, event.provider_id):
        return
    # The message itself is still to come: an empty one takes its place, so that it will be a duplicate.
    target = await find_or_introduce(unit, channel, event.address, now=now)
    added = await unit.timeline.add_inbound(
        contact_id=target.contact_id,
        contact_channel_id=target.id,
        channel_id=channel.id,
        provider_id=event.provider_id,
        at=at,
        arrived_at=arrived_at,
        body="",
        detail={},
    )
    if added is not None:
        await unit.timeline.redact(channel.id, event.provider_id)


async def _owner_of(unit: Unit, channel: Channel, phone: str, email: str) -> int | None:
    found = await (unit.contacts.find(phone=phone) if phone else unit.contacts.find(email=email))
    if len(found) != 1:
        return None
    channels = await unit.contacts.channels_of(found[0].id)
    return None if any(item.channel.id == channel.id for item in channels) else found[0].id


async def _contact(unit: Unit, target: ContactChannel) -> Contact:
    contact = await unit.contacts.get(target.contact_id)
    assert contact is not None
    return contact
