"""The search index, and counters of what the inbox is filtered by; both filled from what is there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tui_inbox.repository import dialect

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

IDENTIFIER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "search_state",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", IDENTIFIER, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_search_state")),
    )
    op.create_table(
        "search_buckets",
        sa.Column("bucket", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("first_id", IDENTIFIER, nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", name=op.f("pk_search_buckets")),
    )
    op.create_index("uq_search_buckets_first", "search_buckets", ["first_at", "first_id"], unique=True)
    op.create_table(
        "search_entries",
        sa.Column("place", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("contact_id", IDENTIFIER, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("assignee_id", IDENTIFIER, nullable=False),
        sa.Column("team_id", IDENTIFIER, nullable=False),
        sa.Column("waiting", IDENTIFIER, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("phone", TEXT, nullable=False),
        sa.Column("custom", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_search_entries")),
    )
    op.create_index("uq_search_entries_contact_id", "search_entries", ["contact_id"], unique=True)
    op.create_table(
        "search_changes",
        sa.Column("contact_id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("place", IDENTIFIER, nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("assignee_id", IDENTIFIER, nullable=True),
        sa.Column("team_id", IDENTIFIER, nullable=True),
        sa.Column("waiting", IDENTIFIER, nullable=True),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("email", TEXT, nullable=True),
        sa.Column("phone", TEXT, nullable=True),
        sa.Column("custom", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_search_changes")),
    )
    op.create_table(
        "search_taken_back",
        sa.Column("id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_taken_back")),
    )
    op.create_table(
        "search_tokens",
        sa.Column("token", TEXT, nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_search_tokens")),
    )
    op.create_table(
        "conversation_counts",
        sa.Column("assignee_id", IDENTIFIER, autoincrement=False, nullable=False),
        sa.Column("team_id", IDENTIFIER, autoincrement=False, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("assignee_id", "team_id", "status", name=op.f("pk_conversation_counts")),
    )
    op.create_table(
        "tag_counts",
        sa.Column("tag_folded", TEXT, nullable=False),
        sa.Column("tag", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tag_folded", "tag", name=op.f("pk_tag_counts")),
    )
    op.create_table(
        "channel_counts",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_channel_counts")),
    )
    for statement in dialect.search_extras(op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement)
