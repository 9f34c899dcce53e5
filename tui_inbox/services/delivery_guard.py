"""The last check before a message leaves: may it still go, and is it still ours to send?

:func:`recheck` is the rule on stored facts; :class:`Guard` is what an adapter awaits just before the first byte: one
short write unit that re-reads everything, decides, and marks the message as being sent. When it raises, no byte has
left (reference: reliability, section 1.6, T3 and T13).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from tui_inbox.channels.port import SendVetoedError
from tui_inbox.domain.delivery import Timing
from tui_inbox.domain.errors import StoreError
from tui_inbox.domain.kinds import ContentKind, DeliveryState, ErrorClass, Permission
from tui_inbox.domain.models import Channel, Contact, ContactChannel, OutboxRow
from tui_inbox.domain.policy import ChannelPolicy, policy_for
from tui_inbox.domain.window import WindowAnswer, decide
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import Context
from tui_inbox.services.reach import facts_now

Pointcut = Callable[[str], Awaitable[None]]
"""Awaited at named points of a delivery; lets a harness stop the process exactly there."""


def boottime() -> float:
    """Seconds since the machine started, those in suspend included: a lease runs on while a laptop sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class VetoKind(StrEnum):
    """What becomes of a message that may not leave now."""

    LOST = "lost"
    """Somebody else owns it: leave it alone."""
    AGAIN = "again"
    """Nothing is wrong with it: back into the queue."""
    BLOCKED = "blocked"
    """It may not be sent any more: it goes back to its agent."""


@dataclass(frozen=True)
class Veto:
    """Why a message may not leave."""

    kind: VetoKind
    reason: str
    """One sentence for the agent."""
    error_class: ErrorClass = ErrorClass.INTERNAL


def permission_of(row: OutboxRow) -> Permission:
    """What the content of a queued message needs."""
    if row.content_kind is ContentKind.TEMPLATE:
        return Permission.TEMPLATE
    return Permission.HUMAN_AGENT if row.tag else Permission.TEXT


def refusal(row: OutboxRow, contact: Contact, target: ContactChannel, now: datetime) -> Veto | None:
    """The veto that the channel's policy speaks against ``row`` at ``now``; ``None`` = it may go.

    The message is itself among those counted since the customer's last one, so it is taken out of the count. A tagged
    answer may also go while plain text may: the customer wrote again after it was queued.
    """
    policy = policy_for(target.channel.kind, target.channel.policy_override)
    facts = facts_now(contact, target, now)
    facts = replace(facts, paused="", sent_since_inbound=max(0, facts.sent_since_inbound - 1))
    answer = decide(policy, facts, now)
    needed = permission_of(row)
    if answer.allows(needed) or (needed is Permission.HUMAN_AGENT and answer.allows(Permission.TEXT)):
        return None
    return Veto(VetoKind.BLOCKED, told(answer), _class_of(answer, policy, contact, facts.sent_since_inbound))


def told(answer: WindowAnswer) -> str:
    """A refusal in the agent's words, with the way out."""
    sentence = f"Not sent: {answer.reason.rstrip('.')}."
    way_out = answer.way_out.rstrip(".")
    return f"{sentence} {way_out[:1].upper()}{way_out[1:]}." if way_out else sentence


def is_paused(channel: Channel, now: datetime) -> bool:
    """Whether nothing may leave on this channel at ``now``."""
    return bool(channel.paused_reason) and (channel.paused_until is None or now < channel.paused_until)


async def recheck(unit: Unit, claimed: OutboxRow, now: datetime, timing: Timing) -> Veto | None:
    """Everything that may have changed since the claim, read anew; ``None`` = go."""
    row = await unit.outbox.get(claimed.message_id)
    if row is None or row.lease_token != claimed.lease_token or row.state is not DeliveryState.LEASED:
        return Veto(VetoKind.LOST, "Another sender has taken this message over.")
    if row.lease_until is not None and (row.lease_until - now).total_seconds() < timing.needed:
        return Veto(VetoKind.AGAIN, "Sending took too long to begin; it will be tried again.", ErrorClass.TEMPORARY)
    contact = await unit.contacts.get(row.contact_id)
    target = await unit.contacts.channel(row.contact_channel_id)
    if contact is None or target is None:
        return Veto(VetoKind.BLOCKED, "Not sent: the contact or its address is gone.", ErrorClass.UNREACHABLE)
    if is_paused(target.channel, now):
        return Veto(VetoKind.AGAIN, f"Waiting: {target.channel.paused_reason}", ErrorClass.TEMPORARY)
    return refusal(row, contact, target, now)


class Guard:
    """Awaited by an adapter just before the first byte of one send.

    ``fence`` is the boot time in seconds at which the lease ends, read from this machine's own clock, so that a process
    that was asleep notices even when the wall clock was turned meanwhile.
    """

    def __init__(
        self, context: Context, row: OutboxRow, fence: float, clock: Callable[[], float], at: Pointcut
    ) -> None:
        self._context = context
        self._row = row
        self._fence = fence
        self._clock = clock
        self._at = at
        self.veto: Veto | None = None
        """Why the message was stopped; ``None`` while it was not."""
        self.passed = False
        """The first byte may have left."""

    async def __call__(self) -> None:
        """Let the message go, or raise :class:`SendVetoedError`."""
        try:
            self.veto = await self._context.store.write(self._open)
        except StoreError as error:
            self.veto = Veto(VetoKind.AGAIN, f"The database cannot be used: {error}", ErrorClass.TEMPORARY)
        if self.veto is None:
            await self._at("guard_done")
        # Nothing is awaited between this look at the clock and the first byte.
        if self.veto is None and self._late():
            self.veto = Veto(VetoKind.AGAIN, "Sending was held up; it will be tried again.", ErrorClass.TEMPORARY)
        if self.veto is not None:
            raise SendVetoedError(self.veto.reason)
        self.passed = True

    async def _open(self, unit: Unit) -> Veto | None:
        now = self._context.clock()
        if self._late():
            return Veto(VetoKind.AGAIN, "Sending took too long to begin; it will be tried again.", ErrorClass.TEMPORARY)
        veto = await recheck(unit, self._row, now, self._context.timing)
        if veto is None and not await unit.outbox.start_sending(self._row.message_id, self._row.lease_token, now):
            return Veto(VetoKind.LOST, "Another sender has taken this message over.")
        return veto

    def _late(self) -> bool:
        return self._fence - self._clock() < self._context.timing.needed


def _class_of(answer: WindowAnswer, policy: ChannelPolicy, contact: Contact, used: int) -> ErrorClass:
    if contact.blocked or answer.opted_out or answer.for_good:
        return ErrorClass.UNREACHABLE
    if policy.count_limit is not None and used >= policy.count_limit:
        return ErrorClass.COUNT_USED
    return ErrorClass.WINDOW_CLOSED
