"""A workspace of any size, quickly: rows put straight into the tables, the index built once."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tui_inbox.repository.sqlite_search_schema import COUNT, EMPTY, FILL, FUNCTIONS
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


async def make(path: Path, contacts: int) -> None:
    """Write a workspace of ``contacts`` into a new file."""
    await (await Store.open(str(path))).close()
    connection = sqlite3.connect(path, isolation_level=None)
    for name, arguments, function in FUNCTIONS:
        connection.create_function(name, arguments, function, deterministic=True)
    connection.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN")
    for statement in EMPTY:
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
        ((n, 1 + n * k % 3, f"{n}-{k}") for n in range(1, contacts + 1) for k in range(1 + n % 3)),
    )
    connection.executemany(
        "INSERT INTO contact_tags (contact_id, tag_folded, tag) VALUES (?, ?, ?)",
        ((n, tag, tag.upper()) for n in range(1, contacts + 1) for tag in ("vip", "new")[: n % 5 // 3]),
    )
    connection.executemany(
        "INSERT INTO conversations (contact_id, status, assignee_id, last_activity_at, waiting_since, preview, "
        "preview_direction, preview_at, has_window, window_ends_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        _conversations(contacts),
    )
    for _, sql in kept:
        connection.execute(sql)
    for statement in (*FILL, *COUNT):
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.close()
    store = await Store.open(str(path))
    await store.write(lambda unit: unit.search.settle())
    await store.close()
