"""X direct messages: sending, checking (reference: channels, section 14). Webhooks: ``x_events``.

Requests are signed with OAuth 1.0a, whose tokens last; the other kind runs out every two hours.
"""

from __future__ import annotations

import json
import secrets as chance
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from tui_inbox.channels import media, outcomes, payload, x_events
from tui_inbox.channels.http import FilePart, Http, HttpFailure, HttpReply
from tui_inbox.channels.oauth1 import OAuth1
from tui_inbox.channels.outcomes import Rule, limited, refused, unauthorised
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
from tui_inbox.channels.signatures import x_signature, x_signed
from tui_inbox.channels.uploads import Uploads
from tui_inbox.domain.attachments import OutgoingFile, RemoteFile
from tui_inbox.domain.events import ChannelEvent, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

LABEL = "X"
API = "https://api.x.com"
OWN_MEDIA = "https://ton.twitter.com/"
"""Where pictures of direct messages lie; they are given to signed requests alone."""
BODY_MAXIMUM = 1 << 20
"""Bytes (reference: reliability, section 3.2)."""
RESET_HEADER = "x-rate-limit-reset"
"""Second since 1970 at which the limit begins anew."""
APP_TROUBLE = ("client-forbidden", "oauth1-permissions", "unsupported-authentication", "usage-capped")
"""Ends of a problem's ``type`` that speak of the app and not of the recipient."""

CLOSED = refused(
    ErrorClass.UNREACHABLE,
    "This customer takes no direct messages from the account at X, or has blocked it. Use another channel.",
)
NO_RIGHT = refused(
    ErrorClass.AUTH, "X does not let this app send direct messages. Ask an admin to check its plan and rights."
)
UNKNOWN = refused(ErrorClass.UNREACHABLE, "X does not know this customer any more. Use another channel.")
INVALID = refused(ErrorClass.INVALID, "X does not take this message as it is (10,000 characters at most). Change it.")
SLOWLY = limited("X takes no more messages of the account for now. It is tried again by itself.")


class XAdapter:
    """One account. ``app_secret`` is the consumer secret, which also signs webhooks."""

    kind: ChannelKind = ChannelKind.X
    keyed: bool = False
    body_maximum: int = BODY_MAXIMUM
    required_config: Sequence[str] = ("account_id", "consumer_key")
    required_secrets: Sequence[str] = ("token", "token_secret", "app_secret")
    webhook_secrets: Sequence[str] = ("app_secret",)
    webhook_types: frozenset[str] = JSON_TYPES
    webhook_answer: WebhookAnswer = WebhookAnswer()
    handshake_type: str = "application/json"

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        self._base = f"{config.get('base_url', '') or API}/2"
        self._account_id = config["account_id"]
        self._keys = OAuth1(
            config["consumer_key"], secrets.get("app_secret"), secrets.get("token"), secrets.get("token_secret")
        )
        self._secrets = secrets
        self._uploads = Uploads(LABEL)
        self._http = http

    def _signed(self, method: str, url: str) -> dict[str, str]:
        now = int(self._http.clock().timestamp())
        return {"Authorization": self._keys.header(method, url, nonce=chance.token_hex(16), timestamp=now)}

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send a text, a picture, or both. Raises only what the guard raises."""
        url = f"{self._base}/dm_conversations/with/{quote(message.address, safe='')}/messages"
        body = request(message)
        if message.files:
            ident = await self._uploads.ident(message.files[0], self._upload)
            if isinstance(ident, SendOutcome):
                return ident
            body = ({"text": message.text} if message.text else {}) | {"attachments": [{"media_id": ident}]}
        reply = await self._http.post_json(url, self._signed("POST", url), body, before_first_byte)
        if isinstance(reply, HttpFailure):
            return outcomes.from_failure(LABEL, reply)
        return outcomes.with_skew(outcome(reply, self._wait(reply)), reply)

    async def _upload(self, file: OutgoingFile) -> str | SendOutcome:
        url = f"{self._base}/media/upload"
        fields = {"media_category": "dm_gif" if file.media_type == "image/gif" else "dm_image"}
        part = FilePart("media", file.name, file.media_type, file.content)
        reply = await self._http.post_parts(url, self._signed("POST", url), fields, part)
        return self._uploads.read(
            reply,
            lambda found: payload.text(payload.mapping(payload.mapping(found.body).get("data")).get("id")),
            lambda found: outcome(found, self._wait(found)),
        )

    async def fetch(self, file: RemoteFile, maximum: int) -> Fetched:
        """Get a customer's picture, which X shows to the account alone. Raises :class:`FetchError`."""
        own = file.locator.startswith((f"{self._base}/", OWN_MEDIA))
        base = file.locator if own else self._base
        headers = self._signed("GET", file.locator)
        return await media.download(self._http, LABEL, file.locator, maximum, base=base, headers=headers)

    def _wait(self, reply: HttpReply) -> float | None:
        """Seconds until the limit begins anew; ``None`` when X does not tell."""
        told = self._http.retry_after(reply)
        reset = payload.integer(reply.headers.get(RESET_HEADER, ""))
        if told is not None or reset is None:
            return told
        return max(0.0, min(reset - self._http.clock().timestamp(), 86_400.0))

    @property
    def receives(self) -> bool:
        """Whether the consumer secret is set that webhooks are signed with."""
        return bool(self._secrets.get("app_secret"))

    def verify(self, request: WebhookRequest) -> bool:
        """Whether X signed the body with our consumer secret."""
        return x_signed(self._secrets.get("app_secret"), request.body, request.headers)

    def handshake(self, request: WebhookRequest) -> str | None:
        """The signed ``crc_token``, as JSON; X asks for it about every hour."""
        secret, token = self._secrets.get("app_secret"), request.query.get("crc_token", "")
        if not secret or not token:
            return None
        return json.dumps({"response_token": x_signature(secret, token.encode("utf-8", "replace"))})

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """Every event in a body. Raises :class:`PayloadError`."""
        return x_events.parse(body, self._account_id, received_at)

    async def templates(self) -> Sequence[RemoteTemplate]:
        """X has none."""
        return ()

    async def check(self) -> ChannelCheck:
        """Ask who the account is; sends nothing."""
        url = f"{self._base}/users/me"
        reply = await self._http.get_json(url, self._signed("GET", url))
        if isinstance(reply, HttpFailure):
            return ChannelCheck(False, f"{LABEL} {reply.text}. Check the connection and base_url of this channel.")
        data = payload.mapping(payload.mapping(reply.body).get("data"))
        ident, name = payload.text(data.get("id")), payload.text(data.get("username"))
        if reply.status == 401:
            return ChannelCheck(False, f"{LABEL} refused the access token. Create the four keys anew and set them.")
        if reply.status != 200 or not ident:
            return ChannelCheck(False, f"{LABEL} refused the question (status {reply.status}). Try again later.")
        if ident != self._account_id:
            return ChannelCheck(
                False, f"The keys are those of @{name}, id {ident}. Set account_id to that, or other keys."
            )
        return ChannelCheck(True, f"{LABEL}: @{name}.")

    async def close(self) -> None:
        """Nothing is kept open."""


def request(message: Outgoing) -> dict[str, Any]:
    """Body of ``POST /2/dm_conversations/with/{participant_id}/messages``."""
    return {"text": message.text}


def outcome(reply: HttpReply, wait: float | None) -> SendOutcome:
    """Outcome by the HTTP status; of a 403, by the problem's type."""
    answer = payload.mapping(reply.body)
    if 200 <= reply.status < 300:
        ident = payload.text(payload.mapping(answer.get("data")).get("dm_event_id"))
        return outcomes.accepted(LABEL, ident, reply.status)
    rule = _rule(reply.status, payload.text(answer.get("type")))
    if rule is None:
        return outcomes.from_status(LABEL, reply.status, wait)
    return rule.outcome(str(reply.status), reply.status, wait if rule is SLOWLY else None)


def _rule(status: int, problem: str) -> Rule | None:
    if status == 403:
        return NO_RIGHT if problem.endswith(APP_TROUBLE) else CLOSED
    return {400: INVALID, 401: unauthorised(LABEL), 404: UNKNOWN, 429: SLOWLY}.get(status)
