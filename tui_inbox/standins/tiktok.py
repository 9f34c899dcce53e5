"""Stand-in of TikTok Business Messaging (reference: channels, section 13)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tui_inbox.channels.signatures import tiktok_signature
from tui_inbox.standins.config import Member
from tui_inbox.standins.files import SERVED, SentFile, StoredFile, form_of
from tui_inbox.standins.platform import Answer, Call, RefusedError, Taken
from tui_inbox.standins.specs import Specs
from tui_inbox.standins.state import Accepted, ChannelState, Fault

API = "/open_api/v1.3"
TEXT_MAXIMUM = 6000
WINDOW = timedelta(hours=48)
COUNT = 10
TOKEN_SECONDS, REFRESH_SECONDS = 86_400, 365 * 86_400
IMAGE_MAXIMUM = 3 << 20
FIELDS = {"business_id", "recipient_type", "recipient", "message_type"}
WORDS = {
    40001: "No permission to operate.",
    40002: "Invalid parameter.",
    40007: "The target does not exist.",
    40064: "The message is blocked by the messaging rules.",
    40100: "Requests made too frequently.",
    40105: "Access token is incorrect or has been revoked.",
    51065: "System error.",
}


class TikTokStandin:
    """One business account. ``token`` of the configuration is the first refresh token; each is good once."""

    def __init__(self, state: ChannelState, specs: Specs | None) -> None:
        self.state = state
        self._refresh = state.config.token
        self._access, self._access_until = "", state.clock()

    def is_send(self, call: Call) -> bool:
        """Whether the request sends a message."""
        return call.path.rstrip("/") == f"{API}/business/message/send"

    def authorise(self, call: Call) -> None:
        """The access token must come in its header and be good."""
        if call.path == f"{API}/tt_user/oauth2/refresh_token/":
            return
        good = self._access and call.headers.get("access-token") == self._access
        if not good or self.state.clock() >= self._access_until:
            raise refuse(40105)

    def read(self, call: Call) -> Answer:
        """New tokens, and the account itself."""
        if call.path == f"{API}/tt_user/oauth2/refresh_token/" and call.method == "POST":
            return self._new_tokens(_body(call))
        if call.path == f"{API}/business/get/" and call.method == "GET":
            if call.query.get("business_id") != self.state.config.setting("business_id"):
                raise refuse(40002)
            return _ok({"display_name": self.state.config.account or "Demo business"})
        if call.path == f"{API}/business/message/media/upload/" and call.method == "POST":
            return self._upload(call)
        if call.path == f"{API}/business/message/media/download/" and call.method == "POST":
            return self._download(call)
        raise RefusedError(Answer(404, {}))

    def _new_tokens(self, body: Mapping[str, Any]) -> Answer:
        config = self.state.config
        if body.get("grant_type") != "refresh_token":
            raise refuse(40002)
        if (body.get("client_id"), body.get("client_secret")) != (config.setting("client_key"), config.app_secret):
            raise refuse(40001)
        if body.get("refresh_token") != self._refresh:
            raise refuse(40105, "The refresh token has been used or revoked.")
        self._refresh = f"rft.{secrets.token_urlsafe(32)}"
        self._access = f"act.{secrets.token_urlsafe(32)}"
        self._access_until = self.state.clock() + timedelta(seconds=TOKEN_SECONDS)
        return _ok(
            {
                "access_token": self._access,
                "expires_in": TOKEN_SECONDS,
                "refresh_token": self._refresh,
                "refresh_token_expires_in": REFRESH_SECONDS,
                "open_id": config.setting("business_id"),
            }
        )

    def _upload(self, call: Call) -> Answer:
        form = form_of(call)
        file = None if form is None else form.files.get("file")
        business = self.state.config.setting("business_id")
        if form is None or file is None or form.fields != {"business_id": business, "media_type": "IMAGE"}:
            raise refuse(40002)
        if file.media_type not in ("image/jpeg", "image/png") or len(file.content) > IMAGE_MAXIMUM:
            raise refuse(40908, "The file type or size is not supported.")
        return _ok({"media_id": self.state.put(file).id})

    def _download(self, call: Call) -> Answer:
        body = _body(call)
        held = self.state.files.get(str(body.get("media_id")))
        wanted = {"business_id", "conversation_id", "message_id", "media_id", "media_type"}
        if set(body) != wanted or held is None or body["media_type"] != "IMAGE":
            raise refuse(40002)
        place = f"http://{call.headers.get('host', '')}{self.state.config.prefix}"
        return _ok({"download_url": f"{place}{SERVED}{held.id}"})

    def said_file(self, member: Member, text: str, at: datetime, file: StoredFile, url: str) -> Mapping[str, Any]:
        """A picture by its id; no text comes with it."""
        if file.kind != "photo":
            raise ValueError("TikTok customers send pictures only")
        content = {
            "message_id": self.state.ident("+"),
            "type": "image",
            "image": {"media_id": file.id},
            "from_user": {"id": "u1", "role": "personal_account"},
        }
        return self._event("im_receive_msg", member.address, at, content)

    def authorise_file(self, call: Call) -> None:
        """Whoever knows the address; a token has no business there."""
        if "access-token" in call.headers:
            raise refuse(40002, "The token was shown to a server of files.")

    def check(self, call: Call) -> Taken:
        """Everything that the real one checks."""
        if call.method != "POST" or not call.path.endswith("/"):
            raise RefusedError(Answer(404, {}))
        body = _body(call)
        kind = body.get("message_type")
        content = {"TEXT": "text", "IMAGE": "image"}.get(str(kind), "text")
        if set(body) != {*FIELDS, content} or body["recipient_type"] != "CONVERSATION" or kind not in ("TEXT", "IMAGE"):
            raise refuse(40002)
        if body["business_id"] != self.state.config.setting("business_id"):
            raise refuse(40001)
        address, text = body["recipient"], _text(body["text"]) if kind == "TEXT" else ""
        files = (self._image(body["image"]),) if kind == "IMAGE" else ()
        member = self.state.members.get(address) if isinstance(address, str) else None
        if member is None or not member.started:
            raise refuse(40007)
        self._check_rules(member)
        return Taken(member.address, text, body, files=files)

    def _image(self, content: object) -> SentFile:
        held = self.state.files.get(str(content.get("media_id"))) if isinstance(content, dict) else None
        if held is None:
            raise refuse(40002)
        return held.sent()

    def _check_rules(self, member: Member) -> None:
        age, heard = self.state.age(member), member.last_inbound_at
        sent = [item for item in self.state.accepted if item.address == member.address and heard and item.at >= heard]
        if member.blocked or age is None or age >= WINDOW or len(sent) >= COUNT:
            raise refuse(40064)

    def provider_id(self, taken: Taken) -> str:
        """Opaque, with the characters that must be quoted in queries."""
        return self.state.ident("+")

    def taken(self, message: Accepted) -> Answer:
        """The id."""
        return _ok({"message": {"message_id": message.provider_id}})

    def failure(self, fault: Fault) -> Answer:
        """TikTok's error shape, with HTTP 200."""
        if fault.code == 40105:
            self._access = ""
        return refuse(fault.code, fault.description).answer

    def receipts(self, message: Accepted, late: Fault | None) -> Sequence[Mapping[str, Any]]:
        """The echo of our own message, then that it was read."""
        if late is not None:
            return ()
        now = self.state.clock()
        stamp = int(now.timestamp() * 1000)
        echo = {
            "message_id": message.provider_id,
            "type": "text",
            "text": {"body": message.text},
            "from_user": {"id": self.state.config.setting("business_id"), "role": "business_account"},
            "message_tag": {"source": "API"},
        }
        read = {"from_user": {"id": "u1", "role": "personal_account"}, "read": {"last_read_timestamp": stamp}}
        return [
            self._event("im_send_msg", message.address, now, echo),
            self._event("im_mark_read_msg", message.address, now, read),
        ]

    def said(self, member: Member, text: str, at: datetime) -> Mapping[str, Any]:
        """A text message; a user name where the customer has one."""
        content: dict[str, Any] = {
            "message_id": self.state.ident("+"),
            "type": "text",
            "text": {"body": text},
            "from_user": {"id": f"u{member.address}", "role": "personal_account"},
            "unique_identifier": secrets.token_hex(8),
        }
        if member.username:
            content["from"] = member.username
        return self._event("im_receive_msg", member.address, at, content)

    def membership(self, member: Member, at: datetime) -> Mapping[str, Any] | None:
        """TikTok does not tell who blocks an account."""
        return None

    def _event(self, name: str, conversation: str, at: datetime, content: Mapping[str, Any]) -> Mapping[str, Any]:
        inner = {"conversation_id": conversation, "timestamp": int(at.timestamp() * 1000), **content}
        return {
            "client_key": self.state.config.setting("client_key"),
            "event": name,
            "create_time": int(at.timestamp()),
            "user_openid": self.state.config.setting("business_id"),
            "content": json.dumps(inner, ensure_ascii=False),
        }

    def sign(self, body: bytes, url: str) -> Mapping[str, str]:
        """TikTok's signature, with the time in it."""
        stamp = str(int(self.state.clock().timestamp()))
        signature = tiktok_signature(self.state.config.app_secret, stamp, body)
        return {"Content-Type": "application/json", "TikTok-Signature": signature}

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """UTF-8, not escaped."""
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace")


def refuse(code: int, words: str = "") -> RefusedError:
    """TikTok's error answer, to raise."""
    told = {"code": code, "message": words or WORDS.get(code, "error"), "request_id": secrets.token_hex(16), "data": {}}
    return RefusedError(Answer(200, told))


def _ok(data: Mapping[str, Any]) -> Answer:
    return Answer(200, {"code": 0, "message": "OK", "request_id": secrets.token_hex(16), "data": data})


def _body(call: Call) -> dict[str, Any]:
    if call.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise refuse(40002)
    try:
        body = json.loads(call.body)
    except ValueError as problem:
        raise refuse(40002) from problem
    if not isinstance(body, dict):
        raise refuse(40002)
    return body


def _text(content: object) -> str:
    if not isinstance(content, dict) or set(content) != {"body"} or not isinstance(content["body"], str):
        raise refuse(40002)
    text: str = content["body"]
    if not text.strip() or len(text) > TEXT_MAXIMUM:
        raise refuse(40002)
    return text
