"""What webhooks brought: kept raw before anybody looks into it, and the keys that make repeats harmless."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, insert, select, update

from tui_inbox.domain.models import RawEvent
from tui_inbox.repository import dialect
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.tables import inbound_events, inbound_keys, poll_cursors


class InboundRepository(Repository):
    """Reads and writes of raw inbound events."""

    async def store_raw(self, channel_id: int, received_at: datetime, headers: Mapping[str, str], body: bytes) -> int:
        """Keep a verified body as it came; returns its id."""
        values = {"channel_id": channel_id, "received_at": received_at, "headers": dict(headers), "body": body}
        return int(await self._value(insert(inbound_events).values(values).returning(inbound_events.c.id)))

    async def cursor(self, channel_id: int) -> str:
        """How far a channel that is asked for news has been read; empty = never."""
        statement = select(poll_cursors.c.cursor).where(poll_cursors.c.channel_id == channel_id)
        row = await self._first(statement)
        return "" if row is None else str(row.cursor)

    async def move_cursor(self, channel_id: int, before: str, after: str, now: datetime) -> bool:
        """Note how far it has been read; ``False`` when somebody else has moved on from ``before`` meanwhile."""
        values = {"cursor": after, "polled_at": now}
        known = (poll_cursors.c.channel_id == channel_id) & (poll_cursors.c.cursor == before)
        if await self._count(update(poll_cursors).where(known).values(values)) == 1:
            return True
        statement = dialect.insert(self._connection, poll_cursors).values(channel_id=channel_id, **values)
        return not before and await self._count(statement.on_conflict_do_nothing()) == 1

    async def forget(self, before: datetime, limit: int) -> int:
        """Delete at most ``limit`` bodies that were worked through before an instant; their keys stay, and so do those
        in quarantine. Returns how many."""
        old = (inbound_events.c.status == "processed") & (inbound_events.c.done_at < before)
        chosen = select(inbound_events.c.id).where(old).order_by(inbound_events.c.id).limit(limit)
        return await self._count(delete(inbound_events).where(inbound_events.c.id.in_(chosen)))

    async def pending(self, limit: int = 20) -> list[RawEvent]:
        """Bodies that nobody has processed, oldest first."""
        statement = select(inbound_events).where(inbound_events.c.status == "pending")
        return [_raw(row) for row in await self._all(statement.order_by(inbound_events.c.id).limit(limit))]

    async def claim_key(self, channel_id: int, key: str) -> bool:
        """Note an event's key; ``False`` when it was seen before on this channel."""
        statement = dialect.insert(self._connection, inbound_keys).values(channel_id=channel_id, key=key)
        return await self._count(statement.on_conflict_do_nothing()) == 1

    async def mark(
        self, raw_id: int, status: Literal["processed", "quarantined"], error: str = "", *, now: datetime
    ) -> None:
        """Say what became of a body; ``error`` tells why it was put into quarantine."""
        statement = update(inbound_events).where(inbound_events.c.id == raw_id)
        await self._count(statement.values(status=status, error=error, done_at=now))

    async def recent(self, limit: int = 50) -> list[RawEvent]:
        """The newest bodies, whatever became of them, newest first."""
        return [
            _raw(row)
            for row in await self._all(select(inbound_events).order_by(inbound_events.c.id.desc()).limit(limit))
        ]


def _raw(row: AnyRow) -> RawEvent:
    return RawEvent(row.id, row.channel_id, row.received_at, bytes(row.body), row.status, row.error)
