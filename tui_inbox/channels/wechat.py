"""WeChat Official (service) accounts: sending, checking (reference: channels, section 6). Webhooks: ``wechat_events``.

The access token is fetched with the app secret, ends any former one, and is shared by all programs of this machine.
WeChat gives a message no id and reports nothing of it afterwards."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tui_inbox.channels import media, outcomes, payload, wechat_crypto, wechat_events
from tui_inbox.channels.http import FilePart, Http, HttpFailure, HttpFile, HttpReply
from tui_inbox.channels.outcomes import refused, unknowable
from tui_inbox.channels.port import (
    ChannelCheck,
    Fetched,
    FetchError,
    FirstByteGuard,
    PayloadError,
    RemoteTemplate,
    Secrets,
    WebhookAnswer,
    WebhookRequest,
)
from tui_inbox.channels.signatures import wechat_signed
from tui_inbox.channels.token_sending import TokenSender
from tui_inbox.channels.tokens import Token, TokenError, TokenKeeper
from tui_inbox.channels.uploads import Uploads
from tui_inbox.channels.wechat_errors import CODES, LABEL, TOKEN_CODES
from tui_inbox.channels.wechat_xml import parse_xml
from tui_inbox.domain.attachments import OutgoingFile, RemoteFile
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.events import ChannelEvent, OutcomeKind, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

API = "https://api.weixin.qq.com"
BODY_MAXIMUM = 1 << 20
"""Bytes (reference: reliability, section 3.2)."""
XML_TYPES = frozenset({"text/xml", "application/xml"})
NONCES_KEPT = 10_000
TYPES: Mapping[str, str] = {"photo": "image", "audio": "voice", "video": "video"}
"""Types of messages by kind of file."""
GONE = frozenset({40007})
"""Errors after which the file will not be there later either: its id is no good any more."""


class WeChatAdapter:
    """One service account. ``app_secret`` is its AppSecret, ``verify_token`` its Token, ``webhook_secret`` its
    EncodingAESKey; with the last one set, nothing that is not encrypted is let in."""

    kind: ChannelKind = ChannelKind.WECHAT
    keyed: bool = False
    body_maximum: int = BODY_MAXIMUM
    required_config: Sequence[str] = ("app_id",)
    required_secrets: Sequence[str] = ("app_secret",)
    webhook_secrets: Sequence[str] = ("verify_token",)
    webhook_types: frozenset[str] = XML_TYPES
    webhook_answer: WebhookAnswer = WebhookAnswer()

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        self._base = f"{config.get('base_url', '') or API}/cgi-bin"
        self._app_id, self._app_secret = config["app_id"], secrets.get("app_secret")
        self._secrets = secrets
        self._http = http
        self._key = _aes_key(secrets.get("webhook_secret"))
        self._tokens = TokenKeeper((LABEL, self._app_id, self._app_secret), self._fetch, http.clock)
        self._sender = TokenSender(LABEL, self._tokens, TOKEN_CODES)
        self._uploads = Uploads(LABEL)
        self._nonces: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send a text or a file. Raises only what the guard raises."""
        asked = request(message)
        if message.files:
            ident = await self._uploads.ident(message.files[0], self._upload)
            if isinstance(ident, SendOutcome):
                return ident
            kind = TYPES[message.files[0].kind]
            asked = {"touser": message.address, "msgtype": kind, kind: {"media_id": ident}}
        # WeChat shows \u escapes as they stand, so the characters themselves must be in the body.
        body = json.dumps(asked, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        headers = {"Content-Type": "application/json; charset=utf-8"}

        async def post(token: str, guard: FirstByteGuard | None) -> HttpReply | HttpFailure:
            url = f"{self._base}/message/custom/send?{urlencode({'access_token': token})}"
            return await self._http.post_bytes(url, headers, body, guard)

        return await self._sender.send(
            post, lambda reply: outcome(reply, self._http.retry_after(reply)), before_first_byte
        )

    async def _upload(self, file: OutgoingFile) -> str | SendOutcome:
        part = FilePart("media", file.name, file.media_type, file.content)
        kind = TYPES.get(file.kind, "")
        if not kind:
            return refused(ErrorClass.INVALID, f"{LABEL} carries photos, voice and video only.").outcome("")
        try:
            reply = await self._sender.ask(
                lambda token: self._http.post_parts(
                    f"{self._base}/media/upload?{urlencode({'access_token': token, 'type': kind})}", {}, {}, part
                ),
                _code,
            )
        except TokenError as error:
            return outcomes.without_token(LABEL, error)
        return self._uploads.read(
            reply,
            lambda found: payload.text(payload.mapping(found.body).get("media_id")),
            lambda found: outcome(found, self._http.retry_after(found)),
        )

    async def fetch(self, file: RemoteFile, maximum: int) -> Fetched:
        """Get a customer's file; WeChat keeps it for three days. Raises :class:`FetchError`."""
        try:
            found = await self._sender.ask(
                lambda token: self._http.get_file(
                    f"{self._base}/media/get?{urlencode({'access_token': token, 'media_id': file.locator})}",
                    {},
                    maximum,
                ),
                _file_code,
            )
        except TokenError as error:
            raise FetchError(str(error)) from error
        code = _file_code(found)
        if code is not None:
            raise FetchError(f"{LABEL} did not give the file (error {code}).", gone=code in GONE)
        return media.fetched(LABEL, found)

    async def _fetch(self, _refresh: str) -> Token:
        query = {"grant_type": "client_credential", "appid": self._app_id, "secret": self._app_secret}
        asked_at = self._http.clock().timestamp()
        reply = await self._http.get_json(f"{self._base}/token?{urlencode(query)}", {})
        if isinstance(reply, HttpFailure):
            raise TokenError(f"{LABEL} {reply.text} when asked for an access token.")
        answer = payload.mapping(reply.body)
        value, seconds = payload.text(answer.get("access_token")), payload.number(answer.get("expires_in"))
        if value and seconds is not None:
            return Token(value, asked_at + seconds)
        code = payload.integer(answer.get("errcode"))
        if code is None or code in (-1, 45009, 45011):
            raise TokenError(f"{LABEL} gave no access token (error {code or reply.status}).")
        raise TokenError(f"{LABEL} refused the app id or its secret (error {code}).", refused=True)

    @property
    def receives(self) -> bool:
        """Whether the Token is set that callbacks are signed with."""
        return bool(self._secrets.get("verify_token"))

    def verify(self, request: WebhookRequest) -> bool:
        """Whether WeChat signed the request, lately.

        A plain callback's signature says nothing of the body, so what comes with a nonce that is known must be the same
        body: WeChat's own repeat. An encrypted one is covered.
        """
        query, now = request.query, self._http.clock().timestamp()
        token, stamp, nonce = self._secrets.get("verify_token"), query.get("timestamp", ""), query.get("nonce", "")
        if self._key is None:
            signed = wechat_signed(token, query.get("signature", ""), stamp, nonce, now=now)
            return signed and self._first_or_same(stamp, nonce, request.body)
        try:
            cipher_text = parse_xml(request.body).get("Encrypt", "")
        except PayloadError:
            return False
        given = query.get("msg_signature", "")
        return bool(cipher_text) and wechat_signed(token, given, stamp, nonce, cipher_text, now=now)

    def _first_or_same(self, stamp: str, nonce: str, body: bytes) -> bool:
        digest = hashlib.sha256(body).digest()
        known = self._nonces.setdefault((stamp, nonce), digest)
        while len(self._nonces) > NONCES_KEPT:
            self._nonces.popitem(last=False)
        return known == digest

    def handshake(self, request: WebhookRequest) -> str | None:
        """``echostr``, when the signature is right."""
        query = request.query
        now, stamp, nonce = self._http.clock().timestamp(), query.get("timestamp", ""), query.get("nonce", "")
        token = self._secrets.get("verify_token")
        return query.get("echostr") if wechat_signed(token, query.get("signature", ""), stamp, nonce, now=now) else None

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """The event in a body, decrypted where it is encrypted. Raises :class:`PayloadError`."""
        if self._key is not None:
            body = wechat_crypto.decrypt(self._key, parse_xml(body).get("Encrypt", ""), self._app_id)
        return wechat_events.parse(body, received_at)

    async def templates(self) -> Sequence[RemoteTemplate]:
        """Notifications need the customer's consent for each, so there are none to pick from."""
        return ()

    async def check(self) -> ChannelCheck:
        """Have an access token, and ask for WeChat's own addresses with it; sends nothing."""
        try:
            answer = await self._sender.ask(self._ask, lambda found: payload.integer(found.get("errcode")))
        except TokenError as error:
            advice = "Check app_id and app_secret." if error.refused else "Try again later."
            return ChannelCheck(False, f"{error} {advice}")
        code = payload.integer(answer.get("errcode")) or 0
        if code == 0 and "ip_list" in answer:
            return ChannelCheck(True, f"{LABEL}: app {self._app_id}, the token is good.")
        return ChannelCheck(False, f"{LABEL} refused the question (error {code}). Check the account's rights.")

    async def _ask(self, token: str) -> Mapping[str, Any]:
        url = f"{self._base}/get_api_domain_ip?{urlencode({'access_token': token})}"
        reply = await self._http.get_json(url, {})
        if isinstance(reply, HttpFailure):
            raise TokenError(f"{LABEL} {reply.text}. Check the connection and base_url of this channel.")
        return payload.mapping(reply.body)

    async def close(self) -> None:
        """Nothing is kept open."""


def request(message: Outgoing) -> dict[str, Any]:
    """Body of ``POST /cgi-bin/message/custom/send``."""
    return {"touser": message.address, "msgtype": "text", "text": {"content": message.text}}


def _code(reply: HttpReply | HttpFailure) -> int | None:
    return payload.integer(payload.mapping(reply.body).get("errcode")) if isinstance(reply, HttpReply) else None


def _file_code(found: HttpFile | HttpReply | HttpFailure) -> int | None:
    """The error in what was to be a file: WeChat answers with status 200 and JSON then."""
    if not isinstance(found, HttpFile) or found.content is None or len(found.content) > 1000:
        return None
    try:
        return payload.integer(payload.parse_mapping(found.content).get("errcode"))
    except PayloadError:
        return None


def outcome(reply: HttpReply, wait: float | None) -> SendOutcome:
    """Outcome by ``errcode``; by the HTTP status where there is none. WeChat gives a message no id."""
    code = payload.integer(payload.mapping(reply.body).get("errcode"))
    if code is None and 200 <= reply.status < 300:
        return unknowable(LABEL).outcome("", reply.status)  # WeChat answers so to everything: it tells nothing
    if code is None:
        return outcomes.from_status(LABEL, reply.status, wait)
    if code == 0:
        return SendOutcome(OutcomeKind.ACCEPTED, http_status=reply.status)
    rule = CODES.get(code)
    if rule is None:
        return outcomes.unknown_code(LABEL, code).outcome(str(code), reply.status)
    return rule.outcome(str(code), reply.status, wait if rule.kind is OutcomeKind.RETRY else None)


def _aes_key(value: str) -> bytes | None:
    if not value:
        return None
    try:
        return wechat_crypto.key_of(value)
    except ValueError:
        raise UsageError(
            "The webhook_secret of a WeChat channel is its EncodingAESKey: 43 letters and digits. Copy it again."
        ) from None
