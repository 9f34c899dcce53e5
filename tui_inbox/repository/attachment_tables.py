"""The tables of files: which there are, their bytes in pieces, and the public addresses of some of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, UniqueConstraint, text

from tui_inbox.repository.columns import identity, metadata, moment, number, reference, words
from tui_inbox.repository.types import Words

_WAITING = text("state = 'waiting'")

attachments = Table(
    "attachments",
    metadata,
    identity(),
    reference("contact_id", "contacts.id"),
    Column("seq", Integer),
    reference("channel_id", "channels.id", optional=True),
    reference("agent_id", "agents.id", optional=True),
    Column("message_id", Words),
    words("kind", None),
    words("name"),
    words("media_type"),
    Column("size", BigInteger),
    words("locator"),
    words("state", None),
    words("error"),
    number("tries"),
    moment("next_try_at", optional=True),
    moment("created_at"),
    Index("ix_attachments_contact_id", "contact_id", "seq"),
    Index("ix_attachments_message_id", "message_id"),
    Index("ix_attachments_waiting", "next_try_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
)
"""``agent_id`` is set as long as a file waits in that agent's composer; then it has no ``seq`` yet."""

attachment_parts = Table(
    "attachment_parts",
    metadata,
    reference("attachment_id", "attachments.id", key=True),
    Column("n", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

attachment_links = Table(
    "attachment_links",
    metadata,
    reference("attachment_id", "attachments.id", key=True),
    words("token", None),
    moment("expires_at"),
    UniqueConstraint("token"),
)
