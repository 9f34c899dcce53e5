"""A sender killed at each named point, and what the next one makes of it (reference: reliability, section 1.7).

Real processes die by SIGKILL; the server on loopback knows what really went out.
"""

from __future__ import annotations

import asyncio
import signal
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
from tui_inbox.domain.events import ReceiptEvent
from tui_inbox.domain.kinds import DeliveryState, Receipt

ROOT = Path(__file__).parents[2]


@dataclass
class Stage:
    """The pieces of one test."""

    space: Workspace
    faults: FaultServer
    shift: list[timedelta]
    folder: Path

    async def child(self, point: str) -> int:
        """Run a sender process that dies at ``point``; returns its exit code."""
        process = await self.start(point)
        return await asyncio.wait_for(process.wait(), 60)

    async def start(self, point: str) -> asyncio.subprocess.Process:
        """Start such a process."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.server.support.sender_process",
            str(self.folder / "inbox.db"),
            point,
            str(self.folder / "journal"),
            cwd=ROOT,
        )

    async def recover(self) -> None:
        """A new sender, after every lease of the dead one has ended."""
        self.shift[0] += timedelta(seconds=61)
        sender = self.space.sender("next", journal=self.folder / "journal")
        await sender.replay()
        while await sender.run_once():
            pass


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    shift = [timedelta(0)]
    async with (
        fault_server() as faults,
        open_workspace(tmp_path, lambda: system_clock() + shift[0], faults.base_url) as space,
    ):
        yield Stage(space, faults, shift, tmp_path)


@pytest.mark.parametrize(
    ("point", "left", "recovered", "taken"),
    [
        ("claimed", DeliveryState.LEASED, DeliveryState.SENT, 1),
        ("guard_done", DeliveryState.SENDING, DeliveryState.UNCERTAIN, 0),
        ("reply_received", DeliveryState.SENDING, DeliveryState.UNCERTAIN, 1),
        ("settled", DeliveryState.SENT, DeliveryState.SENT, 1),
    ],
)
async def test_a_sender_killed_at(
    stage: Stage, point: str, left: DeliveryState, recovered: DeliveryState, taken: int
) -> None:
    message_id = await stage.space.queue(await stage.space.add_contact())
    assert await stage.child(point) == -signal.SIGKILL
    assert await stage.space.state(message_id) is left
    assert not await stage.space.sender("early").run_once(), "nobody touches it while the lease runs"
    assert await stage.space.state(message_id) is left
    await stage.recover()
    assert await stage.space.state(message_id) is recovered
    assert len(stage.faults.taken) == taken
    async with stage.space.store.read() as unit:
        attempts = await unit.outbox.attempts(message_id)
    assert [attempt.n for attempt in attempts] == list(range(1, len(attempts) + 1)), "no gap in the attempts"


async def test_killed_with_the_request_on_the_wire(stage: Stage) -> None:
    message_id = await stage.space.queue(await stage.space.add_contact())
    reached, held = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        reached.set()
        await held.wait()

    stage.faults.script.append(Reply(before=hold))
    process = await stage.start("never")
    await asyncio.wait_for(reached.wait(), 30)
    process.kill()
    await process.wait()
    held.set()
    assert await stage.space.state(message_id) is DeliveryState.SENDING
    await stage.recover()
    assert await stage.space.state(message_id) is DeliveryState.UNCERTAIN
    assert stage.faults.requests == 1


async def test_a_receipt_settles_what_the_dead_sender_left_in_doubt(stage: Stage) -> None:
    message_id = await stage.space.queue(await stage.space.add_contact())
    assert await stage.child("reply_received") == -signal.SIGKILL
    await stage.recover()
    channel_id = stage.space.channels["wa"].id
    receipt = ReceiptEvent("k", system_clock(), Receipt.DELIVERED, provider_id="wamid.1", echo=message_id)
    await stage.space.store.write(lambda unit: unit.outbox.apply_receipt(channel_id, receipt))
    row = await stage.space.row(message_id)
    assert (row.state, row.receipt, row.provider_id) == (DeliveryState.SENT, Receipt.DELIVERED, "wamid.1")


async def test_three_senders_killed_before_the_first_byte_park_the_message(stage: Stage) -> None:
    poison = await stage.space.queue(await stage.space.add_contact(), "poison")
    for _ in range(3):
        assert await stage.child("claimed") == -signal.SIGKILL
        stage.shift[0] += timedelta(seconds=61)
        await stage.space.sender("next").expire()
        # The child has the real clock: what is due by ours must be due by its own.
        await asyncio.to_thread(_make_due, stage.folder / "inbox.db")
    assert await stage.space.state(poison) is DeliveryState.FAILED
    fine = await stage.space.queue(await stage.space.add_contact("+358409999999"), "fine")
    await stage.recover()
    assert await stage.space.state(fine) is DeliveryState.SENT
    assert stage.faults.texts() == ["fine"]


async def test_two_senders_at_once_send_everything_once_and_in_order(stage: Stage) -> None:
    targets = [await stage.space.add_contact(f"+3584011111{number:02}") for number in range(6)]
    for number in range(5):
        for index, target in enumerate(targets):
            await stage.space.queue(target, f"{index}:{number}")
    first, second = await stage.start("never"), await stage.start("never")
    stop = asyncio.Event()
    third = asyncio.create_task(stage.space.sender("third").run(stop))
    await eventually(lambda: len(stage.faults.taken) >= 30, within=60)
    stop.set()
    await third
    assert [await process.wait() for process in (first, second)] == [0, 0]
    texts = stage.faults.texts()
    assert len(texts) == len(set(texts)) == stage.faults.requests == 30
    for index in range(len(targets)):
        assert [text for text in texts if text.startswith(f"{index}:")] == [f"{index}:{n}" for n in range(5)]
    with closing(sqlite3.connect(stage.folder / "inbox.db")) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert plain.execute("SELECT DISTINCT state FROM outbox").fetchall() == [("sent",)]


def _make_due(database: Path) -> None:
    with closing(sqlite3.connect(database)) as plain, plain:
        plain.execute("UPDATE outbox SET due_at = 0 WHERE state = 'queued'")
