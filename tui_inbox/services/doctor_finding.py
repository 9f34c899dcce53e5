"""What a check-up finds: one line per thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

CLOCK_WARNS, CLOCK_FAILS = timedelta(seconds=2), timedelta(seconds=30)
"""How far two clocks may be apart (reference: reliability, section 5.4)."""


class State(StrEnum):
    """Outcome of one check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    message: str
    """What was found and, where it is not well, what to do."""


def clock(name: str, ahead: timedelta) -> Check:
    """Two clocks compared; ``ahead``: of ours."""
    seconds = ahead.total_seconds()
    told = f"{abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} this machine's"
    if abs(ahead) > CLOCK_FAILS:
        advice = "messages may be sent outside their window. Set this machine's clock (NTP)."
        return Check(name, State.FAILED, f"{told}: {advice}")
    if abs(ahead) > CLOCK_WARNS:
        return Check(name, State.WARNING, f"{told}. Set this machine's clock (NTP).")
    return Check(name, State.OK, "agrees with this machine's" if abs(seconds) < 1 else told)
