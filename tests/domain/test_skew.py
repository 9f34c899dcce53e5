"""How far a channel's clock is from ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_inbox.domain.skew import margin, skew_of, worth_noting

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@given(st.floats(-7200, 7200), st.floats(0, 30), st.floats(0, 1), st.floats(0, 0.999))
def test_never_more_than_the_truth(truth: float, took: float, when: float, fraction: float) -> None:
    """Whenever the far side looked at its clock while we waited, and however it cut the second."""
    asked_at = NOW + timedelta(seconds=fraction)
    exact = asked_at + timedelta(seconds=took * when + truth)
    found = skew_of(exact.replace(microsecond=0), asked_at, asked_at + timedelta(seconds=took))
    tolerance = timedelta(microseconds=2)
    assert abs(found) <= abs(timedelta(seconds=truth)) + tolerance
    assert abs(found - timedelta(seconds=truth)) <= timedelta(seconds=took) + SECOND + tolerance


@pytest.mark.parametrize(
    ("skew", "ago", "early"),
    [
        (30.0, 0, 0.0),
        (30.5, 0, 30.5),
        (-45.0, 60, 45.0),
        (3600.0, 3599, 3600.0),
        (3600.0, 3601, 0.0),
        (3600.0, -3601, 0.0),
        (2.5, 0, 0.0),
    ],
)
def test_the_window_is_taken_to_close_earlier_only_when_the_clocks_disagree_widely(
    skew: float, ago: int, early: float
) -> None:
    found = margin(timedelta(seconds=skew), NOW - timedelta(seconds=ago), NOW)
    assert found == timedelta(seconds=early)
    assert margin(timedelta(seconds=skew), None, NOW) == timedelta(0)


def test_only_news_is_noted() -> None:
    assert worth_noting(timedelta(0), None, timedelta(0), NOW)
    assert not worth_noting(SECOND, NOW, SECOND * 1.4, NOW + SECOND)
    assert worth_noting(SECOND, NOW, SECOND * 2, NOW + SECOND)
    assert worth_noting(SECOND, NOW, SECOND, NOW + timedelta(minutes=11))
