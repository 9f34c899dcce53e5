"""The tables and their indexes. What they mean is said by the rows of :mod:`tui_inbox.domain.models`.

Columns named ``…_folded`` and ``…_digits`` hold what search compares (see :func:`tui_inbox.domain.search.fold`) and are
written together with what they come from. The migrations build exactly this; a test compares them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    false,
    or_,
    text,
)
from sqlalchemy.sql.elements import ColumnElement

from tui_inbox.domain.delivery import IN_FLIGHT, NEEDS_PERSON, UNSETTLED
from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.repository.types import Identifier, Instant, Structure, Words

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", Identifier, primary_key=True, autoincrement=True)


def _ref(name: str, target: str, *, optional: bool = False, key: bool = False) -> Column[Any]:
    return Column(name, Identifier, ForeignKey(target), nullable=optional, primary_key=key)


def _words(name: str, default: str | None = "") -> Column[Any]:
    given = None if default is None else text(f"'{default}'")
    return Column(name, Words, nullable=False, server_default=given)


def _instant(name: str, *, optional: bool = False) -> Column[Any]:
    return Column(name, Instant, nullable=optional)


def _number(name: str, default: int = 0) -> Column[Any]:
    return Column(name, Integer, nullable=False, server_default=text(str(default)))


def _flag(name: str) -> Column[Any]:
    return Column(name, Boolean, nullable=False, server_default=false())


def _structure(name: str, default: str = "{}") -> Column[Any]:
    return Column(name, Structure, nullable=False, server_default=text(f"'{default}'"))


agents = Table(
    "agents",
    metadata,
    _id(),
    _words("handle", None),
    _words("handle_folded", None),
    _words("name"),
    _words("role", None),
    _flag("away"),
    UniqueConstraint("handle_folded"),
)

teams = Table(
    "teams",
    metadata,
    _id(),
    _words("name", None),
    _words("name_folded", None),
    Column("closing_logic", Words),
    UniqueConstraint("name_folded"),
)

team_members = Table(
    "team_members",
    metadata,
    _ref("team_id", "teams.id", key=True),
    _ref("agent_id", "agents.id", key=True),
)

channels = Table(
    "channels",
    metadata,
    _id(),
    _words("name", None),
    _words("name_folded", None),
    _words("kind", None),
    _structure("config"),
    _structure("policy_override"),
    _words("webhook_path"),
    _words("paused_reason"),
    _instant("paused_until", optional=True),
    _instant("last_webhook_at", optional=True),
    UniqueConstraint("name_folded"),
    Index(
        "uq_channels_webhook_path",
        "webhook_path",
        unique=True,
        sqlite_where=text("webhook_path != ''"),
        postgresql_where=text("webhook_path != ''"),
    ),
)

contacts = Table(
    "contacts",
    metadata,
    _id(),
    _words("first_name"),
    _words("last_name"),
    _words("email"),
    _words("phone"),
    _words("name_folded"),
    _words("email_folded"),
    _words("phone_digits"),
    _words("language"),
    _words("country"),
    _words("language_folded"),
    _words("country_folded"),
    _flag("blocked"),
    _structure("custom"),
    _instant("created_at"),
    Index("ix_contacts_email_folded", "email_folded"),
    Index("ix_contacts_phone_digits", "phone_digits"),
)

contact_fields = Table(
    "contact_fields",
    metadata,
    _ref("contact_id", "contacts.id", key=True),
    Column("value_folded", Words, primary_key=True),
    Index("ix_contact_fields_value_folded", "value_folded", "contact_id"),
)
"""Folded values of custom fields, for search; the fields themselves are in ``contacts.custom``."""

contact_tags = Table(
    "contact_tags",
    metadata,
    _ref("contact_id", "contacts.id", key=True),
    Column("tag_folded", Words, primary_key=True),
    _words("tag", None),
    Index("ix_contact_tags_tag_folded", "tag_folded", "contact_id"),
)

contact_channels = Table(
    "contact_channels",
    metadata,
    _id(),
    _ref("contact_id", "contacts.id"),
    _ref("channel_id", "channels.id"),
    _words("address", None),
    _instant("last_qualifying_at", optional=True),
    _number("sent_since_inbound"),
    _flag("started"),
    _flag("opted_out"),
    _instant("last_inbound_at", optional=True),
    _instant("last_message_at", optional=True),
    UniqueConstraint("channel_id", "address"),
    Index("ix_contact_channels_contact_id", "contact_id", "channel_id"),
)

conversations = Table(
    "conversations",
    metadata,
    _ref("contact_id", "contacts.id", key=True),
    _words("status", None),
    _ref("assignee_id", "agents.id", optional=True),
    _ref("team_id", "teams.id", optional=True),
    _number("version", 1),
    _number("last_seq"),
    _instant("last_activity_at"),
    _instant("waiting_since", optional=True),
    _instant("snoozed_until", optional=True),
    _instant("opened_at", optional=True),
    _instant("closed_at", optional=True),
    _ref("closed_by_id", "agents.id", optional=True),
    _ref("last_channel_id", "contact_channels.id", optional=True),
    _number("unread"),
    _words("preview"),
    Column("preview_direction", Words),
    _instant("preview_at", optional=True),
    _flag("has_window"),
    _instant("window_ends_at", optional=True),
)


def _list_index(*leading: str) -> None:
    """An index that gives the list in the order of last activity without a sort."""
    name = "_".join(("ix_conversations", *leading, "activity"))
    columns = [conversations.c[column] for column in (*leading, "last_activity_at", "contact_id")]
    Index(name, *columns)


_list_index()
_list_index("status")
_list_index("assignee_id")
_list_index("assignee_id", "status")
_list_index("team_id")
_list_index("team_id", "status")
Index("ix_conversations_waiting", conversations.c.waiting_since, conversations.c.contact_id)
Index("ix_conversations_window", conversations.c.window_ends_at, conversations.c.contact_id)
Index("ix_conversations_snoozed", conversations.c.snoozed_until, conversations.c.contact_id)

timeline = Table(
    "timeline",
    metadata,
    _id(),
    _ref("contact_id", "contacts.id"),
    Column("seq", Integer, nullable=False),
    _instant("at"),
    _instant("arrived_at"),
    Column("direction", Words),
    _words("event"),
    _words("body"),
    _ref("author_id", "agents.id", optional=True),
    _ref("contact_channel_id", "contact_channels.id", optional=True),
    _ref("channel_id", "channels.id", optional=True),
    Column("provider_id", Words),
    _words("content_kind", "text"),
    _words("tag"),
    Column("message_id", Words),
    _structure("detail"),
    UniqueConstraint("contact_id", "seq"),
    UniqueConstraint("channel_id", "provider_id"),
    UniqueConstraint("message_id"),
    Index("ix_timeline_contact_id", "contact_id", "at", "seq"),
)


def in_states(column: Any, states: frozenset[DeliveryState]) -> ColumnElement[bool]:
    """``column`` is one of ``states``, written out in the SQL so that a partial index with the same words serves it."""
    return or_(*(column == text(f"'{state.value}'") for state in sorted(states)))


def _partial(name: str, states: frozenset[DeliveryState], *columns: str, unique: bool = False) -> Index:
    where = text(" OR ".join(f"state = '{state.value}'" for state in sorted(states)))
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


outbox = Table(
    "outbox",
    metadata,
    Column("message_id", Words, primary_key=True),
    _ref("contact_id", "contacts.id"),
    _ref("contact_channel_id", "contact_channels.id"),
    _ref("channel_id", "channels.id"),
    Column("seq", Integer, nullable=False),
    _words("state", None),
    _number("version", 1),
    _words("content_kind", None),
    _words("body"),
    Column("template", Structure),
    _words("tag"),
    _words("idempotency_key", None),
    _number("attempts"),
    _number("lost_leases"),
    _instant("created_at"),
    _instant("due_at"),
    _ref("queued_by_id", "agents.id", optional=True),
    _ref("confirmed_by_id", "agents.id", optional=True),
    Column("draft_id", Words),
    Column("client_key", Words),
    _words("lease_token"),
    _instant("lease_until", optional=True),
    _words("lease_owner"),
    _instant("first_byte_at", optional=True),
    _words("provider_id"),
    _number("receipt"),
    _instant("receipt_at", optional=True),
    _instant("failed_at", optional=True),
    Column("error_class", Words),
    _words("error_code"),
    _words("error_text"),
    UniqueConstraint("draft_id"),
    UniqueConstraint("queued_by_id", "client_key"),
    UniqueConstraint("contact_id", "channel_id", "seq"),
    # Not unique: a channel that hands out an id twice must not keep us from recording that a message was sent.
    Index("ix_outbox_provider_id", "channel_id", "provider_id"),
    Index("ix_outbox_contact_channel_id", "contact_channel_id", "first_byte_at"),
    _partial("uq_outbox_in_flight", IN_FLIGHT, "contact_id", "channel_id", unique=True),
    _partial("ix_outbox_unsettled", UNSETTLED, "contact_id", "channel_id", "seq"),
    _partial("ix_outbox_due", frozenset({DeliveryState.QUEUED}), "due_at"),
    _partial("ix_outbox_lease", IN_FLIGHT, "lease_until"),
    _partial("ix_outbox_needs_person", NEEDS_PERSON, "contact_id"),
)

attempts = Table(
    "attempts",
    metadata,
    _id(),
    Column("message_id", Words, ForeignKey("outbox.message_id"), nullable=False),
    Column("n", Integer, nullable=False),
    _words("token", None),
    _words("worker"),
    _instant("leased_at"),
    _instant("first_byte_at", optional=True),
    Column("http_status", Integer),
    _words("outcome"),
    _words("provider_id"),
    _words("error_code"),
    _words("error_text"),
    _instant("ended_at", optional=True),
    UniqueConstraint("message_id", "n"),
)

orphan_receipts = Table(
    "orphan_receipts",
    metadata,
    _id(),
    _ref("channel_id", "channels.id"),
    _words("event_key"),
    _instant("at"),
    _number("receipt"),
    _words("provider_id"),
    _words("echo"),
    Column("error_class", Words),
    _words("error_code"),
    _words("error_text"),
    Index("ix_orphan_receipts_provider_id", "channel_id", "provider_id"),
)

inbound_events = Table(
    "inbound_events",
    metadata,
    _id(),
    _ref("channel_id", "channels.id"),
    _instant("received_at"),
    _structure("headers"),
    Column("body", LargeBinary, nullable=False),
    _words("status", "pending"),
    _words("error"),
    _instant("done_at", optional=True),
    Index("ix_inbound_events_status", "status", "id"),
)

inbound_keys = Table(
    "inbound_keys",
    metadata,
    _ref("channel_id", "channels.id", key=True),
    Column("key", Words, primary_key=True),
)

templates = Table(
    "templates",
    metadata,
    _id(),
    _ref("channel_id", "channels.id"),
    _words("name", None),
    _words("language", None),
    _words("status", None),
    _words("category"),
    _structure("components", "[]"),
    _words("quality"),
    _flag("named"),
    _words("reason"),
    _instant("updated_at"),
    UniqueConstraint("channel_id", "name", "language"),
)

drafts = Table(
    "drafts",
    metadata,
    Column("id", Words, primary_key=True),
    _ref("agent_id", "agents.id"),
    _ref("contact_id", "contacts.id"),
    _ref("channel_id", "contact_channels.id", optional=True),
    _words("body"),
    _number("version", 1),
    _instant("updated_at"),
    _instant("deleted_at", optional=True),
    Index(
        "uq_drafts_living",
        "agent_id",
        "contact_id",
        unique=True,
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
)

activity = Table(
    "activity",
    metadata,
    _id(),
    _instant("at"),
    _ref("contact_id", "contacts.id", optional=True),
    _ref("actor_id", "agents.id", optional=True),
    _words("kind", None),
    _words("message_id"),
    _structure("detail"),
    Index("ix_activity_contact_id", "contact_id", "id"),
    Index("ix_activity_message_id", "message_id", "id"),
)

workers = Table(
    "workers",
    metadata,
    Column("worker", Words, primary_key=True),
    _words("kind", None),
    Column("pid", Integer, nullable=False),
    _instant("started_at"),
    _instant("beat_at"),
    Index("ix_workers_kind", "kind", "beat_at"),
)
