"""Who has waited longest of one status, agent or team is found by an index."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_LEADING = (("status",), ("assignee_id",), ("assignee_id", "status"), ("team_id",), ("team_id", "status"))


def upgrade() -> None:
    """Bring the schema to this revision."""
    where = text("waiting_since IS NOT NULL")
    for leading in _LEADING:
        name = "_".join(("ix_conversations", *leading, "waiting"))
        columns = [*leading, "waiting_since", "contact_id"]
        op.create_index(name, "conversations", columns, sqlite_where=where, postgresql_where=where, if_not_exists=True)
