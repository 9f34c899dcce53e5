"""Writing a change of a conversation down: the row, its lines on the timeline, and the append-only record, together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tui_inbox.domain.kinds import ClosingLogic
from tui_inbox.domain.lifecycle import Change
from tui_inbox.domain.models import Agent, Conversation, Team, TimelineEntry
from tui_inbox.services.contacts import handle_of

if TYPE_CHECKING:  # screens use this module before the database layer is loaded
    from tui_inbox.repository.outbox import NewOutgoing
    from tui_inbox.repository.unit import Unit

NEWEST = 200
"""Entries looked through where the newest alone does not tell."""


async def record_change(
    unit: Unit, before: Conversation, change: Change, *, actor_id: int | None, now: datetime, message_id: str = ""
) -> Conversation:
    """Save the new row with its events; returns the row as stored.

    In the detail of an event ``from`` and ``to`` of an assignment are handles (empty = nobody), since ids mean nothing
    to a reader.
    """
    after = before if change.after == before else await unit.conversations.save(before, change.after)
    for event in change.events:
        detail = await _readable(unit, event.kind, event.detail)
        await add_line(unit, before.contact_id, event.kind, detail, actor_id=actor_id, now=now, message_id=message_id)
    return after


async def add_line(
    unit: Unit,
    contact_id: int,
    kind: str,
    detail: Mapping[str, Any],
    *,
    actor_id: int | None,
    now: datetime,
    message_id: str = "",
) -> None:
    """One line on the timeline and the same in the record."""
    await unit.timeline.add_event(contact_id=contact_id, event=kind, actor_id=actor_id, at=now, detail=detail)
    await unit.activity.add(
        kind, contact_id=contact_id, actor_id=actor_id, message_id=message_id, detail=detail, now=now
    )


async def written_since(
    unit: Unit, contact_id: int, seen_seq: int, *, except_agent: Agent | None = None
) -> TimelineEntry | None:
    """The newest message that came after entry number ``seen_seq``, from the customer or an agent other than
    ``except_agent``; what was taken back before it left does not count."""
    agent_id = None if except_agent is None else except_agent.id
    found = await unit.timeline.written_since(contact_id, seen_seq, except_agent_id=agent_id, limit=1)
    return found[0] if found else None


def ago(at: datetime, now: datetime) -> str:
    """How long ago, roughly: ``4 s ago``, ``3 min ago``, ``2 h ago``, ``5 days ago``."""
    seconds = max(0, int((now - at).total_seconds()))
    for size, unit in ((172_800, 86_400), (3600, 3600), (60, 60)):
        if seconds >= size:
            word = {86_400: "days", 3600: "h", 60: "min"}[unit]
            return f"{seconds // unit} {word} ago"
    return f"{seconds} s ago"


def team_logic(team: Team | None) -> ClosingLogic | None:
    """The closing logic that a team has of its own."""
    return ClosingLogic(team.closing_logic) if team is not None and team.closing_logic else None


async def _readable(unit: Unit, kind: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    if kind not in {"assigned", "unassigned"}:
        return dict(detail)
    return {
        **detail,
        "from": await handle_of(unit, detail.get("from")),
        "to": await handle_of(unit, detail.get("to")),
    }


async def enqueue(unit: Unit, message: NewOutgoing, *, shown: str, detail: Mapping[str, Any]) -> int:
    """Put a message into the outbox and, as ``shown``, into its thread; returns its number there."""
    await unit.outbox.queue(message)
    return await unit.timeline.add_outgoing(
        message_id=message.message_id,
        contact_id=message.contact_id,
        contact_channel_id=message.contact_channel_id,
        channel_id=message.channel_id,
        at=message.created_at,
        author_id=message.queued_by_id,
        body=shown,
        content_kind=message.content_kind,
        tag=message.tag,
        detail=detail,
    )
