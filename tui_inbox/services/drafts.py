"""Unsent text: kept for each agent and contact, also across a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_inbox.domain.ids import new_id
from tui_inbox.domain.models import Agent, Draft
from tui_inbox.services.context import Context

if TYPE_CHECKING:  # screens use this module before the database layer is loaded
    from tui_inbox.repository.unit import Unit


class DraftService:
    """Loads, keeps and discards drafts."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def load(self, agent: Agent, contact_id: int) -> Draft | None:
        """The draft of this agent for this contact; ``None`` when there is none."""
        async with self._context.store.read() as unit:
            return await unit.drafts.get(agent.id, contact_id)

    async def save(self, agent: Agent, contact_id: int, channel_id: int | None, body: str) -> Draft:
        """Keep ``body``; ``channel_id`` is the contact channel it is meant for, ``None`` the one last used."""
        now = self._context.clock()
        return await self._context.store.write(
            lambda unit: unit.drafts.save(agent.id, contact_id, channel_id, body, now=now, new_id=new_id(now))
        )

    async def discard(self, agent: Agent, contact_id: int) -> None:
        """Throw the draft away; harmless when there is none."""
        now = self._context.clock()

        async def work(unit: Unit) -> None:
            draft = await unit.drafts.get(agent.id, contact_id)
            if draft is not None:
                await unit.drafts.discard(draft.id, now)

        await self._context.store.write(work)

    async def all_of(self, agent: Agent) -> list[Draft]:
        """Every draft of this agent."""
        async with self._context.store.read() as unit:
            return await unit.drafts.for_agent(agent.id)
