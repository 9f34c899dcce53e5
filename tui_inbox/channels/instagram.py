"""Instagram messaging: sending, checking (reference: channels, sections 4.4 to 5). Webhooks: ``instagram_events``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui_inbox.channels import instagram_events, payload
from tui_inbox.channels.http import Http, HttpReply
from tui_inbox.channels.instagram_errors import ERRORS, LABEL
from tui_inbox.channels.meta import BODY_MAXIMUM, Graph
from tui_inbox.channels.port import (
    JSON_TYPES,
    ChannelCheck,
    FirstByteGuard,
    RemoteTemplate,
    Secrets,
    WebhookAnswer,
    WebhookRequest,
)
from tui_inbox.domain.events import ChannelEvent, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind


class InstagramAdapter:
    """One Instagram professional account, by Facebook Login (page id) or Instagram Login (Instagram id)."""

    kind: ChannelKind = ChannelKind.INSTAGRAM
    keyed: bool = False
    body_maximum: int = BODY_MAXIMUM
    required_config: Sequence[str] = ("account_id",)
    required_secrets: Sequence[str] = ("token",)
    webhook_secrets: Sequence[str] = ("app_secret", "verify_token")
    webhook_types: frozenset[str] = JSON_TYPES
    webhook_answer: WebhookAnswer = WebhookAnswer()

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        self._graph = Graph(config, secrets, http, LABEL)
        self._account_id = config["account_id"]

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send a text, with the tag where it has one. Raises only what the guard raises."""
        url = self._graph.url(self._account_id, "messages")
        reply = await self._graph.post(url, request(message), before_first_byte)
        answer = payload.mapping(reply.body) if isinstance(reply, HttpReply) else {}
        return self._graph.outcome(reply, ERRORS, payload.text(answer.get("message_id")))

    @property
    def receives(self) -> bool:
        """Whether the app secret is set that webhooks are verified with."""
        return self._graph.can_verify

    def verify(self, request: WebhookRequest) -> bool:
        """Whether Meta signed the body with our app secret."""
        return self._graph.signed(request)

    def handshake(self, request: WebhookRequest) -> str | None:
        """The challenge, when the verify token is ours."""
        return self._graph.handshake(request)

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """Every event in a body. Raises :class:`PayloadError`."""
        return instagram_events.parse(body, received_at)

    async def templates(self) -> Sequence[RemoteTemplate]:
        """Instagram has none."""
        return ()

    async def check(self) -> ChannelCheck:
        """Read the account's name; sends nothing."""
        return await self._graph.check(self._graph.url(self._account_id, fields="name"), LABEL, "name", "username")

    async def close(self) -> None:
        """Nothing is kept open."""


def request(message: Outgoing) -> dict[str, Any]:
    """Body of ``POST /{account_id}/messages``; our message id comes back in the echo."""
    kind = {"messaging_type": "MESSAGE_TAG", "tag": message.tag} if message.tag else {"messaging_type": "RESPONSE"}
    content = {"text": message.text, "metadata": message.message_id}
    return {"recipient": {"id": message.address}, **kind, "message": content}
