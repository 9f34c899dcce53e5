"""C1 and C3: senders die and freeze at random moments while the channels go wrong.

Three senders run ``deliver`` and are killed after a random time, each at once replaced. Others are stopped beyond their
lease and woken. A receiver takes the channels' reports, a scripted person settles what is uncertain. At the end nobody
is killed any more, everything comes to rest, and the database is compared with the truth.
"""

from __future__ import annotations

import asyncio
import math
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.reliability import checks
from tests.reliability.forks import Fork, Forks, forking
from tests.reliability.hooks import Hooks
from tests.reliability.person import Person
from tests.reliability.place import KINDS, Place, open_place
from tests.reliability.report import Report
from tests.reliability.sockets import owner_of
from tests.reliability.truth import Request, truth_server

SENDERS = 3
STILLBORN, BIRTH = 0.15, 0.3
"""Share of senders that are killed while they start, and within how many seconds."""
IDLE, LIFE = 1.5, 0.35
"""Seconds that the others live at most until a request comes in, and then."""
BACKLOG = 60
"""Messages that wait to be sent, so that every sender has work."""
CONTACTS = 60
REST = 90.0
"""Seconds without any progress after which what has not come to rest, with nobody killed any more, never will."""


@dataclass
class Storm:
    """One run."""

    place: Place
    forks: Forks
    rng: random.Random
    person: Person
    at_work: asyncio.Event = field(default_factory=asyncio.Event)
    """A request came in."""
    kills: int = 0
    hit: int = 0
    """Kills of a sender that had a request on the wire."""
    pauses: int = 0
    held: int = 0
    """Messages that paused senders held."""
    stale: list[str] = field(default_factory=list)
    """What woken senders sent on a lease that had ended."""
    woken: dict[int, dict[str, str]] = field(default_factory=dict)
    """By process: the messages that it held when it was stopped, with the lease token."""

    async def killed_senders(self, kills: int) -> None:
        """One sender after another, each killed after a random time."""
        while self.kills < kills:
            self.kills += 1
            fork = await self._live_a_while()
            self.hit += bool(await asyncio.to_thread(self._on_the_wire, fork.pid))
            await fork.kill()

    async def paused_senders(self, pauses: int) -> None:
        """One sender after another, each stopped beyond its lease, woken, and killed a little later."""
        while self.pauses < pauses:
            self.pauses += 1
            fork = await self._live_a_while()
            fork.signal(signal.SIGSTOP)
            await fork.stopped()
            holds = await asyncio.to_thread(self._holds, fork)
            self.held += len(holds)
            self.woken[fork.pid] = holds
            await asyncio.sleep(self.place.timing.lease.total_seconds() + self.rng.uniform(0.2, 0.8))
            fork.signal(signal.SIGCONT)
            await asyncio.sleep(self.rng.uniform(0.3, 0.9))
            del self.woken[fork.pid]
            await fork.kill()

    async def _live_a_while(self) -> Fork:
        fork = await self.forks.start("deliver", **self.place.arguments())
        if self.rng.random() < STILLBORN:
            await asyncio.sleep(self.rng.uniform(0, BIRTH))
        else:
            await fork.heard("running")
            self.at_work.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE):
                    await self.at_work.wait()
            await asyncio.sleep(self.rng.uniform(0, LIFE))
        return fork

    async def feed(self, stop: asyncio.Event) -> None:
        """Keep messages waiting on every channel until told to stop."""
        while not stop.is_set():
            waiting = self.place.ask("SELECT count(*) FROM outbox WHERE state IN ('queued', 'leased')")[0][0]
            for _ in range(max(0, min(10, BACKLOG - waiting))):
                await self.place.queue(self.rng.choice(self.place.contacts), self.rng.choice(list(KINDS)))
            await asyncio.sleep(0.15)

    def watch(self, request: Request) -> None:
        """Note what a woken sender sends on a lease that it had before it was stopped."""
        self.at_work.set()
        if not self.woken:
            return
        pid = owner_of(request.peer, self.woken)
        if pid is None:
            return
        for message_id, token in self.woken[pid].items():
            if self.place.queued[message_id] == request.text:
                now = self.place.ask("SELECT lease_token, lease_owner FROM outbox WHERE message_id = ?", message_id)
                if now[0][0] == token or f":{pid}:" not in now[0][1]:
                    self.stale.append(f"woken: '{request.text}' was sent on an ended lease")

    async def rest(self) -> None:
        """Nobody dies any more: everything must come to an end."""
        self.place.truth.faulty = False
        calm = [await self.forks.start("deliver", **self.place.arguments()) for _ in range(2)]
        left, end = -1, math.inf
        while left and time.monotonic() < end:
            before, left = left, self.place.ask("SELECT count(*) FROM outbox WHERE state != 'sent'")[0][0]
            if left != before:
                end = time.monotonic() + REST  # a busy machine is slow, but something goes on
            await asyncio.sleep(0.3)
        for fork in calm:
            fork.signal(signal.SIGTERM)
            await fork.ended()

    def _holds(self, fork: Fork) -> dict[str, str]:
        rows = self.place.ask(
            "SELECT message_id, lease_token FROM outbox WHERE state IN ('leased', 'sending') AND lease_owner LIKE ?",
            f"%:{fork.pid}:%",
        )
        return dict(rows)

    def _on_the_wire(self, pid: int) -> int:
        return int(
            self.place.ask("SELECT count(*) FROM outbox WHERE state = 'sending' AND lease_owner LIKE ?", f"%:{pid}:%")[
                0
            ][0]
        )


async def storm(folder: Path, seed: int, kills: int, pauses: int) -> Report:
    """Run it; see the module."""
    rng = random.Random(seed)
    async with (
        truth_server(seed) as truth,
        open_place(folder, truth, contacts=CONTACTS) as place,
        forking(folder) as forks,
        receiving(place, forks, seed) as hooks,
    ):
        person = Person(place)
        run = Storm(place, forks, rng, person)
        truth.faulty, truth.told, truth.seen = True, hooks.report, run.watch
        stop_feeding, stop_person = asyncio.Event(), asyncio.Event()
        began = time.monotonic()
        feeding = asyncio.create_task(run.feed(stop_feeding))
        deciding = asyncio.create_task(person.work(stop_person))
        slots = 0 if not pauses else max(1, min(4, round(SENDERS * pauses * 10 / max(1, kills))))
        await asyncio.gather(
            *(run.killed_senders(kills) for _ in range(SENDERS)), *(run.paused_senders(pauses) for _ in range(slots))
        )
        stormed = time.monotonic() - began
        stop_feeding.set()
        await feeding
        await run.rest()
        await hooks.done()
        stop_person.set()
        await deciding
        violations = [
            *await checks.everything(place),
            *run.stale,
            *(f"a child failed: {text}" for text in forks.failures),
        ]
        return Report(
            "crashes", seed, kills, _figures(run, hooks, stormed, violations), violations, time.monotonic() - began
        )


@asynccontextmanager
async def receiving(place: Place, forks: Forks, seed: int) -> AsyncIterator[Hooks]:
    """A receiver as a process of its own."""
    fork = await forks.start("serve", **place.arguments())
    port = int(await fork.heard("port"))
    yield Hooks(lambda: port, random.Random(seed))
    fork.signal(signal.SIGTERM)
    await fork.ended()


def _figures(run: Storm, hooks: Hooks, seconds: float, violations: list[str]) -> dict[str, object]:
    place, truth = run.place, run.place.truth
    uncertain = place.ask("SELECT DISTINCT message_id FROM activity WHERE kind = 'message_uncertain'")
    settled = place.ask(
        "SELECT DISTINCT message_id FROM activity WHERE kind = 'message_sent' AND actor_id IS NULL "
        "AND json_extract(detail, '$.from') = 'uncertain'"
    )
    by_channel = Counter(
        place.names[channel]
        for (channel,) in place.ask(
            "SELECT channel_id FROM outbox WHERE message_id IN "
            "(SELECT message_id FROM activity WHERE kind = 'message_uncertain')"
        )
    )
    parked = place.ask("SELECT count(*) FROM activity WHERE kind = 'message_failed'")[0][0]
    lease_ends = place.ask("SELECT count(*) FROM attempts WHERE outcome = 'lease expired'")[0][0]
    return {
        "messages": len(place.queued),
        "requests": truth.requests,
        "kills": run.kills,
        "kills per second": run.kills / seconds,
        "kills with a request on the wire": run.hit,
        "pauses beyond the lease": run.pauses,
        "messages held by paused senders": run.held,
        "sent by a woken sender on an ended lease": len(run.stale),
        "leases that ended with their sender": lease_ends,
        "faults": ", ".join(f"{name} {number}" for name, number in sorted(truth.faults.items()) if name),
        "lost": checks.counted(violations, "lost"),
        "falsely marked sent": checks.counted(violations, "falsely"),
        "duplicates on the keyed channel": checks.counted(violations, "duplicate: ") - _keyless(violations),
        "keyed repeats answered as known": truth.repeats,
        "keyless duplicates without a confirmation": _keyless(violations),
        "keyless duplicates with one": _confirmed(place) - _keyless(violations),
        "order inversions": checks.counted(violations, "order"),
        "integrity_check": "ok" if not checks.sound(place) else "NOT OK",
        "uncertain": len(uncertain),
        "uncertain, by channel": ", ".join(f"{name} {number}" for name, number in sorted(by_channel.items())),
        "uncertain, settled by receipt, echo or late answer": len(settled),
        "of those that arrived on reporting channels": _share_settled(run, {row[0] for row in settled}),
        "person": ", ".join(f"{name}: {number}" for name, number in sorted(run.person.decisions.items())),
        "parked or failed, sent again by hand": parked,
        "webhooks posted": hooks.posts,
    }


def _share_settled(run: Storm, settled: set[str]) -> str:
    """How many that nobody could know of were settled without a person, where the channel reports what arrived."""
    reporting = {run.place.channel_ids[name] for name in ("wa", "ig")}
    rows = run.place.ask("SELECT message_id, channel_id FROM outbox")
    alone = sum(message_id in settled and channel in reporting for message_id, channel in rows)
    by_hand = sum(run.person.decisions[f"arrived on {name}, settled by hand"] for name in ("wa", "ig"))
    return f"{alone} of {alone + by_hand}"


def _keyless(violations: list[str]) -> int:
    return sum("on keyless" in violation for violation in violations)


def _confirmed(place: Place) -> int:
    return sum(max(0, len(place.truth.got(text)) - 1) for text in place.queued.values())
