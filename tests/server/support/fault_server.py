"""An HTTP server on loopback that takes messages as WhatsApp does, fails as it is told to, and keeps the truth.

What it has taken is what a customer would have got, whatever the sender believes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.serving import serving


@dataclass(frozen=True)
class Taken:
    """A message that the server has taken."""

    message_id: str
    address: str
    text: str


@dataclass
class Reply:
    """What the server does with one request."""

    status: int = 200
    body: object = None
    """``None`` = a fitting success."""
    headers: dict[str, str] = field(default_factory=dict)
    takes: bool = True
    """The customer gets the message."""
    drops: bool = False
    """The connection is closed without an answer."""
    truncates: bool = False
    """The answer breaks off in the middle."""
    before: Callable[[], Awaitable[object]] | None = None
    """Awaited after the request was read and before anything else happens."""


def refusal(code: int, status: int = 400, **headers: str) -> Reply:
    """An error in the form of the Graph API."""
    body = {"error": {"message": f"(#{code}) refused", "type": "OAuthException", "code": code}}
    return Reply(status, body, headers={name.replace("_", "-"): value for name, value in headers.items()}, takes=False)


class FaultServer:
    """Use :func:`fault_server`."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.requests = 0
        self.script: deque[Reply] = deque()
        """Consumed one per request; afterwards everything is taken."""
        self.port = 0
        self.at_once = 0
        self.most_at_once = 0

    @property
    def base_url(self) -> str:
        """Address for the channel's settings."""
        return f"http://127.0.0.1:{self.port}"

    def texts(self) -> list[str]:
        """Texts taken, in order."""
        return [taken.text for taken in self.taken]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection with one request."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):  # the sender was killed
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        message = json.loads(await reader.readexactly(int(fields.get("content-length", "0"))))
        self.requests += 1
        reply = self.script.popleft() if self.script else Reply()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if reply.before is not None:
                await reply.before()
        finally:
            self.at_once -= 1
        if reply.takes:
            self.taken.append(_taken(message))
        if reply.drops:
            return
        answer = reply.body if reply.body is not None else _success(len(self.taken))
        raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        start = (
            f"HTTP/1.1 {reply.status} X\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n{extra}\r\n"
        )
        writer.write(start.encode() + (raw[: len(raw) // 2] if reply.truncates else raw))
        await writer.drain()


def _taken(message: dict[str, Any]) -> Taken:
    text = message.get("text", {}).get("body", "") or message.get("template", {}).get("name", "")
    return Taken(message["biz_opaque_callback_data"], message.get("to", ""), text)


def _success(number: int) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "messages": [{"id": f"wamid.{number}"}]}


@asynccontextmanager
async def fault_server() -> AsyncIterator[FaultServer]:
    """A fault server on a free port."""
    faults = FaultServer()
    async with serving(faults.handle, cancel=True) as faults.port:
        yield faults
