"""What Telegram's updates say (reference: channels, section 10).

Only private chats with people count: a group or a channel is no contact. Edited messages change nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import media, placeholders
from tui_inbox.channels.payload import instant, integer, mapping, parse_mapping, text
from tui_inbox.channels.port import PayloadError
from tui_inbox.domain.events import ChannelEvent, InboundMessage, SubscriptionEvent
from tui_inbox.domain.kinds import InboundKind

GONE = ("kicked", "left")


def parse(body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
    """The events of one update. Raises :class:`PayloadError` for what is not an update.

    Keys hold the update's number; the provider id of a message holds chat and message, so that the same message in
    two updates is one.
    """
    update = parse_mapping(body)
    number = integer(update.get("update_id"))
    if number is None:
        raise PayloadError("the body has no update_id")
    key = f"update:{number}"
    message = mapping(update.get("message"))
    if message:
        return list(_message(message, key, received_at))
    if mapping(update.get("my_chat_member")):
        return list(_membership(mapping(update["my_chat_member"]), key, received_at))
    return list(_callback(mapping(update.get("callback_query")), key, received_at))


def _private(chat: Mapping[str, Any]) -> str:
    """Id of a private chat; empty for any other."""
    return text(chat.get("id")) if chat.get("type") == "private" else ""


def _name(person: Mapping[str, Any]) -> str:
    return " ".join(part for part in (text(person.get("first_name")), text(person.get("last_name"))) if part)


def _message(message: Mapping[str, Any], key: str, received_at: datetime) -> Iterator[ChannelEvent]:
    chat, ident = mapping(message.get("chat")), text(message.get("message_id"))
    address = _private(chat)
    if not address or not ident:
        return
    sender = mapping(message.get("from")) or chat
    at = instant(message.get("date"), received_at)
    body, attachments = placeholders.telegram(message)
    if body.split(maxsplit=1)[:1] == ["/start"]:
        yield SubscriptionEvent(address, f"{key}:start", at, started=True, name=_name(sender))
    yield InboundMessage(
        address=address,
        key=key,
        provider_id=f"{address}:{ident}",
        at=at,
        text=body,
        name=_name(sender),
        username=text(sender.get("username")),
        attachments=attachments,
        files=media.telegram(message),
    )


def _membership(change: Mapping[str, Any], key: str, received_at: datetime) -> Iterator[ChannelEvent]:
    """In a private chat: ``kicked`` when the customer blocks the bot, ``member`` when they take it back."""
    address = _private(mapping(change.get("chat")))
    status = text(mapping(change.get("new_chat_member")).get("status"))
    if not address or not status:
        return
    at = instant(change.get("date"), received_at)
    yield SubscriptionEvent(address, key, at, started=status not in GONE, name=_name(mapping(change.get("from"))))


def _callback(query: Mapping[str, Any], key: str, received_at: datetime) -> Iterator[ChannelEvent]:
    """A button under one of our messages; the query has no time of its own."""
    person, ident = mapping(query.get("from")), text(query.get("id"))
    chat = mapping(mapping(query.get("message")).get("chat"))
    address = _private(chat) if chat else text(person.get("id"))
    if not address or not ident:
        return
    yield InboundMessage(
        address=address,
        key=key,
        provider_id=f"callback:{ident}",
        at=received_at,
        text=placeholders.marked("button", text(query.get("data"))),
        kind=InboundKind.POSTBACK,
        name=_name(person),
        username=text(person.get("username")),
    )
