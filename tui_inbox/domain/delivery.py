"""States of an outgoing message: which changes are allowed, how receipts rise, when to try again.

The machine is that of the project's reliability reference, section 1.6. Storage carries it out with compare-and-set;
this module says what is right.
"""

from __future__ import annotations

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
MOST_ATTEMPTS = 8
"""Tries that were stopped on this side, or that the channel answered with "later", are not among them."""
MOST_AGE = timedelta(hours=24)
"""A message that waited for so long goes back to its agent: a day late, somebody should read it again."""
MOST_LOST_LEASES = 3
"""A message whose sender has vanished this often may be what kills the sender."""
KEY_MARGIN = timedelta(seconds=60)
"""So long before its key ends a message is not sent again: the request must arrive while the key still works."""
BACKOFF_BASE, BACKOFF_CAP = 2.0, 300.0
RETRY_AFTER_LEAST, RETRY_AFTER_MOST = 1.0, 3600.0

TRANSITIONS: dict[S, frozenset[S]] = {
    S.QUEUED: frozenset({S.LEASED, S.BLOCKED, S.CANCELLED, S.FAILED, S.UNCERTAIN}),
    S.LEASED: frozenset({S.SENDING, S.QUEUED, S.BLOCKED, S.FAILED, S.UNCERTAIN}),
    S.SENDING: frozenset({S.SENT, S.QUEUED, S.FAILED, S.UNCERTAIN, S.BLOCKED}),
    S.UNCERTAIN: frozenset({S.SENT, S.QUEUED, S.CANCELLED, S.FAILED}),
    S.BLOCKED: frozenset({S.QUEUED, S.CANCELLED}),
    S.FAILED: frozenset({S.QUEUED, S.CANCELLED, S.SENT}),
    S.SENT: frozenset(),
    S.CANCELLED: frozenset(),
}
"""Every change of state that senders and people may make; what a channel reports is in :func:`proves_sent`.

Before its first byte a message becomes uncertain only for an earlier try: one that may have been taken under a key
that does not protect it any more.
"""

UNSETTLED = frozenset({S.QUEUED, S.LEASED, S.SENDING, S.UNCERTAIN, S.BLOCKED})
"""A later message to the same contact and channel waits for these (``queued`` by its place in the order)."""
IN_FLIGHT = frozenset({S.LEASED, S.SENDING})
NEEDS_PERSON = frozenset({S.FAILED, S.UNCERTAIN, S.BLOCKED})


def may_change(before: S, after: S) -> bool:
    """Whether the machine has this edge."""
    return after in TRANSITIONS[before]


def key_is_safe(key_expires_at: datetime | None, now: datetime) -> bool:
    """Whether a repeat that starts at ``now`` still meets a channel that knows the key; ``None`` = there is no key."""
    return key_expires_at is not None and now + KEY_MARGIN <= key_expires_at


def after_outcome(outcome: SendOutcome, *, keyed: bool, tries: int, age: timedelta, doubtful: bool = False) -> S:
    """State after one attempt. ``keyed``: the channel still honours our idempotency key, so a repeat is safe.

    ``tries`` are those that count (:data:`MOST_ATTEMPTS`), this one included; ``age`` since a person let it go;
    ``doubtful``: an earlier attempt may have been taken.
    """
    exhausted = tries >= MOST_ATTEMPTS or age >= MOST_AGE
    match outcome.kind:
        case OutcomeKind.ACCEPTED:
            return S.SENT
        case OutcomeKind.REFUSED:
            return S.BLOCKED if outcome.error_class is ErrorClass.WINDOW_CLOSED else S.FAILED
        case OutcomeKind.AMBIGUOUS:
            return S.UNCERTAIN if exhausted or not keyed else S.QUEUED
        case _ if exhausted and not outcome.pauses_channel:
            return S.UNCERTAIN if doubtful else S.FAILED
        case _:
            return S.QUEUED


def after_expired_lease(state: S, *, keyed: bool, lost: int = 0, doubtful: bool = False) -> S:
    """State of a message whose sender vanished: provably unsent before the first byte, unknowable after it.

    ``keyed``: its key still makes a repeat safe. After ``lost`` such senders, this one included, it is put aside;
    ``doubtful``: an earlier attempt may have been taken.
    """
    if state is S.SENDING and not keyed:
        return S.UNCERTAIN
    if lost < MOST_LOST_LEASES:
        return S.QUEUED
    return S.UNCERTAIN if doubtful or state is S.SENDING else S.FAILED


def backoff(attempts: int, jitter: float) -> float:
    """Seconds until the next attempt: full jitter over an exponential; ``jitter`` is random in [0, 1)."""
    ceiling = min(BACKOFF_CAP, BACKOFF_BASE * 2.0 ** min(max(0, attempts - 1), 16))
    return max(0.5, ceiling * jitter)


def next_due(now: datetime, outcome: SendOutcome, attempts: int, jitter: float) -> datetime:
    """When to try again: never earlier than the channel said, plus up to a fifth."""
    wait = backoff(attempts, jitter)
    if outcome.retry_after is not None:
        told = min(RETRY_AFTER_MOST, max(RETRY_AFTER_LEAST, outcome.retry_after))
        wait = max(wait, told) * (1 + 0.2 * jitter)
    return now + timedelta(seconds=wait)


def later_pause(
    current: tuple[str, datetime | None], new: tuple[str, datetime | None], now: datetime
) -> tuple[str, datetime | None]:
    """Of two pauses of a channel (why, until when; ``None`` = until a person acts) the one that lasts longer.

    Several messages on their way bring their answers in any order: the mildest must not cut short what another said.
    """
    reason, until = current
    if not reason or (until is not None and until <= now):
        return new
    if until is None or (new[1] is not None and new[1] < until):
        return current
    return new


def raise_receipt(current: Receipt, reported: Receipt) -> Receipt:
    """Receipts only rise."""
    return max(current, reported)


def failure_applies(current: Receipt) -> bool:
    """A late ``failed`` beats only an accepted or sent message, never a delivered or read one."""
    return current < Receipt.DELIVERED


def proves_sent(state: S, receipt: Receipt, *, doubtful: bool) -> bool:
    """Whether a report of the channel makes a message sent. ``doubtful``: a try may have been taken, none was denied.

    "sent" may come after "failed" out of order, so where the fate of a try is known it takes what a failure can't beat.
    """
    if receipt is Receipt.NONE or state is S.SENT:
        return False
    if state in {S.SENDING, S.UNCERTAIN}:
        return True
    return not failure_applies(receipt) or (doubtful and state is not S.FAILED)
