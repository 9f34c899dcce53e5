"""The webhook receiver as a Starlette application: check, verify, store, answer; processing comes afterwards.

The order of the checks is that of the reference (reliability, section 3.2): what can be refused without reading is
refused without reading, the signature is checked on the bytes as they came, and only a committed body is answered with
200. Refusals have an empty body and say nothing about what was wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tui_inbox.channels.port import WebhookRequest, handshake_type_of
from tui_inbox.domain.errors import StoreError
from tui_inbox.server.chat import ChatPages
from tui_inbox.server.chat_limits import Limits
from tui_inbox.server.chat_news import ChatNews
from tui_inbox.server.files import file_routes
from tui_inbox.server.reading import TooLargeError, read_body
from tui_inbox.services.attachments import AttachmentService
from tui_inbox.services.receiving import Hook, ReceivingService
from tui_inbox.services.webchat import ChatService

logger = logging.getLogger(__name__)

READ_SECONDS = 10.0
"""Seconds that a sender may take for the body, however it trickles."""
RETRY_SECONDS = 1.0
"""Seconds between tries to process while the database cannot be used."""
COMPLAINT_SECONDS = 60.0
"""One line about refused signatures per channel and this many seconds."""
PATH_MAXIMUM = 128
"""Characters of the random path segment."""


@dataclass
class Complaints:
    """Counts refused signatures, and says so at most once a minute per channel."""

    clock: Callable[[], float] = time.monotonic
    _since: dict[int, tuple[float, int]] = field(default_factory=dict)

    def note(self, channel_id: int, name: str) -> None:
        """Count one refusal."""
        now = self.clock()
        told_at, unsaid = self._since.get(channel_id, (None, 0))
        if told_at is not None and now - told_at < COMPLAINT_SECONDS:
            self._since[channel_id] = (told_at, unsaid + 1)
            return
        self._since[channel_id] = (now, 0)
        more = f" ({unsaid} more in the minute before)" if unsaid else ""
        logger.warning("channel %s: a webhook with a wrong signature was refused%s", name, more)


class Hooks:
    """ASGI endpoint of all channels."""

    def __init__(
        self, receiving: ReceivingService, work: asyncio.Event, complaints: Complaints, read_seconds: float
    ) -> None:
        self._receiving = receiving
        self._work = work
        self._complaints = complaints
        self._read_seconds = read_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.path_params["path"]
        if request.method not in {"GET", "POST"} or len(path) > PATH_MAXIMUM:
            return _refusal(404)
        try:
            hook = await self._receiving.hook(path)
        except Exception as error:  # noqa: BLE001 - whatever keeps us from looking it up, it must be posted again
            return _unavailable(error)
        if hook is None:
            return _refusal(404)
        return _shake_hands(hook, request) if request.method == "GET" else await self._take(hook, request)

    async def _take(self, hook: Hook, request: Request) -> Response:
        refusal = _refuse_unread(hook, request)
        if refusal is not None:
            return refusal
        try:
            async with asyncio.timeout(self._read_seconds):
                body = await read_body(request, hook.adapter.body_maximum)
        except TooLargeError:
            return _refusal(413)
        except TimeoutError:
            return _refusal(408)
        except ClientDisconnect:
            return _refusal(400)
        posted = _webhook(request, body)
        verified_by = hook.taken_by(posted)
        if verified_by is None:
            self._complaints.note(hook.channel.id, hook.channel.name)
            return _refusal(401)
        try:
            await self._receiving.accept(hook.channel, verified_by, posted)
        except Exception as error:  # noqa: BLE001 - whatever kept it from being stored, it must be posted again
            return _unavailable(error)
        self._work.set()
        answer = hook.adapter.webhook_answer
        return Response(answer.content, media_type=answer.media_type)


def make_receiver(
    receiving: ReceivingService,
    chat: ChatService | None = None,
    attachments: AttachmentService | None = None,
    *,
    stop: asyncio.Event | None = None,
    limits: Limits | None = None,
    read_seconds: float = READ_SECONDS,
    complaint_clock: Callable[[], float] = time.monotonic,
) -> Starlette:
    """The application: ``/hooks/{path}`` for channels, ``/health``, and a background task that processes what came in.

    With ``chat`` also the website chat under ``/chat/{path}``, whose streams end when ``stop`` is set; with
    ``attachments`` also the files that channels fetch from us, under ``/files/{token}``. The tasks run
    while the application's lifespan does; what an earlier run left pending is processed first.
    """
    work = asyncio.Event()
    work.set()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(process_forever(receiving, work))]
        if news is not None:
            tasks += [asyncio.create_task(news.watch()), asyncio.create_task(_end_on(stop or asyncio.Event(), news))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    hooks = Hooks(receiving, work, Complaints(complaint_clock), read_seconds)
    routes = [Route("/hooks/{path}", hooks), Route("/health", _health, methods=["GET"])]
    routes += file_routes(attachments) if attachments is not None else []
    news = ChatNews(chat) if chat is not None else None
    if chat is not None and news is not None:
        routes += ChatPages(chat, news, work, limits or Limits(), read_seconds).routes()
    return Starlette(routes=routes, lifespan=lifespan)


async def _end_on(stop: asyncio.Event, news: ChatNews) -> None:
    await stop.wait()
    news.end()


async def process_forever(receiving: ReceivingService, work: asyncio.Event) -> None:
    """Process stored bodies whenever ``work`` is set; trouble with the database is waited out."""
    while True:
        await work.wait()
        work.clear()
        try:
            await receiving.process_pending()
        except StoreError as error:
            logger.warning("received events wait for the database: %s", error)
        except Exception as error:  # this task must outlive any single mistake; what is pending stays pending
            logger.error("processing received events failed: %s", type(error).__name__, exc_info=error)
        else:
            continue
        await asyncio.sleep(RETRY_SECONDS)
        work.set()


def _refuse_unread(hook: Hook, request: Request) -> Response | None:
    """The refusal that the headers alone deserve."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in hook.adapter.webhook_types:
        return _refusal(415)
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        return _refusal(400)
    if len(length) > 12 or int(length) > hook.adapter.body_maximum:
        return _refusal(413)
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        return _refusal(415)
    return None


def _webhook(request: Request, body: bytes) -> WebhookRequest:
    """The request as adapters see it. A header that comes twice is joined by a comma: no signature can hide there."""
    headers: dict[str, bytes] = {}
    for name, value in request.headers.raw:
        key = name.decode("latin-1").lower()
        headers[key] = headers[key] + b", " + value if key in headers else value
    return WebhookRequest(request.method, dict(request.query_params), headers, body)


def _shake_hands(hook: Hook, request: Request) -> Response:
    answer = hook.greeting(_webhook(request, b""))
    return _refusal(403) if answer is None else Response(answer, media_type=handshake_type_of(hook.adapter))


def _refusal(status: int) -> Response:
    """An empty answer that also ends the connection, since the body may not have been read."""
    return Response(status_code=status, headers={"connection": "close"})


def _unavailable(error: Exception) -> Response:
    logger.error("a webhook could not be stored, its sender has to repeat it: %s", type(error).__name__)
    return _refusal(503)


async def _health(request: Request) -> Response:
    return PlainTextResponse("ok")
