"""Webhooks as a stand-in posts them: caught, to be handed on as they are, twice, out of order or forged."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.channels.support import answer, read_request
from tests.conformance.sample import Posted
from tests.support.serving import serving


@dataclass
class Catcher:
    """Takes every webhook and keeps it."""

    port: int = 0
    got: list[Posted] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _, body = (await read_request(reader)).partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        headers = dict(line.split(b": ", 1) for line in lines)
        query = urlsplit(first.split(b" ")[1].decode()).query
        self.got.append(Posted(query, {name.decode().lower(): value for name, value in headers.items()}, body))
        writer.write(answer(200, {}))
        await writer.drain()

    def take(self) -> list[Posted]:
        """What has come since the last look."""
        found, self.got = self.got, []
        return found


@contextlib.asynccontextmanager
async def catching() -> AsyncIterator[Catcher]:
    """A catcher on loopback."""
    state = Catcher()
    async with serving(state.handle) as state.port:
        yield state
