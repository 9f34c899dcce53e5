"""The search index knows since when a customer waits for an answer, so that the longest wait is found first."""

from __future__ import annotations

from alembic import op

from tui_inbox.repository import dialect

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    for statement in dialect.waiting_extras(op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement)
