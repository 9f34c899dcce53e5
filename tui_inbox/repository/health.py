"""What all senders know of each channel: its circuit breaker, and how far its clock is from ours."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, or_, select

from tui_inbox.domain.breaker import Breaker, Signal
from tui_inbox.domain.delivery import IN_FLIGHT
from tui_inbox.domain.models import ChannelHealth
from tui_inbox.domain.skew import worth_noting
from tui_inbox.repository import dialect
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.columns import in_states
from tui_inbox.repository.tables import channel_health, outbox

MILLISECOND = timedelta(milliseconds=1)
_BREAKER = tuple(Breaker.__dataclass_fields__)


class HealthRepository(Repository):
    """Reads and writes of the channels' health; a channel of which nothing is known is well."""

    async def of(self, channel_id: int) -> ChannelHealth:
        """The health of one channel."""
        row = await self._first(select(channel_health).where(channel_health.c.channel_id == channel_id))
        return ChannelHealth(channel_id) if row is None else _health(row)

    async def all(self) -> dict[int, ChannelHealth]:
        """The health of every channel of which anything is known, by channel id."""
        return {row.channel_id: _health(row) for row in await self._all(select(channel_health))}

    async def note(self, channel_id: int, signal: Signal, message_id: str, now: datetime) -> None:
        """Tell the breaker how an attempt at a message ended."""
        before = (await self.of(channel_id)).breaker
        after = before.after(signal, message_id, now)
        if after != before:
            await self._save(channel_id, {name: getattr(after, name) for name in _BREAKER})

    async def close_breaker(self, channel_id: int) -> None:
        """Let everything through again: somebody has seen the channel answer."""
        if (await self.of(channel_id)).breaker != Breaker():
            await self._save(channel_id, {name: getattr(Breaker(), name) for name in _BREAKER})

    async def send_probe(self, channel_id: int, message_id: str) -> None:
        """Name the one message that an open breaker lets through."""
        await self._save(channel_id, {"probe": message_id})

    async def note_skew(self, channel_id: int, skew: timedelta, at: datetime) -> None:
        """Note how far the channel's clock was ahead of ours."""
        known = await self.of(channel_id)
        if worth_noting(known.skew, known.skew_at, skew, at):
            await self._save(channel_id, {"skew_ms": _milliseconds(skew), "skew_at": at})

    async def _save(self, channel_id: int, values: dict[str, object]) -> None:
        statement = dialect.insert(self._connection, channel_health).values(channel_id=channel_id, **values)
        await self._count(statement.on_conflict_do_update(index_elements=["channel_id"], set_=values))


def breaker_lets(now: datetime) -> ColumnElement[bool]:
    """The breaker of the joined channel lets a message through at ``now``: see :meth:`Breaker.rests`.

    After the rest one message at a time is let through; a probe that has ended without a word, its sender dead, is
    none any more.
    """
    columns = channel_health.c
    probe = outbox.alias("probe")
    trying = exists().where(probe.c.message_id == columns.probe, in_states(probe.c.state, IN_FLIGHT))
    rested = or_(columns.retry_at <= now, columns.opened_at > now)
    return or_(columns.retry_at.is_(None), and_(rested, ~trying))


def _milliseconds(span: timedelta) -> int:
    most = (1 << 31) - 1
    return max(-most, min(most, span // MILLISECOND))


def _health(row: AnyRow) -> ChannelHealth:
    breaker = Breaker(**{name: getattr(row, name) for name in _BREAKER})
    return ChannelHealth(row.channel_id, breaker, row.skew_ms * MILLISECOND, row.skew_at)
