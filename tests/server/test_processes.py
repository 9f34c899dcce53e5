"""Starting, finding, watching and stopping processes beside the screen."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.server.support.fault_server import FaultServer, fault_server
from tests.server.support.workspace import SECRETS, Workspace, eventually, open_workspace
from tui_inbox.domain.clock import system_clock
from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.server.processes import (
    ManagedProcess,
    ParentWatch,
    ensure_sender,
    run_sender,
    sender_alive,
    sender_command,
    worker_name,
)
from tui_inbox.services.delivery import DeliveryService

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


@dataclass
class Stage:
    """The pieces of one test."""

    space: Workspace
    faults: FaultServer
    folder: Path


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with fault_server() as faults, open_workspace(tmp_path, system_clock, faults.base_url) as space:
        yield Stage(space, faults, tmp_path)


async def started(command: list[str]) -> ManagedProcess:
    """Start a process that says ``up`` when it is."""
    process = ManagedProcess.start(command, stdout=subprocess.PIPE)
    assert process.process.stdout is not None
    assert await asyncio.to_thread(process.process.stdout.readline) == b"up\n"
    return process


@pytest.mark.parametrize(("command", "code"), [(SLEEPER, -15), (STUBBORN, -9)])
async def test_a_process_is_asked_to_end_and_then_killed(command: list[str], code: int) -> None:
    process = await started(command)
    assert process.running
    assert os.getsid(process.pid) == process.pid, "a session of its own, so no hang-up of the terminal reaches it"
    assert await process.stop(1.0 if code == -9 else 10.0) == code
    assert process.process.poll() == code
    assert await process.stop() == code


async def test_its_errors_go_to_a_log_that_only_its_owner_reads(tmp_path: Path) -> None:
    log = tmp_path / "state" / "deliver.log"
    for _ in range(2):
        process = ManagedProcess.start([sys.executable, "-c", "import sys; sys.stderr.write('oh')"], log_file=log)
        assert await process.wait(30) == 0
    assert log.read_text() == "ohoh"
    assert log.stat().st_mode & 0o777 == 0o600


async def test_a_process_that_is_let_go_lives_on() -> None:
    process = await started(SLEEPER)
    pipe = process.process.stdout
    assert pipe is not None
    pid = process.pid
    process.let_go()
    os.kill(pid, 0)
    os.kill(pid, 9)
    assert await asyncio.to_thread(os.waitpid, pid, 0) == (pid, 9)
    pipe.close()


async def test_a_watch_sees_the_parent_go() -> None:
    assert not ParentWatch(os.getppid()).gone
    other = await started(SLEEPER)
    watch = ParentWatch(other.pid)
    assert not watch.gone
    await other.stop()
    assert watch.gone


async def test_a_sender_is_started_only_when_nobody_sends(stage: Stage) -> None:
    assert not await sender_alive(stage.space.store, system_clock)
    stop = asyncio.Event()

    class Services:
        """Makes senders."""

        fetching = stage.space.fetching

        def make_delivery(self, worker: str) -> DeliveryService:
            return stage.space.sender(worker)

    running = asyncio.create_task(run_sender(Services(), system_clock, stop))

    async def alive() -> bool:
        return await sender_alive(stage.space.store, system_clock)

    await eventually(alive)
    assert await ensure_sender(stage.space.store, system_clock, database="unused") is None
    stop.set()
    await running
    assert not await alive()


async def test_a_sender_that_died_is_not_taken_to_be_running_for_long(stage: Stage) -> None:
    now = system_clock()
    await stage.space.store.write(lambda unit: unit.directory.heartbeat("deliver", "dead", 1, now))
    assert await sender_alive(stage.space.store, lambda: now + timedelta(seconds=14))
    assert not await sender_alive(stage.space.store, lambda: now + timedelta(seconds=16))


async def test_the_sender_of_the_program_sends_and_leaves_after_its_parent(
    stage: Stage,
) -> None:
    config = stage.folder / "config.toml"
    config.write_text(f'[channels.wa]\ntoken = "{SECRETS["token"]}"\n')
    config.chmod(0o600)
    message_id = await stage.space.queue(await stage.space.add_contact())
    parent = await started(SLEEPER)
    command = sender_command(database=stage.space.store.url, config=config, parent=parent.pid)
    sender = ManagedProcess.start(command, log_file=stage.folder / "deliver.log")
    try:

        async def sent() -> bool:
            assert sender.running, (stage.folder / "deliver.log").read_text()
            return await stage.space.state(message_id) is DeliveryState.SENT

        await eventually(sent, within=60)
        assert await sender_alive(stage.space.store, system_clock)
        await parent.stop()
        assert await sender.wait(30) == 0
        assert not await sender_alive(stage.space.store, system_clock)
    finally:
        await parent.stop()
        await sender.stop()
    assert len(stage.faults.taken) == 1


def test_names_of_workers_differ() -> None:
    assert worker_name(system_clock) != worker_name(system_clock)
