"""States of an outgoing message: edges, outcomes, back-off, receipts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_inbox.domain import delivery
from tui_inbox.domain.delivery import MOST_AGE, MOST_ATTEMPTS, TRANSITIONS, UNSETTLED
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import DeliveryState as S
from tui_inbox.domain.kinds import ErrorClass, Receipt

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "error", "keyed", "state"),
    [
        (OutcomeKind.ACCEPTED, None, False, S.SENT),
        (OutcomeKind.ACCEPTED, None, True, S.SENT),
        (OutcomeKind.REFUSED, ErrorClass.UNREACHABLE, False, S.FAILED),
        (OutcomeKind.REFUSED, ErrorClass.WINDOW_CLOSED, False, S.BLOCKED),
        (OutcomeKind.RETRY, ErrorClass.RATE_LIMITED, False, S.QUEUED),
        (OutcomeKind.NOT_SENT, None, False, S.QUEUED),
        (OutcomeKind.AMBIGUOUS, None, False, S.UNCERTAIN),
        (OutcomeKind.AMBIGUOUS, None, True, S.QUEUED),
    ],
)
def test_outcomes(kind: OutcomeKind, error: ErrorClass | None, keyed: bool, state: S) -> None:
    outcome = SendOutcome(kind, error_class=error)
    found = delivery.after_outcome(outcome, keyed=keyed, attempts=1, age=timedelta(0))
    assert found is state
    assert delivery.may_change(S.SENDING, found)


@pytest.mark.parametrize(("attempts", "age"), [(MOST_ATTEMPTS, timedelta(0)), (1, MOST_AGE)])
def test_trying_again_ends(attempts: int, age: timedelta) -> None:
    retry = SendOutcome(OutcomeKind.RETRY)
    assert delivery.after_outcome(retry, keyed=False, attempts=attempts, age=age) is S.FAILED
    paused = SendOutcome(OutcomeKind.RETRY, pauses_channel=True)
    assert delivery.after_outcome(paused, keyed=False, attempts=attempts, age=age) is S.QUEUED


def test_nothing_ambiguous_on_a_keyless_channel_is_ever_resent_by_itself() -> None:
    for attempts in range(20):
        outcome = SendOutcome(OutcomeKind.AMBIGUOUS)
        assert delivery.after_outcome(outcome, keyed=False, attempts=attempts, age=timedelta(0)) is S.UNCERTAIN
    assert delivery.after_expired_lease(S.SENDING, keyed=False) is S.UNCERTAIN
    assert delivery.after_expired_lease(S.SENDING, keyed=True) is S.QUEUED
    assert delivery.after_expired_lease(S.LEASED, keyed=False) is S.QUEUED


def test_sent_and_cancelled_are_final_and_unsettled_ones_hold_the_line() -> None:
    assert TRANSITIONS[S.SENT] == TRANSITIONS[S.CANCELLED] == frozenset()
    assert set(TRANSITIONS) == set(S)
    assert {S.QUEUED, S.LEASED, S.SENDING, S.UNCERTAIN, S.BLOCKED} == UNSETTLED
    assert not delivery.may_change(S.QUEUED, S.SENDING), "a lease comes before the first byte"
    assert not delivery.may_change(S.LEASED, S.CANCELLED), "too late, it is being sent"


@given(st.integers(0, 100), st.floats(0, 1, exclude_max=True), st.none() | st.floats(-1e12, 1e12))
def test_never_earlier_than_told_and_never_for_ever(attempts: int, jitter: float, told: float | None) -> None:
    outcome = SendOutcome(OutcomeKind.RETRY, retry_after=told)
    wait = (delivery.next_due(NOW, outcome, attempts, jitter) - NOW).total_seconds()
    assert 0.5 <= wait <= 3600 * 1.2 + 1
    if told is not None and 1 <= told <= 3600:
        assert wait >= told - 1e-5


@given(st.lists(st.sampled_from(list(Receipt))))
def test_receipts_only_rise(reported: list[Receipt]) -> None:
    current = Receipt.NONE
    for receipt in reported:
        after = delivery.raise_receipt(current, receipt)
        assert after >= current
        current = after
    assert current == max(reported, default=Receipt.NONE)


def test_a_late_failure_never_beats_a_delivered_message() -> None:
    assert [delivery.failure_applies(receipt) for receipt in Receipt] == [True, True, False, False]
