"""The append-only record of who did what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select

from tui_inbox.domain.models import Activity
from tui_inbox.repository import dialect
from tui_inbox.repository.base import Repository
from tui_inbox.repository.tables import activity, agents


class ActivityRepository(Repository):
    """Adds lines and reads them; the database refuses anything else."""

    async def add(
        self,
        kind: str,
        *,
        contact_id: int | None = None,
        actor_id: int | None = None,
        message_id: str = "",
        detail: Mapping[str, Any] | None = None,
        now: datetime,
    ) -> None:
        """Add one line; ``actor_id`` ``None`` = the program itself or the customer."""
        values = {
            "at": now,
            "contact_id": contact_id,
            "actor_id": actor_id,
            "kind": kind,
            "message_id": message_id,
            "detail": detail or {},
        }
        await self._connection.execute(insert(activity).values(values))

    async def newest(self) -> datetime | None:
        """When the newest line was written, by the clock of whoever wrote it."""
        moment: datetime | None = await self._value(select(activity.c.at).order_by(activity.c.id.desc()).limit(1))
        return moment

    async def engine_time(self) -> datetime:
        """The present instant by the engine's clock."""
        return await dialect.clock(self._connection)

    async def of_kind(self, kind: str, since: datetime) -> list[Activity]:
        """Lines of one kind that are about no contact, from ``since`` on, newest first."""
        about_nobody = activity.c.contact_id.is_(None) & (activity.c.kind == kind) & (activity.c.at >= since)
        statement = select(activity).where(about_nobody).order_by(activity.c.id.desc())
        return [
            Activity(row.id, row.at, row.contact_id, "", row.kind, row.message_id, row.detail)
            for row in await self._all(statement)
        ]

    async def for_contact(self, contact_id: int, limit: int = 100) -> list[Activity]:
        """The newest lines about a contact, newest first."""
        statement = (
            select(activity, func.coalesce(agents.c.handle, "").label("actor"))
            .outerjoin(agents, agents.c.id == activity.c.actor_id)
            .where(activity.c.contact_id == contact_id)
            .order_by(activity.c.id.desc())
            .limit(limit)
        )
        return [
            Activity(row.id, row.at, row.contact_id, row.actor, row.kind, row.message_id, row.detail)
            for row in await self._all(statement)
        ]
