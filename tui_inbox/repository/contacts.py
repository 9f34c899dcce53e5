"""Contacts and their addresses on channels, with the facts that windows are reckoned from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, or_, select, update

from tui_inbox.domain.errors import NotFoundError
from tui_inbox.domain.kinds import ConversationStatus, DeliveryState, Direction
from tui_inbox.domain.models import Channel, Contact, ContactChannel
from tui_inbox.domain.search import digits_of, fold
from tui_inbox.domain.window import ChannelFacts
from tui_inbox.repository.among import among
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.rows import CHANNEL_COLUMNS, channel_row
from tui_inbox.repository.tables import (
    channels,
    contact_channels,
    contact_fields,
    contact_tags,
    contacts,
    conversations,
    outbox,
    timeline,
)
from tui_inbox.repository.types import storable

NOT_ON_THEIR_WAY = (DeliveryState.CANCELLED, DeliveryState.FAILED, DeliveryState.BLOCKED)
"""Outgoing messages in these states do not count against a channel's limit."""

ASKED_AT_ONCE = 500
"""Values that are looked for in one question."""
LONGEST_FIELD = 2000
"""Bytes of a custom field that is found: it is asked for as a whole, and an index holds no more."""


@dataclass(frozen=True)
class NewContact:
    """A contact that is not stored yet."""

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    language: str = ""
    country: str = ""
    tags: tuple[str, ...] = ()
    custom: Mapping[str, str] = field(default_factory=dict)


class ContactRepository(Repository):
    """Reads and writes of contacts, tags, custom fields and contact channels."""

    async def get(self, contact_id: int) -> Contact | None:
        """The contact; ``None`` when there is none."""
        return next(iter(await self._contacts(contacts.c.id == contact_id)), None)

    async def find(self, *, email: str = "", phone: str = "") -> list[Contact]:
        """Contacts with exactly this email (case and accents aside) or phone number (its digits), by id."""
        conditions = []
        if fold(email):
            conditions.append(contacts.c.email_folded == fold(storable(email)))
        if digits_of(phone):
            conditions.append(contacts.c.phone_digits == digits_of(phone))
        return await self._contacts(or_(*conditions)) if conditions else []

    async def after(self, contact_id: int, limit: int) -> list[Contact]:
        """The next contacts by id, for a walk over all of them."""
        statement = select(contacts.c.id).where(contacts.c.id > contact_id).order_by(contacts.c.id).limit(limit)
        ids = [row.id for row in await self._all(statement)]
        return await self._contacts(among(contacts.c.id, ids)) if ids else []

    async def add(self, contact: NewContact, now: datetime) -> int:
        """Store a new contact with its (empty) conversation; returns its id."""
        return (await self.add_many((contact,), now))[0]

    async def add_many(self, new: Sequence[NewContact], now: datetime) -> list[int]:
        """Store many contacts at once; returns their ids in the same order."""
        if not new:
            return []
        statement = insert(contacts).returning(contacts.c.id, sort_by_parameter_order=True)
        result = await self._connection.execute(statement, [_columns(item) | {"created_at": now} for item in new])
        ids = [int(ident) for ident in result.scalars()]
        tags = [row for ident, item in zip(ids, new, strict=True) for row in _tag_rows(ident, item.tags)]
        fields = [row for ident, item in zip(ids, new, strict=True) for row in _field_rows(ident, item.custom)]
        if tags:
            await self._connection.execute(insert(contact_tags), tags)
        # Before the conversations: with them a contact goes into the search index, fields and all.
        if fields:
            await self._connection.execute(insert(contact_fields), fields)
        rows = [
            {"contact_id": ident, "status": ConversationStatus.NONE, "last_activity_at": now, "version": 1}
            for ident in ids
        ]
        await self._connection.execute(insert(conversations), rows)
        return ids

    async def update(self, contact_id: int, **fields: Any) -> None:
        """Change some of ``first_name``, ``last_name``, ``email``, ``phone``, ``language``, ``country``, ``custom``."""
        found = await self.get(contact_id)
        if found is None:
            raise NotFoundError(f"There is no contact {contact_id}.")
        known = {name: getattr(found, name) for name in _FIELDS}
        unknown = fields.keys() - known.keys()
        if unknown:
            raise TypeError(f"not a field of a contact: {', '.join(sorted(unknown))}")
        changed = NewContact(**(known | fields))
        await self._count(update(contacts).where(contacts.c.id == contact_id).values(**_columns(changed)))
        if "custom" in fields:
            await self._count(delete(contact_fields).where(contact_fields.c.contact_id == contact_id))
            rows = _field_rows(contact_id, changed.custom)
            if rows:
                await self._connection.execute(insert(contact_fields), rows)

    async def set_tags(self, contact_id: int, tags: Iterable[str]) -> None:
        """Replace the contact's tags. Tags that differ only in case or accents are one."""
        await self._count(delete(contact_tags).where(contact_tags.c.contact_id == contact_id))
        rows = _tag_rows(contact_id, tags)
        if rows:
            await self._connection.execute(insert(contact_tags), rows)

    async def set_blocked(self, contact_id: int, blocked: bool) -> None:
        """Block or unblock the contact."""
        await self._count(update(contacts).where(contacts.c.id == contact_id).values(blocked=blocked))

    async def channels_of(self, contact_id: int) -> list[ContactChannel]:
        """The contact's addresses, the one last used first."""
        return (await self.channels_of_all((contact_id,)))[contact_id]

    async def channels_of_all(self, contact_ids: Sequence[int]) -> dict[int, list[ContactChannel]]:
        """The addresses of many contacts in one query, each contact's last used first."""
        last, owner = contact_channels.c.last_message_at, contact_channels.c.contact_id
        of_contacts = _channel_select().where(owner.in_(contact_ids))
        found: dict[int, list[ContactChannel]] = defaultdict(list)
        for item in await self._channels(
            of_contacts.order_by(owner, last.is_(None), last.desc(), contact_channels.c.id)
        ):
            found[item.contact_id].append(item)
        return found

    async def channel(self, contact_channel_id: int) -> ContactChannel | None:
        """One contact channel by its id."""
        found = await self._channels(_channel_select().where(contact_channels.c.id == contact_channel_id))
        return found[0] if found else None

    async def by_address(self, channel_id: int, address: str) -> ContactChannel | None:
        """The contact channel behind a channel's own id of a customer."""
        found = await self._channels(
            _channel_select().where(contact_channels.c.channel_id == channel_id, contact_channels.c.address == address)
        )
        return found[0] if found else None

    async def addresses(self, channel_id: int, among: Collection[str]) -> set[str]:
        """Those of ``among`` that somebody has on a channel."""
        column = contact_channels.c.address
        here = select(column).where(contact_channels.c.channel_id == channel_id)
        return {address for (address,) in await self._among(here, column, among)}

    async def known_among(
        self, emails: Collection[str], phones: Collection[str]
    ) -> tuple[dict[str, int], dict[str, int]]:
        """Those of these folded emails, and of these phones in digits, that a contact has, each with the oldest."""
        by_email, by_phone = contacts.c.email_folded, contacts.c.phone_digits
        # The indexes hold what is not empty, and are used where the question says so.
        oldest = func.min(contacts.c.id)
        of_emails = select(by_email, oldest).where(by_email != "").group_by(by_email)
        of_phones = select(by_phone, oldest).where(by_phone != "").group_by(by_phone)
        known_emails = await self._among(of_emails, by_email, emails)
        known_phones = await self._among(of_phones, by_phone, phones)
        return dict(map(tuple, known_emails)), dict(map(tuple, known_phones))

    async def _among(self, statement: Select[Any], column: ColumnElement[Any], values: Collection[str]) -> list[AnyRow]:
        """The rows in which ``column`` is one of many values, asked for some at a time."""
        given, found = list(values), list[AnyRow]()
        for at in range(0, len(given), ASKED_AT_ONCE):
            found += await self._all(statement.where(column.in_(given[at : at + ASKED_AT_ONCE])))
        return found

    async def add_channel(self, contact_id: int, channel_id: int, address: str, *, started: bool, now: datetime) -> int:
        """Give a contact an address on a channel; returns the contact channel's id."""
        statement = (
            insert(contact_channels)
            .values(contact_id=contact_id, channel_id=channel_id, address=address, started=started)
            .returning(contact_channels.c.id)
        )
        return int(await self._value(statement))

    async def record_inbound(
        self,
        contact_channel_id: int,
        *,
        qualifying_at: datetime | None,
        inbound_at: datetime,
        started: bool = True,
    ) -> None:
        """Note a customer's event. No order of events moves an instant back.

        ``qualifying_at`` is the answer of :func:`tui_inbox.domain.window.renew`. The count of messages sent since is
        reckoned anew when this event is the newest, from the thread, so that a late event takes nothing away.
        """
        row = await self._first(select(contact_channels).where(contact_channels.c.id == contact_channel_id))
        if row is None:
            raise NotFoundError(f"There is no contact channel {contact_channel_id}.")
        values: dict[str, Any] = {
            "last_qualifying_at": _later(row.last_qualifying_at, qualifying_at),
            "last_inbound_at": _later(row.last_inbound_at, inbound_at),
            "last_message_at": _later(row.last_message_at, inbound_at),
            "started": started or row.started,
        }
        if values["last_inbound_at"] == inbound_at:
            values["sent_since_inbound"] = await self._sent_since(contact_channel_id, inbound_at)
        await self._change_channel(contact_channel_id, values)

    async def record_outbound(self, contact_channel_id: int, at: datetime, *, delta: int = 1) -> None:
        """Count a message to the customer, or with ``delta=-1`` one that did not go after all."""
        row = await self._first(select(contact_channels).where(contact_channels.c.id == contact_channel_id))
        if row is None:
            raise NotFoundError(f"There is no contact channel {contact_channel_id}.")
        values: dict[str, Any] = {"sent_since_inbound": max(0, row.sent_since_inbound + delta)}
        if delta > 0:
            values["last_message_at"] = _later(row.last_message_at, at)
        await self._change_channel(contact_channel_id, values)

    async def set_opted_out(self, contact_channel_id: int, opted_out: bool, started: bool) -> None:
        """Note that the customer left (``opted_out``) or came back."""
        await self._change_channel(contact_channel_id, {"opted_out": opted_out, "started": started})

    async def _change_channel(self, contact_channel_id: int, values: Mapping[str, Any]) -> None:
        changed = update(contact_channels).where(contact_channels.c.id == contact_channel_id).values(**values)
        await self._count(changed)

    async def _sent_since(self, contact_channel_id: int, at: datetime) -> int:
        """Outgoing messages after ``at``, sent or on their way, those written in the channel's own app included."""
        joined = timeline.outerjoin(outbox, outbox.c.message_id == timeline.c.message_id)
        contact = select(contact_channels.c.contact_id).where(contact_channels.c.id == contact_channel_id)
        statement = (
            select(func.count())
            .select_from(joined)
            .where(
                timeline.c.contact_id == contact.scalar_subquery(),
                timeline.c.at > at,
                timeline.c.contact_channel_id == contact_channel_id,
                timeline.c.direction == Direction.OUTBOUND,
                or_(outbox.c.state.is_(None), outbox.c.state.not_in(NOT_ON_THEIR_WAY)),
            )
        )
        return int(await self._value(statement))

    async def _contacts(self, condition: Any) -> list[Contact]:
        rows = await self._all(select(contacts).where(condition).order_by(contacts.c.id))
        tags = await self.tags_of([row.id for row in rows])
        return [contact_row(row, tags.get(row.id, ())) for row in rows]

    async def tags_of(self, contact_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Tags of several contacts, in the order of their folded form."""
        if not contact_ids:
            return {}
        found: dict[int, tuple[str, ...]] = {}
        statement = (
            select(contact_tags.c.contact_id, contact_tags.c.tag)
            .where(contact_tags.c.contact_id.in_(contact_ids))
            .order_by(contact_tags.c.contact_id, contact_tags.c.tag_folded)
        )
        for contact_id, tag in await self._all(statement):
            found[contact_id] = (*found.get(contact_id, ()), tag)
        return found

    async def _channels(self, statement: Select[Any]) -> list[ContactChannel]:
        """Contact channels; the few channels behind them are read once and not with every row."""
        rows = await self._all(statement)
        wanted = {row.channel_id for row in rows}
        found = await self._all(select(*CHANNEL_COLUMNS).where(channels.c.id.in_(wanted))) if wanted else ()
        by_id = {row.id: channel_row(row) for row in found}
        return [_contact_channel(row, by_id[row.channel_id]) for row in rows]


_FIELDS = ("first_name", "last_name", "email", "phone", "language", "country", "custom")


def contact_row(row: AnyRow, tags: tuple[str, ...]) -> Contact:
    """A contact from a row of its table."""
    return Contact(
        id=row.id,
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        phone=row.phone,
        language=row.language,
        country=row.country,
        tags=tags,
        blocked=row.blocked,
        custom=row.custom,
    )


def _columns(contact: NewContact) -> dict[str, Any]:
    """Columns of a contact with their folded forms, which search compares."""
    first, last = storable(contact.first_name), storable(contact.last_name)
    return {
        "first_name": first,
        "last_name": last,
        "email": storable(contact.email),
        "phone": storable(contact.phone),
        "language": storable(contact.language),
        "country": storable(contact.country),
        "custom": {key: str(value) for key, value in contact.custom.items()},
        "name_folded": fold(f"{first} {last}"),
        "email_folded": fold(storable(contact.email)),
        "phone_digits": digits_of(contact.phone),
        "language_folded": fold(storable(contact.language)),
        "country_folded": fold(storable(contact.country)),
    }


def _tag_rows(contact_id: int, tags: Iterable[str]) -> list[dict[str, Any]]:
    by_fold = {fold(storable(tag)): " ".join(tag.split()) for tag in reversed(tuple(tags))}
    return [{"contact_id": contact_id, "tag_folded": key, "tag": by_fold[key]} for key in sorted(by_fold) if key]


def _field_rows(contact_id: int, custom: Mapping[str, str]) -> list[dict[str, Any]]:
    folded = {fold(storable(str(value))) for value in custom.values()}
    kept = sorted(value for value in folded if len(value.encode()) <= LONGEST_FIELD)
    return [{"contact_id": contact_id, "value_folded": value} for value in kept]


def _channel_select() -> Select[Any]:
    joined = contact_channels.join(contacts, contacts.c.id == contact_channels.c.contact_id)
    return select(contact_channels, contacts.c.blocked).select_from(joined)


def _contact_channel(row: AnyRow, channel: Channel) -> ContactChannel:
    return ContactChannel(
        id=row.id,
        contact_id=row.contact_id,
        channel=channel,
        address=row.address,
        facts=ChannelFacts(
            last_qualifying_at=row.last_qualifying_at,
            sent_since_inbound=row.sent_since_inbound,
            started=row.started,
            opted_out=row.opted_out,
            contact_blocked=row.blocked,
            paused=channel.standing_pause,
        ),
        last_inbound_at=row.last_inbound_at,
        last_message_at=row.last_message_at,
    )


def _later(known: datetime | None, new: datetime | None) -> datetime | None:
    if known is None or new is None:
        return known or new
    return max(known, new)
