"""The website chat over HTTP, under ``/chat/PATH/``: a page, a script, and four calls.

=====================  ===========================================================================================
``GET /``              a page with nothing but the chat on it
``GET widget.js``      the script, for the page and for websites
``POST visitors``      ``{"name", "email"}`` → 201 ``{"token"}``: a new visitor
``POST email``         ``{"email"}`` → 204: where the visitor can be reached when they are away
``POST messages``      ``{"id", "text"}`` → 200 ``{"number"}``; the same ``id`` again is the same message
``POST files``         a file as it is, its ``X-Message-Id`` and ``X-File-Name`` (in percent) in the head → the same
``GET files/ID``       a file that an agent has sent to this visitor
``GET events``         the lines after ``Last-Event-ID``, then each new one, as server-sent events
``POST receipts``      ``{"upto", "state"}``: the browser has (``delivered``) or has shown (``read``) our lines
=====================  ===========================================================================================

All but the first three want ``Authorization: Bearer TOKEN``. Browsers may ask from the chat's own page and from the
websites that the channel names."""

from __future__ import annotations

import asyncio
import html
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tui_inbox.channels import payload
from tui_inbox.channels.email_reading import is_address
from tui_inbox.channels.port import PayloadError
from tui_inbox.channels.webchat import NAME_MAXIMUM, TEXT_MAXIMUM, origins_of
from tui_inbox.domain.attachments import RULES, UNKNOWN_TYPE, RemoteFile, kind_of, name_for, plain_name
from tui_inbox.domain.chat import ChatLine, ChatVisitor
from tui_inbox.domain.errors import StoreError
from tui_inbox.domain.kinds import ChannelKind, Receipt
from tui_inbox.domain.models import Channel
from tui_inbox.server.chat_limits import Limits
from tui_inbox.server.chat_news import ChatNews
from tui_inbox.server.files import file_response
from tui_inbox.server.reading import TooLargeError, read_body
from tui_inbox.services.webchat import ChatService

logger = logging.getLogger(__name__)

BODY_MAXIMUM = 64 << 10
"""Bytes; the longest text takes 40 KB."""
FILE_MAXIMUM = RULES[ChannelKind.WEBCHAT].largest["document"]
"""Bytes of a visitor's file."""
FILE_PATIENCE = 6
"""So many times as long as a message a file may take."""
MEDIA_TYPE = re.compile(r"[a-z]{1,30}/[a-z0-9.+-]{1,80}")
READ_SECONDS = 10.0
STREAM_SECONDS = 900.0
"""A stream ends after this time, and the browser comes back: who is not allowed in any more is out then."""
BEAT_SECONDS = 15.0
"""Between two signs of life, so that nobody on the way takes a quiet stream for a dead one."""
KEY = re.compile(r"[A-Za-z0-9-]{8,64}")
STATES = {"delivered": Receipt.DELIVERED, "read": Receipt.READ}
NO_STORE = {"Cache-Control": "no-store"}
PLAIN = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


class RefusedError(Exception):
    """The request is answered with this status and nothing else."""

    def __init__(self, status: int, told: str, wait: int = 0) -> None:
        super().__init__(told)
        self.status, self.wait = status, wait


class ChatPages:
    """The endpoints."""

    def __init__(
        self, chat: ChatService, news: ChatNews, work: asyncio.Event, limits: Limits, read_seconds: float = READ_SECONDS
    ) -> None:
        self._chat, self._news, self._work, self._limits = chat, news, work, limits
        self._read_seconds = read_seconds

    def routes(self) -> list[Route]:
        """All of them."""
        found = {
            "": (self._page, "GET"),
            "/widget.js": (self._script, "GET"),
            "/visitors": (self._admit, "POST"),
            "/email": (self._email, "POST"),
            "/messages": (self._say, "POST"),
            "/files": (self._say_file, "POST"),
            "/files/{file:int}": (self._file, "GET"),
            "/events": (self._events, "GET"),
            "/receipts": (self._receipts, "POST"),
        }
        return [
            Route(f"/chat/{{path}}{end}", self._guarded(handler), methods=[method, "OPTIONS"])
            for end, (handler, method) in found.items()
        ]

    def _guarded(
        self, handler: Callable[[Channel, Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Find the channel, see that the browser may ask from where it is, and turn refusals into answers."""

        async def endpoint(request: Request) -> Response:
            headers: Mapping[str, str] = {}
            try:
                channel = await self._chat.channel(request.path_params["path"])
                if channel is None:
                    raise RefusedError(404, "no chat is here")
                headers = _origin_headers(channel, request)
                response = Response(status_code=204) if request.method == "OPTIONS" else await handler(channel, request)
            except RefusedError as refusal:
                wait = {"Retry-After": str(refusal.wait)} if refusal.wait else {}
                # The body may not have been read, so the connection ends.
                more = {**NO_STORE, **wait, "Connection": "close"}
                response = JSONResponse({"error": str(refusal)}, refusal.status, more)
            except StoreError as error:
                logger.error("the website chat has to wait: %s", type(error).__name__)
                response = JSONResponse({"error": "try again later"}, 503, {**NO_STORE, "Retry-After": "5"})
            response.headers.update({**PLAIN, **headers})
            return response

        return endpoint

    async def _page(self, channel: Channel, request: Request) -> Response:
        title = html.escape(channel.config.get("title", "") or "Chat")
        source = f"/chat/{html.escape(channel.webhook_path)}/widget.js"
        content = _file("page.html").replace("{title}", title).replace("{source}", source)
        around = " ".join(origins_of(channel.config)) or "'none'"
        policy = (
            "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
            f"frame-ancestors {around}"
        )
        return Response(content, media_type="text/html", headers={**NO_STORE, "Content-Security-Policy": policy})

    async def _script(self, channel: Channel, request: Request) -> Response:
        return Response(_file("widget.js"), media_type="text/javascript", headers={"Cache-Control": "no-cache"})

    async def _admit(self, channel: Channel, request: Request) -> Response:
        _wait_for(self._limits.visitors.take(_peer(request)))
        body = await self._body(request)
        name = " ".join(payload.text(body.get("name")).split())[:NAME_MAXIMUM]
        email = payload.text(body.get("email")).strip()
        token = await self._chat.admit(channel, name, email.lower() if is_address(email) else "")
        return JSONResponse({"token": token}, 201, NO_STORE)

    async def _email(self, channel: Channel, request: Request) -> Response:
        visitor = await self._visitor(channel, request)
        _wait_for(self._limits.messages.take(str(visitor.id)))
        email = payload.text((await self._body(request)).get("email")).strip()
        if not is_address(email):
            raise RefusedError(400, "email is no address")
        await self._chat.set_email(visitor, email.lower())
        return Response(status_code=204, headers=NO_STORE)

    async def _say(self, channel: Channel, request: Request) -> Response:
        visitor = await self._visitor(channel, request)
        _wait_for(self._limits.messages.take(str(visitor.id)))
        body = await self._body(request)
        key, text = payload.text(body.get("id")), payload.text(body.get("text")).strip()
        if not KEY.fullmatch(key):
            raise RefusedError(400, "id must be 8 to 64 letters, digits and dashes")
        if not text:
            raise RefusedError(400, "text is empty")
        if len(text) > TEXT_MAXIMUM:
            raise RefusedError(413, f"text is longer than {TEXT_MAXIMUM} characters")
        line = await self._chat.say(channel, visitor, key, text)
        self._work.set()
        self._news.tell()
        return JSONResponse({"number": line.number}, headers=NO_STORE)

    async def _say_file(self, channel: Channel, request: Request) -> Response:
        visitor = await self._visitor(channel, request)
        _wait_for(self._limits.files.take(str(visitor.id)))
        key, media_type = request.headers.get("x-message-id", ""), _media_type(request)
        if not KEY.fullmatch(key):
            raise RefusedError(400, "X-Message-Id must be 8 to 64 letters, digits and dashes")
        content = await self._read(request, FILE_MAXIMUM)
        if not content:
            raise RefusedError(400, "the file is empty")
        name = plain_name(unquote(request.headers.get("x-file-name", "")))
        file = RemoteFile(kind_of(media_type), "", name, media_type, len(content), content)
        line = await self._chat.say(channel, visitor, key, "", file)
        self._work.set()
        self._news.tell()
        return JSONResponse({"number": line.number}, headers=NO_STORE)

    async def _file(self, channel: Channel, request: Request) -> Response:
        visitor = await self._visitor(channel, request)
        _wait_for(self._limits.questions.take(str(visitor.id)))
        found = await self._chat.file(visitor, request.path_params["file"])
        if found is None:
            raise RefusedError(404, "no such file")
        return file_response(*found)

    async def _receipts(self, channel: Channel, request: Request) -> Response:
        visitor = await self._visitor(channel, request)
        _wait_for(self._limits.questions.take(str(visitor.id)))
        body = await self._body(request)
        upto, state = payload.integer(body.get("upto")), STATES.get(payload.text(body.get("state")))
        if upto is None or not 0 <= upto < 1 << 31 or state is None:
            raise RefusedError(400, f"upto must be a number and state one of {', '.join(STATES)}")
        if await self._chat.saw(channel, visitor, upto, state):
            self._work.set()
        return Response(status_code=204, headers=NO_STORE)

    async def _events(self, channel: Channel, request: Request) -> Response:
        visitor = await self._visitor(channel, request)
        _wait_for(self._limits.questions.take(str(visitor.id)))
        if self._news.streams_of(visitor.id) >= self._limits.streams_of_visitor:
            raise RefusedError(429, "this chat is open too often", 5)
        if self._news.streams >= self._limits.streams:
            raise RefusedError(503, "too many chats are open", 10)
        last = payload.integer(request.headers.get("last-event-id", "0")) or 0
        # A number that was never given comes from another database: everything is told anew.
        stream = self._stream(visitor, last if 0 <= last <= visitor.last_number else 0)
        headers = {**NO_STORE, "X-Accel-Buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    async def _stream(self, visitor: ChatVisitor, last: int) -> AsyncIterator[bytes]:
        end = asyncio.get_running_loop().time() + STREAM_SECONDS
        yield b": here\n\n"
        with self._news.listening(visitor.id):
            while not self._news.ending and asyncio.get_running_loop().time() < end:
                mark = self._news.mark()
                try:
                    lines = await self._chat.after(visitor, last)
                except StoreError:
                    return  # the browser comes back, and asks for what it has not got
                for line in lines:
                    yield _event(line)
                    last = line.number
                if not lines and not await self._news.wait(mark, BEAT_SECONDS):
                    yield b": still here\n\n"

    async def _visitor(self, channel: Channel, request: Request) -> ChatVisitor:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        found = await self._chat.visitor(channel, token) if kind.lower() == "bearer" else None
        if found is None:
            _wait_for(self._limits.strangers.take(_peer(request)))
            raise RefusedError(401, "unknown visitor")
        return found

    async def _body(self, request: Request) -> Mapping[str, Any]:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise RefusedError(415, "JSON is wanted")
        try:
            return payload.parse_mapping(await self._read(request, BODY_MAXIMUM))
        except PayloadError:
            raise RefusedError(400, "the body is not a JSON object") from None

    async def _read(self, request: Request, maximum: int) -> bytes:
        seconds = self._read_seconds if maximum == BODY_MAXIMUM else self._read_seconds * FILE_PATIENCE
        try:
            async with asyncio.timeout(seconds):
                return await read_body(request, maximum)
        except TooLargeError:
            raise RefusedError(413, "the body is too large") from None
        except TimeoutError:
            raise RefusedError(408, "the body took too long") from None
        except ClientDisconnect:
            raise RefusedError(400, "the body is not whole") from None


def _event(line: ChatLine) -> bytes:
    """One server-sent event. JSON in ASCII has no line breaks, whatever the text holds."""
    told: dict[str, Any] = {
        "number": line.number,
        "from": line.sender.value,
        "id": line.key,
        "text": line.text,
        "at": line.at.isoformat(),
    }
    if line.files:
        told["files"] = [{"id": file.id, "name": name_for(file), "size": file.size} for file in line.files]
    return f"id: {line.number}\ndata: {json.dumps(told)}\n\n".encode("ascii")


def _origin_headers(channel: Channel, request: Request) -> Mapping[str, str]:
    """The headers that let a browser of an allowed website read the answer. Raises for any other website."""
    origin = request.headers.get("origin", "").lower()
    if not origin:
        return {"Vary": "Origin"}
    own = urlsplit(origin).netloc == request.headers.get("host", "").lower()
    if not own and origin not in origins_of(channel.config):
        raise RefusedError(403, "this website may not use the chat")
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID, X-Message-Id, X-File-Name",
        "Access-Control-Expose-Headers": "Retry-After",
        "Access-Control-Max-Age": "600",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }


def _media_type(request: Request) -> str:
    """What the browser says of a file, where that is one."""
    told = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return told if MEDIA_TYPE.fullmatch(told) else UNKNOWN_TYPE


def _wait_for(seconds: int) -> None:
    if seconds:
        raise RefusedError(429, "too much at once", seconds)


def _peer(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _file(name: str) -> str:
    return files("tui_inbox.server.chat_page").joinpath(name).read_text("utf-8")
