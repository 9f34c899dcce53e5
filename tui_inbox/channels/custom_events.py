"""What a custom channel posts (reference: channels, section 16): messages, echoes and receipts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import media, placeholders
from tui_inbox.channels.payload import instant, mapping, mappings, parse_mapping, text
from tui_inbox.channels.port import PayloadError
from tui_inbox.domain.events import ChannelEvent, EchoEvent, InboundMessage, ReceiptEvent
from tui_inbox.domain.kinds import ErrorClass, Receipt

CONTACT_ID = re.compile(r"[A-Za-z0-9_=+/@]{1,50}")
MESSAGE_ID_MAXIMUM = 50
"""Characters."""
PHONE = re.compile(r"\+[0-9]{5,15}")
RECEIPTS = {
    "sent": Receipt.SENT,
    "delivered": Receipt.DELIVERED,
    "read": Receipt.READ,
    "failed": Receipt.NONE,
}
FAILED = "The system behind this channel reports that the message did not arrive."


def parse(body: bytes, channel_id: str, received_at: datetime) -> Sequence[ChannelEvent]:
    """Every event in ``body``, in order. Raises :class:`PayloadError` for what is not for ``channel_id``."""
    document = parse_mapping(body)
    address, events = text(document.get("contactId")), document.get("events")
    if text(document.get("channelId")) != channel_id:
        raise PayloadError("the body is for another channelId")
    if not CONTACT_ID.fullmatch(address):
        raise PayloadError("contactId is not 1 to 50 of A-Za-z0-9_=+/@")
    if not isinstance(events, list):
        raise PayloadError("the body has no list of events")
    person = mapping(document.get("contact"))
    found = (_event(item, address, person, received_at) for item in mappings(events))
    return [event for event in found if event is not None]


def _event(
    item: Mapping[str, Any], address: str, person: Mapping[str, Any], received_at: datetime
) -> ChannelEvent | None:
    ident, at = text(item.get("mId")), instant(item.get("timestamp"), received_at)
    if not 1 <= len(ident) <= MESSAGE_ID_MAXIMUM:
        raise PayloadError(f"an event has no mId of 1 to {MESSAGE_ID_MAXIMUM} characters")
    match text(item.get("type")):
        case "message":
            return _message(item, ident, address, person, at)
        case "message_echo":
            told = placeholders.custom(mapping(item.get("message")))[0]
            return EchoEvent(address, f"echo:{ident}", ident, at, told, echo=text(item.get("messageId")))
        case "message_status":
            return _status(item, ident, address, at)
        case kind:
            raise PayloadError(f"the event type '{kind[:40]}' is none of message, message_echo, message_status")


def _message(
    item: Mapping[str, Any], ident: str, address: str, person: Mapping[str, Any], at: datetime
) -> InboundMessage:
    message = mapping(item.get("message"))
    body, attachments = placeholders.custom(message)
    stated = text(person.get("phone"))
    phone = next((value for value in (stated, address) if PHONE.fullmatch(value)), "")
    names = (text(person.get("firstName")), text(person.get("lastName")))
    return InboundMessage(
        address=address,
        key=f"message:{ident}",
        provider_id=ident,
        at=at,
        text=body,
        name=" ".join(name for name in names if name),
        phone=phone,
        attachments=attachments,
        files=media.custom(message),
    )


def _status(item: Mapping[str, Any], ident: str, address: str, at: datetime) -> ReceiptEvent:
    status = mapping(item.get("status"))
    value = text(status.get("value"))
    if value not in RECEIPTS:
        raise PayloadError(f"the status '{value[:40]}' is none of {', '.join(RECEIPTS)}")
    failed = value == "failed"
    return ReceiptEvent(
        key=f"status:{ident}:{value}",
        at=at,
        receipt=RECEIPTS[value],
        provider_id=ident,
        echo=text(item.get("messageId")),
        address=address,
        error_class=ErrorClass.INVALID if failed else None,
        error_code="failed" if failed else "",
        error_text=FAILED if failed else "",
    )
