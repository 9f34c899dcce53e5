"""Stand-in of a WeChat service account (reference: channels, section 6)."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from tui_inbox.channels.signatures import wechat_signature
from tui_inbox.channels.wechat_crypto import encrypt, key_of
from tui_inbox.standins.config import Member
from tui_inbox.standins.files import SentFile, StoredFile, form_of
from tui_inbox.standins.platform import Answer, Call, RefusedError, Taken
from tui_inbox.standins.specs import Specs
from tui_inbox.standins.state import Accepted, ChannelState, Fault

TEXT_MAXIMUM_BYTES = 2048
WINDOW = timedelta(hours=48)
COUNT = 5
LARGEST = {"image": 10 << 20, "voice": 2 << 20, "video": 10 << 20}
"""Bytes by type of medium."""
TOKEN_SECONDS = 7200
OPENID = re.compile(r"[A-Za-z0-9_-]{6,64}")
ACCOUNT = "gh_0123456789ab"
"""The account as it stands in callbacks."""
ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[01])")
"""WeChat shows an escaped character as it stands; only those that JSON demands may be written so."""
WORDS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40003: "invalid openid",
    40013: "invalid appid",
    40125: "invalid appsecret",
    41001: "access_token missing",
    42001: "access_token expired",
    43002: "require POST method",
    43004: "require subscribe",
    43019: "require remove blacklist",
    44002: "empty post data",
    44004: "empty content",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit",
    45015: "response out of time limit or subscription is canceled",
    45047: "out of response count limit",
    47001: "data format error",
    48002: "user blocked the account",
}


class WeChatStandin:
    """One service account."""

    def __init__(self, state: ChannelState, specs: Specs | None) -> None:
        self.state = state
        self._token, self._token_until = "", state.clock()
        key = state.config.webhook_secret
        self._key = key_of(key) if key else None

    def is_send(self, call: Call) -> bool:
        """Whether the request sends a message."""
        return call.path == "/cgi-bin/message/custom/send"

    def authorise(self, call: Call) -> None:
        """The access token must be the newest, and not have run out; to fetch one, id and secret must be right."""
        if call.path == "/cgi-bin/token":
            return
        given = call.query.get("access_token", "")
        if not given:
            raise refuse(41001)
        if given != self._token:
            raise refuse(40001)
        if self.state.clock() >= self._token_until:
            raise refuse(42001)

    def read(self, call: Call) -> Answer:
        """A new access token, which ends the former; WeChat's own addresses."""
        if call.path == "/cgi-bin/token":
            return self._new_token(call.query)
        if call.path == "/cgi-bin/get_api_domain_ip":
            return Answer(200, {"ip_list": ["192.0.2.1"]})
        if call.path == "/cgi-bin/media/upload" and call.method == "POST":
            return self._upload(call)
        if call.path == "/cgi-bin/media/get":
            held = self.state.files.get(call.query.get("media_id", ""))
            if held is None:
                raise refuse(40007, "invalid media_id")
            return Answer(200, None, file=held)
        raise RefusedError(Answer(404, {}))

    def _new_token(self, query: Mapping[str, str]) -> Answer:
        if query.get("grant_type") != "client_credential":
            raise refuse(40002, "invalid grant_type")
        if query.get("appid") != self.state.config.setting("app_id"):
            raise refuse(40013)
        if query.get("secret") != self.state.config.app_secret:
            raise refuse(40125)
        self._token = f"{self.state.number()}_{secrets.token_urlsafe(48)}"
        self._token_until = self.state.clock() + timedelta(seconds=TOKEN_SECONDS)
        return Answer(200, {"access_token": self._token, "expires_in": TOKEN_SECONDS})

    def _upload(self, call: Call) -> Answer:
        form, kind = form_of(call), call.query.get("type", "")
        file = None if form is None else form.files.get("media")
        if file is None or not file.content:
            raise refuse(41005, "media data missing")
        if kind not in LARGEST:
            raise refuse(40004, "invalid media type")
        if len(file.content) > LARGEST[kind]:
            raise refuse(40006, "invalid media size")
        held = self.state.put(file, f"{kind}_{secrets.token_urlsafe(24)}")
        return Answer(200, {"type": kind, "media_id": held.id, "created_at": int(self.state.clock().timestamp())})

    def check(self, call: Call) -> Taken:
        """Everything that the real one checks."""
        if call.method != "POST":
            raise refuse(43002)
        body = _body(call)
        kind = body.get("msgtype")
        if set(body) != {"touser", "msgtype", kind} or kind not in ("text", *LARGEST):
            raise refuse(47001)
        files: tuple[SentFile, ...] = ()
        address, text = body["touser"], _text(body["text"]) if kind == "text" else ""
        if kind != "text":
            content = body[kind]
            held = self.state.files.get(str(content.get("media_id"))) if isinstance(content, dict) else None
            if held is None or not held.id.startswith(f"{kind}_"):
                raise refuse(40007, "invalid media_id")
            files = (held.sent(),)
        if not isinstance(address, str) or not OPENID.fullmatch(address):
            raise refuse(40003)
        self._check_member(self.state.members.get(address))
        return Taken(address, text, body, files=files)

    def _check_member(self, member: Member | None) -> None:
        if member is None:
            raise refuse(40003)
        if not member.started:
            raise refuse(43004)
        if member.blocked:
            raise refuse(43019)
        age = self.state.age(member)
        if age is None or age >= WINDOW:
            raise refuse(45015)
        heard = member.last_inbound_at
        sent = [item for item in self.state.accepted if item.address == member.address and heard and item.at >= heard]
        if len(sent) >= COUNT:
            raise refuse(45047)

    def provider_id(self, taken: Taken) -> str:
        """WeChat gives a message no id."""
        return ""

    def taken(self, message: Accepted) -> Answer:
        """Nothing but that it went well."""
        return Answer(200, {"errcode": 0, "errmsg": "ok"})

    def failure(self, fault: Fault) -> Answer:
        """WeChat's error shape, with HTTP 200; a refused token is one that is no longer the newest."""
        if fault.code in (40001, 40014, 42001, 42007):
            self._token = ""
        return refuse(fault.code, fault.description).answer

    def receipts(self, message: Accepted, late: Fault | None) -> Sequence[Mapping[str, Any]]:
        """WeChat tells nothing of what became of a message."""
        return ()

    def said(self, member: Member, text: str, at: datetime) -> Mapping[str, Any]:
        """A text message; WeChat gives no name."""
        content = {"MsgType": "text", "Content": text, "MsgId": str(7_000_000_000_000_000_000 + self.state.number())}
        return self._event(member, at, content)

    def said_file(self, member: Member, text: str, at: datetime, file: StoredFile, url: str) -> Mapping[str, Any]:
        """A medium by its id; no text comes with it."""
        kind = {"photo": "image", "audio": "voice"}.get(file.kind, file.kind)
        if kind not in LARGEST:
            raise ValueError(f"WeChat customers send no {file.kind}")
        ident = str(7_000_000_000_000_000_000 + self.state.number())
        content = {"MsgType": kind, "MediaId": file.id, "MsgId": ident}
        return self._event(member, at, content | ({"PicUrl": "https://mmbiz.invalid/p"} if kind == "image" else {}))

    def authorise_file(self, call: Call) -> None:
        """Files lie behind the token only."""
        raise RefusedError(Answer(404, {}))

    def membership(self, member: Member, at: datetime) -> Mapping[str, Any] | None:
        """``unsubscribe`` and ``subscribe``."""
        return self._event(member, at, {"MsgType": "event", "Event": "unsubscribe" if member.blocked else "subscribe"})

    def _event(self, member: Member, at: datetime, content: Mapping[str, str]) -> Mapping[str, Any]:
        stamp = str(int(at.timestamp()))
        return {"ToUserName": ACCOUNT, "FromUserName": member.address, "CreateTime": stamp, **content}

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """XML; encrypted when the account has a key."""
        document = _xml(body)
        if self._key is None:
            return document
        return _xml(
            {"ToUserName": ACCOUNT, "Encrypt": encrypt(self._key, document, self.state.config.setting("app_id"))}
        )

    def sign(self, body: bytes, url: str) -> Mapping[str, str]:
        """Nothing in the headers."""
        return {"Content-Type": "text/xml"}

    def signed_url(self, body: bytes, url: str) -> str:
        """The signature stands in the query."""
        stamp, nonce = str(int(self.state.clock().timestamp())), secrets.token_hex(8)
        token = self.state.config.verify_token
        query = {"signature": wechat_signature(token, stamp, nonce), "timestamp": stamp, "nonce": nonce}
        found = re.search(rb"<Encrypt><!\[CDATA\[([^\]]*)\]", body)
        if self._key is not None and found:
            signature = wechat_signature(token, stamp, nonce, found[1].decode("ascii"))
            query |= {"encrypt_type": "aes", "msg_signature": signature}
        return f"{url}?{urlencode(query)}"


def refuse(code: int, words: str = "") -> RefusedError:
    """WeChat's error answer, to raise."""
    return RefusedError(Answer(200, {"errcode": code, "errmsg": words or WORDS.get(code, "error")}))


def _body(call: Call) -> dict[str, Any]:
    if not call.body:
        raise refuse(44002)
    if ESCAPED.search(call.body):
        raise refuse(47001, "data format error: escaped characters are shown as they stand")
    try:
        body = json.loads(call.body)
    except ValueError as problem:
        raise refuse(47001) from problem
    if not isinstance(body, dict):
        raise refuse(47001)
    return body


def _text(content: object) -> str:
    if not isinstance(content, dict) or set(content) != {"content"} or not isinstance(content["content"], str):
        raise refuse(47001)
    text: str = content["content"]
    if not text.strip():
        raise refuse(44004)
    if len(text.encode()) > TEXT_MAXIMUM_BYTES:
        raise refuse(45002)
    return text


def _xml(fields: Mapping[str, Any]) -> bytes:
    parts = [f"<{name}>{_value(str(value))}</{name}>" for name, value in fields.items()]
    return f"<xml>{''.join(parts)}</xml>".encode("utf-8", "replace")


def _value(text: str) -> str:
    """As WeChat writes it; characters that XML 1.0 forbids become U+FFFD."""
    text = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", text)
    return f"<![CDATA[{text}]]>" if "]]>" not in text else escape(text)
