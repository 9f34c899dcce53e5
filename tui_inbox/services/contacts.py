"""One contact: who it is, its thread, and what may be sent to it now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from tui_inbox.domain.errors import NotFoundError, UsageError
from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.domain.models import Agent, Contact, Conversation, Team, TimelineEntry
from tui_inbox.domain.outbox import waiting
from tui_inbox.domain.search import digits_of
from tui_inbox.services.context import Context
from tui_inbox.services.reach import Reach, preferred_of, reach

if TYPE_CHECKING:  # screens use this module before the database layer is loaded
    from tui_inbox.repository.unit import Unit

__all__ = ["ContactService", "ContactView", "Reach", "reach"]

REFERENCES = "Name the contact as id:123, email:ana@example.com or phone:+15551234567."
MOST_NAMED = 10
"""Ids listed when a reference fits several contacts."""


@dataclass(frozen=True)
class ContactView:
    """Everything that the head of a conversation shows."""

    contact: Contact
    conversation: Conversation
    assignee: Agent | None
    closed_by: Agent | None
    team: Team | None
    reach: tuple[Reach, ...]
    """Every channel, the one last used first."""
    preferred: Reach | None
    """The channel to write on; ``None`` when nothing may be sent anywhere."""
    at: datetime
    """The instant of these answers."""


class ContactService:
    """Finds one contact and reads it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def resolve(self, reference: str) -> int:
        """The id of the contact that ``id:``, ``email:`` or ``phone:`` names.

        Raises :class:`UsageError` for anything else and where several contacts fit, :class:`NotFoundError` for none.
        """
        kind, _, value = reference.strip().partition(":")
        kind, value = kind.strip().lower(), value.strip()
        if kind not in {"id", "email", "phone"} or not value:
            raise UsageError(f"'{reference}' does not name a contact. {REFERENCES}")
        async with self._context.store.read() as unit:
            found = await _candidates(unit, kind, value)
        if not found:
            raise NotFoundError(f"No contact has {kind} {value}. Look for it with: tui-inbox find")
        if len(found) > 1:
            listed = ", ".join(f"id:{contact.id}" for contact in found[:MOST_NAMED])
            more = "…" if len(found) > MOST_NAMED else ""
            raise UsageError(f"{len(found)} contacts have {kind} {value}. Name one of them: {listed}{more}")
        return found[0].id

    async def view(self, contact_id: int) -> ContactView:
        """The contact with its conversation and channels at this instant. Raises :class:`NotFoundError`."""
        now = self._context.clock()
        async with self._context.store.read() as unit:
            return await view_of(unit, contact_id, now)

    async def timeline(
        self, contact_id: int, before: tuple[datetime, int] | None = None, limit: int = 50
    ) -> list[TimelineEntry]:
        """The newest entries before ``(at, seq)`` (or at all), oldest of them first. Queued ones say why they wait."""
        now = self._context.clock()
        async with self._context.store.read() as unit:
            entries = await unit.timeline.page(contact_id, before=before, limit=limit)
            if not any(entry.state is DeliveryState.QUEUED for entry in entries):
                return entries
            waits = {item.message_id: waiting(item, now) for item in await unit.outbox_pages.of_contact(contact_id)}
        return [replace(entry, waits=waits.get(entry.message_id)) if entry.message_id else entry for entry in entries]

    async def written_since(self, agent: Agent, contact_id: int, seen_seq: int) -> list[TimelineEntry]:
        """What the customer and agents other than ``agent`` wrote after entry number ``seen_seq``, in the order in
        which it came in; it is why a send stops."""
        async with self._context.store.read() as unit:
            found = await unit.timeline.written_since(contact_id, seen_seq, except_agent_id=agent.id)
        return found[::-1]

    async def mark_read(self, contact_id: int) -> None:
        """Nothing is unread any more in this conversation."""
        await self._context.store.write(lambda unit: unit.conversations.mark_read(contact_id))


async def view_of(unit: Unit, contact_id: int, now: datetime) -> ContactView:
    """:meth:`ContactService.view` within a unit that is open already."""
    contact = await contact_of(unit, contact_id)
    conversation = await unit.conversations.get(contact_id)
    reaches = reach(contact, await unit.contacts.channels_of(contact_id), now, conversation.last_channel_id)
    return ContactView(
        contact=contact,
        conversation=conversation,
        assignee=await agent_of(unit, conversation.assignee_id),
        closed_by=await agent_of(unit, conversation.closed_by_id),
        team=await team_of(unit, conversation.team_id),
        reach=reaches,
        preferred=preferred_of(reaches, reaches[0].contact_channel.id if reaches else None),
        at=now,
    )


async def contact_of(unit: Unit, contact_id: int) -> Contact:
    """The contact; raises :class:`NotFoundError`."""
    contact = await unit.contacts.get(contact_id)
    if contact is None:
        raise NotFoundError(f"There is no contact id:{contact_id}. Look for it with: tui-inbox find")
    return contact


async def agent_of(unit: Unit, agent_id: int | None) -> Agent | None:
    """The agent with this id, if any."""
    return None if agent_id is None else await unit.directory.agent_by_id(agent_id)


async def handle_of(unit: Unit, agent_id: int | None) -> str:
    """Handle of an agent; empty for nobody."""
    agent = await agent_of(unit, agent_id)
    return "" if agent is None else agent.handle


async def team_of(unit: Unit, team_id: int | None) -> Team | None:
    """The team with this id, if any."""
    if team_id is None:
        return None
    return next((team for team in await unit.directory.teams() if team.id == team_id), None)


async def _candidates(unit: Unit, kind: str, value: str) -> list[Contact]:
    if kind == "id":
        if not (value.isascii() and value.isdigit() and len(value) < 19):
            raise UsageError(f"'{value}' is not a contact id. {REFERENCES}")
        contact = await unit.contacts.get(int(value))
        return [] if contact is None else [contact]
    if kind == "phone":
        if not digits_of(value):
            raise UsageError(f"'{value}' is not a phone number. {REFERENCES}")
        return await unit.contacts.find(phone=value)
    return await unit.contacts.find(email=value)
