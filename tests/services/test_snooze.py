"""When a snooze ends, by what agents type, in several time zones and over their clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.snooze import FARTHEST, at_local, parse_snooze

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Sao_Paulo",
)
NOW = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)  # a Friday, 13:00 in Berlin, two days before the clock goes forward


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("30m", "2026-03-27 13:30"),
        ("2h", "2026-03-27 15:00"),
        ("1h30m", "2026-03-27 14:30"),
        ("in 2 hours", "2026-03-27 15:00"),
        ("45 minutes", "2026-03-27 13:45"),
        ("3d", "2026-03-30 13:00"),
        ("2 days", "2026-03-29 13:00"),
        ("1w", "2026-04-03 13:00"),
        ("72h", "2026-03-30 14:00"),
        ("17:00", "2026-03-27 17:00"),
        ("9:00", "2026-03-28 09:00"),
        ("5pm", "2026-03-27 17:00"),
        ("12am", "2026-03-28 00:00"),
        ("today 18:30", "2026-03-27 18:30"),
        ("tomorrow", "2026-03-28 09:00"),
        ("Tomorrow  9:00", "2026-03-28 09:00"),
        ("tomorrow at 9", "2026-03-28 09:00"),
        ("mon", "2026-03-30 09:00"),
        ("monday 14:30", "2026-03-30 14:30"),
        ("fri", "2026-04-03 09:00"),
        ("sat", "2026-03-28 09:00"),
        ("2026-12-01", "2026-12-01 09:00"),
        ("2026-12-01 09:00", "2026-12-01 09:00"),
        ("2026-12-01T09:00+02:00", "2026-12-01 08:00"),
        ("2026-12-01T00:00:00Z", "2026-12-01 01:00"),
    ],
)
def test_what_is_typed_is_read_on_the_agents_clock(typed: str, expected: str) -> None:
    assert f"{parse_snooze(typed, NOW, BERLIN).astimezone(BERLIN):%Y-%m-%d %H:%M}" == expected


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "soon",
        "9",
        "0m",
        "-2h",
        "yesterday",
        "today",
        "today 12:59",
        "2020-01-01",
        "2026-03-27T11:59:59Z",
        "2026-02-30",
        "2026-13-01 09:00",
        "tomorrow 25:00",
        "tomorrow 13pm",
        "monday noonish",
        "t",
        "999999d",
        "999999w999999w",
        "9999-12-31 23:59",
        "2h and a bit",
    ],
)
def test_nonsense_and_the_past_are_refused_with_examples(typed: str) -> None:
    with pytest.raises(UsageError, match="Examples: 30m, 2h"):
        parse_snooze(typed, NOW, BERLIN)


@pytest.mark.parametrize(
    ("zone", "day", "clock", "expected"),
    [
        # The spring gap: the first instant after it.
        ("America/New_York", date(2026, 3, 8), time(2, 30), "2026-03-08T03:00:00-04:00"),
        ("Europe/Berlin", date(2026, 3, 29), time(2, 30), "2026-03-29T03:00:00+02:00"),
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), "2026-10-04T02:30:00+11:00"),
        ("Africa/Casablanca", date(2026, 3, 22), time(2, 30), "2026-03-22T03:00:00+01:00"),
        ("Pacific/Apia", date(2011, 12, 30), time(9, 0), "2011-12-31T00:00:00+14:00"),
        ("America/Sao_Paulo", date(2018, 11, 4), time(0, 30), "2018-11-04T01:00:00-02:00"),
        # The autumn repeat: the first of both.
        ("America/New_York", date(2026, 11, 1), time(1, 30), "2026-11-01T01:30:00-04:00"),
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30), "2026-10-25T02:30:00+02:00"),
        ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45), "2026-04-05T01:45:00+11:00"),
        ("Africa/Casablanca", date(2026, 2, 15), time(2, 30), "2026-02-15T02:30:00+01:00"),
        # No clock change at all.
        ("Asia/Kathmandu", date(2026, 3, 29), time(9, 0), "2026-03-29T09:00:00+05:45"),
        ("America/Sao_Paulo", date(2026, 11, 4), time(0, 30), "2026-11-04T00:30:00-03:00"),
    ],
)
def test_clock_changes(zone: str, day: date, clock: time, expected: str) -> None:
    assert at_local(day, clock, ZoneInfo(zone)).astimezone(ZoneInfo(zone)).isoformat() == expected


@pytest.mark.parametrize(
    ("zone", "now", "typed", "expected"),
    [
        # Days keep the time of day over the change, hours do not.
        ("America/New_York", "2026-03-07T12:00:00-05:00", "1d", "2026-03-08T12:00:00-04:00"),
        ("America/New_York", "2026-03-07T12:00:00-05:00", "24h", "2026-03-08T13:00:00-04:00"),
        ("America/New_York", "2026-10-31T12:00:00-04:00", "24h", "2026-11-01T11:00:00-05:00"),
        ("Europe/Berlin", "2026-03-28T12:00:00+01:00", "tomorrow 9:00", "2026-03-29T09:00:00+02:00"),
        ("Europe/Berlin", "2026-03-28T12:00:00+01:00", "tomorrow 2:30", "2026-03-29T03:00:00+02:00"),
        ("Europe/Berlin", "2026-10-24T12:00:00+02:00", "tomorrow 2:30", "2026-10-25T02:30:00+02:00"),
        ("Australia/Lord_Howe", "2026-10-03T12:00:00+10:30", "tomorrow 2:15", "2026-10-04T02:30:00+11:00"),
        ("Australia/Lord_Howe", "2026-04-04T12:00:00+11:00", "24h", "2026-04-05T11:30:00+10:30"),
        ("Africa/Casablanca", "2026-03-21T12:00:00+00:00", "tomorrow", "2026-03-22T09:00:00+01:00"),
        ("Asia/Kathmandu", "2026-03-28T23:50:00+05:45", "tomorrow", "2026-03-29T09:00:00+05:45"),
        ("Asia/Kathmandu", "2026-03-28T00:10:00+05:45", "tomorrow", "2026-03-29T09:00:00+05:45"),
        ("Pacific/Apia", "2011-12-29T12:00:00-10:00", "tomorrow", "2011-12-31T00:00:00+14:00"),
        ("Pacific/Apia", "2011-12-29T12:00:00-10:00", "2d", "2011-12-31T12:00:00+14:00"),
        ("America/Sao_Paulo", "2018-11-03T12:00:00-03:00", "tomorrow 0:30", "2018-11-04T01:00:00-02:00"),
        ("America/Sao_Paulo", "2018-02-17T12:00:00-02:00", "tomorrow", "2018-02-18T09:00:00-03:00"),
    ],
)
def test_what_is_typed_means_the_wall_clock_over_its_changes(zone: str, now: str, typed: str, expected: str) -> None:
    until = parse_snooze(typed, datetime.fromisoformat(now).astimezone(UTC), ZoneInfo(zone))
    assert until.astimezone(ZoneInfo(zone)).isoformat() == expected


@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(date(2005, 1, 1), date(2036, 12, 31)),
    clock=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
)
def test_every_wall_time_means_itself_or_the_end_of_a_gap(zone: str, day: date, clock: time) -> None:
    wall = datetime.combine(day, clock)
    at = at_local(day, clock, ZoneInfo(zone))
    shown = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert shown >= wall
    if shown != wall:
        just_before = (at - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert just_before < wall


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_future_instant_or_a_usage_error(typed: str) -> None:
    try:
        until = parse_snooze(typed, NOW, BERLIN)
    except UsageError:
        return
    assert NOW < until <= NOW + FARTHEST
    assert until.utcoffset() == timedelta(0)


def test_without_a_zone_this_machines_is_meant() -> None:
    expected = datetime(2026, 3, 28, 9, 0).astimezone().astimezone(UTC)
    assert parse_snooze("tomorrow 9:00", NOW, None) == expected
