"""What waits on each channel, since when and why: for the screen, the command line and the check-up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tui_inbox.domain.models import Channel

if TYPE_CHECKING:  # screens use this module before the database layer is loaded
    from tui_inbox.services.context import Context


@dataclass(frozen=True)
class ChannelQueue:
    """The queue of one channel."""

    channel: Channel
    waiting: int
    """Messages that are queued and not on their way, those within their undo time included."""
    oldest_due_at: datetime | None
    """When the first of them may go next, by itself; long past when something holds it. ``None`` = nothing waits."""
    paused_reason: str
    """Why the channel itself waits; empty when it does not."""
    paused_until: datetime | None
    """With a reason and no time: until a person acts."""
    breaker_retry_at: datetime | None
    """The channel does not answer; one message tries it again at this time. ``None`` = it answers."""
    oldest_queued_at: datetime | None = None
    """When the oldest of them was written: the age of the queue."""
    skew: timedelta = timedelta(0)
    """How far the channel's clock was ahead of ours when last heard."""

    @property
    def held(self) -> bool:
        """Whether the channel itself keeps its messages waiting."""
        return bool(self.paused_reason) or self.breaker_retry_at is not None

    def age(self, now: datetime) -> timedelta:
        """How long the oldest message has waited; nothing when none waits."""
        return timedelta(0) if self.oldest_queued_at is None else max(timedelta(0), now - self.oldest_queued_at)


async def channel_queues(context: Context) -> list[ChannelQueue]:
    """Every channel with its queue, by name; all seen at one instant."""
    now = context.clock()
    async with context.store.read() as unit:
        channels = await unit.directory.channels()
        waiting, health = await unit.outbox.waiting(), await unit.health.all()
    found = []
    for channel in channels:
        queue, known = waiting.get(channel.id), health.get(channel.id)
        paused = bool(channel.paused_reason) and (channel.paused_until is None or now < channel.paused_until)
        found.append(
            ChannelQueue(
                channel=channel,
                waiting=0 if queue is None else queue.count,
                oldest_due_at=None if queue is None else queue.oldest_due_at,
                paused_reason=channel.paused_reason if paused else "",
                paused_until=channel.paused_until if paused else None,
                breaker_retry_at=None if known is None else known.breaker.retry_at,
                oldest_queued_at=None if queue is None else queue.oldest_created_at,
                skew=timedelta(0) if known is None else known.skew,
            )
        )
    return found
