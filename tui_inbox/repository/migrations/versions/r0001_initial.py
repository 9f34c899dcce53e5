"""The tables of the first version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tui_inbox.repository import dialect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IDENTIFIER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def _partial(name: str, table: str, columns: list[str], condition: str, *, unique: bool = False) -> None:
    """An index over the rows of one condition."""
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "agents",
        sa.Column("id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("handle", TEXT, nullable=False),
        sa.Column("handle_folded", TEXT, nullable=False),
        sa.Column("name", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("away", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
        sa.UniqueConstraint("handle_folded", name=op.f("uq_agents_handle_folded")),
    )
    op.create_table(
        "channels",
        sa.Column("id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_folded", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("config", TEXT, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("policy_override", TEXT, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("webhook_path", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("paused_reason", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("paused_until", sa.BigInteger(), nullable=True),
        sa.Column("last_webhook_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
        sa.UniqueConstraint("name_folded", name=op.f("uq_channels_name_folded")),
    )
    _partial("uq_channels_webhook_path", "channels", ["webhook_path"], "webhook_path != ''", unique=True)
    op.create_table(
        "contacts",
        sa.Column("id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("first_name", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("last_name", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("email", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("phone", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("name_folded", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("email_folded", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("phone_digits", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("language", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("country", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("language_folded", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("country_folded", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("blocked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("custom", TEXT, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
    )
    for name in ("email_folded", "phone_digits"):
        where = sa.text(f"{name} <> ''")
        op.create_index(f"ix_contacts_{name}", "contacts", [name], postgresql_using="hash", postgresql_where=where)
    op.create_table(
        "teams",
        sa.Column("id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_folded", TEXT, nullable=False),
        sa.Column("closing_logic", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
        sa.UniqueConstraint("name_folded", name=op.f("uq_teams_name_folded")),
    )
    op.create_table(
        "workers",
        sa.Column("worker", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_workers")),
    )
    op.create_index("ix_workers_kind", "workers", ["kind", "beat_at"])
    op.create_table(
        "activity",
        sa.Column("id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", IDENTIFIER, nullable=True),
        sa.Column("actor_id", IDENTIFIER, nullable=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("message_id", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("detail", TEXT, server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["agents.id"], name=op.f("fk_activity_actor_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_activity_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
    )
    op.create_index("ix_activity_contact_id", "activity", ["contact_id", "id"])
    op.create_index("ix_activity_message_id", "activity", ["message_id", "id"])
    op.create_table(
        "contact_channels",
        sa.Column("id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("contact_id", IDENTIFIER, nullable=False),
        sa.Column("channel_id", IDENTIFIER, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("last_qualifying_at", sa.BigInteger(), nullable=True),
        sa.Column("sent_since_inbound", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("started", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("opted_out", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("last_inbound_at", sa.BigInteger(), nullable=True),
        sa.Column("last_message_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_contact_channels_channel_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_contact_channels_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_channels")),
        sa.UniqueConstraint("channel_id", "address", name=op.f("uq_contact_channels_channel_id_address")),
    )
    op.create_index("ix_contact_channels_contact_id", "contact_channels", ["contact_id", "channel_id"])
    op.create_table(
        "contact_fields",
        sa.Column("contact_id", IDENTIFIER, nullable=False),
        sa.Column("value_folded", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_contact_fields_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", "value_folded", name=op.f("pk_contact_fields")),
    )
    op.create_index("ix_contact_fields_value_folded", "contact_fields", ["value_folded", "contact_id"])
    op.create_table(
        "contact_tags",
        sa.Column("contact_id", IDENTIFIER, nullable=False),
        sa.Column("tag_folded", TEXT, nullable=False),
        sa.Column("tag", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_contact_tags_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", "tag_folded", name=op.f("pk_contact_tags")),
    )
    op.create_index("ix_contact_tags_tag_folded", "contact_tags", ["tag_folded", "contact_id"])
    op.create_table(
        "inbound_events",
        sa.Column("id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("channel_id", IDENTIFIER, nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("headers", TEXT, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("status", TEXT, server_default=sa.text("'pending'"), nullable=False),
        sa.Column("error", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_inbound_events_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_events")),
    )
    op.create_index("ix_inbound_events_status", "inbound_events", ["status", "id"])
    op.create_table(
        "inbound_keys",
        sa.Column("channel_id", IDENTIFIER, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_inbound_keys_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", "key", name=op.f("pk_inbound_keys")),
    )
    op.create_table(
        "orphan_receipts",
        sa.Column("id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("channel_id", IDENTIFIER, nullable=False),
        sa.Column("event_key", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("provider_id", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("echo", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("error_class", TEXT, nullable=True),
        sa.Column("error_code", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("error_text", TEXT, server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_orphan_receipts_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orphan_receipts")),
    )
    op.create_index("ix_orphan_receipts_provider_id", "orphan_receipts", ["channel_id", "provider_id"])
    op.create_table(
        "team_members",
        sa.Column("team_id", IDENTIFIER, nullable=False),
        sa.Column("agent_id", IDENTIFIER, nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_team_members_agent_id")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_team_members_team_id")),
        sa.PrimaryKeyConstraint("team_id", "agent_id", name=op.f("pk_team_members")),
    )
    op.create_table(
        "templates",
        sa.Column("id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("channel_id", IDENTIFIER, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("language", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("category", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("components", TEXT, server_default=sa.text("'[]'"), nullable=False),
        sa.Column("quality", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("named", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reason", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_templates_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
        sa.UniqueConstraint("channel_id", "name", "language", name=op.f("uq_templates_channel_id_name_language")),
    )
    op.create_table(
        "conversations",
        sa.Column("contact_id", IDENTIFIER, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("assignee_id", IDENTIFIER, nullable=True),
        sa.Column("team_id", IDENTIFIER, nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("last_seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_activity_at", sa.BigInteger(), nullable=False),
        sa.Column("waiting_since", sa.BigInteger(), nullable=True),
        sa.Column("snoozed_until", sa.BigInteger(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by_id", IDENTIFIER, nullable=True),
        sa.Column("last_channel_id", IDENTIFIER, nullable=True),
        sa.Column("unread", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("preview", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("preview_direction", TEXT, nullable=True),
        sa.Column("preview_at", sa.BigInteger(), nullable=True),
        sa.Column("has_window", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("window_ends_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["assignee_id"], ["agents.id"], name=op.f("fk_conversations_assignee_id")),
        sa.ForeignKeyConstraint(["closed_by_id"], ["agents.id"], name=op.f("fk_conversations_closed_by_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_conversations_contact_id")),
        sa.ForeignKeyConstraint(
            ["last_channel_id"], ["contact_channels.id"], name=op.f("fk_conversations_last_channel_id")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_conversations_team_id")),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_conversations")),
    )
    op.create_index("ix_conversations_activity", "conversations", ["last_activity_at", "contact_id"])
    op.create_index(
        "ix_conversations_assignee_id_activity", "conversations", ["assignee_id", "last_activity_at", "contact_id"]
    )
    op.create_index(
        "ix_conversations_assignee_id_status_activity",
        "conversations",
        ["assignee_id", "status", "last_activity_at", "contact_id"],
    )
    op.create_index("ix_conversations_snoozed", "conversations", ["snoozed_until", "contact_id"])
    op.create_index("ix_conversations_status_activity", "conversations", ["status", "last_activity_at", "contact_id"])
    op.create_index("ix_conversations_team_id_activity", "conversations", ["team_id", "last_activity_at", "contact_id"])
    op.create_index(
        "ix_conversations_team_id_status_activity",
        "conversations",
        ["team_id", "status", "last_activity_at", "contact_id"],
    )
    op.create_index("ix_conversations_waiting", "conversations", ["waiting_since", "contact_id"])
    op.create_index("ix_conversations_window", "conversations", ["window_ends_at", "contact_id"])
    op.create_table(
        "drafts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("agent_id", IDENTIFIER, nullable=False),
        sa.Column("contact_id", IDENTIFIER, nullable=False),
        sa.Column("channel_id", IDENTIFIER, nullable=True),
        sa.Column("body", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_drafts_agent_id")),
        sa.ForeignKeyConstraint(["channel_id"], ["contact_channels.id"], name=op.f("fk_drafts_channel_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_drafts_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drafts")),
    )
    _partial("uq_drafts_living", "drafts", ["agent_id", "contact_id"], "deleted_at IS NULL", unique=True)
    op.create_table(
        "outbox",
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("contact_id", IDENTIFIER, nullable=False),
        sa.Column("contact_channel_id", IDENTIFIER, nullable=False),
        sa.Column("channel_id", IDENTIFIER, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("content_kind", TEXT, nullable=False),
        sa.Column("body", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("template", TEXT, nullable=True),
        sa.Column("tag", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("idempotency_key", TEXT, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lost_leases", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("queued_by_id", IDENTIFIER, nullable=True),
        sa.Column("confirmed_by_id", IDENTIFIER, nullable=True),
        sa.Column("draft_id", TEXT, nullable=True),
        sa.Column("client_key", TEXT, nullable=True),
        sa.Column("lease_token", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("lease_owner", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("first_byte_at", sa.BigInteger(), nullable=True),
        sa.Column("provider_id", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("receipt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("receipt_at", sa.BigInteger(), nullable=True),
        sa.Column("failed_at", sa.BigInteger(), nullable=True),
        sa.Column("error_class", TEXT, nullable=True),
        sa.Column("error_code", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("error_text", TEXT, server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_outbox_channel_id")),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["agents.id"], name=op.f("fk_outbox_confirmed_by_id")),
        sa.ForeignKeyConstraint(
            ["contact_channel_id"], ["contact_channels.id"], name=op.f("fk_outbox_contact_channel_id")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_outbox_contact_id")),
        sa.ForeignKeyConstraint(["queued_by_id"], ["agents.id"], name=op.f("fk_outbox_queued_by_id")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("contact_id", "channel_id", "seq", name=op.f("uq_outbox_contact_id_channel_id_seq")),
        sa.UniqueConstraint("draft_id", name=op.f("uq_outbox_draft_id")),
        sa.UniqueConstraint("queued_by_id", "client_key", name=op.f("uq_outbox_queued_by_id_client_key")),
    )
    op.create_index("ix_outbox_contact_channel_id", "outbox", ["contact_channel_id", "first_byte_at"])
    _partial("ix_outbox_due", "outbox", ["due_at"], "state = 'queued'")
    _partial("ix_outbox_lease", "outbox", ["lease_until"], "state = 'leased' OR state = 'sending'")
    _partial(
        "ix_outbox_needs_person",
        "outbox",
        ["contact_id"],
        "state = 'blocked' OR state = 'failed' OR state = 'uncertain'",
    )
    op.create_index("ix_outbox_provider_id", "outbox", ["channel_id", "provider_id"])
    _partial(
        "ix_outbox_unsettled",
        "outbox",
        ["contact_id", "channel_id", "seq"],
        "state = 'blocked' OR state = 'leased' OR state = 'queued' OR state = 'sending' OR state = 'uncertain'",
    )
    _partial(
        "uq_outbox_in_flight",
        "outbox",
        ["contact_id", "channel_id"],
        "state = 'leased' OR state = 'sending'",
        unique=True,
    )
    op.create_table(
        "timeline",
        sa.Column("id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("contact_id", IDENTIFIER, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("arrived_at", sa.BigInteger(), nullable=False),
        sa.Column("direction", TEXT, nullable=True),
        sa.Column("event", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("body", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("author_id", IDENTIFIER, nullable=True),
        sa.Column("contact_channel_id", IDENTIFIER, nullable=True),
        sa.Column("channel_id", IDENTIFIER, nullable=True),
        sa.Column("provider_id", TEXT, nullable=True),
        sa.Column("content_kind", TEXT, server_default=sa.text("'text'"), nullable=False),
        sa.Column("tag", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("message_id", TEXT, nullable=True),
        sa.Column("detail", TEXT, server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["agents.id"], name=op.f("fk_timeline_author_id")),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_timeline_channel_id")),
        sa.ForeignKeyConstraint(
            ["contact_channel_id"], ["contact_channels.id"], name=op.f("fk_timeline_contact_channel_id")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_timeline_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline")),
        sa.UniqueConstraint("channel_id", "provider_id", name=op.f("uq_timeline_channel_id_provider_id")),
        sa.UniqueConstraint("contact_id", "seq", name=op.f("uq_timeline_contact_id_seq")),
        sa.UniqueConstraint("message_id", name=op.f("uq_timeline_message_id")),
    )
    op.create_index("ix_timeline_contact_id", "timeline", ["contact_id", "at", "seq"])
    op.create_table(
        "attempts",
        sa.Column("id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("token", TEXT, nullable=False),
        sa.Column("worker", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("leased_at", sa.BigInteger(), nullable=False),
        sa.Column("first_byte_at", sa.BigInteger(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("outcome", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("provider_id", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("error_code", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("error_text", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["outbox.message_id"], name=op.f("fk_attempts_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("message_id", "n", name=op.f("uq_attempts_message_id_n")),
    )
    for statement in dialect.schema_extras(op.get_bind().dialect.name):
        op.execute(statement)
