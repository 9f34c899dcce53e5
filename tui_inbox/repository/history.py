"""Writing whole histories at once: contacts with their channels, threads and conversation rows, thousands per second.

For workspaces that are filled from elsewhere (the demo, another system's export, measurements). Single messages go
through the other repositories; a test holds that both ways give the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, update

from tui_inbox.domain.kinds import (
    ContentKind,
    ConversationStatus,
    DeliveryState,
    Direction,
    ErrorClass,
    InboundKind,
    Receipt,
)
from tui_inbox.domain.models import Channel
from tui_inbox.domain.policy import policy_for
from tui_inbox.domain.templates import TemplateContent
from tui_inbox.domain.window import renew
from tui_inbox.repository import tables
from tui_inbox.repository.base import Repository
from tui_inbox.repository.contacts import NOT_ON_THEIR_WAY, NewContact
from tui_inbox.repository.unit import Unit

PREVIEW = 200
"""Characters of the newest message that the list may need."""


@dataclass(frozen=True)
class HistoryDelivery:
    """What became of an outgoing message."""

    message_id: str
    state: DeliveryState = DeliveryState.SENT
    receipt: Receipt = Receipt.NONE
    provider_id: str = ""
    error_class: ErrorClass | None = None
    error_text: str = ""
    template: TemplateContent | None = None
    tag: str = ""


@dataclass(frozen=True)
class HistoryChannel:
    """A contact's address on a channel."""

    channel_id: int
    address: str
    started: bool = True
    opted_out: bool = False


@dataclass(frozen=True)
class HistoryEntry:
    """One entry of a thread."""

    at: datetime
    direction: Direction | None
    body: str = ""
    event: str = ""
    author_id: int | None = None
    channel_id: int | None = None
    """Channel of a message either way."""
    provider_id: str = ""
    """The channel's id of an inbound message; unique within the channel."""
    delivery: HistoryDelivery | None = None
    """For every outgoing message."""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class History:
    """One contact with everything that happened."""

    contact: NewContact
    channels: tuple[HistoryChannel, ...] = ()
    entries: tuple[HistoryEntry, ...] = ()
    """Oldest first."""
    status: ConversationStatus = ConversationStatus.NONE
    assignee_id: int | None = None
    team_id: int | None = None
    snoozed_until: datetime | None = None
    blocked: bool = False
    since: datetime | None = None
    """When a contact without entries came to be known; ``None`` = on being added."""


@dataclass
class _Use:
    """What the thread makes of one contact channel."""

    qualifying_at: datetime | None = None
    inbound_at: datetime | None = None
    message_at: datetime | None = None
    sent_since_inbound: int = 0


class HistoryRepository(Repository):
    """Adds histories inside one unit."""

    @classmethod
    def within(cls, unit: Unit) -> HistoryRepository:
        """For the connection of ``unit``."""
        return cls(unit.contacts._connection)

    async def add(
        self, unit: Unit, histories: Sequence[History], channels: Mapping[int, Channel], now: datetime
    ) -> list[int]:
        """Write ``histories``; returns the new contact ids in order. ``channels`` are those of the workspace by id."""
        ids = await unit.contacts.add_many([history.contact for history in histories], now)
        for contact_id, history in zip(ids, histories, strict=True):
            if history.blocked:
                await unit.contacts.set_blocked(contact_id, True)
        uses = [_uses(history, channels) for history in histories]
        links = await self._add_channels(ids, histories, uses)
        await self._add_entries(ids, histories, links)
        await self._update_conversations(
            [
                _conversation(contact_id, history, use, links, channels)
                for contact_id, history, use in zip(ids, histories, uses, strict=True)
                if history.entries
            ]
        )
        await self._update_conversations(
            [
                {"key": contact_id, "last_activity_at": history.since}
                for contact_id, history in zip(ids, histories, strict=True)
                if history.since is not None and not history.entries
            ]
        )
        return ids

    async def _update_conversations(self, rows: list[dict[str, Any]]) -> None:
        """Set the columns that the rows name; ``key`` is the contact."""
        if rows:
            statement = update(tables.conversations).where(tables.conversations.c.contact_id == bindparam("key"))
            values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "key"}
            await self._connection.execute(statement.values(values), rows)

    async def _add_channels(
        self, ids: Sequence[int], histories: Sequence[History], uses: Sequence[dict[int, _Use]]
    ) -> dict[tuple[int, int], int]:
        """Contact channel ids by contact and channel."""
        rows: list[dict[str, Any]] = []
        for contact_id, history, use in zip(ids, histories, uses, strict=True):
            for item in history.channels:
                known = use.get(item.channel_id, _Use())
                rows.append(
                    {
                        "contact_id": contact_id,
                        "channel_id": item.channel_id,
                        "address": item.address,
                        "started": item.started,
                        "opted_out": item.opted_out,
                        "last_qualifying_at": known.qualifying_at,
                        "last_inbound_at": known.inbound_at,
                        "last_message_at": known.message_at,
                        "sent_since_inbound": known.sent_since_inbound,
                    }
                )
        if not rows:
            return {}
        table = tables.contact_channels
        statement = insert(table).returning(table.c.contact_id, table.c.channel_id, table.c.id)
        found = (await self._connection.execute(statement, rows)).all()
        return {(contact_id, channel_id): link for contact_id, channel_id, link in found}

    async def _add_entries(
        self, ids: Sequence[int], histories: Sequence[History], links: Mapping[tuple[int, int], int]
    ) -> None:
        entries: list[dict[str, Any]] = []
        messages: list[dict[str, Any]] = []
        for contact_id, history in zip(ids, histories, strict=True):
            places: dict[int, int] = {}
            for seq, entry in enumerate(history.entries, 1):
                link = links.get((contact_id, entry.channel_id)) if entry.channel_id is not None else None
                entries.append(_entry(contact_id, seq, entry, link))
                if entry.delivery is not None and entry.channel_id is not None:
                    places[entry.channel_id] = places.get(entry.channel_id, 0) + 1
                    messages.append(_message(contact_id, places[entry.channel_id], entry, entry.delivery, link))
        if entries:
            await self._connection.execute(insert(tables.timeline), entries)
        if messages:
            await self._connection.execute(insert(tables.outbox), messages)


def _uses(history: History, channels: Mapping[int, Channel]) -> dict[int, _Use]:
    uses: dict[int, _Use] = {}
    for entry in history.entries:
        if entry.channel_id is None or entry.direction is None:
            continue
        use = uses.setdefault(entry.channel_id, _Use())
        use.message_at = entry.at if use.message_at is None else max(use.message_at, entry.at)
        if entry.direction is Direction.INBOUND:
            channel = channels[entry.channel_id]
            policy = policy_for(channel.kind, channel.policy_override)
            use.qualifying_at = renew(policy, use.qualifying_at, InboundKind.MESSAGE, entry.at, entry.at)
            use.inbound_at, use.sent_since_inbound = entry.at, 0
        elif entry.delivery is not None and entry.delivery.state not in NOT_ON_THEIR_WAY:
            use.sent_since_inbound += 1
    return uses


def _entry(contact_id: int, seq: int, entry: HistoryEntry, link: int | None) -> dict[str, Any]:
    delivery = entry.delivery
    templated = delivery is not None and delivery.template is not None
    return {
        "contact_id": contact_id,
        "seq": seq,
        "at": entry.at,
        "arrived_at": entry.at,
        "direction": entry.direction.value if entry.direction is not None else None,
        "event": entry.event,
        "body": entry.body,
        "author_id": entry.author_id,
        "contact_channel_id": link,
        "channel_id": entry.channel_id,
        "provider_id": entry.provider_id or None,
        "content_kind": ContentKind.TEMPLATE.value if templated else ContentKind.TEXT.value,
        "tag": delivery.tag if delivery is not None else "",
        "message_id": delivery.message_id if delivery is not None else None,
        "detail": dict(entry.detail),
    }


def _message(
    contact_id: int, seq: int, entry: HistoryEntry, delivery: HistoryDelivery, link: int | None
) -> dict[str, Any]:
    template = delivery.template
    tried = delivery.state not in {DeliveryState.QUEUED, DeliveryState.BLOCKED, DeliveryState.CANCELLED}
    failed = delivery.state is DeliveryState.FAILED
    return {
        "message_id": delivery.message_id,
        "contact_id": contact_id,
        "contact_channel_id": link,
        "channel_id": entry.channel_id,
        "seq": seq,
        "state": delivery.state.value,
        "content_kind": (ContentKind.TEXT if template is None else ContentKind.TEMPLATE).value,
        "body": entry.body,
        "template": None if template is None else _template(template),
        "tag": delivery.tag,
        "idempotency_key": delivery.message_id,
        "attempts": int(tried),
        "created_at": entry.at,
        "due_at": entry.at,
        "queued_by_id": entry.author_id,
        "first_byte_at": entry.at if tried else None,
        "provider_id": delivery.provider_id,
        "receipt": int(delivery.receipt),
        "receipt_at": entry.at if delivery.receipt else None,
        "failed_at": entry.at if failed else None,
        "error_class": delivery.error_class.value if delivery.error_class is not None else None,
        "error_text": delivery.error_text,
    }


def _template(template: TemplateContent) -> dict[str, Any]:
    return {
        "name": template.name,
        "language": template.language,
        "values": dict(template.values),
        "rendered": template.rendered,
        "named": template.named,
    }


def _conversation(
    contact_id: int,
    history: History,
    uses: Mapping[int, _Use],
    links: Mapping[tuple[int, int], int],
    channels: Mapping[int, Channel],
) -> dict[str, Any]:
    messages = [entry for entry in history.entries if entry.direction in {Direction.INBOUND, Direction.OUTBOUND}]
    newest = messages[-1] if messages else None
    waiting = _unanswered(messages)
    closings = [entry for entry in history.entries if entry.event == "closed"]
    is_closed = history.status is ConversationStatus.CLOSED
    ends_at, has_window = _window(newest, uses, channels)
    opened = [entry.at for entry in history.entries if entry.event in {"opened", "reopened", "woken"}]
    return {
        "key": contact_id,
        "status": history.status.value,
        "assignee_id": history.assignee_id,
        "team_id": history.team_id,
        "last_seq": len(history.entries),
        "last_activity_at": max(entry.at for entry in messages or history.entries),
        "waiting_since": waiting[0].at if waiting and not is_closed else None,
        "snoozed_until": history.snoozed_until,
        "opened_at": opened[-1] if opened else None,
        "closed_at": closings[-1].at if is_closed and closings else None,
        "closed_by_id": closings[-1].author_id if is_closed and closings else None,
        "last_channel_id": links.get((contact_id, newest.channel_id)) if newest and newest.channel_id else None,
        "unread": len(waiting) if not is_closed else 0,
        "preview": newest.body[:PREVIEW] if newest else "",
        "preview_direction": newest.direction.value if newest and newest.direction else None,
        "preview_at": newest.at if newest else None,
        "has_window": has_window,
        "window_ends_at": ends_at,
    }


def _unanswered(messages: Sequence[HistoryEntry]) -> list[HistoryEntry]:
    """The customer's messages after the last answer."""
    last = max((index for index, entry in enumerate(messages) if entry.direction is Direction.OUTBOUND), default=-1)
    return list(messages[last + 1 :])


def _window(
    newest: HistoryEntry | None, uses: Mapping[int, _Use], channels: Mapping[int, Channel]
) -> tuple[datetime | None, bool]:
    """End of the window of the channel last used, and whether it has windows at all."""
    if newest is None or newest.channel_id is None:
        return None, False
    channel = channels[newest.channel_id]
    policy = policy_for(channel.kind, channel.policy_override)
    since = uses[newest.channel_id].qualifying_at
    if policy.window is None:
        return None, False
    return (None if since is None else since + policy.window - policy.margin), True
