"""What Viber's callbacks say (reference: channels, section 7).

``conversation_started`` is no word of the customer's: it makes nobody a subscriber and opens no session. Numbers have
up to 64 bits and stay whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import media, placeholders
from tui_inbox.channels.payload import instant, mapping, parse_mapping, text
from tui_inbox.channels.port import PayloadError
from tui_inbox.domain.events import ChannelEvent, InboundMessage, ReceiptEvent, SubscriptionEvent
from tui_inbox.domain.kinds import ErrorClass, Receipt

RECEIPTS = {"delivered": Receipt.DELIVERED, "seen": Receipt.READ, "failed": Receipt.NONE}
FAILED = "Viber could not deliver the message. Try again, or use another channel."


def parse(body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
    """The events of one callback: one or none. Raises :class:`PayloadError` for what has no event."""
    document = parse_mapping(body)
    kind = text(document.get("event"))
    if not kind:
        raise PayloadError("the body has no event")
    event = _event(kind, document, instant(document.get("timestamp"), received_at))
    return () if event is None else (event,)


def _event(kind: str, document: Mapping[str, Any], at: datetime) -> ChannelEvent | None:
    token = text(document.get("message_token"))
    if kind == "message":
        return _message(document, token, at)
    if kind in ("subscribed", "unsubscribed"):
        return _subscription(kind, document, token, at)
    receipt = RECEIPTS.get(kind)
    if receipt is None or not token:
        return None
    failed = receipt is Receipt.NONE
    return ReceiptEvent(
        key=f"{kind}:{token}",
        at=at,
        receipt=receipt,
        provider_id=token,
        address=text(document.get("user_id")),
        error_class=ErrorClass.INTERNAL if failed else None,
        error_code="failed" if failed else "",
        error_text=FAILED if failed else "",
    )


def _message(document: Mapping[str, Any], token: str, at: datetime) -> InboundMessage | None:
    sender = mapping(document.get("sender"))
    address = text(sender.get("id"))
    if not address or not token:
        return None
    message = mapping(document.get("message"))
    body, attachments = placeholders.viber(message)
    return InboundMessage(
        address=address,
        key=f"message:{token}",
        provider_id=token,
        at=at,
        text=body,
        name=text(sender.get("name")),
        attachments=attachments,
        files=media.viber(message),
    )


def _subscription(kind: str, document: Mapping[str, Any], token: str, at: datetime) -> SubscriptionEvent | None:
    user = mapping(document.get("user"))
    address = text(user.get("id")) or text(document.get("user_id"))
    if not address:
        return None
    # Two tokens never meet; an unsubscribing without one has its moment.
    key = f"{kind}:{token or f'{address}:{int(at.timestamp() * 1000)}'}"
    return SubscriptionEvent(address, key, at, started=kind == "subscribed", name=text(user.get("name")))
