"""The website chat on the bench: no provider stands behind it, so its own service and a browser take the stand-in's
place."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.channels.support import standins
from tests.conformance.bench import NAME, Bench, connect
from tests.conformance.sample import PUBLIC_URL, Posted, Sample
from tests.server.support.workspace import open_workspace
from tui_inbox.channels.webchat import WebChatAdapter
from tui_inbox.domain.attachments import RemoteFile, kind_of
from tui_inbox.domain.chat import ChatSender, ChatVisitor
from tui_inbox.domain.errors import StoreError
from tui_inbox.domain.events import ChannelEvent, Outgoing
from tui_inbox.domain.kinds import Receipt
from tui_inbox.repository.unit import Unit
from tui_inbox.server.receiver import make_receiver
from tui_inbox.services.webchat import ChatService
from tui_inbox.standins.config import StandinConfig


@dataclass
class Mailbox:
    """The chat's own, with things that go wrong."""

    chat: ChatService
    faults: list[dict[str, Any]] = field(default_factory=list)

    async def put(self, channel_id: int, message: Outgoing) -> bool:
        """Lay a message out, unless something goes wrong."""
        fault = self.faults.pop(0) if self.faults else {}
        match fault.get("description", fault.get("kind")):
            case "gone":
                return False
            case "store":
                raise StoreError("the database is locked")
            case "drop":
                await self.chat.put(channel_id, message)
                raise StoreError("the answer was lost")
        return await self.chat.put(channel_id, message)


@dataclass
class ChatBench(Bench):
    """Browsers instead of a stand-in."""

    mailbox: Mailbox = field(kw_only=True)
    said_so_far: int = 0

    async def control(self, action: str, /, **body: Any) -> Any:
        """What a visitor does, and what goes wrong."""
        match action:
            case "fault":
                self.mailbox.faults.append(body)
            case "faults/clear":
                self.mailbox.faults.clear()
            case "say":
                await self._write(body["address"], body["text"], body.get("name", ""))
            case "say_file":
                content = base64.b64decode(body["content"])
                kind = kind_of(body["media_type"])
                file = RemoteFile(kind, "", body["name"], body["media_type"], len(content), content)
                await self._write(body["address"], "", "", file)

    async def _write(self, address: str, text: str, name: str, file: RemoteFile | None = None) -> None:
        visitor = await self._visitor(address, name)
        self.said_so_far += 1
        await self.mailbox.chat.say(self.space.channels[NAME], visitor, f"line-{self.said_so_far:08d}", text, file)

    async def _visitor(self, address: str, name: str = "") -> ChatVisitor:
        channel = self.space.channels[NAME].id

        async def work(unit: Unit) -> ChatVisitor:
            if await unit.chat.by_address(channel, address) is None:
                await unit.chat.add_visitor(channel, address, f"token of {address}", name, self.clock())
            found = await unit.chat.by_address(channel, address)
            assert found is not None
            return found

        return await self.space.store.write(work)

    async def accepted(self) -> list[dict[str, Any]]:
        """What the visitor's browser is to show of agents."""
        visitor = await self._visitor(self.sample.address)
        lines = [line for line in await self.mailbox.chat.after(visitor, 0) if line.sender is ChatSender.AGENT]
        found = []
        for line in lines:
            files = []
            for item in line.files:
                given = await self.mailbox.chat.file(visitor, item.id)
                assert given is not None
                files.append({"media_type": item.media_type, "sha256": hashlib.sha256(given[1]).hexdigest()})
            told = {"address": self.sample.address, "text": line.text, "provider_id": line.key}
            found.append({**told, "tag": "", "template": "", "files": files})
        return found

    async def posted(self) -> list[Posted]:
        """What the receiver has written since the last look: lines of visitors, and what their browsers have seen."""
        visitor = await self._visitor(self.sample.address)
        for receipt in (Receipt.DELIVERED, Receipt.READ):
            await self.mailbox.chat.saw(self.space.channels[NAME], visitor, visitor.last_number, receipt)

        async def take(unit: Unit) -> list[Posted]:
            waiting = await unit.inbound.pending(100)
            for raw in waiting:
                await unit.inbound.mark(raw.id, "processed", now=self.clock())
            return [Posted("", {}, raw.body) for raw in waiting]

        return await self.space.store.write(take)

    async def events(self) -> list[ChannelEvent]:
        """What the adapter makes of them."""
        return [event for item in await self.posted() for event in self.adapter.parse(item.body, self.clock())]

    async def receive(self, *posted: Posted) -> list[int]:
        """Kept as the chat's pages keep it."""
        for item in posted:
            await self.keep(item.body)
        return [200] * len(posted)


@contextlib.asynccontextmanager
async def chat_bench(sample: Sample, folder: Path) -> AsyncIterator[Bench]:
    """A visitor who has come."""
    async with (
        standins(StandinConfig(channels=())) as servers,
        open_workspace(folder, servers.clock, "http://127.0.0.1:9") as space,
    ):
        adapter = sample.adapter(clock=servers.clock)
        assert isinstance(adapter, WebChatAdapter)
        space.channels[NAME] = await connect(space, sample)
        mailbox = Mailbox(space.chat)
        adapter.deliver_into(space.channels[NAME].id, mailbox)
        space.adapters.other[NAME] = adapter
        receiver = make_receiver(space.receiving, space.chat, space.attachments)
        transport = httpx.ASGITransport(app=receiver, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            made = ChatBench(sample, servers, None, space, client, adapter, folder, {}, mailbox=mailbox)  # type: ignore[arg-type]
            made.contact_channel_id = await space.add_contact(sample.address, channel=NAME)
            await made._visitor(sample.address, "Ana Silva")
            yield made
