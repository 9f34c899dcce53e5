"""LINE Messaging API: pushing, checking (reference: channels, section 8). Webhooks: ``line_events``.

The one channel that honours our key: the same key is taken once within a day, so whatever nobody can know is simply
sent again. A push is a message to a friend at any time; reply tokens live for seconds only and are of no use here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from tui_inbox.channels import line_events, media, outcomes, payload
from tui_inbox.channels.http import Http, HttpFailure, HttpReply
from tui_inbox.channels.line_errors import LABEL, rule
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
from tui_inbox.channels.signatures import line_signed
from tui_inbox.domain.attachments import RemoteFile
from tui_inbox.domain.events import ChannelEvent, OutcomeKind, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind

API = "https://api.line.me"
DATA_API = "https://api-data.line.me"
"""Where the content of messages lies."""
BODY_MAXIMUM = 1 << 20
"""Bytes (reference: reliability, section 3.2)."""
KEY_LIFE = timedelta(hours=24)
"""How long LINE remembers a key that it has accepted."""
KEY_HEADER = "X-Line-Retry-Key"
ACCEPTED_HEADER = "x-line-accepted-request-id"
"""Names the request that was accepted with our key."""


class LineAdapter:
    """One LINE Official Account."""

    kind: ChannelKind = ChannelKind.LINE
    keyed: bool = True
    key_life: timedelta | None = KEY_LIFE
    body_maximum: int = BODY_MAXIMUM
    required_config: Sequence[str] = ()
    required_secrets: Sequence[str] = ("token",)
    webhook_secrets: Sequence[str] = ("app_secret",)
    webhook_types: frozenset[str] = JSON_TYPES
    webhook_answer: WebhookAnswer = WebhookAnswer()

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        self._base = f"{config.get('base_url', '') or API}/v2/bot"
        self._data = config.get("base_url", "") or DATA_API
        self._headers = {"Authorization": f"Bearer {secrets.get('token')}"}
        self._secrets = secrets
        self._http = http

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Push a text or a picture, with its key. Raises only what the guard raises."""
        headers = {**self._headers, KEY_HEADER: message.idempotency_key or message.message_id}
        reply = await self._http.post_json(f"{self._base}/message/push", headers, request(message), before_first_byte)
        if isinstance(reply, HttpFailure):
            return outcomes.from_failure(LABEL, reply, keyed=True)
        return outcomes.with_skew(outcome(reply, self._http.retry_after(reply)), reply)

    async def fetch(self, file: RemoteFile, maximum: int) -> Fetched:
        """Get a message's content from the data server, or from where it lies. Raises :class:`FetchError`."""
        if "/" in file.locator:
            return await media.download(self._http, LABEL, file.locator, maximum, base=self._data)
        address = f"{self._data}/v2/bot/message/{quote(file.locator, safe='')}/content"
        found = await self._http.get_file(address, self._headers, maximum)
        if isinstance(found, HttpReply) and found.status == 202:
            raise FetchError(f"{LABEL} is still preparing the file.")
        return media.fetched(LABEL, found)

    @property
    def receives(self) -> bool:
        """Whether the channel secret is set that webhooks are verified with."""
        return bool(self._secrets.get("app_secret"))

    def verify(self, request: WebhookRequest) -> bool:
        """Whether LINE signed the body with our channel secret."""
        return line_signed(self._secrets.get("app_secret"), request.body, request.headers)

    def handshake(self, request: WebhookRequest) -> str | None:
        """LINE has no handshake; its console posts a signed body without events."""
        return None

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """Every event in a body. Raises :class:`PayloadError`."""
        return line_events.parse(body, received_at)

    async def templates(self) -> Sequence[RemoteTemplate]:
        """LINE has none that need approval."""
        return ()

    async def check(self) -> ChannelCheck:
        """Ask who the account is, and how much of the month's messages is used; sends nothing."""
        reply = await self._http.get_json(f"{self._base}/info", self._headers)
        if isinstance(reply, HttpFailure):
            return ChannelCheck(False, f"{LABEL} {reply.text}. Check the connection and base_url of this channel.")
        name = payload.text(payload.mapping(reply.body).get("displayName"))
        if reply.status == 200 and name:
            return ChannelCheck(True, f"{LABEL}: {name}.{await self._used()}")
        if reply.status == 401:
            return ChannelCheck(False, f"{LABEL} refused the access token. Issue a new one in the console and set it.")
        return ChannelCheck(False, f"{LABEL} refused the question (status {reply.status}). Try again later.")

    async def _used(self) -> str:
        """How many messages of this month are used, where LINE tells it; a sentence with a blank before it."""
        numbers = []
        for path, name in (("quota", "value"), ("quota/consumption", "totalUsage")):
            reply = await self._http.get_json(f"{self._base}/message/{path}", self._headers)
            answer = payload.mapping(reply.body) if isinstance(reply, HttpReply) and reply.status == 200 else {}
            numbers.append(payload.integer(answer.get(name)))
        most, used = numbers
        if used is None:
            return ""
        limit = "" if most is None else f" of {most:,}"
        return f" {used:,}{limit} messages of this month are used."

    async def close(self) -> None:
        """Nothing is kept open."""


def request(message: Outgoing) -> dict[str, Any]:
    """Body of ``POST /v2/bot/message/push``. One text or picture, so that one key stands for one message."""
    content: dict[str, Any] = {"type": "text", "text": message.text}
    if message.files:
        link = message.files[0].link
        content = {"type": "image", "originalContentUrl": link, "previewImageUrl": link}
    return {"to": message.address, "messages": [content]}


def outcome(reply: HttpReply, wait: float | None) -> SendOutcome:
    """Outcome of a push. A repeat of what was accepted before is answered with 409, and is just as good."""
    answer = payload.mapping(reply.body)
    ident = _provider_id(answer)
    if 200 <= reply.status < 300 or (reply.status == 409 and (ident or reply.headers.get(ACCEPTED_HEADER))):
        return outcomes.accepted(LABEL, ident, reply.status)
    found = rule(reply.status, answer)
    if found is None:
        return outcomes.from_status(LABEL, reply.status, wait)
    return found.outcome(str(reply.status), reply.status, None if found.kind is OutcomeKind.REFUSED else wait)


def _provider_id(answer: Mapping[str, Any]) -> str:
    sent = next(payload.mappings(answer.get("sentMessages")), {})
    return payload.text(sent.get("id"))
