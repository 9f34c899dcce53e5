"""The tables and their indexes. What they mean is said by the rows of :mod:`tui_inbox.domain.models`.

Columns named ``…_folded`` and ``…_digits`` hold what search compares (see :func:`tui_inbox.domain.search.fold`) and are
written together with what they come from. The migrations build exactly this; a test compares them.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, UniqueConstraint, text

from tui_inbox.domain.delivery import IN_FLIGHT, NEEDS_PERSON, UNSETTLED
from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.repository.columns import (
    flag,
    identity,
    moment,
    number,
    partial_index,
    reference,
    structure,
    words,
)
from tui_inbox.repository.columns import metadata as metadata  # the tables' readers need it too
from tui_inbox.repository.types import Structure, Words

agents = Table(
    "agents",
    metadata,
    identity(),
    words("handle", None),
    words("handle_folded", None),
    words("name"),
    words("role", None),
    flag("away"),
    UniqueConstraint("handle_folded"),
)

teams = Table(
    "teams",
    metadata,
    identity(),
    words("name", None),
    words("name_folded", None),
    Column("closing_logic", Words),
    UniqueConstraint("name_folded"),
)

team_members = Table(
    "team_members",
    metadata,
    reference("team_id", "teams.id", key=True),
    reference("agent_id", "agents.id", key=True),
)

channels = Table(
    "channels",
    metadata,
    identity(),
    words("name", None),
    words("name_folded", None),
    words("kind", None),
    structure("config"),
    structure("policy_override"),
    words("webhook_path"),
    words("paused_reason"),
    moment("paused_until", optional=True),
    moment("last_webhook_at", optional=True),
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
    identity(),
    words("first_name"),
    words("last_name"),
    words("email"),
    words("phone"),
    words("name_folded"),
    words("email_folded"),
    words("phone_digits"),
    words("language"),
    words("country"),
    words("language_folded"),
    words("country_folded"),
    flag("blocked"),
    structure("custom"),
    moment("created_at"),
    # Asked for as a whole only: a hash takes a text of any length, but not very many that are equal.
    *(
        Index(f"ix_contacts_{name}", name, postgresql_using="hash", postgresql_where=text(f"{name} <> ''"))
        for name in ("email_folded", "phone_digits")
    ),
)

contact_fields = Table(
    "contact_fields",
    metadata,
    reference("contact_id", "contacts.id", key=True),
    Column("value_folded", Words, primary_key=True),
    Index("ix_contact_fields_value_folded", "value_folded", "contact_id"),
)
"""Folded values of custom fields, for search; the fields themselves are in ``contacts.custom``."""

contact_tags = Table(
    "contact_tags",
    metadata,
    reference("contact_id", "contacts.id", key=True),
    Column("tag_folded", Words, primary_key=True),
    words("tag", None),
    Index("ix_contact_tags_tag_folded", "tag_folded", "contact_id"),
)

contact_channels = Table(
    "contact_channels",
    metadata,
    identity(),
    reference("contact_id", "contacts.id"),
    reference("channel_id", "channels.id"),
    words("address", None),
    moment("last_qualifying_at", optional=True),
    number("sent_since_inbound"),
    flag("started"),
    flag("opted_out"),
    moment("last_inbound_at", optional=True),
    moment("last_message_at", optional=True),
    UniqueConstraint("channel_id", "address"),
    Index("ix_contact_channels_contact_id", "contact_id", "channel_id"),
)

conversations = Table(
    "conversations",
    metadata,
    reference("contact_id", "contacts.id", key=True),
    words("status", None),
    reference("assignee_id", "agents.id", optional=True),
    reference("team_id", "teams.id", optional=True),
    number("version", 1),
    number("last_seq"),
    moment("last_activity_at"),
    moment("waiting_since", optional=True),
    moment("snoozed_until", optional=True),
    moment("opened_at", optional=True),
    moment("closed_at", optional=True),
    reference("closed_by_id", "agents.id", optional=True),
    reference("last_channel_id", "contact_channels.id", optional=True),
    number("unread"),
    words("preview"),
    Column("preview_direction", Words),
    moment("preview_at", optional=True),
    flag("has_window"),
    moment("window_ends_at", optional=True),
)


def _list_index(*leading: str) -> None:
    """An index that gives the list in the order of last activity without a sort."""
    name = "_".join(("ix_conversations", *leading, "activity"))
    columns = [conversations.c[column] for column in (*leading, "last_activity_at", "contact_id")]
    Index(name, *columns)


def _waiting_index(*leading: str) -> None:
    """The same of those who wait for an answer, by since when: few, so it costs little to keep."""
    name = "_".join(("ix_conversations", *leading, "waiting"))
    columns = [conversations.c[column] for column in (*leading, "waiting_since", "contact_id")]
    where = text("waiting_since IS NOT NULL")
    Index(name, *columns, sqlite_where=where, postgresql_where=where)


_list_index()
for _leading in (("status",), ("assignee_id",), ("assignee_id", "status"), ("team_id",), ("team_id", "status")):
    _list_index(*_leading)
    _waiting_index(*_leading)
Index("ix_conversations_waiting", conversations.c.waiting_since, conversations.c.contact_id)
Index("ix_conversations_window", conversations.c.window_ends_at, conversations.c.contact_id)
Index("ix_conversations_snoozed", conversations.c.snoozed_until, conversations.c.contact_id)

timeline = Table(
    "timeline",
    metadata,
    identity(),
    reference("contact_id", "contacts.id"),
    Column("seq", Integer, nullable=False),
    moment("at"),
    moment("arrived_at"),
    Column("direction", Words),
    words("event"),
    words("body"),
    reference("author_id", "agents.id", optional=True),
    reference("contact_channel_id", "contact_channels.id", optional=True),
    reference("channel_id", "channels.id", optional=True),
    Column("provider_id", Words),
    words("content_kind", "text"),
    words("tag"),
    Column("message_id", Words),
    structure("detail"),
    UniqueConstraint("contact_id", "seq"),
    UniqueConstraint("channel_id", "provider_id"),
    UniqueConstraint("message_id"),
    Index("ix_timeline_contact_id", "contact_id", "at", "seq"),
)


outbox = Table(
    "outbox",
    metadata,
    Column("message_id", Words, primary_key=True),
    reference("contact_id", "contacts.id"),
    reference("contact_channel_id", "contact_channels.id"),
    reference("channel_id", "channels.id"),
    Column("seq", Integer, nullable=False),
    words("state", None),
    number("version", 1),
    words("content_kind", None),
    words("body"),
    Column("template", Structure),
    words("tag"),
    words("idempotency_key", None),
    moment("key_expires_at", optional=True),
    number("attempts"),
    number("lost_leases"),
    moment("created_at"),
    moment("due_at"),
    reference("queued_by_id", "agents.id", optional=True),
    reference("confirmed_by_id", "agents.id", optional=True),
    Column("draft_id", Words),
    Column("client_key", Words),
    words("lease_token"),
    moment("lease_until", optional=True),
    words("lease_owner"),
    moment("first_byte_at", optional=True),
    words("provider_id"),
    number("receipt"),
    moment("receipt_at", optional=True),
    moment("failed_at", optional=True),
    Column("error_class", Words),
    words("error_code"),
    words("error_text"),
    UniqueConstraint("draft_id"),
    UniqueConstraint("queued_by_id", "client_key"),
    UniqueConstraint("contact_id", "channel_id", "seq"),
    # Not unique: a channel that hands out an id twice must not keep us from recording that a message was sent.
    Index("ix_outbox_provider_id", "channel_id", "provider_id"),
    Index("ix_outbox_contact_channel_id", "contact_channel_id", "first_byte_at"),
    partial_index("uq_outbox_in_flight", IN_FLIGHT, "contact_id", "channel_id", unique=True),
    partial_index("ix_outbox_unsettled", UNSETTLED, "contact_id", "channel_id", "seq"),
    partial_index("ix_outbox_due", frozenset({DeliveryState.QUEUED}), "due_at"),
    partial_index("ix_outbox_lease", IN_FLIGHT, "lease_until"),
    partial_index("ix_outbox_needs_person", NEEDS_PERSON, "contact_id"),
)

channel_health = Table(
    "channel_health",
    metadata,
    reference("channel_id", "channels.id", key=True),
    number("failures"),
    words("recent"),
    number("trips"),
    moment("opened_at", optional=True),
    moment("retry_at", optional=True),
    words("probe"),
    number("skew_ms"),
    moment("skew_at", optional=True),
)
"""What all senders know of a channel's state: the circuit breaker, and how far its clock is from ours."""

attempts = Table(
    "attempts",
    metadata,
    identity(),
    Column("message_id", Words, ForeignKey("outbox.message_id"), nullable=False),
    Column("n", Integer, nullable=False),
    words("token", None),
    words("worker"),
    moment("leased_at"),
    moment("first_byte_at", optional=True),
    Column("http_status", Integer),
    words("outcome"),
    words("provider_id"),
    words("error_code"),
    words("error_text"),
    moment("ended_at", optional=True),
    UniqueConstraint("message_id", "n"),
)

orphan_receipts = Table(
    "orphan_receipts",
    metadata,
    identity(),
    reference("channel_id", "channels.id"),
    words("event_key"),
    moment("at"),
    number("receipt"),
    words("provider_id"),
    words("echo"),
    Column("error_class", Words),
    words("error_code"),
    words("error_text"),
    Index("ix_orphan_receipts_provider_id", "channel_id", "provider_id"),
)

inbound_events = Table(
    "inbound_events",
    metadata,
    identity(),
    reference("channel_id", "channels.id"),
    moment("received_at"),
    structure("headers"),
    Column("body", LargeBinary, nullable=False),
    words("status", "pending"),
    words("error"),
    moment("done_at", optional=True),
    Index("ix_inbound_events_status", "status", "id"),
)

inbound_keys = Table(
    "inbound_keys",
    metadata,
    reference("channel_id", "channels.id", key=True),
    Column("key", Words, primary_key=True),
)

poll_cursors = Table(
    "poll_cursors",
    metadata,
    reference("channel_id", "channels.id", key=True),
    words("cursor"),
    moment("polled_at"),
)

templates = Table(
    "templates",
    metadata,
    identity(),
    reference("channel_id", "channels.id"),
    words("name", None),
    words("language", None),
    words("status", None),
    words("category"),
    structure("components", "[]"),
    words("quality"),
    flag("named"),
    words("reason"),
    moment("updated_at"),
    UniqueConstraint("channel_id", "name", "language"),
)

drafts = Table(
    "drafts",
    metadata,
    Column("id", Words, primary_key=True),
    reference("agent_id", "agents.id"),
    reference("contact_id", "contacts.id"),
    reference("channel_id", "contact_channels.id", optional=True),
    words("body"),
    number("version", 1),
    moment("updated_at"),
    moment("deleted_at", optional=True),
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
    identity(),
    moment("at"),
    reference("contact_id", "contacts.id", optional=True),
    reference("actor_id", "agents.id", optional=True),
    words("kind", None),
    words("message_id"),
    structure("detail"),
    Index("ix_activity_contact_id", "contact_id", "id"),
    Index("ix_activity_message_id", "message_id", "id"),
)

workers = Table(
    "workers",
    metadata,
    Column("worker", Words, primary_key=True),
    words("kind", None),
    Column("pid", Integer, nullable=False),
    moment("started_at"),
    moment("beat_at"),
    Index("ix_workers_kind", "kind", "beat_at"),
)
