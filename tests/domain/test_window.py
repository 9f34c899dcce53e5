"""Every policy at one second before, at and after each of its boundaries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tui_inbox.domain.kinds import ChannelKind, ComposerMode, InboundKind, Permission, WindowState
from tui_inbox.domain.policy import DEFAULT_POLICIES, policy_for
from tui_inbox.domain.window import ChannelFacts, WindowAnswer, best_channel, decide, renew

WROTE = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
"""The night in which Europe's clocks go back: 24 h are 86,400 s all the same."""
HOUR, DAY = 3600, 86_400
TEXT, TEMPLATE, TAG = Permission.TEXT, Permission.TEMPLATE, Permission.HUMAN_AGENT
OPEN, CLOSED, NONE, BLOCKED = WindowState.OPEN, WindowState.CLOSED, WindowState.NONE, WindowState.BLOCKED

# kind, boundary in seconds after the customer's message, before it, from it on
BOUNDARIES = [
    (ChannelKind.WHATSAPP, DAY, (OPEN, (TEXT, TEMPLATE)), (CLOSED, (TEMPLATE,))),
    (ChannelKind.WHATSAPP_TWILIO, DAY, (OPEN, (TEXT, TEMPLATE)), (CLOSED, (TEMPLATE,))),
    (ChannelKind.WHATSAPP_360DIALOG, DAY, (OPEN, (TEXT, TEMPLATE)), (CLOSED, (TEMPLATE,))),
    (ChannelKind.MESSENGER, DAY, (OPEN, (TEXT, TEMPLATE)), (CLOSED, (TAG, TEMPLATE))),
    (ChannelKind.MESSENGER, 7 * DAY, (CLOSED, (TAG, TEMPLATE)), (CLOSED, (TEMPLATE,))),
    (ChannelKind.INSTAGRAM, DAY, (OPEN, (TEXT,)), (CLOSED, (TAG,))),
    (ChannelKind.INSTAGRAM, 7 * DAY, (CLOSED, (TAG,)), (BLOCKED, ())),
    (ChannelKind.VIBER, DAY, (OPEN, (TEXT,)), (CLOSED, (TEXT,))),
    (ChannelKind.WECHAT, 48 * HOUR, (OPEN, (TEXT,)), (BLOCKED, ())),
    (ChannelKind.TIKTOK, 48 * HOUR, (OPEN, (TEXT,)), (BLOCKED, ())),
]

WINDOWLESS = [
    ChannelKind.TELEGRAM,
    ChannelKind.LINE,
    ChannelKind.WEBCHAT,
    ChannelKind.SMS,
    ChannelKind.EMAIL,
    ChannelKind.CUSTOM,
    ChannelKind.X,
]


def answer_at(kind: ChannelKind, seconds: float, **facts: object) -> WindowAnswer:
    known = ChannelFacts(last_qualifying_at=WROTE, **facts)  # type: ignore[arg-type]  # table-driven
    return decide(policy_for(kind), known, WROTE + timedelta(seconds=seconds))


@pytest.mark.parametrize(("kind", "boundary", "before", "after"), BOUNDARIES)
@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_each_boundary_is_strict(
    kind: ChannelKind,
    boundary: int,
    before: tuple[WindowState, tuple[Permission, ...]],
    after: tuple[WindowState, tuple[Permission, ...]],
    offset: int,
) -> None:
    answer = answer_at(kind, boundary + offset)
    assert (answer.state, answer.may_send) == (before if offset < 0 else after)


@pytest.mark.parametrize("kind", WINDOWLESS)
@pytest.mark.parametrize("offset", [-1, 0, 1])
@pytest.mark.parametrize("boundary", [DAY, 48 * HOUR, 7 * DAY, 365 * DAY])
def test_channels_without_a_window_allow_text_at_any_time(kind: ChannelKind, boundary: int, offset: int) -> None:
    answer = answer_at(kind, boundary + offset)
    assert (answer.state, answer.may_send, answer.closes_at, answer.changes_at) == (NONE, (TEXT,), None, None)


def test_every_kind_has_a_policy_and_every_windowed_boundary_is_in_the_table() -> None:
    assert set(DEFAULT_POLICIES) == set(ChannelKind)
    declared = set()
    for policy in DEFAULT_POLICIES.values():
        if policy.window is not None:
            declared.add((policy.kind, int(policy.window.total_seconds())))
            declared |= {(policy.kind, int(s.until.total_seconds())) for s in policy.after_close if s.until}
    assert declared == {(kind, boundary) for kind, boundary, _, _ in BOUNDARIES}


@pytest.mark.parametrize(("kind", "boundary"), [(kind, boundary) for kind, boundary, _, _ in BOUNDARIES])
def test_changes_at_names_the_very_instant_at_which_the_answer_changes(kind: ChannelKind, boundary: int) -> None:
    answer = answer_at(kind, boundary - 1)
    assert answer.changes_at == WROTE + timedelta(seconds=boundary)
    policy, facts = policy_for(kind), ChannelFacts(last_qualifying_at=WROTE)
    before = decide(policy, facts, answer.changes_at - timedelta(microseconds=1))
    after = decide(policy, facts, answer.changes_at)
    assert before.may_send == answer.may_send
    assert (after.state, after.may_send) != (before.state, before.may_send)


@pytest.mark.parametrize(
    ("kind", "state", "may_send"),
    [
        (ChannelKind.TELEGRAM, BLOCKED, ()),
        (ChannelKind.LINE, BLOCKED, ()),
        (ChannelKind.WEBCHAT, BLOCKED, ()),
        (ChannelKind.SMS, NONE, (TEXT,)),
        (ChannelKind.EMAIL, NONE, (TEXT,)),
        (ChannelKind.CUSTOM, NONE, (TEXT,)),
        (ChannelKind.X, NONE, (TEXT,)),
        (ChannelKind.WHATSAPP, CLOSED, (TEMPLATE,)),
        (ChannelKind.WHATSAPP_TWILIO, CLOSED, (TEMPLATE,)),
        (ChannelKind.WHATSAPP_360DIALOG, CLOSED, (TEMPLATE,)),
        (ChannelKind.MESSENGER, BLOCKED, ()),
        (ChannelKind.INSTAGRAM, BLOCKED, ()),
        (ChannelKind.VIBER, BLOCKED, ()),
        (ChannelKind.WECHAT, BLOCKED, ()),
        (ChannelKind.TIKTOK, BLOCKED, ()),
        (ChannelKind.GOOGLE_BUSINESS, BLOCKED, ()),
    ],
)
def test_who_may_be_written_to_first(kind: ChannelKind, state: WindowState, may_send: tuple[Permission, ...]) -> None:
    answer = decide(policy_for(kind), ChannelFacts(), WROTE)
    assert (answer.state, answer.may_send) == (state, may_send)
    assert answer.may_send or answer.way_out


@pytest.mark.parametrize("kind", [ChannelKind.TELEGRAM, ChannelKind.LINE, ChannelKind.WEBCHAT])
def test_somebody_who_started_the_channel_may_be_written_to(kind: ChannelKind) -> None:
    assert decide(policy_for(kind), ChannelFacts(started=True), WROTE).may_send == (TEXT,)


@pytest.mark.parametrize("kind", [k for k, p in DEFAULT_POLICIES.items() if p.window and not p.count_limit])
def test_starting_a_channel_opens_no_window(kind: ChannelKind) -> None:
    assert TEXT not in decide(policy_for(kind), ChannelFacts(started=True), WROTE).may_send


@pytest.mark.parametrize(("kind", "limit"), [(ChannelKind.WECHAT, 5), (ChannelKind.TIKTOK, 10)])
def test_count_limits_stop_at_the_limit_and_never_before(kind: ChannelKind, limit: int) -> None:
    assert answer_at(kind, 1, sent_since_inbound=limit - 1).may_send == (TEXT,)
    for used in (limit, limit + 1):
        answer = answer_at(kind, 1, sent_since_inbound=used)
        assert (answer.state, answer.may_send) == (BLOCKED, ())
        assert str(limit) in answer.reason


@pytest.mark.parametrize("kind", list(ChannelKind))
@pytest.mark.parametrize("fact", ["opted_out", "contact_blocked", "paused"])
def test_opted_out_blocked_and_paused_shut_every_channel(kind: ChannelKind, fact: str) -> None:
    answer = answer_at(kind, 1, **{fact: "token expired" if fact == "paused" else True})
    assert (answer.state, answer.may_send, answer.mode) == (BLOCKED, (), ComposerMode.DISABLED)
    assert answer.reason
    assert answer.way_out


def test_google_is_blocked_for_good_with_its_date() -> None:
    answer = answer_at(ChannelKind.GOOGLE_BUSINESS, 1)
    assert answer.for_good
    assert "31 July 2024" in answer.reason


@pytest.mark.parametrize("kind", list(ChannelKind))
@pytest.mark.parametrize("seconds", [1, DAY + 1, 3 * DAY, 30 * DAY])
def test_the_composer_never_opens_in_a_mode_that_would_fail(kind: ChannelKind, seconds: int) -> None:
    answer = answer_at(kind, seconds)
    needed = {ComposerMode.FREE: TEXT, ComposerMode.TAG: TAG, ComposerMode.TEMPLATE: TEMPLATE}
    if answer.mode is ComposerMode.DISABLED:
        assert answer.may_send == ()
        assert answer.way_out
    else:
        assert needed[answer.mode] in answer.may_send
    assert answer.reason


def test_viber_after_its_session_warns_of_the_charge() -> None:
    assert "charged" in answer_at(ChannelKind.VIBER, DAY).warning


def test_a_margin_closes_earlier() -> None:
    policy = policy_for(ChannelKind.WHATSAPP, {"margin_seconds": 60})
    facts = ChannelFacts(last_qualifying_at=WROTE)
    assert decide(policy, facts, WROTE + timedelta(seconds=DAY - 61)).state is OPEN
    assert decide(policy, facts, WROTE + timedelta(seconds=DAY - 60)).state is CLOSED


RENEWING = {
    ChannelKind.WHATSAPP: {InboundKind.MESSAGE, InboundKind.CALL},
    ChannelKind.INSTAGRAM: {InboundKind.MESSAGE, InboundKind.POSTBACK, InboundKind.REACTION},
    ChannelKind.WECHAT: {InboundKind.MESSAGE},
}


@pytest.mark.parametrize("kind", RENEWING)
@pytest.mark.parametrize("event", list(InboundKind))
def test_only_renewing_events_renew(kind: ChannelKind, event: InboundKind) -> None:
    renewed = renew(policy_for(kind), None, event, WROTE, WROTE)
    assert (renewed == WROTE) is (event in RENEWING[kind])


def test_an_event_from_the_future_counts_from_its_arrival() -> None:
    policy = policy_for(ChannelKind.WHATSAPP)
    ahead = WROTE + timedelta(minutes=5)
    assert renew(policy, None, InboundKind.MESSAGE, ahead, WROTE) == ahead
    beyond = ahead + timedelta(microseconds=1)
    assert renew(policy, None, InboundKind.MESSAGE, beyond, WROTE) == WROTE


def test_the_best_channel_is_the_preferred_one_unless_it_allows_nothing() -> None:
    free = answer_at(ChannelKind.TELEGRAM, 1)
    template = answer_at(ChannelKind.WHATSAPP, DAY)
    nothing = answer_at(ChannelKind.WECHAT, 3 * DAY)
    assert best_channel([(1, template), (2, free)], 1) == 1
    assert best_channel([(1, nothing), (2, template), (3, free)], 1) == 3
    assert best_channel([(1, nothing)], 1) is None


CLOCK_CHANGES = [
    # zone, wall clock of the customer's message, wall clock exactly 24 hours later
    ("America/New_York", "2026-03-07T12:00:00-05:00", "2026-03-08T13:00:00-04:00"),
    ("America/New_York", "2026-10-31T12:00:00-04:00", "2026-11-01T11:00:00-05:00"),
    ("Europe/Berlin", "2026-03-28T12:00:00+01:00", "2026-03-29T13:00:00+02:00"),
    ("Europe/Berlin", "2026-10-24T12:00:00+02:00", "2026-10-25T11:00:00+01:00"),
    ("Australia/Lord_Howe", "2026-10-03T12:00:00+10:30", "2026-10-04T12:30:00+11:00"),
    ("Australia/Lord_Howe", "2026-04-04T12:00:00+11:00", "2026-04-05T11:30:00+10:30"),
    ("Africa/Casablanca", "2026-02-14T12:00:00+01:00", "2026-02-15T11:00:00+00:00"),
    ("Africa/Casablanca", "2026-03-21T12:00:00+00:00", "2026-03-22T13:00:00+01:00"),
    ("Asia/Kathmandu", "2026-03-28T12:00:00+05:45", "2026-03-29T12:00:00+05:45"),
    ("Pacific/Apia", "2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00"),
    ("America/Sao_Paulo", "2018-11-03T12:00:00-03:00", "2018-11-04T13:00:00-02:00"),
    ("America/Sao_Paulo", "2018-02-17T12:00:00-02:00", "2018-02-18T11:00:00-03:00"),
]


@pytest.mark.parametrize(("zone", "wrote", "closes"), CLOCK_CHANGES)
def test_a_day_is_24_hours_whatever_the_wall_clock_does(zone: str, wrote: str, closes: str) -> None:
    at = datetime.fromisoformat(wrote)
    assert at.astimezone(ZoneInfo(zone)).isoformat() == wrote, "the table names times that exist"
    facts = ChannelFacts(last_qualifying_at=at.astimezone(UTC))
    policy = policy_for(ChannelKind.WHATSAPP)
    answer = decide(policy, facts, at.astimezone(UTC))
    assert answer.closes_at is not None
    assert answer.closes_at.astimezone(ZoneInfo(zone)).isoformat() == closes
    end = datetime.fromisoformat(closes).astimezone(UTC)
    states = [decide(policy, facts, end + timedelta(seconds=offset)).state for offset in (-1, 0, 1)]
    assert states == [OPEN, CLOSED, CLOSED]
