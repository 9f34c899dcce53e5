"""States of an outgoing message: which changes are allowed, how receipts rise, when to try again.

The machine is that of the project's reliability reference, section 1.6. Storage carries it out with compare-and-set;
this module says what is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import DeliveryState as S
from tui_inbox.domain.kinds import ErrorClass, Receipt

LEASE = timedelta(seconds=60)
"""How long a sender owns a message that it has claimed."""
TOTAL_TIMEOUT = 30.0
"""Seconds that one send may take, everything included."""
LEASE_RESERVE = 5.0
"""Seconds of lease that must be left beyond the total timeout when the first byte leaves."""
GRACE = timedelta(seconds=30)
"""Wait after a lease has ended before a person may send an uncertain message again."""


@dataclass(frozen=True)
class Timing:
    """The spans that keep two senders, and a sender and a person, from acting on one message at the same time."""

    lease: timedelta = LEASE
    total_timeout: float = TOTAL_TIMEOUT
    reserve: float = LEASE_RESERVE
    grace: timedelta = GRACE

    def __post_init__(self) -> None:
        if self.lease.total_seconds() <= self.needed:
            raise ValueError(f"a lease of {self.lease.total_seconds()} s ends within one send of {self.needed} s")

    @property
    def needed(self) -> float:
        """Seconds of lease that must be left when the first byte leaves."""
        return self.total_timeout + self.reserve


MOST_ATTEMPTS = 8
MOST_AGE = timedelta(hours=24)
BACKOFF_BASE, BACKOFF_CAP = 2.0, 300.0
RETRY_AFTER_LEAST, RETRY_AFTER_MOST = 1.0, 3600.0

TRANSITIONS: dict[S, frozenset[S]] = {
    S.QUEUED: frozenset({S.LEASED, S.BLOCKED, S.CANCELLED, S.FAILED}),
    S.LEASED: frozenset({S.SENDING, S.QUEUED, S.BLOCKED, S.FAILED}),
    S.SENDING: frozenset({S.SENT, S.QUEUED, S.FAILED, S.UNCERTAIN, S.BLOCKED}),
    S.UNCERTAIN: frozenset({S.SENT, S.QUEUED, S.CANCELLED, S.FAILED}),
    S.BLOCKED: frozenset({S.QUEUED, S.CANCELLED}),
    S.FAILED: frozenset({S.QUEUED, S.CANCELLED, S.SENT}),
    S.SENT: frozenset(),
    S.CANCELLED: frozenset(),
}
"""Every change of state that is allowed."""

UNSETTLED = frozenset({S.QUEUED, S.LEASED, S.SENDING, S.UNCERTAIN, S.BLOCKED})
"""A later message to the same contact and channel waits for these (``queued`` by its place in the order)."""
IN_FLIGHT = frozenset({S.LEASED, S.SENDING})
NEEDS_PERSON = frozenset({S.FAILED, S.UNCERTAIN, S.BLOCKED})


def may_change(before: S, after: S) -> bool:
    """Whether the machine has this edge."""
    return after in TRANSITIONS[before]


def after_outcome(outcome: SendOutcome, *, keyed: bool, attempts: int, age: timedelta) -> S:
    """State after one attempt. ``keyed``: the channel honours our idempotency key, so a repeat is safe."""
    match outcome.kind:
        case OutcomeKind.ACCEPTED:
            return S.SENT
        case OutcomeKind.REFUSED:
            return S.BLOCKED if outcome.error_class is ErrorClass.WINDOW_CLOSED else S.FAILED
        case OutcomeKind.AMBIGUOUS if not keyed:
            return S.UNCERTAIN
        case _:
            exhausted = attempts >= MOST_ATTEMPTS or age >= MOST_AGE
            return S.FAILED if exhausted and not outcome.pauses_channel else S.QUEUED


def after_expired_lease(state: S, *, keyed: bool) -> S:
    """State of a message whose sender vanished: provably unsent before the first byte, unknowable after it."""
    if state is S.LEASED or keyed:
        return S.QUEUED
    return S.UNCERTAIN


def backoff(attempts: int, jitter: float) -> float:
    """Seconds until the next attempt: full jitter over an exponential; ``jitter`` is random in [0, 1)."""
    ceiling = min(BACKOFF_CAP, BACKOFF_BASE * 2.0 ** min(attempts, 16))
    return max(0.5, ceiling * jitter)


def next_due(now: datetime, outcome: SendOutcome, attempts: int, jitter: float) -> datetime:
    """When to try again: never earlier than the channel said, plus up to a fifth."""
    wait = backoff(attempts, jitter)
    if outcome.retry_after is not None:
        told = min(RETRY_AFTER_MOST, max(RETRY_AFTER_LEAST, outcome.retry_after))
        wait = max(wait, told) + told * 0.2 * jitter
    return now + timedelta(seconds=wait)


def raise_receipt(current: Receipt, reported: Receipt) -> Receipt:
    """Receipts only rise."""
    return max(current, reported)


def failure_applies(current: Receipt) -> bool:
    """A late ``failed`` beats only an accepted or sent message, never a delivered or read one."""
    return current < Receipt.DELIVERED
