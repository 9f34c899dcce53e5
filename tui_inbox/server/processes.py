"""Processes beside the screen: the sender, started when nobody runs it, and any other to be started and stopped.

The sender is a process of its own so that a frozen terminal or a dropped line never touches a send. It is cut off from
the terminal, and leaves by itself once its parent has gone and nothing is due.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tui_inbox.domain.clock import Clock
from tui_inbox.domain.ids import new_id
from tui_inbox.repository.server_address import is_server
from tui_inbox.repository.store import Store
from tui_inbox.services.delivery import ALIVE_WITHIN, KIND, DeliveryService
from tui_inbox.services.fetching import FetchingService

STOP_SECONDS = 5.0
"""Seconds that a process gets to end by itself after SIGTERM."""


class ManagedProcess:
    """A child process without a terminal, started and stopped by its id."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        log_file: Path | None = None,
        environment: Mapping[str, str] | None = None,
        stdout: int = subprocess.DEVNULL,
    ) -> ManagedProcess:
        """Start ``command`` in a session of its own; its errors go to the end of ``log_file`` (0600).

        ``environment`` is laid over this process's own. Raises ``OSError`` when it cannot be started.
        """
        errors = _open_log(log_file) if log_file is not None else subprocess.DEVNULL
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=errors,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )
        finally:
            if errors != subprocess.DEVNULL:
                os.close(errors)
        return cls(process)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process itself, for reading what it prints."""
        return self._process

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    async def wait(self, seconds: float) -> int | None:
        """Its exit code, or ``None`` when it has not ended within ``seconds``."""
        try:
            return await asyncio.to_thread(self._process.wait, seconds)
        except subprocess.TimeoutExpired:
            return None

    async def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Ask it to end, wait, then kill it; returns its exit code."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
        code = await self.wait(seconds)
        if code is None:
            self._process.kill()
            code = await asyncio.to_thread(self._process.wait)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code

    def let_go(self) -> None:
        """Leave it running after us: it is not ours to stop any more."""
        if self.running:
            self._process.returncode = 0  # else Python warns of a child that nobody waited for


def sender_command(*, database: str | None = None, config: Path | None = None, parent: int | None = None) -> list[str]:
    """The command line of a sender that leaves when the process ``parent`` (default: this one) is gone."""
    # -P: nothing is imported out of the directory in which somebody happens to be.
    command = [sys.executable, "-P", "-m", "tui_inbox", "deliver", "--until-parent-exits", str(parent or os.getpid())]
    command += ["--database", database] if database is not None else []
    return [*command, "--config", str(config)] if config is not None else command


async def ensure_sender(
    store: Store, clock: Clock, *, database: str, config: Path | None = None, log_file: Path | None = None
) -> ManagedProcess | None:
    """Start a sender for this database when nobody runs one; ``None`` when somebody does.

    Two screens that start at the same moment may start two, which do each other no harm. Raises ``OSError`` when it
    cannot be started. Call it again from time to time: a sender may be killed.
    """
    if await sender_alive(store, clock):
        return None
    if is_server(database):
        # The address may hold a password, which a command line would show to everybody on this machine.
        environment = {"TUI_INBOX_DATABASE": database}
        return ManagedProcess.start(sender_command(config=config), environment=environment, log_file=log_file)
    return ManagedProcess.start(sender_command(database=database, config=config), log_file=log_file)


async def sender_alive(store: Store, clock: Clock) -> bool:
    """Whether a sender of this database was heard of lately."""
    async with store.read() as unit:
        return await unit.directory.alive(KIND, clock(), ALIVE_WITHIN)


class MakesDelivery(Protocol):
    """What running a sender needs of the program's services."""

    @property
    def fetching(self) -> FetchingService:
        """Fetches files."""

    def make_delivery(self, worker: str) -> DeliveryService:
        """A sender by this name."""


async def run_sender(services: MakesDelivery, clock: Clock, stop: asyncio.Event, *, parent: int | None = None) -> None:
    """Deliver until ``stop`` is set, or, with ``parent``, until that process is gone and nothing is due soon; beside
    that fetch files."""
    delivery = services.make_delivery(worker_name(clock))
    watch = ParentWatch(parent) if parent is not None else None
    fetching = asyncio.create_task(services.fetching.run(stop))
    try:
        await delivery.run(stop, leave_when=None if watch is None else lambda: watch.gone)
    finally:
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)


def worker_name(clock: Clock) -> str:
    """A name that no other worker has: host, process id, and an identifier."""
    return f"{socket.gethostname()}:{os.getpid()}:{new_id(clock())}"


class ParentWatch:
    """Tells whether the process that started us is gone."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._is_parent = os.getppid() == pid

    @property
    def gone(self) -> bool:
        """True once it has ended; also when its id was given to somebody else, as far as it was our parent."""
        if self._is_parent:
            return os.getppid() != self._pid
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


def _open_log(path: Path) -> int:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
