"""The HTTP module against scripted servers on loopback: what left the machine, and what is known of it."""

from __future__ import annotations

import asyncio
import logging
import socket
from datetime import UTC, datetime

import pytest

from tests.channels.support import answer, loopback
from tests.support.serving import serving
from tui_inbox.channels.http import ANSWER_MAXIMUM, FailureKind, Http, HttpFailure, HttpReply
from tui_inbox.channels.port import SendVetoedError


async def test_a_veto_leaves_the_server_with_no_byte() -> None:
    async def veto() -> None:
        raise SendVetoedError("the window has closed")

    async with loopback() as server:
        with pytest.raises(SendVetoedError, match="window"):
            await Http().post_json(f"{server.url}/messages", {}, {"text": "hello"}, veto)
        # The next request shows that the server has worked off the first connection, and that it carried nothing.
        await Http().post_json(f"{server.url}/messages", {}, {"text": "second"})
    assert sorted(server.got, key=len)[0] == b""
    assert b"second" in sorted(server.got, key=len)[1]


@pytest.mark.parametrize("error", [TimeoutError("busy"), OSError("disk"), ValueError("odd"), RuntimeError("any")])
async def test_whatever_a_guard_raises_comes_out(error: Exception) -> None:
    async def guard() -> None:
        raise error

    async with loopback() as server:
        with pytest.raises(type(error)) as caught:
            await Http().post_json(server.url, {}, {}, guard)
    assert caught.value is error


async def test_the_guard_runs_once_and_before_the_body() -> None:
    calls: list[int] = []

    async with loopback() as server:

        async def guard() -> None:
            calls.append(len(server.got))

        reply = await Http().post_json(server.url, {"Authorization": "Bearer x"}, {"text": "é"}, guard)
    assert isinstance(reply, HttpReply)
    assert calls == [0]
    assert server.got[0].endswith(b'{"text":"\\u00e9"}')
    assert b"authorization: bearer x" in server.got[0].lower()
    assert b"content-type: application/json" in server.got[0].lower()


async def test_each_request_has_a_connection_of_its_own() -> None:
    async with loopback() as server:
        http = Http()
        for _ in range(3):
            await http.post_json(server.url, {}, {})
    assert server.connections == 3


async def test_cookies_are_not_kept() -> None:
    async with loopback(answer(200, {}, Set_Cookie="a=b")) as server:
        http = Http()
        await http.get_json(server.url, {})
        await http.get_json(server.url, {})
    assert b"cookie" not in server.got[1].lower()


async def test_a_redirect_is_not_followed() -> None:
    async with loopback(answer(200, {})) as other, loopback(answer(307, {}, Location=f"{other.url}/x")) as server:
        reply = await Http().post_json(server.url, {}, {})
    assert isinstance(reply, HttpReply)
    assert (reply.status, other.connections) == (307, 0)


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with loopback() as server:
        assert isinstance(await Http().get_json(server.url, {}), HttpReply)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("url", ["http://127.0.0.1:{free}", "http://", "gopher://127.0.0.1", "http://[::1"])
async def test_what_cannot_be_connected_was_not_sent(url: str) -> None:
    url = url.format(free=free_port())
    failure = await Http().post_json(url, {}, {})
    assert isinstance(failure, HttpFailure)
    assert failure.kind is FailureKind.NOT_SENT


async def test_tls_to_a_server_that_speaks_none_was_not_sent() -> None:
    async with loopback() as server:
        failure = await Http(connect=0.2).post_json(server.url.replace("http:", "https:"), {}, {})
    assert isinstance(failure, HttpFailure)
    assert failure.kind is FailureKind.NOT_SENT


@pytest.mark.parametrize("junk", [b"", b"HTTP/1.1", b"nonsense\r\n\r\n"])
async def test_a_connection_that_breaks_after_the_request_is_ambiguous(junk: bytes) -> None:
    async with loopback(junk) as server:
        failure = await Http().post_json(server.url, {}, {})
    assert isinstance(failure, HttpFailure)
    assert failure.kind is FailureKind.AMBIGUOUS
    assert "127.0.0.1" not in failure.text


async def test_a_server_that_does_not_answer_is_ambiguous() -> None:
    async with loopback(hold=asyncio.Event()) as server:
        failure = await Http(read=0.05).post_json(server.url, {}, {})
    assert isinstance(failure, HttpFailure)
    assert (failure.kind, failure.text) == (FailureKind.AMBIGUOUS, "did not answer in time")


async def test_the_total_deadline_ends_a_drip() -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while not writer.is_closing():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with serving(drip) as port:
        failure = await Http(total=0.2).post_json(f"http://127.0.0.1:{port}", {}, {})
    assert isinstance(failure, HttpFailure)
    assert failure.kind is FailureKind.AMBIGUOUS


async def test_a_guard_that_takes_too_long_means_not_sent() -> None:
    async def guard() -> None:
        await asyncio.Event().wait()

    async with loopback() as server:
        failure = await Http(total=0.05).post_json(server.url, {}, {}, guard)
    assert isinstance(failure, HttpFailure)
    assert failure.kind is FailureKind.NOT_SENT


CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"


@pytest.mark.parametrize(
    "told",
    [
        CUT,
        answer(200, raw=b'{"a":'),
        answer(200, raw=b"<html>"),
        answer(200, raw=b"\xff\xfe"),
        answer(200, raw=b"[" * 100_000),
        answer(200, raw=b'{"a": NaN}'),
        answer(200, raw=b'{"a": %s}' % (b"9" * 5000)),
        answer(200, raw=b'"' + b"x" * ANSWER_MAXIMUM + b'"'),
        answer(200, raw=b"\x1f\x8b\x08\x00", Content_Encoding="gzip"),
    ],
    ids=["cut", "half", "html", "utf-16", "deep", "nan", "digits", "long", "gzip"],
)
async def test_an_unreadable_body_still_tells_the_status(told: bytes) -> None:
    async with loopback(told) as server:
        reply = await Http().post_json(server.url, {}, {})
    assert isinstance(reply, HttpReply)
    assert (reply.status, reply.body) == (200, None)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("Sun, 22 Nov 2026 12:01:30 GMT", 90.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٧", None),
        ("1000000000", 1e9),
        ("9" * 500, 1e9),
        ("Sun, 99 Nov 2026 12:01:30 GMT", None),
    ],
)
def test_retry_after(header: str, seconds: float | None) -> None:
    http = Http(clock=lambda: datetime(2026, 11, 22, 12, tzinfo=UTC))
    assert http.retry_after(HttpReply(429, None, {"retry-after": header} if header else {})) == seconds


async def test_no_address_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with loopback() as server:
        await Http().post_json(f"{server.url}/bot1:canary/sendMessage", {}, {})
    assert "canary" not in caplog.text
