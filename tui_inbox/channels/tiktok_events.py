"""What TikTok's webhooks say (reference: channels, section 13). The address is the conversation.

Users in the EEA, Switzerland and the UK come as ``im_receive_msg_eu``, with neither text nor conversation: nobody
could be answered, so nothing is kept of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import media, placeholders
from tui_inbox.channels.payload import instant, integer, mapping, parse_mapping, text
from tui_inbox.channels.port import PayloadError
from tui_inbox.domain.events import ChannelEvent, EchoEvent, InboundMessage, ReceiptEvent
from tui_inbox.domain.kinds import Receipt


def parse(body: bytes, client_key: str, received_at: datetime) -> Sequence[ChannelEvent]:
    """The event in ``body``. Raises :class:`PayloadError` for what is not for the app ``client_key``."""
    envelope = parse_mapping(body)
    name, content = text(envelope.get("event")), envelope.get("content")
    if not name or not isinstance(content, str):
        raise PayloadError("the body has no event with its content")
    if text(envelope.get("client_key")) != client_key:
        raise PayloadError("the body is for another app")
    found = _event(name, parse_mapping(content.encode("utf-8", "replace")), received_at)
    return [] if found is None else [found]


def _event(name: str, content: Mapping[str, Any], received_at: datetime) -> ChannelEvent | None:
    address, at = text(content.get("conversation_id")), instant(content.get("timestamp"), received_at)
    if not address:
        return None
    match name:
        case "im_receive_msg":
            return _message(content, address, at)
        case "im_send_msg":
            return _echo(content, address, at)
        case "im_mark_read_msg":
            return _read(content, address, at)
        case _:
            return None


def _message(content: Mapping[str, Any], address: str, at: datetime) -> InboundMessage | None:
    ident = text(content.get("message_id"))
    if not ident:
        return None
    body, attachments = placeholders.tiktok(content)
    return InboundMessage(
        address=address,
        key=f"message:{ident}",
        provider_id=ident,
        at=at,
        text=body,
        username=text(content.get("from")),
        attachments=attachments,
        files=media.tiktok(content),
    )


def _echo(content: Mapping[str, Any], address: str, at: datetime) -> EchoEvent | None:
    """A message of the account: ours, or a colleague's in TikTok's own app."""
    ident = text(content.get("message_id"))
    return EchoEvent(address, f"echo:{ident}", ident, at, placeholders.tiktok(content)[0]) if ident else None


def _read(content: Mapping[str, Any], address: str, at: datetime) -> ReceiptEvent:
    """The customer has read everything up to an instant. The reader is the customer: nobody else writes there."""
    stated = mapping(content.get("read")).get("last_read_timestamp")
    upto = at if integer(stated) is None else min(instant(stated, at), at)
    key = f"read:{address}:{int(upto.timestamp() * 1000)}"
    return ReceiptEvent(key=key, at=at, receipt=Receipt.READ, address=address, watermark=upto)
