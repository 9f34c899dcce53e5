"""How far the channels that are asked for news have been read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

IDENTIFIER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "poll_cursors",
        sa.Column("channel_id", IDENTIFIER, nullable=False),
        sa.Column("cursor", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("polled_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_poll_cursors_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_poll_cursors")),
    )
