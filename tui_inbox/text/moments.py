"""Instants and lengths of time as an agent reads them. Short, without seconds where they do not matter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def when(at: datetime, now: datetime, tz: tzinfo = UTC) -> str:
    """How long ago ``at`` was: ``now``, ``4 m``, ``3 h``, ``2 d``, then the date in ``tz``; ``in 3 h`` for the future.

    Never more than 11 cells.
    """
    seconds = int((now - at).total_seconds())
    ahead = "in " if seconds < 0 else ""
    seconds = abs(seconds)
    if seconds < _MINUTE:
        return "now"
    if seconds < _HOUR:
        return f"{ahead}{seconds // _MINUTE} m"
    if seconds < _DAY:
        return f"{ahead}{seconds // _HOUR} h"
    if seconds < 7 * _DAY:
        return f"{ahead}{seconds // _DAY} d"
    local = at.astimezone(tz)
    day = f"{local.day} {_MONTHS[local.month - 1]}"
    return day if local.year == now.astimezone(tz).year else f"{day} {local.year}"


def clock_time(at: datetime, tz: tzinfo = UTC) -> str:
    """The time of day in ``tz``: ``14:05``."""
    return f"{at.astimezone(tz):%H:%M}"


def duration(length: timedelta) -> str:
    """A length of time in at most two units: ``2 d 4 h``, ``3 h 12 m``, ``47 min``, ``59 s``; ``0 s`` when negative."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < _DAY:
        return _two(seconds, _HOUR, "h", _MINUTE, "m")
    return _two(seconds, _DAY, "d", _HOUR, "h")


def _two(seconds: int, large: int, large_name: str, small: int, small_name: str) -> str:
    whole, rest = divmod(seconds, large)
    return f"{whole} {large_name} {rest // small} {small_name}" if rest >= small else f"{whole} {large_name}"
