"""D5: many processes work on one SQLite file at once: send, assign, close, snooze, note, search, and one delivers.

Nobody may be told that the database is locked, and at the end the invariants hold.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.reliability import checks
from tests.reliability.forks import forking
from tests.reliability.place import open_place
from tests.reliability.report import Report
from tests.reliability.truth import truth_server
from tui_inbox.domain.clock import system_clock
from tui_inbox.domain.delivery import Timing
from tui_inbox.domain.errors import InboxError, StoreError
from tui_inbox.domain.filters import InboxFilter
from tui_inbox.domain.models import Agent
from tui_inbox.domain.search import parse
from tui_inbox.repository.store import Store
from tui_inbox.services.context import Context
from tui_inbox.services.inbox import InboxService
from tui_inbox.services.lifecycle import LifecycleService
from tui_inbox.services.sending import SendingService, SendRequest

PROCESSES = 8
CONTACTS = 200
CHANNELS = ("wa", "tg")
WEIGHTS = {"send": 20, "assign": 15, "close": 12, "snooze": 10, "note": 13, "search": 30}
"""Share of each operation, in percent."""
BUDGET = 0.250
"""Seconds; p99 of a write on SQLite (reference: reliability, section 6, D5)."""


class Operator:
    """One agent's program that does one thing after another, as fast as it can."""

    def __init__(self, context: Context, agent: Agent, contacts: list[int], rng: random.Random) -> None:
        self._agent, self._contacts, self._rng = agent, contacts, rng
        self._sending = SendingService(context)
        self._lifecycle = LifecycleService(context)
        self._inbox = InboxService(context)
        self._number = 0
        self.seconds: dict[str, list[float]] = {name: [] for name in WEIGHTS}
        self.refusals: Counter[str] = Counter()
        self.locked: list[str] = []

    async def work(self, operations: int) -> None:
        """Do this many operations."""
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        for name in self._rng.choices(names, weights, k=operations):
            began = time.perf_counter()
            try:
                await self._do(name, self._rng.choice(self._contacts))
            except StoreError as error:
                self.locked.append(f"{name}: {error}")
            except InboxError as error:  # refused by the rules: somebody else was there first
                self.refusals[f"{name}: {type(error).__name__}"] += 1
            self.seconds[name].append(time.perf_counter() - began)

    async def _do(self, name: str, contact_id: int) -> None:
        self._number += 1
        if name == "send":
            await self._sending.send(self._agent, SendRequest(contact_id, text=f"{self._agent.handle} {self._number}"))
        elif name == "assign":
            await self._lifecycle.assign(self._agent, contact_id, self._rng.choice([self._agent, None]))
        elif name == "close":
            await self._lifecycle.close(self._agent, contact_id)
        elif name == "snooze":
            await self._lifecycle.snooze(self._agent, contact_id, system_clock() + timedelta(hours=1))
        elif name == "note":
            await self._lifecycle.note(self._agent, contact_id, f"note {self._number}")
        else:
            await self._inbox.page(InboxFilter(query=parse(f"carla {self._rng.randrange(1, CONTACTS)}")))


async def operate(arguments: dict[str, Any], say: Callable[..., None]) -> None:
    """Role of a child: operate, then leave the measurements in a file."""
    store = await Store.open(arguments["database"], migrate=False)
    async with store.read() as unit:
        agent = await unit.directory.agent("ana")
    assert agent is not None
    agent = Agent(agent.id, arguments["name"], agent.name, agent.role)
    operator = Operator(Context(store), agent, arguments["contacts"], random.Random(arguments["seed"]))
    await operator.work(arguments["operations"])
    await store.close()
    measured = {"seconds": operator.seconds, "refusals": operator.refusals, "locked": operator.locked}
    await asyncio.to_thread(Path(arguments["result"]).write_text, json.dumps(measured))


async def crowd(folder: Path, seed: int, operations: int) -> Report:
    """Eight processes with this many operations each; see the module."""
    began = time.monotonic()
    async with (
        truth_server(seed) as truth,
        open_place(folder, truth, contacts=CONTACTS, channels=CHANNELS, timing=Timing()) as place,
        forking(folder) as forks,
    ):
        deliver = await forks.start("deliver", **place.arguments())
        results = [folder / f"result-{number}.json" for number in range(PROCESSES)]
        workers = [
            await forks.start(
                "operate",
                **place.arguments(
                    name=f"agent-{number}",
                    seed=seed * 1000 + number,
                    operations=operations,
                    contacts=place.contacts,
                    result=str(result),
                ),
            )
            for number, result in enumerate(results)
        ]
        codes = await asyncio.gather(*(worker.ended(patience=None) for worker in workers))
        worked = time.monotonic() - began
        deliver.signal(signal.SIGTERM)
        await deliver.ended()
        place.queued = dict(place.ask("SELECT message_id, body FROM outbox"))
        violations = [f"a process failed: {worker.failure}" for worker in workers if worker.failure]
        violations += [f"a process ended with {code}" for code in codes if code]
        measured = [json.loads(result.read_text()) for result in results if result.exists()]
        violations += [f"locked: {told}" for one in measured for told in one["locked"]]
        violations += checks.sound(place) + checks.duplicates(place) + checks.inversions(place)
        violations += await checks.invariants(place)
        return Report("crowd", seed, operations, _figures(measured, worked, truth.requests), violations)


def _figures(measured: list[dict[str, Any]], seconds: float, requests: int) -> dict[str, Any]:
    times = {name: sorted(value for one in measured for value in one["seconds"][name]) for name in WEIGHTS}
    writes = sorted(value for name, values in times.items() if name != "search" for value in values)
    refusals: Counter[str] = Counter()
    for one in measured:
        refusals.update(one["refusals"])
    return {
        "processes": len(measured),
        "operations": sum(map(len, times.values())),
        "operations per second": sum(map(len, times.values())) / seconds,
        "told that the database is locked": sum(len(one["locked"]) for one in measured),
        "write p50 / p99 / longest, ms": _spread(writes),
        f"write p99 within {BUDGET * 1000:.0f} ms": "yes" if _at(writes, 0.99) <= BUDGET else "no",
        **{f"{name}: number, p50 / p99 / longest, ms": f"{len(t):,}, {_spread(t)}" for name, t in times.items()},
        "refused by the rules": ", ".join(f"{name} {number}" for name, number in sorted(refusals.items())),
        "messages sent meanwhile": requests,
    }


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def _spread(values: list[float]) -> str:
    return " / ".join(f"{value * 1000:.1f}" for value in (_at(values, 0.5), _at(values, 0.99), _at(values, 1.0)))
