"""Open, snooze, wake, close, reopen, assign: tables of what each does and refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tui_inbox.domain import lifecycle
from tui_inbox.domain.errors import PolicyRefusedError, UsageError
from tui_inbox.domain.kinds import AssignOnSend, ClosingLogic, ClosingNoteMode
from tui_inbox.domain.kinds import ConversationStatus as Status
from tui_inbox.domain.lifecycle import ClosingNote, WorkspaceRules
from tui_inbox.domain.models import Conversation

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ME, OTHER = 1, 2


def conversation(status: Status, assignee: int | None = None) -> Conversation:
    return Conversation(
        contact_id=7,
        status=status,
        assignee_id=assignee,
        team_id=None,
        version=3,
        last_seq=9,
        last_activity_at=NOW - timedelta(days=2),
        waiting_since=NOW - timedelta(hours=1),
        snoozed_until=NOW - timedelta(minutes=1) if status is Status.SNOOZED else None,
        closed_at=NOW - timedelta(days=1) if status is Status.CLOSED else None,
        closed_by_id=OTHER if status is Status.CLOSED else None,
    )


@pytest.mark.parametrize(
    ("rule", "status", "owner", "owner_after"),
    [
        (AssignOnSend.UNASSIGNED, Status.CLOSED, OTHER, ME),
        (AssignOnSend.UNASSIGNED, Status.CLOSED, None, ME),
        (AssignOnSend.UNASSIGNED, Status.SNOOZED, OTHER, ME),
        (AssignOnSend.UNASSIGNED, Status.NONE, None, ME),
        (AssignOnSend.UNASSIGNED, Status.OPEN, None, ME),
        (AssignOnSend.UNASSIGNED, Status.OPEN, OTHER, OTHER),
        (AssignOnSend.UNASSIGNED, Status.OPEN, ME, ME),
        (AssignOnSend.REOPEN, Status.CLOSED, OTHER, ME),
        (AssignOnSend.REOPEN, Status.SNOOZED, None, ME),
        (AssignOnSend.REOPEN, Status.OPEN, None, None),
        (AssignOnSend.REOPEN, Status.OPEN, OTHER, OTHER),
        (AssignOnSend.ALWAYS, Status.OPEN, OTHER, ME),
        (AssignOnSend.ALWAYS, Status.CLOSED, OTHER, ME),
    ],
)
def test_sending_reopens_and_settles_whose_it_is(
    rule: AssignOnSend, status: Status, owner: int | None, owner_after: int | None
) -> None:
    change = lifecycle.send(conversation(status, owner), ME, WorkspaceRules(assign_on_send=rule), NOW)
    assert change.after.status is Status.OPEN
    assert change.after.assignee_id == owner_after
    assert change.reopened is (status is not Status.OPEN)
    assert (change.after.closed_at, change.after.snoozed_until) == (None, None)
    told = {event.kind for event in change.events}
    assert ("assigned" in told) is (owner != owner_after)


@pytest.mark.parametrize(
    ("status", "blocked", "after", "kind"),
    [
        (Status.NONE, False, Status.OPEN, "opened"),
        (Status.CLOSED, False, Status.OPEN, "reopened"),
        (Status.SNOOZED, False, Status.OPEN, "woken"),
        (Status.OPEN, False, Status.OPEN, None),
        (Status.CLOSED, True, Status.CLOSED, None),
        (Status.SNOOZED, True, Status.SNOOZED, None),
        (Status.NONE, True, Status.NONE, None),
    ],
)
def test_an_inbound_message_wakes_or_opens_for_the_assignee_that_it_has(
    status: Status, blocked: bool, after: Status, kind: str | None
) -> None:
    change = lifecycle.inbound(conversation(status, OTHER), blocked=blocked, now=NOW)
    assert (change.after.status, change.after.assignee_id) == (after, OTHER)
    assert [event.kind for event in change.events] == ([kind] if kind else [])


@pytest.mark.parametrize("owner", [None, OTHER])
@pytest.mark.parametrize("status", [Status.NONE, Status.SNOOZED, Status.CLOSED])
def test_opening_by_hand_assigns_to_the_opener_when_nobody_has_it(status: Status, owner: int | None) -> None:
    change = lifecycle.open_by_hand(conversation(status, owner), ME, blocked=False, now=NOW)
    assert (change.after.status, change.after.assignee_id) == (Status.OPEN, owner or ME)


@pytest.mark.parametrize(
    ("logic", "team_logic", "away", "keeps"),
    [
        (ClosingLogic.KEEP, None, True, True),
        (ClosingLogic.UNASSIGN, None, False, False),
        (ClosingLogic.UNASSIGN_WHEN_AWAY, None, False, True),
        (ClosingLogic.UNASSIGN_WHEN_AWAY, None, True, False),
        (ClosingLogic.KEEP, ClosingLogic.UNASSIGN, False, False),
        (ClosingLogic.UNASSIGN, ClosingLogic.KEEP, True, True),
    ],
)
def test_closing_logic_decides_who_keeps_it(
    logic: ClosingLogic, team_logic: ClosingLogic | None, away: bool, keeps: bool
) -> None:
    change = lifecycle.close(
        conversation(Status.OPEN, OTHER),
        ME,
        ClosingNote("solved", "done"),
        WorkspaceRules(closing_logic=logic),
        blocked=False,
        now=NOW,
        team_logic=team_logic,
        assignee_away=away,
    )
    after = change.after
    assert (after.status, after.closed_at, after.closed_by_id) == (Status.CLOSED, NOW, ME)
    assert after.assignee_id == (OTHER if keeps else None)
    assert after.waiting_since is None
    assert change.events[0].detail["category"] == "solved"
    assert ("unassigned" in {event.kind for event in change.events}) is not keeps


NOTES = {"none": ClosingNote(), "category": ClosingNote("solved"), "both": ClosingNote("solved", "said thanks")}


@pytest.mark.parametrize(
    ("mode", "accepted"),
    [
        (ClosingNoteMode.OFF, {"none"}),
        (ClosingNoteMode.OPTIONAL, {"none", "category", "both"}),
        (ClosingNoteMode.CATEGORY_REQUIRED, {"category", "both"}),
        (ClosingNoteMode.BOTH_REQUIRED, {"both"}),
    ],
)
@pytest.mark.parametrize("name", list(NOTES))
def test_closing_notes_in_four_modes(mode: ClosingNoteMode, accepted: set[str], name: str) -> None:
    rules = WorkspaceRules(closing_notes=mode)
    if name in accepted:
        lifecycle.check_note(NOTES[name], rules)
    else:
        with pytest.raises((PolicyRefusedError, UsageError)):
            lifecycle.check_note(NOTES[name], rules)


def test_an_unknown_category_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="solved, answered"):
        lifecycle.check_note(ClosingNote("slved"), WorkspaceRules())


@pytest.mark.parametrize("status", [Status.CLOSED, Status.NONE])
def test_what_is_not_open_cannot_be_closed_or_snoozed(status: Status) -> None:
    row = conversation(status)
    with pytest.raises(PolicyRefusedError):
        lifecycle.close(row, ME, ClosingNote(), WorkspaceRules(), blocked=False, now=NOW)
    with pytest.raises(PolicyRefusedError):
        lifecycle.snooze(row, NOW + timedelta(hours=1), blocked=False, now=NOW)


def test_a_blocked_contact_cannot_be_opened_closed_or_snoozed() -> None:
    with pytest.raises(PolicyRefusedError):
        lifecycle.open_by_hand(conversation(Status.CLOSED), ME, blocked=True, now=NOW)
    with pytest.raises(PolicyRefusedError):
        lifecycle.close(conversation(Status.OPEN), ME, ClosingNote(), WorkspaceRules(), blocked=True, now=NOW)
    with pytest.raises(PolicyRefusedError):
        lifecycle.snooze(conversation(Status.OPEN), NOW + timedelta(hours=1), blocked=True, now=NOW)


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1)])
def test_a_snooze_ends_in_the_future_and_wakes_at_its_time(late: timedelta) -> None:
    with pytest.raises(UsageError):
        lifecycle.snooze(conversation(Status.OPEN), NOW - late, blocked=False, now=NOW)
    until = NOW + timedelta(hours=2)
    snoozed = lifecycle.snooze(conversation(Status.OPEN, ME), until, blocked=False, now=NOW).after
    assert (snoozed.status, snoozed.snoozed_until, snoozed.assignee_id) == (Status.SNOOZED, until, ME)
    assert lifecycle.wake(snoozed, until - timedelta(microseconds=1)).after == snoozed
    assert lifecycle.wake(snoozed, until).after.status is Status.OPEN


def test_waking_leaves_everything_else_alone() -> None:
    closed = replace(conversation(Status.CLOSED), snoozed_until=NOW - timedelta(days=1))
    assert lifecycle.wake(closed, NOW).after == closed


def test_assigning_to_whoever_has_it_changes_nothing() -> None:
    row = conversation(Status.OPEN, ME)
    assert lifecycle.assign(row, ME).events == ()
    assert lifecycle.assign(row, None).after.assignee_id is None
