"""No order of inbound and outbound events opens a window wrongly."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_inbox.domain.kinds import ChannelKind, InboundKind, Permission, WindowState
from tui_inbox.domain.policy import DEFAULT_POLICIES
from tui_inbox.domain.window import FUTURE_TOLERANCE, ChannelFacts, decide, renew

START = datetime(2026, 3, 1, tzinfo=UTC)
WEEK = 10 * 86_400


@dataclass(frozen=True)
class Event:
    """An inbound event: when it happened and how long it took to arrive."""

    kind: InboundKind
    at: int
    delay: int

    @property
    def happened(self) -> datetime:
        return START + timedelta(seconds=self.at)

    @property
    def arrived(self) -> datetime:
        return START + timedelta(seconds=self.at + self.delay)


events = st.lists(
    st.builds(Event, st.sampled_from(list(InboundKind)), st.integers(0, WEEK), st.integers(0, 3 * 86_400)), max_size=12
)
kinds = st.sampled_from(list(ChannelKind))


def replay(kind: ChannelKind, order: list[Event]) -> datetime | None:
    current: datetime | None = None
    for event in order:
        current = renew(DEFAULT_POLICIES[kind], current, event.kind, event.happened, event.arrived)
    return current


@given(kinds, events, st.randoms(use_true_random=False), st.integers(0, 2))
def test_order_and_repetition_of_events_do_not_matter(
    kind: ChannelKind, seen: list[Event], random: object, repeats: int
) -> None:
    shuffled = seen * (1 + repeats)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' random is untyped
    assert replay(kind, shuffled) == replay(kind, seen)


@given(kinds, events)
def test_a_window_never_moves_back(kind: ChannelKind, seen: list[Event]) -> None:
    current: datetime | None = None
    for event in seen:
        after = renew(DEFAULT_POLICIES[kind], current, event.kind, event.happened, event.arrived)
        assert current is None or (after is not None and after >= current)
        current = after


@given(kinds, events, st.integers(0, 2 * WEEK), st.integers(0, 12))
def test_free_text_is_open_only_within_the_window_of_a_qualifying_event(
    kind: ChannelKind, seen: list[Event], now_at: int, sent: int
) -> None:
    """The oracle looks at all events at once, not at the running maximum."""
    policy, now = DEFAULT_POLICIES[kind], START + timedelta(seconds=now_at)
    facts = ChannelFacts(last_qualifying_at=replay(kind, seen), sent_since_inbound=sent)
    answer = decide(policy, facts, now)
    if policy.window is None:
        assert answer.state is not WindowState.OPEN
        return
    window = policy.window
    inside = any(e.kind in policy.renewing_events and now < e.happened + window for e in seen)
    within_count = policy.count_limit is None or sent < policy.count_limit
    assert (answer.state is WindowState.OPEN) is (inside and within_count)
    if kind is not ChannelKind.VIBER:
        assert (Permission.TEXT in answer.may_send) is (inside and within_count)


@given(kinds, st.integers(0, WEEK), st.integers(-10 * 86_400, 10 * 86_400), st.integers(0, WEEK))
def test_a_wrong_clock_on_the_far_side_holds_no_window_open(
    kind: ChannelKind, arrived_at: int, skew: int, later: int
) -> None:
    policy = DEFAULT_POLICIES[kind]
    arrived = START + timedelta(seconds=arrived_at)
    renewed = renew(policy, None, InboundKind.MESSAGE, arrived + timedelta(seconds=skew), arrived)
    if policy.window is None or renewed is None:
        return
    now = arrived + timedelta(seconds=later)
    answer = decide(policy, ChannelFacts(last_qualifying_at=renewed), now)
    if now >= arrived + FUTURE_TOLERANCE + policy.window:
        assert answer.state is not WindowState.OPEN


@given(kinds, st.integers(0, 2 * WEEK), st.integers(0, 2 * WEEK), st.integers(0, 12))
def test_permissions_only_shrink_while_nothing_arrives(kind: ChannelKind, first: int, more: int, sent: int) -> None:
    policy, facts = DEFAULT_POLICIES[kind], ChannelFacts(last_qualifying_at=START, sent_since_inbound=sent)
    earlier = decide(policy, facts, START + timedelta(seconds=first))
    later = decide(policy, facts, START + timedelta(seconds=first + more))
    text = {Permission.TEXT, Permission.HUMAN_AGENT}
    assert not (Permission.TEXT in later.may_send and Permission.TEXT not in earlier.may_send)
    assert not (set(later.may_send) & text and not set(earlier.may_send) & text)


@pytest.mark.parametrize("kind", [kind for kind, policy in DEFAULT_POLICIES.items() if policy.window is not None])
def test_ten_thousand_late_future_repeated_and_reordered_events(kind: ChannelKind) -> None:
    """The window is that of the newest event time, whatever the order; the oracle counts in plain seconds."""
    policy, chance = DEFAULT_POLICIES[kind], random.Random(kind.value)
    renewing = sorted(policy.renewing_events)
    assert policy.window is not None
    window, newest, current = int(policy.window.total_seconds()), -1, None
    margin = int(policy.margin.total_seconds())
    arrived, earlier = 0, list[tuple[InboundKind, int]]()
    for _ in range(10_000):
        arrived += chance.randrange(600)
        how = chance.random()
        if earlier and how < 0.2:
            event, at = chance.choice(earlier)  # again, later
        else:
            event = chance.choice(renewing)
            late, skewed, soon = chance.randrange(9 * 86_400), chance.randrange(301, 90_000), chance.randrange(301)
            at = arrived - late if how < 0.5 else arrived + skewed if how < 0.6 else arrived + soon - 150
            at = max(0, at)
        earlier = [*earlier[-50:], (event, at)]
        current = renew(policy, current, event, after(at), after(arrived))
        newest = max(newest, arrived if at > arrived + 300 else at)
        assert current == after(newest)
        now = newest + window - margin + chance.randrange(-2, 3)
        state = decide(policy, ChannelFacts(last_qualifying_at=current), after(now)).state
        assert (state is WindowState.OPEN) is (now < newest + window - margin)


def after(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)
