"""Search in messages on PostgreSQL: an index of the words that they say, folded here, the newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Text, bindparam, select
from sqlalchemy import text as sql

from tui_inbox.domain.search import fold, says, text_words
from tui_inbox.repository.among import among
from tui_inbox.repository.base import Repository
from tui_inbox.repository.clauses import joined_to, rendered_of
from tui_inbox.repository.demands import Demands
from tui_inbox.repository.postgresql_search_schema import TEXTS_INDEX, TEXTS_INDEX_NAME
from tui_inbox.repository.search_index import Sayings
from tui_inbox.repository.straight import rows_of
from tui_inbox.repository.tables import timeline

_CONTACT = "t.contact_id"
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

_SPOKEN = "SELECT entry_id FROM search_texts WHERE words @@ CAST(:query AS tsquery)"
_SWITCH = "SELECT set_config('enable_seqscan', :on, true), set_config('enable_indexscan', :on, true)"
_PUT = sql(
    "INSERT INTO search_texts (entry_id, words) SELECT entry_id, array_to_tsvector(string_to_array(words, ' ')) "
    "FROM unnest(:ids, :words) AS said (entry_id, words) "
    "ON CONFLICT (entry_id) DO UPDATE SET words = EXCLUDED.words"
).bindparams(bindparam("ids", type_=ARRAY(BigInteger)), bindparam("words", type_=ARRAY(Text)))


class PostgresqlTexts(Repository):
    """Reads and writes of the index of messages."""

    async def sayings(self, texts: Sequence[str], demands: Demands, limit: int) -> Sayings:
        """Contacts, ``limit`` at most, with a message that :func:`tui_inbox.domain.search.says` all of ``texts``."""
        asked = [text_words(text) for text in texts]
        if not all(asked):
            return Sayings({}, complete=True)
        # Words that stand in a row, and long ones, only the message itself can show.
        plain = all(len(words) == 1 and len(words[0]) <= LONGEST_WORD for words in asked)
        looked = await self._newest(asked)
        newest = await self._by_contact(looked, demands) if plain else await self._read(looked, demands, texts)
        found = dict(islice(newest.items(), limit))
        return Sayings(found, complete=len(looked) < MOST_MESSAGES and len(newest) <= limit)

    async def _by_contact(self, ids: list[int], demands: Demands) -> dict[int, int]:
        """By contact, the newest of these messages, where the demands are met; the newest of all first."""
        statement, values = _of_messages("t.contact_id, max(t.id) AS id", ids, demands)
        rows = await rows_of(self._connection, f"{statement} GROUP BY t.contact_id ORDER BY id DESC", values)
        return {contact_id: ident for contact_id, ident in rows}  # noqa: C416 - said so, the types are known

    async def _read(self, ids: list[int], demands: Demands, texts: Sequence[str]) -> dict[int, int]:
        """The same of those that really say all of ``texts``."""
        statement, values = _of_messages("t.contact_id, t.id, t.body", ids, demands)
        newest: dict[int, int] = {}
        for contact_id, ident, body in await rows_of(self._connection, f"{statement} ORDER BY t.id DESC", values):
            if contact_id not in newest and says(body, texts):
                newest[contact_id] = ident
        return newest

    async def _newest(self, asked: Sequence[Sequence[str]]) -> list[int]:
        """The newest messages that have all the words, in whatever order."""
        values = {"query": _query(asked), "most": MOST_MESSAGES}
        latest = f"(SELECT coalesce(max(entry_id), 0) - {GAUGE} FROM search_texts)"
        newest_first = "ORDER BY entry_id DESC LIMIT :most"
        found = await rows_of(self._connection, f"{_SPOKEN} AND entry_id > {latest} {newest_first}", values)
        if RARE <= len(found) < MOST_MESSAGES:
            found = await rows_of(self._connection, f"{_SPOKEN} {newest_first}", values)
        elif len(found) < RARE:
            found = await self._rare(
                f"WITH chosen AS MATERIALIZED ({_SPOKEN}) SELECT * FROM chosen {newest_first}", values
            )
        return [ident for (ident,) in found]

    async def _rare(self, statement: str, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The newest of few messages, by the index of words.

        The server takes every word that is perhaps only begun for common, and would rather look at all messages.
        """
        await rows_of(self._connection, _SWITCH, {"on": "off"})
        found = await rows_of(self._connection, statement, values)
        await rows_of(self._connection, _SWITCH, {"on": "on"})  # else with the end of the transaction
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


def _of_messages(columns: str, ids: list[int], demands: Demands) -> tuple[str, dict[str, Any]]:
    """The query for these messages whose contacts meet the demands."""
    asked = rendered_of("postgresql", demands, _CONTACT)
    read = f"timeline t{joined_to(asked.tables, _CONTACT, 'JOIN')}"
    wanted = " AND ".join(filter(None, ["t.id = ANY(CAST(:ids AS bigint[]))", asked.text]))
    return f"SELECT {columns} FROM {read} WHERE {wanted}", {"ids": ids, **asked.values}


def _words(body: str) -> str:
    return " ".join(list(dict.fromkeys(word[:LONGEST_WORD] for word in text_words(fold(body))))[:MOST_WORDS])


def _query(asked: Sequence[Sequence[str]]) -> str:
    """Every word, the last of each text perhaps only begun."""
    parts = [f"'{word[:LONGEST_WORD]}'{':*' if word is words[-1] else ''}" for words in asked for word in words]
    return " & ".join(dict.fromkeys(parts))
