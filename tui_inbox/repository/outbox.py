"""The outbox: every change of state of an outgoing message, by compare-and-set, with its line of record.

Which changes are right is said by :mod:`tui_inbox.domain.delivery`; here they are carried out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, update

from tui_inbox.domain.delivery import IN_FLIGHT, LEASE, MOST_LOST_LEASES, after_expired_lease, key_is_safe, may_change
from tui_inbox.domain.events import OutcomeKind, ReceiptEvent, SendOutcome
from tui_inbox.domain.kinds import DeliveryState as S
from tui_inbox.domain.kinds import ErrorClass
from tui_inbox.domain.models import OutboxRow
from tui_inbox.repository.columns import in_states
from tui_inbox.repository.health import HealthRepository
from tui_inbox.repository.outbox_queue import QueueReads
from tui_inbox.repository.outbox_rows import LEASE_EXPIRED, NewOutgoing, outbox_row
from tui_inbox.repository.receipts import Receipts
from tui_inbox.repository.tables import attempts, outbox
from tui_inbox.repository.transitions import record

__all__ = ["NewOutgoing", "OutboxRepository"]

BY_LATE = "late outcome"
"""Evidence in the record: a sender that had been given up came back with the channel's answer."""
_SETTLEABLE = (S.LEASED, S.SENDING, S.UNCERTAIN)
_NO_ERROR = {"error_class": None, "error_code": "", "error_text": "", "failed_at": None}
_NO_LEASE = {"lease_token": "", "lease_until": None, "lease_owner": ""}


class OutboxRepository(QueueReads):
    """Reads and writes of outgoing messages."""

    async def queue(self, new: NewOutgoing) -> OutboxRow:
        """Queue a message behind those of the same contact and channel.

        The database refuses a second message of one draft, and a second one of one agent's client key.
        """
        last = select(func.coalesce(func.max(outbox.c.seq), 0)).where(
            outbox.c.contact_id == new.contact_id, outbox.c.channel_id == new.channel_id
        )
        seq = int(await self._value(last)) + 1
        values: dict[str, Any] = {name: getattr(new, name) for name in _QUEUED} | {
            "template": None if new.template is None else asdict(new.template),
            "state": S.QUEUED,
            "version": 1,
            "seq": seq,
        }
        row = await self._first(insert(outbox).values(values).returning(outbox))
        assert row is not None
        queued = outbox_row(row)
        await record(self._connection, queued, S.QUEUED, new.created_at, actor_id=new.queued_by_id)
        return queued

    async def claim(self, worker: str, token: str, now: datetime, lease: timedelta) -> OutboxRow | None:
        """Lease the message of :meth:`next_message`; ``None`` when nothing may go now."""
        found = await self.next_message(now, lock=True)
        if found is None:
            return None
        values = {
            "attempts": outbox.c.attempts + 1,
            "lease_token": token,
            "lease_until": now + lease,
            "lease_owner": worker,
            "first_byte_at": None,
        }
        row = await self._move(found.message_id, (S.QUEUED,), S.LEASED, values, now)
        if row is not None:
            if found.probes:
                await HealthRepository(self._connection).send_probe(found.channel_id, found.message_id)
            attempt = {"message_id": found.message_id, "n": row.attempts, "token": token, "worker": worker}
            await self._connection.execute(insert(attempts).values(**attempt, leased_at=now))
        return row

    async def start_sending(
        self, message_id: str, token: str, now: datetime, key_life: timedelta | None = None
    ) -> bool:
        """Note that the first byte is about to leave; ``False`` when the lease is no longer ours or has ended.

        ``key_life``: how long the channel knows our key from its first use; ``None`` = it knows no keys.
        """
        row = await self.get(message_id)
        if row is None or row.lease_token != token or row.lease_until is None or row.lease_until <= now:
            return False
        values: dict[str, Any] = {"first_byte_at": now}
        if key_life is not None and not key_is_safe(row.key_expires_at, now):
            values["key_expires_at"] = now + key_life
        moved = await self._move(message_id, (S.LEASED,), S.SENDING, values, now, token=token)
        if moved is None:
            return False
        await self._end_attempt(message_id, token, {"first_byte_at": now})
        return True

    async def settle(
        self,
        message_id: str,
        token: str,
        state: S,
        outcome: SendOutcome,
        *,
        due_at: datetime | None,
        now: datetime,
    ) -> bool:
        """Record the outcome of the attempt that holds ``token``; ``False`` when it is no longer that one's to say.

        A late definite outcome settles an uncertain message. One of an attempt that was given up meanwhile is proof all
        the same when it says that the message was taken. Where a receipt was faster, only what the outcome adds is
        written. Receipts that came before the channel's id was known are applied.
        """
        row = await self.get(message_id)
        if row is None:
            return False
        mine = row.lease_token == token
        settled = await (
            self._settle(row, state, outcome, due_at, now) if mine else self._late(row, token, outcome, now)
        )
        if not settled:
            return False
        await self._end_attempt(
            message_id,
            token,
            {
                "http_status": outcome.http_status,
                "outcome": outcome.kind,
                "provider_id": outcome.provider_id,
                "error_code": outcome.error_code,
                "error_text": outcome.error_text,
                "ended_at": now,
            },
        )
        if outcome.provider_id:
            await Receipts(self._connection).adopt(row.channel_id, outcome.provider_id)
        return True

    async def expire(self, now: datetime) -> list[tuple[str, S]]:
        """Take back messages whose sender has vanished; returns each with its new state.

        One that was being sent goes back to the queue only while its key still protects a repeat.
        """
        await self._shorten_leases(now)
        statement = select(outbox).where(in_states(outbox.c.state, IN_FLIGHT), outbox.c.lease_until <= now)
        expired = []
        for found in await self._all(statement.order_by(outbox.c.lease_until, outbox.c.message_id)):
            row = outbox_row(found)
            lost = row.lost_leases + 1
            after = after_expired_lease(
                row.state,
                keyed=key_is_safe(row.key_expires_at, now),
                lost=lost,
                doubtful=await self.in_doubt(row.message_id),
            )
            await self._move(row.message_id, (row.state,), after, _expired(row, after, lost, now), now)
            await self._end_attempt(row.message_id, row.lease_token, {"outcome": LEASE_EXPIRED, "ended_at": now})
            expired.append((row.message_id, after))
        return expired

    async def change(
        self,
        message_id: str,
        *,
        expected: Collection[S],
        to: S,
        version: int | None = None,
        due_at: datetime | None = None,
        confirmed_by_id: int | None = None,
        error: tuple[ErrorClass | None, str, str] | None = None,
        now: datetime,
    ) -> OutboxRow | None:
        """A change of state by a person or by the sender before sending; ``None`` when somebody else was faster, or the
        machine has no such edge. ``error``: class, code, text."""
        values: dict[str, Any] = {}
        if confirmed_by_id is not None:
            values["confirmed_by_id"] = confirmed_by_id
        if due_at is not None:
            values["due_at"] = due_at
        if to is S.QUEUED:
            values |= {"due_at": due_at or now, "lost_leases": 0, **_NO_ERROR, **_NO_LEASE}
            row = await self.get(message_id)
            if row is not None and not key_is_safe(row.key_expires_at, now):
                values["key_expires_at"] = None  # whoever sends it again knows that the old key protects no more
        if to is S.FAILED:
            values["failed_at"] = now
        if error is not None:
            values |= dict(zip(("error_class", "error_code", "error_text"), error, strict=True))
        return await self._move(message_id, tuple(expected), to, values, now, version=version, actor_id=confirmed_by_id)

    async def apply_receipt(self, channel_id: int, event: ReceiptEvent) -> list[str]:
        """Apply what a channel reports; returns the ids of the messages meant.

        A receipt only rises and settles a message that was uncertain or on its way. One for an id that nobody knows is
        kept until a message learns that id.
        """
        return await Receipts(self._connection).apply(channel_id, event)

    async def _settle(
        self, row: OutboxRow, state: S, outcome: SendOutcome, due_at: datetime | None, now: datetime
    ) -> bool:
        known = {"provider_id": outcome.provider_id} if outcome.provider_id else {}
        if row.state is S.SENT and state is S.SENT:
            if known:
                await self._count(update(outbox).where(outbox.c.message_id == row.message_id).values(**known))
            return True
        if row.state is state is S.UNCERTAIN:
            return True
        values: dict[str, Any] = dict(known)
        if state is not S.UNCERTAIN:
            values["lease_until"] = None
        if state is S.SENT:
            values |= _NO_ERROR
        else:
            values |= {
                "error_class": outcome.error_class,
                "error_code": outcome.error_code,
                "error_text": outcome.error_text,
            }
        if state is S.FAILED:
            values["failed_at"] = now
        if state is S.QUEUED:
            values["due_at"] = due_at or now
        moved = await self._move(row.message_id, _SETTLEABLE, state, values, now, token=row.lease_token, settles=True)
        return moved is not None

    async def _move(
        self,
        message_id: str,
        expected: Collection[S],
        to: S,
        values: dict[str, Any],
        now: datetime,
        *,
        token: str | None = None,
        version: int | None = None,
        actor_id: int | None = None,
        settles: bool = False,
    ) -> OutboxRow | None:
        """One edge of the machine by compare-and-set, with its line of record; ``None`` when it was not to be had."""
        before = await self.get(message_id)
        if before is None or before.state not in expected or not _allowed(before.state, to, settles=settles):
            return None
        wanted = (version is None or before.version == version) and (token is None or before.lease_token == token)
        if not wanted:
            return None
        statement = (
            update(outbox)
            .where(outbox.c.message_id == message_id, outbox.c.version == before.version)
            .values(**values, state=to, version=before.version + 1)
            .returning(outbox)
        )
        row = await self._first(statement)
        if row is None:
            return None
        after = outbox_row(row)
        await record(self._connection, after, to, now, actor_id=actor_id, before=before.state)
        return after

    async def _late(self, row: OutboxRow, token: str, outcome: SendOutcome, now: datetime) -> bool:
        """An outcome of an attempt that is no longer the current one; taken only as proof that the message went."""
        attempt = next((item for item in await self.attempts(row.message_id) if item.token == token), None)
        if attempt is None or attempt.first_byte_at is None or outcome.kind is not OutcomeKind.ACCEPTED:
            return False
        if row.state in {S.SENT, S.SENDING}:
            return False  # a repeat is on its way or done: what it brings is said by its own outcome
        await Receipts(self._connection).settle_by_proof(row, now, provider_id=outcome.provider_id, evidence=BY_LATE)
        return True

    async def _shorten_leases(self, now: datetime) -> None:
        """A lease that ends later than one taken now means that the clock was put back: it ends with such a one."""
        held = in_states(outbox.c.state, IN_FLIGHT | {S.UNCERTAIN})
        await self._count(
            update(outbox).where(held, outbox.c.lease_until > now + LEASE).values(lease_until=now + LEASE)
        )

    async def _end_attempt(self, message_id: str, token: str, values: dict[str, Any]) -> None:
        """Complete the attempt that holds the token."""
        attempt = (attempts.c.message_id == message_id) & (attempts.c.token == token)
        await self._count(update(attempts).where(attempt).values(**values))


_QUEUED = (
    "message_id",
    "contact_id",
    "contact_channel_id",
    "channel_id",
    "content_kind",
    "body",
    "tag",
    "idempotency_key",
    "draft_id",
    "client_key",
    "due_at",
    "queued_by_id",
    "created_at",
)


def _allowed(before: S, to: S, *, settles: bool) -> bool:
    if may_change(before, to):
        return True
    # An outcome proves that bytes left, even if the sender died between its last commit and the first of them.
    return settles and before is S.LEASED and may_change(S.SENDING, to)


def _expired(row: OutboxRow, after: S, lost: int, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {"lost_leases": lost}
    if after is S.QUEUED:
        return values | {"due_at": now, **_NO_LEASE}
    told = "nothing was sent" if after is S.FAILED else "it may have gone out. Check with the customer or wait"
    crashed = {
        "error_class": ErrorClass.INTERNAL,
        "error_code": "lost_leases",
        "error_text": f"The sender stopped {lost} times while it had this message; {told}.",
    }
    if after is S.FAILED:
        return values | _NO_LEASE | {"failed_at": now, **crashed}
    stopped = {
        "error_class": ErrorClass.TEMPORARY,
        "error_code": "",
        "error_text": "The sender stopped after the message may have gone out. Check with the customer or wait.",
    }
    return values | (crashed if lost >= MOST_LOST_LEASES else stopped)
