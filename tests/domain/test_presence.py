"""Presence: what one program has to say, how often, and when somebody counts as gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tui_inbox.domain.presence import REFRESH_EVERY, STALE_AFTER, TYPING_LASTS, Colleague, Doing, Present, Sitting

START = datetime(2026, 3, 1, tzinfo=UTC)
TICK = timedelta(seconds=0.25)


def said(sitting: Sitting, seconds: float, *, keys: tuple[float, ...] = (), start: datetime = START) -> list[Present]:
    """What is written within so many seconds when one looks every quarter of a second; ``keys``: when one types."""
    written = []
    for number in range(int(seconds / TICK.total_seconds())):
        now = start + number * TICK
        if number * TICK.total_seconds() in keys:
            sitting.typed(now)
        if sitting.due(now):
            written.append(sitting.tell(1, now))
    return written


def test_somebody_who_only_looks_is_written_down_every_five_seconds() -> None:
    written = said(Sitting(7, START), 60)
    assert [present.seen_at - START for present in written] == [number * REFRESH_EVERY for number in range(12)]
    assert {(present.doing, present.since, present.contact_id) for present in written} == {(Doing.VIEWING, START, 7)}


def test_typing_is_written_once_however_many_keys_and_ends_by_itself() -> None:
    keys = tuple(1 + number * 0.25 for number in range(8))  # the last one at 2.75
    written = said(Sitting(7, START), 20, keys=keys)
    changes = [(present.doing, (present.seen_at - START).total_seconds()) for present in written]
    assert changes == [
        (Doing.VIEWING, 0),
        (Doing.TYPING, 1),
        (Doing.TYPING, 6),  # the refresh
        (Doing.VIEWING, 2.75 + TYPING_LASTS.total_seconds()),
        (Doing.VIEWING, 12.75),
        (Doing.VIEWING, 17.75),
    ]


def test_what_could_not_be_written_stays_due() -> None:
    sitting = Sitting(7, START)
    sitting.tell(1, START)
    assert not sitting.due(START)
    sitting.not_told()
    assert sitting.due(START)


def test_a_clock_that_is_set_back_does_not_silence_anybody() -> None:
    sitting = Sitting(7, START)
    sitting.tell(1, START)
    assert sitting.due(START - timedelta(hours=1))


@pytest.mark.parametrize(
    ("after", "fresh"),
    [
        (timedelta(0), True),
        (STALE_AFTER - timedelta(milliseconds=1), True),
        (STALE_AFTER, False),
        (timedelta(hours=1), False),
        (-timedelta(hours=1), False),
    ],
)
def test_who_is_not_heard_of_is_gone(after: timedelta, fresh: bool) -> None:
    assert Present(1, 7, Doing.VIEWING, START, START).is_fresh(START + after) is fresh


def test_one_missed_refresh_makes_nobody_vanish() -> None:
    assert 2 * REFRESH_EVERY < STALE_AFTER


@pytest.mark.parametrize(("seconds", "minutes"), [(-5, 0), (59.9, 0), (60, 1), (3600, 60)])
def test_whole_minutes(seconds: float, minutes: int) -> None:
    colleague = Colleague(7, "bo", Doing.VIEWING, START)
    assert colleague.minutes(START + timedelta(seconds=seconds)) == minutes
