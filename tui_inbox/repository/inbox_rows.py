"""The rows of the inbox list with all that they show, read for a whole page at once by two statements.

Which contacts a page holds, and in what order, is found before (see :mod:`tui_inbox.repository.inbox`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Label, Text, and_, bindparam, func, select

from tui_inbox.domain.delivery import NEEDS_PERSON
from tui_inbox.domain.kinds import ConversationStatus, DeliveryState, Direction
from tui_inbox.domain.models import Channel, ContactChannel, InboxRow, shown_name
from tui_inbox.domain.search import Folded, SearchQuery, hit_fields, line_that_says
from tui_inbox.domain.window import ChannelFacts
from tui_inbox.repository.among import Among
from tui_inbox.repository.base import Repository
from tui_inbox.repository.columns import in_states
from tui_inbox.repository.directory import DirectoryRepository
from tui_inbox.repository.grouped import Grouped
from tui_inbox.repository.prepared import Prepared
from tui_inbox.repository.rows import moment
from tui_inbox.repository.tables import (
    agents,
    contact_channels,
    contact_tags,
    contacts,
    conversations,
    outbox,
    timeline,
)
from tui_inbox.repository.types import instant, structured

_from_json = json.JSONDecoder().raw_decode
"""Without a look for blanks around it."""


class Placed(NamedTuple):
    """A contact with its place in the list."""

    contact_id: int
    segment: int
    at: int
    """Its value in the column that sorts the segment, as it is stored."""


@dataclass(frozen=True)
class Asked:
    """What is to be said of each row beside what the store holds of it."""

    cursor: Callable[[int, int, int], str]
    """Makes the cursors of the list, from segment, value and contact."""
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
        rows = {row[0]: row for row in await _ROWS.rows(self._connection, ids=json.dumps(ids))}
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

    async def _said(self, entries: Collection[int]) -> dict[int, tuple[str, str]]:
        """Text and direction of these entries."""
        rows = await _SAID.rows(self._connection, ids=json.dumps(entries)) if entries else ()
        return {ident: (body, direction) for ident, body, direction in rows}


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


def _messages(states: frozenset[DeliveryState], label: str) -> Label[int]:
    """How many messages of a conversation's contact need a person because they are in one of ``states``."""
    needing = in_states(outbox.c.state, NEEDS_PERSON)  # in these words, so that the index of those few serves it
    wanted = needing if states == NEEDS_PERSON else and_(needing, in_states(outbox.c.state, states))
    counted = select(func.count()).where(wanted, outbox.c.contact_id == conversations.c.contact_id)
    return counted.correlate(conversations).scalar_subquery().label(label)


def _grouped(columns: Iterable[str], table: Any, *order: Any) -> Any:
    chosen = [table.c[name] for name in columns]
    mine = select(*chosen).where(table.c.contact_id == conversations.c.contact_id).order_by(*order)
    return select(Grouped(*mine.correlate(conversations).subquery().c)).scalar_subquery()


_ADDRESS = (
    "channel_id", "id", "address", "started", "opted_out", "last_qualifying_at", "sent_since_inbound",
    "last_inbound_at", "last_message_at",
)  # fmt: skip
_STATUSES = {status.value: status for status in ConversationStatus}
_DIRECTIONS: Mapping[str | None, Direction | None] = {None: None, **{item.value: item for item in Direction}}
_LAST_USED = contact_channels.c.last_message_at
_ROWS = Prepared(
    select(
        *_CONVERSATION,
        *_CONTACT,
        agents.c.handle,
        _messages(NEEDS_PERSON, "failed"),
        _messages(frozenset({DeliveryState.UNCERTAIN}), "uncertain"),
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

_SAID = Prepared(
    select(timeline.c.id, timeline.c.body, timeline.c.direction).where(
        Among(timeline.c.id, bindparam("ids", type_=Text()))
    )
)


def _inbox_row(
    row: Sequence[Any], place: Placed, known: Mapping[int, Channel], asked: Asked, message: tuple[str, str] | None
) -> InboxRow:
    (
        contact_id, status, version, last_activity_at, waiting_since, snoozed_until, window_ends_at, unread, preview,
        preview_direction, first_name, last_name, email, phone, blocked, custom, name_folded, email_folded,
        phone_digits, handle, failed, uncertain, tags, addresses,
    ) = row  # fmt: skip
    matched: tuple[str, ...] = ()
    if asked.query.terms:
        folded = Folded(contact_id, name_folded, email_folded, phone_digits, structured(custom))
        matched = hit_fields(folded, asked.query) or ()
    if message is not None:
        matched = ("text", *matched)
        body, preview_direction = message
        preview = line_that_says(body, asked.query.texts)
    used = _listed(addresses)
    return InboxRow(
        contact_id=contact_id,
        name=shown_name(contact_id, first_name, last_name, email, phone),
        email=email,
        phone=phone,
        status=_STATUSES[status],
        assignee=handle or "",
        last_activity_at=instant(last_activity_at),
        preview=preview,
        preview_direction=_DIRECTIONS[preview_direction],
        channel_kinds=tuple(dict.fromkeys([known[channel_id].kind for channel_id, *_ in used])),
        last_used=_contact_channel(contact_id, used[0], known, blocked=bool(blocked)) if used else None,
        window_ends_at=moment(window_ends_at),
        waiting_since=moment(waiting_since),
        snoozed_until=moment(snoozed_until),
        unread=unread,
        tags=tuple(tag for (tag,) in _listed(tags)),
        blocked=bool(blocked),
        failed=failed,
        uncertain=uncertain,
        matched=matched,
        version=version,
        cursor=asked.cursor(place.segment, place.at, contact_id),
    )


def _contact_channel(
    contact_id: int, address: Sequence[Any], known: Mapping[int, Channel], *, blocked: bool
) -> ContactChannel:
    channel_id, ident, name, started, opted_out, qualifying, sent, inbound, message = address
    channel = known[channel_id]
    facts = ChannelFacts(moment(qualifying), sent, bool(started), bool(opted_out), blocked, channel.standing_pause)
    return ContactChannel(ident, contact_id, channel, name, facts, moment(inbound), moment(message))


def _listed(grouped: str | None) -> list[list[Any]]:
    if grouped is None or grouped == "[]":
        return []
    found: list[list[Any]] = _from_json(grouped)[0]
    return found
