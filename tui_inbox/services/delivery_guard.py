"""The last check before a message leaves: may it still go, and is it still ours to send?

:func:`recheck` is the rule on stored facts; :class:`Guard` is what an adapter awaits just before the first byte: one
short write unit that re-reads everything, decides, and marks the message as being sent. When it raises, no byte has
left (reference: reliability, section 1.6, T3 and T13).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from tui_inbox.channels.port import SendVetoedError
from tui_inbox.domain.delivery import LEASE_RESERVE, MOST_AGE, TOTAL_TIMEOUT, key_is_safe
from tui_inbox.domain.errors import StoreError
from tui_inbox.domain.kinds import ContentKind, DeliveryState, ErrorClass, Permission
from tui_inbox.domain.models import Channel, Contact, ContactChannel, OutboxRow
from tui_inbox.domain.policy import ChannelPolicy, policy_for
from tui_inbox.domain.skew import margin
from tui_inbox.domain.window import ChannelFacts, WindowAnswer, decide, span
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import Context
from tui_inbox.services.reach import facts_now

NEEDED = TOTAL_TIMEOUT + LEASE_RESERVE
"""Seconds of lease that must be left when the first byte leaves."""
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
    TOO_OLD = "too old"
    """It has waited too long: it goes back to its agent."""
    DOUBTFUL = "doubtful"
    """An earlier attempt may have been taken, and this one must not be made: a person has to look."""


STATE_AFTER = {
    VetoKind.BLOCKED: DeliveryState.BLOCKED,
    VetoKind.TOO_OLD: DeliveryState.FAILED,
    VetoKind.DOUBTFUL: DeliveryState.UNCERTAIN,
}
"""Where a message goes that may not be sent."""
MAYBE = "An earlier try may have reached the customer: check with them, then settle it or send it again."


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
    policy, facts = policy_for(target.channel.kind, target.channel.policy_override), _facts(contact, target, now)
    answer = decide(policy, facts, now)
    if _allows(answer, row):
        return None
    return Veto(VetoKind.BLOCKED, told(answer), _class_of(answer, policy, contact, facts.sent_since_inbound))


def window_shut(row: OutboxRow, contact: Contact, target: ContactChannel, now: datetime) -> Veto | None:
    """The veto for a message that waits and whose window has closed meanwhile; other reasons can wait for its turn."""
    policy = policy_for(target.channel.kind, target.channel.policy_override)
    answer = decide(policy, _facts(contact, target, now), now)
    if _allows(answer, row) or answer.closes_at is None or now < answer.closes_at:
        return None
    return Veto(VetoKind.BLOCKED, told(answer), ErrorClass.WINDOW_CLOSED)


def _facts(contact: Contact, target: ContactChannel, now: datetime) -> ChannelFacts:
    facts = facts_now(contact, target, now)
    return replace(facts, paused="", sent_since_inbound=max(0, facts.sent_since_inbound - 1))


def _allows(answer: WindowAnswer, row: OutboxRow) -> bool:
    needed = permission_of(row)
    return answer.allows(needed) or (needed is Permission.HUMAN_AGENT and answer.allows(Permission.TEXT))


def told(answer: WindowAnswer) -> str:
    """A refusal in the agent's words, with the way out."""
    sentence = f"Not sent: {answer.reason.rstrip('.')}."
    way_out = answer.way_out.rstrip(".")
    return f"{sentence} {way_out[:1].upper()}{way_out[1:]}." if way_out else sentence


def is_paused(channel: Channel, now: datetime) -> bool:
    """Whether nothing may leave on this channel at ``now``."""
    return bool(channel.paused_reason) and (channel.paused_until is None or now < channel.paused_until)


async def recheck(unit: Unit, claimed: OutboxRow, now: datetime, *, keyed: bool = False) -> Veto | None:
    """Everything that may have changed since the claim, read anew; ``None`` = go.

    ``keyed``: the channel honours our key, so an answer lost at the end of a window leaves nothing in doubt.
    """
    row = await unit.outbox.get(claimed.message_id)
    if row is None or row.lease_token != claimed.lease_token or row.state is not DeliveryState.LEASED:
        return Veto(VetoKind.LOST, "Another sender has taken this message over.")
    if row.lease_until is not None and (row.lease_until - now).total_seconds() < NEEDED:
        return Veto(VetoKind.AGAIN, "Sending took too long to begin; it will be tried again.", ErrorClass.TEMPORARY)
    veto = (
        await dead_key(unit, row, now)
        or await _by_channel(unit, row, now, keyed=keyed)
        or await too_old(unit, row, now)
    )
    return await honest(unit, row, veto) if veto is not None else None


async def dead_key(unit: Unit, row: OutboxRow, now: datetime) -> Veto | None:
    """The veto against repeating what may have been taken under a key that the channel forgets."""
    dead = row.key_expires_at is not None and not key_is_safe(row.key_expires_at, now)
    if not dead or not await unit.outbox.in_doubt(row.message_id):
        return None
    told = f"Not sent again: the channel does not know any more whether it has this message already. {MAYBE}"
    return Veto(VetoKind.DOUBTFUL, told, ErrorClass.TEMPORARY)


async def too_old(unit: Unit, row: OutboxRow, now: datetime) -> Veto | None:
    """The veto against a message that a person let go too long ago."""
    if now - row.created_at < MOST_AGE or now - await unit.outbox.released_at(row) < MOST_AGE:
        return None
    told = f"Not sent: it could not go out for {span(MOST_AGE)}. Read it again, then send it again if it still fits."
    return Veto(VetoKind.TOO_OLD, told, ErrorClass.TEMPORARY)


async def honest(unit: Unit, row: OutboxRow, veto: Veto) -> Veto:
    """A veto that would say "not sent" of a message of which an earlier try may have arrived says so instead."""
    if veto.kind not in {VetoKind.BLOCKED, VetoKind.TOO_OLD} or not await unit.outbox.in_doubt(row.message_id):
        return veto
    return replace(
        veto, kind=VetoKind.DOUBTFUL, reason=f"{veto.reason.replace('Not sent:', 'Not sent again:')} {MAYBE}"
    )


async def _by_channel(unit: Unit, row: OutboxRow, now: datetime, *, keyed: bool) -> Veto | None:
    contact = await unit.contacts.get(row.contact_id)
    target = await unit.contacts.channel(row.contact_channel_id)
    if contact is None or target is None:
        return Veto(VetoKind.BLOCKED, "Not sent: the contact or its address is gone.", ErrorClass.UNREACHABLE)
    if is_paused(target.channel, now):
        return Veto(VetoKind.AGAIN, f"Waiting: {target.channel.paused_reason}", ErrorClass.TEMPORARY)
    health = await unit.health.of(row.channel_id)
    if not health.breaker.admits(row.message_id):
        return Veto(VetoKind.AGAIN, "Waiting: the channel does not answer.", ErrorClass.TEMPORARY)
    veto = refusal(row, contact, target, now)
    early = timedelta(0) if keyed else margin(health.skew, health.skew_at, now)
    if veto is None and early and window_shut(row, contact, target, now + early) is not None:
        told = (
            f"Not sent: the clock of this machine and that of the channel differ by {span(early)}, and the window "
            "closes within that time. Have the clock set, or wait for the customer."
        )
        return Veto(VetoKind.BLOCKED, told, ErrorClass.WINDOW_CLOSED)
    return veto


class Guard:
    """Awaited by an adapter just before the first byte of one send.

    ``fence`` is the boot time in seconds at which the lease ends, read from this machine's own clock, so that a process
    that was asleep notices even when the wall clock was turned meanwhile. ``key_life``: how long the channel honours
    our key; ``None`` = it knows none.
    """

    def __init__(
        self,
        context: Context,
        row: OutboxRow,
        fence: float,
        clock: Callable[[], float],
        at: Pointcut,
        key_life: timedelta | None = None,
    ) -> None:
        self._context = context
        self._row = row
        self._fence = fence
        self._clock = clock
        self._at = at
        self._key_life = key_life
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
        if self.veto is None and self._late():
            self.veto = Veto(VetoKind.AGAIN, "Sending was held up; it will be tried again.", ErrorClass.TEMPORARY)
        if self.veto is not None:
            raise SendVetoedError(self.veto.reason)
        await self._at("guard_done")
        self.passed = True

    async def _open(self, unit: Unit) -> Veto | None:
        now = self._context.clock()
        if self._late():
            return Veto(VetoKind.AGAIN, "Sending took too long to begin; it will be tried again.", ErrorClass.TEMPORARY)
        veto = await recheck(unit, self._row, now, keyed=self._key_life is not None)
        if veto is not None:
            return veto
        token = self._row.lease_token
        if not await unit.outbox.start_sending(self._row.message_id, token, now, self._key_life):
            return Veto(VetoKind.LOST, "Another sender has taken this message over.")
        return None

    def _late(self) -> bool:
        return self._fence - self._clock() < NEEDED


def _class_of(answer: WindowAnswer, policy: ChannelPolicy, contact: Contact, used: int) -> ErrorClass:
    if contact.blocked or answer.opted_out or answer.for_good:
        return ErrorClass.UNREACHABLE
    if policy.count_limit is not None and used >= policy.count_limit:
        return ErrorClass.COUNT_USED
    return ErrorClass.WINDOW_CLOSED
