"""A channel on the bench: its stand-in, a workspace with its receiver and sender, and the webhooks in between."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.channels.support import KEY, MESSAGE_ID, NOW, Clockwork, Standins, allow, standins
from tests.conformance.sample import PATH, PUBLIC_URL, Posted, Sample
from tests.conformance.webhooks import Catcher, catching
from tests.server.support.workspace import Workspace, open_workspace
from tui_inbox.channels.port import ChannelAdapter, Poll, poll_of
from tui_inbox.domain.events import ChannelEvent, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ContentKind, Direction
from tui_inbox.domain.models import Channel, ContactChannel, OutboxRow, TimelineEntry
from tui_inbox.repository.unit import Unit
from tui_inbox.server.receiver import make_receiver
from tui_inbox.standins.config import ChannelConfig, MemberConfig, StandinConfig
from tui_inbox.standins.email import EmailStandin

NAME = "main"
DROPPED = ("host", "connection", "content-length")
"""Headers of a caught webhook that belong to its own connection."""


@dataclass
class Bench:
    """Everything that a check needs of one channel."""

    sample: Sample
    servers: Standins
    catcher: Catcher
    space: Workspace
    client: httpx.AsyncClient
    adapter: ChannelAdapter
    folder: Path
    places: Mapping[str, str]
    """Settings that say where the stand-in is, where it is not spoken to by HTTP."""
    contact_channel_id: int = 0
    cursor: str = ""
    """How far a channel that is asked for news has been read."""

    @property
    def clock(self) -> Clockwork:
        """The one clock of the stand-in and of the workspace."""
        return self.servers.clock

    def other(self, base_url: str = "", **secrets: str) -> ChannelAdapter:
        """Another adapter of the channel, some secrets replaced."""
        return self.sample.adapter(base_url, clock=self.clock, more=self.places, **secrets)

    async def control(self, action: str, /, **body: Any) -> Any:
        """Tell the stand-in something."""
        return await self.servers.call(NAME, action, **body)

    async def accepted(self) -> list[dict[str, Any]]:
        """What the stand-in took."""
        found: list[dict[str, Any]] = await self.servers.look(NAME, "accepted")
        return found

    async def send(self, text: str = "hello", **changes: Any) -> SendOutcome:
        """Send past the workspace, once."""
        values: dict[str, Any] = {"content_kind": ContentKind.TEXT, "text": text, "idempotency_key": KEY, **changes}
        return await self.adapter.send(Outgoing(MESSAGE_ID, self.sample.address, **values), allow)

    async def send_template(self) -> SendOutcome:
        """Send the sample's template past the workspace."""
        assert self.sample.template is not None
        return await self.send("", content_kind=ContentKind.TEMPLATE, template=self.sample.template)

    async def posted(self) -> list[Posted]:
        """The webhooks that came since the last look, once none is on its way any more; or what the channel tells
        when it is asked."""
        await self.control("settled")
        poll = poll_of(self.adapter)
        return self.catcher.take() if poll is None else await self._asked(poll)

    async def _asked(self, poll: Poll) -> list[Posted]:
        found: list[Posted] = []
        while True:
            polled = await poll(self.cursor, 0)
            found += [Posted("", {}, body) for body in polled.bodies]
            self.cursor = polled.cursor
            if not polled.more:
                return found

    async def events(self) -> list[ChannelEvent]:
        """What the adapter makes of them; each must be genuine."""
        found: list[ChannelEvent] = []
        for item in await self.posted():
            posted = poll_of(self.adapter) is None
            assert not posted or self.adapter.verify(item.request()), "a webhook of the stand-in is taken for a forgery"
            found += self.adapter.parse(item.body, self.clock())
        return found

    async def receive(self, *posted: Posted) -> list[int]:
        """Post webhooks to the receiver, each worked off before the next; returns its statuses. What was asked for is
        kept as a poller keeps it."""
        statuses = []
        for item in posted:
            if poll_of(self.adapter) is not None:
                await self.keep(item.body)
                statuses.append(200)
                continue
            headers = {name: value for name, value in item.headers.items() if name not in DROPPED}
            raw = [(name.encode(), value) for name, value in headers.items()]
            answer = await self.client.post(f"/hooks/{PATH}?{item.query}", content=item.body, headers=raw)
            statuses.append(answer.status_code)
            wanted = self.adapter.webhook_answer.content if answer.status_code == 200 else ""
            assert answer.text == wanted, "the channel wants to hear something else"
            await self.space.receiving.process_pending()
        return statuses

    async def keep(self, body: bytes) -> None:
        """Store a body as it came, and work it off."""
        channel = self.space.channels[NAME].id
        await self.space.store.write(lambda unit: unit.inbound.store_raw(channel, self.clock(), {}, body))
        await self.space.receiving.process_pending()

    async def say(self, text: str, **more: Any) -> list[Posted]:
        """The customer writes; the webhook of it, not received yet."""
        await self.control("say", **{"address": self.sample.address, "text": text, **more})
        return await self.posted()

    async def deliver(self, text: str = "hello") -> str:
        """Send through the workspace; returns the message's id."""
        message_id = await self.space.queue(self.contact_channel_id, text)
        await self.drain()
        return message_id

    async def drain(self) -> None:
        """Send what is due."""
        sender = self.space.sender()
        while await sender.run_once():
            pass

    async def row(self, message_id: str) -> OutboxRow:
        """A message as it stands."""
        return await self.space.row(message_id)

    async def find(self, address: str = "") -> ContactChannel | None:
        """The contact channel at an address."""
        async with self.space.store.read() as unit:
            return await unit.contacts.by_address(self.space.channels[NAME].id, address or self.sample.address)

    async def said(self, address: str = "") -> list[TimelineEntry]:
        """What the customer wrote, in the order of the thread."""
        target = await self.find(address)
        if target is None:
            return []
        async with self.space.store.read() as unit:
            thread = await unit.timeline.page(target.contact_id, limit=100)
        return [entry for entry in thread if entry.direction is Direction.INBOUND]

    async def kept(self) -> Sequence[tuple[str, str]]:
        """Status and error of every body that the receiver stored."""
        async with self.space.store.read() as unit:
            return [(raw.status, raw.error) for raw in await unit.inbound.recent(100)]


@contextlib.asynccontextmanager
async def bench(sample: Sample, folder: Path) -> AsyncIterator[Bench]:
    """A channel whose customer wrote an hour ago; the stand-in reports what becomes of messages."""
    member = MemberConfig(address=sample.address, name="Ana Silva", last_inbound_at=NOW - timedelta(hours=1))
    async with catching() as catcher:
        account = ChannelConfig(
            name=NAME,
            kind=sample.kind,
            prefix=f"/{NAME}",
            token=sample.secrets.get("token", "") or sample.secrets.get("password", ""),
            token_secret=sample.secrets.get("token_secret", ""),
            verify_token=sample.secrets.get("verify_token", ""),
            app_secret=sample.secrets.get("app_secret", ""),
            webhook_secret=sample.secrets.get("webhook_secret", ""),
            webhook_url=catcher.url,
            public_url=f"{PUBLIC_URL}/hooks/{PATH}",
            settings=sample.config,
            templates=sample.templates,
            members=(member,),
        )
        config = StandinConfig(channels=(account,), receipt_delay=0)
        async with (
            standins(config) as servers,
            open_workspace(folder, servers.clock, "http://127.0.0.1:9") as space,
        ):
            places = _places(servers)
            adapter = sample.adapter(f"http://127.0.0.1:{servers.port}/{NAME}", clock=servers.clock, more=places)
            space.channels[NAME] = await connect(space, sample)
            space.adapters.other[NAME] = adapter
            receiver = make_receiver(space.receiving, attachments=space.attachments)
            transport = httpx.ASGITransport(app=receiver, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
                made = Bench(sample, servers, catcher, space, client, adapter, folder, places)
                made.contact_channel_id = await space.add_contact(sample.address, channel=NAME)
                await made.posted()  # what lay there before is not for us
                yield made


def _places(servers: Standins) -> dict[str, str]:
    platform = servers.host.channels[NAME].platform
    if not isinstance(platform, EmailStandin):
        return {}
    smtp, imap = platform.ports
    return {"smtp_port": str(smtp), "imap_port": str(imap)}


async def connect(space: Workspace, sample: Sample) -> Channel:
    """The channel in the store."""

    async def work(unit: Unit) -> Channel:
        added = await unit.directory.add_channel(NAME, sample.kind, dict(sample.config), {}, PATH)
        found = await unit.directory.channel_by_id(added)
        assert found is not None
        return found

    return await space.store.write(work)
