"""Receipts: finding the messages that are meant, and letting their receipt rise."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, select, update

from tui_inbox.domain.delivery import failure_applies, proves_sent, raise_receipt
from tui_inbox.domain.events import ReceiptEvent
from tui_inbox.domain.kinds import DeliveryState as S
from tui_inbox.domain.kinds import ErrorClass, Receipt
from tui_inbox.domain.models import OutboxRow
from tui_inbox.repository.base import AnyRow
from tui_inbox.repository.outbox_rows import OutboxReads, doubtful, outbox_row
from tui_inbox.repository.tables import attempts, contact_channels, orphan_receipts, outbox
from tui_inbox.repository.transitions import record

BY_RECEIPT = "receipt"
"""Evidence in the record: the channel reported the message, whatever the sender knew."""
EVIDENT = frozenset(S) - {S.SENT}
"""States in which proof can come that a message was taken all the same."""
DENIED = "denied by receipt"
"""Outcome of an attempt of which nobody knew until the channel reported that it failed."""
MOST_ORPHANS = 20_000
"""Receipts of unknown messages that are kept, the last ones; ours are settled within seconds."""
_NO_ERROR = {"failed_at": None, "error_class": None, "error_code": "", "error_text": ""}


class Receipts(OutboxReads):
    """Applies receipts to the outbox."""

    async def apply(self, channel_id: int, event: ReceiptEvent) -> list[str]:
        """Apply one receipt; returns the ids of the messages meant. See ``OutboxRepository.apply_receipt``."""
        rows = await self._meant(channel_id, event)
        if not rows and (event.provider_id or event.echo):
            await self._keep(channel_id, event)
        for row in rows:
            await self._apply(row, event)
        return [row.message_id for row in rows]

    async def adopt(self, channel_id: int, provider_id: str) -> None:
        """Apply the receipts that waited for a message to learn this id, in the order of their own time."""
        mine = and_(orphan_receipts.c.channel_id == channel_id, orphan_receipts.c.provider_id == provider_id)
        waiting = await self._all(
            select(orphan_receipts).where(mine).order_by(orphan_receipts.c.at, orphan_receipts.c.id)
        )
        for orphan in waiting:
            await self._count(delete(orphan_receipts).where(orphan_receipts.c.id == orphan.id))
            await self.apply(channel_id, _event(orphan))

    async def _meant(self, channel_id: int, event: ReceiptEvent) -> list[OutboxRow]:
        on_channel = outbox.c.channel_id == channel_id
        if event.provider_id:
            found = await self._rows(and_(on_channel, outbox.c.provider_id == event.provider_id))
            if found:
                return found
        if event.echo:
            found = await self._rows(and_(on_channel, outbox.c.message_id == event.echo))
            if found:
                return found
        if event.watermark is None or not event.address:
            return []
        person = select(contact_channels.c.id).where(
            contact_channels.c.channel_id == channel_id, contact_channels.c.address == event.address
        )
        return await self._rows(
            and_(
                outbox.c.contact_channel_id == person.scalar_subquery(),
                outbox.c.first_byte_at <= event.watermark,
                outbox.c.state == S.SENT,
                outbox.c.receipt < int(event.receipt),
            )
        )

    async def _apply(self, row: OutboxRow, event: ReceiptEvent) -> None:
        if event.receipt is Receipt.NONE and event.error_class is not None:
            values, state = _failed(row, event), S.FAILED
            if values is None:
                return
        else:
            values, state = _risen(row, event, doubtful=await self.in_doubt(row.message_id))
        if event.provider_id and not row.provider_id:
            values["provider_id"] = event.provider_id
        if state is not row.state:
            await self._change_state(row, state, values, event.at, BY_RECEIPT)
            await self._end_attempts(row, state, event)
        elif values:
            await self._count(update(outbox).where(outbox.c.message_id == row.message_id).values(**values))
        if "provider_id" in values:
            await self.adopt(row.channel_id, event.provider_id)

    async def settle_by_proof(self, row: OutboxRow, now: datetime, *, provider_id: str, evidence: str) -> None:
        """Make a message sent on proof that an earlier attempt was taken, whatever has become of it since."""
        known = {"provider_id": provider_id} if provider_id else {}
        await self._change_state(row, S.SENT, _NO_ERROR | known, now, evidence)

    async def _change_state(
        self, row: OutboxRow, state: S, values: dict[str, Any], now: datetime, evidence: str
    ) -> None:
        changes = {"state": state, "version": row.version + 1, "lease_until": None}
        mine = outbox.c.message_id == row.message_id
        changed = await self._first(update(outbox).where(mine).values(**values, **changes).returning(outbox))
        assert changed is not None
        await record(self._connection, outbox_row(changed), state, now, before=row.state, evidence=evidence)

    async def _end_attempts(self, row: OutboxRow, state: S, event: ReceiptEvent) -> None:
        """What is known now of attempts whose end nobody knew."""
        mine = attempts.c.message_id == row.message_id
        if state is S.FAILED:
            await self._count(update(attempts).where(mine, doubtful()).values(outcome=DENIED))
            return
        open_one = and_(mine, attempts.c.n == row.attempts, attempts.c.outcome == "")
        known = {"outcome": BY_RECEIPT, "provider_id": event.provider_id, "ended_at": event.at}
        await self._count(update(attempts).where(open_one).values(known))

    async def _keep(self, channel_id: int, event: ReceiptEvent) -> None:
        values = {
            "channel_id": channel_id,
            "event_key": event.key,
            "at": event.at,
            "receipt": int(event.receipt),
            "provider_id": event.provider_id,
            "echo": event.echo,
            "error_class": event.error_class,
            "error_code": event.error_code,
            "error_text": event.error_text,
        }
        kept = await self._value(insert(orphan_receipts).values(values).returning(orphan_receipts.c.id))
        # Where others send from the same account, their receipts come here too, and none of ours ever claims them.
        oldest = int(kept) - MOST_ORPHANS
        await self._connection.execute(delete(orphan_receipts).where(orphan_receipts.c.id <= oldest))

    async def _rows(self, condition: ColumnElement[bool]) -> list[OutboxRow]:
        rows = await self._all(select(outbox).where(condition).order_by(outbox.c.created_at, outbox.c.message_id))
        return [outbox_row(row) for row in rows]


def _failed(row: OutboxRow, event: ReceiptEvent) -> dict[str, Any] | None:
    """Columns of a message that the channel reports as failed; ``None`` when that is overtaken."""
    # Not for a queued or leased one: the report is about an earlier try, this one is still to come. A sent one is final
    # for senders and people; only the channel itself can say that it did not get through after all.
    if row.state not in {S.SENT, S.SENDING, S.UNCERTAIN} or not failure_applies(row.receipt):
        return None
    return {
        "failed_at": event.at,
        "error_class": event.error_class,
        "error_code": event.error_code,
        "error_text": event.error_text,
    }


def _risen(row: OutboxRow, event: ReceiptEvent, *, doubtful: bool) -> tuple[dict[str, Any], S]:
    """Columns and state of a message that the channel reports as sent, delivered or read."""
    values: dict[str, Any] = {}
    receipt = raise_receipt(row.receipt, event.receipt)
    if receipt > row.receipt:
        values |= {"receipt": int(receipt), "receipt_at": event.at}
    state = S.SENT if proves_sent(row.state, event.receipt, doubtful=doubtful) else row.state
    if state is not row.state:
        values |= _NO_ERROR
    return values, state


def _event(orphan: AnyRow) -> ReceiptEvent:
    return ReceiptEvent(
        key=orphan.event_key,
        at=orphan.at,
        receipt=Receipt(orphan.receipt),
        provider_id=orphan.provider_id,
        echo=orphan.echo,
        error_class=None if orphan.error_class is None else ErrorClass(orphan.error_class),
        error_code=orphan.error_code,
        error_text=orphan.error_text,
    )
