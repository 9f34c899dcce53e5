"""Every order in which two senders, one message, a channel and a person can act, with a death at every step.

The real store carries out each step; states that look the same to everybody are gone through once. The usual run goes a
few steps deep; ``python -m tests.reliability orders --size full`` goes on until there is no new state: many minutes.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.services.machine import ACCEPTED, NOTHING, REFUSED, Machine, Provider, Worker
from tests.support.sizes import size_of
from tui_inbox.domain.delivery import GRACE, LEASE
from tui_inbox.domain.kinds import DeliveryState as S
from tui_inbox.domain.kinds import Receipt
from tui_inbox.domain.models import OutboxRow
from tui_inbox.repository.dialect import ACTIVITY_TRIGGERS
from tui_inbox.services.invariants import violations

MESSAGE = "m1"
LATER = LEASE + GRACE + timedelta(seconds=1)
"""Long enough for every lease to end and for a person to decide."""
MOST_ATTEMPTS_SEEN, MOST_CONFIRMED = 2, 1
"""Orders with more of these only repeat the smaller ones."""
TABLES = ("outbox", "attempts", "activity", "channel_health", "orphan_receipts", "contact_channels")

DEPTH = size_of("orders", 5)
"""Steps in a row that are gone through; with 100 there is nothing beyond."""

Step = tuple[str, ...]
Way = tuple[Step, ...]


@dataclass(frozen=True)
class Frozen:
    """Everything that the machine is at one moment, so that it can be put back."""

    rows: dict[str, list[tuple[Any, ...]]]
    workers: dict[str, Worker]
    provider: Provider
    confirmed: int
    now: datetime
    boot: timedelta


class Explorer:
    """Puts one machine back and forth between its states."""

    def __init__(self, machine: Machine, path: Path) -> None:
        self.machine, self.plain = machine, sqlite3.connect(path, isolation_level=None)
        self.plain.execute("PRAGMA synchronous = OFF")
        for trigger in ACTIVITY_TRIGGERS:
            self.plain.execute(f"DROP TRIGGER {trigger.split()[2]}")

    def freeze(self) -> Frozen:
        """The present."""
        rows = {table: self.plain.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
        it = self.machine
        return Frozen(rows, dict(it.workers), it.provider, it.confirmed.get(MESSAGE, 0), it.clock.now, it.boot)

    def restore(self, frozen: Frozen) -> None:
        """Make a moment the present again."""
        self.plain.execute("BEGIN IMMEDIATE")
        self.plain.execute("PRAGMA defer_foreign_keys = ON")
        for table in reversed(TABLES):
            self.plain.execute(f"DELETE FROM {table}")
        for table, rows in frozen.rows.items():
            if rows:
                marks = ",".join("?" * len(rows[0]))
                self.plain.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        self.plain.execute("COMMIT")
        it = self.machine
        it.workers, it.provider, it.confirmed = dict(frozen.workers), frozen.provider, {MESSAGE: frozen.confirmed}
        it.clock.now, it.boot = frozen.now, frozen.boot

    async def look(self) -> tuple[Any, ...]:
        """What can be told apart: instants only by whether they have passed, workers not by name."""
        it, now = self.machine, self.machine.clock.now
        row = await it.get(MESSAGE)
        async with it.store.read() as unit:
            attempts = await unit.outbox.attempts(MESSAGE)
        lease = None if row.lease_until is None else (row.lease_until <= now, row.lease_until + GRACE <= now)
        hands = sorted(
            (
                worker.step,
                "" if worker.row is None else str(worker.row.lease_token == row.lease_token),
                "" if worker.outcome is None else worker.outcome.kind.value,
                worker.taken_at is not None and it.boot - worker.taken_at > timedelta(seconds=25),
            )
            for worker in it.workers.values()
        )
        return (
            row.state,
            lease,
            row.due_at <= now,
            row.receipt,
            tuple((attempt.outcome, attempt.first_byte_at is not None) for attempt in attempts),
            tuple(hands),
            it.provider.count(MESSAGE),
            it.confirmed.get(MESSAGE, 0),
        )


HEARD = ((ACCEPTED, True), (NOTHING, True), (NOTHING, False), (REFUSED, False))
"""What a sender hears, and whether the message arrived."""


def steps(machine: Machine, row: OutboxRow) -> Iterator[tuple[Step, Callable[[], Awaitable[object]]]]:
    """Every step that somebody can take now."""
    for name, worker in machine.workers.items():
        yield from _of_sender(machine, name, worker.step, row)
    yield ("time passes",), partial(_later, machine)
    if machine.provider.count(MESSAGE) and row.state is not S.CANCELLED:
        for receipt in (Receipt.SENT, Receipt.NONE):
            yield ("reported", receipt.name), partial(machine.report, MESSAGE, receipt, echo=True)
    if row.state in {S.FAILED, S.UNCERTAIN} and machine.confirmed.get(MESSAGE, 0) < MOST_CONFIRMED:
        yield ("again",), partial(machine.decide, MESSAGE, S.QUEUED)
    if row.state in {S.QUEUED, S.UNCERTAIN}:
        yield ("given up",), partial(machine.decide, MESSAGE, S.CANCELLED)


def _of_sender(
    machine: Machine, name: str, step: str, row: OutboxRow
) -> Iterator[tuple[Step, Callable[[], Awaitable[object]]]]:
    if step:
        yield (name, "dies"), _plain(partial(machine.die, name))
    elif row.state is S.QUEUED and row.attempts < MOST_ATTEMPTS_SEEN:
        yield (name, "claims"), partial(machine.claim, name)
    if step == "claimed":
        yield (name, "starts"), partial(machine.start, name)
    if step == "answered":
        yield (name, "settles"), partial(machine.settle, name)
    if step == "started":
        for outcome, arrives in HEARD:
            yield (name, "hears", outcome.kind.value), _plain(partial(machine.send, name, outcome, arrives=arrives))


def _plain(act: Callable[[], object]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        act()

    return run


async def _later(machine: Machine) -> None:
    machine.pass_time(LATER)
    await machine.expire()


@pytest.mark.parametrize("keyed", [False, True], ids=["keyless", "keyed"])
async def test_no_order_sends_twice_or_loses(tmp_path: Path, keyed: bool) -> None:
    path = tmp_path / "every.db"
    machine = await Machine.build(path, keyed=keyed)
    await machine.queue(MESSAGE)
    explorer = Explorer(machine, path)
    with closing(explorer.plain):
        seen = {await explorer.look()}
        todo = deque[tuple[Frozen, Way]]([(explorer.freeze(), ())])
        taken = 0
        while todo:
            frozen, way = todo.popleft()
            if len(way) >= DEPTH:
                continue
            explorer.restore(frozen)
            row = await machine.get(MESSAGE)
            for name, act in list(steps(machine, row)):
                explorer.restore(frozen)
                await act()
                taken += 1
                look = await explorer.look()
                if look in seen:
                    continue
                seen.add(look)
                machine.check_truth([await machine.get(MESSAGE)])
                assert await violations(machine.store, machine.clock.now) == [], (*way, name)
                todo.append((explorer.freeze(), (*way, name)))
    await machine.store.close()
    assert {look[0] for look in seen} >= {S.LEASED, S.SENDING, S.SENT, S.FAILED, S.CANCELLED}
    print(f"{len(seen)} states, {taken} steps")
