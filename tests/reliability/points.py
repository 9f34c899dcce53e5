"""C2: ``kill -9`` at every named point of a message's life, keyed and keyless (reference: reliability, section 1.7).

Each row of the tables says what the dead process leaves behind and what the next one makes of it; both must be exact.
The spans are those of the product: the next sender's clock stands a lease later, so nobody waits for one.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tests.reliability import checks
from tests.reliability.forks import Fork, Forks, forking
from tests.reliability.hooks import Hooks
from tests.reliability.person import Person
from tests.reliability.place import Place, open_place
from tests.reliability.report import Report
from tests.reliability.truth import Fault, Truth, truth_server
from tests.server.support.workspace import eventually
from tui_inbox.domain.clock import system_clock
from tui_inbox.domain.delivery import Timing

AT_ONCE = 6
"""Children that run towards a point at the same time."""


class ShiftedClock:
    """The time, and how far ahead of it we stand."""

    def __init__(self) -> None:
        self.shift = timedelta(0)

    def __call__(self) -> datetime:
        return system_clock() + self.shift


@dataclass(frozen=True)
class Point:
    """What a death at one point leaves, and what becomes of it."""

    name: str
    at: str
    left: str
    """State of the message after the death."""
    got: int
    """How often the customer has got it then."""
    keyless: str
    """State after the next sender came by; the customer has got no more than before unless it is ``sent``."""
    keyed: str = "sent"


SENDING_POINTS = (
    Point("T2, before its commit", "before commit of DeliveryService._claim", "queued", 0, "sent"),
    Point("T2, after its commit", "after commit of DeliveryService._claim", "leased", 0, "sent"),
    Point("connecting", "connection.connect_tcp.started", "leased", 0, "sent"),
    Point("connected, before T3", "http11.send_request_headers.started", "leased", 0, "sent"),
    Point("T3, before its commit", "before commit of Guard._open", "leased", 0, "sent"),
    Point("after T3, before the first byte", "guard_done", "sending", 0, "uncertain"),
    Point("request partly written", "http11.send_request_headers.complete", "sending", 0, "uncertain"),
    Point("request written", "http11.send_request_body.complete", "sending", 1, "uncertain"),
    Point("reply received, before T4", "reply_received", "sending", 1, "uncertain"),
    Point("T4, before its commit", "before commit of DeliveryService._store", "sending", 1, "uncertain"),
    Point("T4, after its commit", "settled", "sent", 1, "sent"),
)
"""Deaths of a sender."""


@dataclass(frozen=True)
class Enter:
    """What a death of the agent's own program leaves."""

    name: str
    at: str
    drafts: int
    queued: int


ENTER_POINTS = (
    Enter("typing", "drafted", 1, 0),
    Enter("enter, before the commit of T1", "before commit of SendingService.send", 1, 0),
    Enter("after the commit of T1, before the screen says so", "after commit of SendingService.send", 0, 1),
)
"""Deaths of the agent's program."""


@dataclass
class Scene:
    """One point on one channel."""

    place: Place
    forks: Forks
    clock: ShiftedClock
    violations: list[str]
    kills: int = 0

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Note a difference."""
        if found != wanted:
            self.violations.append(f"{what}: {found}, not {wanted}")

    def states(self) -> Counter[str]:
        """How many messages are in which state."""
        return Counter(row[0] for row in self.place.ask("SELECT state FROM outbox"))

    async def die(self, role: str, **arguments: object) -> None:
        """One child that must die at its point."""
        fork = await self.forks.start(role, **self.place.arguments(**arguments))
        code = await fork.ended()
        self.kills += 1
        self.expect(f"exit of a child that was to die ({fork.failure})", code, -signal.SIGKILL)

    async def next_sender(self) -> None:
        """A sender that comes by when every lease of the dead has ended."""
        self.clock.shift += self.place.timing.lease + timedelta(seconds=1)
        fork: Fork = await self.forks.start(
            "deliver_to_point", **self.place.arguments(shift=self.clock.shift.total_seconds())
        )
        self.expect(f"exit of the next sender ({fork.failure})", await fork.ended(), 0)

    async def finish(self) -> None:
        """A person settles what is uncertain; then all must be well."""
        self.clock.shift += self.place.timing.lease + self.place.timing.grace
        await Person(self.place, timedelta(0)).look()
        await self.next_sender()
        self.violations += await checks.everything(self.place)


async def points(folder: Path, seed: int, kills: int) -> Report:
    """Kill ``kills`` processes at every point; see the module."""
    violations: list[str] = []
    total = 0
    async with forking(folder) as forks:
        for channel in ("wa", "line"):
            for point in SENDING_POINTS:
                total += await _scene(folder, forks, f"{point.name}, {channel}", violations, channel, point, kills)
        for enter in ENTER_POINTS:
            total += await _enter(folder, forks, enter, violations, kills)
        total += await _receipt_before_t4(folder, forks, violations, kills)
    figures = {
        "points": 2 * len(SENDING_POINTS) + len(ENTER_POINTS) + 1,
        "kills at each": kills,
        "kills": total,
        "differences from the table": len(violations),
    }
    return Report("points", seed, kills, figures, violations)


async def _scene(
    folder: Path, forks: Forks, name: str, violations: list[str], channel: str, point: Point, kills: int
) -> int:
    async with truth_server() as truth, _place(folder, truth, name, kills, channel) as (place, clock):
        scene = Scene(place, forks, clock, [])
        for contact_id in place.contacts:
            await place.queue(contact_id, channel)
        await _in_batches(kills, lambda: scene.die("deliver_to_point", die_at=point.at))
        scene.expect("left", scene.states(), Counter({point.left: kills}))
        await _settles(scene, truth, point.got * kills)
        kept = _in_journal(folder, place)
        await scene.next_sender()
        after = point.keyed if channel == "line" else point.keyless
        recovered = Counter({after: kills - kept}) + Counter({"sent": kept})
        scene.expect("recovered", scene.states(), recovered)
        scene.expect("accepted in the end", len(truth.accepted), kills if after == "sent" else point.got * kills)
        await scene.finish()
        violations += [f"{name}: {violation}" for violation in scene.violations]
        return scene.kills


def _in_journal(folder: Path, place: Place) -> int:
    """Results that a sender had put into the journal, as it does when the database is slow: those are not in doubt."""
    journal = folder / "state" / "tui-inbox" / "results"
    return sum(any(journal.glob(f"{message_id}-*.result.json")) for message_id in place.queued)


async def _settles(scene: Scene, truth: Truth, accepted: int) -> None:
    """The server may still be reading what the dead one had written."""
    with suppress(AssertionError):
        await eventually(lambda: len(truth.accepted) >= accepted and not truth.serving)
    scene.expect("accepted at the death", len(truth.accepted), accepted)


async def _enter(folder: Path, forks: Forks, enter: Enter, violations: list[str], kills: int) -> int:
    async with truth_server() as truth, _place(folder, truth, enter.name, kills, "wa") as (place, clock):
        scene = Scene(place, forks, clock, [])
        todo = iter(place.contacts)

        async def die() -> None:
            contact_id = next(todo)
            link = place.links[contact_id, "wa"]
            text = f"draft {contact_id}"
            await scene.die("send", die_at=enter.at, contact=contact_id, link=link, text=text)

        await _in_batches(kills, die)
        drafts = place.ask("SELECT count(*) FROM drafts WHERE deleted_at IS NULL")[0][0]
        scene.expect("drafts", drafts, enter.drafts * kills)
        scene.expect("left", scene.states(), Counter({"queued": enter.queued * kills} if enter.queued else {}))
        thread = place.ask("SELECT count(*) FROM timeline WHERE direction = 'outbound'")[0][0]
        scene.expect("lines in the threads", thread, enter.queued * kills)
        place.queued = dict(place.ask("SELECT message_id, body FROM outbox"))
        await scene.next_sender()
        scene.expect("accepted", len(truth.accepted), enter.queued * kills)
        scene.violations += await checks.everything(place)
        violations += [f"{enter.name}: {violation}" for violation in scene.violations]
        return scene.kills


async def _receipt_before_t4(folder: Path, forks: Forks, violations: list[str], kills: int) -> int:
    """The channel reports a message before it answers; then the sender dies with the answer in its hands."""
    name = "receipt before T4"
    async with truth_server() as truth, _place(folder, truth, name, kills, "wa") as (place, clock):
        scene = Scene(place, forks, clock, [])
        receiver = await forks.start("serve", **place.arguments())
        port = int(await receiver.heard("port"))
        hooks = Hooks(lambda: port)
        truth.told = hooks.report

        async def reported() -> None:
            await hooks.done()
            await eventually(
                lambda: not place.ask("SELECT count(*) FROM inbound_events WHERE status = 'pending'")[0][0]
            )

        for contact_id in place.contacts:
            text = place.queued[await place.queue(contact_id, "wa")]
            truth.script[text].append(Fault("held", hold=reported))
        await _in_batches(kills, lambda: scene.die("deliver_to_point", die_at="reply_received"))
        scene.expect("left", scene.states(), Counter({"sent": kills}))
        receipts = place.ask("SELECT count(*) FROM outbox WHERE receipt = 2 AND provider_id != ''")[0][0]
        scene.expect("delivered, with the channel's id", receipts, kills)
        receiver.signal(signal.SIGTERM)
        await receiver.ended()
        await scene.finish()
        scene.expect("accepted", len(truth.accepted), kills)
        violations += [f"{name}: {violation}" for violation in scene.violations]
        return scene.kills


@asynccontextmanager
async def _place(
    folder: Path, truth: Truth, name: str, contacts: int, channel: str
) -> AsyncIterator[tuple[Place, ShiftedClock]]:
    """A place of its own for one point, and its clock."""
    own, clock = folder / "".join(char if char.isalnum() else "-" for char in name), ShiftedClock()
    async with open_place(own, truth, contacts=contacts, channels=[channel], clock=clock, timing=Timing()) as place:
        yield place, clock


async def _in_batches(kills: int, one: Callable[[], Awaitable[None]]) -> None:
    limit = asyncio.Semaphore(AT_ONCE)

    async def limited() -> None:
        async with limit:
            await one()

    await asyncio.gather(*(limited() for _ in range(kills)))
