"""What X's Activity API says (reference: channels, section 14). Encrypted messages (``chat.*``) cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import media, placeholders
from tui_inbox.channels.payload import instant, mapping, mappings, parse_mapping, text
from tui_inbox.channels.port import PayloadError
from tui_inbox.domain.events import ChannelEvent, EchoEvent, InboundMessage, ReceiptEvent
from tui_inbox.domain.kinds import Receipt


def parse(body: bytes, account_id: str, received_at: datetime) -> Sequence[ChannelEvent]:
    """Every event in ``body``, in order. Raises :class:`PayloadError` for what is not about ``account_id``."""
    data = mapping(parse_mapping(body).get("data"))
    name = text(data.get("event_type"))
    if not name:
        raise PayloadError("the body has no event_type")
    owner = text(mapping(data.get("filter")).get("user_id"))
    if owner != account_id:
        raise PayloadError("the body is about another account")
    payload = mapping(data.get("payload"))
    if name in ("dm.received", "dm.sent"):
        return list(_messages(payload, account_id, received_at))
    if name == "dm.read":
        return list(_reads(payload, account_id, received_at))
    return []


def _messages(payload: Mapping[str, Any], account_id: str, received_at: datetime) -> Iterator[ChannelEvent]:
    people = mapping(payload.get("users"))
    for item in mappings(payload.get("direct_message_events")):
        created, ident = mapping(item.get("message_create")), text(item.get("id"))
        sender, recipient = text(created.get("sender_id")), text(mapping(created.get("target")).get("recipient_id"))
        if not (ident and sender and recipient):
            continue
        at = instant(item.get("created_timestamp"), received_at)
        message = mapping(created.get("message_data"))
        body, attachments = placeholders.x(message)
        if sender == account_id:
            yield EchoEvent(recipient, f"echo:{ident}", ident, at, body)
            continue
        person = mapping(mapping(people.get(sender)).get("data"))
        yield InboundMessage(
            address=sender,
            key=f"message:{ident}",
            provider_id=ident,
            at=at,
            text=body,
            name=text(person.get("name")),
            username=text(person.get("username")),
            attachments=attachments,
            files=media.x(message),
        )


def _reads(payload: Mapping[str, Any], account_id: str, received_at: datetime) -> Iterator[ChannelEvent]:
    """X documents no example of these; the shape is that of the older Account Activity API."""
    for item in mappings(payload.get("direct_message_mark_read_events")):
        reader, at = text(item.get("sender_id")), instant(item.get("created_timestamp"), received_at)
        last = text(item.get("last_read_event_id"))
        if reader and reader != account_id:
            key = f"read:{reader}:{last or int(at.timestamp() * 1000)}"
            yield ReceiptEvent(key=key, at=at, receipt=Receipt.READ, address=reader, watermark=at)
