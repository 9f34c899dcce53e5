"""S3: every guard of sending and receiving, switched off in a child: the harness must find something each time.

Each probe is a small scene that ends well as long as the guard stands, which is tried first. What is switched off is in
:mod:`tests.reliability.guards`; nothing in the product can be switched.
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.reliability import checks, power
from tests.reliability.forks import Fork, Forks, forking
from tests.reliability.hooks import Hooks
from tests.reliability.person import Person
from tests.reliability.place import Place, address, open_place
from tests.reliability.points import ShiftedClock
from tests.reliability.report import Report
from tests.reliability.truth import Fault, truth_server
from tests.server.support import posts
from tests.server.support.workspace import eventually
from tui_inbox.domain.clock import system_clock
from tui_inbox.domain.delivery import Timing
from tui_inbox.domain.kinds import Receipt

SCENE_TIMING = Timing(lease=timedelta(seconds=10), total_timeout=2.0, reserve=0.2, grace=timedelta(seconds=0.2))

MOST_SENDERS = 10


@dataclass
class Scene:
    """One probe, with its guards on or off."""

    place: Place
    forks: Forks
    clock: ShiftedClock
    off: Sequence[str]

    async def sender(self, **arguments: object) -> Fork:
        """A sender that may stop at a point; its clock is ours."""
        shift = self.clock.shift.total_seconds()
        return await self.forks.start(
            "deliver_to_point", **self.place.arguments(guards_off=list(self.off), shift=shift, **arguments)
        )

    async def send_all(self) -> None:
        """Senders until nothing waits: one that was slow to begin leaves its message to the next."""
        for _ in range(MOST_SENDERS):
            await (await self.sender()).ended()
            if not self.place.ask("SELECT 1 FROM outbox WHERE state IN ('queued', 'leased')"):
                return
            await self.place.something_to_do(self.clock)

    async def on_the_wire(self, text: str) -> Fork:
        """A sender that has just sent this text and waits for the answer."""
        for _ in range(MOST_SENDERS):
            fork = await self.sender()

            def decided(sender: Fork = fork) -> bool:
                return bool(self.place.truth.got(text)) or not sender.running

            await eventually(decided, within=60)
            if self.place.truth.got(text):
                return fork
            await self.place.something_to_do(self.clock)
        raise AssertionError(f"nobody sent '{text}'")

    async def confirmed(self) -> None:
        """A person has looked: it did not arrive, so it is sent again."""
        person = Person(self.place, timedelta(0))
        await eventually(lambda: self._looked(person), within=30)

    async def _looked(self, person: Person) -> bool:
        await person.look()
        return bool(person.decisions["not arrived, confirmed and sent again"])

    def receipt(self) -> int:
        """The receipt of the only message."""
        return int(self.place.ask("SELECT receipt FROM outbox")[0][0])


async def fence(scene: Scene) -> list[str]:
    """A sender freezes just before its first byte, beyond its lease; meanwhile a person has it sent by another one."""
    place = scene.place
    await place.queue(place.contacts[0], "wa")
    frozen = await scene.sender(stop_at="guard_done")
    await frozen.stopped()
    await place.leases_end()
    await scene.send_all()
    await scene.confirmed()
    await scene.send_all()
    frozen.signal(signal.SIGCONT)
    await frozen.ended()
    return checks.duplicates(place)


async def lease_token(scene: Scene) -> list[str]:
    """A sender freezes with a refusal in its hands; it tells it while another one has the message on the wire."""
    place, truth = scene.place, scene.place.truth
    text = place.queued[await place.queue(place.contacts[0], "wa")]
    told = asyncio.Event()
    truth.script[text] += [Fault("429", accepts=False, status=429), Fault("held", hold=told.wait)]
    frozen = await scene.sender(stop_at="reply_received")
    await frozen.stopped()
    await place.leases_end()
    await scene.send_all()
    await scene.confirmed()
    other = await scene.on_the_wire(text)
    frozen.signal(signal.SIGCONT)
    await frozen.ended()
    told.set()
    await other.ended()
    scene.clock.shift += timedelta(minutes=5)
    await scene.send_all()
    return checks.duplicates(place)


async def unique_index(scene: Scene) -> list[str]:
    """Two senders take up two messages to one customer at once. The claim's own look is off in both cases, so that only
    the index stands between them; switching it off means dropping it."""
    place = scene.place
    if scene.off:
        with closing(sqlite3.connect(place.database)) as plain, plain:
            plain.execute("DROP INDEX uq_outbox_in_flight")
    scene.off = ["order_of_claims"]
    for _ in range(2):
        await place.queue(place.contacts[0], "wa")
    first = await scene.sender(stop_at="claimed")
    await first.stopped()
    await (await scene.sender()).ended()
    first.signal(signal.SIGCONT)
    await first.ended()
    scene.off = []
    scene.clock.shift += timedelta(minutes=5)
    await scene.send_all()
    return checks.inversions(place)


async def window(scene: Scene) -> list[str]:
    """A message is queued while the window is open; its turn comes when it has closed."""
    place = scene.place
    contact_id = await place.add_contact(wrote=timedelta(hours=23, minutes=58))
    text = place.queued[await place.queue(contact_id, "wa")]
    scene.clock.shift += timedelta(minutes=3)
    await scene.send_all()
    return ["sent after the window had closed"] if place.truth.got(text) else []


async def dedupe(scene: Scene) -> list[str]:
    """The channel posts twice that a customer has left. A message has a second guard, its id in the thread."""
    hooks, receiver = await _receiver(scene)
    for _ in range(2):
        hooks.soon("tg", posts.membership(1, "kicked", system_clock(), int(address("tg", 1))))
    await _worked_off(scene, hooks, receiver)
    taken = scene.place.ask("SELECT count(*) FROM activity WHERE kind = 'opted out'")[0][0]
    return [] if taken == 1 else [f"one event was taken {taken} times"]


async def monotone_receipts(scene: Scene) -> list[str]:
    """ "Delivered" comes after "read"."""
    await scene.place.queue(scene.place.contacts[0], "wa")
    await scene.send_all()
    hooks, receiver = await _receiver(scene)
    for status in ("read", "delivered"):
        hooks.soon("wa", posts.whatsapp(posts.status("wa.1", status, system_clock())))
        await hooks.done()
        await eventually(lambda: not scene.place.ask("SELECT 1 FROM inbound_events WHERE status = 'pending'"))
    await _worked_off(scene, hooks, receiver)
    assert scene.receipt() in {Receipt.DELIVERED, Receipt.READ}
    return [] if scene.receipt() == Receipt.READ else ["I8: a receipt fell"]


async def _receiver(scene: Scene) -> tuple[Hooks, Fork]:
    receiver = await scene.forks.start("serve", **scene.place.arguments(guards_off=list(scene.off)))
    port = int(await receiver.heard("port"))
    return Hooks(lambda: port), receiver


async def _worked_off(scene: Scene, hooks: Hooks, receiver: Fork) -> None:
    await hooks.done()
    await eventually(lambda: not scene.place.ask("SELECT 1 FROM inbound_events WHERE status = 'pending'"))
    receiver.signal(signal.SIGTERM)
    await receiver.ended()


PROBES: dict[str, Callable[[Scene], Awaitable[list[str]]]] = {
    "fence": fence,
    "lease_token": lease_token,
    "unique_index": unique_index,
    "window": window,
    "dedupe": dedupe,
    "monotone_receipts": monotone_receipts,
}
"""What finds out that a guard is off. The seventh, ``full_sync``, is found out by a power cut."""


async def guards(folder: Path, seed: int, probes: int) -> Report:
    """Every guard first on, then off, up to this many of them; see the module."""
    violations: list[str] = []
    figures: dict[str, object] = {}
    async with forking(folder) as forks:
        names = list(PROBES)[:probes]
        found = await asyncio.gather(*(_both(folder / name, forks, name) for name in names))
    for name, (on, off) in zip(names, found, strict=True):
        figures[f"{name} off"] = off[0] if off else "NOT NOTICED"
        violations += [f"{name} on: {violation}" for violation in on]
        violations += [] if off else [f"{name} off: nobody noticed"]
    if probes > len(PROBES):
        lost = await power.lost_commits(folder / "power", commits=40, guards_off=["full_sync"])
        figures["full_sync off"] = f"{lost} acknowledged commits lost in a power cut" if lost else "NOT NOTICED"
        violations += [] if lost else ["full_sync off: nobody noticed"]
    return Report("guards", seed, len(figures), figures, violations)


async def _both(folder: Path, forks: Forks, name: str) -> tuple[list[str], list[str]]:
    return await _probe(folder / "on", forks, name, []), await _probe(folder / "off", forks, name, [name])


async def _probe(folder: Path, forks: Forks, name: str, off: Sequence[str]) -> list[str]:
    clock = ShiftedClock()
    async with (
        truth_server() as truth,
        open_place(folder, truth, channels=["wa", "tg"], clock=clock, timing=SCENE_TIMING) as place,
    ):
        return await PROBES[name](Scene(place, forks, clock, off))
