"""C3: a sender freezes beyond its lease at each named point and is woken: what it held it does not send any more.

While it is frozen the next sender takes its message over. A frozen one whose bytes had left before may still tell its
answer, which settles what was uncertain; one whose bytes had not left sends none.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.reliability import checks
from tests.reliability.forks import Fork, Forks, forking
from tests.reliability.person import Person
from tests.reliability.place import Place, open_place
from tests.reliability.report import Report
from tests.reliability.truth import truth_server
from tests.server.support.workspace import eventually
from tui_inbox.domain.clock import system_clock
from tui_inbox.domain.delivery import Timing

TIMING = Timing(lease=timedelta(seconds=8), total_timeout=2.0, reserve=0.2, grace=timedelta(seconds=0.2))
"""A lease long enough to reach any point on a loaded machine, short enough to outwait."""

MOST_SENDERS = 10


@dataclass(frozen=True)
class Freeze:
    """One point, and whether the customer has got the message when the sender freezes there."""

    name: str
    at: str
    got: int


FREEZES = (
    Freeze("claimed", "after commit of DeliveryService._claim", 0),
    Freeze("connecting", "connection.connect_tcp.started", 0),
    Freeze("connected, before T3", "http11.send_request_headers.started", 0),
    Freeze("after T3, before the first byte", "guard_done", 0),
    Freeze("request partly written", "http11.send_request_headers.complete", 0),
    Freeze("request written", "http11.send_request_body.complete", 1),
    Freeze("reply received, before T4", "reply_received", 1),
)


async def pauses(folder: Path, seed: int, freezes: int) -> Report:
    """Freeze this many senders, at one point after another and on both kinds of channels; see the module."""
    violations: list[str] = []
    each = max(1, freezes // len(FREEZES))
    total = 0
    async with forking(folder) as forks:
        for channel in ("wa", "line"):
            share = each - each // 2 if channel == "wa" else each // 2
            for some in batched(FREEZES) if share else ():
                found = await asyncio.gather(
                    *(_freeze(folder / f"{channel}-{FREEZES.index(one)}", forks, channel, one, share) for one in some)
                )
                for one, told in zip(some, found, strict=True):
                    violations += [f"{one.name}, {channel}: {violation}" for violation in told]
                total += share * len(some)
    figures = {
        "points": len(FREEZES),
        "senders frozen beyond their lease": total,
        "sent by a woken one": sum("woken" in violation for violation in violations),
    }
    return Report("pauses", seed, freezes, figures, violations)


def batched(freezes: Sequence[Freeze]) -> list[Sequence[Freeze]]:
    """Two at a time: they mostly wait."""
    return [freezes[start : start + 2] for start in range(0, len(freezes), 2)]


async def _freeze(folder: Path, forks: Forks, channel: str, freeze: Freeze, times: int) -> list[str]:
    async with (
        truth_server() as truth,
        open_place(folder, truth, contacts=times, channels=[channel], timing=TIMING) as place,
    ):
        violations: list[str] = []
        for contact_id in place.contacts:
            await place.queue(contact_id, channel)
        frozen = [await forks.start("deliver_to_point", **place.arguments(stop_at=freeze.at)) for _ in range(times)]
        await asyncio.gather(*(fork.stopped() for fork in frozen))
        if len(truth.accepted) != freeze.got * times:
            violations.append(f"accepted before: {len(truth.accepted)}, not {freeze.got * times}")
        await place.leases_end()
        await _send_all(place, forks)
        await _settle(place, forks)
        before = len(truth.accepted), truth.requests
        for fork in frozen:
            fork.signal(signal.SIGCONT)
        codes = Counter([await fork.ended() for fork in frozen])
        if codes != Counter({0: times}):
            violations.append(f"woken ones ended with {dict(codes)}")
        after = len(truth.accepted), truth.requests
        if after != before:
            violations.append(f"woken ones sent: accepted {before[0]} before, {after[0]} after")
        return violations + await checks.everything(place)


async def _settle(place: Place, forks: Forks) -> None:
    """A person settles what is uncertain now, and what is to be sent again is."""
    person = Person(place, timedelta(0))

    async def settled() -> bool:
        await person.look()
        return not place.ask("SELECT 1 FROM outbox WHERE state = 'uncertain'")

    await eventually(settled)
    await _send_all(place, forks)


async def _send_all(place: Place, forks: Forks) -> None:
    """Senders until nothing waits: one that was slow to begin leaves it to the next."""
    for _ in range(MOST_SENDERS):
        fork: Fork = await forks.start("deliver_to_point", **place.arguments())
        await fork.ended()
        if not place.ask("SELECT 1 FROM outbox WHERE state IN ('queued', 'leased')"):
            return
        await place.something_to_do(system_clock)
