"""Files: which there are, their bytes, and the public addresses of some of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

IDENTIFIER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Bring the schema to this revision."""
    zero, empty, waiting = sa.text("0"), sa.text("''"), sa.text("state = 'waiting'")
    op.create_table(
        "attachments",
        sa.Column("id", IDENTIFIER, autoincrement=True, nullable=False),
        sa.Column("contact_id", IDENTIFIER, nullable=False),
        sa.Column("seq", sa.Integer()),
        sa.Column("channel_id", IDENTIFIER),
        sa.Column("agent_id", IDENTIFIER),
        sa.Column("message_id", TEXT),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, server_default=empty, nullable=False),
        sa.Column("media_type", TEXT, server_default=empty, nullable=False),
        sa.Column("size", sa.BigInteger()),
        sa.Column("locator", TEXT, server_default=empty, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("error", TEXT, server_default=empty, nullable=False),
        sa.Column("tries", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("next_try_at", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_attachments_contact_id")),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_attachments_channel_id")),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_attachments_agent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
    )
    op.create_index("ix_attachments_contact_id", "attachments", ["contact_id", "seq"])
    op.create_index("ix_attachments_message_id", "attachments", ["message_id"])
    op.create_index(
        "ix_attachments_waiting", "attachments", ["next_try_at"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_table(
        "attachment_parts",
        sa.Column("attachment_id", IDENTIFIER, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["attachment_id"], ["attachments.id"], name=op.f("fk_attachment_parts_attachment_id")),
        sa.PrimaryKeyConstraint("attachment_id", "n", name=op.f("pk_attachment_parts")),
    )
    op.create_table(
        "attachment_links",
        sa.Column("attachment_id", IDENTIFIER, nullable=False),
        sa.Column("token", TEXT, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["attachment_id"], ["attachments.id"], name=op.f("fk_attachment_links_attachment_id")),
        sa.PrimaryKeyConstraint("attachment_id", name=op.f("pk_attachment_links")),
        sa.UniqueConstraint("token", name=op.f("uq_attachment_links_token")),
    )
