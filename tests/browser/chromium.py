"""A headless Chromium, driven over two pipes (DevTools protocol): no driver, no port, nothing to install beside it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

REQUIRED_VARIABLE = "TESTS_REQUIRE_CHROMIUM"
"""When set, a missing Chromium is a failure."""
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    "--remote-debugging-pipe",
)
ANSWER_SECONDS = 30.0


def require() -> str:
    """The program; skips the test, or fails it, when there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        told = "no Chromium is installed"
        if os.environ.get(REQUIRED_VARIABLE):
            pytest.fail(f"{told}, and {REQUIRED_VARIABLE} says that it must be")
        pytest.skip(f"NOT RUN: {told}")
    return found


@dataclass
class Chromium:
    """A running browser."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    waiting: dict[int, asyncio.Future[Any]] = field(default_factory=dict)

    async def call(self, method: str, session: str = "", **parameters: Any) -> Any:
        """One command; its result."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        answered = self.waiting[number] = asyncio.get_running_loop().create_future()
        self.writer.write(json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        await self.writer.drain()
        answer = await asyncio.wait_for(answered, ANSWER_SECONDS)
        assert "error" not in answer, answer
        return answer["result"]

    async def listen(self) -> None:
        """Hand out answers until the browser ends."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                message = json.loads((await self.reader.readuntil(b"\0"))[:-1])
                if message.get("id") in self.waiting:
                    self.waiting.pop(message["id"]).set_result(message)

    async def open(self, url: str) -> Page:
        """A new page at an address."""
        target = (await self.call("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = Page(self, session)
        await self.call("Page.enable", session)
        await self.call("Page.navigate", session, url=url)
        return page


@dataclass
class Page:
    """One tab."""

    browser: Chromium
    session: str

    async def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = await self.browser.call(
            "Runtime.evaluate", self.session, expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    async def until(self, script: str, wanted: Any, seconds: float = ANSWER_SECONDS) -> None:
        """Wait until an expression has a value."""
        end = asyncio.get_running_loop().time() + seconds
        while (found := await self.run(script)) != wanted:
            assert asyncio.get_running_loop().time() < end, f"waited for {wanted!r}, last seen {found!r}"
            await asyncio.sleep(0.05)

    async def type(self, text: str) -> None:
        """Write into what has the focus, as a keyboard with any letters does."""
        await self.browser.call("Input.insertText", self.session, text=text)

    async def press_enter(self) -> None:
        """The enter key."""
        for kind in ("keyDown", "keyUp"):
            key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
            await self.browser.call("Input.dispatchKeyEvent", self.session, type=kind, **key)

    async def go_offline(self, offline: bool) -> None:
        """Cut the page's network, or mend it."""
        await self.browser.call("Network.enable", self.session)
        await self.browser.call(
            "Network.emulateNetworkConditions",
            self.session,
            offline=offline,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    async def reload(self) -> None:
        """As the visitor does."""
        await self.browser.call("Page.reload", self.session)


@contextlib.asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Chromium]:
    """A browser with a profile of its own in ``folder``."""
    program = require()
    to_read, to_write = os.pipe(), os.pipe()
    # The browser reads commands from descriptor 3 and answers on 4, whatever numbers the pipes have here.
    command = f'exec "$@" 3<&{to_read[0]} 4>&{to_write[1]}'
    process = subprocess.Popen(  # noqa: ASYNC220  # starts at once, and is waited for in a thread
        ["/bin/bash", "-c", command, "bash", program, *FLAGS, f"--user-data-dir={folder}/profile"],
        pass_fds=(to_read[0], to_write[1]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(to_read[0])
    os.close(to_write[1])
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=64 << 20)
    incoming, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(to_write[0], "rb", buffering=0)
    )
    outgoing, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(to_read[1], "wb", buffering=0)
    )
    browser = Chromium(reader, asyncio.StreamWriter(outgoing, protocol, None, loop))
    listening = asyncio.create_task(browser.listen())
    try:
        yield browser
        await browser.call("Browser.close")
    finally:
        outgoing.close()
        try:
            await asyncio.to_thread(process.wait, 10)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        incoming.close()
