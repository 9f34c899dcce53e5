"""Stand-in of a system behind a custom channel (reference: channels, section 16). It honours the key of a message."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels.signatures import custom_signature
from tui_inbox.standins.config import Member
from tui_inbox.standins.files import SentFile, StoredFile, is_link
from tui_inbox.standins.platform import Answer, Call, RefusedError, Taken
from tui_inbox.standins.specs import Specs
from tui_inbox.standins.state import Accepted, ChannelState, Fault

CONTACT_ID = re.compile(r"[A-Za-z0-9_=+/@]{1,50}")
FIELDS = {"channelId", "contactId", "messageId", "message"}
KEY = re.compile(r"[!-~]{1,255}")


class CustomStandin:
    """One system."""

    def __init__(self, state: ChannelState, specs: Specs | None) -> None:
        self.state = state

    def is_send(self, call: Call) -> bool:
        """Whether the request sends a message."""
        return call.path == "/message"

    def authorise(self, call: Call) -> None:
        """Token and signature."""
        config = self.state.config
        if call.headers.get("authorization", "") != f"Bearer {config.token}":
            raise refuse(401, "wrong token")
        if call.headers.get("x-inbox-signature-256", "") != custom_signature(config.app_secret, call.body):
            raise refuse(401, "wrong signature")

    def read(self, call: Call) -> Answer:
        """Its name."""
        if (call.method, call.path) != ("GET", "/channel"):
            raise refuse(404, "no such thing")
        return Answer(200, {"name": self.state.config.account or "Demo system"})

    def check(self, call: Call) -> Taken:
        """Everything that it could be strict about, the key last."""
        body = _body(call)
        if call.method != "POST" or set(body) != FIELDS:
            raise refuse(400, "fields must be channelId, contactId, messageId, message")
        if body["channelId"] != self.state.config.setting("channel_id"):
            raise refuse(400, "unknown channelId")
        address, message = body["contactId"], body["message"]
        if not isinstance(address, str) or not CONTACT_ID.fullmatch(address):
            raise refuse(400, "contactId is malformed")
        text, files = _content(message)
        member = self.state.members.get(address)
        if member is None or member.blocked or not member.started:
            raise refuse(400, "contact cannot be reached", "unreachable")
        key = call.headers.get("idempotency-key", "")
        if not KEY.fullmatch(key):
            raise refuse(400, "Idempotency-Key is missing")
        for known in self.state.accepted:
            if known.key == key:
                raise RefusedError(self.taken(known))
        return Taken(address, text, body, echo=str(body["messageId"]), key=key, files=files)

    def provider_id(self, taken: Taken) -> str:
        """Its own id of the message."""
        return f"m{self.state.number()}"

    def taken(self, message: Accepted) -> Answer:
        """The id."""
        return Answer(200, {"mId": message.provider_id})

    def failure(self, fault: Fault) -> Answer:
        """The error shape; ``code`` is the HTTP status, ``description`` the name of the error."""
        wait = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return Answer(fault.code, refuse(fault.code, "as told", fault.description).answer.body, wait)

    def receipts(self, message: Accepted, late: Fault | None) -> Sequence[Mapping[str, Any]]:
        """Sent, delivered, read; or failed."""
        steps = ["failed"] if late is not None else ["sent", "delivered", "read"]
        return [
            self._body(
                message.address,
                {
                    "type": "message_status",
                    "mId": message.provider_id,
                    "messageId": message.echo,
                    "timestamp": int(self.state.clock().timestamp() * 1000),
                    "status": {"value": step, "message": late.description if late is not None else ""},
                },
            )
            for step in steps
        ]

    def said(self, member: Member, text: str, at: datetime) -> Mapping[str, Any]:
        """A text message."""
        return self._said(member, at, {"type": "text", "text": text})

    def said_file(self, member: Member, text: str, at: datetime, file: StoredFile, url: str) -> Mapping[str, Any]:
        """A file by its address."""
        kind = {"photo": "image", "document": "file"}.get(file.kind, file.kind)
        told = {"type": kind, "url": url, "fileName": file.name, "mimeType": file.media_type, "description": text}
        return self._said(member, at, {"type": "attachment", "attachment": told})

    def authorise_file(self, call: Call) -> None:
        """With the token."""
        if call.headers.get("authorization", "") != f"Bearer {self.state.config.token}":
            raise refuse(401, "wrong token")

    def _said(self, member: Member, at: datetime, content: Mapping[str, Any]) -> Mapping[str, Any]:
        event = {
            "type": "message",
            "mId": f"c{self.state.number()}",
            "timestamp": int(at.timestamp() * 1000),
            "message": content,
        }
        first, _, last = member.name.partition(" ")
        return {**self._body(member.address, event), "contact": {"firstName": first, "lastName": last}}

    def membership(self, member: Member, at: datetime) -> Mapping[str, Any] | None:
        """The protocol has no such event."""
        return None

    def _body(self, address: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"channelId": self.state.config.setting("channel_id"), "contactId": address, "events": [event]}

    def sign(self, body: bytes, url: str) -> Mapping[str, str]:
        """Token and signature."""
        return {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.state.config.webhook_secret}",
            "X-Inbox-Signature-256": custom_signature(self.state.config.app_secret, body),
        }

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """UTF-8, not escaped."""
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace")


def refuse(status: int, words: str, code: str = "") -> RefusedError:
    """An error answer, to raise."""
    return RefusedError(Answer(status, {"error": {"message": words} | ({"code": code} if code else {})}))


def _content(message: object) -> tuple[str, tuple[SentFile, ...]]:
    if not isinstance(message, dict):
        raise refuse(400, "message must be an object")
    attached = message.get("attachment")
    if message.get("type") == "attachment" and set(message) == {"type", "attachment"} and isinstance(attached, dict):
        if attached.get("type") not in ("image", "audio", "video", "file") or not is_link(attached.get("url")):
            raise refuse(400, "attachment must have a type and an address")
        named = SentFile(
            name=str(attached.get("fileName", "")),
            media_type=str(attached.get("mimeType", "")),
            size=int(attached["size"]),
            link=str(attached["url"]),
        )
        return str(attached.get("description", "")), (named,)
    if set(message) != {"type", "text"} or message["type"] != "text":
        raise refuse(400, "message must be a text or an attachment")
    text = message["text"]
    if not isinstance(text, str) or not text.strip():
        raise refuse(400, "text is empty")
    return text, ()


def _body(call: Call) -> dict[str, Any]:
    if call.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise refuse(415, "JSON is wanted")
    try:
        body = json.loads(call.body)
    except ValueError as problem:
        raise refuse(400, "not JSON") from problem
    if not isinstance(body, dict):
        raise refuse(400, "not an object")
    return body
