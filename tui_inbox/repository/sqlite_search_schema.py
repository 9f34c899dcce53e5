"""The search index and the counters of SQLite: what is built, and the triggers that keep it.

The index is full text without content: of each conversation it keeps only which tokens it has. Its numbers follow the
order of last activity, so that hits stream newest (or oldest) first and nothing is sorted but the hits of one bucket:

* ``bucket``: a stretch of that order. New activity goes into the newest one, which is closed after
  :data:`BUCKET_ROWS`; what comes late goes into the bucket of its time.
* ``place``: bucket and a number within it, never given twice; ``rowid``: place and, in the lowest bits, the status.

Tokens are a letter for their kind and a text: ``n``, ``e``, ``p`` with every three letters in a row (and the last two,
the last one) of name, email and digits of phone, so that every part of one or two letters is the beginning of a token;
``c`` with a whole custom field; ``a`` and ``t`` with the assignee and the team, 0 for none; ``w`` where the customer
waits for an answer.

Taking an entry out of such an index needs the words it was put in with. ``search_entries`` says what each conversation
should have in it, kept by triggers; ``search_changes`` what it still has there, where that differs. Triggers can't
write into a full-text table (``trusted_schema`` is off): the transaction settles the difference before it commits.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tui_inbox.domain.search import fold, says, text_words

BUCKET_ROWS = 128
"""A bucket that new activity has filled with so many is closed."""
PLACE_BITS = 14
"""Places of a bucket as a power of two; far more than are used, for what comes late."""
STATUS_BITS = 2
STATUS_CODES = {"none": 0, "snoozed": 1, "open": 2, "closed": 3}
WORDS = "search_words"
"""The full-text table of contacts; its own tables begin with this name."""
WAITS = "w"
"""The token of those who wait."""
TEXTS = "search_texts"
"""The full-text table of messages, by the words of their bodies; its numbers are those of the thread's entries."""
LONGEST_WORD = 64
"""Letters of a word in a message beyond these are not in the index; the words are compared again on the message."""

_PLACES = 1 << PLACE_BITS
_BEFORE_ALL = -(1 << 62)
_TOKEN_CHARACTERS = "".join(chr(code) for code in range(1, 128) if not chr(code).isalnum() and code != 10)
_READY = "(SELECT value FROM search_state WHERE name = 'ready') = 1"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _option(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _status(of: str) -> str:
    cases = " ".join(f"WHEN '{name}' THEN {code}" for name, code in STATUS_CODES.items() if code)
    return f"CASE {of}.status {cases} ELSE 0 END"


def grams(kind: str, text: str) -> dict[str, None]:
    """Every three letters in a row, the last two and the last one, each once and in order; takes time by the length."""
    return dict.fromkeys(kind + text[at : at + 3] for at in range(len(text)))


def tokens_of(name: str, email: str, phone: str, assignee: int, team: int, waiting: int, custom: str) -> str:
    """The tokens of an entry, one to a line; ``custom`` begins and ends with a line end, or is empty.

    The same values must give the same tokens for as long as an index lives: they are how an entry is taken out of it.
    """
    found = {**grams("n", name), **grams("e", email), **grams("p", phone)}
    fields = ["c" + field for field in custom.split("\n") if field]
    return "\n".join([*found, f"a{assignee}", f"t{team}", *([WAITS] if waiting else []), *fields])


def words_of(body: str) -> str:
    """The words of a message, each once."""
    return " ".join(dict.fromkeys(word[:LONGEST_WORD] for word in text_words(fold(body))))


def says_all(body: str, texts: str) -> bool:
    """Whether the message has every one of ``texts``, a JSON array."""
    return says(body, _listed(texts))


@lru_cache(maxsize=16)
def _listed(texts: str) -> tuple[str, ...]:
    """The array, read once for the thousand messages that are compared with it."""
    return tuple(json.loads(texts))


FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("search_tokens_of", 7, tokens_of),
    ("search_words_of", 1, words_of),
    ("search_says", 2, says_all),
)
"""What the statements of this module call: name, arguments, function. Each connection that settles needs them."""


def add_functions(connection: Any) -> None:
    """Give a connection what the statements of this module call."""
    for name, arguments, function in FUNCTIONS:
        connection.create_function(name, arguments, function, deterministic=True)


def document(of: str) -> str:
    """The tokens of an entry, in SQL."""
    columns = ("name", "email", "phone", "assignee_id", "team_id", "waiting", "custom")
    return f"search_tokens_of({', '.join(f'{of}.{column}' for column in columns)})"


def custom_of(contact: str) -> str:
    """The custom fields of a contact, each between two line ends."""
    joined = "char(10) || group_concat(value_folded, char(10)) || char(10)"
    return f"(SELECT coalesce({joined}, '') FROM contact_fields WHERE contact_id = {contact})"


def _in_words(row: str, column: str) -> str:
    """What the tokens say of a column: of the wait only that there is one."""
    return f"({row}.{column} > 0)" if column == "waiting" else f"{row}.{column}"


_INDEX = (
    f"CREATE VIRTUAL TABLE {WORDS} USING fts5(tokens, content='', detail=none, columnsize=0, prefix='2 3', "
    f"tokenize={_option('ascii tokenchars ' + _quoted(_TOKEN_CHARACTERS))})"
)
_INDEXED = ("place", "status", "assignee_id", "team_id", "waiting", "name", "email", "phone", "custom")
_INDEXED_DIFFERS = " OR ".join(f"{_in_words('NEW', name)} <> {_in_words('OLD', name)}" for name in _INDEXED)
_NOTE = (
    f"INSERT OR IGNORE INTO search_changes (contact_id, {', '.join(_INDEXED)}) "
    f"VALUES (OLD.contact_id, {', '.join(f'OLD.{name}' for name in _INDEXED)});"
)

LONGEST_BEGINNING = 5
"""Letters of a word's beginning that the index of messages has in order; of longer ones it would sort all hits."""
_BEGINNINGS = " ".join(map(str, range(1, LONGEST_BEGINNING + 1)))
_TEXT_INDEX = (
    f"CREATE VIRTUAL TABLE {TEXTS} USING fts5(words, content='', detail=none, columnsize=0, prefix='{_BEGINNINGS}', "
    f"tokenize={_option('ascii tokenchars ' + _quoted('_'))})"
)
_INDEXED_TEXTS = "(SELECT value FROM search_state WHERE name = 'texts')"
_TEXT_TRIGGER = f"""CREATE TRIGGER search_texts_update AFTER UPDATE OF body ON timeline WHEN NEW.body <> OLD.body
 AND OLD.id <= {_INDEXED_TEXTS}
BEGIN INSERT OR IGNORE INTO search_taken_back (id, body) VALUES (OLD.id, OLD.body); END"""
SETTLE_TEXTS = (
    f"INSERT INTO {TEXTS} ({TEXTS}, rowid, words) SELECT 'delete', id, search_words_of(body) FROM search_taken_back "
    "WHERE body <> ''",
    f"INSERT INTO {TEXTS} (rowid, words) SELECT t.id, search_words_of(t.body) FROM search_taken_back c "
    "JOIN timeline t ON t.id = c.id WHERE t.body <> ''",
    "DELETE FROM search_taken_back",
    f"INSERT INTO {TEXTS} (rowid, words) SELECT id, search_words_of(body) FROM timeline "
    f"WHERE id > {_INDEXED_TEXTS} AND body <> '' ORDER BY id",
    "UPDATE search_state SET value = (SELECT coalesce(max(id), 0) FROM timeline) WHERE name = 'texts'",
)
"""Bring the index of messages up to the threads: what was taken back leaves it, what is new goes in."""
EMPTY_TEXTS = (
    f"INSERT INTO {TEXTS} ({TEXTS}) VALUES ('delete-all')",
    "DELETE FROM search_taken_back",
    "UPDATE search_state SET value = 0 WHERE name = 'texts'",
)

SETTLE = (
    f"INSERT INTO {WORDS} ({WORDS}, rowid, tokens) SELECT 'delete', c.place * 4 + c.status, {document('c')} "
    "FROM search_changes c WHERE c.place IS NOT NULL",
    f"INSERT INTO {WORDS} (rowid, tokens) SELECT e.place * 4 + e.status, {document('e')} "
    "FROM search_changes c JOIN search_entries e ON e.contact_id = c.contact_id ORDER BY e.place",
    "DELETE FROM search_changes",
)
"""Bring the index up to the entries; every writing transaction does so before it commits."""

_BUCKET = (
    "(SELECT bucket FROM search_buckets WHERE (first_at, first_id) <= (NEW.last_activity_at, NEW.contact_id) "
    "ORDER BY first_at DESC, first_id DESC LIMIT 1)"
)
_NEWEST = "(SELECT contact_id FROM conversations ORDER BY last_activity_at DESC, contact_id DESC LIMIT 1)"
_TAKE_PLACE = f"""
INSERT INTO search_buckets (first_at, first_id, used) SELECT NEW.last_activity_at, NEW.contact_id, 0
 WHERE NEW.contact_id = {_NEWEST} AND (SELECT used FROM search_buckets ORDER BY bucket DESC LIMIT 1) >= {BUCKET_ROWS};
UPDATE search_buckets SET used = used + 1 WHERE bucket = {_BUCKET};
UPDATE search_state SET value = 0 WHERE name = 'ready'
 AND (SELECT used FROM search_buckets WHERE bucket = {_BUCKET}) >= {_PLACES};
"""
"""A place for a conversation in the bucket of its time. One that is full for good makes the whole index wait."""
_PLACE = f"(SELECT bucket * {_PLACES} + used FROM search_buckets WHERE bucket = {_BUCKET})"

_SEARCH_TRIGGERS = (
    f"CREATE TRIGGER search_entries_insert AFTER INSERT ON search_entries WHEN {_READY} "
    "BEGIN INSERT OR IGNORE INTO search_changes (contact_id) VALUES (NEW.contact_id); END",
    f"CREATE TRIGGER search_entries_delete AFTER DELETE ON search_entries WHEN {_READY} BEGIN {_NOTE} END",
    f"CREATE TRIGGER search_entries_update AFTER UPDATE ON search_entries WHEN {_READY} AND ({_INDEXED_DIFFERS}) "
    f"BEGIN {_NOTE} END",
    f"""CREATE TRIGGER search_conversations_insert AFTER INSERT ON conversations WHEN {_READY} BEGIN {_TAKE_PLACE}
INSERT INTO search_entries SELECT {_PLACE}, NEW.contact_id, NEW.last_activity_at, {_status("NEW")},
 coalesce(NEW.assignee_id, 0), coalesce(NEW.team_id, 0), coalesce(NEW.waiting_since, 0), c.name_folded,
 c.email_folded, c.phone_digits,
 {custom_of("c.id")} FROM contacts c WHERE c.id = NEW.contact_id; END""",
    f"""CREATE TRIGGER search_conversations_move AFTER UPDATE OF last_activity_at ON conversations
WHEN NEW.last_activity_at <> OLD.last_activity_at AND {_READY} BEGIN {_TAKE_PLACE}
UPDATE search_entries SET at = NEW.last_activity_at, status = {_status("NEW")},
 assignee_id = coalesce(NEW.assignee_id, 0), team_id = coalesce(NEW.team_id, 0),
 waiting = coalesce(NEW.waiting_since, 0),
 place = CASE WHEN place / {_PLACES} = {_BUCKET} THEN place ELSE {_PLACE} END
 WHERE contact_id = NEW.contact_id; END""",
    f"""CREATE TRIGGER search_conversations_change
AFTER UPDATE OF status, assignee_id, team_id, waiting_since ON conversations
WHEN NEW.last_activity_at = OLD.last_activity_at AND {_READY} BEGIN
UPDATE search_entries SET status = {_status("NEW")}, assignee_id = coalesce(NEW.assignee_id, 0),
 team_id = coalesce(NEW.team_id, 0), waiting = coalesce(NEW.waiting_since, 0)
 WHERE contact_id = NEW.contact_id; END""",
    f"CREATE TRIGGER search_conversations_delete AFTER DELETE ON conversations WHEN {_READY} "
    "BEGIN DELETE FROM search_entries WHERE contact_id = OLD.contact_id; END",
    f"""CREATE TRIGGER search_contacts_update AFTER UPDATE OF name_folded, email_folded, phone_digits ON contacts
WHEN {_READY} BEGIN UPDATE search_entries SET name = NEW.name_folded, email = NEW.email_folded,
 phone = NEW.phone_digits WHERE contact_id = NEW.id; END""",
    *(
        f"CREATE TRIGGER search_fields_{event.lower()} AFTER {event} ON contact_fields WHEN {_READY} BEGIN "
        f"UPDATE search_entries SET custom = {custom_of(f'{row}.contact_id')} WHERE contact_id = {row}.contact_id; END"
        for event, row in (("INSERT", "NEW"), ("DELETE", "OLD"))
    ),
)


def _counted(table: str, key: str, values: str) -> str:
    return (
        f"INSERT INTO {table} ({key}, number) VALUES ({values}, 1) "
        f"ON CONFLICT ({key}) DO UPDATE SET number = number + 1;"
    )


def _conversation(row: str) -> str:
    return f"coalesce({row}.assignee_id, 0), coalesce({row}.team_id, 0), {row}.status"


_CONVERSATION_KEY = "assignee_id, team_id, status"
_COUNT_CONVERSATION = _counted("conversation_counts", _CONVERSATION_KEY, _conversation("NEW"))
_FORGET_CONVERSATION = (
    f"UPDATE conversation_counts SET number = number - 1 WHERE ({_CONVERSATION_KEY}) = ({_conversation('OLD')});"
)
_COUNT_TAG = _counted("tag_counts", "tag_folded, tag", "NEW.tag_folded, NEW.tag")
_FORGET_TAG = "UPDATE tag_counts SET number = number - 1 WHERE (tag_folded, tag) = (OLD.tag_folded, OLD.tag);"


def _kind(row: str) -> str:
    return f"(SELECT kind FROM channels WHERE id = {row}.channel_id)"


def _has_other(row: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM contact_channels o JOIN channels h ON h.id = o.channel_id "
        f"WHERE o.contact_id = {row}.contact_id AND o.id <> {row}.id AND h.kind = {_kind(row)})"
    )


_COUNTER_TRIGGERS = (
    f"CREATE TRIGGER count_conversations_insert AFTER INSERT ON conversations BEGIN {_COUNT_CONVERSATION} END",
    f"CREATE TRIGGER count_conversations_delete AFTER DELETE ON conversations BEGIN {_FORGET_CONVERSATION} END",
    "CREATE TRIGGER count_conversations_update AFTER UPDATE OF status, assignee_id, team_id ON conversations "
    f"WHEN ({_conversation('NEW')}) <> ({_conversation('OLD')}) BEGIN {_FORGET_CONVERSATION} {_COUNT_CONVERSATION} END",
    f"CREATE TRIGGER count_tags_insert AFTER INSERT ON contact_tags BEGIN {_COUNT_TAG} END",
    f"CREATE TRIGGER count_tags_delete AFTER DELETE ON contact_tags BEGIN {_FORGET_TAG} END",
    f"CREATE TRIGGER count_channels_insert AFTER INSERT ON contact_channels WHEN NOT {_has_other('NEW')} "
    f"BEGIN {_counted('channel_counts', 'kind', _kind('NEW'))} END",
    f"CREATE TRIGGER count_channels_delete AFTER DELETE ON contact_channels WHEN NOT {_has_other('OLD')} "
    f"BEGIN UPDATE channel_counts SET number = number - 1 WHERE kind = {_kind('OLD')}; END",
)

EMPTY = (
    "UPDATE search_state SET value = 0 WHERE name = 'ready'",
    f"INSERT INTO {WORDS} ({WORDS}) VALUES ('delete-all')",
    "DELETE FROM search_changes",
    "DELETE FROM search_entries",
    "DELETE FROM search_buckets",
)
"""Take everything out of the index and let it wait."""

FILL = (
    f"""INSERT INTO search_entries
SELECT ((n - 1) / {BUCKET_ROWS} + 1) * {_PLACES} + (n - 1) % {BUCKET_ROWS} + 1, v.contact_id, v.last_activity_at,
 {_status("v")}, coalesce(v.assignee_id, 0), coalesce(v.team_id, 0), v.waiting, c.name_folded, c.email_folded,
 c.phone_digits, {custom_of("c.id")}
FROM (SELECT contact_id, last_activity_at, status, assignee_id, team_id, coalesce(waiting_since, 0) AS waiting,
 row_number() OVER (ORDER BY last_activity_at, contact_id) AS n FROM conversations) v
 CROSS JOIN contacts c ON c.id = v.contact_id""",
    f"""INSERT INTO search_buckets SELECT place / {_PLACES}, at, contact_id, {BUCKET_ROWS} FROM search_entries
WHERE place % {_PLACES} = 1""",
    f"UPDATE search_buckets SET first_at = {_BEFORE_ALL}, first_id = 0 WHERE bucket = 1",
    f"INSERT OR IGNORE INTO search_buckets VALUES (1, {_BEFORE_ALL}, 0, 0)",
    f"INSERT INTO {WORDS} (rowid, tokens) SELECT e.place * 4 + e.status, {document('e')} FROM search_entries e "
    "ORDER BY e.place",
    "UPDATE search_state SET value = 1 WHERE name = 'ready'",
)
"""Put every conversation into an empty index, sorted once."""

_COUNTED = {
    "conversation_counts": f"SELECT {_conversation('v')}, count(*) FROM conversations v GROUP BY 1, 2, 3",
    "tag_counts": "SELECT tag_folded, tag, count(*) FROM contact_tags GROUP BY tag_folded, tag",
    "channel_counts": "SELECT h.kind, count(DISTINCT o.contact_id) FROM contact_channels o "
    "JOIN channels h ON h.id = o.channel_id GROUP BY h.kind",
}
COUNT = tuple(
    statement
    for table, counted in _COUNTED.items()
    for statement in (f"DELETE FROM {table}", f"INSERT INTO {table} {counted}")
)
"""Reckon every counter anew."""

REBUILD = (
    *(*EMPTY, *FILL, *EMPTY_TEXTS, *SETTLE_TEXTS, *COUNT),
    *(f"INSERT INTO {index} ({index}) VALUES ('optimize')" for index in (WORDS, TEXTS)),
)
"""Make index and counters anew, the index in one piece: in pieces it takes ten times as long to find the newest."""

_SOURCE = f"""SELECT v.contact_id, v.last_activity_at, {_status("v")}, coalesce(v.assignee_id, 0),
 coalesce(v.team_id, 0), coalesce(v.waiting_since, 0), c.name_folded, c.email_folded, c.phone_digits
 FROM conversations v
 JOIN contacts c ON c.id = v.contact_id"""
_ENTRIES = "SELECT contact_id, at, status, assignee_id, team_id, waiting, name, email, phone FROM search_entries"
_STALE = "The search index does not hold what the contacts and conversations say; it needs to be built anew."


def _recount(table: str, counted: str) -> tuple[str, str]:
    kept = f"SELECT * FROM {table} WHERE number > 0"
    differing = f"SELECT * FROM ({kept} EXCEPT {counted}) UNION ALL SELECT * FROM ({counted} EXCEPT {kept})"
    return differing, f"The numbers in {table} are not those of the rows; they need to be counted anew."


CHECKS = (
    (
        "SELECT 1 FROM search_state WHERE name = 'ready' AND value = 0",
        "The search index is not built; search looks at every contact until it is.",
    ),
    ("SELECT 1 FROM search_changes", "The search index has not taken in the last changes."),
    (
        f"SELECT 1 FROM timeline WHERE id > {_INDEXED_TEXTS} UNION ALL SELECT 1 FROM search_taken_back",
        "The search index has not taken in the last messages.",
    ),
    (f"{_SOURCE} EXCEPT {_ENTRIES}", _STALE),
    (f"{_ENTRIES} EXCEPT {_SOURCE}", _STALE),
    (f"SELECT 1 FROM search_entries WHERE custom <> {custom_of('search_entries.contact_id')}", _STALE),
    (
        f"""SELECT 1 FROM search_entries e JOIN search_buckets b ON b.bucket = e.place / {_PLACES}
LEFT JOIN search_buckets n ON n.bucket = b.bucket + 1
WHERE (e.at, e.contact_id) < (b.first_at, b.first_id) OR (e.at, e.contact_id) >= (n.first_at, n.first_id)""",
        "The search index holds conversations in the wrong place of the list; it needs to be built anew.",
    ),
    *(_recount(table, counted) for table, counted in _COUNTED.items()),
)
"""Queries that find a row where something is wrong, and what that is."""

LOST = f"""SELECT e.contact_id FROM search_entries e WHERE e.name <> '' AND NOT EXISTS (
 SELECT 1 FROM {WORDS} w WHERE {WORDS} MATCH '"n' || replace(substr(e.name, 1, 3), '"', '""') || '" AND a' ||
 e.assignee_id || ' AND t' || e.team_id AND w.rowid = e.place * 4 + e.status)
 AND e.contact_id % (1 + (SELECT max(contact_id) FROM search_entries) / 500) = 0"""
"""Of some entries, those that the index does not have under the beginning of their name, their assignee and team."""

LOST_TEXTS = f"""SELECT id FROM (SELECT id, search_words_of(body) AS spoken FROM timeline
 WHERE id % (1 + (SELECT max(id) FROM timeline) / 500) = 0)
 WHERE spoken <> '' AND NOT EXISTS (SELECT 1 FROM {TEXTS} x WHERE x.rowid = id
 AND {TEXTS} MATCH '"' || substr(spoken, 1, instr(spoken || ' ', ' ') - 1) || '"')"""
"""Of some messages, those that the index does not have under their first word."""

WAITING = "ix_search_entries_waiting"
_WAITING_INDEX = (
    f"CREATE INDEX {WAITING} ON search_entries "
    "(waiting, contact_id, status, assignee_id, team_id, name, email, phone, custom) WHERE waiting > 0"
)
"""Who has waited longest, with all that a search compares: to find what many have, no entry is looked at."""
SCHEMA = (
    "INSERT INTO search_state (name, value) VALUES ('ready', 0), ('sampled', 0), ('texts', 0)",
    _INDEX,
    _WAITING_INDEX,
    _TEXT_INDEX,
    _TEXT_TRIGGER,
    *_SEARCH_TRIGGERS,
    *_COUNTER_TRIGGERS,
)
"""What a new schema has beside the tables."""
LEARN_WAITING = (
    *(f"DROP TRIGGER {trigger.split()[2]}" for trigger in _SEARCH_TRIGGERS),
    "UPDATE search_entries SET waiting = (SELECT coalesce(waiting_since, 0) FROM conversations v "
    "WHERE v.contact_id = search_entries.contact_id) WHERE waiting = 1",
    f"DROP INDEX IF EXISTS {WAITING}",
    _WAITING_INDEX,
    *_SEARCH_TRIGGERS,
)
"""For an index that knew only who waits, and not since when."""
