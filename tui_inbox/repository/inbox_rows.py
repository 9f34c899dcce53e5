"""The rows of the inbox list with all that they show, read for a whole page at once by two statements.

Which contacts a page holds, and in what order, is found before (see :mod:`tui_inbox.repository.inbox`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Label, Text, and_, bindparam, func, select

from tui_inbox.domain.delivery import NEEDS_PERSON
from tui_inbox.domain.kinds import ConversationStatus, DeliveryState, Direction
from tui_inbox.domain.models import Channel, ContactChannel, InboxRow, shown_name
from tui_inbox.domain.search import Folded, SearchQuery, hit_fields, line_that_says
from tui_inbox.domain.window import ChannelFacts
from tui_inbox.repository.among import Among, among
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.columns import in_states
from tui_inbox.repository.directory import DirectoryRepository
from tui_inbox.repository.grouped import Grouped
from tui_inbox.repository.paging import Cursor
from tui_inbox.repository.tables import (
    agents,
    contact_channels,
    contact_tags,
    contacts,
    conversations,
    outbox,
    timeline,
)
from tui_inbox.repository.types import instant

_from_json = json.JSONDecoder().raw_decode
"""Without a look for blanks around it."""


@dataclass(frozen=True)
class Placed:
    """A contact with its place in the list."""

    contact_id: int
    segment: int
    at: datetime
    """Its value in the column that sorts the segment."""


@dataclass(frozen=True)
class Asked:
    """What is to be said of each row beside what the store holds of it."""

    cursor: Cursor
    """Any of the list; a row's own differs in its place."""
    query: SearchQuery
    entries: Mapping[int, int]
    """By contact, the entry of its thread that a text search has found."""
    channels: Sequence[Channel] = ()
    """All there are, where they have been read already."""


class InboxRows(Repository):
    """Reads whole rows."""

    async def complete(self, found: Sequence[Placed], asked: Asked) -> list[InboxRow]:
        """The rows of ``found``, in that order; a contact that is gone is left out."""
        if not found:
            return []
        ids = [place.contact_id for place in found]
        rows = {row[0]: row for row in (await self._connection.execute(_ROWS, {"ids": json.dumps(ids)})).all()}
        channels = asked.channels or await DirectoryRepository(self._connection).channels()
        known = {channel.id: channel for channel in channels}
        said = await self._said([asked.entries[ident] for ident in ids if ident in asked.entries])
        made = []
        for place in found:
            row = rows.get(place.contact_id)
            if row is not None:
                message = said.get(asked.entries.get(place.contact_id, 0))
                made.append(_inbox_row(row, place, known, asked, message))
        return made

    async def _said(self, entries: Collection[int]) -> dict[int, AnyRow]:
        if not entries:
            return {}
        columns = timeline.c
        rows = await self._all(select(columns.id, columns.body, columns.direction).where(among(columns.id, entries)))
        return {row.id: row for row in rows}


_CONVERSATION = tuple(
    conversations.c[name]
    for name in (
        "contact_id", "status", "version", "last_activity_at", "waiting_since", "snoozed_until", "window_ends_at",
        "unread", "preview", "preview_direction",
    )
)  # fmt: skip
_CONTACT = tuple(
    contacts.c[name]
    for name in (
        "first_name", "last_name", "email", "phone", "blocked", "custom", "name_folded", "email_folded", "phone_digits",
    )
)  # fmt: skip


def _messages(states: Collection[DeliveryState], label: str) -> Label[int]:
    """How many messages of a conversation's contact need a person because they are in one of ``states``."""
    needing = in_states(outbox.c.state, NEEDS_PERSON)  # in these words, so that the index of those few serves it
    wanted = needing if states == NEEDS_PERSON else and_(needing, outbox.c.state.in_(states))
    counted = select(func.count()).where(wanted, outbox.c.contact_id == conversations.c.contact_id)
    return counted.correlate(conversations).scalar_subquery().label(label)


def _grouped(columns: Iterable[str], table: Any, *order: Any) -> Any:
    chosen = [table.c[name] for name in columns]
    mine = select(*chosen).where(table.c.contact_id == conversations.c.contact_id).order_by(*order)
    return select(Grouped(*mine.correlate(conversations).subquery().c)).scalar_subquery()


_ADDRESS = (
    "id", "channel_id", "address", "started", "opted_out", "last_qualifying_at", "sent_since_inbound",
    "last_inbound_at", "last_message_at",
)  # fmt: skip
_LAST_USED = contact_channels.c.last_message_at
_ROWS = (
    select(
        *_CONVERSATION,
        *_CONTACT,
        agents.c.handle,
        _messages(NEEDS_PERSON, "failed"),
        _messages({DeliveryState.UNCERTAIN}, "uncertain"),
        _grouped(("tag",), contact_tags, contact_tags.c.tag_folded).label("tags"),
        _grouped(_ADDRESS, contact_channels, _LAST_USED.is_(None), _LAST_USED.desc(), contact_channels.c.id).label(
            "addresses"
        ),
    )
    .select_from(
        conversations.join(contacts, contacts.c.id == conversations.c.contact_id).outerjoin(
            agents, agents.c.id == conversations.c.assignee_id
        )
    )
    .where(Among(conversations.c.contact_id, bindparam("ids", type_=Text())))
)
"""Made once: the engine's layer needs longer to understand such a statement than the database to answer it."""


def _inbox_row(
    row: AnyRow, place: Placed, known: Mapping[int, Channel], asked: Asked, message: AnyRow | None
) -> InboxRow:
    (
        contact_id, status, version, last_activity_at, waiting_since, snoozed_until, window_ends_at, unread, preview,
        preview_direction, first_name, last_name, email, phone, blocked, custom, name_folded, email_folded,
        phone_digits, handle, failed, uncertain, tags, addresses,
    ) = row  # fmt: skip
    matched: tuple[str, ...] = ()
    if asked.query.terms:
        matched = hit_fields(Folded(contact_id, name_folded, email_folded, phone_digits, custom), asked.query) or ()
    if message is not None:
        matched = ("text", *matched)
        preview, preview_direction = line_that_says(message.body, asked.query.texts), message.direction
    cursor = Cursor(asked.cursor.sort, place.segment, place.at, contact_id, asked.cursor.now)
    return InboxRow(
        contact_id=contact_id,
        name=shown_name(contact_id, first_name, last_name, email, phone),
        email=email,
        phone=phone,
        status=ConversationStatus(status),
        assignee=handle or "",
        last_activity_at=last_activity_at,
        preview=preview,
        preview_direction=None if preview_direction is None else Direction(preview_direction),
        channels=_contact_channels(contact_id, addresses, known, blocked=blocked),
        window_ends_at=window_ends_at,
        waiting_since=waiting_since,
        snoozed_until=snoozed_until,
        unread=unread,
        tags=tuple(tag for (tag,) in _listed(tags)),
        blocked=blocked,
        failed=failed,
        uncertain=uncertain,
        matched=matched,
        version=version,
        cursor=cursor.encode(),
    )


def _contact_channels(
    contact_id: int, addresses: Any, known: Mapping[int, Channel], *, blocked: bool
) -> tuple[ContactChannel, ...]:
    made = []
    for ident, channel_id, address, started, opted_out, qualifying, sent, inbound, message in _listed(addresses):
        channel = known[channel_id]
        # By their places, which takes half as long as by their names; a list makes some hundred of them.
        facts = ChannelFacts(_moment(qualifying), sent, bool(started), bool(opted_out), blocked, channel.standing_pause)
        made.append(ContactChannel(ident, contact_id, channel, address, facts, _moment(inbound), _moment(message)))
    return tuple(made)


def _listed(grouped: Any) -> list[list[Any]]:
    if grouped is None or grouped == "[]":
        return []
    found: list[list[Any]] = _from_json(grouped)[0]
    return found


def _moment(value: int | None) -> datetime | None:
    return None if value is None else instant(value)
