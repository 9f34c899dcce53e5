"""Changing the fate of a message that was queued: cancel, undo, send again, settle by hand.

Every function works inside the transaction of its caller and moves the state by compare-and-set, so that it loses
cleanly against the sender.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tui_inbox.domain import lifecycle
from tui_inbox.domain.delivery import GRACE, NEEDS_PERSON, may_change
from tui_inbox.domain.errors import ConflictError, NotFoundError, NotPermittedError, PolicyRefusedError
from tui_inbox.domain.ids import new_id
from tui_inbox.domain.kinds import ContentKind, ConversationStatus, DeliveryState, Direction, ErrorClass, Permission
from tui_inbox.domain.lifecycle import WorkspaceRules
from tui_inbox.domain.models import Agent, Conversation, OutboxRow, TimelineEntry
from tui_inbox.domain.outbox import free_at, may_decide
from tui_inbox.services.contacts import view_of
from tui_inbox.services.reach import Reach
from tui_inbox.services.record import NEWEST, record_change, written_since
from tui_inbox.services.send_plan import TAGS, choose, require

if TYPE_CHECKING:  # screens use this module before the database layer is loaded
    from tui_inbox.repository.unit import Unit

S = DeliveryState
SEND = "send"
"""Kind of the line of record that a send leaves, with what its undo needs."""
_RESTORED = (
    "status",
    "assignee_id",
    "team_id",
    "snoozed_until",
    "opened_at",
    "closed_at",
    "closed_by_id",
    "waiting_since",
)
"""Fields of a conversation that a send may change and its undo puts back."""
_LIVE = {ConversationStatus.OPEN, ConversationStatus.SNOOZED}
_INSTANTS = {"snoozed_until", "opened_at", "closed_at", "waiting_since"}
_TOO_LATE = {
    S.LEASED: "Too late: the message is being sent.",
    S.SENDING: "Too late: the message is being sent.",
    S.SENT: "Too late: the message has been sent.",
    S.CANCELLED: "The message was cancelled already.",
}
_COUNTED = frozenset({S.QUEUED, S.UNCERTAIN})
"""States that count against a channel's limit of messages; failed and blocked ones were taken off by the sender."""


@dataclass(frozen=True)
class UndoneSend:
    """A message taken back before it left."""

    text: str
    """What had been written (empty for a template); it is the draft again."""
    channel_id: int
    """Contact channel it was meant for."""
    restored: bool
    """The conversation is as it was before; false when somebody changed it meanwhile."""
    message: str
    """One sentence for the status line."""


@dataclass(frozen=True)
class TextBack:
    """The text of a message that did not go out, as a draft again."""

    draft: str
    """The whole draft: what was there before, then the text."""
    channel_id: int
    """Contact channel it was meant for."""


async def account_for(unit: Unit, target: Reach, contact_id: int, body: str, now: datetime) -> None:
    """What every queued message means for the list and for the counts of its channel."""
    channel_id = target.contact_channel.id
    await unit.conversations.touch(
        contact_id,
        at=now,
        preview=body,
        direction=Direction.OUTBOUND,
        contact_channel_id=channel_id,
        waiting=False,
        unread_delta=0,
    )
    await unit.contacts.record_outbound(channel_id, now)
    await unit.conversations.refresh_window(
        contact_id, target.answer.closes_at, has_window=target.policy.window is not None
    )


def trail(before: Conversation, after: Conversation) -> dict[str, Any]:
    """What the record keeps of a send so that it can be undone: the row before, and where the row stood after."""
    return {
        "before": {name: _plain(getattr(before, name)) for name in _RESTORED},
        "last_channel": before.last_channel_id,
        "version": after.version,
        "seq": after.last_seq,
    }


async def cancel(unit: Unit, agent: Agent, message_id: str, now: datetime) -> str:
    """Give up a message; returns its text."""
    row = await _decidable(unit, agent, message_id)
    await _move(unit, row, S.CANCELLED, now)
    if row.state in _COUNTED:
        await unit.contacts.record_outbound(row.contact_channel_id, now, delta=-1)
    await _wait_again(unit, row.contact_id)
    await _note(unit, agent, row, "send_cancelled", now)
    return _text_of(row)


async def take_back(unit: Unit, agent: Agent, message_id: str, now: datetime) -> TextBack:
    """Give up a message that did not go out and put its text under whatever this agent has drafted there."""
    row = await _decidable(unit, agent, message_id)
    if row.state is S.UNCERTAIN:
        raise PolicyRefusedError("This message may have arrived.", "Settle it first: it arrived, or drop it.")
    text = _text_of(row)
    if row.content_kind is not ContentKind.TEXT:
        raise PolicyRefusedError("A template has no text to edit.", "Drop it, and choose a template anew.")
    await cancel(unit, agent, message_id, now)
    await unit.attachments.give_back(agent.id, message_id)
    kept = await unit.drafts.get(agent.id, row.contact_id)
    body = text if kept is None or not kept.body.strip() else f"{kept.body}\n{text}".rstrip("\n")
    channel_id = row.contact_channel_id
    await unit.drafts.save(agent.id, row.contact_id, channel_id, body, now=now, new_id=new_id(now))
    return TextBack(body, channel_id)


async def undo(unit: Unit, agent: Agent, message_id: str, now: datetime) -> UndoneSend:
    """Take a message back while it is queued and not due yet."""
    row = await _row(unit, message_id)
    if row.queued_by_id != agent.id:
        raise NotPermittedError("Only who sent a message can undo it; to stop it for everybody, cancel it.")
    if row.state is S.QUEUED and row.due_at <= now:
        raise ConflictError("Too late: the message is on its way.")
    if row.state is not S.QUEUED:
        raise ConflictError(_TOO_LATE.get(row.state, "The message can't be undone any more; it can be cancelled."))
    await _move(unit, row, S.CANCELLED, now)
    await unit.contacts.record_outbound(row.contact_channel_id, now, delta=-1)
    restored = await _restore(unit, row, now)
    await unit.attachments.give_back(agent.id, message_id)
    text = _text_of(row)
    if text and await unit.drafts.get(agent.id, row.contact_id) is None:
        await unit.drafts.save(agent.id, row.contact_id, row.contact_channel_id, text, now=now, new_id=new_id(now))
    await _note(unit, agent, row, "send_undone", now)
    told = "the conversation is as before" if restored else "the conversation has changed since and stays as it is"
    return UndoneSend(text, row.contact_channel_id, restored, f"Not sent; {told}.")


async def retry(
    unit: Unit,
    agent: Agent,
    message_id: str,
    rules: WorkspaceRules,
    now: datetime,
    *,
    confirmed: bool,
    grace: timedelta = GRACE,
) -> OutboxRow:
    """Queue a failed, blocked or uncertain message again, if it may be sent now."""
    row = await _decidable(unit, agent, message_id)
    if row.state not in NEEDS_PERSON:
        raise ConflictError(_TOO_LATE.get(row.state, "The message is waiting to be sent already."))
    if row.state is S.UNCERTAIN:
        _check_certain_enough(row, now, grace, confirmed=confirmed)
    if row.state in _COUNTED:
        # Its own place among the counted ones is given back first, then it is decided like any new message.
        await unit.contacts.record_outbound(row.contact_channel_id, now, delta=-1)
    view = await view_of(unit, row.contact_id, now)
    target = choose(view.reach, row.contact_channel_id, None)
    require(target, _permission(row), view.reach)
    await _check_template(unit, row)
    confirmer = agent.id if row.state is S.UNCERTAIN else None
    queued = await _move(unit, row, S.QUEUED, now, due_at=now, confirmed_by_id=confirmer)
    change = lifecycle.send(view.conversation, agent.id, rules, now)
    await record_change(unit, view.conversation, change, actor_id=agent.id, now=now, message_id=message_id)
    await account_for(unit, target, row.contact_id, row.body, now)
    await _note(unit, agent, row, "send_again", now)
    return queued


async def settle_by_hand(unit: Unit, agent: Agent, message_id: str, now: datetime, *, arrived: bool) -> OutboxRow:
    """Settle an uncertain message by what a person knows."""
    row = await _decidable(unit, agent, message_id)
    if row.state is not S.UNCERTAIN:
        raise ConflictError("Only an uncertain message can be settled by hand; what became of this one is known.")
    to = S.SENT if arrived else S.CANCELLED
    settled = await _move(unit, row, to, now, confirmed_by_id=agent.id, error=(None, "", "") if arrived else None)
    if not arrived:
        await unit.contacts.record_outbound(row.contact_channel_id, now, delta=-1)
        await _wait_again(unit, row.contact_id)
    await _note(unit, agent, row, "send_settled", now, arrived=arrived)
    return settled


async def _row(unit: Unit, message_id: str) -> OutboxRow:
    row = await unit.outbox.get(message_id)
    if row is None:
        raise NotFoundError(f"There is no outgoing message {message_id}.")
    return row


async def _decidable(unit: Unit, agent: Agent, message_id: str) -> OutboxRow:
    """The message, if this agent has a say in it; raises :class:`NotPermittedError`."""
    row = await _row(unit, message_id)
    conversation = await unit.conversations.get(row.contact_id)
    if not may_decide(agent, row.queued_by_id, conversation.assignee_id):
        raise NotPermittedError(
            "Another agent sent this message, and somebody else has the conversation. Nothing was changed: its sender, "
            "whoever has the conversation, or a lead decides about it."
        )
    return row


async def _move(
    unit: Unit,
    row: OutboxRow,
    to: DeliveryState,
    now: datetime,
    *,
    due_at: datetime | None = None,
    confirmed_by_id: int | None = None,
    error: tuple[ErrorClass | None, str, str] | None = None,
) -> OutboxRow:
    """Change the state if nobody else has; raises :class:`ConflictError` saying what happened instead."""
    if not may_change(row.state, to):
        raise ConflictError(_TOO_LATE.get(row.state, f"A message that is {row.state} can't become {to}."))
    moved = await unit.outbox.change(
        row.message_id,
        expected={row.state},
        to=to,
        version=row.version,
        due_at=due_at,
        confirmed_by_id=confirmed_by_id,
        error=error,
        now=now,
    )
    if moved is None:
        raise ConflictError("Too late: the message has changed meanwhile. Look at its state and decide again.")
    return moved


async def _restore(unit: Unit, row: OutboxRow, now: datetime) -> bool:
    """Put the conversation back as it was before the send; false when somebody has changed it or written since."""
    lines = await unit.activity.for_contact(row.contact_id, limit=100)
    queued = next((line for line in lines if line.kind == SEND and line.message_id == row.message_id), None)
    current = await unit.conversations.get(row.contact_id)
    if queued is None or current.version != queued.detail["version"]:
        return False
    if await written_since(unit, row.contact_id, queued.detail["seq"]) is not None:
        return False
    changes = {name: _value(name, queued.detail["before"][name]) for name in _RESTORED}
    restored = replace(current, **changes)
    if restored != current:
        await unit.conversations.save(current, restored)
    await _show_previous(unit, row, queued.detail["last_channel"], now)
    return True


async def _show_previous(unit: Unit, row: OutboxRow, last_channel: int | None, now: datetime) -> None:
    """In the list, show the message before this one and the window of the channel used before."""
    previous = next((entry for entry in reversed(await _messages(unit, row.contact_id)) if _counts(entry)), None)
    await unit.conversations.touch(
        row.contact_id,
        at=row.created_at,
        preview="" if previous is None else previous.body,
        direction=Direction.OUTBOUND if previous is None or previous.direction is None else previous.direction,
        contact_channel_id=last_channel,
        waiting=None,
        unread_delta=0,
    )
    view = await view_of(unit, row.contact_id, now)
    last = next((item for item in view.reach if item.contact_channel.id == view.conversation.last_channel_id), None)
    await unit.conversations.refresh_window(
        row.contact_id,
        None if last is None else last.answer.closes_at,
        has_window=last is not None and last.policy.window is not None,
    )


async def _wait_again(unit: Unit, contact_id: int) -> None:
    """Whoever waited for the answer that was given up waits again, since when they wrote."""
    conversation = await unit.conversations.get(contact_id)
    if conversation.waiting_since is not None or conversation.status not in _LIVE:
        return
    waiting: TimelineEntry | None = None
    for entry in reversed(await _messages(unit, contact_id)):
        if entry.direction is Direction.INBOUND:
            waiting = entry
        elif _counts(entry):
            break
    if waiting is not None:
        await unit.conversations.touch(
            contact_id,
            at=waiting.at,
            preview=waiting.body,
            direction=Direction.INBOUND,
            contact_channel_id=None,
            waiting=True,
            unread_delta=0,
        )


async def _messages(unit: Unit, contact_id: int) -> list[TimelineEntry]:
    entries = await unit.timeline.page(contact_id, limit=NEWEST)
    return [entry for entry in entries if entry.direction in {Direction.INBOUND, Direction.OUTBOUND}]


def _counts(entry: TimelineEntry) -> bool:
    """Whether a message reached, or may still reach, the other side."""
    return entry.state not in {S.CANCELLED, S.FAILED, S.BLOCKED}


def _check_certain_enough(row: OutboxRow, now: datetime, grace: timedelta, *, confirmed: bool) -> None:
    if not confirmed:
        raise PolicyRefusedError(
            "This message may have arrived, so it is not sent again by itself.",
            "Ask the customer or look at the channel, then confirm that it shall be sent again.",
        )
    free = free_at(row.lease_until, grace)
    if free is not None and now < free:
        wait = int((free - now).total_seconds()) + 1
        raise PolicyRefusedError("Its sender may still be at work.", f"Try again in {wait} s.")


async def _check_template(unit: Unit, row: OutboxRow) -> None:
    if row.template is None:
        return
    template = await unit.directory.template(row.channel_id, row.template.name, row.template.language)
    if template is None or template.unavailable:
        told = "the channel does not have it any more" if template is None else template.unavailable
        raise PolicyRefusedError(f"The template {row.template.name} can't be sent: {told}.", "Choose another template.")


async def _note(unit: Unit, agent: Agent, row: OutboxRow, kind: str, now: datetime, **detail: Any) -> None:
    """The message itself shows its state in the thread, so only the record gets a line."""
    await unit.activity.add(
        kind,
        contact_id=row.contact_id,
        actor_id=agent.id,
        message_id=row.message_id,
        detail={"from": row.state.value, **detail},
        now=now,
    )


def _permission(row: OutboxRow) -> Permission:
    if row.content_kind is ContentKind.TEMPLATE:
        return Permission.TEMPLATE
    return TAGS[row.tag] if row.tag else Permission.TEXT


def _text_of(row: OutboxRow) -> str:
    return row.body if row.content_kind is ContentKind.TEXT else ""


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _value(name: str, stored: Any) -> Any:
    if name == "status":
        return ConversationStatus(stored)
    return datetime.fromisoformat(stored) if name in _INSTANTS and stored is not None else stored
