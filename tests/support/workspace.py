"""A workspace with real processes around it: stand-ins of the channels, receiver, sender, and the command line.

Everything lives in one temporary home and talks over loopback. Nothing of the program is replaced or patched.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from tests.support.ptyproc import PATIENCE, PROGRAM, PtyProcess, environment, strays
from tests.support.template import put
from tui_inbox.domain.kinds import ChannelKind, Role
from tui_inbox.domain.models import Channel
from tui_inbox.repository.history import History, HistoryRepository
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit

T = TypeVar("T")
SPECS = "TUI_INBOX_SPECS"
"""Folder with published API descriptions: with it the stand-ins are stricter still."""


@dataclass(frozen=True)
class Account:
    """One channel as both sides know it."""

    name: str
    kind: str
    secrets: Mapping[str, str]
    config: Mapping[str, str] = field(default_factory=dict)

    def standin(self, **more: Any) -> dict[str, Any]:
        """The stand-in's side."""
        shared = {key: value for key, value in self.secrets.items() if key != "verify_token"}
        return {
            "name": self.name,
            "kind": self.kind,
            "prefix": f"/{self.name}",
            "settings": self.config,
            **shared,
            **more,
        }


_META = {
    "token": "EAAtesttoken0123456789",
    "app_secret": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "verify_token": "verify-me",
}
ACCOUNTS = {
    "telegram": Account(
        "telegram",
        "telegram",
        {"token": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "webhook_secret": "s3cret_of-hook"},
    ),
    "whatsapp": Account(
        "whatsapp", "whatsapp", _META, {"phone_number_id": "106540352242922", "waba_id": "102290129340398"}
    ),
    "instagram": Account("instagram", "instagram", _META, {"account_id": "17841405822304914"}),
}


class Service:
    """A background process whose first line of output says that it is ready."""

    def __init__(self, command: Sequence[str], home: Path, *, wait: bool = True) -> None:
        self._errors = (home / f"{Path(command[-1]).stem}-{time.monotonic_ns()}.err").open("w+b")
        self.process = subprocess.Popen(
            list(command),
            env=environment(home, **_passed()),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self.first_line = self._line() if wait else ""

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end and wait; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()
        return int(self.process.returncode)

    def _line(self) -> str:
        stream = self.process.stdout
        assert stream is not None
        poller = select.poll()
        poller.register(stream, select.POLLIN | select.POLLHUP)
        line = stream.readline() if poller.poll(PATIENCE * 1000) else b""
        if not line:
            self._errors.seek(0)
            raise AssertionError(f"{self.process.args!r} did not get ready: {self._errors.read().decode()[-3000:]}")
        return line.decode().strip()


class Workspace:
    """A context manager: leaving it ends every process that lives in its home."""

    def __init__(self, home: Path, settings: str = "", database: str = "") -> None:
        self.home = home
        self.database = database or f"sqlite:///{home / 'inbox.db'}"
        self.services: list[Service] = []
        self.contact_id = 0
        """The customer that the tests are about, for whoever sets it."""
        self.hooks: dict[str, str] = {}
        self.standins = ""
        """Address of the stand-ins."""
        folder = home / "config" / "tui-inbox"
        folder.mkdir(parents=True)
        folder.chmod(0o700)
        self.settings_file = folder / "config.toml"
        secrets = "".join(_secrets(account) for account in ACCOUNTS.values())
        self.settings_file.write_text(f'database = "{self.database}"\nagent = "ana"\n{settings}\n{secrets}')
        self.settings_file.chmod(0o600)
        if not database:
            put(home / "inbox.db")

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for service in reversed(self.services):
            service.stop()
        for number in strays(self.home):
            os.kill(number, signal.SIGKILL)

    # -- the command line --------------------------------------------------------------------------------------------

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run a command; its standard output. Fails unless it ends with ``status``."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            env=environment(self.home, **_passed()),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == status, f"{arguments}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Run a command with ``--json``; what it printed."""
        return json.loads(self.run(*arguments, "--json"))

    # -- processes ---------------------------------------------------------------------------------------------------

    def start_standins(self, *channels: Mapping[str, Any], customers: Mapping[str, Any] | None = None) -> None:
        """Start the stand-ins of the channels, as :meth:`Account.standin` describes each."""
        config = self.home / "standins.json"
        told = {"channels": channels, "customers": customers, "receipt_delay": 0.05}
        config.write_text(json.dumps(told, default=str))
        service = self._start([sys.executable, "-m", "tui_inbox.standins", str(config)])
        self.standins = f"http://127.0.0.1:{service.first_line.split()[-1]}"

    def add_people(self) -> None:
        """Two agents: ana, who sits here, and bo."""

        async def work(unit: Unit) -> None:
            await unit.directory.add_agent("ana", "Ana Agent", Role.AGENT)
            await unit.directory.add_agent("bo", "Bo Colleague", Role.AGENT)

        self.write(work)

    def add_channel(self, name: str) -> None:
        """Connect one of :data:`ACCOUNTS`, with the stand-in behind it if there is one."""
        account = ACCOUNTS[name]
        config = dict(account.config)
        if self.standins:
            config["base_url"] = f"{self.standins}/{name}"
        kind = ChannelKind(account.kind)
        self.write(lambda unit: unit.directory.add_channel(name, kind, config, {}, f"path-{name}"))
        self.hooks[name] = f"/hooks/path-{name}"

    def start_receiver(self) -> str:
        """Start ``serve`` on a free port and tell the stand-ins; its address."""
        service = self._start([PROGRAM, "serve", "--port", "0"])
        address = f"http://127.0.0.1:{service.first_line}"
        if self.standins:
            for name, path in self.hooks.items():
                self.control(name, "webhook_url", url=address + path)
        return address

    def start_sender(self) -> Service:
        """Start ``deliver``."""
        return self._start([PROGRAM, "deliver"], wait=False)

    def open_inbox(
        self, *, size: tuple[int, int] = (120, 40), agent: str = "ana", env: Mapping[str, str] | None = None
    ) -> PtyProcess:
        """The program itself, in a pseudo-terminal."""
        return PtyProcess([PROGRAM, "--agent", agent], home=self.home, size=size, env=env)

    def _start(self, command: Sequence[str], *, wait: bool = True) -> Service:
        service = Service(command, self.home, wait=wait)
        self.services.append(service)
        return service

    # -- the stand-ins -----------------------------------------------------------------------------------------------

    def control(self, channel: str, verb: str, **body: Any) -> Any:
        """Ask the control API of a stand-in; with a body it is a POST."""
        request = urllib.request.Request(f"{self.standins}/_standin/{channel}/{verb}")  # loopback
        if body:
            request.method, request.data = "POST", json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # loopback
            return json.load(answer)

    def accepted(self, channel: str) -> list[dict[str, Any]]:
        """What the stand-in took."""
        found: list[dict[str, Any]] = self.control(channel, "accepted")
        return found

    # -- the store ---------------------------------------------------------------------------------------------------

    def write(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Do ``work`` in one transaction."""

        async def whole() -> T:
            store = await Store.open(self.database)
            try:
                return await store.write(work)
            finally:
                await store.close()

        return asyncio.run(whole())

    def draft(self, contact_id: int, agent: str = "ana") -> str:
        """What is kept of an agent's unsent text."""

        async def work(unit: Unit) -> str:
            person = await unit.directory.agent(agent)
            assert person is not None
            kept = await unit.drafts.get(person.id, contact_id)
            return kept.body if kept is not None else ""

        return self.write(work)

    def add(self, make: Callable[[Mapping[str, Channel], Mapping[str, int]], Sequence[History]]) -> list[int]:
        """Write histories; ``make`` gets the channels by name and the agents' ids by handle. Their contact ids."""

        async def work(unit: Unit) -> list[int]:
            channels = {channel.name: channel for channel in await unit.directory.channels()}
            agents = {agent.handle: agent.id for agent in await unit.directory.agents()}
            by_id = {channel.id: channel for channel in channels.values()}
            histories = make(channels, agents)
            return await HistoryRepository.within(unit).add(unit, histories, by_id, datetime.now(UTC))

        return self.write(work)


def until(check: Callable[[], T | None], patience: float = PATIENCE) -> T:
    """Ask again until the answer is true; the answer. For things that happen in other processes."""
    deadline = time.monotonic() + patience
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < deadline, f"it never came: {check}"
        select.select([], [], [], 0.05)


def _secrets(account: Account) -> str:
    lines = "".join(f'{name} = "{value}"\n' for name, value in account.secrets.items())
    return f"[channels.{account.name}]\n{lines}"


def _passed() -> dict[str, str]:
    return {SPECS: os.environ[SPECS]} if SPECS in os.environ else {}
