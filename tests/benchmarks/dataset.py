"""A workspace of any size, quickly: rows put straight into the tables, the index built once."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from tui_inbox.repository.sqlite_search_schema import (
    EMPTY,
    EMPTY_TEXTS,
    REBUILD,
    add_functions,
    words_of,
)
from tui_inbox.repository.store import Store

FIRST = [
    "Maria", "Mark", "Marcel", "Marta", "Amara", "Tamar", "Ana", "Anton", "Oscar", "Carlos", "Carla", "Scarlet", "John",
    "Johanna", "Peter", "Petra", "Li", "Wei", "Yuki", "Noah", "Emma", "Olga", "Ivan", "Fatima", "Omar",
    "Lucas", "Mia", "Elias", "Ines", "Pablo", "Nadia", "Hugo", "Zoe", "Quentin", "Xavier", "Sofia", "Ulrike", "Gita",
]  # fmt: skip
LAST = [
    "Smith", "Garcia", "Santos", "Mueller", "Schmidt", "Rossi", "Kowalski", "Novak", "Silva", "Pereira", "Costa", "Kim",
    "Tanaka", "Chen", "Wang", "Ivanova", "Petrov", "Okafor", "Haddad", "Larsen", "Nielsen", "Dubois", "Martin", "Lopez",
    "Bernard", "Gonzalez", "Brown", "Jones", "Taylor", "Davies", "Marquez", "Quispe", "Zhukov",
]  # fmt: skip
CJK = "王李张刘陈杨赵黄周吴小明芳伟娜敏静丽强磊"
DOMAINS = ("gmail.com", "hotmail.com", "example.com", "yahoo.co.uk", "web.de", "corp.example", "mail.example.org")
AGENTS = 50
MESSAGES = 10
"""Messages of each contact."""
_SAID = (
    "the a to my order is not here yet when will it come please thanks that solved for us parcel damaged refund "
    "invoice wrong size blue red shoes lamp return label printed address changed delivery tomorrow hello good "
    "morning we have sent you link track number question about account password bill payment card"
)
BODIES = [" ".join(random.Random(n).choices(_SAID.split(" "), k=4 + n % 9)) for n in range(997)]
BODIES += ["The quick brown ferret asks for a credit note", "您好，我的包裹在哪里"]
"""What they say; the last two are rare."""
_MESSAGES = """INSERT INTO timeline (contact_id, seq, at, arrived_at, direction, body)
WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < :number)
SELECT v.contact_id, n.n + 1, v.last_activity_at - (:number - n.n) * 3600000000, v.last_activity_at,
 CASE n.n % 2 WHEN 0 THEN 'inbound' ELSE 'outbound' END, b.body
FROM conversations v CROSS JOIN n CROSS JOIN temp.bodies b
ON b.n = CASE WHEN (v.contact_id * 10 + n.n) % 20011 < 2 THEN 997 + (v.contact_id * 10 + n.n) % 20011
 ELSE (v.contact_id * 7919 + n.n * 31) % 99991 % 997 END ORDER BY v.contact_id, n.n"""
STATUSES = ("open", "snoozed", "closed", "closed", "closed", "none")
NOW = 1_790_000_000_000_000
"""Microseconds of the newest activity."""


def _people(count: int) -> Iterator[tuple[Any, ...]]:
    rng = random.Random(7)
    for ident in range(1, count + 1):
        if rng.random() < 0.03:
            first, last = rng.choice(CJK) + rng.choice(CJK), rng.choice(CJK)
            email = ""
        else:
            first, last = (
                rng.choice(FIRST),
                rng.choice(LAST) + rng.choice(["", "", "son", "ova", f"-{rng.choice(LAST)}"]),
            )
            email = f"{first}.{last}{rng.randrange(9999)}@{rng.choice(DOMAINS)}".lower()
        phone = f"+{rng.choice([1, 34, 44, 49, 55, 86])}{rng.randrange(10**9, 10**10)}"
        yield ident, first, last, email, phone, f"{first} {last}".casefold(), email, phone[1:], "en", "US", "en", "us"


def _conversations(count: int) -> Iterator[tuple[Any, ...]]:
    rng = random.Random(8)
    for ident in range(1, count + 1):
        status = rng.choice(STATUSES)
        assignee = None if rng.random() < 0.3 else rng.randrange(AGENTS) + 1
        at = NOW - rng.randrange(180 * 86_400) * 1_000_000
        waiting = at if status == "open" and rng.random() < 0.5 else None
        ends = at + 86_400_000_000 if rng.random() < 0.7 else None
        yield (
            ident,
            status,
            assignee,
            at,
            waiting,
            "Thanks, that solved it for us",
            "inbound",
            at,
            ends is not None,
            ends,
        )


async def make(path: Path, contacts: int, messages: int = MESSAGES) -> None:
    """Write a workspace of ``contacts``, each with ``messages``, into a new file."""
    await (await Store.open(str(path))).close()
    connection = sqlite3.connect(path, isolation_level=None)
    add_functions(connection)
    connection.create_function("search_words_of", 1, lru_cache(2000)(words_of))  # they say only a thousand things
    connection.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN")
    for statement in (*EMPTY, *EMPTY_TEXTS):
        connection.execute(statement)
    connection.executemany(
        "INSERT INTO agents (id, handle, handle_folded, role) VALUES (?, ?, ?, 'agent')",
        ((n, f"agent-{n}", f"agent-{n}") for n in range(1, AGENTS + 1)),
    )
    connection.executemany(
        "INSERT INTO channels (id, name, name_folded, kind) VALUES (?, ?, ?, ?)",
        ((n, kind, kind, kind) for n, kind in enumerate(("whatsapp", "telegram", "email"), 1)),
    )
    connection.executemany(
        "INSERT INTO contacts (id, first_name, last_name, email, phone, name_folded, email_folded, phone_digits, "
        f"language, country, language_folded, country_folded, created_at) VALUES ({'?, ' * 12} 0)",
        _people(contacts),
    )
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'count%'")
    kept = triggers.fetchall()
    for name, _ in kept:
        connection.execute(f"DROP TRIGGER {name}")
    connection.executemany(
        "INSERT INTO contact_channels (contact_id, channel_id, address, started) VALUES (?, ?, ?, 1)",
        ((n, 1 + n * k % 3, f"{n}-{k}") for n in range(1, contacts + 1) for k in range(2 + n % 3)),
    )
    connection.executemany(
        "INSERT INTO contact_tags (contact_id, tag_folded, tag) VALUES (?, ?, ?)",
        ((n, tag, tag.upper()) for n in range(1, contacts + 1) for tag in ("vip", "new")[: n % 5 // 3]),
    )
    connection.executemany(
        "INSERT INTO conversations (last_seq, contact_id, status, assignee_id, last_activity_at, waiting_since, "
        "preview, preview_direction, preview_at, has_window, window_ends_at) "
        "VALUES (100, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        _conversations(contacts),
    )
    for _, sql in kept:
        connection.execute(sql)
    connection.execute("CREATE TEMP TABLE bodies (n INTEGER PRIMARY KEY, body TEXT)")
    connection.executemany("INSERT INTO bodies VALUES (?, ?)", enumerate(BODIES))
    connection.execute(_MESSAGES, {"number": messages})
    for statement in REBUILD:
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.close()
    store = await Store.open(str(path))
    await store.write(lambda unit: unit.search.settle())
    await store.close()
