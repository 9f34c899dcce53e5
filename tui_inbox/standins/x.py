"""Stand-in of X direct messages (reference: channels, section 14)."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from tui_inbox.channels.oauth1 import OAuth1
from tui_inbox.channels.signatures import x_signature
from tui_inbox.standins.config import Member
from tui_inbox.standins.files import SentFile, StoredFile, form_of
from tui_inbox.standins.platform import Answer, Call, RefusedError, Taken
from tui_inbox.standins.specs import Specs
from tui_inbox.standins.state import Accepted, ChannelState, Fault

SEND = re.compile(r"/2/dm_conversations/with/([0-9]{1,19})/messages")
TEXT_MAXIMUM = 10_000
IMAGE_MAXIMUM = 5 << 20
CLOCK_SECONDS = 300
LIMIT, LIMIT_SECONDS = 15, 900
"""Sends, and the span in seconds."""
PROBLEMS = "https://api.x.com/2/problems"
TITLES = {
    400: ("Invalid Request", "One or more parameters to your request was invalid.", "invalid-request"),
    401: ("Unauthorized", "Unauthorized", "about:blank"),
    403: ("Forbidden", "You do not have permission to DM one or more participants.", "about:blank"),
    404: ("Not Found Error", "Could not find the user.", "resource-not-found"),
    429: ("Too Many Requests", "Too Many Requests", "about:blank"),
}


class XStandin:
    """One account."""

    def __init__(self, state: ChannelState, specs: Specs | None) -> None:
        self.state = state
        config = state.config
        self._keys = OAuth1(config.setting("consumer_key"), config.app_secret, config.token, config.token_secret)
        self._nonces: set[str] = set()

    def is_send(self, call: Call) -> bool:
        """Whether the request sends a message."""
        return SEND.fullmatch(call.path) is not None

    def authorise(self, call: Call) -> None:
        """The signature of OAuth 1.0a must be right, its time near and its nonce new."""
        kind, _, rest = call.headers.get("authorization", "").partition(" ")
        given = {name: unquote(value) for name, value in re.findall(r'([a-z_]+)="([^"]*)"', rest)}
        signature, nonce = given.pop("oauth_signature", ""), given.get("oauth_nonce", "")
        url = f"http://{call.headers.get('host', '')}{self.state.config.prefix}{call.path}"
        right = self._keys.signature(call.method, url, given) if kind == "OAuth" else ""
        stamp = given.get("oauth_timestamp", "")
        near = stamp.isdigit() and abs(int(stamp) - self.state.clock().timestamp()) <= CLOCK_SECONDS
        known = given.get("oauth_token") == self.state.config.token
        if not (right and known and near and nonce and nonce not in self._nonces and signature == right):
            raise refuse(401)
        self._nonces.add(nonce)

    def read(self, call: Call) -> Answer:
        """The account itself, and uploads."""
        if (call.method, call.path) == ("POST", "/2/media/upload"):
            return self._upload(call)
        if (call.method, call.path) != ("GET", "/2/users/me"):
            raise refuse(404)
        name = self.state.config.account or "demo"
        return Answer(200, {"data": {"id": self.state.config.setting("account_id"), "name": name, "username": "demo"}})

    def _upload(self, call: Call) -> Answer:
        form = form_of(call)
        file = None if form is None else form.files.get("media")
        if form is None or file is None or form.fields.get("media_category") not in ("dm_image", "dm_gif"):
            raise refuse(400)
        if file.kind != "photo" or len(file.content) > IMAGE_MAXIMUM:
            raise refuse(400)
        held = self.state.put(file)
        return Answer(200, {"data": {"id": held.id, "media_key": f"3_{held.id}", "size": len(file.content)}})

    def said_file(self, member: Member, text: str, at: datetime, file: StoredFile, url: str) -> Mapping[str, Any]:
        """A direct message with a picture."""
        event: dict[str, Any] = dict(self.said(member, text, at))
        created = event["data"]["payload"]["direct_message_events"][0]["message_create"]
        media = {"id_str": file.id, "media_url_https": url, "type": "photo"}
        created["message_data"]["attachment"] = {"type": "media", "media": media}
        return event

    def authorise_file(self, call: Call) -> None:
        """Signed as everything else."""
        self.authorise(call)

    def check(self, call: Call) -> Taken:
        """Everything that the real one checks."""
        found = SEND.fullmatch(call.path)
        if call.method != "POST" or found is None:
            raise refuse(404)
        body = _body(call)
        text = body.get("text")
        files = self._attached(body.get("attachments"))
        if set(body) - {"text", "attachments"} or ("text" not in body and not files):
            raise refuse(400)
        if "text" in body and (not isinstance(text, str) or not text.strip() or len(text) > TEXT_MAXIMUM):
            raise refuse(400)
        member = self.state.members.get(found[1])
        if member is None:
            raise refuse(404)
        if member.blocked or not member.started:
            raise refuse(403)
        self._check_rate()
        return Taken(member.address, text or "", body, files=files)

    def _attached(self, given: object) -> tuple[SentFile, ...]:
        if given is None:
            return ()
        first = given[0] if isinstance(given, list) and len(given) == 1 else None
        held = self.state.files.get(str(first.get("media_id"))) if isinstance(first, dict) else None
        if held is None:
            raise refuse(400)
        return (held.sent(),)

    def _check_rate(self) -> None:
        now = self.state.clock()
        recent = [item.at for item in self.state.accepted if (now - item.at).total_seconds() < LIMIT_SECONDS]
        if len(recent) >= LIMIT:
            reset = int(min(recent).timestamp()) + LIMIT_SECONDS
            raise RefusedError(_limited(reset))

    def provider_id(self, taken: Taken) -> str:
        """A long number."""
        return f"2{self.state.number():018d}"

    def taken(self, message: Accepted) -> Answer:
        """Conversation and event."""
        conversation = f"{self.state.config.setting('account_id')}-{message.address}"
        return Answer(201, {"data": {"dm_conversation_id": conversation, "dm_event_id": message.provider_id}})

    def failure(self, fault: Fault) -> Answer:
        """X's problem shape; ``code`` is the HTTP status, ``description`` the end of the problem's type."""
        if fault.code == 429:
            return _limited(int(self.state.clock().timestamp() + (fault.retry_after or 0)))
        return refuse(fault.code, fault.description).answer

    def receipts(self, message: Accepted, late: Fault | None) -> Sequence[Mapping[str, Any]]:
        """The echo of our own message, then that it was read."""
        if late is not None:
            return ()
        now, own = self.state.clock(), self.state.config.setting("account_id")
        read = {
            "created_timestamp": str(int(now.timestamp() * 1000)),
            "sender_id": message.address,
            "target": {"recipient_id": own},
            "last_read_event_id": message.provider_id,
        }
        return [
            self._message("dm.sent", message.provider_id, own, message.address, message.text, now),
            self._event("dm.read", {"direct_message_mark_read_events": [read]}),
        ]

    def said(self, member: Member, text: str, at: datetime) -> Mapping[str, Any]:
        """A direct message, with who wrote it."""
        own = self.state.config.setting("account_id")
        event = self._message("dm.received", f"3{self.state.number():018d}", member.address, own, text, at)
        person = {"id": member.address, "name": member.name or "Customer", "username": member.username or "customer"}
        event["data"]["payload"]["users"] = {member.address: {"data": person}}
        return event

    def membership(self, member: Member, at: datetime) -> Mapping[str, Any] | None:
        """X does not tell who blocks an account."""
        return None

    def _message(self, kind: str, ident: str, sender: str, recipient: str, text: str, at: datetime) -> dict[str, Any]:
        created = {"target": {"recipient_id": recipient}, "sender_id": sender, "message_data": {"text": text}}
        item = {
            "type": "message_create",
            "id": ident,
            "created_timestamp": str(int(at.timestamp() * 1000)),
            "message_create": created,
        }
        return self._event(kind, {"direct_message_events": [item]})

    def _event(self, kind: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        data = {
            "event_uuid": str(secrets.randbits(62)),
            "filter": {"user_id": self.state.config.setting("account_id")},
            "event_type": kind,
            "payload": dict(payload),
        }
        return {"data": data}

    def sign(self, body: bytes, url: str) -> Mapping[str, str]:
        """X's signature."""
        signature = x_signature(self.state.config.app_secret, body)
        return {"Content-Type": "application/json", "x-twitter-webhooks-signature": signature}

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """UTF-8, not escaped."""
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace")


def refuse(status: int, problem: str = "") -> RefusedError:
    """X's problem answer, to raise."""
    title, detail, kind = TITLES.get(status, ("Error", "Something went wrong.", "about:blank"))
    named = problem or kind
    told = {
        "title": title,
        "detail": detail,
        "type": named if ":" in named else f"{PROBLEMS}/{named}",
        "status": status,
    }
    return RefusedError(Answer(status, told))


def _limited(reset: int) -> Answer:
    headers = {"x-rate-limit-limit": str(LIMIT), "x-rate-limit-remaining": "0", "x-rate-limit-reset": str(reset)}
    return Answer(429, refuse(429).answer.body, headers)


def _body(call: Call) -> dict[str, Any]:
    if call.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise refuse(400)
    try:
        body = json.loads(call.body)
    except ValueError as problem:
        raise refuse(400) from problem
    if not isinstance(body, dict):
        raise refuse(400)
    return body
