"""Visitors of the website chat, and what their browsers show."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

IDENTIFIER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Bring the schema to this revision."""
    zero, empty = sa.text("0"), sa.text("''")
    op.create_table(
        "chat_visitors",
        sa.Column("id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("channel_id", IDENTIFIER, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("token_hash", TEXT, nullable=False),
        sa.Column("name", TEXT, server_default=empty, nullable=False),
        sa.Column("last_number", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("delivered_number", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("read_number", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_chat_visitors_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_visitors")),
        sa.UniqueConstraint("channel_id", "address", name=op.f("uq_chat_visitors_channel_id_address")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_chat_visitors_token_hash")),
    )
    op.create_table(
        "chat_messages",
        sa.Column("visitor_id", IDENTIFIER, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sender", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("body", TEXT, server_default=empty, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["visitor_id"], ["chat_visitors.id"], name=op.f("fk_chat_messages_visitor_id")),
        sa.PrimaryKeyConstraint("visitor_id", "number", name=op.f("pk_chat_messages")),
        sa.UniqueConstraint("visitor_id", "sender", "key", name=op.f("uq_chat_messages_visitor_id_sender_key")),
    )
