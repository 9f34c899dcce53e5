"""A workspace that receives: posting webhooks and looking at what they did."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from tests.server.support import posts
from tests.server.support.workspace import SetClock, Workspace
from tui_inbox.domain.kinds import Direction
from tui_inbox.domain.models import Contact, ContactChannel, Conversation, TimelineEntry
from tui_inbox.services.receiving import Hook


@dataclass
class Inbox:
    """A workspace with WhatsApp, Instagram and Telegram, seen from outside."""

    space: Workspace
    clock: SetClock

    async def post(self, *bodies: bytes, channel: str = "wa") -> int:
        """Receive bodies and process them."""
        for body in bodies:
            hook = await self.hook(channel)
            await self.space.receiving.accept(hook.channel, hook.adapter, posts.posted(body))
        return await self.space.receiving.process_pending()

    async def hook(self, channel: str = "wa") -> Hook:
        """Where a channel posts to."""
        found = await self.space.receiving.hook(self.space.channels[channel].webhook_path)
        assert found is not None
        return found

    async def find(self, address: str = f"+{posts.ANA}", channel: str = "wa") -> ContactChannel:
        """The contact channel at an address."""
        async with self.space.store.read() as unit:
            found = await unit.contacts.by_address(self.space.channels[channel].id, address)
        assert found is not None
        return found

    async def contact(self, address: str = f"+{posts.ANA}", channel: str = "wa") -> Contact:
        """The contact at an address."""
        target = await self.find(address, channel)
        async with self.space.store.read() as unit:
            found = await unit.contacts.get(target.contact_id)
        assert found is not None
        return found

    async def conversation(self, contact_id: int) -> Conversation:
        """A conversation as it stands."""
        async with self.space.store.read() as unit:
            return await unit.conversations.get(contact_id)

    async def thread(self, contact_id: int) -> list[TimelineEntry]:
        """The whole thread."""
        async with self.space.store.read() as unit:
            return await unit.timeline.page(contact_id, limit=500)

    async def said(self, contact_id: int) -> list[str]:
        """What the customer wrote, in the order of the thread."""
        return [entry.body for entry in await self.thread(contact_id) if entry.direction is Direction.INBOUND]

    async def put(self, contact_id: int, **fields: object) -> None:
        """Change a conversation as an agent would."""
        before = await self.conversation(contact_id)
        after = dataclasses.replace(before, **fields)  # type: ignore[arg-type]  # the test names the fields
        await self.space.store.write(lambda unit: unit.conversations.save(before, after))

    async def statuses(self) -> list[tuple[str, str]]:
        """Status and error of every body, oldest first."""
        async with self.space.store.read() as unit:
            return [(raw.status, raw.error) for raw in reversed(await unit.inbound.recent(100))]
