"""The receiver on a real socket: limits that only the server can keep, start and end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.server.support import posts
from tests.server.support.inbox import Inbox
from tests.server.support.workspace import SetClock, Workspace, eventually, open_workspace
from tui_inbox.domain.errors import UsageError
from tui_inbox.server import run
from tui_inbox.server.run import run_receiver, stop_on_signals


@dataclass
class Running:
    """A receiver that listens."""

    space: Workspace
    port: int

    async def talk(self, *parts: bytes) -> bytes:
        """Send raw bytes and return everything that comes until the server hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            return await asyncio.wait_for(reader.read(), 20)
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def post(self, body: bytes, *more: str, path: str = "path-wa") -> bytes:
        """Post a signed body on a connection of its own; returns the whole answer."""
        head = [
            f"POST /hooks/{path} HTTP/1.1",
            "Host: inbox.test",
            "Connection: close",
            "Content-Type: application/json",
            f"X-Hub-Signature-256: {posts.signature(body)}",
            *(more or (f"Content-Length: {len(body)}",)),
        ]
        return await self.talk("\r\n".join([*head, "", ""]).encode() + body)


@pytest.fixture
async def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    monkeypatch.setattr(run, "HEAD_SECONDS", 0.3)
    async with open_workspace(tmp_path, SetClock(), "http://127.0.0.1:9") as space:
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()
        server = asyncio.create_task(run_receiver(space, "127.0.0.1", 0, ready=ready.set_result, stop=stop))
        try:
            yield Running(space, await asyncio.wait_for(ready, 10))
        finally:
            stop.set()
            await asyncio.wait_for(server, 10)


def status_of(answer: bytes) -> int:
    """Status of a raw answer."""
    return int(answer.split(b" ", 2)[1])


async def test_what_is_posted_shows_in_the_inbox_by_itself(running: Running) -> None:
    inbox = Inbox(running.space, SetClock())
    answer = await running.post(posts.whatsapp(posts.message("m1", "hello", inbox.clock())))
    assert status_of(answer) == 200
    assert answer.endswith(b"\r\n\r\n")
    assert b"server:" not in answer.lower()

    async def shown() -> bool:
        return [status for status, _ in await inbox.statuses()] == ["processed"]

    await eventually(shown)
    assert await inbox.said((await inbox.contact()).id) == ["hello"]


async def test_what_an_earlier_run_left_is_processed_at_the_start(tmp_path: Path) -> None:
    clock = SetClock()
    async with open_workspace(tmp_path, clock, "http://127.0.0.1:9") as space:
        body = posts.whatsapp(posts.message("m1", "hello", clock()))
        stop, inbox = asyncio.Event(), Inbox(space, clock)
        hook = await inbox.hook()
        await space.receiving.accept(hook.channel, hook.adapter, posts.posted(body))
        server = asyncio.create_task(run_receiver(space, "127.0.0.1", 0, ready=lambda _: None, stop=stop))

        async def shown() -> bool:
            return [status for status, _ in await inbox.statuses()] == ["processed"]

        await eventually(shown)
        stop.set()
        await server


async def test_a_head_that_does_not_end_is_cut_off(running: Running) -> None:
    assert await running.talk(b"POST /hooks/path-wa HTTP/1.1\r\nX-Slow: ") == b""


async def test_a_second_head_on_a_connection_is_cut_off_too(running: Running) -> None:
    whole = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = await running.talk(whole, b"GET /health HTTP/1.1\r\nX-Slow: ")
    assert answer.count(b"HTTP/1.1 200") == 1


async def test_a_silent_connection_is_cut_off(running: Running) -> None:
    assert await running.talk() == b""


async def test_a_head_that_is_too_long_is_refused(running: Running) -> None:
    answer = await running.talk(b"GET /health HTTP/1.1\r\nX-Long: " + b"x" * (20 << 10))
    assert status_of(answer) == 400


async def test_a_long_body_is_refused_unread(running: Running) -> None:
    answer = await running.post(b"", f"Content-Length: {4 << 20}")
    assert status_of(answer) == 413


async def test_expecting_a_go_ahead_for_a_long_body_gets_none(running: Running) -> None:
    answer = await running.post(b"", f"Content-Length: {4 << 20}", "Expect: 100-continue")
    assert status_of(answer) == 413


async def test_a_chunked_body_is_refused_at_the_limit_and_not_at_its_end(running: Running) -> None:
    kind, coding = b"Content-Type: application/json\r\n", b"Transfer-Encoding: chunked\r\n"
    head = b"POST /hooks/path-wa HTTP/1.1\r\nHost: x\r\n" + kind + coding + b"\r\n"
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    answer = await running.talk(head, *[chunk] * 48, b"1\r\n \r\n")
    assert status_of(answer) == 413


async def test_many_at_once_are_all_kept(running: Running) -> None:
    inbox = Inbox(running.space, SetClock())
    bodies = [posts.whatsapp(posts.message(f"m{number}", f"t{number}", inbox.clock())) for number in range(60)]
    answers = await asyncio.gather(*(running.post(body) for body in bodies))
    assert {status_of(answer) for answer in answers} == {200}

    async def shown() -> bool:
        return {status for status, _ in await inbox.statuses()} == {"processed"}

    await eventually(shown)
    assert len(await inbox.said((await inbox.contact()).id)) == 60


async def test_an_address_in_use_is_told_plainly(running: Running) -> None:
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{running.port}: .*Give another --port"):
        await run_receiver(running.space, "127.0.0.1", running.port, ready=lambda _: None, stop=asyncio.Event())
    with pytest.raises(UsageError, match="cannot use host"):
        await run_receiver(running.space, "not a host", 0, ready=lambda _: None, stop=asyncio.Event())


async def test_signals_set_the_event() -> None:
    stop = asyncio.Event()
    with stop_on_signals(stop):
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(stop.wait(), 5)
