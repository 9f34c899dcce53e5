"""The sending machine as a set of steps over a real store, for exploring it by hand, at random, and in every order.

A step is what one party does in one transaction: a sender takes a message up, lets its first byte leave, hears an
answer or none and writes it down, or dies; the clock moves on; the channel reports; a person decides. The far side is
kept in memory and never lies: it knows what it took.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.template import put
from tui_inbox.domain.delivery import GRACE, LEASE, Timing, may_change
from tui_inbox.domain.events import OutcomeKind, ReceiptEvent, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, ContentKind, ErrorClass, Receipt, Role
from tui_inbox.domain.kinds import DeliveryState as S
from tui_inbox.domain.models import OutboxRow
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.outbox import NewOutgoing
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit
from tui_inbox.services.delivery_guard import Veto, VetoKind, recheck
from tui_inbox.services.delivery_outcome import Standing, apply, settle, settle_veto
from tui_inbox.services.delivery_sweep import sweep

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY_LIFE = timedelta(hours=24)
TIMING = Timing()

ACCEPTED = SendOutcome(OutcomeKind.ACCEPTED, http_status=200)
REFUSED = SendOutcome(OutcomeKind.REFUSED, error_class=ErrorClass.UNREACHABLE, error_text="no")
SLOWLY = SendOutcome(OutcomeKind.RETRY, error_class=ErrorClass.RATE_LIMITED, error_text="slowly", retry_after=1.0)
NOTHING = SendOutcome(OutcomeKind.AMBIGUOUS, error_class=ErrorClass.TEMPORARY, error_text="no answer")
FAULT = replace(NOTHING, http_status=500)
UNREACHED = SendOutcome(OutcomeKind.NOT_SENT, error_class=ErrorClass.TEMPORARY, error_text="cannot be reached")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Worker:
    """One sender: what it has in hand, and how far it got."""

    row: OutboxRow | None = None
    step: str = ""
    """``claimed``, ``started`` (the next thing is the first byte) or ``answered``."""
    outcome: SendOutcome | None = None
    taken_at: timedelta | None = None
    """By the clock that no one can turn."""
    doubtful: bool = False


@dataclass(frozen=True)
class Provider:
    """What the far side knows: the ids under which it took each message, in order, and the keys it remembers."""

    taken: tuple[tuple[str, str], ...] = ()
    """Message and the provider's id of it."""
    keys: tuple[tuple[str, datetime, str], ...] = ()

    def takes(self, row: OutboxRow, now: datetime, *, keyed: bool) -> tuple[Provider, str]:
        """The far side after a request arrived whole, and the id that it answers with."""
        if keyed:
            for key, until, known in self.keys:
                if key == row.idempotency_key and now < until:
                    return self, known
        ident = f"p{len(self.taken) + 1}"
        keys = (*self.keys, (row.idempotency_key, now + KEY_LIFE, ident))
        return replace(self, taken=(*self.taken, (row.message_id, ident)), keys=keys), ident

    def count(self, message_id: str) -> int:
        """How often the customer got a message."""
        return sum(taken == message_id for taken, _ in self.taken)


@dataclass
class Machine:
    """Senders, a far side and a clock around one store with one channel and some contacts."""

    store: Store
    clock: Clock
    keyed: bool
    channel_id: int = 0
    contacts: list[tuple[int, int]] = field(default_factory=list)
    agent_id: int = 0
    workers: dict[str, Worker] = field(default_factory=dict)
    provider: Provider = field(default_factory=Provider)
    confirmed: dict[str, int] = field(default_factory=dict)
    """How often a person let each message go again."""
    boot: timedelta = timedelta(0)
    """Time that has really passed."""
    tokens: int = 0

    @classmethod
    async def build(cls, path: Path, *, keyed: bool, workers: int = 2, contacts: int = 1) -> Machine:
        """A machine at rest."""
        clock = Clock()
        machine = cls(await Store.open(str(put(path)), clock=clock), clock, keyed)
        machine.workers = {f"w{number}": Worker() for number in range(workers)}

        async def work(unit: Unit) -> None:
            machine.agent_id = await unit.directory.add_agent("ana", "Ana", Role.AGENT)
            machine.channel_id = await unit.directory.add_channel("bot", ChannelKind.TELEGRAM, {}, {}, "")
            for number in range(contacts):
                contact = await unit.contacts.add(NewContact(str(number)), clock.now)
                link = await unit.contacts.add_channel(
                    contact, machine.channel_id, f"a{number}", started=True, now=clock.now
                )
                machine.contacts.append((contact, link))

        await machine.store.write(work)
        return machine

    async def get(self, message_id: str) -> OutboxRow:
        """A message as it stands."""
        async with self.store.read() as unit:
            found = await unit.outbox.get(message_id)
        assert found is not None
        return found

    async def queue(self, message_id: str, contact: int = 0) -> None:
        """A person writes a message."""
        contact_id, link = self.contacts[contact]
        new = NewOutgoing(
            message_id=message_id,
            contact_id=contact_id,
            contact_channel_id=link,
            channel_id=self.channel_id,
            content_kind=ContentKind.TEXT,
            body="x",
            idempotency_key=f"key {message_id}",
            due_at=self.clock.now,
            created_at=self.clock.now,
            queued_by_id=self.agent_id,
        )
        await self.store.write(lambda unit: unit.outbox.queue(new))

    async def claim(self, name: str) -> bool:
        """A sender takes up the next message."""
        self.tokens += 1
        token, now = f"t{self.tokens}", self.clock.now

        async def work(unit: Unit) -> Worker | None:
            row = await unit.outbox.claim(name, token, now, LEASE)
            if row is None:
                return None
            return Worker(row, "claimed", taken_at=self.boot, doubtful=await unit.outbox.in_doubt(row.message_id))

        worker = await self.store.write(work)
        self.workers[name] = worker or Worker()
        return worker is not None

    async def start(self, name: str) -> bool:
        """A sender is about to let the first byte leave; what may not go it puts back."""
        worker, now = self.workers[name], self.clock.now
        row = worker.row
        assert row is not None
        assert worker.taken_at is not None
        late = self.boot - worker.taken_at > LEASE - timedelta(seconds=TIMING.needed)
        life = KEY_LIFE if self.keyed else None

        async def work(unit: Unit) -> bool:
            veto = Veto(VetoKind.AGAIN, "held up") if late else await recheck(unit, row, now, TIMING, keyed=self.keyed)
            if veto is None:
                return await unit.outbox.start_sending(row.message_id, row.lease_token, now, life)
            settlement = settle_veto(row, veto, now)
            if settlement is not None:
                await apply(unit, settlement)
            return False

        started = await self.store.write(work)
        self.workers[name] = replace(worker, step="started") if started else Worker()
        return started

    def send(self, name: str, outcome: SendOutcome, *, arrives: bool) -> None:
        """The request leaves and is taken (``arrives``) or not; the sender hears ``outcome``."""
        worker = self.workers[name]
        assert worker.row is not None
        ident = ""
        if arrives:
            self.provider, ident = self.provider.takes(worker.row, START + self.boot, keyed=self.keyed)
        if outcome is ACCEPTED:
            outcome = replace(outcome, provider_id=ident)
        self.workers[name] = replace(worker, step="answered", outcome=outcome)

    async def settle(self, name: str) -> bool:
        """A sender writes down what it heard."""
        worker, now = self.workers[name], self.clock.now
        row, outcome = worker.row, worker.outcome
        assert row is not None
        assert outcome is not None

        async def work(unit: Unit) -> bool:
            standing = Standing(
                keyed=self.keyed,
                tries=await unit.outbox.tries(row.message_id),
                age=now - await unit.outbox.released_at(row),
                doubtful=worker.doubtful,
            )
            settlement = settle(row, outcome, channel_name="bot", standing=standing, now=now, jitter=0.5)
            return await apply(unit, settlement)

        self.workers[name] = Worker()
        return await self.store.write(work)

    async def unreached(self, name: str) -> None:
        """A sender that has taken a message up cannot reach the channel at all."""
        self.workers[name] = replace(self.workers[name], step="answered", outcome=UNREACHED)
        await self.settle(name)

    def die(self, name: str) -> None:
        """A sender is killed."""
        self.workers[name] = Worker()

    async def expire(self) -> list[tuple[str, S]]:
        """Some sender takes back what the dead had in hand, and gives back what has waited in vain."""
        now = self.clock.now

        async def work(unit: Unit) -> list[tuple[str, S]]:
            return await unit.outbox.expire(now) + await sweep(unit, now)

        return await self.store.write(work)

    def pass_time(self, span: timedelta, *, wall: timedelta | None = None) -> None:
        """Time passes; the clock on the wall shows what it shows."""
        self.boot += span
        self.clock.now += span if wall is None else wall

    async def report(self, message_id: str, receipt: Receipt, *, echo: bool, number: int = -1) -> bool:
        """The channel reports one message that it took; false when it has none to report."""
        known = [ident for taken, ident in self.provider.taken if taken == message_id]
        if not known:
            return False
        event = ReceiptEvent(
            f"{known[number]} {receipt}",
            self.clock.now,
            receipt,
            provider_id=known[number],
            echo=message_id if echo else "",
            error_class=ErrorClass.UNREACHABLE if receipt is Receipt.NONE else None,
        )
        await self.store.write(lambda unit: unit.outbox.apply_receipt(self.channel_id, event))
        return True

    async def decide(self, message_id: str, to: S) -> bool:
        """A person sends a message again, gives it up, or says that it arrived; false when they may not."""
        row, now = await self.get(message_id), self.clock.now
        doubtful = row.state is S.UNCERTAIN
        if not may_change(row.state, to) or row.state in {S.LEASED, S.SENDING} or (to is S.SENT and not doubtful):
            return False
        if doubtful and row.lease_until is not None and now < row.lease_until + GRACE:
            return False
        changed = await self.store.write(
            lambda unit: unit.outbox.change(
                message_id,
                expected={row.state},
                to=to,
                version=row.version,
                confirmed_by_id=self.agent_id if doubtful else None,
                now=now,
            )
        )
        if changed is not None and to is S.QUEUED:
            self.confirmed[message_id] = self.confirmed.get(message_id, 0) + 1
        return changed is not None

    def check_truth(self, rows: list[OutboxRow]) -> None:
        """What the store says against what the far side knows."""
        for row in rows:
            got = self.provider.count(row.message_id)
            allowed = 1 + self.confirmed.get(row.message_id, 0)
            assert got <= allowed, f"the customer got {row.message_id} {got} times, {allowed} allowed"
            if row.state is S.SENT and row.provider_id:
                assert got, f"{row.message_id} counts as sent and never arrived"
