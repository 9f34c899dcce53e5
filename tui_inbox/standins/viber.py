"""Stand-in of Viber's bots (reference: channels, section 7)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels.signatures import viber_signature
from tui_inbox.standins.config import Member
from tui_inbox.standins.files import SentFile, StoredFile, is_link
from tui_inbox.standins.platform import Answer, Call, RefusedError, Taken
from tui_inbox.standins.specs import Specs
from tui_inbox.standins.state import Accepted, ChannelState, Fault

TEXT_MAXIMUM = 7000
SENDER_MAXIMUM = 28
REQUEST_MAXIMUM = 30 << 10
"""Bytes."""
CAPTION_MAXIMUM = 512
MEDIA = {
    "picture": frozenset({"media", "text"}),
    "video": frozenset({"media", "size"}),
    "file": frozenset({"media", "size", "file_name"}),
}
"""What each type of file must come with."""
FIELDS = {"receiver", "type", "text", "sender", "tracking_data", "min_api_version", "auth_token"}
FIELDS |= {"media", "size", "file_name"}
BAD_TOKEN, BAD_DATA, MISSING, NOT_REGISTERED, NOT_SUBSCRIBED = 2, 3, 4, 5, 6
WORDS = {
    BAD_TOKEN: "invalidAuthToken",
    BAD_DATA: "badData",
    MISSING: "missingData",
    NOT_REGISTERED: "receiverNotRegistered",
    NOT_SUBSCRIBED: "receiverNotSubscribed",
    12: "tooManyRequests",
}
FIRST_TOKEN = 5_741_311_803_571_720_087
"""Tokens have 64 bits, so that whoever takes them for floating-point numbers is found out."""


class ViberStandin:
    """One bot. Every answer is HTTP 200."""

    def __init__(self, state: ChannelState, specs: Specs | None) -> None:
        self.state = state

    def is_send(self, call: Call) -> bool:
        """Whether the request sends a message."""
        return call.path.endswith("/send_message")

    def authorise(self, call: Call) -> None:
        """The token in its header."""
        if call.headers.get("x-viber-auth-token", "") != self.state.config.token:
            raise refuse(BAD_TOKEN)

    def read(self, call: Call) -> Answer:
        """The bot itself."""
        if call.path != "/pa/get_account_info" or call.method != "POST":
            raise RefusedError(Answer(404, {"status": 8, "status_message": "notFound"}))
        name = self.state.config.account or "Demo business"
        webhook = self.state.config.webhook_url or "https://inbox.invalid/"
        return Answer(200, {"status": 0, "status_message": "ok", "name": name, "id": "pa:1", "webhook": webhook})

    def check(self, call: Call) -> Taken:
        """Everything that the real one checks; outside the session a message is charged, not refused."""
        body = _body(call)
        receiver = body.get("receiver")
        if not isinstance(receiver, str) or not receiver:
            raise refuse(MISSING, "receiver is missing")
        text, tracking, files = _content(body)
        member = self.state.members.get(receiver)
        if member is None:
            raise refuse(NOT_REGISTERED)
        if member.blocked or not member.started:
            raise refuse(NOT_SUBSCRIBED)
        return Taken(receiver, text, body, echo=tracking, files=files)

    def provider_id(self, taken: Taken) -> str:
        """A message token."""
        return str(FIRST_TOKEN + self.state.number())

    def taken(self, message: Accepted) -> Answer:
        """The token as a whole number."""
        return Answer(200, {"status": 0, "status_message": "ok", "message_token": int(message.provider_id)})

    def failure(self, fault: Fault) -> Answer:
        """Viber's error shape."""
        return error(fault.code, fault.description)

    def receipts(self, message: Accepted, late: Fault | None) -> Sequence[Mapping[str, Any]]:
        """Delivered and seen, or failed."""
        steps = ("delivered", "seen") if late is None else ("failed",)
        return [
            self._event(step, self.state.clock(), int(message.provider_id))
            | {"user_id": message.address}
            | ({"desc": late.description or "failure description"} if late is not None else {})
            for step in steps
        ]

    def said(self, member: Member, text: str, at: datetime) -> Mapping[str, Any]:
        """A text message."""
        return self._said(member, at, {"type": "text", "text": text})

    def said_file(self, member: Member, text: str, at: datetime, file: StoredFile, url: str) -> Mapping[str, Any]:
        """A file by its address."""
        kind = {"photo": "picture", "video": "video"}.get(file.kind, "file")
        content: dict[str, Any] = {"type": kind, "media": url} | ({"text": text} if text else {})
        if kind != "picture":
            content |= {"size": len(file.content), "file_name": file.name}
        return self._said(member, at, content)

    def authorise_file(self, call: Call) -> None:
        """Whoever knows the address; a token has no business there."""
        if "x-viber-auth-token" in call.headers:
            raise refuse(BAD_DATA, "the token was shown to a server of files")

    def _said(self, member: Member, at: datetime, content: Mapping[str, Any]) -> Mapping[str, Any]:
        sender = {"id": member.address, "name": member.name or "Customer", "language": "en", "api_version": 10}
        event = self._event("message", at, FIRST_TOKEN + self.state.number())
        return {**event, "sender": sender, "message": content, "silent": False}

    def membership(self, member: Member, at: datetime) -> Mapping[str, Any] | None:
        """``unsubscribed`` when the customer leaves the bot, ``subscribed`` when they take it back."""
        token = FIRST_TOKEN + self.state.number()
        if member.blocked:
            return self._event("unsubscribed", at, token) | {"user_id": member.address}
        return self._event("subscribed", at, token) | {"user": {"id": member.address, "name": member.name}}

    def _event(self, kind: str, at: datetime, token: int) -> dict[str, Any]:
        return {"event": kind, "timestamp": int(at.timestamp() * 1000), "chat_hostname": "s", "message_token": token}

    def sign(self, body: bytes, url: str) -> Mapping[str, str]:
        """Viber's signature."""
        signature = viber_signature(self.state.config.token, body)
        return {"Content-Type": "application/json", "X-Viber-Content-Signature": signature}

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """UTF-8, not escaped."""
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace")


def error(status: int, words: str = "") -> Answer:
    """Viber's error answer."""
    return Answer(200, {"status": status, "status_message": words or WORDS.get(status, "generalError")})


def refuse(status: int, words: str = "") -> RefusedError:
    """An error to raise."""
    return RefusedError(error(status, words))


def _body(call: Call) -> dict[str, Any]:
    try:
        body = json.loads(call.body)
    except ValueError as problem:
        raise refuse(BAD_DATA, "the body is not JSON") from problem
    if not isinstance(body, dict) or set(body) - FIELDS:
        raise refuse(BAD_DATA, "the body has unknown fields")
    return body


def _content(body: Mapping[str, Any]) -> tuple[str, str, tuple[SentFile, ...]]:
    kind = body.get("type")
    if kind not in ("text", *MEDIA):
        raise refuse(BAD_DATA, "type is not supported")
    text, tracking = body.get("text", "" if kind in ("video", "file") else None), body.get("tracking_data", "")
    if not isinstance(text, str) or (kind == "text" and not text.strip()):
        raise refuse(MISSING, "text is missing")
    files = (_file(body, MEDIA[kind]),) if kind in MEDIA else ()
    if len(text) > TEXT_MAXIMUM or not isinstance(tracking, str) or len(tracking) > 4000:
        raise refuse(BAD_DATA, "text or tracking_data is too long")
    sender = body.get("sender")
    name = sender.get("name") if isinstance(sender, dict) else None
    if not isinstance(name, str) or not name or len(name) > SENDER_MAXIMUM:
        raise refuse(MISSING, "sender.name is missing or too long")
    return text, tracking, files


def _file(body: Mapping[str, Any], wanted: frozenset[str]) -> SentFile:
    for name in wanted:
        if name not in body:
            raise refuse(MISSING, f"{name} is missing")
    if not is_link(body["media"]) or len(str(body.get("text", ""))) > CAPTION_MAXIMUM:
        raise refuse(BAD_DATA, "media is not an address, or text is too long")
    return SentFile(str(body.get("file_name", "")), str(body["type"]), int(body.get("size", 0)), link=body["media"])
