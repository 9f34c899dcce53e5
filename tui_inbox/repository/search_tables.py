"""Tables that are reckoned from the others, so that lists, counts and search need not look at every contact.

The database's own triggers keep them (see :mod:`tui_inbox.repository.sqlite_search_schema`), in the transaction of the
change; nothing here holds what could not be made anew.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, Table

from tui_inbox.repository.columns import metadata as metadata  # with its tables in it, for whoever compares them
from tui_inbox.repository.columns import moment, words
from tui_inbox.repository.types import Identifier, Words


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


search_state = Table(
    "search_state",
    metadata,
    Column("name", Words, primary_key=True),
    Column("value", Identifier, nullable=False),
)
"""``ready``: the index holds every conversation (1) or waits (0). ``sampled``: contacts when tokens were counted.
``texts``: the last entry of a thread that the index of messages has."""

search_buckets = Table(
    "search_buckets",
    metadata,
    Column("bucket", Identifier, primary_key=True),
    moment("first_at"),
    Column("first_id", Identifier, nullable=False),
    _count("used"),
    Index("uq_search_buckets_first", "first_at", "first_id", unique=True),
)
"""Stretches of the list in the order of last activity: where each begins, and how many places of it were given away."""

search_entries = Table(
    "search_entries",
    metadata,
    Column("place", Identifier, primary_key=True),
    Column("contact_id", Identifier, nullable=False),
    moment("at"),
    _count("status"),
    Column("assignee_id", Identifier, nullable=False),
    Column("team_id", Identifier, nullable=False),
    Column("waiting", Identifier, nullable=False),
    words("name", None),
    words("email", None),
    words("phone", None),
    words("custom", None),
    Index("uq_search_entries_contact_id", "contact_id", unique=True),
)
"""What the index should hold of each conversation; ``waiting``: since when, 0 = not."""

search_changes = Table(
    "search_changes",
    metadata,
    Column("contact_id", Identifier, primary_key=True),
    Column("place", Identifier),
    Column("status", Integer),
    Column("assignee_id", Identifier),
    Column("team_id", Identifier),
    Column("waiting", Identifier),
    Column("name", Words),
    Column("email", Words),
    Column("phone", Words),
    Column("custom", Words),
)
"""What the index holds instead of those whose entry changed; nothing where no place is given. Empty after a commit."""

search_taken_back = Table(
    "search_taken_back",
    metadata,
    Column("id", Identifier, primary_key=True),
    words("body", None),
)
"""Messages whose words changed, with those that the index has of them. Empty after a commit."""

search_tokens = Table(
    "search_tokens",
    metadata,
    Column("token", Words, primary_key=True),
    Column("share", Float, nullable=False),
)
"""Tokens that many contacts have, with their share; an estimate that decides about speed and never about answers."""

conversation_counts = Table(
    "conversation_counts",
    metadata,
    Column("assignee_id", Identifier, primary_key=True, autoincrement=False),
    Column("team_id", Identifier, primary_key=True, autoincrement=False),
    Column("status", Words, primary_key=True),
    _count("number"),
)
"""Conversations by assignee, team (0 = none) and status."""

tag_counts = Table(
    "tag_counts",
    metadata,
    Column("tag_folded", Words, primary_key=True),
    Column("tag", Words, primary_key=True),
    _count("number"),
)
"""Contacts by tag and by how it is written."""

channel_counts = Table(
    "channel_counts",
    metadata,
    Column("kind", Words, primary_key=True),
    _count("number"),
)
"""Contacts that have at least one address on a kind of channel."""
