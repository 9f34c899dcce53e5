"""Search in messages: the full-text index of what they say, the newest first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tui_inbox.domain.search import text_words
from tui_inbox.repository.base import Repository
from tui_inbox.repository.clauses import joined_to, rendered_of
from tui_inbox.repository.demands import Demands
from tui_inbox.repository.search_index import Sayings
from tui_inbox.repository.sqlite_search_schema import LONGEST_BEGINNING, LONGEST_WORD, TEXTS
from tui_inbox.repository.straight import rows_of

_CONTACT = "t.contact_id"
MOST_MESSAGES = 1000
"""Messages with the words of a text search that are looked at: the newest, whoever has their contacts."""


class SqliteTexts(Repository):
    """Reads of the index of messages."""

    async def sayings(self, texts: Sequence[str], demands: Demands, limit: int) -> Sayings:
        """Contacts, ``limit`` at most, with a message that :func:`tui_inbox.domain.search.says` all of ``texts``."""
        asked = [text_words(text) for text in texts]
        if not all(asked):
            return Sayings({}, complete=True)
        statement, values = _saying(texts, asked, demands)
        values |= {"most": MOST_MESSAGES, "more": limit + 1}
        (looked, _), *rows = await rows_of(self._connection, statement, values)
        newest = {contact_id: entry_id for entry_id, contact_id in rows[:limit]}
        return Sayings(newest, complete=looked < MOST_MESSAGES and len(rows) <= limit)


def _saying(texts: Sequence[str], asked: Sequence[Sequence[str]], demands: Demands) -> tuple[str, dict[str, Any]]:
    """How many messages are looked at, and then of each contact the newest that has all of ``texts``."""
    rendered = rendered_of("sqlite", demands, _CONTACT)
    parts = [_begun(word) if word is words[-1] else _quoted(word) for words in asked for word in words]
    values = {**rendered.values, "match": " AND ".join(dict.fromkeys(parts)), "texts": json.dumps(list(texts))}
    wanted = [rendered.text]
    # One short word the index answers by itself; whether several stand in a row it can't tell.
    if any(len(words) > 1 or len(words[0]) > LONGEST_BEGINNING for words in asked):
        wanted.append("search_says(t.body, :texts)")
    else:
        del values["texts"]
    condition = " AND ".join(filter(None, wanted)) or "1"
    return (
        f"WITH newest AS MATERIALIZED (SELECT rowid AS id FROM {TEXTS} WHERE {TEXTS} MATCH :match "
        "ORDER BY rowid DESC LIMIT :most) SELECT count(*), 0 FROM newest UNION ALL "
        f"SELECT * FROM (SELECT max(t.id), t.contact_id FROM newest CROSS JOIN timeline t ON t.id = newest.id"
        f"{joined_to(rendered.tables, _CONTACT)} WHERE {condition} "
        "GROUP BY t.contact_id ORDER BY 1 DESC LIMIT :more)"
    ), values


def _begun(word: str) -> str:
    """Words that begin so."""
    return f"{_quoted(word[:LONGEST_BEGINNING])}*"


def _quoted(word: str) -> str:
    return f'"{word[:LONGEST_WORD]}"'
