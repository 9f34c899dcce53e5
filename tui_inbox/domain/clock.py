"""The clock as an argument, and the one that no hand can turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present instant as an aware UTC datetime."""


def system_clock() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


def boottime() -> float:
    """Seconds since the machine started, those in suspend included: a lease runs on while a laptop sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
