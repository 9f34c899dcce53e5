"""How far a channel's clock is from ours, and what that means for a window that closes at any moment."""

from __future__ import annotations

from datetime import datetime, timedelta

WARN_FROM = timedelta(seconds=2)
"""A difference beyond this is worth telling."""
REFUSE_FROM = timedelta(seconds=30)
"""Beyond this nothing goes out unrepeatably so close to the end of its window that the two clocks disagree on it."""
BELIEVED_FOR = timedelta(hours=1)
"""An older measurement says nothing: the clocks may have been set since."""
STEP = timedelta(milliseconds=500)
"""Smaller changes of the difference are noise."""
_STATED = timedelta(seconds=1)
"""Resolution of the ``Date`` header."""


def skew_of(stated: datetime, asked_at: datetime, heard_at: datetime) -> timedelta:
    """How far the channel's clock is ahead of ours, at least: the smallest difference that explains ``stated``.

    ``stated`` is the channel's time, cut to whole seconds, at some instant between ``asked_at`` and ``heard_at``; so a
    slow answer alone never looks like a wrong clock.
    """
    least, most = stated - heard_at, stated + _STATED - asked_at
    if least <= timedelta(0) <= most:
        return timedelta(0)
    return least if least > timedelta(0) else most


def margin(skew: timedelta, measured_at: datetime | None, now: datetime) -> timedelta:
    """How much earlier than our clock says a window must be taken to close; nothing while the clocks agree."""
    if measured_at is None or abs(now - measured_at) > BELIEVED_FOR or abs(skew) <= REFUSE_FROM:
        return timedelta(0)
    return abs(skew)


def worth_noting(known: timedelta, known_at: datetime | None, found: timedelta, now: datetime) -> bool:
    """Whether a measurement adds to what is known; most answers do not, and spare a write."""
    return known_at is None or abs(found - known) >= STEP or abs(now - known_at) > BELIEVED_FOR / 6
