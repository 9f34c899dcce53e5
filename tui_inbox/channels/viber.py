"""Viber bots: sending, checking (reference: channels, section 7). Webhooks: ``viber_events``.

Every answer is HTTP 200; only the ``status`` in it says whether the message was taken. Without one nobody knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import media, outcomes, payload, viber_events
from tui_inbox.channels.http import Http, HttpFailure, HttpReply
from tui_inbox.channels.port import (
    JSON_TYPES,
    ChannelCheck,
    Fetched,
    FirstByteGuard,
    RemoteTemplate,
    Secrets,
    WebhookAnswer,
    WebhookRequest,
)
from tui_inbox.channels.signatures import viber_signed
from tui_inbox.channels.viber_errors import ERRORS, LABEL, OK, UNKNOWABLE
from tui_inbox.domain.attachments import RemoteFile
from tui_inbox.domain.events import ChannelEvent, OutcomeKind, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind

API = "https://chatapi.viber.com"
BODY_MAXIMUM = 1 << 20
"""Bytes (reference: reliability, section 3.2)."""
TOKEN_HEADER = "X-Viber-Auth-Token"
SENDER_MAXIMUM = 28
"""Characters of the sender's name."""


class ViberAdapter:
    """One bot. Its token is also the key of its webhooks."""

    kind: ChannelKind = ChannelKind.VIBER
    keyed: bool = False
    body_maximum: int = BODY_MAXIMUM
    required_config: Sequence[str] = ("sender_name",)
    required_secrets: Sequence[str] = ("token",)
    webhook_secrets: Sequence[str] = ("token",)
    webhook_types: frozenset[str] = JSON_TYPES
    webhook_answer: WebhookAnswer = WebhookAnswer()

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        self._base = f"{config.get('base_url', '') or API}/pa"
        self._sender = config["sender_name"][:SENDER_MAXIMUM]
        self._token = secrets.get("token")
        self._headers = {TOKEN_HEADER: self._token}
        self._http = http

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send a text or a file. Raises only what the guard raises."""
        body = request(message, self._sender)
        reply = await self._http.post_json(f"{self._base}/send_message", self._headers, body, before_first_byte)
        if isinstance(reply, HttpFailure):
            return outcomes.from_failure(LABEL, reply)
        return outcomes.with_skew(outcome(reply, self._http.retry_after(reply)), reply)

    async def fetch(self, file: RemoteFile, maximum: int) -> Fetched:
        """Get a file from where Viber keeps it. Raises :class:`FetchError`."""
        return await media.download(self._http, LABEL, file.locator, maximum, base=self._base)

    @property
    def receives(self) -> bool:
        """The token is always there."""
        return bool(self._token)

    def verify(self, request: WebhookRequest) -> bool:
        """Whether Viber signed the body with our token."""
        return viber_signed(self._token, request.body, request.headers)

    def handshake(self, request: WebhookRequest) -> str | None:
        """Viber checks a webhook by posting a signed event to it."""
        return None

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """The events of one callback. Raises :class:`PayloadError`."""
        return viber_events.parse(body, received_at)

    async def templates(self) -> Sequence[RemoteTemplate]:
        """Viber's bots have none."""
        return ()

    async def check(self) -> ChannelCheck:
        """Ask who the bot is; sends nothing."""
        reply = await self._http.post_json(f"{self._base}/get_account_info", self._headers, {})
        if isinstance(reply, HttpFailure):
            return ChannelCheck(False, f"{LABEL} {reply.text}. Check the connection and base_url of this channel.")
        answer = payload.mapping(reply.body)
        status, name = payload.integer(answer.get("status")), payload.text(answer.get("name"))
        if status == OK and not payload.text(answer.get("webhook")):
            return ChannelCheck(
                True, f"{LABEL}: {name}. No webhook is set there yet, so nothing can be sent or received."
            )
        if status == OK:
            return ChannelCheck(True, f"{LABEL}: {name}.")
        if status == 2 or reply.status == 401:
            return ChannelCheck(False, f"{LABEL} refused the token. Copy it again from the admin panel and set it.")
        told = f"status {reply.status}" if status is None else f"error {status}"
        return ChannelCheck(False, f"{LABEL} refused the question ({told}). Try again later.")

    async def close(self) -> None:
        """Nothing is kept open."""


def request(message: Outgoing, sender: str) -> dict[str, Any]:
    """Body of ``send_message``. What is in ``tracking_data`` comes back only with the customer's next message."""
    return {
        "receiver": message.address,
        **_content(message),
        "sender": {"name": sender},
        "tracking_data": message.message_id,
        "min_api_version": 1,
    }


def _content(message: Outgoing) -> dict[str, Any]:
    """The text, or the file by its public address. A picture always has a text, if an empty one."""
    if not message.files:
        return {"type": "text", "text": message.text}
    file = message.files[0]
    match file.kind:
        case "photo":
            return {"type": "picture", "text": message.text, "media": file.link}
        case "video":
            return {"type": "video", "media": file.link, "size": len(file.content)}
        case _:
            return {"type": "file", "media": file.link, "size": len(file.content), "file_name": file.name}


def outcome(reply: HttpReply, wait: float | None) -> SendOutcome:
    """Outcome of a send: by the ``status`` in the answer, by the HTTP status without one."""
    answer = payload.mapping(reply.body)
    status = payload.integer(answer.get("status"))
    if status == OK:
        return outcomes.accepted(LABEL, payload.text(answer.get("message_token")), reply.status)
    if status is None and not 200 <= reply.status < 300:
        return outcomes.from_status(LABEL, reply.status, wait)
    rule = UNKNOWABLE if status is None else ERRORS.get(status, outcomes.unknown_code(LABEL, status))
    told = "" if status is None else str(status)
    return rule.outcome(told, reply.status, wait if rule.kind is OutcomeKind.RETRY else None)
