"""The circuit breaker of one channel account: when its messages wait because it does not answer, and until when.

Storage keeps one for all senders; the rules are here and touch nothing (reference: reliability, section 1.9).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import ErrorClass

MOST_FAILURES = 5
"""So many sends in a row without a definite answer open the breaker."""
REMEMBERED = 20
"""Newest sends that are looked at; the breaker opens when half of a full row of them had no definite answer."""
FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=10)
"""How long nothing is sent after the first opening; it doubles up to the longest."""

_ANSWERED, _SILENT = "+", "-"


class Signal(StrEnum):
    """What one attempt says about the channel, as against the message."""

    NOTHING = "nothing"
    """It was stopped on this side."""
    ANSWERED = "answered"
    """The channel gave a definite answer, be it a refusal."""
    TROUBLE = "trouble"
    """It could not be reached, broke off, or had a fault of its own."""


@dataclass(frozen=True)
class Breaker:
    """Closed while ``retry_at`` is ``None``. After ``retry_at`` one message goes as a probe, which decides."""

    failures: int = 0
    """Sends in a row without a definite answer."""
    recent: str = ""
    """The newest sends, oldest first: ``+`` answered, ``-`` not."""
    trips: int = 0
    """Openings since the last definite answer."""
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    probe: str = ""
    """Message that was let through; it decides while it is on its way."""

    def rests(self, now: datetime) -> bool:
        """Whether nothing may be sent yet. A clock that was put back ends the rest, so that it can't last for hours."""
        if self.retry_at is None or self.opened_at is None:
            return False
        return self.opened_at <= now < self.retry_at

    def admits(self, message_id: str) -> bool:
        """Whether this message may leave: the breaker is closed, or the message is its probe."""
        return self.retry_at is None or self.probe == message_id

    def after(self, signal: Signal, message_id: str, now: datetime) -> Breaker:
        """The breaker after an attempt at ``message_id`` ended with ``signal``.

        While it is open only its probe counts: what was on its way before says nothing new.
        """
        if signal is Signal.NOTHING or not self.admits(message_id):
            return self
        if signal is Signal.ANSWERED:
            return self._answered()
        recent = (self.recent + _SILENT)[-REMEMBERED:]
        failed = replace(self, failures=self.failures + 1, recent=recent)
        return failed._opened(now) if self.retry_at is not None or failed._worn() else failed

    def _answered(self) -> Breaker:
        if self.retry_at is not None:
            return Breaker(recent=_ANSWERED)
        return replace(self, failures=0, trips=0, recent=(self.recent + _ANSWERED)[-REMEMBERED:])

    def _worn(self) -> bool:
        silent = self.recent.count(_SILENT)
        return self.failures >= MOST_FAILURES or (len(self.recent) >= REMEMBERED and 2 * silent >= REMEMBERED)

    def _opened(self, now: datetime) -> Breaker:
        return replace(
            self, recent="", trips=self.trips + 1, opened_at=now, retry_at=now + rest_after(self.trips + 1), probe=""
        )


def rest_after(trips: int) -> timedelta:
    """How long nothing is sent after the ``trips``-th opening in a row, counted from 1."""
    return min(LONGEST_REST, FIRST_REST * (1 << min(max(0, trips - 1), 16)))


def signal_of(outcome: SendOutcome) -> Signal:
    """What an outcome says about the channel. A defect or a missing secret on this side says nothing."""
    match outcome.kind:
        case OutcomeKind.AMBIGUOUS:
            return Signal.TROUBLE
        case OutcomeKind.NOT_SENT:
            ours = outcome.pauses_channel or outcome.error_class is ErrorClass.INTERNAL
            return Signal.NOTHING if ours else Signal.TROUBLE
        case _:
            fault = outcome.http_status is not None and outcome.http_status >= 500
            return Signal.TROUBLE if fault and outcome.kind is OutcomeKind.RETRY else Signal.ANSWERED
