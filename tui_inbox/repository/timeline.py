"""The thread with a contact: messages either way, notes, lifecycle events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, insert, or_, select, tuple_, update

from tui_inbox.domain.attachments import Attachment
from tui_inbox.domain.events import Answered
from tui_inbox.domain.kinds import ChannelKind, ContentKind, DeliveryState, Direction, ErrorClass, Receipt
from tui_inbox.domain.models import TimelineEntry
from tui_inbox.repository import dialect
from tui_inbox.repository.attachments import AttachmentRepository
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.conversations import ConversationRepository
from tui_inbox.repository.tables import agents, channels, conversations, outbox, timeline

FILES = "files"
"""In the detail of an entry: how many files it came with."""
LATE = timedelta(minutes=10)
"""A customer's message that arrives this long after its own time is marked as late."""


class TimelineRepository(Repository):
    """Reads and writes of threads. Every entry takes the thread's next number."""

    async def add_inbound(
        self,
        *,
        contact_id: int,
        contact_channel_id: int,
        channel_id: int,
        provider_id: str,
        at: datetime,
        arrived_at: datetime,
        body: str,
        content: str = "text",
        detail: Mapping[str, Any] | None = None,
    ) -> int | None:
        """Add what a customer wrote; returns its number in the thread, ``None`` when the channel's id of it is in a
        thread already.

        ``content`` other than ``text`` (``photo``, ``call``…) is kept in the entry's detail.
        """
        extra = dict(detail or {})
        if content != "text":
            extra["content"] = content
        return await self._add_known(
            contact_id=contact_id,
            contact_channel_id=contact_channel_id,
            channel_id=channel_id,
            provider_id=provider_id,
            direction=Direction.INBOUND,
            at=at,
            arrived_at=arrived_at,
            body=body,
            detail=extra,
        )

    async def add_echo(
        self,
        *,
        contact_id: int,
        contact_channel_id: int,
        channel_id: int,
        provider_id: str,
        at: datetime,
        arrived_at: datetime,
        body: str,
        detail: Mapping[str, Any] | None = None,
    ) -> int | None:
        """Add what somebody wrote to the customer outside this program; returns its number in the thread, ``None`` when
        it is there already."""
        return await self._add_known(
            contact_id=contact_id,
            contact_channel_id=contact_channel_id,
            channel_id=channel_id,
            provider_id=provider_id,
            direction=Direction.OUTBOUND,
            at=at,
            arrived_at=arrived_at,
            body=body,
            detail=dict(detail or {}),
        )

    async def add_outgoing(
        self,
        *,
        message_id: str,
        contact_id: int,
        contact_channel_id: int,
        channel_id: int,
        at: datetime,
        author_id: int | None,
        body: str,
        content_kind: ContentKind = ContentKind.TEXT,
        tag: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> int:
        """Add a message of ours, whose delivery is the outbox's; returns its number in the thread."""
        return await self._add(
            contact_id,
            message_id=message_id,
            contact_channel_id=contact_channel_id,
            channel_id=channel_id,
            direction=Direction.OUTBOUND,
            at=at,
            arrived_at=at,
            author_id=author_id,
            body=body,
            content_kind=content_kind,
            tag=tag,
            detail=dict(detail or {}),
        )

    async def add_note(self, *, contact_id: int, author_id: int | None, body: str, at: datetime) -> int:
        """Add an internal note; returns its number in the thread."""
        return await self._add(
            contact_id, direction=Direction.NOTE, at=at, arrived_at=at, author_id=author_id, body=body, detail={}
        )

    async def add_event(
        self,
        *,
        contact_id: int,
        event: str,
        actor_id: int | None,
        at: datetime,
        detail: Mapping[str, Any] | None = None,
    ) -> int:
        """Add a lifecycle event; returns its number in the thread."""
        return await self._add(
            contact_id, event=event, at=at, arrived_at=at, author_id=actor_id, detail=dict(detail or {})
        )

    async def page(
        self, contact_id: int, *, before: tuple[datetime, int] | None = None, limit: int = 50
    ) -> list[TimelineEntry]:
        """The newest entries earlier than ``before`` (an entry's ``at`` and ``seq``), oldest first."""
        statement = _entries(contact_id)
        if before is not None:
            place = tuple_(timeline.c.at, timeline.c.seq)
            statement = statement.where(place < tuple_(*before, types=[timeline.c.at.type, timeline.c.seq.type]))
        rows = await self._all(statement.order_by(timeline.c.at.desc(), timeline.c.seq.desc()).limit(limit))
        return await self._with_files(contact_id, [_entry(row) for row in reversed(rows)])

    async def of_all(self, contact_ids: Sequence[int]) -> dict[int, list[TimelineEntry]]:
        """The whole threads of several contacts, by contact, each oldest first."""
        found: dict[int, list[TimelineEntry]] = {}
        order = (timeline.c.contact_id, timeline.c.at, timeline.c.seq)
        for row in await self._all(_entries(*contact_ids).order_by(*order)):
            found.setdefault(row.contact_id, []).append(_entry(row))
        return found

    async def last_inbound(self, contact_id: int, channel_id: int) -> Answered | None:
        """What the customer wrote last on a channel; ``None`` = nothing yet."""
        columns = timeline.c
        heard = and_(columns.direction == Direction.INBOUND, columns.channel_id == channel_id)
        statement = select(columns.provider_id, columns.body).where(columns.contact_id == contact_id, heard)
        row = await self._first(statement.order_by(columns.at.desc(), columns.seq.desc()).limit(1))
        return None if row is None else Answered(row.provider_id or "", row.body)

    async def written_since(
        self, contact_id: int, seq: int, *, except_agent_id: int | None = None, limit: int = 50
    ) -> list[TimelineEntry]:
        """The messages after number ``seq`` that the customer or anybody but ``except_agent_id`` wrote, newest first;
        what was taken back before it left does not count."""
        columns = timeline.c
        by_customer, by_us = columns.direction == Direction.INBOUND, columns.direction == Direction.OUTBOUND
        if except_agent_id is not None:
            by_us &= or_(columns.author_id.is_(None), columns.author_id != except_agent_id)
        stands = or_(outbox.c.state.is_(None), outbox.c.state != DeliveryState.CANCELLED)
        statement = _entries(contact_id).where(columns.seq > seq, or_(by_customer, by_us), stands)
        rows = await self._all(statement.order_by(columns.seq.desc()).limit(limit))
        return [_entry(row) for row in rows]

    async def redact(self, channel_id: int, provider_id: str) -> bool:
        """Forget the words of a message that the customer took back; ``False`` when it is not in a thread."""
        known = and_(timeline.c.channel_id == channel_id, timeline.c.provider_id == provider_id)
        columns = (timeline.c.id, timeline.c.contact_id, timeline.c.seq, timeline.c.at)
        row = await self._first(select(*columns).where(known))
        if row is None:
            return False
        await AttachmentRepository(self._connection).forget(row.contact_id, row.seq)
        emptied = update(timeline).where(timeline.c.id == row.id)
        await self._count(emptied.values(body="", detail={"redacted": True}))
        shown = and_(conversations.c.contact_id == row.contact_id, conversations.c.preview_at == row.at)
        await self._count(update(conversations).where(shown).values(preview=""))
        return True

    async def _with_files(self, contact_id: int, entries: list[TimelineEntry]) -> list[TimelineEntry]:
        """The entries with their files; asks for none where no entry has any."""
        having = [entry.seq for entry in entries if entry.detail.get(FILES)]
        if not having:
            return entries
        found: dict[int | None, list[Attachment]] = {}
        for file in await AttachmentRepository(self._connection).of_contact(contact_id, having):
            found.setdefault(file.seq, []).append(file)
        return [replace(entry, files=tuple(found.get(entry.seq, ()))) for entry in entries]

    async def _add(self, contact_id: int, **values: Any) -> int:
        seq = await ConversationRepository(self._connection).next_seq(contact_id)
        await self._connection.execute(insert(timeline).values(contact_id=contact_id, seq=seq, **values))
        return seq

    async def _add_known(self, **values: Any) -> int | None:
        """Add an entry unless the channel's id of it is known; returns its number. A repeat takes none."""
        known = and_(timeline.c.channel_id == values["channel_id"], timeline.c.provider_id == values["provider_id"])
        if await self._first(select(timeline.c.id).where(known)) is not None:
            return None
        seq = await ConversationRepository(self._connection).next_seq(values["contact_id"])
        statement = dialect.insert(self._connection, timeline).values(seq=seq, **values)
        unique = ["channel_id", "provider_id"]
        return seq if await self._count(statement.on_conflict_do_nothing(index_elements=unique)) == 1 else None


_DELIVERY = (
    outbox.c.state,
    outbox.c.receipt,
    outbox.c.error_class,
    outbox.c.error_text,
    outbox.c.due_at,
)


def _entries(*contact_ids: int) -> Select[Any]:
    joined = (
        timeline.outerjoin(outbox, outbox.c.message_id == timeline.c.message_id)
        .outerjoin(agents, agents.c.id == timeline.c.author_id)
        .outerjoin(channels, channels.c.id == timeline.c.channel_id)
    )
    columns = select(timeline, *_DELIVERY, agents.c.handle, channels.c.kind, channels.c.name)
    # One contact by equality: a list of one is planned differently.
    chosen = timeline.c.contact_id
    whose = chosen == contact_ids[0] if len(contact_ids) == 1 else chosen.in_(contact_ids)
    return columns.select_from(joined).where(whose)


def _entry(row: AnyRow) -> TimelineEntry:
    direction = None if row.direction is None else Direction(row.direction)
    return TimelineEntry(
        key=str(row.seq),
        seq=row.seq,
        at=row.at,
        direction=direction,
        event=row.event,
        body=row.body,
        author=row.handle or "",
        channel_kind=None if row.kind is None else ChannelKind(row.kind),
        channel_name=row.name or "",
        content_kind=ContentKind(row.content_kind),
        tag=row.tag,
        message_id=row.message_id or "",
        state=None if row.state is None else DeliveryState(row.state),
        receipt=Receipt(row.receipt or 0),
        error_class=None if row.error_class is None else ErrorClass(row.error_class),
        error_text=row.error_text or "",
        due_at=row.due_at,
        arrived_late=direction is Direction.INBOUND and row.arrived_at - row.at > LATE,
        detail=row.detail,
    )
