"""HTTP towards channels: the only module that knows httpx.

One request is one fresh connection: no idle connection is used again, since a server that closes one while we write
looks like a lost answer. No redirects, no retries, no cookies, no proxies from the environment; a total deadline; a cap
on the answer. URLs are never logged and never part of a text, since some hold a token.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tui_inbox.channels.payload import parse_json
from tui_inbox.channels.port import FirstByteGuard, PayloadError
from tui_inbox.domain.clock import Clock, boottime, system_clock
from tui_inbox.domain.delivery import TOTAL_TIMEOUT
from tui_inbox.domain.skew import skew_of

if TYPE_CHECKING:
    import httpx

ANSWER_MAXIMUM = 1 << 20
"""Bytes of an answer that are read; a longer one counts as unreadable."""
WAIT_MAXIMUM = 1e9
"""Seconds; the most that a wait is taken to be, so that no number of digits can do harm."""
CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 20.0
_OURS = {"User-Agent": "tui-inbox", "Accept-Encoding": "identity", "Connection": "close"}
HEADERS_STARTED = "http11.send_request_headers.started"
"""Trace event that comes just before the first byte of a request is written."""
BODY_STARTED = "http11.send_request_body.started"
"""Trace event between the head of a request and its body."""

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


async def unwatched(event: str) -> None:
    """The watch that sees nothing."""


class FailureKind(StrEnum):
    """Whether a request without an answer may have reached the server."""

    NOT_SENT = "not_sent"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True)
class HttpReply:
    """An answer of the server."""

    status: int
    body: object
    """The parsed JSON; ``None`` when the body was cut, too long or not JSON."""
    headers: Mapping[str, str] = field(repr=False)
    """Lower-case names."""
    clock_skew: float | None = None
    """Seconds by which the server's clock is ahead of ours; ``None`` = its answer bore no date."""


@dataclass(frozen=True)
class HttpFailure:
    """No answer (reference: reliability, section 1.8)."""

    kind: FailureKind
    text: str
    """What happened, in plain words and without the address."""


@dataclass(frozen=True)
class HttpFile:
    """A file that a server has given."""

    content: bytes | None = field(repr=False)
    """``None`` = it is larger than what was asked for."""
    media_type: str
    """In lower case and without parameters; empty where it was not told."""
    headers: Mapping[str, str] = field(repr=False)
    """Lower-case names."""


@dataclass(frozen=True)
class FilePart:
    """A file in a form."""

    form_field: str
    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass
class _Progress:
    """How far one request got."""

    guard: FirstByteGuard | None
    watch: Callable[[str], Awaitable[None]]
    clock: Clock
    deadline: float
    """Boot time in seconds after which nothing more is written."""
    guarded: bool = False
    bytes_may_have_left: bool = False
    guard_error: BaseException | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    asked_at: datetime | None = None
    clock_skew: float | None = None

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        await self.watch(event)
        # A process that was frozen half-way and is woken comes by here before any timer of the event loop can stop it.
        if event == BODY_STARTED and boottime() >= self.deadline:
            raise TimeoutError
        if event != HEADERS_STARTED:
            return
        if self.guard is not None and not self.guarded:
            self.guarded = True
            try:
                await self.guard()
            except BaseException as error:
                self.guard_error = error
                raise
        self.bytes_may_have_left = True
        self.asked_at = self.clock()

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Note the beginning of the answer."""
        self.status, self.headers = status, headers
        stated = _date(headers.get("date", ""))
        if stated is not None and self.asked_at is not None:
            self.clock_skew = skew_of(stated, self.asked_at, self.clock()).total_seconds()

    def reply(self, body: object) -> HttpReply:
        """The answer as far as it was read."""
        assert self.status is not None
        return HttpReply(self.status, body, self.headers, self.clock_skew)


class Http:
    """Makes requests for one channel account. Times in seconds; ``total`` covers everything, the guard included.

    ``watch`` is awaited at every trace event of a request, before its guard; lets a harness stop the process there.
    """

    def __init__(
        self,
        *,
        connect: float = CONNECT_TIMEOUT,
        read: float = READ_TIMEOUT,
        total: float = TOTAL_TIMEOUT,
        clock: Clock = system_clock,
        watch: Callable[[str], Awaitable[None]] = unwatched,
    ) -> None:
        self._connect, self._read, self.total = connect, read, total
        self.clock = clock
        self._watch = watch

    async def post_json(
        self, url: str, headers: Mapping[str, str], payload: object, before_first_byte: FirstByteGuard | None = None
    ) -> HttpReply | HttpFailure:
        """Post ``payload`` as JSON. Raises only what ``before_first_byte`` raised, and then no byte has left."""
        # JSON text is written in ASCII, so that no text of an agent can break the encoding of the body.
        body = json.dumps(payload, separators=(",", ":")).encode("ascii")
        return await self.post_bytes(url, {**headers, "Content-Type": "application/json"}, body, before_first_byte)

    async def post_form(
        self,
        url: str,
        headers: Mapping[str, str],
        fields: Mapping[str, str],
        before_first_byte: FirstByteGuard | None = None,
    ) -> HttpReply | HttpFailure:
        """Post ``fields`` as a form; otherwise as :meth:`post_json`."""
        body = urlencode(fields, errors="replace").encode("ascii")
        typed = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        return await self.post_bytes(url, typed, body, before_first_byte)

    async def post_bytes(
        self, url: str, headers: Mapping[str, str], body: bytes, before_first_byte: FirstByteGuard | None = None
    ) -> HttpReply | HttpFailure:
        """Post ``body`` as it is; otherwise as :meth:`post_json`."""
        return await self._request("POST", url, headers, body, before_first_byte)

    async def post_parts(
        self,
        url: str,
        headers: Mapping[str, str],
        fields: Mapping[str, str],
        file: FilePart,
        before_first_byte: FirstByteGuard | None = None,
    ) -> HttpReply | HttpFailure:
        """Post ``fields`` and a file as ``multipart/form-data``; otherwise as :meth:`post_json`."""
        import httpx

        parts = {file.form_field: (file.name, file.content, file.media_type)}
        made = httpx.Request("POST", "http://localhost", data=dict(fields), files=parts)
        typed = {**headers, "Content-Type": made.headers["content-type"]}
        return await self.post_bytes(url, typed, made.read(), before_first_byte)

    async def get_json(self, url: str, headers: Mapping[str, str]) -> HttpReply | HttpFailure:
        """Get a JSON document."""
        return await self._request("GET", url, headers, None, None)

    async def get_file(self, url: str, headers: Mapping[str, str], maximum: int) -> HttpFile | HttpReply | HttpFailure:
        """Get a file of at most ``maximum`` bytes; a reply where there was something else than a file.

        Takes as long as bytes keep coming. A redirect is the reply: what leads elsewhere is the caller's to judge.
        """
        import httpx

        try:
            async with self._client(url) as client:
                request = client.build_request("GET", url, headers={**_OURS, "Accept": "*/*", **headers})
                async with contextlib.aclosing(await client.send(request, stream=True)) as response:
                    told = {name.lower(): value for name, value in response.headers.items()}
                    content = await _capped(response, ANSWER_MAXIMUM if response.status_code != 200 else maximum)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
            words = "did not answer in time" if _is_timeout(error) else "cannot be reached"
            return HttpFailure(FailureKind.NOT_SENT, words)
        if response.status_code != 200:
            return HttpReply(response.status_code, _readable(content), told)
        return HttpFile(content, told.get("content-type", "").partition(";")[0].strip().lower(), told)

    def retry_after(self, reply: HttpReply) -> float | None:
        """Seconds that the server asks to wait; ``None`` when it does not say or says nonsense."""
        told = reply.headers.get("retry-after", "").strip()
        if told.isascii() and told.isdigit():
            return min(float(told), WAIT_MAXIMUM)
        at = _date(told)
        if at is None:
            return None
        # By the server's own clock where it tells the time: ours may be wrong.
        now = _date(reply.headers.get("date", "")) or self.clock()
        return max(0.0, (at - now).total_seconds())

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, guard: FirstByteGuard | None
    ) -> HttpReply | HttpFailure:
        import httpx  # loading it takes a good tenth of a second, which only a sender needs

        progress = _Progress(guard, self._watch, self.clock, boottime() + self.total)
        try:
            async with asyncio.timeout(self.total), self._client(url) as client:
                return await _exchange(client, method, url, headers, body, progress)
        # ValueError: an address or a header that cannot be written down.
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError, OSError, ValueError) as error:
            if error is progress.guard_error:
                raise
            return _without_answer(error, progress)

    def _client(self, url: str) -> httpx.AsyncClient:
        import httpx

        secure = url.lower().startswith("https:")
        return httpx.AsyncClient(
            verify=_verifying_context() if secure else _bare_context(),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(self._read, connect=self._connect),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=0),
        )


async def _exchange(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    progress: _Progress,
) -> HttpReply:
    sent = {**_OURS, "Accept": "application/json", **headers}
    request = client.build_request(method, url, headers=sent, content=body, extensions={"trace": progress.trace})
    async with contextlib.aclosing(await client.send(request, stream=True)) as response:
        headers = {name.lower(): value for name, value in response.headers.items()}
        progress.answered(response.status_code, headers)
        content = await _capped(response)
    return progress.reply(_readable(content))


async def _capped(response: httpx.Response, maximum: int = ANSWER_MAXIMUM) -> bytes | None:
    parts: list[bytes] = []
    length = 0
    # Raw, so that a compressed answer (which we did not ask for) cannot swell in memory; it is unreadable then.
    async for part in response.aiter_raw():
        length += len(part)
        if length > maximum:
            return None
        parts.append(part)
    return b"".join(parts)


def _date(header: str) -> datetime | None:
    """The instant in an HTTP date; ``None`` for anything else."""
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _readable(content: bytes | None) -> object:
    try:
        return None if content is None else parse_json(content)
    except PayloadError:
        return None


def _without_answer(error: Exception, progress: _Progress) -> HttpReply | HttpFailure:
    if progress.status is not None:
        return progress.reply(None)
    if progress.bytes_may_have_left:
        told = "did not answer in time" if _is_timeout(error) else "closed the connection without an answer"
        return HttpFailure(FailureKind.AMBIGUOUS, told)
    told = "did not answer in time" if _is_timeout(error) else "cannot be reached"
    return HttpFailure(FailureKind.NOT_SENT, told)


def _is_timeout(error: Exception) -> bool:
    import httpx

    return isinstance(error, TimeoutError | httpx.TimeoutException)


@functools.cache
def _verifying_context() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context(trust_env=False)


@functools.cache
def _bare_context() -> ssl.SSLContext:
    """For plain HTTP to this machine: httpx wants a context, and loading authorities for it takes 50 ms."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
