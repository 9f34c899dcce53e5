"""Drafts: at most one living per agent and contact; a discarded one is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from tui_inbox.domain.models import Draft
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.tables import drafts


class DraftRepository(Repository):
    """Reads and writes of drafts."""

    async def get(self, agent_id: int, contact_id: int) -> Draft | None:
        """The living draft of an agent to a contact."""
        row = await self._first(
            select(drafts).where(
                drafts.c.agent_id == agent_id, drafts.c.contact_id == contact_id, drafts.c.deleted_at.is_(None)
            )
        )
        return None if row is None else _draft(row)

    async def save(
        self, agent_id: int, contact_id: int, channel_id: int | None, body: str, *, now: datetime, new_id: str
    ) -> Draft:
        """Keep the text. After a discard a new draft begins, under ``new_id``: what was sent from the old one must not
        be taken for it."""
        living = await self.get(agent_id, contact_id)
        values: dict[str, Any] = {"channel_id": channel_id, "body": body, "updated_at": now}
        if living is None:
            fixed = {"id": new_id, "agent_id": agent_id, "contact_id": contact_id, "version": 1}
            await self._count(insert(drafts).values(**values, **fixed))
            return Draft(new_id, agent_id, contact_id, channel_id, body, 1, now)
        version = living.version + 1
        await self._count(update(drafts).where(drafts.c.id == living.id).values(**values, version=version))
        return Draft(living.id, agent_id, contact_id, channel_id, body, version, now)

    async def discard(self, draft_id: str, now: datetime) -> None:
        """Take the draft away, softly. Nothing happens when it is gone already."""
        statement = update(drafts).where(drafts.c.id == draft_id, drafts.c.deleted_at.is_(None))
        await self._count(statement.values(deleted_at=now))

    async def discarded_at(self, draft_id: str) -> datetime | None:
        """When a draft was taken away; ``None`` for one that lives or never was."""
        moment: datetime | None = await self._value(select(drafts.c.deleted_at).where(drafts.c.id == draft_id))
        return moment

    async def purge(self, before: datetime) -> int:
        """Forget drafts that were taken away before an instant; how many."""
        return await self._count(delete(drafts).where(drafts.c.deleted_at < before))

    async def for_agent(self, agent_id: int) -> list[Draft]:
        """The agent's living drafts, newest first."""
        statement = (
            select(drafts)
            .where(drafts.c.agent_id == agent_id, drafts.c.deleted_at.is_(None))
            .order_by(drafts.c.updated_at.desc(), drafts.c.id)
        )
        return [_draft(row) for row in await self._all(statement)]


def _draft(row: AnyRow) -> Draft:
    return Draft(row.id, row.agent_id, row.contact_id, row.channel_id, row.body, row.version, row.updated_at)
