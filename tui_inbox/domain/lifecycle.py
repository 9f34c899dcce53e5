"""Life of a conversation: open, snooze, wake, close, reopen by sending, assign.

Each function takes the present row and says what the new one is and which lines of record go with it. A refusal
raises and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tui_inbox.domain.errors import PolicyRefusedError, UsageError
from tui_inbox.domain.kinds import AssignOnSend, ClosingLogic, ClosingNoteMode
from tui_inbox.domain.kinds import ConversationStatus as Status
from tui_inbox.domain.models import Conversation

DEFAULT_CATEGORIES = ("solved", "answered", "no reply", "follow-up", "spam", "other")


@dataclass(frozen=True)
class WorkspaceRules:
    """The workspace's choices."""

    closing_notes: ClosingNoteMode = ClosingNoteMode.OPTIONAL
    categories: tuple[str, ...] = DEFAULT_CATEGORIES
    closing_logic: ClosingLogic = ClosingLogic.KEEP
    assign_on_send: AssignOnSend = AssignOnSend.UNASSIGNED
    undo_seconds: float = 5.0
    """How long a message sent from the screen can be taken back."""


@dataclass(frozen=True)
class ClosingNote:
    """Category and summary given on closing; both may be empty."""

    category: str = ""
    summary: str = ""


@dataclass(frozen=True)
class LifecycleEvent:
    """One line of record: what happened, with the ids and words that explain it."""

    kind: str
    """``opened``, ``reopened``, ``closed``, ``snoozed``, ``woken``, ``assigned``, ``unassigned``."""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """The new row and its record. ``after`` equals the row before when nothing changes."""

    after: Conversation
    events: tuple[LifecycleEvent, ...] = ()

    @property
    def reopened(self) -> bool:
        """Whether this opens a conversation that was not open."""
        return any(event.kind in {"opened", "reopened"} for event in self.events)


def send(now_row: Conversation, sender_id: int, rules: WorkspaceRules, now: datetime) -> Change:
    """What sending does: reopens a closed or snoozed conversation and settles whose it is.

    Whether anything may be sent is the window's business and was decided before.
    """
    opens = now_row.status is not Status.OPEN
    takes = (
        opens
        or rules.assign_on_send is AssignOnSend.ALWAYS
        or (rules.assign_on_send is AssignOnSend.UNASSIGNED and now_row.assignee_id is None)
    )
    after, events = now_row, []
    if opens:
        after = _opened(after, now)
        kind = "opened" if now_row.status is Status.NONE else "reopened"
        events.append(LifecycleEvent(kind, {"by": "sending", "from": now_row.status.value}))
    if takes and now_row.assignee_id != sender_id:
        after = replace(after, assignee_id=sender_id)
        events.append(_assigned(now_row.assignee_id, sender_id))
    return Change(after, tuple(events))


def inbound(now_row: Conversation, *, blocked: bool, now: datetime) -> Change:
    """What a customer's message does: wakes or opens, for the assignee that it has. A blocked contact opens nothing."""
    if blocked or now_row.status is Status.OPEN:
        return Change(now_row)
    kind = {Status.NONE: "opened", Status.SNOOZED: "woken", Status.CLOSED: "reopened"}[now_row.status]
    event = LifecycleEvent(kind, {"by": "customer", "from": now_row.status.value})
    return Change(_opened(now_row, now), (event,))


def open_by_hand(now_row: Conversation, actor_id: int, *, blocked: bool, now: datetime) -> Change:
    """Open without writing; it becomes the opener's when nobody has it."""
    if blocked:
        raise PolicyRefusedError("This contact is blocked and can't be opened.", "Unblock the contact first.")
    if now_row.status is Status.OPEN:
        return Change(now_row)
    kind = {Status.NONE: "opened", Status.SNOOZED: "woken", Status.CLOSED: "reopened"}[now_row.status]
    after = _opened(now_row, now)
    events = [LifecycleEvent(kind, {"by": "hand", "from": now_row.status.value})]
    if now_row.assignee_id is None:
        after = replace(after, assignee_id=actor_id)
        events.append(_assigned(None, actor_id))
    return Change(after, tuple(events))


def close(
    now_row: Conversation,
    actor_id: int | None,
    note: ClosingNote,
    rules: WorkspaceRules,
    *,
    blocked: bool,
    now: datetime,
    team_logic: ClosingLogic | None = None,
    assignee_away: bool = False,
) -> Change:
    """Close with the note that the workspace demands; the closing logic decides who keeps it.

    ``team_logic`` overrides the workspace's; ``actor_id`` ``None`` = the program itself.
    """
    if blocked:
        raise PolicyRefusedError("This contact is blocked and can't be closed.", "Unblock the contact first.")
    if now_row.status is Status.CLOSED:
        raise PolicyRefusedError("The conversation is closed already.")
    if now_row.status is Status.NONE:
        raise PolicyRefusedError("There is no conversation with this contact to close.", "Write to the contact first.")
    check_note(note, rules)
    logic = team_logic or rules.closing_logic
    unassigns = logic is ClosingLogic.UNASSIGN or (logic is ClosingLogic.UNASSIGN_WHEN_AWAY and assignee_away)
    after = replace(
        now_row,
        status=Status.CLOSED,
        closed_at=now,
        closed_by_id=actor_id,
        snoozed_until=None,
        waiting_since=None,
        assignee_id=None if unassigns else now_row.assignee_id,
    )
    detail = {"from": now_row.status.value, "category": note.category, "summary": note.summary}
    events = [LifecycleEvent("closed", detail)]
    if unassigns and now_row.assignee_id is not None:
        events.append(LifecycleEvent("unassigned", {"by": "closing", "from": now_row.assignee_id, "to": None}))
    return Change(after, tuple(events))


def check_note(note: ClosingNote, rules: WorkspaceRules) -> None:
    """Raise :class:`PolicyRefusedError` or :class:`UsageError` where a closing note does not satisfy the workspace."""
    mode = rules.closing_notes
    if mode is ClosingNoteMode.OFF and (note.category or note.summary):
        raise UsageError("Closing notes are switched off in this workspace; close without one.")
    if mode in {ClosingNoteMode.CATEGORY_REQUIRED, ClosingNoteMode.BOTH_REQUIRED} and not note.category:
        raise PolicyRefusedError(
            "This workspace demands a category on closing.", f"Choose one of: {', '.join(rules.categories)}."
        )
    if mode is ClosingNoteMode.BOTH_REQUIRED and not note.summary.strip():
        raise PolicyRefusedError("This workspace demands a summary on closing.", "Say in a line how it ended.")
    if note.category and note.category not in rules.categories:
        raise UsageError(f"'{note.category}' is not a closing category. Choose one of: {', '.join(rules.categories)}.")


def snooze(now_row: Conversation, until: datetime, *, blocked: bool, now: datetime) -> Change:
    """Put an open or snoozed conversation aside until an instant in the future."""
    if blocked:
        raise PolicyRefusedError("This contact is blocked and can't be snoozed.", "Unblock the contact first.")
    if now_row.status in {Status.NONE, Status.CLOSED}:
        raise PolicyRefusedError("Only an open conversation can be snoozed.", "Open it first.")
    if until <= now:
        raise UsageError("The snooze must end in the future.")
    after = replace(now_row, status=Status.SNOOZED, snoozed_until=until)
    return Change(after, (LifecycleEvent("snoozed", {"from": now_row.status.value, "until": until.isoformat()}),))


def wake(now_row: Conversation, now: datetime) -> Change:
    """Open a snoozed conversation whose time has come; anything else stays as it is."""
    due = now_row.status is Status.SNOOZED and now_row.snoozed_until is not None and now_row.snoozed_until <= now
    if not due:
        return Change(now_row)
    return Change(_opened(now_row, now), (LifecycleEvent("woken", {"by": "time", "from": "snoozed"}),))


def assign(now_row: Conversation, assignee_id: int | None) -> Change:
    """Give the conversation to an agent, or to nobody (``None``)."""
    if now_row.assignee_id == assignee_id:
        return Change(now_row)
    event = _assigned(now_row.assignee_id, assignee_id)
    return Change(replace(now_row, assignee_id=assignee_id), (event,))


def _opened(row: Conversation, now: datetime) -> Conversation:
    return replace(row, status=Status.OPEN, opened_at=now, snoozed_until=None, closed_at=None, closed_by_id=None)


def _assigned(before: int | None, after: int | None) -> LifecycleEvent:
    kind = "unassigned" if after is None else "assigned"
    return LifecycleEvent(kind, {"from": before, "to": after})
