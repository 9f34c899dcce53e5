"""Plain rows that travel between the layers. All instants are aware UTC datetimes; ids are database integers,
message and draft ids are UUID strings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tui_inbox.domain.attachments import Attachment
from tui_inbox.domain.breaker import Breaker
from tui_inbox.domain.kinds import (
    ChannelKind,
    ContentKind,
    ConversationStatus,
    DeliveryState,
    Direction,
    ErrorClass,
    Receipt,
    Role,
)
from tui_inbox.domain.templates import TemplateContent
from tui_inbox.domain.waiting import Waiting
from tui_inbox.domain.window import ChannelFacts


@dataclass(frozen=True)
class Agent:
    """A person who answers customers."""

    id: int
    handle: str
    name: str
    role: Role = Role.AGENT
    away: bool = False


@dataclass(frozen=True)
class Team:
    """A group of agents; may override the workspace's closing logic (``None`` = does not)."""

    id: int
    name: str
    closing_logic: str | None = None
    member_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Channel:
    """One connected account. Holds no secret: those come from the settings of the process that sends or receives."""

    id: int
    name: str
    kind: ChannelKind
    config: Mapping[str, str] = field(default_factory=dict)
    """Non-secret settings of the adapter: ``base_url``, ``phone_number_id``, ``account_id``…"""
    policy_override: Mapping[str, Any] = field(default_factory=dict)
    webhook_path: str = ""
    """Random path segment at which the receiver listens for this channel."""
    paused_reason: str = ""
    paused_until: datetime | None = None
    """With a reason and no time: paused until an admin acts."""
    last_webhook_at: datetime | None = None

    @property
    def standing_pause(self) -> str:
        """Why it is paused until an admin acts; empty when it isn't.

        A pause with a time ends by itself: the sender waits for it, the agent may write meanwhile.
        """
        return self.paused_reason if self.paused_until is None else ""


def shown_name(contact_id: int, first_name: str, last_name: str, email: str, phone: str) -> str:
    """First and last name, else email, else phone, else ``#id``."""
    return f"{first_name} {last_name}".strip() or email or phone or f"#{contact_id}"


@dataclass(frozen=True)
class Contact:
    """A customer."""

    id: int
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    """E.164 where it parses, else as it came."""
    language: str = ""
    country: str = ""
    tags: tuple[str, ...] = ()
    blocked: bool = False
    custom: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """First and last name, else email, else phone, else ``#id``."""
        return shown_name(self.id, self.first_name, self.last_name, self.email, self.phone)


@dataclass(frozen=True)
class ContactChannel:
    """A contact's address on a channel; the messaging window belongs to it."""

    id: int
    contact_id: int
    channel: Channel
    address: str
    """The channel's own id of the customer (chat id, phone number, scoped id)."""
    facts: ChannelFacts
    last_inbound_at: datetime | None = None
    last_message_at: datetime | None = None


@dataclass(frozen=True)
class Conversation:
    """The thread with one contact over all channels. Every contact has exactly one row, so at most one is open."""

    contact_id: int
    status: ConversationStatus
    assignee_id: int | None
    team_id: int | None
    version: int
    """Rises with every change of status, assignee, snooze or team; for compare-and-set."""
    last_seq: int
    """Number of the newest timeline entry; for "somebody wrote meanwhile"."""
    last_activity_at: datetime
    waiting_since: datetime | None = None
    """Time of the first customer message that nobody has answered; ``None`` = nobody waits."""
    snoozed_until: datetime | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by_id: int | None = None
    last_channel_id: int | None = None
    """Contact channel (its id) last used with this contact, either way."""
    unread: int = 0


class InboxRow(NamedTuple):
    """One line of the inbox list. Fifty of them are made with each key of a search, which as a dataclass took longer
    than to find them."""

    contact_id: int
    name: str
    email: str
    phone: str
    status: ConversationStatus
    assignee: str
    """Handle; empty when nobody has it."""
    last_activity_at: datetime
    preview: str
    """Beginning of the newest message, as it came: clean before painting. After a search in messages the line of the
    newest message that has the words."""
    preview_direction: Direction | None
    channel_kinds: tuple[ChannelKind, ...]
    """Kinds of the contact's channels, the one last used first, each once."""
    last_used: ContactChannel | None
    """The contact's address last used; ``None`` where there is none."""
    window_ends_at: datetime | None
    """End of the window of the channel last used; ``None`` = that channel has no window or there is no channel."""
    waiting_since: datetime | None
    snoozed_until: datetime | None
    unread: int
    tags: tuple[str, ...]
    blocked: bool
    failed: int
    """Outgoing messages that failed, are blocked or uncertain."""
    matched: tuple[str, ...]
    """What the search hit: ``text`` of a message, ``name``, ``phone``, ``email``, ``email part``, ``id`` ``custom``."""
    version: int
    cursor: str
    """Opaque key of this row for ``after``."""
    uncertain: int = 0
    """Those of :attr:`failed` that nobody can know about."""

    @property
    def key(self) -> int:
        """Identity of the row."""
        return self.contact_id


@dataclass(frozen=True)
class TimelineEntry:
    """One entry of a thread: a message either way or a note (``direction``), or a lifecycle event (``event``)."""

    key: str
    """Unique and stable within the thread."""
    seq: int
    at: datetime
    """Event time of the channel for inbound ones, our time for the rest."""
    direction: Direction | None
    event: str = ""
    """Kind of lifecycle event, for example ``closed``; empty for messages and notes."""
    body: str = ""
    """As it came: clean before painting."""
    author: str = ""
    """Handle of the agent; empty for the customer and the system."""
    channel_kind: ChannelKind | None = None
    channel_name: str = ""
    content_kind: ContentKind = ContentKind.TEXT
    tag: str = ""
    message_id: str = ""
    state: DeliveryState | None = None
    receipt: Receipt = Receipt.NONE
    error_class: ErrorClass | None = None
    error_text: str = ""
    due_at: datetime | None = None
    """Not sent before this instant: until then it can be taken back."""
    waits: Waiting | None = None
    """Why a queued one is not on its way; ``None`` = it is about to be, or is not queued."""
    arrived_late: bool = False
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Of lifecycle events: ``from``, ``to``, ``category``, ``summary``, ``until``…"""
    files: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class Draft:
    """Unsent text; belongs to its contact and agent."""

    id: str
    agent_id: int
    contact_id: int
    channel_id: int | None
    """Contact channel it is meant for; ``None`` = the one last used."""
    body: str
    version: int
    updated_at: datetime


@dataclass(frozen=True)
class Activity:
    """One line of the append-only record."""

    id: int
    at: datetime
    contact_id: int | None
    actor: str
    kind: str
    message_id: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class OutboxRow:
    """Delivery side of one outgoing message."""

    message_id: str
    contact_id: int
    contact_channel_id: int
    channel_id: int
    seq: int
    """Place in the order of this contact and channel."""
    state: DeliveryState
    version: int
    content_kind: ContentKind
    body: str
    template: TemplateContent | None
    tag: str
    idempotency_key: str
    attempts: int
    """Every time that a sender took it up, also when nothing left."""
    created_at: datetime
    due_at: datetime
    queued_by_id: int | None
    lease_token: str = ""
    lease_until: datetime | None = None
    lease_owner: str = ""
    lost_leases: int = 0
    """Senders that vanished while they had it."""
    key_expires_at: datetime | None = None
    """Until when the channel knows our key from the first try; ``None`` = it was not tried yet or knows no keys."""
    provider_id: str = ""
    receipt: Receipt = Receipt.NONE
    receipt_at: datetime | None = None
    failed_at: datetime | None = None
    error_class: ErrorClass | None = None
    error_code: str = ""
    error_text: str = ""


@dataclass(frozen=True)
class ChannelHealth:
    """What all senders know of one channel."""

    channel_id: int
    breaker: Breaker = field(default_factory=Breaker)
    skew: timedelta = timedelta(0)
    """How far the channel's clock is ahead of ours."""
    skew_at: datetime | None = None
    """When that was measured; ``None`` = never."""


@dataclass(frozen=True)
class Attempt:
    """One try to send one message. What is not known is empty."""

    message_id: str
    n: int
    """Counted from 1 without gaps."""
    token: str
    worker: str
    leased_at: datetime
    first_byte_at: datetime | None = None
    http_status: int | None = None
    outcome: str = ""
    """A value of :class:`~tui_inbox.domain.events.OutcomeKind`, or ``lease expired``."""
    provider_id: str = ""
    error_code: str = ""
    error_text: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True)
class RawEvent:
    """A verified webhook body as it came, kept before anybody looks into it."""

    id: int
    channel_id: int
    received_at: datetime
    body: bytes = field(repr=False)
    status: str = "pending"
    """``pending``, ``processed`` or ``quarantined``."""
    error: str = ""
    """Why it was put into quarantine."""


@dataclass(frozen=True)
class InboxFacets:
    """What the inbox can be filtered by, with the number of contacts behind each; the most frequent first."""

    channels: tuple[tuple[ChannelKind, int], ...] = ()
    tags: tuple[tuple[str, int], ...] = ()
    assignees: tuple[tuple[str, int], ...] = ()
    """Handles."""


@dataclass(frozen=True)
class StoreHealth:
    """State of the database, for a check-up."""

    engine: str
    version: str
    """Of the database engine."""
    schema: str
    """Revision of the schema."""
    journal_mode: str
    synchronous: str
    check: str
    """``ok``, or what the engine's own check found."""
    size_bytes: int
    warnings: tuple[str, ...] = ()
    settings: Mapping[str, int] = field(default_factory=dict)
    """Settings of a connection as they are in force, by the engine's own names."""
    orphans: tuple[str, ...] = ()
    """Tables with rows that refer to something that is not there; looked for only by a deep check."""
