"""When a snooze ends: what agents type, read in their own time zone.

Hours and minutes are exact; days, weeks and names of days keep the time of day on the agent's clock. Where the clock
is put forward, a time that does not exist means the first minute after the gap; where it is put back, the first of the
two (reference: reliability, section 5.4).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from tui_inbox.domain.errors import UsageError

DEFAULT_TIME = time(9, 0)
"""Time of day when only a day is named."""
FARTHEST = timedelta(days=5 * 366)
EXAMPLES = "Examples: 30m, 2h, 3d, 1w, 17:00, tomorrow, tomorrow 9:00, mon, friday 14:30, 2026-12-01 09:00."

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SPAN = re.compile(r"(?:\d{1,6}\s*[mhdw]\s*)+")
_SPAN_PART = re.compile(r"(\d+)\s*([mhdw])")
_TIME = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*(am|pm)?")
_MINUTES = re.compile(r"(\d)\s*(?:minutes?|mins?)\b")
_HOURS = re.compile(r"(\d)\s*(?:hours?|hrs?)\b")
_WHOLE_DAYS = re.compile(r"(\d)\s*days?\b")
_WEEKS = re.compile(r"(\d)\s*weeks?\b")


def parse_snooze(text: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """The instant (aware UTC) that ``text`` means for somebody in ``zone`` (``None`` = this machine's) at ``now``.

    A time of day alone means its next occurrence, the name of today's weekday the same day next week. Raises
    :class:`UsageError`, with examples, for what is not understood, is not in the future or is over five years away.
    """
    typed = " ".join(text.lower().split())
    try:
        until = _read(typed, now, zone)
    except (ValueError, OverflowError):
        until = None
    if until is None:
        raise UsageError(f"'{text.strip()}' is not a time to snooze until. {EXAMPLES}")
    if until <= now:
        raise UsageError(f"'{text.strip()}' is in the past: a snooze must end in the future. {EXAMPLES}")
    if until > now + FARTHEST:
        raise UsageError(f"'{text.strip()}' is more than five years away. {EXAMPLES}")
    return until


def at_local(day: date, clock: time, zone: tzinfo | None) -> datetime:
    """The instant (aware UTC) at which a wall clock in ``zone`` shows ``day`` and ``clock``.

    In a spring gap the first instant after it, in an autumn repeat the first of both.
    """
    wall = datetime.combine(day, clock)
    first = _utc(wall, zone)
    if _wall(first, zone) == wall:
        return first
    # The wall time does not exist. Its two readings lie on either side of the jump: narrow it down to a second.
    before, after = _utc(wall.replace(fold=1), zone), first
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        middle = middle.replace(microsecond=0)
        if middle <= before:
            break
        if _wall(middle, zone) > wall:
            after = middle
        else:
            before = middle
    return after


def _read(typed: str, now: datetime, zone: tzinfo | None) -> datetime | None:
    short = _shortened(typed)
    if _SPAN.fullmatch(short):
        return _after_span(short, now, zone)
    return _named_day(typed, now, zone) or _written_date(typed, zone)


def _shortened(typed: str) -> str:
    """``2 hours`` as ``2h``, a leading ``in`` left out."""
    for pattern, unit in ((_MINUTES, "m"), (_HOURS, "h"), (_WHOLE_DAYS, "d"), (_WEEKS, "w")):
        typed = pattern.sub(rf"\g<1>{unit}", typed)
    return typed.removeprefix("in ")


def _after_span(short: str, now: datetime, zone: tzinfo | None) -> datetime:
    amount = dict.fromkeys("mhdw", 0)
    for number, unit in _SPAN_PART.findall(short):
        amount[unit] += int(number)
    start, days = now, amount["d"] + 7 * amount["w"]
    if days:
        wall = _wall(now, zone)
        start = at_local(wall.date() + timedelta(days=days), wall.time(), zone)
    return start + timedelta(hours=amount["h"], minutes=amount["m"])


def _named_day(typed: str, now: datetime, zone: tzinfo | None) -> datetime | None:
    today = _wall(now, zone).date()
    word, _, rest = typed.partition(" ")
    clock = _clock(rest.removeprefix("at ")) if rest else DEFAULT_TIME
    ahead = _days_ahead(word, today)
    if ahead is not None:
        return None if clock is None else at_local(today + timedelta(days=ahead), clock, zone)
    alone = _clock(typed.removeprefix("at ")) if ":" in typed or typed.endswith(("am", "pm")) else None
    if alone is None:
        return None
    at = at_local(today, alone, zone)
    return at if at > now else at_local(today + timedelta(days=1), alone, zone)


def _days_ahead(word: str, today: date) -> int | None:
    if word == "today":
        return 0
    if word in {"tomorrow", "tmr"}:
        return 1
    matches = [number for number, name in enumerate(_DAYS) if len(word) >= 3 and name.startswith(word)]
    if len(matches) != 1:
        return None
    return (matches[0] - today.weekday() - 1) % 7 + 1


def _written_date(typed: str, zone: tzinfo | None) -> datetime | None:
    if re.match(r"\d{4}-\d{2}-\d{2}(?:$|[ t])", typed) is None:
        return None
    written = datetime.fromisoformat(typed.upper())
    if written.tzinfo is not None:
        return written.astimezone(UTC)
    clock = DEFAULT_TIME if len(typed) == len("2026-12-01") else written.time()
    return at_local(written.date(), clock, zone)


def _clock(text: str) -> time | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), found[3]
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    return time(hour, minute)  # ValueError for 25:00, which the caller reports


def _wall(at: datetime, zone: tzinfo | None) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def _utc(wall: datetime, zone: tzinfo | None) -> datetime:
    # A naive value is read in this machine's zone, fold and all, which is what ``None`` means here.
    return (wall if zone is None else wall.replace(tzinfo=zone)).astimezone(UTC)
