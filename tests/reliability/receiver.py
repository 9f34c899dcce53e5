"""C6: the receiver dies between bytes, around its commits, before its answer, and while it works things off.

Channels post again until they are answered with 200, and now and then once more although they were. What was answered
must be in the database; in the end every customer's message is shown exactly once.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from pathlib import Path

from tests.reliability.forks import Fork, Forks, forking
from tests.reliability.hooks import Hooks
from tests.reliability.place import Place, address, open_place
from tests.reliability.report import Report
from tests.reliability.truth import truth_server
from tests.server.support import posts
from tests.server.support.workspace import eventually
from tui_inbox.domain.clock import system_clock

POINTS = (
    "between bytes",
    "at any moment",
    "before commit of ReceivingService.accept",
    "after commit of ReceivingService.accept",
    "before commit of ReceivingService._handle",
    "after commit of ReceivingService._handle",
    "before commit of ReceivingService._mark",
    "after commit of ReceivingService._mark",
)
"""Where it dies; the second half of these while it works off what it has answered."""
CONTACTS = 20
PER_KILL = 3
AGAIN = 0.3
"""Share of messages that a channel posts again although they were answered."""


class Customers:
    """They write, and their channel posts it."""

    def __init__(self, place: Place, hooks: Hooks, rng: random.Random) -> None:
        self._place, self._hooks, self._rng = place, hooks, rng
        self.written: Counter[int] = Counter()
        """Messages by number of the contact."""

    def write(self) -> bytes:
        """One message of one customer, posted until it is answered, sometimes twice."""
        number = self._rng.randrange(1, CONTACTS + 1)
        self.written[number] += 1
        ident = f"in.{self.written.total()}"
        said = posts.message(ident, f"question {ident}", system_clock(), address("wa", number).lstrip("+"))
        body = posts.whatsapp(said, name=f"Carla {number}")
        for _ in range(1 + (self._rng.random() < AGAIN)):
            self._hooks.soon("wa", body, self._rng.uniform(0, 0.05))
        return body


async def receiver(folder: Path, seed: int, kills: int) -> Report:
    """Kill the receiver this many times; see the module."""
    rng = random.Random(seed)
    violations: list[str] = []
    at: Counter[str] = Counter()
    async with (
        truth_server(seed) as truth,
        open_place(folder, truth, contacts=CONTACTS, channels=["wa"]) as place,
        forking(folder) as forks,
    ):
        fork = await forks.start("serve", **place.arguments())
        port = int(await fork.heard("port"))
        await fork.kill()
        hooks = Hooks(lambda: port, rng)
        customers = Customers(place, hooks, rng)
        for number in range(kills):
            point = POINTS[number % len(POINTS)]
            for _ in range(PER_KILL):
                customers.write()
            fork = await _one_life(forks, place, hooks, customers, point, port, rng)
            at[point] += 1
            violations += await asyncio.to_thread(_answered_is_stored, place, list(hooks.answered))
        fork = await forks.start("serve", **place.arguments(port=port))
        await hooks.done()
        await eventually(lambda: not _pending(place), within=60)
        fork.signal(signal.SIGTERM)
        await fork.ended()
        violations += _answered_is_stored(place, hooks.answered) + _shown_once(place, customers)
        figures = {
            "kills": at.total(),
            "customers' messages": customers.written.total(),
            "posts": hooks.posts,
            "answered with 200": len(hooks.answered),
            "bodies stored": place.ask("SELECT count(*) FROM inbound_events")[0][0],
            "answered and not stored": sum("not stored" in violation for violation in violations),
            "shown more or less than once": sum("shown" in violation for violation in violations),
        }
        return Report("receiver", seed, kills, figures, violations)


async def _one_life(
    forks: Forks, place: Place, hooks: Hooks, customers: Customers, point: str, port: int, rng: random.Random
) -> Fork:
    if point in ("between bytes", "at any moment"):
        fork = await forks.start("serve", **place.arguments(port=port))
        await fork.heard("port")
        if point == "between bytes":
            posting = asyncio.create_task(hooks.post("wa", customers.write(), pieces=40))
            await asyncio.sleep(rng.uniform(0, 0.08))
            await fork.kill()
            await posting
        else:
            await asyncio.sleep(rng.uniform(0, 0.1))
            await fork.kill()
        return fork
    fork = await forks.start("serve", **place.arguments(port=port, die_at=point, at_time=rng.randrange(1, 3)))
    while fork.running:
        customers.write()  # it may need more to get to its point
        await asyncio.sleep(0.1)
    return fork


def _pending(place: Place) -> int:
    return int(place.ask("SELECT count(*) FROM inbound_events WHERE status = 'pending'")[0][0])


def _answered_is_stored(place: Place, answered: list[bytes]) -> list[str]:
    stored = {bytes(row[0]) for row in place.ask("SELECT body FROM inbound_events")}
    return [f"answered and not stored: {body[-200:]!r}" for body in answered if body not in stored]


def _shown_once(place: Place, customers: Customers) -> list[str]:
    shown = place.ask("SELECT provider_id, count(*) FROM timeline WHERE direction = 'inbound' GROUP BY provider_id")
    expected = {f"in.{number}" for number in range(1, customers.written.total() + 1)}
    violations = [f"shown {count} times: {ident}" for ident, count in shown if count != 1 or ident not in expected]
    violations += [f"not shown: {ident}" for ident in expected - {ident for ident, _ in shown}]
    for number, contact_id in enumerate(place.contacts, 1):
        (unread,) = place.ask("SELECT unread FROM conversations WHERE contact_id = ?", contact_id)[0]
        if unread != customers.written[number]:
            violations.append(f"shown as {unread} unread, written {customers.written[number]}: contact {contact_id}")
    odd = place.ask("SELECT count(*) FROM inbound_events WHERE status != 'processed'")[0][0]
    return [*violations, *([f"{odd} bodies are not processed"] if odd else [])]
