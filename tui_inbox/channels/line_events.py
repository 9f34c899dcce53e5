"""What LINE's webhooks say (reference: channels, section 8).

Only people count: a group or a room is no contact. LINE tells no names, no receipts, and nothing of our own messages.
An event that is delivered again keeps its id, which is the key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import media, placeholders
from tui_inbox.channels.payload import instant, mapping, mappings, parse_mapping, text
from tui_inbox.channels.port import PayloadError
from tui_inbox.domain.events import ChannelEvent, DeletedEvent, InboundMessage, SubscriptionEvent
from tui_inbox.domain.kinds import InboundKind


def parse(body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
    """Every event in ``body``, in order. Raises :class:`PayloadError` for what has no list of events."""
    document = parse_mapping(body)
    events = document.get("events")
    if not isinstance(events, list) or not text(document.get("destination")):
        raise PayloadError("the body has no destination with a list of events")
    found = (_event(item, received_at) for item in mappings(events))
    return [event for event in found if event is not None]


def _event(item: Mapping[str, Any], received_at: datetime) -> ChannelEvent | None:
    source = mapping(item.get("source"))
    address = text(source.get("userId")) if source.get("type") == "user" else ""
    if not address:
        return None
    kind, at = text(item.get("type")), instant(item.get("timestamp"), received_at)
    # Every event has an id nowadays; those of old have a moment only.
    key = f"event:{text(item.get('webhookEventId')) or f'{kind}:{address}:{int(at.timestamp() * 1000)}'}"
    match kind:
        case "message":
            return _message(mapping(item.get("message")), address, key, at)
        case "postback":
            return _postback(mapping(item.get("postback")), address, key, at)
        case "follow" | "unfollow":
            return SubscriptionEvent(address, key, at, started=kind == "follow")
        case "unsend":
            ident = text(mapping(item.get("unsend")).get("messageId"))
            return DeletedEvent(address, key, ident, at) if ident else None
        case _:
            return None


def _message(message: Mapping[str, Any], address: str, key: str, at: datetime) -> InboundMessage | None:
    ident = text(message.get("id"))
    if not ident:
        return None
    body, attachments = placeholders.line(message)
    return InboundMessage(
        address=address,
        key=key,
        provider_id=ident,
        at=at,
        text=body,
        attachments=attachments,
        files=media.line(message),
    )


def _postback(postback: Mapping[str, Any], address: str, key: str, at: datetime) -> InboundMessage:
    """A button; ``params`` hold the date or the rich menu that was chosen."""
    chosen = (text(value) for value in mapping(postback.get("params")).values())
    told = placeholders.marked("button", text(postback.get("data")), *chosen)
    return InboundMessage(address=address, key=key, provider_id=key, at=at, text=told, kind=InboundKind.POSTBACK)
