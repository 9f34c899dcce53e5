"""The zygote seen from the harness: starting, signalling and hearing from its children."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
"""Seconds within which anything that is waited for must happen on the slowest machine."""


class Fork:
    """One child."""

    def __init__(self, pid: int, forks: Forks) -> None:
        self.pid = pid
        self._forks = forks
        self.code: int | None = None
        self.failure = ""
        """What it died of by itself."""
        self.words: list[dict[str, Any]] = []
        self._changed = asyncio.Condition()
        self._stops = 0

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.code is None

    def signal(self, number: int) -> None:
        """Send a signal, if it is still there."""
        self._forks.order(pid=self.pid, signal=number)

    async def kill(self) -> int:
        """``kill -9`` and wait; returns its exit code, which is another one if it had ended before."""
        self.signal(signal.SIGKILL)
        return await self.ended()

    async def ended(self, patience: float | None = PATIENCE) -> int:
        """Wait for its end; returns its exit code, negative for a signal."""
        await self._until(lambda: self.code is not None, patience)
        assert self.code is not None
        return self.code

    async def stopped(self, times: int = 1) -> None:
        """Wait until it was stopped by a signal for the ``times``-th time."""
        await self._until(lambda: self._stops >= times or self.code is not None)
        assert self.code is None, f"it ended instead of stopping: {self.code} {self.failure}"

    async def heard(self, name: str) -> Any:
        """Wait until it says ``name``; returns what it says of it."""
        await self._until(lambda: self.code is not None or any(name in said for said in self.words))
        for said in self.words:
            if name in said:
                return said[name]
        raise AssertionError(f"the child ended ({self.code}) without saying {name}: {self.failure}")

    async def said_often(self, name: str, times: int) -> None:
        """Wait until it has said ``name`` this often."""
        await self._until(lambda: self.code is not None or sum(name in said for said in self.words) >= times)

    async def note(self, **change: Any) -> None:
        """Take a report in."""
        async with self._changed:
            if "said" in change:
                self.words.append(change["said"])
                self.failure = change["said"].get("failed", self.failure)
            if "stopped" in change:
                self._stops += 1
            if "ended" in change:
                self.code = change["code"]
            self._changed.notify_all()

    async def _until(self, condition: Callable[[], bool], patience: float | None = PATIENCE) -> None:
        async with asyncio.timeout(patience), self._changed:
            await self._changed.wait_for(condition)


class Forks:
    """Use :func:`forking`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._known: dict[int, Fork] = {}
        self._starting: deque[asyncio.Future[Fork]] = deque()
        self._reading = asyncio.create_task(self._read())
        self.failures: list[str] = []
        """What children died of that nobody killed."""

    async def start(self, role: str, **arguments: Any) -> Fork:
        """Start a child in a role."""
        future: asyncio.Future[Fork] = asyncio.get_running_loop().create_future()
        self._starting.append(future)
        self.order(role=role, arguments=arguments)
        async with asyncio.timeout(PATIENCE):
            return await future

    def order(self, **order: Any) -> None:
        """One order to the zygote."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def close(self) -> None:
        """End the zygote and with it every child."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            report = json.loads(line)
            pid = report.get("started") or report.get("child") or report.get("stopped") or report.get("ended")
            if pid is None:
                continue
            fork = self._known.setdefault(pid, Fork(pid, self))
            if "started" in report:
                self._starting.popleft().set_result(fork)
                continue
            if "failed" in report.get("said", {}):
                self.failures.append(report["said"]["failed"])
            if "ended" in report:
                del self._known[pid]
            await fork.note(**report)


@asynccontextmanager
async def forking(folder: Path, environment: Mapping[str, str] | None = None) -> AsyncIterator[Forks]:
    """A zygote whose children keep their state and their log in ``folder``."""
    log = (folder / "children.log").open("ab")
    with log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.reliability.zygote",
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={**os.environ, "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), **(environment or {})},
        )
    forks = Forks(process)
    try:
        yield forks
    finally:
        await forks.close()
