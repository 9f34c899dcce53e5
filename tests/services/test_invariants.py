"""The invariants of sending: silent over everything that the program does, and loud when a row is tampered with."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.server.support.fault_server import FaultServer, Reply, fault_server, refusal
from tests.server.support.workspace import NOW, SetClock, Workspace, open_workspace
from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.repository.dialect import ACTIVITY_TRIGGERS
from tui_inbox.repository.store import Store
from tui_inbox.services.invariants import violations
from tui_inbox.services.sending import SendingService

FIRST, SECOND = "message-1", "message-2"
Stage = tuple[Workspace, FaultServer, SetClock]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    clock = SetClock()
    async with fault_server() as faults, open_workspace(tmp_path, clock, faults.base_url) as space:
        yield space, faults, clock


async def deliver(space: Workspace) -> None:
    sender = space.sender()
    while await sender.run_once():
        pass


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with two messages that were delivered, one after the other."""
    folder = tmp_path_factory.mktemp("delivered")

    async def build() -> None:
        async with fault_server() as faults, open_workspace(folder, SetClock(), faults.base_url) as space:
            target = await space.add_contact()
            ids = [await space.queue(target, text) for text in ("first", "second")]
            await deliver(space)
        with closing(sqlite3.connect(folder / "inbox.db")) as plain, plain:
            plain.execute("PRAGMA foreign_keys = OFF")
            for old, new in zip(ids, (FIRST, SECOND), strict=True):
                for table in ("outbox", "attempts", "timeline"):
                    plain.execute(f"UPDATE {table} SET message_id = ? WHERE message_id = ?", (new, old))
                plain.execute("UPDATE outbox SET idempotency_key = 'its own'")
            for trigger in ACTIVITY_TRIGGERS:
                plain.execute(f"DROP TRIGGER {trigger.split()[2]}")
            for old, new in zip(ids, (FIRST, SECOND), strict=True):
                plain.execute("UPDATE activity SET message_id = ? WHERE message_id = ?", (new, old))

    asyncio.run(build())
    return folder / "inbox.db"


async def told_after(database: Path, folder: Path, *statements: str) -> list[str]:
    """What is told of a copy of a database that was changed past the program."""
    copy = folder / "copy.db"
    copy.unlink(missing_ok=True)
    shutil.copy(database, copy)
    with closing(sqlite3.connect(copy)) as plain, plain:
        for statement in statements:
            plain.execute(statement)
    store = await Store.open(str(copy), migrate=False)
    try:
        return await violations(store, NOW)
    finally:
        await store.close()


async def test_nothing_that_the_program_does_breaks_them(stage: Stage) -> None:
    space, faults, clock = stage
    target, other = await space.add_contact(), await space.add_contact("+358409999999")
    faults.script.extend([refusal(130429, 429), Reply(drops=True), refusal(131026)])
    ids = [await space.queue(target if number % 2 else other, str(number)) for number in range(6)]
    for _ in range(4):
        await deliver(space)
        clock.advance(minutes=2)
    states = [await space.state(ident) for ident in ids]
    assert {DeliveryState.UNCERTAIN, DeliveryState.FAILED, DeliveryState.SENT} <= set(states)
    async with space.store.read() as unit:
        agent = await unit.directory.agent("ana")
    assert agent is not None
    for ident, state in zip(ids, states, strict=True):
        if state in {DeliveryState.UNCERTAIN, DeliveryState.FAILED}:
            await SendingService(space.context).retry(agent, ident, confirmed=True)
    await deliver(space)
    assert {await space.state(ident) for ident in ids} == {DeliveryState.SENT}
    assert await violations(space.store, clock()) == []


async def test_a_sound_database_is_told_to_be_sound(delivered: Path, tmp_path: Path) -> None:
    assert await told_after(delivered, tmp_path) == []


AGAIN = (
    "INSERT INTO attempts (message_id, n, token, leased_at, first_byte_at, outcome) "
    f"VALUES ('{FIRST}', 2, 'x', 2, 2, 'accepted')",
    f"UPDATE outbox SET attempts = 2 WHERE message_id = '{FIRST}'",
)


@pytest.mark.parametrize(
    ("invariant", "statements"),
    [
        ("I1", [f"UPDATE outbox SET state = 'sending', lease_until = NULL WHERE message_id = '{FIRST}'"]),
        (
            "I1",
            [f"UPDATE outbox SET state = 'leased', lease_token = 't', lease_until = 1 WHERE message_id = '{FIRST}'"],
        ),
        (
            "I2",
            [
                f"UPDATE outbox SET provider_id = '' WHERE message_id = '{FIRST}'",
                f"UPDATE attempts SET outcome = 'ambiguous' WHERE message_id = '{FIRST}'",
            ],
        ),
        ("I3", AGAIN),
        ("I3", [*AGAIN, f"UPDATE attempts SET outcome = 'lease expired' WHERE message_id = '{FIRST}'"]),
        ("I4", [*AGAIN, f"UPDATE outbox SET key_expires_at = 1 WHERE message_id = '{FIRST}'"]),
        ("I6", [f"DELETE FROM attempts WHERE message_id = '{FIRST}'"]),
        ("I6", [f"UPDATE attempts SET n = 2 WHERE message_id = '{FIRST}'"]),
        ("I6", [f"UPDATE outbox SET attempts = 2 WHERE message_id = '{FIRST}'"]),
        ("I7", [f"UPDATE outbox SET version = version + 1 WHERE message_id = '{FIRST}'"]),
        ("I7", [f"UPDATE outbox SET state = 'failed' WHERE message_id = '{FIRST}'"]),
        ("I7", [f"DELETE FROM activity WHERE kind = 'message_leased' AND message_id = '{FIRST}'"]),
        (
            "I7",
            [
                "UPDATE activity SET kind = 'message_cancelled' "
                "WHERE kind = 'message_sending' AND message_id = 'message-1'"
            ],
        ),
        ("I8", [f"UPDATE outbox SET receipt = 2 WHERE message_id = '{FIRST}'"]),
        (
            "I8",
            [
                f"UPDATE outbox SET receipt = 2, receipt_at = 1, first_byte_at = NULL WHERE message_id = '{FIRST}'",
                f"UPDATE attempts SET first_byte_at = NULL WHERE message_id = '{FIRST}'",
            ],
        ),
    ],
)
async def test_each_is_told_by_name_with_the_message(
    delivered: Path, tmp_path: Path, invariant: str, statements: list[str]
) -> None:
    told = [line for line in await told_after(delivered, tmp_path, *statements) if line.startswith(f"{invariant}: ")]
    assert told, "nobody noticed"
    assert all(f"message {FIRST}" in line for line in told)


async def test_who_goes_out_before_an_earlier_one_is_told_unless_that_was_sent_again_by_a_person(
    delivered: Path, tmp_path: Path
) -> None:
    swapped = f"UPDATE outbox SET seq = 9 WHERE message_id = '{FIRST}'"
    assert await told_after(delivered, tmp_path, swapped) == [
        f"I5: message {FIRST} went out before an earlier message to the same customer."
    ]
    again = (
        "INSERT INTO activity (at, kind, message_id, detail) VALUES "
        f"(1, 'message_queued', '{SECOND}', '{{\"from\": \"failed\"}}')"
    )
    told = await told_after(delivered, tmp_path, swapped, again)
    assert not [line for line in told if line.startswith("I5")]
