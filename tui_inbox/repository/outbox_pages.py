"""The outbox as a list: what is not through, newest first, page by page. Changes are in ``outbox``.

Only the partial indexes of messages that are not settled or need a person are walked, never the whole outbox: what was
sent costs nothing here. A cursor names the time of queueing and the message.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, case, exists, func, literal, or_, select, tuple_, union_all

from tui_inbox.domain.delivery import IN_FLIGHT, NEEDS_PERSON, UNSETTLED
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.kinds import ChannelKind, ContentKind, DeliveryState, ErrorClass
from tui_inbox.domain.models import Contact
from tui_inbox.domain.outbox import OutboxCounts, OutboxItem
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.columns import in_states
from tui_inbox.repository.tables import agents, channel_health, channels, contacts, conversations, outbox
from tui_inbox.repository.types import Instant, instant, microseconds

NOT_THROUGH = UNSETTLED | NEEDS_PERSON
"""States of the messages that the list holds."""
MOST_COUNTED = 1000
"""Counting stops here: the number is a hint, not a report."""
MOST_OF_A_CONTACT = 50
_BAD_CURSOR = "This is not a place in the outbox; begin again without it."


class OutboxPages(Repository):
    """Reads of messages that are not through. ``of_agent``: those queued by this agent or in a conversation that is
    theirs; ``None`` = everybody's."""

    async def page(
        self,
        *,
        of_agent: int | None,
        states: frozenset[DeliveryState] = NOT_THROUGH,
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[OutboxItem]:
        """Rows after (or right before) a cursor, or the first ones, newest first. Raises :class:`UsageError`."""
        return await self._page(of_agent, states, after, before, limit, backwards=before is not None)

    async def last_page(self, *, of_agent: int | None, limit: int = 50) -> list[OutboxItem]:
        """The oldest rows, newest of them first."""
        return await self._page(of_agent, NOT_THROUGH, None, None, limit, backwards=True)

    async def item(self, message_id: str) -> OutboxItem | None:
        """One message whatever its state."""
        row = await self._first(_items().where(outbox.c.message_id == message_id))
        return None if row is None else _item(row)

    async def of_contact(self, contact_id: int) -> list[OutboxItem]:
        """What is not through to one contact, newest first; bounded."""
        this = _listed(NOT_THROUGH, outbox.c.contact_id == contact_id)
        return await self._of(select(this.c.message_id).order_by(*_order(this)).limit(MOST_OF_A_CONTACT))

    async def counts(self, *, of_agent: int | None) -> OutboxCounts:
        """How many messages need a person, by state."""
        states = select(outbox.c.state).where(in_states(outbox.c.state, NEEDS_PERSON))
        if of_agent is not None:
            states = states.where(_of_agent(of_agent))
        some = states.limit(MOST_COUNTED).subquery()
        rows = await self._all(select(some.c.state, func.count()).group_by(some.c.state))
        found = {DeliveryState(state): int(number) for state, number in map(tuple, rows)}
        return OutboxCounts(
            uncertain=found.get(DeliveryState.UNCERTAIN, 0),
            failed=found.get(DeliveryState.FAILED, 0),
            blocked=found.get(DeliveryState.BLOCKED, 0),
            bounded=sum(found.values()) >= MOST_COUNTED,
        )

    async def _page(
        self,
        of_agent: int | None,
        states: frozenset[DeliveryState],
        after: str | None,
        before: str | None,
        limit: int,
        *,
        backwards: bool,
    ) -> list[OutboxItem]:
        listed = _listed(states, *(() if of_agent is None else (_of_agent(of_agent),)))
        ids = select(listed.c.message_id).order_by(*_order(listed, backwards=backwards)).limit(limit)
        cursor = before if before is not None else after
        if cursor is not None:
            at, message_id = _decoded(cursor)
            here = tuple_(listed.c.created_at, listed.c.message_id)
            place = tuple_(literal(at, Instant), literal(message_id))
            ids = ids.where(here > place if backwards else here < place)
        return await self._of(ids)

    async def _of(self, ids: Select[Any]) -> list[OutboxItem]:
        chosen = ids.subquery()
        rows = await self._all(
            _items().where(outbox.c.message_id.in_(select(chosen.c.message_id))).order_by(*_order(outbox))
        )
        return [_item(row) for row in rows]


def _listed(states: frozenset[DeliveryState], *demands: ColumnElement[bool]) -> Subquery:
    """Id and time of the messages in ``states``; each partial index is asked for the states that it holds."""
    rows = select(outbox.c.message_id, outbox.c.created_at).where(*demands)
    parts = [
        rows.where(in_states(outbox.c.state, of))
        for of in (states & UNSETTLED, states & (NEEDS_PERSON - UNSETTLED))
        if of
    ]
    return union_all(*parts).subquery()


def _of_agent(agent_id: int) -> ColumnElement[bool]:
    # Not a join: the database would begin with the conversations, of which there may be a million.
    theirs = exists().where(conversations.c.contact_id == outbox.c.contact_id, conversations.c.assignee_id == agent_id)
    return or_(outbox.c.queued_by_id == agent_id, theirs)


def _order(table: Any, *, backwards: bool = False) -> list[ColumnElement[Any]]:
    columns = (table.c.created_at, table.c.message_id)
    return [column.asc() if backwards else column.desc() for column in columns]


def _behind() -> ColumnElement[Any]:
    """State of the earliest message that a queued one must let go first; each half has a partial index of its own."""
    earlier, flying = outbox.alias("earlier"), outbox.alias("flying")
    first = (
        select(earlier.c.state)
        .where(
            earlier.c.contact_id == outbox.c.contact_id,
            earlier.c.channel_id == outbox.c.channel_id,
            earlier.c.seq < outbox.c.seq,
            in_states(earlier.c.state, UNSETTLED),
        )
        .order_by(earlier.c.seq)
        .limit(1)
    )
    on_its_way = (
        select(flying.c.state)
        .where(
            flying.c.contact_id == outbox.c.contact_id,
            flying.c.channel_id == outbox.c.channel_id,
            in_states(flying.c.state, IN_FLIGHT),
        )
        .limit(1)
    )
    ahead = func.coalesce(first.scalar_subquery(), on_its_way.scalar_subquery())
    return case((outbox.c.state == DeliveryState.QUEUED, ahead))


_OF_CONTACT = tuple(contacts.c[name] for name in ("first_name", "last_name", "email", "phone"))
_OF_MESSAGE = tuple(
    outbox.c[name]
    for name in (
        "message_id",
        "contact_id",
        "contact_channel_id",
        "channel_id",
        "state",
        "content_kind",
        "body",
        "created_at",
        "due_at",
        "attempts",
        "queued_by_id",
        "lease_until",
        "first_byte_at",
        "error_class",
        "error_code",
        "error_text",
    )
)


def _items() -> Select[Any]:
    joined = (
        outbox.join(contacts, contacts.c.id == outbox.c.contact_id)
        .join(conversations, conversations.c.contact_id == outbox.c.contact_id)
        .join(channels, channels.c.id == outbox.c.channel_id)
        .outerjoin(channel_health, channel_health.c.channel_id == outbox.c.channel_id)
        .outerjoin(agents, agents.c.id == outbox.c.queued_by_id)
    )
    return select(
        *_OF_MESSAGE,
        *_OF_CONTACT,
        channels.c.name.label("channel_name"),
        channels.c.kind.label("channel_kind"),
        channels.c.paused_reason,
        channels.c.paused_until,
        channels.c.last_webhook_at,
        channel_health.c.retry_at,
        conversations.c.assignee_id,
        agents.c.handle,
        _behind().label("behind"),
    ).select_from(joined)


def _item(row: AnyRow) -> OutboxItem:
    person = Contact(row.contact_id, row.first_name, row.last_name, row.email, row.phone)
    return OutboxItem(
        message_id=row.message_id,
        contact_id=row.contact_id,
        contact_name=person.name,
        contact_channel_id=row.contact_channel_id,
        channel_id=row.channel_id,
        channel_name=row.channel_name,
        channel_kind=ChannelKind(row.channel_kind),
        state=DeliveryState(row.state),
        content_kind=ContentKind(row.content_kind),
        body=row.body,
        created_at=row.created_at,
        due_at=row.due_at,
        attempts=row.attempts,
        queued_by_id=row.queued_by_id,
        queued_by=row.handle or "",
        assignee_id=row.assignee_id,
        cursor=_encoded(row.created_at, row.message_id),
        lease_until=row.lease_until,
        first_byte_at=row.first_byte_at,
        error_class=None if row.error_class is None else ErrorClass(row.error_class),
        error_code=row.error_code,
        error_text=row.error_text,
        paused_reason=row.paused_reason,
        paused_until=row.paused_until,
        rests_until=row.retry_at,
        heard_at=row.last_webhook_at,
        behind=None if row.behind is None else DeliveryState(row.behind),
    )


def _encoded(at: datetime, message_id: str) -> str:
    values: Sequence[object] = [microseconds(at), message_id]
    return base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")


def _decoded(cursor: str) -> tuple[datetime, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, message_id = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        return instant(int(at)), str(message_id)
    except (ValueError, TypeError, OverflowError, UnicodeError, binascii.Error) as error:
        raise UsageError(_BAD_CURSOR) from error
