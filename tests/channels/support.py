"""Loopback servers and shorthands for the tests of channels and stand-ins."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.conformance.samples import SAMPLE_OF
from tests.support.serving import serving
from tui_inbox.channels.http import Http, HttpReply
from tui_inbox.channels.port import ChannelAdapter, Secrets
from tui_inbox.channels.registry import build_adapter
from tui_inbox.domain.events import Outgoing
from tui_inbox.domain.kinds import ChannelKind, ContentKind
from tui_inbox.domain.models import Channel
from tui_inbox.standins.config import ChannelConfig, MemberConfig, StandinConfig, TemplateConfig
from tui_inbox.standins.server import Host, run

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KINDS = (ChannelKind.TELEGRAM, ChannelKind.WHATSAPP, ChannelKind.INSTAGRAM, ChannelKind.LINE)
"""Channels whose details are tested here; what all channels share is in ``tests/conformance``."""
TOKENS = {kind: SAMPLE_OF[kind].secrets["token"] for kind in KINDS}
CONFIG: dict[ChannelKind, dict[str, Any]] = {kind: dict(SAMPLE_OF[kind].config) for kind in KINDS}
ADDRESS = {kind: SAMPLE_OF[kind].address for kind in KINDS}
MESSAGE_ID = "01900000-0000-7000-8000-000000000001"
KEY = "5a0b3c6e-59a4-4d6c-9a44-0e6a1f0f2b11"


def adapter(kind: ChannelKind, base_url: str = "", *, http: Http | None = None, **secrets: str) -> ChannelAdapter:
    """An adapter with complete settings."""
    values = {"token": TOKENS[kind], "app_secret": "app-secret", "verify_token": "verify", "webhook_secret": "hook"}
    channel = Channel(1, "main", kind, {**CONFIG[kind], **({"base_url": base_url} if base_url else {})})
    return build_adapter(channel, Secrets({**values, **secrets}), http=http)


def outgoing(kind: ChannelKind, text: str = "hello", **changes: Any) -> Outgoing:
    """A text to the usual customer."""
    values: dict[str, Any] = {"address": ADDRESS[kind], "content_kind": ContentKind.TEXT, "text": text}
    values["idempotency_key"] = KEY
    return Outgoing(message_id=MESSAGE_ID, **{**values, **changes})


def text_to(address: str, text: str = "hello") -> Outgoing:
    """A text to somebody."""
    return Outgoing(MESSAGE_ID, address, ContentKind.TEXT, text, idempotency_key=KEY)


async def allow() -> None:
    """A guard that lets the message go."""


@dataclass
class Loopback:
    """A server on loopback that answers what it is told, byte by byte, and keeps what it got."""

    answers: list[bytes]
    port: int = 0
    got: list[bytes] = field(default_factory=list)
    connections: int = 0
    hold: asyncio.Event | None = None
    """When set: wait for it before answering."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            request = await read_request(reader)
            self.got.append(request)
            if request:
                if self.hold is not None:
                    await self.hold.wait()
                writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
                await writer.drain()
        except OSError:
            pass  # the client has gone


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = b""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head + await reader.readexactly(length)


@contextlib.asynccontextmanager
async def loopback(*answers: bytes, hold: asyncio.Event | None = None) -> AsyncIterator[Loopback]:
    """A scripted server; the last answer is repeated."""
    state = Loopback(list(answers) or [answer(200, {})], hold=hold)
    async with serving(state.handle) as state.port:
        try:
            yield state
        finally:
            if hold is not None:
                hold.set()


def answer(status: int, body: object = None, *, raw: bytes | None = None, **headers: str) -> bytes:
    """A whole HTTP answer."""
    content = json.dumps(body).encode() if raw is None else raw
    lines = [f"HTTP/1.1 {status} Told", "Content-Type: application/json", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


@dataclass
class Sink:
    """A receiver of webhooks: keeps them, and answers with the statuses given, then 200."""

    statuses: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, bytes], bytes]] = field(default_factory=list)
    port: int = 0
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader)
        head, _, body = request.partition(b"\r\n\r\n")
        headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        status = self.statuses.pop(0) if self.statuses else 200
        writer.write(answer(status, {}))
        await writer.drain()
        if status == 200:
            async with self.arrived:
                self.got.append(({name.decode().lower(): value for name, value in headers.items()}, body))
                self.arrived.notify_all()

    async def wait_for(self, count: int) -> list[tuple[dict[str, bytes], bytes]]:
        """The first ``count`` webhooks, once they are there."""
        async with asyncio.timeout(20), self.arrived:
            await self.arrived.wait_for(lambda: len(self.got) >= count)
        return self.got[:count]


@contextlib.asynccontextmanager
async def sink(*statuses: int) -> AsyncIterator[Sink]:
    """A receiver on loopback."""
    state = Sink(list(statuses))
    async with serving(state.handle) as state.port:
        yield state


FOLLOW_UP: Sequence[dict[str, Any]] = (
    {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"},
    {"type": "BODY", "text": "Hello {{1}}, your case {{2}} is waiting for you."},
    {"type": "FOOTER", "text": "Demo shop"},
    {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Open", "url": "https://shop.example/{{1}}"}]},
)
TEMPLATES = (
    TemplateConfig(name="follow_up", language="en_US", components=FOLLOW_UP),
    TemplateConfig(name="hello", language="en", components=({"type": "BODY", "text": "Hello there!"},)),
    TemplateConfig(
        name="named",
        language="en",
        parameter_format="NAMED",
        components=({"type": "BODY", "text": "Dear {{first_name}}, order {{order_id}} is ready."},),
    ),
    TemplateConfig(name="paused", language="en", status="PAUSED", components=({"type": "BODY", "text": "x"},)),
    TemplateConfig(name="disabled", language="en", status="DISABLED", components=({"type": "BODY", "text": "x"},)),
    TemplateConfig(name="pending", language="en", status="PENDING", components=({"type": "BODY", "text": "x"},)),
)


def standin_config(webhook_url: str = "", **changes: Any) -> StandinConfig:
    """All channels, each with the usual customer, who wrote at :data:`NOW`."""
    channels = [
        ChannelConfig(
            name=kind.value,
            kind=kind,
            prefix=f"/{kind.value}",
            token=TOKENS[kind],
            app_secret="app-secret",
            webhook_secret="hook",
            webhook_url=webhook_url,
            templates=TEMPLATES if kind is ChannelKind.WHATSAPP else (),
            members=(MemberConfig(address=ADDRESS[kind], name="Ana Silva", last_inbound_at=NOW),),
            settings=CONFIG[kind],
        )
        for kind in TOKENS
    ]
    return StandinConfig(channels=channels, **{"receipts": False, "receipt_delay": 0, **changes})


@dataclass
class Clockwork:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Standins:
    """Stand-ins that run in the loop of the test."""

    host: Host
    port: int
    clock: Clockwork

    def base(self, kind: ChannelKind) -> str:
        return f"http://127.0.0.1:{self.port}/{kind.value}"

    async def control(self, kind: ChannelKind, action: str, /, **body: Any) -> Any:
        """A call of the control API for the channel named like its kind; the answer's JSON."""
        return await self.call(kind.value, action, **body)

    async def ask(self, kind: ChannelKind, what: str) -> Any:
        """A question to the control API for the channel named like its kind."""
        return await self.look(kind.value, what)

    async def call(self, name: str, action: str, /, **body: Any) -> Any:
        """A call of the control API; the answer's JSON."""
        reply = await Http().post_json(f"http://127.0.0.1:{self.port}/_standin/{name}/{action}", {}, body)
        assert isinstance(reply, HttpReply), reply
        assert reply.status == 200, reply
        return reply.body

    async def look(self, name: str, what: str) -> Any:
        """A question to the control API."""
        reply = await Http().get_json(f"http://127.0.0.1:{self.port}/_standin/{name}/{what}", {})
        assert isinstance(reply, HttpReply), reply
        return reply.body


@contextlib.asynccontextmanager
async def standins(config: StandinConfig) -> AsyncIterator[Standins]:
    """The stand-ins on a free port, with a clock that the test moves."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[tuple[int, Host]] = loop.create_future()
    stop, clock = asyncio.Event(), Clockwork()
    task = asyncio.create_task(
        run(config, ready=lambda port, host: ready.set_result((port, host)), stop=stop, clock=clock)
    )
    waiting: set[asyncio.Future[Any]] = {task, ready}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if not ready.done():
        await task
    port, host = ready.result()
    try:
        yield Standins(host, port, clock)
    finally:
        stop.set()
        await task
