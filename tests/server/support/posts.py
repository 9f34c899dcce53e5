"""Webhook bodies of WhatsApp, Instagram and Telegram, and the signed requests around them."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

from tests.server.support.workspace import NUMBER_ID, SECRETS
from tui_inbox.channels.port import WebhookRequest

ANA = "358401234567"


def signature(body: bytes) -> str:
    """What Meta would sign ``body`` with."""
    return "sha256=" + hmac.new(SECRETS["app_secret"].encode(), body, hashlib.sha256).hexdigest()


def posted(body: bytes) -> WebhookRequest:
    """A signed request as the receiver hands it on."""
    headers = {"content-type": b"application/json", "x-hub-signature-256": signature(body).encode()}
    return WebhookRequest("POST", {}, headers, body)


def whatsapp(*items: dict[str, Any], name: str = "Ana Virtanen") -> bytes:
    """One batch of messages and statuses; each item is what :func:`message` or :func:`status` made."""
    people = [{"profile": {"name": name}, "wa_id": item["from"]} for item in items if "from" in item]
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "1", "phone_number_id": NUMBER_ID},
        "contacts": people[:1],
        "messages": [item for item in items if "from" in item],
        "statuses": [item for item in items if "from" not in item],
    }
    entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def message(ident: str, text: str, at: datetime, sender: str = ANA, **more: Any) -> dict[str, Any]:
    """A text message."""
    said = {"type": "text", "text": {"body": text}}
    return {"from": sender, "id": ident, "timestamp": str(int(at.timestamp())), **said, **more}


def status(ident: str, name: str, at: datetime, *, echo: str = "", code: int | None = None) -> dict[str, Any]:
    """A receipt."""
    item: dict[str, Any] = {"id": ident, "status": name, "timestamp": str(int(at.timestamp())), "recipient_id": ANA}
    if echo:
        item["biz_opaque_callback_data"] = echo
    if code is not None:
        item["errors"] = [{"code": code, "title": "refused"}]
    return item


def template_status(name: str, event: str, at: datetime) -> bytes:
    """A change of a template's status."""
    value = {"event": event, "message_template_name": name, "message_template_language": "en", "reason": "NONE"}
    entry = {"id": "1", "time": int(at.timestamp()), "changes": [{"field": "message_template_status_update"}]}
    entry["changes"][0]["value"] = value  # type: ignore[index]  # a literal of mixed values
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def instagram(*items: dict[str, Any]) -> bytes:
    """One batch of messaging events."""
    return json.dumps(
        {"object": "instagram", "entry": [{"id": "178414", "time": 1, "messaging": list(items)}]}
    ).encode()


def direct(ident: str, text: str, at: datetime, *, sender: str = "5555", **more: Any) -> dict[str, Any]:
    """An Instagram message; ``is_echo`` in ``more`` makes it one of ours."""
    people = {"sender": {"id": sender}, "recipient": {"id": "178414"}}
    if more.get("is_echo"):
        people = {"sender": {"id": "178414"}, "recipient": {"id": sender}}
    return {**people, "timestamp": int(at.timestamp() * 1000), "message": {"mid": ident, "text": text, **more}}


def telegram(number: int, text: str, at: datetime, chat: int = 77) -> bytes:
    """An update with a message."""
    person = {"id": chat, "first_name": "Ana", "last_name": "Virtanen", "is_bot": False}
    said = {"message_id": number, "date": int(at.timestamp()), "text": text, "from": person}
    return json.dumps({"update_id": number, "message": {**said, "chat": {"id": chat, "type": "private"}}}).encode()


def membership(number: int, status_now: str, at: datetime, chat: int = 77) -> bytes:
    """An update that tells that a customer blocked the bot (``kicked``) or took it back (``member``)."""
    change = {
        "chat": {"id": chat, "type": "private"},
        "from": {"id": chat, "first_name": "Ana"},
        "date": int(at.timestamp()),
        "new_chat_member": {"status": status_now},
    }
    return json.dumps({"update_id": number, "my_chat_member": change}).encode()


MINUTE = timedelta(minutes=1)
