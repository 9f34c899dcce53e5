"""Stand-in of the LINE Messaging API (reference: channels, section 8)."""

from __future__ import annotations

import json
import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tui_inbox.channels.signatures import line_signature
from tui_inbox.standins.config import Member
from tui_inbox.standins.files import SentFile, StoredFile, is_link
from tui_inbox.standins.platform import Answer, Call, RefusedError, Taken
from tui_inbox.standins.specs import Specs
from tui_inbox.standins.state import Accepted, ChannelState, Fault

TEXT_MAXIMUM = 5000
"""UTF-16 code units."""
QUOTA = 5000
"""Messages of a month."""
KEY_LIFE = timedelta(hours=24)
KEY_HEADER = "x-line-retry-key"
CONTENT = re.compile(r"/v2/bot/message/([0-9]+)/content")
ADDRESS = re.compile(r"U[0-9a-f]{32}")
UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
FIELDS = {"to", "messages", "notificationDisabled"}
BOT_ID = "U" + "0" * 31 + "1"
"""User id of the account itself."""
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DEFAULT_WORDS = {
    400: "Failed to send messages",
    401: "Authentication failed. Confirm that the access token in the authorization header is valid.",
    403: "Access to this API is not available for your account",
    429: "The API rate limit has been exceeded. Try again later.",
    500: "Internal server error",
}


class LineStandin:
    """One Official Account."""

    def __init__(self, state: ChannelState, specs: Specs | None) -> None:
        self.state = state
        self._specs = specs

    def is_send(self, call: Call) -> bool:
        """Whether the request sends a message."""
        return call.method == "POST"

    def authorise(self, call: Call) -> None:
        """The token must come in the header and be ours."""
        if call.headers.get("authorization", "") != f"Bearer {self.state.config.token}":
            raise refuse(401, DEFAULT_WORDS[401])

    def read(self, call: Call) -> Answer:
        """The account itself, and what customers sent."""
        content = CONTENT.fullmatch(call.path)
        if content is not None:
            held = self.state.files.get(content[1])
            if held is None:
                raise refuse(404, "Not found")
            return Answer(200, None, file=held)
        if call.path == "/v2/bot/message/quota":
            return Answer(200, {"type": "limited", "value": QUOTA})
        if call.path == "/v2/bot/message/quota/consumption":
            return Answer(200, {"totalUsage": len(self.state.accepted)})
        if call.path != "/v2/bot/info":
            raise refuse(404, "Not found")
        name = self.state.config.account or "Demo business"
        info = {"userId": BOT_ID, "basicId": "@demo", "displayName": name, "chatMode": "bot", "markAsReadMode": "auto"}
        return Answer(200, info)

    def check(self, call: Call) -> Taken:
        """Everything that the real one checks, the key last: what was refused does not use it up."""
        if call.path != "/v2/bot/message/push":
            raise refuse(404, "Not found")
        key = call.headers.get(KEY_HEADER, "")
        if KEY_HEADER in call.headers and not UUID.fullmatch(key):
            raise refuse(400, "The X-Line-Retry-Key header is not a UUID")
        body = _body(call)
        if self._specs is not None:
            problem = self._specs.line_push_problem(body)
            if problem:
                raise refuse(400, f"Not as in the published description: {problem}")
        address, (text, files) = _address(body), _content(body)
        member = self.state.members.get(address)
        if member is None or not member.started:
            raise refuse(400, DEFAULT_WORDS[400])
        # Who has blocked the account is answered for like anybody else; the message just never arrives.
        self._check_key(key.lower())
        return Taken(address, text, body, key=key.lower(), files=files)

    def _check_key(self, key: str) -> None:
        now = self.state.clock()
        for message in self.state.accepted:
            if key and message.key == key and now - message.at < KEY_LIFE:
                known = {"x-line-accepted-request-id": _request_id(message)}
                body = {"message": "The retry key is already accepted", "sentMessages": _sent(message)}
                raise RefusedError(Answer(409, body, _request_header() | known))

    def provider_id(self, taken: Taken) -> str:
        """A long number."""
        return f"4{self.state.number():017d}"

    def taken(self, message: Accepted) -> Answer:
        """Id and quote token."""
        return Answer(200, {"sentMessages": _sent(message)}, {"x-line-request-id": _request_id(message)})

    def failure(self, fault: Fault) -> Answer:
        """LINE's error shape; ``code`` is the HTTP status, since LINE has no other."""
        wait = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        words = fault.description or DEFAULT_WORDS.get(fault.code, "The request body has 1 error(s)")
        return Answer(fault.code, {"message": words}, _request_header() | wait)

    def receipts(self, message: Accepted, late: Fault | None) -> Sequence[Mapping[str, Any]]:
        """LINE tells nothing of what became of a message."""
        return ()

    def said(self, member: Member, text: str, at: datetime) -> Mapping[str, Any]:
        """A text message; LINE gives no name."""
        ident, quote = str(self.state.number()), secrets.token_urlsafe(24)
        content = {"id": ident, "type": "text", "text": text, "quoteToken": quote}
        return self._event(member, at, "message", {"message": content, "replyToken": secrets.token_hex(16)})

    def said_file(self, member: Member, text: str, at: datetime, file: StoredFile, url: str) -> Mapping[str, Any]:
        """A file; no text comes with it."""
        kind = {"photo": "image", "document": "file"}.get(file.kind, file.kind)
        content: dict[str, Any] = {"id": file.id, "type": kind}
        if kind == "file":
            content |= {"fileName": file.name, "fileSize": len(file.content)}
        else:
            content |= {"contentProvider": {"type": "line"}}
            content |= {"quoteToken": secrets.token_urlsafe(24)} if kind != "audio" else {}
            content |= {"duration": 1000} if kind != "image" else {}
        return self._event(member, at, "message", {"message": content, "replyToken": secrets.token_hex(16)})

    def authorise_file(self, call: Call) -> None:
        """Files lie behind the token only."""
        raise refuse(404, "Not found")

    def membership(self, member: Member, at: datetime) -> Mapping[str, Any] | None:
        """``unfollow`` when the customer blocks the account, ``follow`` when they take it back."""
        if member.blocked:
            return self._event(member, at, "unfollow", {})
        followed = {"follow": {"isUnblocked": True}, "replyToken": secrets.token_hex(16)}
        return self._event(member, at, "follow", followed)

    def _event(self, member: Member, at: datetime, kind: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        event = {
            "type": kind,
            "mode": "active",
            "timestamp": int(at.timestamp() * 1000),
            "source": {"type": "user", "userId": member.address},
            "webhookEventId": _ulid(at),
            "deliveryContext": {"isRedelivery": False},
            **content,
        }
        return {"destination": BOT_ID, "events": [event]}

    def sign(self, body: bytes, url: str) -> Mapping[str, str]:
        """LINE's signature."""
        signature = line_signature(self.state.config.app_secret, body)
        return {"Content-Type": "application/json; charset=utf-8", "X-Line-Signature": signature}

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """UTF-8, not escaped."""
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace")


def refuse(status: int, words: str, *details: tuple[str, str]) -> RefusedError:
    """LINE's error answer, to raise; ``details`` are a message and the property that it is about."""
    body: dict[str, Any] = {"message": words}
    if details:
        body["details"] = [{"message": message, "property": place} for message, place in details]
    return RefusedError(Answer(status, body, _request_header()))


def _request_header() -> dict[str, str]:
    return {"x-line-request-id": str(uuid.uuid4())}


def _request_id(message: Accepted) -> str:
    """The id of the request with which ``message`` came: always the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, message.provider_id))


def _sent(message: Accepted) -> list[dict[str, str]]:
    return [{"id": message.provider_id, "quoteToken": f"q{message.provider_id}"}]


def _ulid(at: datetime) -> str:
    """Time and chance in 26 characters."""
    value = int(at.timestamp() * 1000) << 80 | secrets.randbits(80)
    return "".join(CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))


def _body(call: Call) -> dict[str, Any]:
    if call.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise refuse(415, "Content type must be application/json")
    try:
        body = json.loads(call.body)
    except ValueError as problem:
        raise refuse(400, "The request body could not be parsed as JSON (line: 1, column: 1)") from problem
    if not isinstance(body, dict):
        raise refuse(400, "The request body could not be parsed as JSON (line: 1, column: 1)")
    unknown = set(body) - FIELDS
    if unknown:
        raise _invalid("Unknown property", min(unknown))
    return body


def _invalid(told: str, place: str) -> RefusedError:
    return refuse(400, "The request body has 1 error(s)", (told, place))


def _address(body: Mapping[str, Any]) -> str:
    to = body.get("to")
    if not isinstance(to, str) or not ADDRESS.fullmatch(to):
        raise refuse(400, "The property, 'to', in the request body is invalid (line: -, column: -)")
    return to


def _content(body: Mapping[str, Any]) -> tuple[str, tuple[SentFile, ...]]:
    messages = body.get("messages")
    # Stricter than the real one, which takes up to five of many types: we send one thing, and its key stands for it.
    if not isinstance(messages, list) or len(messages) != 1:
        raise _invalid("Size must be between 1 and 1", "messages")
    message = messages[0]
    if isinstance(message, dict) and message.get("type") == "image":
        return "", (_image(message),)
    if not isinstance(message, dict) or set(message) != {"type", "text"} or message["type"] != "text":
        raise _invalid("Must be one of the following values: [text]", "messages[0].type")
    text = message["text"]
    if not isinstance(text, str) or not text.strip():
        raise _invalid("May not be empty", "messages[0].text")
    if len(text.encode("utf-16-le", "surrogatepass")) > 2 * TEXT_MAXIMUM:
        raise _invalid(f"Length must be between 0 and {TEXT_MAXIMUM}", "messages[0].text")
    return text, ()


def _image(message: Mapping[str, Any]) -> SentFile:
    fields = ("originalContentUrl", "previewImageUrl")
    if set(message) != {"type", *fields} or not all(is_link(message[name]) for name in fields):
        raise _invalid("Must be a valid HTTPS URL", "messages[0].originalContentUrl")
    return SentFile(media_type="image", link=str(message["originalContentUrl"]))
