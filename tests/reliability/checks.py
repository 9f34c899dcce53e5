"""What must hold whatever happened: the database against itself, and the database against the truth.

Every function returns violations in words; an empty list is what is promised. Message texts are the harness's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from itertools import pairwise

from tests.reliability.place import KEYED, Place

MICRO = 1_000_000
"""Instants are kept in microseconds."""


def sound(place: Place) -> list[str]:
    """The file itself."""
    found = [row[0] for row in place.ask("PRAGMA integrity_check")]
    broken = place.ask("PRAGMA foreign_key_check")
    return [f"integrity_check: {line}" for line in found if line != "ok"] + [f"foreign key: {row}" for row in broken]


def delivered(place: Place) -> list[str]:
    """Nothing is lost and nothing is marked as sent that nobody got."""
    violations = []
    states = dict(place.ask("SELECT message_id, state FROM outbox"))
    for message_id, text in place.queued.items():
        state, times = states.get(message_id, "gone"), len(place.truth.got(text))
        if state != "sent":
            violations.append(f"lost: '{text}' is {state}, the customer got it {times} times")
        elif times == 0:
            violations.append(f"falsely sent: '{text}' is sent, the customer never got it")
    return violations


def duplicates(place: Place) -> list[str]:
    """Nobody got a message again without a person having said so in between, as the record has it."""
    said: dict[str, list[float]] = defaultdict(list)
    for message_id, at in place.ask(
        "SELECT message_id, at FROM activity WHERE kind = 'send_again' AND actor_id IS NOT NULL "
        "AND json_extract(detail, '$.from') = 'uncertain'"
    ):
        said[message_id].append(at / MICRO)
    violations = []
    for message_id, text in place.queued.items():
        got = place.truth.got(text)
        for before, after in pairwise(got):
            keyed = before.channel in KEYED
            if keyed or not any(before.at < at < after.at for at in said[message_id]):
                violations.append(f"duplicate: '{text}' on {'keyed' if keyed else 'keyless'} {before.channel}")
    return violations


def inversions(place: Place) -> list[str]:
    """Each customer got the messages of each channel in the order in which they were queued."""
    order = {
        message_id: ((contact, channel), seq)
        for message_id, contact, channel, seq in place.ask("SELECT message_id, contact_id, channel_id, seq FROM outbox")
    }
    by_text = {text: message_id for message_id, text in place.queued.items()}
    last: dict[tuple[int, int], int] = {}
    violations = []
    seen = set()
    for accepted in place.truth.accepted:
        message_id = by_text[accepted.text]
        if message_id in seen:
            continue  # a duplicate is counted as one
        seen.add(message_id)
        line, seq = order[message_id]
        if seq < last.get(line, 0):
            violations.append(f"order: '{accepted.text}' came after a later one")
        last[line] = seq
    return violations


def invariants(place: Place, *, ignore: Collection[str] = ()) -> list[str]:
    """I1, I2 and I6 to I8 of section 1.6 as far as the database alone tells; I3 to I5 are above."""
    lease = place.timing.lease.total_seconds()
    needed = place.timing.needed
    queries = {
        "I1 unsettled and unowned": (
            "SELECT message_id FROM outbox WHERE state IN ('leased', 'sending') "
            f"AND lease_until < {int((place.clock().timestamp() - 120) * MICRO)}"
        ),
        "I2 sent without evidence": (
            "SELECT message_id FROM outbox o WHERE state = 'sent' AND provider_id = '' AND confirmed_by_id IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.message_id = o.message_id "
            "AND a.outcome IN ('accepted', 'receipt'))"
        ),
        "I5 first byte too late in its lease": (
            "SELECT message_id FROM attempts WHERE first_byte_at IS NOT NULL "
            f"AND (first_byte_at - leased_at) > {int((lease - needed) * MICRO)}"
        ),
        "I6 gap in the attempts": (
            "SELECT o.message_id FROM outbox o WHERE o.attempts != (SELECT count(*) FROM attempts a "
            "WHERE a.message_id = o.message_id) OR o.attempts != coalesce((SELECT max(n) FROM attempts a "
            "WHERE a.message_id = o.message_id), 0)"
        ),
        "I7 change without a line of record": (
            "SELECT o.message_id FROM outbox o WHERE o.version != (SELECT count(*) FROM activity a "
            "WHERE a.message_id = o.message_id AND a.kind LIKE 'message_%')"
        ),
        "I7 last line of record is of another state": (
            "SELECT o.message_id FROM outbox o WHERE 'message_' || o.state != (SELECT a.kind FROM activity a "
            "WHERE a.message_id = o.message_id AND a.kind LIKE 'message_%' ORDER BY a.id DESC LIMIT 1)"
        ),
        "message without its line in the thread": (
            "SELECT message_id FROM outbox o WHERE NOT EXISTS "
            "(SELECT 1 FROM timeline t WHERE t.message_id = o.message_id)"
        ),
        "two on the way to one contact": (
            "SELECT min(message_id) FROM outbox WHERE state IN ('leased', 'sending') "
            "GROUP BY contact_id, channel_id HAVING count(*) > 1"
        ),
        "gap in the numbers of a thread": (
            "SELECT contact_id FROM timeline GROUP BY contact_id HAVING count(*) != max(seq)"
        ),
    }
    return [f"{name}: {row[0]}" for name, sql in queries.items() if name not in ignore for row in place.ask(sql)]


def everything(place: Place) -> list[str]:
    """All of the above, after everything has come to rest."""
    return [
        *sound(place),
        *delivered(place),
        *duplicates(place),
        *inversions(place),
        *invariants(place),
    ]


def counted(violations: Collection[str], beginning: str) -> int:
    """How many violations are of a kind."""
    return sum(violation.startswith(beginning) for violation in violations)
