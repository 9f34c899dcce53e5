"""From the outcome of one attempt to what is written down: state, next try, pause of the channel.

:func:`settle` and :func:`settle_veto` decide and touch nothing; :func:`apply` writes, and only while the lease token
is still the message's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tui_inbox.domain.breaker import signal_of
from tui_inbox.domain.delivery import after_outcome, later_pause, next_due
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import DeliveryState, ErrorClass
from tui_inbox.domain.models import OutboxRow
from tui_inbox.repository.outbox_rows import HELD_UP
from tui_inbox.repository.unit import Unit
from tui_inbox.services.delivery_guard import STATE_AFTER, Veto, VetoKind
from tui_inbox.services.delivery_journal import Settlement

SOON = timedelta(seconds=1)
"""Wait after a veto that has nothing to do with the message itself."""


@dataclass(frozen=True)
class Standing:
    """What was known of a message when it was taken up."""

    keyed: bool = False
    """Its channel honours our key, so repeating this attempt is safe."""
    tries: int = 0
    """Attempts before this one that count against the most."""
    age: timedelta = timedelta(0)
    """Time since a person let it go."""
    doubtful: bool = False
    """An attempt before this one may have been taken."""


def settle(
    row: OutboxRow, outcome: SendOutcome, *, channel_name: str, standing: Standing, now: datetime, jitter: float
) -> Settlement:
    """What an attempt that ended with ``outcome`` makes of ``row``. ``jitter`` is random in [0, 1)."""
    if outcome.pauses_channel and outcome.kind is OutcomeKind.REFUSED:
        outcome = replace(outcome, kind=OutcomeKind.RETRY)  # the channel's trouble, not the message's: it stays queued
    state = after_outcome(
        outcome, keyed=standing.keyed, tries=standing.tries + 1, age=standing.age, doubtful=standing.doubtful
    )
    due_at = next_due(now, outcome, row.attempts, jitter) if state is DeliveryState.QUEUED else None
    reason, until = _pause(outcome, channel_name, due_at, now) if outcome.pauses_channel else ("", None)
    return replace(
        _settlement(row, state, outcome, now),
        due_at=due_at,
        never_went=state in {DeliveryState.FAILED, DeliveryState.BLOCKED} and outcome.kind is not OutcomeKind.AMBIGUOUS,
        pause_reason=reason,
        pause_until=until,
        signal=signal_of(outcome),
    )


def settle_veto(row: OutboxRow, veto: Veto, now: datetime) -> Settlement | None:
    """What a veto of the guard makes of ``row``: back to its agent, queued again, or (not ours any more) nothing."""
    if veto.kind is VetoKind.LOST:
        return None
    outcome = SendOutcome(
        OutcomeKind.NOT_SENT, error_class=veto.error_class, error_code=HELD_UP, error_text=veto.reason
    )
    if veto.kind is VetoKind.AGAIN:
        return replace(_settlement(row, DeliveryState.QUEUED, outcome, now), due_at=now + SOON)
    state = STATE_AFTER[veto.kind]
    return replace(_settlement(row, state, outcome, now), never_went=state is not DeliveryState.UNCERTAIN)


async def apply(unit: Unit, settlement: Settlement) -> bool:
    """Write a settlement down; false when the message is not this attempt's any more, and nothing was changed."""
    done = await unit.outbox.settle(
        settlement.message_id,
        settlement.token,
        settlement.state,
        settlement.outcome,
        due_at=settlement.due_at,
        now=settlement.at,
    )
    if not done:
        return False
    if settlement.never_went:
        await unit.contacts.record_outbound(settlement.contact_channel_id, settlement.at, delta=-1)
    await _tell_channel(unit, settlement)
    return True


async def _tell_channel(unit: Unit, settlement: Settlement) -> None:
    """What the attempt says about the whole channel: its breaker, its clock, whether it must wait."""
    channel_id, now = settlement.channel_id, settlement.at
    await unit.health.note(channel_id, settlement.signal, settlement.message_id, now)
    if settlement.outcome.clock_skew is not None:
        await unit.health.note_skew(channel_id, timedelta(seconds=settlement.outcome.clock_skew), now)
    channel = await unit.directory.channel_by_id(channel_id) if settlement.pause_reason else None
    if channel is None:
        return
    known, asked = (channel.paused_reason, channel.paused_until), (settlement.pause_reason, settlement.pause_until)
    if later_pause(known, asked, now) == asked:
        await unit.directory.pause_channel(channel_id, *asked)


def _settlement(row: OutboxRow, state: DeliveryState, outcome: SendOutcome, now: datetime) -> Settlement:
    return Settlement(
        message_id=row.message_id,
        token=row.lease_token,
        contact_id=row.contact_id,
        contact_channel_id=row.contact_channel_id,
        channel_id=row.channel_id,
        state=state,
        outcome=outcome,
        at=now,
    )


def _pause(
    outcome: SendOutcome, channel_name: str, due_at: datetime | None, now: datetime
) -> tuple[str, datetime | None]:
    """Why and until when the channel waits; a credential mends itself only by a person's hand."""
    if outcome.error_class is ErrorClass.AUTH:
        repair = f"an admin must set a new one and run: tui-inbox channel test {channel_name}"
        return f"the access token is refused; {repair}", None
    if outcome.error_class is ErrorClass.RATE_LIMITED:
        return "it asked to send more slowly", due_at or now + SOON
    return outcome.error_text.rstrip(".") or "it cannot take messages now", due_at or now + SOON
