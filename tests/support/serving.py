"""A server on loopback that leaves nothing open, whatever its clients did."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ACCEPTING = "BaseSelectorEventLoop._accept_connection2"
"""The loop's own task between taking a connection and telling the server of it."""


@asynccontextmanager
async def serving(
    handler: Handler,
    *,
    listener: socket.socket | None = None,
    context: ssl.SSLContext | None = None,
    cancel: bool = False,
) -> AsyncIterator[int]:
    """Serve with ``handler``; gives the port. At the end every connection is closed, also one that a client has left
    before its handler began; ``cancel``: without waiting for what the handler still does."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(handle(reader, writer)))

    listener = listener or socket.create_server(("127.0.0.1", 0), backlog=256)
    server = await asyncio.start_server(connected, sock=listener, ssl=context)
    try:
        yield listener.getsockname()[1]
    finally:
        server.close()
        while accepting := [task for task in asyncio.all_tasks() if ACCEPTING in repr(task)]:
            await asyncio.wait(accepting)
        await asyncio.sleep(0)  # a task that is cancelled before it begins would close nothing
        for task in tasks if cancel else ():
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
