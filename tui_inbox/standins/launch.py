"""Starting the stand-ins as a process of their own, for the demo and the tests."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tui_inbox.domain.errors import InboxError
from tui_inbox.standins.config import StandinConfig

START_TIMEOUT = 30.0
STOP_TIMEOUT = 5.0
"""Seconds."""


@dataclass
class RunningStandins:
    """A process of stand-ins. It ends by itself when the process that started it is gone."""

    process: subprocess.Popen[bytes]
    port: int
    config: StandinConfig

    @property
    def url(self) -> str:
        """Address of the server, without the path of a channel."""
        return f"http://{self.config.host}:{self.port}"

    def base_url(self, name: str) -> str:
        """``base_url`` for the settings of the channel called ``name`` here."""
        prefix = next(channel.prefix for channel in self.config.channels if channel.name == name)
        return f"{self.url}{prefix}"

    def control_url(self, name: str, action: str) -> str:
        """Address of a call of the control API (:mod:`tui_inbox.standins.control`)."""
        return f"{self.url}/_standin/{name}/{action}"

    def stop(self) -> None:
        """End the process; harmless when it has ended."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def launch(
    config: StandinConfig, *, environment: Mapping[str, str] | None = None, timeout: float = START_TIMEOUT
) -> RunningStandins:
    """Start the stand-ins and wait until they take requests. Blocks: call it in a thread from a running loop.

    ``environment`` is laid over that of this process. Their complaints go to our standard error only when they fail
    to start. Raises :class:`InboxError` when they do.
    """
    with _private_file(config.model_dump_json()) as path, tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tui_inbox.standins", str(path), "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env={**os.environ, **(environment or {})},
            start_new_session=True,  # a Ctrl-C in the terminal is for the program, not for its stand-ins
        )
        line = _first_line(process, timeout)
        if not line.startswith("ready "):
            process.kill()
            process.communicate()
            complaints.seek(0)
            told = complaints.read().decode("utf-8", "replace").strip().splitlines()
            raise InboxError(f"The local stand-ins for the channels did not start: {told[-1] if told else 'no answer'}")
    return RunningStandins(process, int(line.split()[1]), config)


@contextlib.contextmanager
def running(config: StandinConfig, *, environment: Mapping[str, str] | None = None) -> Iterator[RunningStandins]:
    """The stand-ins for the time of a ``with`` block."""
    standins = launch(config, environment=environment)
    try:
        yield standins
    finally:
        standins.stop()


@contextlib.contextmanager
def _private_file(content: str) -> Iterator[Path]:
    """A file that only this user can read, since it holds tokens; gone as soon as it has been read."""
    descriptor, name = tempfile.mkstemp(suffix=".json")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _first_line(process: subprocess.Popen[bytes], timeout: float) -> str:
    """The first line of its output; what there is of it when ``timeout`` seconds are over or the process has ended."""
    assert process.stdout is not None
    deadline = time.monotonic() + timeout
    found = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while b"\n" not in found:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                break
            part = os.read(process.stdout.fileno(), 4096)
            if not part:
                break
            found += part
    return found.decode("ascii", "replace").partition("\n")[0]
