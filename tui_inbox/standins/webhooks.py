"""Posting signed webhooks: in order, again and again until the receiver answers with 2xx."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tui_inbox.channels.http import Http, HttpReply
from tui_inbox.standins.platform import Platform, SignsUrl

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between two tries. The real channels wait longer and give up after 7 days (Meta) or 24 hours (Telegram)."""
KEPT = 1000
"""Past webhooks that the control API can show."""


@dataclass
class Webhook:
    """One body on its way."""

    body: bytes
    query: str = ""
    """What the receiver wants to find in the address, as it stands there."""
    attempts: int = 0
    status: int | None = None
    """HTTP status of the last try; ``None`` when there was no answer."""
    delivered: bool = False

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "body": self.body.decode("utf-8", "replace"),
            "attempts": self.attempts,
            "status": self.status,
            "delivered": self.delivered,
        }


class Poster:
    """The outgoing webhooks of one channel."""

    def __init__(self, platform: Platform, url: str, http: Http | None = None) -> None:
        self._platform = platform
        self._url = url
        self._http = http or Http()
        self._waiting: deque[Webhook] = deque()
        self._news = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self.past: deque[Webhook] = deque(maxlen=KEPT)

    @property
    def url(self) -> str:
        """Where webhooks go; empty = they wait."""
        return self._url

    @url.setter
    def url(self, value: str) -> None:
        self._url = value
        self._news.set()

    def post(self, body: Mapping[str, Any], query: str = "") -> Webhook:
        """Put one into the queue."""
        return self.post_bytes(self._platform.encode(body), query)

    def post_bytes(self, raw: bytes, query: str = "") -> Webhook:
        """Put a body into the queue as it is; every try signs it anew, since some signatures hold time and address."""
        webhook = Webhook(raw, query)
        self._waiting.append(webhook)
        self.past.append(webhook)
        self._settled.clear()
        self._news.set()
        return webhook

    def again(self, last: int, *, backwards: bool) -> None:
        """Post the ``last`` webhooks once more, on request in the opposite order."""
        repeated = [(webhook.body, webhook.query) for webhook in list(self.past)[-last:]]
        for body, query in reversed(repeated) if backwards else repeated:
            self.post_bytes(body, query)

    async def settled(self) -> None:
        """Wait until nothing is on its way."""
        await self._settled.wait()

    async def run(self) -> None:
        """Deliver until cancelled."""
        pause = FIRST_PAUSE
        while True:
            if not self._waiting or not self._url:
                self._news.clear()
                await self._news.wait()
                continue
            if await self._try(self._waiting[0]):
                self._waiting.popleft()
                pause = FIRST_PAUSE
                if not self._waiting:
                    self._settled.set()
            else:
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)

    async def _try(self, webhook: Webhook) -> bool:
        webhook.attempts += 1
        asked = f"?{webhook.query}" if webhook.query else ""
        headers = self._platform.sign(webhook.body, (self._platform.state.config.public_url or self._url) + asked)
        url = self._url + asked
        if isinstance(self._platform, SignsUrl):
            url = self._platform.signed_url(webhook.body, url)
        reply = await self._http.post_bytes(url, headers, webhook.body)
        webhook.status = reply.status if isinstance(reply, HttpReply) else None
        webhook.delivered = isinstance(reply, HttpReply) and 200 <= reply.status < 300
        return webhook.delivered
