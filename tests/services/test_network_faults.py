"""What networks do to a message on its way: the class of each fault, and where the message is afterwards.

Every case runs on every kind of account that has an adapter, through the real HTTP client and the real sender; LINE is
the one that honours our key (reference: reliability, sections 1.8 and 6, N1 to N3).
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.samples import SAMPLE_OF
from tests.server.support.raw_faults import (
    CERTIFICATES,
    FLOOD,
    Fault,
    Talk,
    certificate,
    full_queue,
    nobody,
    raw_server,
    reply,
    take,
)
from tests.services.network import KEYED, KINDS, SENDS, Network, network
from tui_inbox.channels.http import ANSWER_MAXIMUM, Http
from tui_inbox.domain.delivery import TOTAL_TIMEOUT
from tui_inbox.domain.events import OutcomeKind
from tui_inbox.domain.kinds import DeliveryState, ErrorClass

SENT, QUEUED, UNCERTAIN = DeliveryState.SENT, DeliveryState.QUEUED, DeliveryState.UNCERTAIN
UNRESOLVABLE = ".".join(["a" * 60] * 5) + ".invalid"
"""A name that is too long to be asked for, so that the resolver says no without a network."""


SHORT = {"connect": 0.5}
"""Seconds, where a connection never comes about: no load on this machine can make one of it."""
SILENCE, DRIP = {"read": 2.0}, {"total": 4.0}
"""Seconds, where something comes before nothing does: long enough for it on a loaded machine."""


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Network]:
    async with network(tmp_path) as found:
        yield found


def deadlines(fault: Fault) -> dict[str, float]:
    """What a fault needs to end in sensible time."""
    return PATIENCE.get(fault, {})


def senders(fault: Fault) -> int:
    """One for every account where a server is waited for, so that all wait at the same time."""
    return len(KINDS) if fault in PATIENCE else 1


# --- nothing has left ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def refused() -> AsyncIterator[str]:
    with nobody() as port:
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def unresolvable() -> AsyncIterator[str]:
    yield f"https://{UNRESOLVABLE}"


@asynccontextmanager
async def unanswered() -> AsyncIterator[str]:
    with full_queue() as port:
        yield f"http://127.0.0.1:{port}"


def behind_tls(handle: Fault | None, pem: str = "") -> Callable[[], AbstractAsyncContextManager[str]]:
    """An address for TLS, where a server with a certificate waits or, without one, something that is none."""

    @asynccontextmanager
    async def serve() -> AsyncIterator[str]:
        async with raw_server(certificate(pem) if pem else None) as server:
            if handle is not None:
                # A greeting has no empty line, so that the connection itself is what is handled.
                server.handle = lambda reader, writer: _greeted(handle, Talk(server, reader, writer))  # type: ignore[method-assign]
            yield f"https://127.0.0.1:{server.port}"
            assert server.heads == [], "no request came through"

    return serve


async def _greeted(handle: Fault, talk: Talk) -> None:
    with contextlib.suppress(OSError):
        await talk.reader.read(1)
        await handle(talk)
    talk.writer.close()


async def close(talk: Talk) -> None:
    """Say nothing and close."""


async def reset(talk: Talk) -> None:
    talk.reset()


async def plain_http(talk: Talk) -> None:
    await talk.write(reply(200, {}))


async def silence(talk: Talk) -> None:
    await talk.gone()


NOT_SENT = {
    "refused": refused,
    "no such name": unresolvable,
    "connecting is not answered": unanswered,
    "TLS is not answered": behind_tls(silence),
    "TLS to plain HTTP": behind_tls(plain_http),
    "TLS closed": behind_tls(close),
    "TLS reset": behind_tls(reset),
    "certificate of nobody": behind_tls(None, "self-signed"),
    "certificate expired": behind_tls(None, "expired"),
}


@pytest.mark.parametrize("place", NOT_SENT.values(), ids=NOT_SENT.keys())
async def test_what_never_left_stays_queued(
    place: Callable[[], AbstractAsyncContextManager[str]], tmp_path: Path
) -> None:
    async with place() as base_url, network(tmp_path, base_url, **SHORT) as net:
        ids = await net.queue_all()
        await net.drain(len(KINDS))
        assert await net.states(ids) == {kind: {QUEUED} for kind in KINDS}
        for message_id in [one for several in ids.values() for one in several]:
            row, attempt = await net.row(message_id), await net.last_attempt(message_id)
            assert (attempt.outcome, attempt.first_byte_at, attempt.http_status) == (OutcomeKind.NOT_SENT, None, None)
            assert (row.error_class, row.attempts) == (ErrorClass.TEMPORARY, 1)
            assert "Nothing was sent" in row.error_text
            assert row.due_at > net.clock(), "it is tried again by itself"
        await net.sound()


@pytest.mark.parametrize(("name", "told"), [("self-signed", ""), ("expired", "certificate has expired")])
async def test_the_certificates_have_the_one_flaw_that_they_are_named_for(name: str, told: str) -> None:
    """Whoever trusts them gets through to the server, so that it is the certificate on which the sender stumbled."""
    trusting = ssl.create_default_context(cafile=CERTIFICATES / f"{name}.pem")
    async with raw_server(certificate(name)) as server:
        opening = asyncio.open_connection("127.0.0.1", server.port, ssl=trusting)
        if told:
            with pytest.raises(ssl.SSLCertVerificationError, match=told):
                await opening
            return
        _, writer = await opening
        writer.close()
        await writer.wait_closed()


# --- it may have left ----------------------------------------------------------------------------------------------


def whole(handle: Fault) -> Fault:
    """A fault that comes after the whole request, which the customer gets."""

    async def after(talk: Talk) -> None:
        await talk.read_body()
        talk.take()
        await handle(talk)

    return after


def answers(*parts: bytes, then: Fault = close) -> Fault:
    """These bytes and not more, then that."""

    async def answer(talk: Talk) -> None:
        for part in parts:
            await talk.write(part)
        await then(talk)

    return whole(answer)


async def after_head(talk: Talk) -> None:
    """The body is on its way, nobody reads it, and the connection breaks."""
    talk.reset()


async def drip_head(talk: Talk) -> None:
    await talk.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    await drip(talk)


async def drip(talk: Talk) -> None:
    while not talk.writer.is_closing():
        await talk.write(b".")
        await asyncio.sleep(0.02)


PATIENCE: dict[Fault, dict[str, float]] = {}


def patient(fault: Fault, patience: dict[str, float]) -> Fault:
    """A fault that only a deadline ends."""
    PATIENCE[fault] = patience
    return fault


START = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
AMBIGUOUS = {
    "reset after the headers": after_head,
    "reset after the body": whole(reset),
    "closed after the body": whole(close),
    "closed in the status line": answers(b"HTTP/1.1 2"),
    "closed in the headers": answers(b"HTTP/1.1 200 OK\r\nContent-"),
    "reset in the headers": answers(b"HTTP/1.1 200 OK\r\nContent-", then=reset),
    "not HTTP": answers(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
    "silent": patient(whole(silence), SILENCE),
    "dripping headers": patient(whole(drip_head), DRIP),
    "headers without end": answers(b"HTTP/1.1 200 OK\r\n", b"X-Long: " + b"x" * (1 << 20)),
    "500": answers(reply(500, {})),
    "503": answers(reply(503, raw=b"")),
    "504, cut": answers(reply(504, raw=b"{", Content_Length="90")),
}


@pytest.mark.parametrize("fault", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_what_may_have_arrived_is_asked_about_or_repeated_with_its_key(fault: Fault, tmp_path: Path) -> None:
    async with network(tmp_path, "", **deadlines(fault)) as net:
        net.server.fault = fault
        ids = await net.queue_all()
        await net.drain(senders(fault))
        expected = {kind: {QUEUED if kind in KEYED else UNCERTAIN} for kind in KINDS}
        assert await net.states(ids) == expected
        for kind, several in ids.items():
            for message_id in several:
                attempt, row = await net.last_attempt(message_id), await net.row(message_id)
                assert (attempt.outcome, row.error_class) == (OutcomeKind.AMBIGUOUS, ErrorClass.TEMPORARY)
                assert attempt.first_byte_at is not None
                assert ("Check with the customer" in row.error_text) is (kind not in KEYED)
        net.server.fault = take
        await net.later()
        settled = {kind: {SENT if kind in KEYED else UNCERTAIN} for kind in KINDS}
        assert await net.states(ids) == settled, "when the network is well again"
        for kind in KINDS:
            assert len(net.server.taken[kind]) <= SENDS, "nobody got anything twice"
            assert kind not in KEYED or len(net.server.taken[kind]) == SENDS, "and whoever could be asked again got it"
        await net.sound()


# --- it has arrived ------------------------------------------------------------------------------------------------

SENT_BLIND = {
    "empty": answers(reply(200, raw=b"")),
    "no content": answers(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "without an id": answers(reply(200, {})),
    "half the JSON": answers(reply(200, raw=b'{"messages":[{"id":"wam')),
    "cut short": answers(START + b'{"messages"'),
    "reset in the body": answers(START + b'{"messages"', then=reset),
    "silent in the body": patient(answers(START + b'{"messages"', then=silence), SILENCE),
    "dripping body": patient(answers(START + b'"', then=drip), DRIP),
    "HTML": answers(reply(200, raw=b"<html>thank you</html>", Content_Type="text/html")),
    "chunks that break off": answers(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a"\r\n'),
    "chunks that are none": answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
}


BLIND = {kind: {SENT if SAMPLE_OF[kind].ok_is_enough else UNCERTAIN} for kind in KINDS}
"""What becomes of messages whose answer is HTTP 200 and can't be read: some channels say 200 to everything."""


@pytest.mark.parametrize("fault", SENT_BLIND.values(), ids=SENT_BLIND.keys())
async def test_what_was_taken_is_sent_even_if_nobody_can_read_the_answer(fault: Fault, tmp_path: Path) -> None:
    async with network(tmp_path, "", **deadlines(fault)) as net:
        net.server.fault = fault
        ids = await net.queue_all()
        await net.drain(senders(fault))
        await net.later()
        assert await net.states(ids) == BLIND
        for kind, several in ids.items():
            assert len(net.server.taken[kind]) == net.server.whole[kind] == SENDS, "one request each, and no second"
            known = OutcomeKind.ACCEPTED if SAMPLE_OF[kind].ok_is_enough else OutcomeKind.AMBIGUOUS
            for message_id in several:
                row, attempt = await net.row(message_id), await net.last_attempt(message_id)
                assert (attempt.outcome, row.provider_id) == (known, "")
        await net.sound()


async def test_an_answer_of_another_type_is_read_all_the_same(net: Network) -> None:
    async def plain(talk: Talk) -> None:
        await talk.read_body()
        talk.take()
        assert talk.kind is not None
        await talk.write(
            reply(200, SAMPLE_OF[talk.kind].success(str(talk.server.whole.total())), Content_Type="text/plain")
        )

    net.server.fault = plain
    ids = await net.queue_all()
    await net.drain()
    for kind, several in ids.items():
        for message_id in several:
            row = await net.row(message_id)
            assert (row.state, bool(row.provider_id)) == (SENT, "message id" not in SAMPLE_OF[kind].lacks)


def flood(status: int, **headers: str) -> Fault:
    """An answer of a gigabyte, or as much of it as the other side takes."""

    async def pour(talk: Talk) -> None:
        piece = b" " * (1 << 16)
        framed = b"10000\r\n" + piece + b"\r\n" if "Transfer_Encoding" in headers else piece
        for _ in range(FLOOD // len(piece)):
            await talk.write(framed)

    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return answers(f"HTTP/1.1 {status} Told\r\n{lines}\r\n".encode(), then=pour)


FLOODS = {
    "of known length": (200, {"Content_Length": str(FLOOD)}),
    "in chunks": (200, {"Transfer_Encoding": "chunked"}),
    "until closed": (200, {"Connection": "close"}),
    "of a fault": (503, {"Content_Length": str(FLOOD)}),
}


@pytest.mark.parametrize(("status", "headers"), FLOODS.values(), ids=FLOODS.keys())
async def test_a_gigabyte_is_not_read(net: Network, status: int, headers: dict[str, str]) -> None:
    net.server.fault = flood(status, **headers)
    ids = await net.queue_all(1)
    await net.drain()
    broken = {kind: {QUEUED if kind in KEYED else UNCERTAIN} for kind in KINDS}
    assert await net.states(ids) == (BLIND if status == 200 else broken)
    # What fits into the buffers of both sockets has left the server, read or not; they grow to some megabytes.
    most = ANSWER_MAXIMUM + (8 << 20)
    assert len(KINDS) * ANSWER_MAXIMUM < net.server.written < len(KINDS) * most < len(KINDS) * FLOOD // 10


def test_by_default_a_send_has_thirty_seconds() -> None:
    deadline: Any = inspect.signature(Http).parameters["total"].default
    assert deadline == TOTAL_TIMEOUT == 30.0


# --- connections that are closed while idle ------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [close, reset], ids=["closed", "reset"])
async def test_an_idle_connection_is_never_written_to(net: Network, ending: Fault) -> None:
    """The server offers to keep each connection and drops it after the answer, just before the next write."""

    async def keep_and_drop(talk: Talk) -> None:
        await talk.read_body()
        answer = talk.take().replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\nKeep-Alive: timeout=60\r\n\r\n", 1)
        await talk.write(answer)
        if ending is reset:
            await talk.gone()  # otherwise the reset would overtake the answer
        await ending(talk)

    net.server.fault = keep_and_drop
    ids = await net.queue_all(4)
    await net.drain()
    assert await net.states(ids) == {kind: {SENT} for kind in KINDS}
    assert net.server.connections == net.server.whole.total() == 4 * len(KINDS)
    assert all(b"\r\nconnection: close\r\n" in head.lower() for head in net.server.heads)
    await net.sound()
