"""What WeChat's callbacks say (reference: channels, section 6.4). One message or event a body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from tui_inbox.channels import media, placeholders
from tui_inbox.channels.payload import instant
from tui_inbox.channels.port import PayloadError
from tui_inbox.channels.wechat_xml import parse_xml
from tui_inbox.domain.events import ChannelEvent, InboundMessage, SubscriptionEvent
from tui_inbox.domain.kinds import InboundKind

MENU = frozenset({"click", "view", "scancode_push", "scancode_waitmsg", "location_select"})
"""Events of the account's menu. They open a minute and three messages, which is no window to work with: it is not
counted on."""


def parse(body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
    """The event in a plain ``body``. Raises :class:`PayloadError` for what is no callback."""
    fields = parse_xml(body)
    address, kind = fields.get("FromUserName", ""), fields.get("MsgType", "")
    if not address or not kind:
        raise PayloadError("the body has no FromUserName and MsgType")
    at = instant(fields.get("CreateTime"), received_at)
    event = _event(fields, address, at) if kind == "event" else _message(fields, kind, address, at)
    return [] if event is None else [event]


def _message(fields: Mapping[str, str], kind: str, address: str, at: datetime) -> InboundMessage:
    # A message without an id is told by who and when, as WeChat says of events.
    ident = fields.get("MsgId") or f"{address}:{int(at.timestamp())}"
    body, attachments = placeholders.wechat(kind, fields)
    return InboundMessage(
        address=address,
        key=f"message:{ident}",
        provider_id=ident,
        at=at,
        text=body,
        attachments=attachments,
        files=media.wechat(kind, fields),
    )


def _event(fields: Mapping[str, str], address: str, at: datetime) -> ChannelEvent | None:
    name = fields.get("Event", "").lower()
    key = f"event:{address}:{int(at.timestamp())}:{name}"
    if name in ("subscribe", "unsubscribe"):
        return SubscriptionEvent(address, key, at, started=name == "subscribe")
    if name in MENU:
        told = placeholders.marked("menu", fields.get("EventKey", ""))
        return InboundMessage(address=address, key=key, provider_id=key, at=at, text=told, kind=InboundKind.POSTBACK)
    return None
