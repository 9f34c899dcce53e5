"""Health of channels as the senders see it, who looks at whom, and until when a repeat by key is safe."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

IDENTIFIER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "channel_health",
        sa.Column("channel_id", IDENTIFIER, nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("recent", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("trips", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("retry_at", sa.BigInteger(), nullable=True),
        sa.Column("probe", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("skew_ms", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("skew_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_channel_health_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_channel_health")),
    )
    op.create_table(
        "presence",
        sa.Column("agent_id", IDENTIFIER, nullable=False),
        sa.Column("contact_id", IDENTIFIER, nullable=False),
        sa.Column("doing", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_presence_agent_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_presence_contact_id")),
        sa.PrimaryKeyConstraint("agent_id", "contact_id", name=op.f("pk_presence")),
    )
    op.create_index("ix_presence_contact_id", "presence", ["contact_id", "seen_at"])
    op.add_column("outbox", sa.Column("key_expires_at", sa.BigInteger(), nullable=True))
