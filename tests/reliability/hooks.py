"""The channels' side of webhooks: everything is posted again until it is answered with 200."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.reliability.truth import Accepted
from tests.server.support import posts
from tests.server.support.workspace import SECRETS

AGAIN = 0.1
"""Seconds until a webhook is posted again."""


@dataclass
class Hooks:
    """Posts bodies to the receiver. ``port`` says where it listens now; it may have died and come back."""

    port: Callable[[], int]
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    answered: list[bytes] = field(default_factory=list)
    """Bodies that were answered with 200, in order."""
    posts: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def report(self, accepted: Accepted) -> None:
        """Tell what a customer got, a moment later, where the channel does that."""
        at = datetime.fromtimestamp(accepted.at, UTC)
        if accepted.channel == "wa":
            status = posts.status(accepted.provider_id, "delivered", at, echo=accepted.echo)
            self.soon("wa", posts.whatsapp(status), self.rng.uniform(0.0, 0.8))
        elif accepted.channel == "ig":
            echo = posts.direct(
                accepted.provider_id, accepted.text, at, sender=accepted.address, is_echo=True, metadata=accepted.echo
            )
            self.soon("ig", posts.instagram(echo), self.rng.uniform(0.0, 0.8))

    def soon(self, channel: str, body: bytes, seconds: float = 0.0) -> None:
        """Post a body in a moment and until it is answered."""
        task = asyncio.create_task(self._deliver(channel, body, seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def done(self) -> None:
        """Wait until everything is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def post(self, channel: str, body: bytes, *, pieces: int = 1) -> int:
        """Post once, in pieces; the status, or 0 without an answer."""
        self.posts += 1
        try:
            async with asyncio.timeout(5):
                return await self._post(channel, body, pieces)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
            return 0

    async def _deliver(self, channel: str, body: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        while await self.post(channel, body) != 200:  # noqa: ASYNC110  # a channel posts again after a while
            await asyncio.sleep(AGAIN)
        self.answered.append(body)

    async def _post(self, channel: str, body: bytes, pieces: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port())
        try:
            head = (
                f"POST /hooks/path-{channel} HTTP/1.1\r\nHost: inbox\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nX-Telegram-Bot-Api-Secret-Token: {SECRETS['webhook_secret']}\r\n"
                f"X-Hub-Signature-256: {posts.signature(body)}\r\n"
                f"Connection: close\r\n\r\n"
            )
            whole = head.encode() + body
            step = max(1, -(-len(whole) // pieces))
            for start in range(0, len(whole), step):
                writer.write(whole[start : start + step])
                await writer.drain()
                if pieces > 1:
                    await asyncio.sleep(0.002)
            return int((await reader.readuntil(b"\r\n")).split(b" ")[1])
        finally:
            writer.close()
