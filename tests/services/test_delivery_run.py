"""The sender as it runs: waking, heartbeat, leaving, trouble with the database, results kept in the journal."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.server.support.fault_server import FaultServer, Reply, fault_server
from tests.server.support.workspace import Workspace, eventually, open_workspace
from tui_inbox.domain.clock import system_clock
from tui_inbox.domain.delivery import LEASE
from tui_inbox.domain.errors import StoreBusyError
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import DeliveryState, ErrorClass
from tui_inbox.repository.store import Store
from tui_inbox.services.delivery import ALIVE_WITHIN, KIND
from tui_inbox.services.delivery_journal import ResultJournal, Settlement

ROOT = Path(__file__).parents[2]


@dataclass
class Stage:
    """The pieces of one test."""

    space: Workspace
    faults: FaultServer
    shift: list[timedelta]
    folder: Path

    @property
    def database(self) -> Path:
        """The database file."""
        return self.folder / "inbox.db"

    @property
    def journal(self) -> Path:
        """Directory of kept results."""
        return self.folder / "journal"

    def kept(self) -> list[Path]:
        """Results kept in the journal."""
        return sorted(self.journal.glob("*.json"))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    shift = [timedelta(0)]
    async with (
        fault_server() as faults,
        open_workspace(tmp_path, lambda: system_clock() + shift[0], faults.base_url) as space,
    ):
        yield Stage(space, faults, shift, tmp_path)


async def test_it_sees_what_another_process_queues_and_is_known_to_run(stage: Stage) -> None:
    woken: list[int] = []

    async def wake_due() -> int:
        woken.append(1)
        return 0

    stop = asyncio.Event()
    running = asyncio.create_task(stage.space.sender("runner", wake_due=wake_due).run(stop))
    await eventually(lambda: woken)
    async with stage.space.store.read() as unit:
        assert await unit.directory.alive(KIND, system_clock(), ALIVE_WITHIN)
    other = Workspace(await Store.open(str(stage.database)), stage.space.clock, "", stage.space.adapters)
    other.channels, other.agent_id = stage.space.channels, stage.space.agent_id
    try:
        message_id = await other.queue(await other.add_contact())
    finally:
        await other.store.close()

    async def sent() -> bool:
        return await stage.space.state(message_id) is DeliveryState.SENT

    await eventually(sent, within=5)
    stop.set()
    await running
    async with stage.space.store.read() as unit:
        assert not await unit.directory.alive(KIND, system_clock(), ALIVE_WITHIN)


async def test_it_waits_for_the_time_of_undo(stage: Stage) -> None:
    message_id = await stage.space.queue(await stage.space.add_contact(), due_in=5)
    sender = stage.space.sender()
    assert not await sender.run_once()
    stage.shift[0] += timedelta(seconds=5)
    assert await sender.run_once()
    assert await stage.space.state(message_id) is DeliveryState.SENT


async def test_it_leaves_when_told_and_nothing_is_due_soon(stage: Stage) -> None:
    message_id = await stage.space.queue(await stage.space.add_contact())
    await asyncio.wait_for(stage.space.sender().run(asyncio.Event(), leave_when=lambda: True), 20)
    assert await stage.space.state(message_id) is DeliveryState.SENT, "what was due went first"


async def test_it_stays_for_what_is_due_soon(stage: Stage) -> None:
    message_id = await stage.space.queue(await stage.space.add_contact(), due_in=300)
    asked: list[int] = []

    def leave() -> bool:
        asked.append(1)
        return True

    sender = stage.space.sender()
    running = asyncio.create_task(sender.run(asyncio.Event(), leave_when=leave))
    await eventually(lambda: len(asked) > 1)
    assert not running.done()
    stage.shift[0] += timedelta(seconds=300)
    sender.wake()
    await asyncio.wait_for(running, 20)
    assert await stage.space.state(message_id) is DeliveryState.SENT


async def test_no_more_than_four_at_once(stage: Stage) -> None:
    held = asyncio.Event()
    stage.faults.script.extend(Reply(before=held.wait) for _ in range(6))
    for number in range(6):
        await stage.space.queue(await stage.space.add_contact(f"+3584011111{number:02}"))
    stop, sender = asyncio.Event(), stage.space.sender()
    running = asyncio.create_task(sender.run(stop))
    await eventually(lambda: stage.faults.at_once == 4)
    assert sender.busy
    held.set()
    await eventually(lambda: len(stage.faults.taken) == 6)
    stop.set()
    await running
    assert stage.faults.most_at_once == 4


async def test_what_is_on_the_wire_is_waited_for_at_the_end(stage: Stage) -> None:
    held = asyncio.Event()
    stage.faults.script.append(Reply(before=held.wait))
    message_id = await stage.space.queue(await stage.space.add_contact())
    stop, sender = asyncio.Event(), stage.space.sender()
    running = asyncio.create_task(sender.run(stop))
    await eventually(lambda: stage.faults.at_once == 1)
    stop.set()
    held.set()
    await running
    assert await stage.space.state(message_id) is DeliveryState.SENT


async def test_trouble_with_the_database_is_waited_out(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_inbox.services.delivery.STORE_TROUBLE_WAIT", 0.01)
    troubles: list[int] = []

    async def busy() -> int:
        if len(troubles) < 3:
            troubles.append(1)
            raise StoreBusyError("locked")
        return 0

    message_id = await stage.space.queue(await stage.space.add_contact())
    stop = asyncio.Event()
    running = asyncio.create_task(stage.space.sender(wake_due=busy).run(stop))

    async def sent() -> bool:
        return await stage.space.state(message_id) is DeliveryState.SENT

    await eventually(sent)
    stop.set()
    await running
    assert len(troubles) == 3


async def test_a_slow_database_gets_the_result_from_memory_and_leaves_no_copy(stage: Stage) -> None:
    message_id = await stage.space.queue(await stage.space.add_contact())
    with closing(sqlite3.connect(stage.database, isolation_level=None, check_same_thread=False)) as lock:

        async def lock_database() -> None:
            lock.execute("BEGIN IMMEDIATE")

        stage.faults.script.append(Reply(before=lock_database))
        sending = asyncio.create_task(stage.space.sender(journal=stage.journal).run_once())
        await eventually(stage.kept)
        lock.execute("ROLLBACK")
        await sending
    assert await stage.space.state(message_id) is DeliveryState.SENT
    assert stage.kept() == []


async def test_a_result_that_the_database_never_took_is_replayed_by_the_next_sender(stage: Stage) -> None:
    message_id = await stage.space.queue(await stage.space.add_contact())
    with closing(sqlite3.connect(stage.database, isolation_level=None, check_same_thread=False)) as lock:

        async def lock_database() -> None:
            lock.execute("BEGIN IMMEDIATE")

        stage.faults.script.append(Reply(before=lock_database))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.server.support.sender_process",
            str(stage.database),
            "never",
            str(stage.journal),
            cwd=ROOT,
        )
        await eventually(stage.kept, within=60)
        process.kill()
        await process.wait()
        lock.execute("ROLLBACK")
    assert await stage.space.state(message_id) is DeliveryState.SENDING
    stage.shift[0] += LEASE + timedelta(seconds=1)
    sender = stage.space.sender("next", journal=stage.journal)
    elsewhere = stage.folder / "elsewhere"
    elsewhere.mkdir()
    async with open_workspace(elsewhere, stage.space.clock, "") as other:
        assert await other.sender(journal=stage.journal).replay() == 0
        assert len(stage.kept()) == 1, "a result of another database is left alone"
    await sender.expire()
    assert await stage.space.state(message_id) is DeliveryState.UNCERTAIN
    assert await sender.replay() == 1
    row = await stage.space.row(message_id)
    assert (row.state, row.provider_id, stage.faults.requests) == (DeliveryState.SENT, "wamid.1", 1)
    assert stage.kept() == []
    assert stage.journal.stat().st_mode & 0o777 == 0o700


def test_a_settlement_survives_the_journal_and_rubbish_is_set_aside(tmp_path: Path) -> None:
    now = system_clock()
    outcome = SendOutcome(OutcomeKind.RETRY, error_class=ErrorClass.RATE_LIMITED, retry_after=3.5, pauses_channel=True)
    settlement = Settlement("m", "t", 1, 2, 3, DeliveryState.QUEUED, outcome, now, now, False, "slow", now)
    journal = ResultJournal(tmp_path)
    journal.spool(settlement)
    (tmp_path / "x-y.result.json").write_text("{half")
    assert journal.waiting() == [settlement]
    journal.remove(settlement)
    assert journal.waiting() == []
    assert [path.name for path in tmp_path.iterdir()] == ["x-y.result.unreadable"]
    ResultJournal(None).spool(settlement)
    assert ResultJournal(None).waiting() == []
