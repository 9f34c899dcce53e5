"""A small workspace in a real store: WhatsApp and Instagram channels, contacts, queued messages."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.conformance.samples import SAMPLE_OF
from tests.support.template import put
from tui_inbox.channels.port import ChannelAdapter, Secrets
from tui_inbox.channels.registry import build_adapter
from tui_inbox.channels.webchat import Mailbox
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.ids import new_id
from tui_inbox.domain.kinds import ChannelKind, ContentKind, DeliveryState, Role
from tui_inbox.domain.models import Channel, OutboxRow
from tui_inbox.domain.templates import TemplateContent
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.outbox import NewOutgoing
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit
from tui_inbox.services.attachments import AttachmentService
from tui_inbox.services.context import Context
from tui_inbox.services.delivery import DeliveryService
from tui_inbox.services.fetching import FetchingService
from tui_inbox.services.receiving import ReceivingService
from tui_inbox.services.webchat import ChatService

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NUMBER_ID = SAMPLE_OF[ChannelKind.WHATSAPP].config["phone_number_id"]
SECRETS = {"token": "tok", "app_secret": "app-secret", "verify_token": "verify-me", "webhook_secret": "hook-secret"}


class SetClock:
    """A clock that stands where it is put."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        """Move on."""
        self.now += timedelta(**span)


@dataclass
class Adapters:
    """Real adapters; ``locked`` names channels whose secrets are missing, ``other`` replaces one by channel name.

    ``before``: those with former secrets."""

    locked: set[str] = field(default_factory=set)
    other: dict[str, ChannelAdapter] = field(default_factory=dict)
    before: dict[str, ChannelAdapter] = field(default_factory=dict)
    mailbox: Mailbox | None = None

    def get(self, channel: Channel) -> ChannelAdapter:
        """The adapter of a channel."""
        if channel.name in self.locked:
            raise UsageError(f"Channel '{channel.name}' has no token.")
        return self.other.get(channel.name) or build_adapter(channel, Secrets(SECRETS), mailbox=self.mailbox)

    def former(self, channel: Channel) -> ChannelAdapter | None:
        """The adapter with the secrets of before."""
        return self.before.get(channel.name)


@dataclass
class Workspace:
    """Everything that a test of sending and receiving needs."""

    store: Store
    clock: Callable[[], datetime]
    base_url: str
    adapters: Adapters = field(default_factory=Adapters)
    context: Context = field(init=False)
    agent_id: int = 0
    channels: dict[str, Channel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context = Context(self.store, self.clock, rng=random.Random(7))
        self.adapters.mailbox = self.chat

    @property
    def receiving(self) -> ReceivingService:
        """A receiving service."""
        return ReceivingService(self.context, self.adapters)

    @property
    def chat(self) -> ChatService:
        """The website chat."""
        return ChatService(self.context)

    @property
    def attachments(self) -> AttachmentService:
        """Files, as agents handle them."""
        return AttachmentService(self.context)

    @property
    def fetching(self) -> FetchingService:
        """What brings files in."""
        return FetchingService(self.context, self.adapters)

    def sender(self, worker: str = "sender", **options: Any) -> DeliveryService:
        """A sender in this process."""
        return DeliveryService(self.context, self.adapters, worker, **options)

    async def add_channel(
        self,
        name: str = "wa",
        kind: ChannelKind = ChannelKind.WHATSAPP,
        override: dict[str, Any] | None = None,
        **more: str,
    ) -> Channel:
        """Connect an account to the fault server; ``more`` settings."""
        config = {**(SAMPLE_OF[kind].config if kind in SAMPLE_OF else {}), "base_url": self.base_url, **more}

        async def work(unit: Unit) -> Channel:
            added = await unit.directory.add_channel(name, kind, config, override or {}, f"path-{name}")
            found = await unit.directory.channel_by_id(added)
            assert found is not None
            return found

        self.channels[name] = await self.store.write(work)
        return self.channels[name]

    async def add_contact(
        self, address: str = "+358401234567", *, wrote: timedelta | None = timedelta(hours=1), channel: str = "wa"
    ) -> int:
        """A contact on a channel who wrote ``wrote`` ago (``None`` = never); returns the contact channel's id."""
        now, channel_id = self.clock(), self.channels[channel].id

        async def work(unit: Unit) -> int:
            contact_id = await unit.contacts.add(NewContact(first_name="Ana", phone=address), now)
            added = await unit.contacts.add_channel(contact_id, channel_id, address, started=True, now=now)
            if wrote is not None:
                at = now - wrote
                await unit.contacts.record_inbound(added, qualifying_at=at, inbound_at=at)
            return added

        return await self.store.write(work)

    async def queue(
        self,
        contact_channel_id: int,
        text: str = "hello",
        *,
        template: str = "",
        tag: str = "",
        due_in: float = 0,
        files: Sequence[int] = (),
    ) -> str:
        """Queue a message as sending does, ``files`` being in the agent's composer; returns its id."""
        now, message_id = self.clock(), new_id(self.clock())
        filled = TemplateContent(template, "en", rendered=text) if template else None

        async def work(unit: Unit) -> None:
            target = await unit.contacts.channel(contact_channel_id)
            assert target is not None
            kind = ContentKind.TEMPLATE if template else ContentKind.TEXT
            seq = await unit.timeline.add_outgoing(
                message_id=message_id,
                contact_id=target.contact_id,
                contact_channel_id=target.id,
                channel_id=target.channel.id,
                at=now,
                author_id=self.agent_id,
                body=text,
                content_kind=kind,
                tag=tag,
                detail={"files": len(files)} if files else {},
            )
            for ident in files:
                assert await unit.attachments.give(self.agent_id, ident, message_id, seq)
            await unit.outbox.queue(
                NewOutgoing(
                    message_id=message_id,
                    contact_id=target.contact_id,
                    contact_channel_id=target.id,
                    channel_id=target.channel.id,
                    content_kind=kind,
                    body=text,
                    template=filled,
                    tag=tag,
                    idempotency_key=message_id,
                    draft_id=None,
                    client_key=None,
                    due_at=now + timedelta(seconds=due_in),
                    queued_by_id=self.agent_id,
                    created_at=now,
                )
            )
            await unit.contacts.record_outbound(target.id, now)

        await self.store.write(work)
        return message_id

    async def row(self, message_id: str) -> OutboxRow:
        """A message as it stands."""
        async with self.store.read() as unit:
            found = await unit.outbox.get(message_id)
        assert found is not None
        return found

    async def state(self, message_id: str) -> DeliveryState:
        """The state of a message."""
        return (await self.row(message_id)).state

    async def channel(self, name: str = "wa") -> Channel:
        """A channel as it stands."""
        async with self.store.read() as unit:
            found = await unit.directory.channel(name)
        assert found is not None
        return found

    async def sent_since(self, contact_channel_id: int) -> int:
        """How many messages count against the channel's limit."""
        async with self.store.read() as unit:
            found = await unit.contacts.channel(contact_channel_id)
        assert found is not None
        return found.facts.sent_since_inbound


@asynccontextmanager
async def open_workspace(place: Path | str, clock: Callable[[], datetime], base_url: str) -> AsyncIterator[Workspace]:
    """A workspace with one agent and a WhatsApp channel named ``wa``, in a folder or a database that is named."""
    database = place if isinstance(place, str) else str(put(place / "inbox.db"))
    store = await Store.open(database, clock=clock)
    try:
        workspace = Workspace(store, clock, base_url)
        workspace.agent_id = await store.write(lambda unit: unit.directory.add_agent("ana", "Ana", Role.AGENT))
        await workspace.add_channel()
        yield workspace
    finally:
        await store.close()


async def eventually(condition: Callable[[], Any], *, within: float = 60.0) -> None:
    """Wait until ``condition`` (plain or async) holds, looking often; fail when it does not in time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        assert loop.time() < end, "waited in vain"
        await asyncio.sleep(0.02)
