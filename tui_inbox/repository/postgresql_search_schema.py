"""The search index of PostgreSQL: what is built, and the triggers that keep it.

``search_entries`` holds what search compares of each conversation; a GIN index over :data:`TOKENS` finds it. Tokens are
numbers: every one, two or three letters in a row of name, email and digits of phone, the beginning of a custom field,
the assignee, the team, whether the customer waits for an answer, and where in the order of last activity the
conversation is: in which bucket of :data:`BUCKET_ROWS`, in which four of them, sixteen, and so on. A page is asked of
the newest buckets first and of ever larger groups of older ones, so that neither a common word nor a rare one sorts
many rows.

``place`` is the bucket and the contact. Nobody counts what a bucket holds, since all who write would wait for that
number: now and then, by chance, one who adds looks whether the newest is full, and begins another.
"""

from __future__ import annotations

BUCKET_ROWS = 1024
BUCKET_SHIFT = 40
"""Bits of a place that name the contact."""
LEVELS = 5
"""Sizes of groups of buckets that have a token: 1, 4, 16, 64, 256."""
STATUS_CODES = {"none": 0, "snoozed": 1, "open": 2, "closed": 3}
LETTERS = 1114112
"""How many different letters there are; three of them and a kind fit into one number."""
KINDS = {"n": 0, "e": 1, "p": 2, "c": 3}
WAITS = "w"
"""Stands for the wait among the pieces whose share is known."""
ASSIGNEE, TEAM, BUCKET, WAITING = 0, 1, 2, 3
"""Kinds of tokens below zero, see :func:`negative`."""

_BEFORE_ALL = -(1 << 62)
_READY = "(SELECT value FROM search_state WHERE name = 'ready') = 1"
_TOLD = ("place", "assignee_id", "team_id", "waiting", "name", "email", "phone", "custom")
TOKENS = f"search_tokens_of({', '.join(f'search_entries.{name}' for name in _TOLD)})"


def letters(kind: str, text: str) -> int:
    """The token of one, two or three letters."""
    first, second, third = (ord(text[at]) if at < len(text) else 0 for at in range(3))
    return ((first * LETTERS + second) * LETTERS + third) * 4 + KINDS[kind]


def negative(kind: int, number: int) -> int:
    """The token of an assignee, a team (0 = none), those who wait (0), or, with its level, a group of buckets."""
    return -(number * 4 + kind + 1)


def group(bucket: int, level: int) -> int:
    """The token of the group of ``4 ** level`` buckets that ``bucket`` is in."""
    return negative(BUCKET, (bucket >> 2 * level) * 8 + level)


_GRAMS = f"""CREATE FUNCTION search_grams(kind int, words text) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
DECLARE found bigint[] := '{{}}'; c bigint[]; a bigint; n int := length(words);
BEGIN
 IF n = 0 THEN RETURN found; END IF;
 c := array(SELECT ascii(x) FROM unnest(string_to_array(words, NULL)) x);
 FOR i IN 1..n LOOP
  a := c[i] * {LETTERS * LETTERS * 4} + kind;
  found := found || a;
  IF i < n THEN a := a + c[i + 1] * {LETTERS * 4}; found := found || a; END IF;
  IF i < n - 1 THEN found := found || (a + c[i + 2] * 4); END IF;
 END LOOP;
 RETURN found;
END $body$"""
_BEGINNINGS = f"""CREATE FUNCTION search_beginnings(words text) RETURNS bigint[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $body$
SELECT coalesce(array_agg((CASE WHEN length(x) > 0 THEN ascii(x)::bigint ELSE 0 END * {LETTERS * LETTERS}
 + CASE WHEN length(x) > 1 THEN ascii(substr(x, 2, 1))::bigint ELSE 0 END * {LETTERS}
 + CASE WHEN length(x) > 2 THEN ascii(substr(x, 3, 1)) ELSE 0 END) * 4 + {KINDS["c"]}), '{{}}')
FROM unnest(string_to_array(words, chr(10))) x $body$"""
_GROUPS = " || ".join(
    f"(-(((place >> {BUCKET_SHIFT + 2 * level}) * 8 + {level}) * 4 + {BUCKET + 1}))" for level in range(LEVELS)
)
_TOKENS_OF = f"""CREATE FUNCTION search_tokens_of(place bigint, assignee_id bigint, team_id bigint, waiting bigint,
 name text, email text, phone text, custom text)
 RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
BEGIN RETURN search_grams({KINDS["n"]}, name) || search_grams({KINDS["e"]}, email) || search_grams({KINDS["p"]}, phone)
 || search_beginnings(custom) || (-(assignee_id * 4 + {ASSIGNEE + 1})) || (-(team_id * 4 + {TEAM + 1}))
 || CASE WHEN waiting > 0 THEN ARRAY[{negative(WAITING, 0)}]::bigint[] END || {_GROUPS}; END $body$"""
_PLACE = f"""CREATE FUNCTION search_place(at bigint, contact bigint) RETURNS bigint LANGUAGE sql STABLE STRICT AS $body$
SELECT ((SELECT bucket FROM search_buckets WHERE (first_at, first_id) <= (at, contact)
 ORDER BY first_at DESC, first_id DESC LIMIT 1) << {BUCKET_SHIFT}) | contact $body$"""
_CUSTOM = """CREATE FUNCTION search_custom(contact bigint) RETURNS text LANGUAGE sql STABLE STRICT AS $body$
SELECT coalesce(chr(10) || string_agg(value_folded, chr(10) ORDER BY value_folded) || chr(10), '')
FROM contact_fields WHERE contact_id = contact $body$"""
_CLOSE_BUCKET = f"""CREATE FUNCTION search_close_bucket(added bigint) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE newest bigint; held bigint;
BEGIN
 IF random() * {BUCKET_ROWS} > added * 8 THEN RETURN; END IF;
 SELECT max(bucket) INTO newest FROM search_buckets;
 SELECT count(*) INTO held FROM
  (SELECT 1 FROM search_entries WHERE place >= newest << {BUCKET_SHIFT} LIMIT {BUCKET_ROWS}) h;
 IF held >= {BUCKET_ROWS} THEN
  INSERT INTO search_buckets SELECT newest + 1, last_activity_at, contact_id + 1, 0 FROM conversations
   ORDER BY last_activity_at DESC, contact_id DESC LIMIT 1;
 END IF;
END $body$"""


def status_of(row: str) -> str:
    """The number of a status."""
    cases = " ".join(f"WHEN '{name}' THEN {code}" for name, code in STATUS_CODES.items() if code)
    return f"CASE {row}.status {cases} ELSE 0 END"


def _entry(row: str) -> str:
    return (
        f"{row}.contact_id, {row}.last_activity_at AS at, {status_of(row)} AS status, "
        f"coalesce({row}.assignee_id, 0) AS assignee_id, coalesce({row}.team_id, 0) AS team_id, "
        f"coalesce({row}.waiting_since, 0) AS waiting"
    )


_COLUMNS = "place, contact_id, at, status, assignee_id, team_id, waiting, name, email, phone, custom"
_ADD = (
    f"INSERT INTO search_entries ({_COLUMNS}) SELECT search_place(v.last_activity_at, v.contact_id), {_entry('v')}, "
    "c.name_folded, c.email_folded, c.phone_digits, search_custom(c.id) FROM {changed} v "
    "JOIN contacts c ON c.id = v.contact_id"
)
_MOVE = f"""UPDATE search_entries e SET place = search_place(n.at, n.contact_id), at = n.at, status = n.status,
 assignee_id = n.assignee_id, team_id = n.team_id, waiting = n.waiting
 FROM (SELECT {_entry("v")} FROM added v) n JOIN (SELECT {_entry("v")} FROM gone v) o ON o.contact_id = n.contact_id
 WHERE e.contact_id = n.contact_id AND (n.at, n.status, n.assignee_id, n.team_id, n.waiting)
 <> (o.at, o.status, o.assignee_id, o.team_id, o.waiting)"""
_EDIT = """UPDATE search_entries e SET name = n.name_folded, email = n.email_folded, phone = n.phone_digits
 FROM added n WHERE e.contact_id = n.id
 AND (e.name, e.email, e.phone) <> (n.name_folded, n.email_folded, n.phone_digits)"""
_FIELDS = (
    "UPDATE search_entries SET custom = search_custom(contact_id) WHERE contact_id IN (SELECT contact_id FROM changed)"
)
_CLOSE = "PERFORM search_close_bucket((SELECT count(*) FROM added))"
_SAID = "set_config('tui_inbox.said', concat_ws(',', nullif(current_setting('tui_inbox.said', true), ''), {ids}), true)"
_NEW_IDS = "(SELECT string_agg(id::text, ',') FROM added WHERE body <> '')"
_CHANGED_IDS = "(SELECT string_agg(n.id::text, ',') FROM added n JOIN gone o ON o.id = n.id WHERE n.body <> o.body)"
NEW, OLD, BOTH = "NEW TABLE AS added", "OLD TABLE AS gone", "OLD TABLE AS gone NEW TABLE AS added"
KEPT = (
    ("conversations", "INSERT", NEW, f"{_ADD.format(changed='added')}; {_CLOSE};"),
    ("conversations", "UPDATE", BOTH, f"{_MOVE}; {_CLOSE};"),
    ("conversations", "DELETE", OLD, "DELETE FROM search_entries e USING gone g WHERE e.contact_id = g.contact_id;"),
    ("contacts", "UPDATE", NEW, f"{_EDIT};"),
    ("contact_fields", "INSERT", "NEW TABLE AS changed", f"{_FIELDS};"),
    ("contact_fields", "DELETE", "OLD TABLE AS changed", f"{_FIELDS};"),
    ("timeline", "INSERT", NEW, f"PERFORM {_SAID.format(ids=_NEW_IDS)};"),
    ("timeline", "UPDATE", BOTH, f"PERFORM {_SAID.format(ids=_CHANGED_IDS)};"),
    ("timeline", "DELETE", OLD, "DELETE FROM search_texts x USING gone g WHERE x.entry_id = g.id;"),
)
"""Table, event, what the trigger sees, and what it does while the index does not wait. What was said is noted for the
transaction itself, which knows how to fold words: see ``settle``."""


def _triggers() -> list[str]:
    made = []
    for table, event, seen, body in KEPT:
        name = f"search_{table}_{event.lower()}"
        made += [
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN IF {_READY} THEN {body} "
            "END IF; RETURN NULL; END $body$",
            f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {seen} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
        ]
    return made


INDEX = f"CREATE INDEX ix_search_entries_tokens ON search_entries USING gin (({TOKENS.replace('search_entries.', '')}))"
WAITING_INDEX = "CREATE INDEX ix_search_entries_waiting ON search_entries (waiting, contact_id) WHERE waiting > 0"
EMPTY = (
    "UPDATE search_state SET value = 0 WHERE name = 'ready'",
    "DROP INDEX IF EXISTS ix_search_entries_tokens",
    "TRUNCATE search_entries, search_buckets",
)
"""Take everything out of the index and let it wait."""
FILL = (
    f"""INSERT INTO search_buckets SELECT (n - 1) / {BUCKET_ROWS}, last_activity_at, contact_id, 0 FROM
 (SELECT contact_id, last_activity_at, row_number() OVER (ORDER BY last_activity_at, contact_id) AS n
 FROM conversations) v WHERE n % {BUCKET_ROWS} = 1 AND n > 1""",
    f"INSERT INTO search_buckets VALUES (0, {_BEFORE_ALL}, 0, 0)",
    _ADD.format(changed="conversations"),
    INDEX,
    "UPDATE search_state SET value = 1 WHERE name = 'ready'",
)
"""Put every conversation into an empty index."""
TEXTS_INDEX_NAME = "ix_search_texts_words"
TEXTS_INDEX = f"CREATE INDEX {TEXTS_INDEX_NAME} ON search_texts USING gin (words)"
SCHEMA = (
    "INSERT INTO search_state (name, value) VALUES ('ready', 0), ('sampled', 0)",
    "CREATE TABLE search_texts (entry_id bigint PRIMARY KEY, words tsvector NOT NULL)",
    TEXTS_INDEX,
    _GRAMS,
    _BEGINNINGS,
    _TOKENS_OF,
    _PLACE,
    _CUSTOM,
    _CLOSE_BUCKET,
    WAITING_INDEX,
    *_triggers(),
    *FILL,
)
"""What a new schema has beside the tables."""
LEARN_WAITING = (
    *(f"DROP FUNCTION search_{table}_{event.lower()}() CASCADE" for table, event, *_ in KEPT),
    *EMPTY,
    "DROP FUNCTION IF EXISTS search_tokens_of(bigint, bigint, bigint, text, text, text, text)",
    "ALTER TABLE search_entries ALTER COLUMN waiting TYPE bigint",
    "ALTER TABLE search_changes ALTER COLUMN waiting TYPE bigint",
    _TOKENS_OF.replace("CREATE", "CREATE OR REPLACE", 1),
    "DROP INDEX IF EXISTS ix_search_entries_waiting",
    WAITING_INDEX,
    *_triggers(),
    *FILL,
    f"INSERT INTO search_tokens SELECT '{WAITS}', count(*) FILTER (WHERE waiting > 0)::float / count(*) "
    "FROM search_entries HAVING count(*) > 0 ON CONFLICT DO NOTHING",
)
"""For an index that knew only who waits, and not since when: it is made anew."""

_SOURCE = f"""SELECT {_entry("v")}, c.name_folded, c.email_folded, c.phone_digits, search_custom(c.id)
 FROM conversations v JOIN contacts c ON c.id = v.contact_id"""
_ENTRIES = _COLUMNS.removeprefix("place, ")
_STALE = "The search index does not hold what the contacts and conversations say; it needs to be built anew."
CHECKS = (
    (
        "SELECT 1 FROM search_state WHERE name = 'ready' AND value = 0",
        "The search index is not built; search looks at every contact until it is.",
    ),
    (f"{_SOURCE} EXCEPT SELECT {_ENTRIES} FROM search_entries LIMIT 1", _STALE),
    (f"SELECT {_ENTRIES} FROM search_entries EXCEPT {_SOURCE} LIMIT 1", _STALE),
    (
        "SELECT 1 FROM search_entries WHERE place IS DISTINCT FROM search_place(at, contact_id) LIMIT 1",
        "The search index holds conversations in the wrong place of the list; it needs to be built anew.",
    ),
    (
        "SELECT 1 FROM timeline t LEFT JOIN search_texts x ON x.entry_id = t.id "
        "WHERE t.body <> '' AND x.entry_id IS NULL LIMIT 1",
        "The search index does not have all messages; it needs to be built anew.",
    ),
)
"""Queries that find a row where something is wrong, and what that is."""
