"""The circuit breaker: when it opens, how long it rests, who may try, what closes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_inbox.domain.breaker import LONGEST_REST, MOST_FAILURES, Breaker, Signal, rest_after, signal_of
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import ErrorClass

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MARKS = {"+": Signal.ANSWERED, "-": Signal.TROUBLE, ".": Signal.NOTHING}


def after(marks: str, breaker: Breaker | None = None, now: datetime = NOW) -> Breaker:
    """A breaker after these ends of sends."""
    breaker = breaker or Breaker()
    for number, mark in enumerate(marks):
        breaker = breaker.after(MARKS[mark], f"m{number}", now)
    return breaker


@pytest.mark.parametrize(
    ("marks", "opens"),
    [
        ("", False),
        ("----", False),
        ("-----", True),
        ("+-----", True),
        ("----+----", False),
        ("----.-", True),
        ("----.", False),
        ("+-" * 9 + "+", False),  # half of them, but only 19 are known
        ("+-" * 10, True),
        ("-+" * 9 + "++", False),
        ("+" * 11 + "----+----", False),
        ("+" * 10 + "--+" * 4 + "--", True),
    ],
)
def test_it_opens_after_five_in_a_row_or_half_of_twenty(marks: str, opens: bool) -> None:
    breaker = after(marks)
    assert (breaker.retry_at is not None) is opens
    assert breaker.rests(NOW) is opens
    assert breaker.admits("another") is not opens


def test_it_rests_half_a_minute_then_twice_as_long_up_to_ten_minutes() -> None:
    assert [rest_after(trips).total_seconds() for trips in (1, 2, 3, 4, 5, 6, 99)] == [30, 60, 120, 240, 480, 600, 600]
    breaker, now = after("-" * MOST_FAILURES), NOW
    for trips in range(2, 9):
        assert breaker.retry_at is not None
        now = breaker.retry_at
        assert not breaker.rests(now)
        breaker = Breaker(**{**vars(breaker), "probe": "p"}).after(Signal.TROUBLE, "p", now)
        assert breaker.retry_at == now + rest_after(trips)
        assert breaker.probe == "", "the next one is chosen anew"


def test_only_its_probe_decides_while_it_is_open() -> None:
    breaker = after("-----")
    assert breaker.after(Signal.ANSWERED, "sent before", NOW) == breaker
    assert breaker.after(Signal.TROUBLE, "sent before", NOW + SECOND) == breaker, (
        "what was under way does not prolong it"
    )
    trying = Breaker(**{**vars(breaker), "probe": "p"})
    assert trying.admits("p")
    assert not trying.admits("other")
    assert trying.after(Signal.NOTHING, "p", NOW) == trying
    closed = trying.after(Signal.ANSWERED, "p", NOW)
    assert (closed.retry_at, closed.trips, closed.failures) == (None, 0, 0)
    assert not after("----", closed).rests(NOW), "old failures are forgotten"


def test_a_clock_that_was_put_back_does_not_prolong_the_rest() -> None:
    breaker = after("-----")
    assert breaker.rests(NOW)
    assert not breaker.rests(NOW - timedelta(hours=1))
    assert not breaker.rests(NOW + timedelta(hours=1))


@given(st.text(alphabet="+-.", max_size=60))
def test_it_never_opens_on_answers_alone_nor_stays_closed_through_five_failures(marks: str) -> None:
    breaker = Breaker()
    for number, mark in enumerate(marks):
        before = breaker
        breaker = breaker.after(MARKS[mark], f"m{number}", NOW)
        if breaker.retry_at is not None:
            assert before.retry_at is not None or mark == "-"
            assert breaker.retry_at - NOW <= LONGEST_REST
        else:
            assert breaker.failures < MOST_FAILURES


@pytest.mark.parametrize(
    ("outcome", "signal"),
    [
        (SendOutcome(OutcomeKind.ACCEPTED), Signal.ANSWERED),
        (SendOutcome(OutcomeKind.REFUSED, http_status=400), Signal.ANSWERED),
        (SendOutcome(OutcomeKind.RETRY, error_class=ErrorClass.RATE_LIMITED, http_status=429), Signal.ANSWERED),
        (SendOutcome(OutcomeKind.RETRY, error_class=ErrorClass.AUTH, pauses_channel=True), Signal.ANSWERED),
        (SendOutcome(OutcomeKind.RETRY, http_status=503), Signal.TROUBLE),
        (SendOutcome(OutcomeKind.AMBIGUOUS), Signal.TROUBLE),
        (SendOutcome(OutcomeKind.AMBIGUOUS, http_status=500), Signal.TROUBLE),
        (SendOutcome(OutcomeKind.NOT_SENT, error_class=ErrorClass.TEMPORARY), Signal.TROUBLE),
        (SendOutcome(OutcomeKind.NOT_SENT, error_class=ErrorClass.TEMPORARY, pauses_channel=True), Signal.NOTHING),
        (SendOutcome(OutcomeKind.NOT_SENT, error_class=ErrorClass.INTERNAL), Signal.NOTHING),
    ],
)
def test_what_an_outcome_says_of_the_channel(outcome: SendOutcome, signal: Signal) -> None:
    assert signal_of(outcome) is signal
