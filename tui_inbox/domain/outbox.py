"""What one sees of outgoing messages that are not through: why one waits, what may settle an uncertain one, who may.

Plain rows and pure rules. The states themselves are those of :mod:`tui_inbox.domain.delivery`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tui_inbox.domain.delivery import GRACE, NEEDS_PERSON
from tui_inbox.domain.kinds import ChannelKind, ContentKind, DeliveryState, ErrorClass, Role
from tui_inbox.domain.models import Agent, Attempt
from tui_inbox.domain.waiting import Waiting, WaitKind

CONFIRMS_WITHIN: Mapping[ChannelKind, timedelta] = {
    ChannelKind.WHATSAPP: timedelta(seconds=120),
    ChannelKind.INSTAGRAM: timedelta(seconds=120),
}
"""Channels that report a message by a token of ours even when their answer was lost, and how long that usually takes
(reference: reliability, sections 1.5 and 1.10). All others confirm nothing afterwards."""
OVERDUE = timedelta(seconds=30)
"""A message that nothing holds back and that is still queued so long after it was due has no sender."""


@dataclass(frozen=True)
class OutboxItem:
    """One outgoing message that is not through, as lists and panels show it."""

    message_id: str
    contact_id: int
    contact_name: str
    """As it is stored: clean before painting."""
    contact_channel_id: int
    channel_id: int
    channel_name: str
    channel_kind: ChannelKind
    state: DeliveryState
    content_kind: ContentKind
    body: str
    """As it was written: clean before painting."""
    created_at: datetime
    due_at: datetime
    attempts: int
    queued_by_id: int | None
    queued_by: str
    """Handle; empty when no agent queued it."""
    assignee_id: int | None
    """Who has the conversation now."""
    cursor: str
    """Opaque key of this row for ``after`` and ``before``."""
    lease_until: datetime | None = None
    first_byte_at: datetime | None = None
    error_class: ErrorClass | None = None
    error_code: str = ""
    error_text: str = ""
    paused_reason: str = ""
    paused_until: datetime | None = None
    rests_until: datetime | None = None
    """The channel does not answer; one message tries it again at this time. ``None`` = it answers."""
    heard_at: datetime | None = None
    """When the channel last reported anything at all."""
    behind: DeliveryState | None = None
    """State of the earliest message before it that is not settled; ``None`` = it is next."""

    @property
    def key(self) -> str:
        """Identity of the row."""
        return self.message_id

    @property
    def needs_person(self) -> bool:
        """Whether it goes on by nobody but a person."""
        return self.state in NEEDS_PERSON

    @property
    def window_closed(self) -> bool:
        """It was stopped because the messaging window closed before it could leave."""
        return self.state is DeliveryState.BLOCKED


@dataclass(frozen=True)
class OutboxDetail:
    """A message with every try to send it, in order."""

    item: OutboxItem
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class OutboxCounts:
    """How many messages need a person, by state."""

    uncertain: int = 0
    failed: int = 0
    blocked: int = 0
    bounded: bool = False
    """There are more; counting stopped."""

    @property
    def any(self) -> int:
        """All of them."""
        return self.uncertain + self.failed + self.blocked

    @property
    def words(self) -> str:
        """``2 uncertain, 1 failed``; empty when there is none."""
        named = ((self.uncertain, "uncertain"), (self.failed, "failed"), (self.blocked, "blocked"))
        told = ", ".join(f"{number} {word}" for number, word in named if number)
        return f"{told} and more" if told and self.bounded else told


def waiting(item: OutboxItem, now: datetime) -> Waiting | None:
    """Why a queued message is not on its way at ``now``; ``None`` when it is about to be, or is not queued."""
    if item.state is not DeliveryState.QUEUED:
        return None
    since = item.created_at
    if item.due_at > now and not item.attempts and item.error_class is None:
        return Waiting(WaitKind.HELD, since, item.due_at)
    if item.behind is not None:
        return Waiting(WaitKind.EARLIER, since, behind=item.behind)
    if item.paused_reason and (item.paused_until is None or item.paused_until > now):
        return Waiting(WaitKind.PAUSED, since, item.paused_until, item.paused_reason)
    if item.rests_until is not None:
        return Waiting(WaitKind.RESTS, since, item.rests_until if item.rests_until > now else None)
    if item.due_at > now:
        return Waiting(WaitKind.RETRY, since, item.due_at, item.error_text)
    return Waiting(WaitKind.SENDER, since) if now - item.due_at >= OVERDUE else None


def confirms_until(item: OutboxItem) -> datetime | None:
    """Until when the channel usually confirms this message by itself; ``None`` = it confirms nothing afterwards."""
    usual = CONFIRMS_WITHIN.get(item.channel_kind)
    return None if usual is None else (item.first_byte_at or item.created_at) + usual


def probably_refused(item: OutboxItem, now: datetime) -> bool:
    """The time for a confirmation is over and the channel has reported other things since: likely it never took it."""
    until = confirms_until(item)
    return until is not None and now >= until and item.heard_at is not None and item.heard_at >= until


def free_at(lease_until: datetime | None, grace: timedelta = GRACE) -> datetime | None:
    """From when an uncertain message may be sent again: a sender that was paused can no longer fire."""
    return None if lease_until is None else lease_until + grace


def may_decide(agent: Agent, queued_by_id: int | None, assignee_id: int | None) -> bool:
    """Whether an agent may settle, retry or drop a message: their own, one in a conversation that is theirs or
    nobody's, and a lead or an admin every one."""
    if sees_everybody(agent):
        return True
    return queued_by_id == agent.id or assignee_id in {None, agent.id}


def sees_everybody(agent: Agent) -> bool:
    """Whether an agent's role shows them the messages of all."""
    return agent.role in {Role.LEAD, Role.ADMIN}
