"""The sender: takes queued messages one by one, hands them to their channel and records what became of them.

One message belongs to one sender at a time by a lease; the rules of each step are in ``domain.delivery``, the check
just before the first byte is in :mod:`tui_inbox.services.delivery_guard`. Different contacts are served at the same
time, messages to one contact on one channel in their order. A killed sender leaves nothing in doubt that is not in
doubt (reference: reliability, sections 1.6 to 1.9).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from tui_inbox.channels.port import ChannelAdapter, SendVetoedError, key_life_of, threads_by_answer
from tui_inbox.domain.attachments import OutgoingFile
from tui_inbox.domain.clock import boottime
from tui_inbox.domain.errors import InboxError, StoreError
from tui_inbox.domain.events import Answered, OutcomeKind, Outgoing, SendOutcome
from tui_inbox.domain.kinds import DeliveryState, ErrorClass
from tui_inbox.domain.models import ContactChannel, OutboxRow
from tui_inbox.repository.outbox_rows import NO_SECRET
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import AdapterSource, Context
from tui_inbox.services.delivery_files import OutgoingFiles
from tui_inbox.services.delivery_guard import Guard, Pointcut
from tui_inbox.services.delivery_journal import ResultJournal, Settlement
from tui_inbox.services.delivery_outcome import Standing, apply, settle, settle_veto
from tui_inbox.services.delivery_sweep import anything_in_vain, sweep

logger = logging.getLogger(__name__)

KIND = "deliver"
"""Kind of this process among the workers in the store."""
AT_ONCE = 4
"""Most messages that one sender has on the wire at the same time."""
POLL = 0.25
"""Seconds between looks at whether somebody else changed the store."""
HOUSEKEEPING = 5.0
"""Seconds between heartbeats, and between looks for ended leases and snoozes that are due."""
ALIVE_WITHIN = timedelta(seconds=15)
"""A sender that was heard of within this time is taken to be running."""
STORE_TROUBLE_WAIT = 1.0
"""Seconds to wait when the database cannot be used."""
SETTLE_PATIENCE = 0.5
"""Seconds that the store may take for a result before the result is also kept in the journal."""
LEAVES_BEFORE = timedelta(minutes=10)
"""A sender that may leave stays for what is due within this time."""
SECRET_WAIT = 60.0
"""Seconds that a channel waits whose secret this process does not have."""


async def nowhere(point: str) -> None:
    """The pointcut that does nothing."""


async def nothing_to_wake() -> int:
    """Stands for waking snoozed conversations where nobody asked for it."""
    return 0


@dataclass(frozen=True)
class Claim:
    """A message that is ours, and the boot time in seconds until which it is."""

    row: OutboxRow
    fence: float


class DeliveryService:
    """One sender. Several at once, in one process or in many, do each other no harm.

    ``worker`` names this process in the store. ``journal`` is the directory for results that the store could not take.
    ``files_url`` is where files are public, for channels that fetch them from us; empty = nowhere.
    ``wake_due`` opens snoozed conversations whose time has come. ``at`` is awaited at the points ``claimed``,
    ``guard_done``, ``reply_received`` and ``settled`` of each delivery.
    """

    def __init__(
        self,
        context: Context,
        adapters: AdapterSource,
        worker: str,
        *,
        journal: Path | None = None,
        files_url: str = "",
        wake_due: Callable[[], Awaitable[int]] = nothing_to_wake,
        at: Pointcut = nowhere,
        boot_clock: Callable[[], float] = boottime,
    ) -> None:
        self._context = context
        self._adapters = adapters
        self._worker = worker
        self._journal = ResultJournal(journal)
        self._files = OutgoingFiles(context, files_url)
        self._wake_due = wake_due
        self._at = at
        self._boot_clock = boot_clock
        self._wake = asyncio.Event()
        self._sends: set[asyncio.Task[None]] = set()
        self._kept_house_at: float | None = None
        self._seen_token: int | None = None

    def wake(self) -> None:
        """Look at the queue now: somebody in this process has queued something."""
        self._wake.set()

    @property
    def busy(self) -> bool:
        """Whether a message is on the wire."""
        return bool(self._sends)

    async def run_once(self) -> bool:
        """Take up and deliver the next due message; false when there is none. What has waited in vain, for its sender
        or for its turn, is settled first."""
        await self.expire()
        await self.sweep()
        claim = await self._claim()
        if claim is None:
            return False
        await self._deliver(claim)
        return True

    async def run(self, stop: asyncio.Event, *, leave_when: Callable[[], bool] | None = None) -> None:
        """Deliver until ``stop`` is set, or until ``leave_when`` says so while nothing is due soon.

        What is on the wire at the end is waited for. Trouble with the database is logged and waited out.
        """
        try:
            while not stop.is_set():
                try:
                    await self._keep_house()
                    await self._start_sends()
                    if leave_when is not None and leave_when() and await self._nothing_soon():
                        break
                    await self._idle(stop)
                except StoreError as error:
                    logger.warning("the sender waits for the database: %s", error)
                    await self._wait(stop, STORE_TROUBLE_WAIT)
        finally:
            await self._leave()

    async def expire(self) -> None:
        """Settle messages whose sender has vanished: provably unsent ones are queued again, the rest are uncertain."""

        async def work(unit: Unit) -> list[tuple[str, DeliveryState]]:
            return await unit.outbox.expire(self._context.clock())

        for message_id, state in await self._context.store.write(work):
            logger.warning("message %s lost its sender and is %s now", message_id, state)

    async def sweep(self) -> None:
        """Give messages back to their agents that wait but can't go any more: window closed, too old, key ended."""
        async with self._context.store.read() as unit:
            if not await anything_in_vain(unit, self._context.clock()):
                return
        for message_id, state in await self._context.store.write(lambda unit: sweep(unit, self._context.clock())):
            logger.warning("message %s has waited in vain and is %s now", message_id, state)

    async def replay(self) -> int:
        """Tell the store the results in the journal; returns how many were its own. Those of other databases stay."""
        told = 0
        for settlement in await asyncio.to_thread(self._journal.waiting):
            async with self._context.store.read() as unit:
                if await unit.outbox.get(settlement.message_id) is None:
                    continue
            applied = await self._store(settlement)
            self._journal.remove(settlement)
            logger.info("kept result of message %s: %s", settlement.message_id, "saved" if applied else "out of date")
            told += 1
        return told

    async def _keep_house(self) -> None:
        now = self._boot_clock()
        if self._kept_house_at is not None and now - self._kept_house_at < HOUSEKEEPING:
            return

        async def beat(unit: Unit) -> None:
            await unit.directory.heartbeat(KIND, self._worker, os.getpid(), self._context.clock())

        await self._context.store.write(beat)
        await self.replay()
        await self.expire()
        await self.sweep()
        await self._wake_due()
        self._kept_house_at = now

    async def _start_sends(self) -> None:
        while len(self._sends) < AT_ONCE:
            claim = await self._claim()
            if claim is None:
                return
            task = asyncio.create_task(self._deliver_logged(claim))
            self._sends.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._sends.discard(task)
        self._wake.set()

    async def _claim(self) -> Claim | None:
        async with self._context.store.read() as unit:
            if await unit.outbox.next_message(self._context.clock()) is None:
                return None
        token = secrets.token_hex(16)

        async def work(unit: Unit) -> Claim | None:
            lease = self._context.timing.lease
            fence = self._boot_clock() + lease.total_seconds()
            row = await unit.outbox.claim(self._worker, token, self._context.clock(), lease)
            return Claim(row, fence) if row is not None else None

        return await self._context.store.write(work)

    async def _deliver_logged(self, claim: Claim) -> None:
        try:
            await self._deliver(claim)
        except StoreError as error:
            logger.warning("message %s waits for its lease to end: %s", claim.row.message_id, error)
        except Exception as error:  # one message's trouble must not stop the others; its lease ends by itself
            logger.error("delivering message %s failed: %s", claim.row.message_id, type(error).__name__, exc_info=error)

    async def _deliver(self, claim: Claim) -> None:
        await self._at("claimed")
        row = claim.row
        async with self._context.store.read() as unit:
            channel = await unit.directory.channel_by_id(row.channel_id)
            target = await unit.contacts.channel(row.contact_channel_id)
            standing = await self._standing(unit, row)
        if channel is None or target is None:
            outcome = _refused("The contact's address or the channel is gone.")
            await self._settle(row, outcome, "", standing)
            return
        try:
            adapter = self._adapters.get(channel)
        except InboxError as error:
            await self._settle(row, _no_secret(str(error)), channel.name, standing)
            return
        key_life = key_life_of(adapter)
        answered = await self._answered(target) if threads_by_answer(adapter) else None
        files = await self._files.of(row.message_id, channel.kind)
        if isinstance(files, SendOutcome):
            await self._settle(row, files, channel.name, standing)
            return
        guard = Guard(self._context, row, claim.fence, self._boot_clock, self._at, key_life)
        result = await _send(adapter, _outgoing(row, target.address, answered, files), guard)
        await self._at("reply_received")
        if guard.veto is not None:
            await self._save(settle_veto(row, guard.veto, self._context.clock()))
        elif result is not None:
            # An old key was alive when the guard let the message go, and a new one began to live only then.
            await self._settle(row, result, channel.name, replace(standing, keyed=key_life is not None))
        await self._at("settled")

    async def _answered(self, target: ContactChannel) -> Answered | None:
        async with self._context.store.read() as unit:
            return await unit.timeline.last_inbound(target.contact_id, target.channel.id)

    async def _standing(self, unit: Unit, row: OutboxRow) -> Standing:
        released_at = await unit.outbox.released_at(row)
        return Standing(
            tries=await unit.outbox.tries(row.message_id),
            age=self._context.clock() - released_at,
            doubtful=await unit.outbox.in_doubt(row.message_id),
        )

    async def _settle(self, row: OutboxRow, outcome: SendOutcome, channel_name: str, standing: Standing) -> None:
        now, jitter = self._context.clock(), self._context.rng.random()
        await self._save(settle(row, outcome, channel_name=channel_name, standing=standing, now=now, jitter=jitter))

    async def _save(self, settlement: Settlement | None) -> None:
        """Store a result. When the store is slow or fails, the journal has it before anything else is tried."""
        if settlement is None:
            return
        saving = asyncio.create_task(self._store(settlement))
        done, _ = await asyncio.wait({saving}, timeout=SETTLE_PATIENCE)
        spooled = not done
        if spooled:
            await asyncio.to_thread(self._journal.spool, settlement)
        try:
            await saving
        except Exception as error:  # noqa: BLE001 - whatever kept it out of the store, the answer must not be lost
            if not spooled:
                await asyncio.to_thread(self._journal.spool, settlement)
            logger.warning("the result of message %s is kept in the journal: %s", settlement.message_id, error)
            self._kept_house_at = None  # replay at the next turn
            return
        if spooled:
            self._journal.remove(settlement)

    async def _store(self, settlement: Settlement) -> bool:
        return await self._context.store.write(lambda unit: apply(unit, settlement))

    async def _nothing_soon(self) -> bool:
        if self._sends:
            return False
        async with self._context.store.read() as unit:
            now = self._context.clock()
            due = await unit.outbox.next_due(now)
        return due is None or due - now > LEAVES_BEFORE

    async def _idle(self, stop: asyncio.Event) -> None:
        """Wait until something may be due, somebody woke us, the store changed, or house is to be kept."""
        async with self._context.store.read() as unit:
            now = self._context.clock()
            due = await unit.outbox.next_due(now)
        seconds = HOUSEKEEPING if due is None else max(0.0, (due - now).total_seconds())
        if due is not None and due <= now:
            seconds = POLL  # due but not to be had: it waits for another one's place
        until = self._boot_clock() + min(seconds, HOUSEKEEPING)
        while not stop.is_set() and (left := until - self._boot_clock()) > 0:
            if await self._woken(min(left, POLL)) or await self._store_changed():
                return

    async def _woken(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return True

    async def _store_changed(self) -> bool:
        token = await self._context.store.change_token()
        changed = token != self._seen_token
        self._seen_token = token
        return changed

    async def _wait(self, stop: asyncio.Event, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stop.wait()

    async def _leave(self) -> None:
        if self._sends:
            await asyncio.wait(self._sends, timeout=self._context.timing.total_timeout + 1)
        with contextlib.suppress(StoreError):  # the heartbeat grows old by itself
            await self._context.store.write(lambda unit: unit.directory.retire(self._worker))


async def _send(adapter: ChannelAdapter, message: Outgoing, guard: Guard) -> SendOutcome | None:
    """One send; ``None`` when the guard stopped it."""
    try:
        return await adapter.send(message, guard)
    except SendVetoedError:
        return None
    except Exception as error:  # adapters promise not to raise; one that does must not lose track of the message
        logger.error("the adapter failed on message %s: %s", message.message_id, type(error).__name__, exc_info=error)
        kind = OutcomeKind.AMBIGUOUS if guard.passed else OutcomeKind.NOT_SENT
        return SendOutcome(kind, error_class=ErrorClass.INTERNAL, error_text="The program failed while sending.")


def _outgoing(row: OutboxRow, address: str, answered: Answered | None, files: tuple[OutgoingFile, ...]) -> Outgoing:
    return Outgoing(
        message_id=row.message_id,
        address=address,
        content_kind=row.content_kind,
        text=row.body,
        template=row.template,
        tag=row.tag,
        idempotency_key=row.idempotency_key,
        answered=answered,
        files=files,
    )


def _refused(told: str) -> SendOutcome:
    return SendOutcome(OutcomeKind.REFUSED, error_class=ErrorClass.UNREACHABLE, error_text=told)


def _no_secret(told: str) -> SendOutcome:
    return SendOutcome(
        OutcomeKind.NOT_SENT,
        error_class=ErrorClass.TEMPORARY,
        error_code=NO_SECRET,
        error_text=told,
        retry_after=SECRET_WAIT,
        pauses_channel=True,
    )
