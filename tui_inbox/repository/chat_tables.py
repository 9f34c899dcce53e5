"""The tables of the website chat: who visits, and what each visitor's browser is to show."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, UniqueConstraint, text

from tui_inbox.repository.columns import identity, metadata, moment, number, reference, words

_REACHABLE = text("email != ''")

chat_visitors = Table(
    "chat_visitors",
    metadata,
    identity(),
    reference("channel_id", "channels.id"),
    words("address", None),
    words("token_hash", None),
    words("name"),
    number("last_number"),
    number("delivered_number"),
    number("read_number"),
    moment("created_at"),
    words("email"),
    number("mailed_number"),
    UniqueConstraint("channel_id", "address"),
    UniqueConstraint("token_hash"),
    Index("ix_chat_visitors_reachable", "id", sqlite_where=_REACHABLE, postgresql_where=_REACHABLE),
)

chat_messages = Table(
    "chat_messages",
    metadata,
    reference("visitor_id", "chat_visitors.id", key=True),
    Column("number", Integer, primary_key=True),
    words("sender", None),
    words("key", None),
    words("body"),
    moment("at"),
    UniqueConstraint("visitor_id", "sender", "key"),
)
