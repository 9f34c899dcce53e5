"""A server on a bare socket that takes messages of every kind of channel, breaks as it is told, and keeps the truth.

``fault_server`` breaks in the ways of an HTTP server; this one in the ways of a network: it resets, falls silent,
drips, floods, and closes idle connections. What it has taken is what a customer would have got.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance.samples import SAMPLE_OF
from tests.support.serving import serving
from tui_inbox.domain.kinds import ChannelKind

CERTIFICATES = Path(__file__).parents[2] / "channels" / "data" / "tls"
"""Key and certificate for 127.0.0.1, a file each: ``self-signed.pem`` is in force, ``expired.pem`` was until 2021."""
FLOOD = 1 << 30
"""Bytes of an answer that is far too long."""
SEND_BUFFER = 1 << 16
KEYED_BY_HEADER = {ChannelKind.CUSTOM}
"""Answer a message whose key is known like the first time."""
NO_LINGER = struct.pack("ii", 1, 0)
"""Closing at once, which the other side sees as a reset."""


@dataclass
class Talk:
    """One connection and the request that came on it."""

    server: RawServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    kind: ChannelKind | None = None
    head: bytes = b""
    body: bytes = b""

    async def read_head(self) -> None:
        """Read up to the empty line, and not further."""
        self.head = await self.reader.readuntil(b"\r\n\r\n")
        self.kind = ChannelKind(self.head.split(b"/", 2)[1].decode())

    async def read_body(self) -> None:
        """Read the rest of the request, and note that it has come in whole."""
        self.body = await self.reader.readexactly(int(self.field("content-length")))
        self.server.whole[self.kind] += 1

    def field(self, name: str) -> str:
        """A header of the request; empty when it is not there."""
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name:
                return value.strip()
        return ""

    async def write(self, data: bytes) -> None:
        """Write, and count what the other side's buffers have taken."""
        self.writer.write(data)
        await self.writer.drain()
        self.server.written += len(data)

    def reset(self) -> None:
        """Break the connection off at once."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the other side has closed."""
        with contextlib.suppress(OSError):
            while await self.reader.read(1 << 16):
                pass

    def take(self) -> bytes:
        """The customer gets the message; the answer to it, which for a key that is known is another."""
        assert self.kind is not None
        sample = SAMPLE_OF[self.kind]
        key = self.field("x-line-retry-key") or (self.field("idempotency-key") if self.kind in KEYED_BY_HEADER else "")
        known = self.server.keys.get(key) if key else None
        if known is not None and self.kind in KEYED_BY_HEADER:
            return reply(200, sample.success(known))
        if known is not None:
            return reply(409, {"message": "The retry key is already accepted", "sentMessages": [{"id": known}]})
        self.server.taken[self.kind].append(sample.text_in(self.body))
        ident = str(sum(map(len, self.server.taken.values())))
        if key:
            self.server.keys[key] = ident
        return reply(200, sample.success(ident))


Fault = Callable[[Talk], Awaitable[None]]
"""What happens on a connection whose request's head has been read."""


async def take(talk: Talk) -> None:
    """No fault at all."""
    await talk.read_body()
    await talk.write(talk.take())


@dataclass
class RawServer:
    """Use :func:`raw_server`."""

    fault: Fault = take
    port: int = 0
    connections: int = 0
    whole: Counter[ChannelKind | None] = field(default_factory=Counter)
    """Requests that came in whole."""
    taken: dict[ChannelKind, list[str]] = field(default_factory=lambda: {kind: [] for kind in ChannelKind})
    keys: dict[str, str] = field(default_factory=dict)
    written: int = 0
    """Bytes of answers that the other side's buffers have taken."""
    heads: list[bytes] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    """What went wrong in the server itself."""

    def base_url(self, kind: ChannelKind) -> str:
        """Address for the settings of a channel of this kind."""
        return f"http://127.0.0.1:{self.port}/{kind.value}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        writer.transport.set_write_buffer_limits(high=0)
        talk = Talk(self, reader, writer)
        try:
            await talk.read_head()
            self.heads.append(talk.head)
            await self.fault(talk)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side has gone, which most faults bring about
        except Exception as error:  # noqa: BLE001 - a defect of the test, told at its end
            self.failures.append(error)
        finally:
            writer.close()


@asynccontextmanager
async def raw_server(context: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """A server on a free port that leaves nothing open."""
    state = RawServer()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await state.handle(reader, writer)
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(
        socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER
    )  # so that what is written is soon what was read
    async with serving(handle, listener=listener, context=context, cancel=True) as state.port:
        yield state
    assert state.failures == []


def certificate(name: str) -> ssl.SSLContext:
    """A server's side of TLS with one of the certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    return context


@contextmanager
def nobody() -> Iterator[int]:
    """A port that refuses connections as long as this lasts."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def full_queue() -> Iterator[int]:
    """A port whose queue of connections is full, so that another one is never answered."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def reply(status: int, body: object = None, *, raw: bytes | None = None, **headers: str) -> bytes:
    """A whole answer; ``Content_Length`` and the like in ``headers`` replace the fitting ones."""
    content = json.dumps(body).encode() if raw is None else raw
    told = {"Content-Type": "application/json", "Content-Length": str(len(content))}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Told", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content
