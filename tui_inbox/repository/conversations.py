"""Conversations: one row per contact, changed by compare-and-set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from tui_inbox.domain.errors import ConflictError, NotFoundError
from tui_inbox.domain.kinds import ConversationStatus, Direction
from tui_inbox.domain.models import Conversation
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.tables import conversations

PREVIEW_LENGTH = 200
"""Characters of the newest message that the list keeps."""

_NAMES = tuple(column.name for column in fields(Conversation))
_OWNED = (
    "status",
    "assignee_id",
    "team_id",
    "waiting_since",
    "snoozed_until",
    "opened_at",
    "closed_at",
    "closed_by_id",
)
"""What :meth:`ConversationRepository.save` writes; the rest belongs to the other methods."""


class ConversationRepository(Repository):
    """Reads and writes of conversations."""

    async def get(self, contact_id: int) -> Conversation:
        """The conversation of a contact; every contact has one. Raises :class:`NotFoundError`."""
        columns = [conversations.c[name] for name in _NAMES]
        row = await self._first(select(*columns).where(conversations.c.contact_id == contact_id))
        if row is None:
            raise NotFoundError(f"There is no contact {contact_id}.")
        return _conversation(row)

    async def of_all(self, contact_ids: Sequence[int]) -> dict[int, Conversation]:
        """The conversations of several contacts, by contact."""
        columns = [conversations.c[name] for name in _NAMES]
        rows = await self._all(select(*columns).where(conversations.c.contact_id.in_(contact_ids)))
        return {row.contact_id: _conversation(row) for row in rows}

    async def save(self, before: Conversation, after: Conversation) -> Conversation:
        """Write what the lifecycle changed, if nobody else did since ``before``; returns the row as it is then.

        Raises :class:`ConflictError` when the row was changed meanwhile.
        """
        values = {name: getattr(after, name) for name in _OWNED if getattr(after, name) != getattr(before, name)}
        if values:
            changed = (
                update(conversations)
                .where(conversations.c.contact_id == before.contact_id, conversations.c.version == before.version)
                .values(**values, version=before.version + 1)
            )
            if await self._count(changed) == 0:
                raise ConflictError("Somebody else changed this conversation meanwhile; look at it and try again.")
        return await self.get(before.contact_id)

    async def next_seq(self, contact_id: int) -> int:
        """Take the next number of the thread."""
        statement = (
            update(conversations)
            .where(conversations.c.contact_id == contact_id)
            .values(last_seq=conversations.c.last_seq + 1)
            .returning(conversations.c.last_seq)
        )
        seq = await self._value(statement)
        if seq is None:
            raise NotFoundError(f"There is no contact {contact_id}.")
        return int(seq)

    async def touch(
        self,
        contact_id: int,
        *,
        at: datetime,
        preview: str,
        direction: Direction,
        contact_channel_id: int | None,
        waiting: bool | None,
        unread_delta: int,
    ) -> None:
        """Note a message in the list's columns. ``waiting``: the customer waits since ``at`` (unless since earlier
        already), nobody waits any more, or (``None``) nothing changes. Only the newest message shows in the preview."""
        columns = conversations.c
        row = await self._first(
            select(columns.last_activity_at, columns.preview_at, columns.waiting_since, columns.unread).where(
                columns.contact_id == contact_id
            )
        )
        if row is None:
            raise NotFoundError(f"There is no contact {contact_id}.")
        values: dict[str, Any] = {
            "last_activity_at": max(row.last_activity_at, at),
            "unread": max(0, row.unread + unread_delta),
        }
        if waiting is not None:
            values["waiting_since"] = min(row.waiting_since or at, at) if waiting else None
        if row.preview_at is None or at >= row.preview_at:
            values |= {"preview": preview[:PREVIEW_LENGTH], "preview_direction": direction, "preview_at": at}
            if contact_channel_id is not None:
                values["last_channel_id"] = contact_channel_id
        await self._change(contact_id, values)

    async def mark_read(self, contact_id: int) -> None:
        """Forget that anything is unread."""
        statement = update(conversations).where(conversations.c.contact_id == contact_id, conversations.c.unread != 0)
        await self._count(statement.values(unread=0))

    async def due_snoozes(self, now: datetime, limit: int = 100) -> list[int]:
        """Contacts whose snooze has ended, the longest ended first."""
        columns = conversations.c
        statement = (
            select(columns.contact_id)
            .where(columns.snoozed_until <= now, columns.status == ConversationStatus.SNOOZED)
            .order_by(columns.snoozed_until, columns.contact_id)
            .limit(limit)
        )
        return [row.contact_id for row in await self._all(statement)]

    async def refresh_window(self, contact_id: int, window_ends_at: datetime | None, has_window: bool) -> None:
        """Note the window of the channel last used, for the list's order and filter.

        ``has_window`` without an end: the channel has windows and the customer has never opened one.
        """
        await self._change(contact_id, {"window_ends_at": window_ends_at, "has_window": has_window})

    async def _change(self, contact_id: int, values: dict[str, Any]) -> None:
        await self._count(update(conversations).where(conversations.c.contact_id == contact_id).values(**values))


def _conversation(row: AnyRow) -> Conversation:
    values = {name: getattr(row, name) for name in _NAMES}
    return Conversation(**(values | {"status": ConversationStatus(values["status"])}))
