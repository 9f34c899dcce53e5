"""Search in messages on PostgreSQL: an index of the words that they say, folded here, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
    table,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import TSQUERY

from tui_inbox.domain.search import fold, says, text_words
from tui_inbox.repository.among import among
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.demands import joined
from tui_inbox.repository.postgresql_search_schema import TEXTS_INDEX, TEXTS_INDEX_NAME
from tui_inbox.repository.search_index import Sayings
from tui_inbox.repository.tables import timeline

MOST_MESSAGES = 1000
"""Messages with the words of a text search that are looked at: the newest, whoever has their contacts."""
GAUGE = 10_000
"""Of so many newest messages all are looked at first, to learn how common the words are."""
RARE = 100
"""Words in fewer of those are found by the index of words, others by walking back from the newest message."""
LONGEST_WORD = 64
"""Letters of a word that are kept."""
MOST_WORDS = 10_000
"""Different words of a message that are kept: the server takes no more than a megabyte."""
BATCH = 2000
"""Messages that are read, folded and put into the index at a time."""

_texts = table("search_texts", column("entry_id", BigInteger), column("words"))
_PUT = sql(
    "INSERT INTO search_texts (entry_id, words) SELECT entry_id, array_to_tsvector(string_to_array(words, ' ')) "
    "FROM unnest(:ids, :words) AS said (entry_id, words) "
    "ON CONFLICT (entry_id) DO UPDATE SET words = EXCLUDED.words"
).bindparams(bindparam("ids", type_=ARRAY(BigInteger)), bindparam("words", type_=ARRAY(Text)))


class PostgresqlTexts(Repository):
    """Reads and writes of the index of messages."""

    async def sayings(self, texts: Sequence[str], demands: Sequence[ColumnElement[bool]], limit: int) -> Sayings:
        """Contacts, ``limit`` at most, with a message that :func:`tui_inbox.domain.search.says` all of ``texts``."""
        asked = [text_words(text) for text in texts]
        if not all(asked):
            return Sayings({}, complete=True)
        # Words that stand in a row, and long ones, only the message itself can show.
        plain = all(len(words) == 1 and len(words[0]) <= LONGEST_WORD for words in asked)
        looked = await self._newest(asked)
        read, demands = joined(timeline, timeline.c.contact_id, demands)
        columns = [timeline.c.id, timeline.c.contact_id, *([] if plain else [timeline.c.body])]
        chosen = timeline.c.id == any_(literal(looked, ARRAY(BigInteger)))
        statement = select(*columns).select_from(read).where(chosen, *demands)
        newest: dict[int, int] = {}
        for row in await self._all(statement.order_by(timeline.c.id.desc())):
            if plain or says(row.body, texts):
                newest.setdefault(row.contact_id, row.id)
        found = dict(islice(newest.items(), limit))
        return Sayings(found, complete=len(looked) < MOST_MESSAGES and len(newest) <= limit)

    async def _newest(self, asked: Sequence[Sequence[str]]) -> list[int]:
        """The newest messages that have all the words, in whatever order."""
        spoken = _texts.c.words.op("@@")(cast(_query(asked), TSQUERY))
        newest_first = _texts.c.entry_id.desc()
        latest = func.coalesce(select(func.max(_texts.c.entry_id)).scalar_subquery(), 0)
        walked = select(_texts.c.entry_id).where(spoken).order_by(newest_first).limit(MOST_MESSAGES)
        found = await self._all(walked.where(_texts.c.entry_id > latest - GAUGE))
        if RARE <= len(found) < MOST_MESSAGES:
            found = await self._all(walked)
        elif len(found) < RARE:
            found = await self._rare(select(_texts.c.entry_id).where(spoken))
        return [row.entry_id for row in found]

    async def _rare(self, spoken: Select[Any]) -> list[AnyRow]:
        """The newest of few messages, by the index of words.

        The server takes every word that is perhaps only begun for common, and would rather look at all messages.
        """
        chosen = spoken.cte().prefix_with("MATERIALIZED", dialect="postgresql")
        switch = "SELECT set_config('enable_seqscan', :on, true), set_config('enable_indexscan', :on, true)"
        await self._connection.execute(sql(switch), {"on": "off"})
        statement = select(chosen.c.entry_id).order_by(chosen.c.entry_id.desc()).limit(MOST_MESSAGES)
        found = await self._all(statement)
        await self._connection.execute(sql(switch), {"on": "on"})  # else with the end of the transaction
        return found

    async def put(self, ids: Sequence[int]) -> None:
        """Index these entries of threads as they are now."""
        for start in range(0, len(ids), BATCH):
            chosen = among(timeline.c.id, ids[start : start + BATCH])
            await self._put(await self._all(select(timeline.c.id, timeline.c.body).where(chosen)))

    async def rebuild(self) -> None:
        """Index every message anew."""
        # An index that is made at the end takes a fraction of the time of one that grows with each message.
        for first in ("TRUNCATE search_texts", f"DROP INDEX IF EXISTS {TEXTS_INDEX_NAME}"):
            await self._connection.exec_driver_sql(first)
        last = 0
        statement = select(timeline.c.id, timeline.c.body).order_by(timeline.c.id).limit(BATCH)
        while rows := await self._all(statement.where(timeline.c.id > last, timeline.c.body != "")):
            await self._put(rows)
            last = rows[-1].id
        await self._connection.exec_driver_sql(TEXTS_INDEX)

    async def _put(self, rows: Sequence[Any]) -> None:
        if rows:
            values = {"ids": [row.id for row in rows], "words": [_words(row.body) for row in rows]}
            await self._connection.execute(_PUT, values)


def _words(body: str) -> str:
    return " ".join(list(dict.fromkeys(word[:LONGEST_WORD] for word in text_words(fold(body))))[:MOST_WORDS])


def _query(asked: Sequence[Sequence[str]]) -> str:
    """Every word, the last of each text perhaps only begun."""
    parts = [f"'{word[:LONGEST_WORD]}'{':*' if word is words[-1] else ''}" for words in asked for word in words]
    return " & ".join(dict.fromkeys(parts))
