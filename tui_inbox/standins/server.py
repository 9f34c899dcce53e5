"""One process that hosts all stand-ins: Starlette on uvicorn, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from tui_inbox.domain.clock import Clock, system_clock
from tui_inbox.standins import control
from tui_inbox.standins.channel import Channel
from tui_inbox.standins.config import StandinConfig
from tui_inbox.standins.platform import Call, Cut, KeepsMail, Reaction, Torn
from tui_inbox.standins.specs import Specs

BODY_MAXIMUM = 40 << 20
"""Bytes of a request; files are among them."""


STOP_TIMEOUT = 1
"""Seconds that requests may still take when the process is to end."""


class Host:
    """The channels of one process and what runs for them in the background."""

    def __init__(self, config: StandinConfig, clock: Clock = system_clock, specs: Specs | None = None) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self.channels = {item.name: Channel(item, config, clock, specs, self._spawn) for item in config.channels}
        if len(self.channels) < len(config.channels):
            raise ValueError("two channels have the same name")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def app(self) -> Starlette:
        """The web application."""
        routes = control.routes(self.channels)
        routes.append(Route("/{path:path}", self._serve, methods=["GET", "POST", "PUT", "DELETE"]))
        return Starlette(routes=routes, lifespan=self._lifespan)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for channel in self.channels.values():
                self._spawn(channel.poster.run())
                if isinstance(channel.platform, KeepsMail):
                    await channel.platform.serve(channel.handle, stack)
            yield
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, request: Request) -> Response:
        path = request.url.path
        fitting = [channel for channel in self.channels.values() if _within(path, channel.config.prefix)]
        if not fitting:
            return JSONResponse({"error": "no channel has this path"}, 404)
        channel = max(fitting, key=lambda item: len(item.config.prefix))
        body = await request.body()
        if len(body) > BODY_MAXIMUM:
            return JSONResponse({"error": "the body is too large"}, 413)
        call = Call(
            method=request.method,
            path=path.removeprefix(channel.config.prefix),
            query=dict(request.query_params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
        )
        return await _respond(request, await channel.handle(call))


def _within(path: str, prefix: str) -> bool:
    return not prefix or path.startswith(f"{prefix}/")


async def _respond(request: Request, reaction: Reaction) -> Response:
    if isinstance(reaction, Cut):
        return await _cut(request)
    if isinstance(reaction, Torn):
        return Response(reaction.content, 200, media_type="application/json")
    if reaction.file is not None:
        return Response(reaction.file.content, reaction.status, media_type=reaction.file.media_type)
    return JSONResponse(reaction.body, reaction.status, dict(reaction.headers))


async def _cut(request: Request) -> Response:
    """Break the connection, then wait until the server has noticed, so that it answers nothing."""
    request.scope["state"]["transport"].abort()
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=500)


class _Protocol(H11Protocol):
    """Hands its transport to the application, which has to cut connections."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


async def run(
    config: StandinConfig,
    *,
    ready: Callable[[int, Host], None] | None = None,
    stop: asyncio.Event | None = None,
    clock: Clock = system_clock,
) -> None:
    """Serve until ``stop`` is set or a signal comes; ``ready`` is called with the port once requests are taken.

    With the environment variable of :mod:`tui_inbox.standins.specs` set, requests are also held against the published
    descriptions. Raises :class:`tui_inbox.domain.errors.UsageError` when that cannot be done, ``OSError`` when the
    port is taken.
    """
    specs = Specs.from_environment()
    if specs is not None:
        await asyncio.to_thread(specs.warm)
    host = Host(config, clock, specs)
    leave = stop or asyncio.Event()
    with socket.create_server((config.host, config.port)) as listener:
        # No logging of requests: an address of Telegram holds the token.
        settings = uvicorn.Config(
            host.app(),
            http=_Protocol,
            ws="none",
            log_config=None,
            access_log=False,
            date_header=False,
            lifespan="on",
            timeout_graceful_shutdown=STOP_TIMEOUT,
        )
        server = _Server(settings, leave)
        server.on_ready = lambda: ready(listener.getsockname()[1], host) if ready is not None else None
        await server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    """Tells when it is ready, and sleeps until it is to leave instead of looking ten times a second."""

    def __init__(self, settings: uvicorn.Config, leave: asyncio.Event) -> None:
        super().__init__(settings)
        self.on_ready: Callable[[], None] = lambda: None
        self._leave = leave
        self._loop = asyncio.get_running_loop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self.started:
            self.on_ready()

    async def main_loop(self) -> None:
        """Until told to leave, or a signal comes."""
        await self._leave.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal."""
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self._leave.set)
