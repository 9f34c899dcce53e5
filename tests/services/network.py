"""A workspace with one account of every kind that sends by HTTP, all on one server that breaks as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.conformance.samples import SAMPLE_OF
from tests.server.support.raw_faults import RawServer, raw_server
from tests.server.support.workspace import SECRETS, Adapters, SetClock, Workspace, open_workspace
from tui_inbox.channels.http import Http
from tui_inbox.channels.port import ChannelAdapter, Secrets
from tui_inbox.channels.registry import ADAPTERS, build_adapter
from tui_inbox.channels.tiktok import TikTokAdapter
from tui_inbox.channels.tokens import Token
from tui_inbox.channels.wechat import WeChatAdapter
from tui_inbox.domain.kinds import ChannelKind, DeliveryState
from tui_inbox.domain.models import Attempt, Channel, OutboxRow
from tui_inbox.services.invariants import violations

KINDS = tuple(kind for kind in ADAPTERS if kind in SAMPLE_OF)
KEYED = {kind for kind in KINDS if SAMPLE_OF[kind].adapter().keyed}
LONG = 30.0
"""Seconds of a deadline that no test is about."""
SENDS = 1
"""Messages per account and case; fewer than open a breaker."""


class Patient(Adapters):
    """Real adapters with deadlines of one's own."""

    def __init__(self, clock: SetClock, deadlines: Mapping[str, float]) -> None:
        super().__init__()
        connect, read, total = (deadlines.get(name, LONG) for name in ("connect", "read", "total"))
        self.http = Http(clock=clock, connect=connect, read=read, total=total)

    def get(self, channel: Channel) -> ChannelAdapter:
        """The adapter of a channel."""
        return build_adapter(channel, Secrets({**SECRETS, **SAMPLE_OF[channel.kind].secrets}), http=self.http)


@dataclass
class Network:
    """The pieces of one test."""

    space: Workspace
    server: RawServer
    clock: SetClock
    customers: int = 0

    async def connect(self, kind: ChannelKind, base_url: str) -> None:
        """Add the account of a kind, at an address of its own."""
        self.space.base_url = base_url
        channel = await self.space.add_channel(kind.value, kind)
        adapter = self.space.adapters.get(channel)
        if isinstance(adapter, WeChatAdapter | TikTokAdapter):
            # Has its access token already: these faults are about the message.
            adapter._tokens._write(Token("access", (self.clock() + timedelta(days=99)).timestamp(), "refresh"))

    async def queue(self, kind: ChannelKind, text: str) -> str:
        """A message to a new customer."""
        self.customers += 1
        prefix = "+35840" if kind is ChannelKind.WHATSAPP else ""
        target = await self.space.add_contact(f"{prefix}{1_000_000 + self.customers}", channel=kind.value)
        return await self.space.queue(target, text)

    async def queue_all(self, count: int = SENDS) -> dict[ChannelKind, list[str]]:
        """As many messages on every account, to different customers."""
        return {kind: [await self.queue(kind, f"{kind.value} {n}") for n in range(count)] for kind in KINDS}

    async def drain(self, at_once: int = 1) -> None:
        """Deliver everything that may go now, with so many senders."""
        senders = [self.space.sender(f"sender {number}") for number in range(at_once)]
        while any(await asyncio.gather(*(sender.run_once() for sender in senders))):
            pass

    async def later(self) -> None:
        """Deliver what is tried again by itself, at the times that it has."""
        for _ in range(100):
            async with self.space.store.read() as unit:
                due = await unit.outbox.next_due(self.clock())
            if due is None:
                return
            self.clock.now = max(self.clock.now, due)
            await self.drain()
        raise AssertionError("it is tried again without end")

    async def row(self, message_id: str) -> OutboxRow:
        """A message as it stands."""
        return await self.space.row(message_id)

    async def last_attempt(self, message_id: str) -> Attempt:
        """The newest try of a message."""
        async with self.space.store.read() as unit:
            return (await unit.outbox.attempts(message_id))[-1]

    async def states(self, ids: dict[ChannelKind, list[str]]) -> dict[ChannelKind, set[DeliveryState]]:
        """The states of messages, by kind."""
        return {kind: {await self.space.state(one) for one in several} for kind, several in ids.items()}

    async def sound(self) -> None:
        """No invariant of sending is broken."""
        assert await violations(self.space.store, self.clock()) == []


@asynccontextmanager
async def network(path: Path, base_url: str = "", **deadlines: float) -> AsyncIterator[Network]:
    """All accounts on one server, or at another address. ``deadlines`` in seconds, as :class:`Http` takes them."""
    clock = SetClock()
    async with raw_server() as server, open_workspace(path, clock, "http://127.0.0.1:9") as space:
        space.adapters = Patient(clock, deadlines)
        found = Network(space, server, clock)
        for kind in KINDS:
            await found.connect(kind, base_url or server.base_url(kind))
        yield found
