"""Runs revisions on the connection, and inside the transaction, of the caller."""

from __future__ import annotations

from alembic import context

from tui_inbox.repository import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
