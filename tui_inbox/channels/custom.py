"""The custom channel: any other system plugs in, by HTTP both ways (reference: channels, section 16).

The protocol is that of respond.io's custom channel, so what was written for it works here. Beyond it, and for systems
that want it: our message id and an ``Idempotency-Key`` go out with each message, bodies are signed both ways when a
secret is shared (``app_secret``), and a system that honours the key says so (``idempotent=yes``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import custom_events, media, outcomes, payload
from tui_inbox.channels.http import Http, HttpFailure, HttpReply
from tui_inbox.channels.outcomes import MAYBE_SENT, refused, unauthorised
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
from tui_inbox.channels.signatures import bearer_shown, custom_signature, custom_signed
from tui_inbox.domain.attachments import RemoteFile
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.events import ChannelEvent, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

LABEL = "The system behind this channel"
BODY_MAXIMUM = 1 << 20
"""Bytes (reference: reliability, section 3.2)."""
CLASSES: Mapping[str, ErrorClass] = {
    "window_closed": ErrorClass.WINDOW_CLOSED,
    "window_count_used": ErrorClass.COUNT_USED,
    "unreachable": ErrorClass.UNREACHABLE,
    "quota_exhausted": ErrorClass.QUOTA,
    "invalid": ErrorClass.INVALID,
}
"""Values of ``error.code`` with a meaning; without one a refusal is taken for an invalid message."""
ADVICE: Mapping[ErrorClass, str] = {
    ErrorClass.WINDOW_CLOSED: "its messaging window is closed. Wait until the customer writes.",
    ErrorClass.COUNT_USED: "the messages allowed after the customer's last one are used up. Wait until they write.",
    ErrorClass.UNREACHABLE: "the customer cannot be reached there. Use another channel.",
    ErrorClass.QUOTA: "its messages are used up. Ask an admin, or use another channel.",
    ErrorClass.INVALID: "it does not take it as it is. Change it, or ask an admin.",
}


class CustomAdapter:
    """One system. ``token`` goes out with each request, ``webhook_secret`` comes in with each."""

    kind: ChannelKind = ChannelKind.CUSTOM
    keyed: bool = False
    body_maximum: int = BODY_MAXIMUM
    required_config: Sequence[str] = ("base_url", "channel_id")
    required_secrets: Sequence[str] = ("token",)
    webhook_secrets: Sequence[str] = ("webhook_secret",)
    webhook_types: frozenset[str] = JSON_TYPES
    webhook_answer: WebhookAnswer = WebhookAnswer()

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        self._base, self._channel_id = config["base_url"], config["channel_id"]
        self.keyed = _yes(config.get("idempotent", "no"))
        self._secrets = secrets
        self._http = http

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send a text or a file, with its key. Raises only what the guard raises."""
        body = json.dumps(request(self._channel_id, message), ensure_ascii=False).encode("utf-8", "replace")
        headers = self._headers(body) | {"Idempotency-Key": message.idempotency_key or message.message_id}
        reply = await self._http.post_bytes(f"{self._base}/message", headers, body, before_first_byte)
        if isinstance(reply, HttpFailure):
            return outcomes.from_failure(LABEL, reply, keyed=self.keyed)
        return outcomes.with_skew(outcome(reply, self._http.retry_after(reply), keyed=self.keyed), reply)

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._secrets.get('token')}", "Content-Type": "application/json"}
        secret = self._secrets.get("app_secret")
        return headers | ({"X-Inbox-Signature-256": custom_signature(secret, body)} if secret else {})

    async def fetch(self, file: RemoteFile, maximum: int) -> Fetched:
        """Get a file: from the system itself with our token, from elsewhere without. Raises :class:`FetchError`."""
        headers = {"Authorization": f"Bearer {self._secrets.get('token')}"}
        return await media.download(self._http, LABEL, file.locator, maximum, base=self._base, headers=headers)

    @property
    def receives(self) -> bool:
        """Whether the token is set that the system must show."""
        return bool(self._secrets.get("webhook_secret"))

    def verify(self, request: WebhookRequest) -> bool:
        """Whether the request bears our token and, when a signing secret is shared, the signature of the body."""
        if not bearer_shown(self._secrets.get("webhook_secret"), request.headers):
            return False
        secret = self._secrets.get("app_secret")
        return not secret or custom_signed(secret, request.body, request.headers)

    def handshake(self, request: WebhookRequest) -> str | None:
        """There is none."""
        return None

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """Every event in a body. Raises :class:`PayloadError`."""
        return custom_events.parse(body, self._channel_id, received_at)

    async def templates(self) -> Sequence[RemoteTemplate]:
        """There are none."""
        return ()

    async def check(self) -> ChannelCheck:
        """Ask ``GET /channel`` for the system's name; sends nothing."""
        reply = await self._http.get_json(f"{self._base}/channel", self._headers(b""))
        if isinstance(reply, HttpFailure):
            return ChannelCheck(False, f"{LABEL} {reply.text}. Check the connection and base_url of this channel.")
        name = payload.text(payload.mapping(reply.body).get("name"))
        if reply.status == 200 and name:
            return ChannelCheck(True, f"Custom channel: {name}.")
        if reply.status == 401:
            return ChannelCheck(False, f"{LABEL} refused the token. Set the one that it expects.")
        if reply.status == 404:
            told = "answers, but has no GET /channel: whether the token is good shows only on sending."
            return ChannelCheck(False, f"{LABEL} {told}")
        return ChannelCheck(False, f"{LABEL} refused the question (status {reply.status}). Try again later.")

    async def close(self) -> None:
        """Nothing is kept open."""


def request(channel_id: str, message: Outgoing) -> dict[str, Any]:
    """Body of ``POST /message``."""
    return {
        "channelId": channel_id,
        "contactId": message.address,
        "messageId": message.message_id,
        "message": _content(message),
    }


def _content(message: Outgoing) -> dict[str, Any]:
    """The text, or the file by its public address with the text as its description."""
    if not message.files:
        return {"type": "text", "text": message.text}
    file = message.files[0]
    attached = {
        "type": {"photo": "image", "audio": "audio", "video": "video"}.get(file.kind, "file"),
        "url": file.link,
        "mimeType": file.media_type,
        "fileName": file.name,
        "size": len(file.content),
        "description": message.text,
    }
    return {"type": "attachment", "attachment": attached}


def outcome(reply: HttpReply, wait: float | None, *, keyed: bool) -> SendOutcome:
    """Outcome by the HTTP status; of a refusal, by ``error.code`` where it has one of ours."""
    answer = payload.mapping(reply.body)
    if 200 <= reply.status < 300:
        return outcomes.accepted(LABEL, payload.text(answer.get("mId")), reply.status)
    code = payload.text(payload.mapping(answer.get("error")).get("code"))
    if reply.status == 401:
        return unauthorised(LABEL).outcome("401", reply.status, wait)
    if reply.status >= 500 or reply.status in MAYBE_SENT:
        return outcomes.unknowable(LABEL, keyed=keyed).outcome(str(reply.status), reply.status, wait)
    if reply.status != 429 and code in CLASSES:
        found = CLASSES[code]
        rule = refused(found, f"{LABEL} refused the message: {ADVICE[found]}")
        return rule.outcome(code, reply.status)
    return outcomes.from_status(LABEL, reply.status, wait)


def _yes(value: str) -> bool:
    if value not in ("yes", "no"):
        raise UsageError("idempotent of a custom channel must be yes or no.")
    return value == "yes"
