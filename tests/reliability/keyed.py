"""The channel whose server honours an idempotency key, in the shape of LINE's push API: a 409 means accepted before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from tui_inbox.channels import outcomes, payload
from tui_inbox.channels.http import Http, HttpFailure, unwatched
from tui_inbox.channels.port import (
    ChannelAdapter,
    ChannelCheck,
    FirstByteGuard,
    RemoteTemplate,
    Secrets,
    WebhookRequest,
)
from tui_inbox.channels.registry import ADAPTERS, build_adapter
from tui_inbox.domain.events import ChannelEvent, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind
from tui_inbox.domain.models import Channel
from tui_inbox.services.context import AdapterSource

LABEL = "LINE"
Watch = Callable[[str], Awaitable[None]]


class KeyedAdapter:
    """Sends with a key; receives nothing."""

    kind: ChannelKind = ChannelKind.LINE
    keyed: bool = True
    body_maximum: int = 0
    required_config: Sequence[str] = ()
    required_secrets: Sequence[str] = ("token",)
    receives: bool = False

    def __init__(self, base_url: str, http: Http) -> None:
        self._base_url = base_url
        self._http = http

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Push one text under the message's key."""
        body = {"to": message.address, "messages": [{"type": "text", "text": message.text}]}
        headers = {"X-Line-Retry-Key": message.idempotency_key}
        reply = await self._http.post_json(f"{self._base_url}/v2/bot/message/push", headers, body, before_first_byte)
        if isinstance(reply, HttpFailure):
            return outcomes.from_failure(LABEL, reply)
        if reply.status in (200, 409):
            sent = next(payload.mappings(payload.mapping(reply.body).get("sentMessages")), {})
            return outcomes.accepted(LABEL, payload.text(payload.mapping(sent).get("id")), reply.status)
        return outcomes.from_status(LABEL, reply.status, self._http.retry_after(reply))

    def verify(self, request: WebhookRequest) -> bool:
        """It has no webhook."""
        return False

    def handshake(self, request: WebhookRequest) -> str | None:
        """It has no webhook."""
        return None

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """It has no webhook."""
        return ()

    async def templates(self) -> Sequence[RemoteTemplate]:
        """It has none."""
        return ()

    async def check(self) -> ChannelCheck:
        """Nothing to check."""
        return ChannelCheck(True, "")

    async def close(self) -> None:
        """Nothing is kept open."""


class AdaptersToo:
    """The program's own adapters, and the keyed one where the program has none for its kind."""

    def __init__(self, others: AdapterSource, total: float) -> None:
        self._others = others
        self._total = total

    def get(self, channel: Channel) -> ChannelAdapter:
        """The adapter of a channel."""
        if channel.kind is ChannelKind.LINE and ChannelKind.LINE not in ADAPTERS:
            return KeyedAdapter(channel.config["base_url"], Http(total=self._total))
        return self._others.get(channel)

    async def close(self) -> None:
        """Nothing is kept open."""


def watched_adapter(channel: Channel, secrets: Secrets, total: float, watch: Watch = unwatched) -> ChannelAdapter:
    """The adapter of any channel, its requests watched."""
    http = Http(total=total, watch=watch)
    if channel.kind is ChannelKind.LINE and ChannelKind.LINE not in ADAPTERS:
        return KeyedAdapter(channel.config["base_url"], http)
    return build_adapter(channel, secrets, http=http)
