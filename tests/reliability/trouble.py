"""C8 and N7: a message that kills its sender again and again, and a database that is out of reach after the answer."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from tests.reliability import checks
from tests.reliability.forks import Forks, forking
from tests.reliability.place import open_place
from tests.reliability.points import AT_ONCE, ShiftedClock
from tests.reliability.report import Report
from tests.reliability.truth import Fault, truth_server
from tests.server.support.workspace import eventually
from tui_inbox.domain.delivery import Timing

MOST_LIVES = 12
"""Starts after which a crash loop has not ended."""
FINE = 5


async def poison(folder: Path, seed: int, rounds: int) -> Report:
    """C8: the sender dies whenever it claims one message, and is started again each time; ``rounds`` such messages."""
    violations: list[str] = []
    deaths = []
    async with forking(folder) as forks:
        for number in range(rounds):
            found, died = await _crash_loop(folder / f"poison-{number}", forks)
            violations += found
            deaths.append(died)
    figures = {
        "poisoned messages": rounds,
        "deaths until each was parked": ", ".join(map(str, deaths)),
        "other messages sent": rounds * FINE,
    }
    return Report("poison", seed, rounds, figures, violations)


async def _crash_loop(folder: Path, forks: Forks) -> tuple[list[str], int]:
    clock = ShiftedClock()
    async with (
        truth_server() as truth,
        open_place(folder, truth, contacts=1 + FINE, channels=["wa"], clock=clock, timing=Timing()) as place,
    ):
        bad = await place.queue(place.contacts[0], "wa", "poison")
        for contact_id in place.contacts[1:]:
            await place.queue(contact_id, "wa")
        died = 0
        for _ in range(MOST_LIVES):
            fork = await forks.start(
                "deliver_to_point", **place.arguments(die_at="claimed poison", shift=clock.shift.total_seconds())
            )
            if await fork.ended() != -signal.SIGKILL:
                break
            died += 1
            clock.shift += place.timing.lease + timedelta(seconds=1)
        row = place.ask("SELECT state, error_class, error_code FROM outbox WHERE message_id = ?", bad)[0]
        violations = [] if row == ("failed", "internal", "lost_leases") else [f"the poisoned message is {row}"]
        violations += [] if died == 3 else [f"parked after {died} deaths"]
        violations += ["the poisoned message was sent"] if truth.got("poison") else []
        del place.queued[bad]
        return violations + await checks.everything(place), died


async def partition(folder: Path, seed: int, sends: int) -> Report:
    """N7: the answer is there, the database is not; the sender is killed while it waits. ``sends`` such answers."""
    violations: list[str] = []
    done = requests = 0
    async with forking(folder) as forks:
        while done < sends:
            many, channel = min(AT_ONCE, sends - done), ("wa", "tg", "line")[done // AT_ONCE % 3]
            found, made = await _cut_off(folder, forks, channel, many, done)
            violations += found
            requests += made
            done += many
    violations += [f"{requests - done} messages were sent again"] if requests != done else []
    figures = {
        "answers while the database was out of reach": done,
        "requests": requests,
        "sent again": requests - done,
    }
    return Report("partition", seed, sends, figures, violations)


async def _cut_off(folder: Path, forks: Forks, channel: str, many: int, number: int) -> tuple[list[str], int]:
    """Some senders whose answers come while nobody can write; violations, and requests that the channel saw."""
    journal = folder / "state" / "tui-inbox" / "results"

    def kept() -> int:
        return len(list(journal.glob("*.result.json")))

    async with (
        truth_server() as truth,
        open_place(folder / f"partition-{number}", truth, contacts=many, channels=[channel], timing=Timing()) as place,
    ):
        answer = asyncio.Event()
        for contact_id in place.contacts:
            text = place.queued[await place.queue(contact_id, channel)]
            truth.script[text].append(Fault("held", hold=answer.wait))
        senders = [await forks.start("deliver_to_point", **place.arguments()) for _ in range(many)]
        await eventually(lambda: len(truth.accepted) == many, within=60)
        with closing(sqlite3.connect(place.database, isolation_level=None, timeout=60)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            answer.set()
            await eventually(lambda: kept() == many, within=60)
            for sender in senders:
                await sender.kill()
        violations = []
        if place.ask("SELECT count(*) FROM outbox WHERE state = 'sending'")[0][0] != many:
            violations.append("a result came into the database while nobody could write")
        await (await forks.start("deliver_to_point", **place.arguments())).ended()
        violations += await checks.everything(place)
        violations += [f"left in the journal: {path.name}" for path in journal.glob("*.json")]
        return violations, truth.requests
