"""A server that stands for four channels, goes wrong as told or by chance, and keeps the truth.

What it has accepted is what the customers got, whatever senders believe. WhatsApp and Instagram report it back by
webhook, LINE knows its retry key, Telegram says nothing afterwards.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

HANGS = 3.0
"""Seconds that a silent server holds a request; longer than a sender waits in these scenarios."""


@dataclass(frozen=True)
class Accepted:
    """A message that a customer got."""

    channel: str
    address: str
    text: str
    at: float
    """Unix time."""
    provider_id: str
    echo: str
    """Our own id of the message, where the channel is told it."""


@dataclass
class Fault:
    """What becomes of one request."""

    name: str = ""
    accepts: bool = True
    status: int = 200
    headers: str = ""
    resets: bool = False
    """The connection is reset instead of answered."""
    truncates: bool = False
    waits: float = 0.0
    """Seconds between accepting and answering."""
    hold: Callable[[], Awaitable[object]] | None = None
    """Awaited between accepting and answering."""


USUAL = (0.02, 0.2)
"""Seconds that an answer takes while nothing is wrong, as it does over a real network."""
CHANCES: tuple[tuple[float, Callable[[random.Random], Fault]], ...] = (
    (0.03, lambda _: Fault("reset before accepting", accepts=False, resets=True)),
    (0.04, lambda _: Fault("dropped after accepting", resets=True)),
    (0.02, lambda _: Fault("truncated answer", truncates=True)),
    (0.02, lambda _: Fault("500, not accepted", accepts=False, status=500)),
    (0.01, lambda _: Fault("503, accepted", status=503)),
    (0.005, lambda _: Fault("429", accepts=False, status=429, headers="Retry-After: 1\r\n")),
    (0.06, lambda rng: Fault("slow", waits=rng.uniform(0.05, 0.6))),
    (0.01, lambda _: Fault("silent after accepting", waits=HANGS)),
)
"""How often a request meets which trouble."""


@dataclass
class Request:
    """One request, read to its end."""

    channel: str
    address: str
    text: str
    echo: str
    key: str
    peer: int
    """Port on which the sender's side of the connection is."""


@dataclass
class Truth:
    """Use :func:`truth_server`."""

    rng: random.Random
    faulty: bool = False
    """Go wrong by chance."""
    port: int = 0
    accepted: list[Accepted] = field(default_factory=list)
    requests: int = 0
    repeats: int = 0
    """Requests with a key that was accepted before: answered, and not accepted again."""
    faults: Counter[str] = field(default_factory=Counter)
    script: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    """By text: what becomes of the next requests with it, before chance has its say."""
    told: Callable[[Accepted], None] = lambda _: None
    """Called with everything that is accepted."""
    seen: Callable[[Request], None] = lambda _: None
    """Called with every request that was read."""
    at_once: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Requests of a channel and address that are being served."""
    most_at_once: int = 0
    _by_text: dict[str, list[Accepted]] = field(default_factory=lambda: defaultdict(list))
    _by_key: dict[str, Accepted] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """Address for the settings of channels."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def serving(self) -> int:
        """Requests that are being served."""
        return self.at_once.total()

    def got(self, text: str) -> list[Accepted]:
        """Every time that the customer got this text."""
        return self._by_text[text]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection with one request."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # the sender was killed
            request = await _read(reader, writer)
            place = (request.channel, request.address)
            self.at_once[place] += 1
            self.most_at_once = max(self.most_at_once, self.at_once[place])
            try:
                await self._serve(request, writer)
            finally:
                self.at_once[place] -= 1
        writer.close()

    async def _serve(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.requests += 1
        self.seen(request)
        fault = self._fault(request.text)
        self.faults[fault.name] += 1
        known = self._by_key.get(request.key) if request.key else None
        repeated = known is not None
        if repeated:
            self.repeats += 1
        elif fault.accepts:
            known = self._accept(request)
        if fault.hold is not None:
            await fault.hold()
        if fault.waits:
            await asyncio.sleep(fault.waits)
        if fault.resets:
            _reset(writer)
            return
        status = 409 if repeated and fault.status == 200 else fault.status
        raw = json.dumps(_answer(request, known, status)).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n{fault.headers}"
        writer.write(f"{head}\r\n".encode() + (raw[: len(raw) // 2] if fault.truncates else raw))
        await writer.drain()

    def _fault(self, text: str) -> Fault:
        if self.script[text]:
            return self.script[text].pop(0)
        draw = self.rng.random() if self.faulty else 1.0
        for chance, make in CHANCES:
            draw -= chance
            if draw < 0:
                return make(self.rng)
        return Fault(waits=self.rng.uniform(*USUAL) if self.faulty else 0.0)

    def _accept(self, request: Request) -> Accepted:
        number = len(self.accepted) + 1
        accepted = Accepted(
            request.channel, request.address, request.text, time.time(), f"{request.channel}.{number}", request.echo
        )
        self.accepted.append(accepted)
        self._by_text[request.text].append(accepted)
        if request.key:
            self._by_key[request.key] = accepted
        self.told(accepted)
        return accepted


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    path = head[0].split(" ")[1]
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = json.loads(await reader.readexactly(int(fields.get("content-length", "0"))))
    peer = int(writer.get_extra_info("peername")[1])
    return Request(*_content(path, body), fields.get("x-line-retry-key", ""), peer)


def _content(path: str, body: dict[str, Any]) -> tuple[str, str, str, str]:
    """Channel, address, text and our own id."""
    if path.endswith("/sendMessage"):
        return "tg", str(body["chat_id"]), body["text"], ""
    if path.endswith("/message/push"):
        return "line", body["to"], body["messages"][0]["text"], ""
    if "recipient" in body:
        return "ig", body["recipient"]["id"], body["message"]["text"], body["message"]["metadata"]
    return "wa", body["to"], body["text"]["body"], body["biz_opaque_callback_data"]


def _answer(request: Request, accepted: Accepted | None, status: int) -> dict[str, Any]:
    ident = accepted.provider_id if accepted is not None else ""
    number = ident.rpartition(".")[2]
    if request.channel == "line":
        sent = {"sentMessages": [{"id": ident, "quoteToken": "q"}]} if ident else {}
        told = {"message": "The retry key is already accepted"} if status == 409 else {}
        return {**told, **sent} if status in (200, 409) else {"message": "trouble"}
    if request.channel == "tg":
        if status != 200:
            wait = {"parameters": {"retry_after": 1}} if status == 429 else {}
            return {"ok": False, "error_code": status, "description": "trouble", **wait}
        return {"ok": True, "result": {"message_id": int(number), "chat": {"id": int(request.address)}}}
    if status != 200:
        code = 80007 if status == 429 else 131000
        return {"error": {"message": "trouble", "type": "OAuthException", "code": code}}
    if request.channel == "ig":
        return {"recipient_id": request.address, "message_id": ident}
    return {"messaging_product": "whatsapp", "messages": [{"id": ident}]}


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset instead of an end."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def truth_server(seed: int = 1) -> AsyncIterator[Truth]:
    """A truth server on a free port."""
    truth = Truth(random.Random(seed))
    server = await asyncio.start_server(truth.handle, "127.0.0.1", 0, backlog=256)
    truth.port = server.sockets[0].getsockname()[1]
    async with server:
        yield truth
