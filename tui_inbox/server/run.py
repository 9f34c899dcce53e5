"""Running the receiver as an HTTP server with limits on everything that a stranger can stretch."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from tui_inbox.domain.errors import UsageError
from tui_inbox.server.receiver import make_receiver
from tui_inbox.services.attachments import AttachmentService
from tui_inbox.services.receiving import ReceivingService
from tui_inbox.services.webchat import ChatService

logger = logging.getLogger(__name__)

HEAD_MAXIMUM = 16 << 10
"""Bytes of a request's head."""
HEAD_SECONDS = 5.0
"""Seconds that a connection may take for the head of a request."""
CONNECTIONS_MAXIMUM = 256
KEEP_ALIVE_SECONDS = 5
LAST_WORDS_SECONDS = 5
"""Seconds that open requests get when the server ends."""


class HasReceiving(Protocol):
    """What the receiver needs of the program's services."""

    @property
    def receiving(self) -> ReceivingService:
        """Takes webhooks in."""

    @property
    def chat(self) -> ChatService:
        """The website chat."""

    @property
    def attachments(self) -> AttachmentService:
        """Files, some of them public."""


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 that hangs up on a connection which does not finish the head of a request in time."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base class does
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_for_head()

    def _wait_for_head(self) -> None:
        self._forget()
        self._patience = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _forget(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        # The base class has no request object before the first head, and a finished one between two requests.
        waiting = not self.cycle or self.cycle.response_complete
        if waiting and not self.transport.is_closing():
            self.transport.close()


class QuietServer(uvicorn.Server):
    """A server that leaves signals to the program and says when it listens."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the entry point."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell whoever waits for it."""
        await super().startup(sockets)
        if self.started:
            self._listening()


async def run_receiver(
    services: HasReceiving,
    host: str,
    port: int,
    *,
    ready: Callable[[int], None],
    stop: asyncio.Event,
) -> None:
    """Serve until ``stop`` is set; ``ready`` gets the port once requests are taken (port 0 = any free one).

    Raises :class:`UsageError` when the address cannot be used.
    """
    app = make_receiver(services.receiving, services.chat, services.attachments, stop=stop)
    await serve(app, host, port, ready=ready, stop=stop)


async def serve(app: ASGIApp, host: str, port: int, *, ready: Callable[[int], None], stop: asyncio.Event) -> None:
    """Serve any application with the receiver's limits until ``stop`` is set."""
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        http=ImpatientProtocol,
        ws="none",
        loop="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=HEAD_MAXIMUM,
        limit_concurrency=CONNECTIONS_MAXIMUM,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=LAST_WORDS_SECONDS,
    )
    server = QuietServer(config, lambda: ready(int(listener.getsockname()[1])))
    ending = asyncio.create_task(_end_on(stop, server))
    try:
        await server.serve(sockets=[listener])
    finally:
        ending.cancel()
        listener.close()


@contextlib.contextmanager
def stop_on_signals(stop: asyncio.Event) -> Iterator[None]:
    """Set ``stop`` on SIGTERM, SIGINT and SIGHUP while inside; for the main thread of a program without a screen."""
    loop = asyncio.get_running_loop()
    caught = [number for name in ("SIGTERM", "SIGINT", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
    for number in caught:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, OverflowError) as error:
        raise UsageError(f"The receiver cannot use host '{host}': {error}. Give another --host.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        told = error.strerror or str(error)
        raise UsageError(f"The receiver cannot listen on {host}:{port}: {told}. Give another --port.") from error
    return listener


async def _end_on(stop: asyncio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True
