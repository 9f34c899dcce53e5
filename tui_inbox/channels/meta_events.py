"""What the webhooks of Messenger and Instagram say, which have one shape (reference: channels, sections 4.6 and 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import media, meta_templates, placeholders
from tui_inbox.channels.meta import entries
from tui_inbox.channels.payload import instant, integer, mapping, mappings, text
from tui_inbox.domain.events import ChannelEvent, DeletedEvent, EchoEvent, InboundMessage, ReceiptEvent
from tui_inbox.domain.kinds import InboundKind, Receipt


def parse(body: bytes, received_at: datetime, kind: str) -> Sequence[ChannelEvent]:
    """Every event in ``body``, in order. Raises :class:`PayloadError` for a body about anything but ``kind``."""
    found: list[ChannelEvent] = []
    for entry in entries(body, (kind,)):
        for item in _items(entry):
            found += _events(item, received_at)
        for change in mappings(entry.get("changes")):
            if text(change.get("field")) == meta_templates.CHANGED:
                at = instant(entry.get("time"), received_at)
                found += meta_templates.changed(mapping(change.get("value")), at)
    return found


def _items(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Messaging events; the app dashboard's own tests wrap them as changes."""
    yield from mappings(entry.get("messaging"))
    for change in mappings(entry.get("changes")):
        yield mapping(change.get("value"))


def _events(item: Mapping[str, Any], received_at: datetime) -> Iterator[ChannelEvent]:
    sender = text(mapping(item.get("sender")).get("id"))
    at = instant(item.get("timestamp"), received_at)
    if sender and mapping(item.get("delivery")):
        yield from _delivered(mapping(item["delivery"]), sender, at)
        return
    event = _event(item, received_at)
    if event is not None:
        yield event


def _event(item: Mapping[str, Any], received_at: datetime) -> ChannelEvent | None:
    sender, recipient = (text(mapping(item.get(side)).get("id")) for side in ("sender", "recipient"))
    at = instant(item.get("timestamp"), received_at)
    message = mapping(item.get("message"))
    if message:
        return _message(message, sender, recipient, at)
    if not sender:
        return None
    if mapping(item.get("read")):
        return _read(mapping(item["read"]), sender, at)
    if mapping(item.get("postback")):
        return _postback(mapping(item["postback"]), sender, at)
    if mapping(item.get("reaction")):
        return _reaction(mapping(item["reaction"]), sender, at)
    return None


def _message(message: Mapping[str, Any], sender: str, recipient: str, at: datetime) -> ChannelEvent | None:
    ident = text(message.get("mid"))
    address = recipient if message.get("is_echo") is True else sender
    if not ident or not address:
        return None
    if message.get("is_deleted") is True:
        return DeletedEvent(address, f"deleted:{ident}", ident, at)
    body, attachments = placeholders.meta(message)
    if message.get("is_echo") is True:
        return EchoEvent(address, f"echo:{ident}", ident, at, body, echo=text(message.get("metadata")))
    return InboundMessage(
        address=address,
        key=f"message:{ident}",
        provider_id=ident,
        at=at,
        text=body,
        attachments=attachments,
        files=media.meta(message),
    )


def _read(read: Mapping[str, Any], sender: str, at: datetime) -> ReceiptEvent | None:
    """A message by its id, or everything up to an instant."""
    ident, watermark = text(read.get("mid")), integer(read.get("watermark"))
    if not ident and watermark is None:
        return None
    return ReceiptEvent(
        key=f"read:{ident or f'{sender}:{watermark}'}",
        at=at,
        receipt=Receipt.READ,
        provider_id=ident,
        address=sender,
        watermark=None if watermark is None else min(instant(watermark, at), at),
    )


def _delivered(delivery: Mapping[str, Any], sender: str, at: datetime) -> Iterator[ReceiptEvent]:
    """Messages by their ids, and everything up to an instant: the ids may be missing."""
    mids, watermark = delivery.get("mids"), integer(delivery.get("watermark"))
    for ident in filter(None, map(text, mids)) if isinstance(mids, list) else ():
        yield ReceiptEvent(
            key=f"delivered:{ident}", at=at, receipt=Receipt.DELIVERED, provider_id=ident, address=sender
        )
    if watermark is not None:
        yield ReceiptEvent(
            key=f"delivered:{sender}:{watermark}",
            at=at,
            receipt=Receipt.DELIVERED,
            address=sender,
            watermark=min(instant(watermark, at), at),
        )


def _postback(postback: Mapping[str, Any], sender: str, at: datetime) -> InboundMessage:
    ident = text(postback.get("mid")) or f"postback:{sender}:{int(at.timestamp() * 1000)}"
    told = text(postback.get("title")) or placeholders.marked("button", text(postback.get("payload")))
    return InboundMessage(
        address=sender, key=f"message:{ident}", provider_id=ident, at=at, text=told, kind=InboundKind.POSTBACK
    )


def _reaction(reaction: Mapping[str, Any], sender: str, at: datetime) -> InboundMessage | None:
    """A reaction has the id of the message that it is about, so it gets a key of its own."""
    if text(reaction.get("action")) == "unreact":
        return None
    key = f"reaction:{text(reaction.get('mid'))}:{sender}:{int(at.timestamp() * 1000)}"
    told = text(reaction.get("emoji")) or text(reaction.get("reaction"))
    return InboundMessage(
        address=sender,
        key=key,
        provider_id=key,
        at=at,
        text=placeholders.marked("reaction", told),
        kind=InboundKind.REACTION,
    )
