"""The queue: which message may go next and when, how many wait where, and which have waited in vain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select

from tui_inbox.domain.delivery import IN_FLIGHT, UNSETTLED
from tui_inbox.domain.kinds import ContentKind, DeliveryState
from tui_inbox.domain.models import OutboxRow
from tui_inbox.repository.base import AnyRow
from tui_inbox.repository.columns import in_states
from tui_inbox.repository.health import breaker_lets
from tui_inbox.repository.outbox_rows import OutboxReads, doubtful, outbox_row
from tui_inbox.repository.tables import attempts, channel_health, channels, contact_channels, outbox

_QUEUED = outbox.c.state == DeliveryState.QUEUED


@dataclass(frozen=True)
class NextMessage:
    """A message that may go now."""

    message_id: str
    channel_id: int
    probes: bool
    """It goes to find out whether a channel answers again."""


@dataclass(frozen=True)
class Waiting:
    """What waits on one channel."""

    count: int
    oldest_due_at: datetime
    oldest_created_at: datetime


class QueueReads(OutboxReads):
    """Reads of what is still to go."""

    async def next_message(self, now: datetime, *, lock: bool = False) -> NextMessage | None:
        """The message that is due the longest and may go now; ``None`` when none may.

        Order within a contact and channel is kept: a message waits for every earlier one that is not settled. Where a
        breaker lets one message through, it is a retry if there is one: its fate does not depend on this try alone.
        ``lock``: keep it from other senders until the unit ends.
        """
        found = await self._ready(now, outbox.c.due_at, lock=lock)
        if found is None or found.retry_at is None:
            return None if found is None else NextMessage(found.message_id, found.channel_id, probes=False)
        retries_first = case((outbox.c.attempts > 0, 0), else_=1)
        probe = await self._ready(now, retries_first, only=outbox.c.channel_id == found.channel_id, lock=lock)
        assert probe is not None
        return NextMessage(probe.message_id, probe.channel_id, probes=True)

    async def next_due(self, now: datetime) -> datetime | None:
        """The instant at which :meth:`next_message` finds something next, if nothing else happens; ``None`` = never.

        May lie in the past: then there is something now, or it waits for the probe of its channel.
        """
        columns = (channels.c.paused_reason, channels.c.paused_until, channel_health.c.opened_at)
        statement = (
            select(func.min(outbox.c.due_at).label("due_at"), channel_health.c.retry_at, *columns)
            .select_from(_joined())
            .where(_QUEUED, ~waits_for_earlier())
            .group_by(outbox.c.channel_id, channel_health.c.retry_at, *columns)
        )
        instants = [_free_at(row, now) for row in await self._all(statement)]
        return min((at for at in instants if at is not None), default=None)

    async def waiting(self) -> dict[int, Waiting]:
        """What is queued and not on its way, by channel."""
        oldest = (func.min(outbox.c.due_at), func.min(outbox.c.created_at))
        statement = select(outbox.c.channel_id, func.count(), *oldest).where(_QUEUED).group_by(outbox.c.channel_id)
        return {channel: Waiting(count, due, created) for channel, count, due, created in await self._all(statement)}

    async def queued_before(self, instant: datetime) -> list[OutboxRow]:
        """Queued messages that were written before ``instant``, oldest first."""
        return await self._queued(outbox.c.created_at <= instant)

    async def queued_with_dead_keys(self, instant: datetime) -> list[OutboxRow]:
        """Queued messages that may have been taken already under a key that ends before ``instant``."""
        tried = exists().where(attempts.c.message_id == outbox.c.message_id, doubtful())
        return await self._queued(outbox.c.key_expires_at < instant, tried)

    async def queued_unanswered(self, channel_id: int, instant: datetime) -> list[OutboxRow]:
        """Queued free texts on a channel whose customer's last qualifying event came before or at ``instant``."""
        last = select(contact_channels.c.last_qualifying_at).where(contact_channels.c.id == outbox.c.contact_channel_id)
        closed = func.coalesce(last.scalar_subquery(), 0) <= instant
        return await self._queued(
            outbox.c.channel_id == channel_id, outbox.c.content_kind != ContentKind.TEMPLATE, closed
        )

    async def _queued(self, *conditions: ColumnElement[bool]) -> list[OutboxRow]:
        statement = select(outbox).where(_QUEUED, *conditions)
        rows = await self._all(statement.order_by(outbox.c.created_at, outbox.c.message_id))
        return [outbox_row(row) for row in rows]

    async def _ready(
        self, now: datetime, order: ColumnElement[Any], *, lock: bool, only: ColumnElement[bool] | None = None
    ) -> AnyRow | None:
        statement = (
            select(outbox.c.message_id, outbox.c.channel_id, channel_health.c.retry_at)
            .select_from(_joined())
            .where(_QUEUED, outbox.c.due_at <= now, not_paused(now), breaker_lets(now), ~waits_for_earlier())
            .order_by(order, outbox.c.due_at, outbox.c.created_at, outbox.c.message_id)
            .limit(1)
        )
        if lock:
            # Nobody waits for a message that another sender is just taking up. SQLite has one writer and ignores it.
            statement = statement.with_for_update(of=outbox, skip_locked=True)
        return await self._first(statement if only is None else statement.where(only))


def waits_for_earlier() -> ColumnElement[bool]:
    """An earlier message to the same contact and channel is not settled yet, or one is on its way."""
    earlier = outbox.alias("earlier")
    return exists().where(
        earlier.c.contact_id == outbox.c.contact_id,
        earlier.c.channel_id == outbox.c.channel_id,
        or_(
            and_(earlier.c.seq < outbox.c.seq, in_states(earlier.c.state, UNSETTLED)),
            in_states(earlier.c.state, IN_FLIGHT),
        ),
    )


def not_paused(now: datetime) -> ColumnElement[bool]:
    """The joined channel may be used."""
    return or_(channels.c.paused_reason == "", channels.c.paused_until <= now)


def _joined() -> Any:
    return outbox.join(channels, channels.c.id == outbox.c.channel_id).outerjoin(
        channel_health, channel_health.c.channel_id == outbox.c.channel_id
    )


def _free_at(row: AnyRow, now: datetime) -> datetime | None:
    """When the first message of a channel may go: due, not paused, breaker rested; ``None`` = when a person acts."""
    at: datetime = row.due_at
    if row.paused_reason and row.paused_until is None:
        return None
    if row.paused_reason and row.paused_until > now:
        at = max(at, row.paused_until)
    if row.retry_at is not None and row.opened_at <= now:
        at = max(at, row.retry_at)
    return at
