"""TikTok Business Messaging: sending, checking (reference: channels, section 13). Webhooks: ``tiktok_events``.

The ``token`` of the settings is the refresh token of the authorisation. An access token lives a day; each refresh
gives a new refresh token and uses up the former, so what was fetched last is kept in a private file
(:mod:`tui_inbox.channels.tokens`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tui_inbox.channels import media, outcomes, payload, tiktok_events
from tui_inbox.channels.http import FilePart, Http, HttpFailure, HttpReply
from tui_inbox.channels.outcomes import unknowable
from tui_inbox.channels.port import (
    JSON_TYPES,
    ChannelCheck,
    Fetched,
    FetchError,
    FirstByteGuard,
    RemoteTemplate,
    Secrets,
    WebhookAnswer,
    WebhookRequest,
)
from tui_inbox.channels.signatures import tiktok_signed
from tui_inbox.channels.tiktok_errors import CODES, LABEL, TOKEN_CODES
from tui_inbox.channels.token_sending import TokenSender
from tui_inbox.channels.tokens import Token, TokenError, TokenKeeper
from tui_inbox.channels.uploads import Uploads
from tui_inbox.domain.attachments import OutgoingFile, RemoteFile
from tui_inbox.domain.events import ChannelEvent, OutcomeKind, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind

API = "https://business-api.tiktok.com"
BODY_MAXIMUM = 1 << 20
"""Bytes (reference: reliability, section 3.2)."""


class TikTokAdapter:
    """One business account."""

    kind: ChannelKind = ChannelKind.TIKTOK
    keyed: bool = False
    body_maximum: int = BODY_MAXIMUM
    required_config: Sequence[str] = ("business_id", "client_key")
    required_secrets: Sequence[str] = ("token", "app_secret")
    webhook_secrets: Sequence[str] = ("app_secret",)
    webhook_types: frozenset[str] = JSON_TYPES
    webhook_answer: WebhookAnswer = WebhookAnswer()

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        self._base = f"{config.get('base_url', '') or API}/open_api/v1.3"
        self._business_id, self._client_key = config["business_id"], config["client_key"]
        self._secrets = secrets
        self._http = http
        named = (LABEL, self._client_key, secrets.get("app_secret"), secrets.get("token"))
        self._tokens = TokenKeeper(named, self._fetch, http.clock)
        self._sender = TokenSender(LABEL, self._tokens, TOKEN_CODES)
        self._uploads = Uploads(LABEL)

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send a text or a picture. Raises only what the guard raises."""
        body = request(self._business_id, message)
        if message.files:
            shown = await self._uploads.ident(message.files[0], self._upload)
            if isinstance(shown, SendOutcome):
                return shown
            body = {**body, "message_type": "IMAGE", "image": {"media_id": shown}}
            del body["text"]

        async def post(token: str, guard: FirstByteGuard | None) -> HttpReply | HttpFailure:
            url = f"{self._base}/business/message/send/"  # the last slash is needed
            return await self._http.post_json(url, {"Access-Token": token}, body, guard)

        return await self._sender.send(
            post, lambda reply: outcome(reply, self._http.retry_after(reply)), before_first_byte
        )

    async def _upload(self, file: OutgoingFile) -> str | SendOutcome:
        fields = {"business_id": self._business_id, "media_type": "IMAGE"}
        part = FilePart("file", file.name, file.media_type, file.content)
        url = f"{self._base}/business/message/media/upload/"
        try:
            reply = await self._sender.ask(
                lambda token: self._http.post_parts(url, {"Access-Token": token}, fields, part), _code
            )
        except TokenError as error:
            return outcomes.without_token(LABEL, error)
        return self._uploads.read(reply, _media_id, self._refused)

    def _refused(self, reply: HttpReply) -> SendOutcome:
        return outcome(reply, self._http.retry_after(reply))

    async def fetch(self, file: RemoteFile, maximum: int) -> Fetched:
        """Ask where a customer's picture lies, and get it there. Raises :class:`FetchError`."""
        names = ("conversation_id", "message_id", "media_type", "media_id")
        asked = {"business_id": self._business_id, **dict(zip(names, file.locator.split("\n"), strict=False))}
        url = f"{self._base}/business/message/media/download/"
        try:
            reply = await self._sender.ask(
                lambda token: self._http.post_json(url, {"Access-Token": token}, asked), _code
            )
        except TokenError as error:
            raise FetchError(str(error)) from error
        if isinstance(reply, HttpFailure):
            raise FetchError(f"{LABEL} {reply.text}.")
        address = payload.text(payload.mapping(payload.mapping(reply.body).get("data")).get("download_url"))
        if not address:
            raise FetchError(f"{LABEL} did not give the file (error {_code(reply)}).", gone=_code(reply) == 40002)
        return await media.download(self._http, LABEL, address, maximum, base=self._base)

    async def _fetch(self, refresh: str) -> Token:
        """A new pair of tokens with the last refresh token; with that of the settings where it is no good."""
        configured = self._secrets.get("token")
        try:
            return await self._refreshed(refresh or configured)
        except TokenError as error:
            if not error.refused or refresh in ("", configured):
                raise
        return await self._refreshed(configured)

    async def _refreshed(self, refresh: str) -> Token:
        asked_at = self._http.clock().timestamp()
        asked = {
            "client_id": self._client_key,
            "client_secret": self._secrets.get("app_secret"),
            "grant_type": "refresh_token",
            "refresh_token": refresh,
        }
        reply = await self._http.post_json(f"{self._base}/tt_user/oauth2/refresh_token/", {}, asked)
        if isinstance(reply, HttpFailure):
            raise TokenError(f"{LABEL} {reply.text} when asked for an access token.")
        answer = payload.mapping(reply.body)
        data, code = payload.mapping(answer.get("data")), payload.integer(answer.get("code"))
        value, following = payload.text(data.get("access_token")), payload.text(data.get("refresh_token"))
        seconds = payload.number(data.get("expires_in"))
        if code == 0 and value and seconds is not None:
            return Token(value, asked_at + seconds, following or refresh)
        if code in (None, 0, 40100, 51065):
            raise TokenError(f"{LABEL} gave no access token (error {code or reply.status}).")
        raise TokenError(f"{LABEL} refused the refresh token or the app (error {code}).", refused=True)

    @property
    def receives(self) -> bool:
        """Whether the app secret is set that webhooks are signed with."""
        return bool(self._secrets.get("app_secret"))

    def verify(self, request: WebhookRequest) -> bool:
        """Whether TikTok signed the body with our app secret, lately."""
        now = self._http.clock().timestamp()
        return tiktok_signed(self._secrets.get("app_secret"), request.body, request.headers, now)

    def handshake(self, request: WebhookRequest) -> str | None:
        """TikTok has no handshake."""
        return None

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """The event in a body. Raises :class:`PayloadError`."""
        return tiktok_events.parse(body, self._client_key, received_at)

    async def templates(self) -> Sequence[RemoteTemplate]:
        """TikTok has none."""
        return ()

    async def check(self) -> ChannelCheck:
        """Have an access token and read the account's name with it; sends nothing."""
        try:
            answer = await self._sender.ask(self._ask, lambda found: payload.integer(found.get("code")))
        except TokenError as error:
            advice = "Authorise the app again and set the new refresh token." if error.refused else "Try again later."
            return ChannelCheck(False, f"{error} {advice}")
        code = payload.integer(answer.get("code"))
        if code == 0:
            name = payload.text(payload.mapping(answer.get("data")).get("display_name"))
            return ChannelCheck(True, f"{LABEL}: {name or 'the token is good'}.")
        return ChannelCheck(
            False, f"{LABEL} refused the question (error {code}). Check business_id and the app's rights."
        )

    async def _ask(self, token: str) -> Mapping[str, Any]:
        query = urlencode({"business_id": self._business_id, "fields": '["display_name"]'})
        reply = await self._http.get_json(f"{self._base}/business/get/?{query}", {"Access-Token": token})
        if isinstance(reply, HttpFailure):
            raise TokenError(f"{LABEL} {reply.text}. Check the connection and base_url of this channel.")
        return payload.mapping(reply.body)

    async def close(self) -> None:
        """Nothing is kept open."""


def request(business_id: str, message: Outgoing) -> dict[str, Any]:
    """Body of ``POST /business/message/send/``."""
    return {
        "business_id": business_id,
        "recipient_type": "CONVERSATION",
        "recipient": message.address,
        "message_type": "TEXT",
        "text": {"body": message.text},
    }


def _code(reply: HttpReply | HttpFailure) -> int | None:
    return payload.integer(payload.mapping(reply.body).get("code")) if isinstance(reply, HttpReply) else None


def _media_id(reply: HttpReply) -> str:
    return payload.text(payload.mapping(payload.mapping(reply.body).get("data")).get("media_id"))


def outcome(reply: HttpReply, wait: float | None) -> SendOutcome:
    """Outcome by ``code``; by the HTTP status where there is none."""
    answer = payload.mapping(reply.body)
    code = payload.integer(answer.get("code"))
    if code is None and 200 <= reply.status < 300:
        return unknowable(LABEL).outcome("", reply.status)  # TikTok answers so to most things: it tells nothing
    if code is None:
        return outcomes.from_status(LABEL, reply.status, wait)
    if code == 0:
        message = payload.mapping(payload.mapping(answer.get("data")).get("message"))
        return outcomes.accepted(LABEL, payload.text(message.get("message_id")), reply.status)
    rule = CODES.get(code)
    if rule is None:
        return outcomes.unknown_code(LABEL, code).outcome(str(code), reply.status)
    return rule.outcome(str(code), reply.status, wait if rule.kind is OutcomeKind.RETRY else None)
