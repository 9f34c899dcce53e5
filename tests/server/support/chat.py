"""A running website chat, and a visitor that talks to it over HTTP as a browser does."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.server.support.inbox import Inbox
from tests.server.support.workspace import SetClock, Workspace, eventually, open_workspace
from tui_inbox.domain.kinds import ChannelKind, DeliveryState
from tui_inbox.server.receiver import make_receiver
from tui_inbox.server.run import serve

SHOP = "https://shop.example"
PATH = "path-chat"


@dataclass
class Visitor:
    """One browser."""

    http: httpx.AsyncClient
    token: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)
    """What the stream has brought, over all connections."""

    @property
    def headers(self) -> dict[str, str]:
        """What it shows."""
        return {"Authorization": f"Bearer {self.token}"}

    async def come(self, name: str = "") -> Visitor:
        """Become a visitor."""
        answer = await self.http.post("visitors", json={"name": name})
        assert answer.status_code == 201, answer.text
        self.token = answer.json()["token"]
        return self

    async def say(self, text: str, ident: str) -> httpx.Response:
        """Send a message under an id."""
        return await self.http.post("messages", json={"id": ident, "text": text}, headers=self.headers)

    async def saw(self, upto: int, state: str) -> httpx.Response:
        """Send a receipt."""
        return await self.http.post("receipts", json={"upto": upto, "state": state}, headers=self.headers)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """A stream that begins after the last line that came; broken off at the end."""
        last = self.lines[-1]["number"] if self.lines else 0
        ready = asyncio.Event()
        task = asyncio.create_task(self._listen(last, ready))
        await asyncio.wait_for(ready.wait(), 10)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _listen(self, last: int, ready: asyncio.Event) -> None:
        headers = {**self.headers, "Last-Event-ID": str(last)}
        async with self.http.stream("GET", "events", headers=headers, timeout=60) as answer:
            assert answer.status_code == 200, answer.status_code
            async for line in answer.aiter_lines():
                ready.set()
                if line.startswith("data: "):
                    self.lines.append(json.loads(line[6:]))

    async def got(self, *texts: str) -> None:
        """Wait until the stream has brought exactly these texts, numbered without gaps."""
        await eventually(lambda: len(self.lines) >= len(texts))
        assert [line["text"] for line in self.lines] == list(texts)
        assert [line["number"] for line in self.lines] == list(range(1, len(texts) + 1))


@dataclass
class Website:
    """A chat that is served on a port of this machine."""

    space: Workspace
    inbox: Inbox
    http: httpx.AsyncClient
    limits: dict[str, Any]
    port: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    server: asyncio.Task[None] | None = None

    async def up(self) -> None:
        """Begin to serve; after :meth:`down` on the same port."""
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.stop = asyncio.Event()
        app = make_receiver(self.space.receiving, self.space.chat, stop=self.stop, **self.limits)
        self.server = asyncio.create_task(serve(app, "127.0.0.1", self.port, ready=ready.set_result, stop=self.stop))
        self.port = await asyncio.wait_for(ready, 10)
        self.http.base_url = httpx.URL(f"{self.url}/")

    async def down(self) -> None:
        """End the server, and with it every connection."""
        self.stop.set()
        if self.server is not None:
            await asyncio.wait_for(self.server, 10)

    @property
    def url(self) -> str:
        """Address of its page."""
        return f"http://127.0.0.1:{self.port}/chat/{PATH}"

    def visitor(self) -> Visitor:
        """A new browser."""
        return Visitor(self.http)

    async def address_of(self, visitor: Visitor) -> str:
        """A visitor's address as a contact channel."""
        known = await self.space.chat.visitor(self.space.channels["chat"], visitor.token)
        assert known is not None
        return known.address

    async def answer(self, address: str, text: str, files: Sequence[int] = ()) -> tuple[str, DeliveryState]:
        """An agent's message to a visitor, sent by a sender; returns its id and what became of it."""
        target = await self.inbox.find(address, "chat")
        message_id = await self.space.queue(target.id, text, files=files)
        sender = self.space.sender()
        while await sender.run_once():
            pass
        return message_id, await self.space.state(message_id)

    async def shows(self, address: str, *texts: str) -> None:
        """Wait until the agent sees exactly these messages of the visitor."""

        async def seen() -> bool:
            async with self.space.store.read() as unit:
                known = await unit.contacts.by_address(self.space.channels["chat"].id, address)
            return known is not None and len(await self.inbox.said(known.contact_id)) >= len(texts)

        await eventually(seen)
        contact = await self.inbox.contact(address, "chat")
        assert await self.inbox.said(contact.id) == list(texts)


@contextlib.asynccontextmanager
async def website(path: Path, **limits: Any) -> AsyncIterator[Website]:
    """A chat called ``chat`` that the website :data:`SHOP` may embed."""
    clock = SetClock()
    async with open_workspace(path, clock, "http://127.0.0.1:9") as space:
        await space.add_channel(
            "chat", ChannelKind.WEBCHAT, origins=f"{SHOP}, https://www.shop.example/", title="A & B"
        )
        async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
            site = Website(space, Inbox(space, clock), http, limits)
            await site.up()
            try:
                yield site
            finally:
                await site.down()
