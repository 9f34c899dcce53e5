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
    found = delivery.after_outcome(outcome, keyed=keyed, tries=1, age=timedelta(0))
    assert found is state
    assert delivery.may_change(S.SENDING, found)


@pytest.mark.parametrize(("tries", "age"), [(MOST_ATTEMPTS, timedelta(0)), (1, MOST_AGE)])
def test_trying_again_ends(tries: int, age: timedelta) -> None:
    retry = SendOutcome(OutcomeKind.RETRY)
    assert delivery.after_outcome(retry, keyed=False, tries=tries, age=age) is S.FAILED
    assert delivery.after_outcome(retry, keyed=True, tries=tries, age=age, doubtful=True) is S.UNCERTAIN
    unknown = SendOutcome(OutcomeKind.AMBIGUOUS)
    assert delivery.after_outcome(unknown, keyed=True, tries=tries, age=age) is S.UNCERTAIN, "never called failed"
    paused = SendOutcome(OutcomeKind.RETRY, pauses_channel=True)
    assert delivery.after_outcome(paused, keyed=False, tries=tries, age=age) is S.QUEUED


def test_nothing_ambiguous_on_a_keyless_channel_is_ever_resent_by_itself() -> None:
    for tries in range(20):
        outcome = SendOutcome(OutcomeKind.AMBIGUOUS)
        assert delivery.after_outcome(outcome, keyed=False, tries=tries, age=timedelta(0)) is S.UNCERTAIN
    assert delivery.after_expired_lease(S.SENDING, keyed=False) is S.UNCERTAIN
    assert delivery.after_expired_lease(S.SENDING, keyed=True) is S.QUEUED
    assert delivery.after_expired_lease(S.LEASED, keyed=False) is S.QUEUED


def test_sent_and_cancelled_are_final_and_unsettled_ones_hold_the_line() -> None:
    assert TRANSITIONS[S.SENT] == TRANSITIONS[S.CANCELLED] == frozenset()
    assert set(TRANSITIONS) == set(S)
    assert {S.QUEUED, S.LEASED, S.SENDING, S.UNCERTAIN, S.BLOCKED} == UNSETTLED
    assert not delivery.may_change(S.QUEUED, S.SENDING), "a lease comes before the first byte"
    assert not delivery.may_change(S.LEASED, S.CANCELLED), "too late, it is being sent"


@pytest.mark.parametrize(
    ("state", "keyed", "lost", "doubtful", "after"),
    [
        (S.LEASED, False, 1, False, S.QUEUED),
        (S.LEASED, False, 2, False, S.QUEUED),
        (S.LEASED, False, 3, False, S.FAILED),
        (S.LEASED, True, 3, True, S.UNCERTAIN),
        (S.SENDING, False, 1, True, S.UNCERTAIN),
        (S.SENDING, True, 2, True, S.QUEUED),
        (S.SENDING, True, 3, True, S.UNCERTAIN),
    ],
)
def test_a_message_that_kills_its_senders(state: S, keyed: bool, lost: int, doubtful: bool, after: S) -> None:
    assert delivery.after_expired_lease(state, keyed=keyed, lost=lost, doubtful=doubtful) is after
    assert delivery.may_change(state, after)


@pytest.mark.parametrize(
    ("left", "safe"), [(timedelta(hours=24), True), (delivery.KEY_MARGIN, True), (timedelta(seconds=59), False)]
)
def test_a_key_must_outlive_the_request(left: timedelta, safe: bool) -> None:
    assert delivery.key_is_safe(NOW + left, NOW) is safe
    assert not delivery.key_is_safe(None, NOW)


def test_the_first_wait_is_two_seconds_and_the_longest_five_minutes() -> None:
    almost_one = 1 - 1e-9
    waits = [round(delivery.backoff(attempts, almost_one), 3) for attempts in (0, 1, 2, 3, 8, 9, 100)]
    assert waits == [2, 2, 4, 8, 256, 300, 300]
    assert delivery.backoff(5, 0.0) == 0.5, "full jitter, but never at once"


@pytest.mark.parametrize(
    ("current", "new", "wins"),
    [
        (("", None), ("slow", NOW), "new"),
        (("slow", NOW + timedelta(seconds=120)), ("slow", NOW + timedelta(seconds=2)), "current"),
        (("slow", NOW + timedelta(seconds=2)), ("slow", NOW + timedelta(seconds=120)), "new"),
        (("token", None), ("slow", NOW + timedelta(seconds=120)), "current"),
        (("slow", NOW + timedelta(seconds=120)), ("token", None), "new"),
        (("slow", NOW - timedelta(seconds=1)), ("slow", NOW + timedelta(seconds=2)), "new"),
    ],
)
def test_no_answer_cuts_short_the_pause_that_another_asked_for(
    current: tuple[str, datetime | None], new: tuple[str, datetime | None], wins: str
) -> None:
    assert delivery.later_pause(current, new, NOW) == {"current": current, "new": new}[wins]


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("receipt", list(Receipt))
def test_what_a_report_proves(state: S, receipt: Receipt) -> None:
    known, doubted = (delivery.proves_sent(state, receipt, doubtful=doubtful) for doubtful in (False, True))
    assert known <= doubted
    if receipt is Receipt.NONE or state is S.SENT:
        assert not doubted
    elif state in {S.SENDING, S.UNCERTAIN} or receipt >= Receipt.DELIVERED:
        assert known
    else:
        assert not known
        assert doubted is (state is not S.FAILED)


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
