"""Where visitors of the website chat can be reached when they are away, and how far they were written to there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Bring the schema to this revision."""
    empty, zero, reachable = sa.text("''"), sa.text("0"), sa.text("email != ''")
    op.add_column("chat_visitors", sa.Column("email", TEXT, server_default=empty, nullable=False))
    op.add_column("chat_visitors", sa.Column("mailed_number", sa.Integer(), server_default=zero, nullable=False))
    op.create_index(
        "ix_chat_visitors_reachable", "chat_visitors", ["id"], sqlite_where=reachable, postgresql_where=reachable
    )
