"""What must hold whatever happened: the database against itself, and the database against the truth.

Every function returns violations in words; an empty list is what is promised. Message texts are the harness's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from itertools import pairwise

from tests.reliability.place import KEYED, Place
from tui_inbox.services.invariants import violations

MICRO = 1_000_000
"""Instants are kept in microseconds."""


def sound(place: Place) -> list[str]:
    """The file itself."""
    found = [row[0] for row in place.ask("PRAGMA integrity_check")]
    broken = place.ask("PRAGMA foreign_key_check")
    return [f"integrity_check: {line}" for line in found if line != "ok"] + [f"foreign key: {row}" for row in broken]


def delivered(place: Place) -> list[str]:
    """Nothing is lost and nothing is marked as sent that nobody got."""
    found = []
    states = dict(place.ask("SELECT message_id, state FROM outbox"))
    for message_id, text in place.queued.items():
        state, times = states.get(message_id, "gone"), len(place.truth.got(text))
        if state != "sent":
            found.append(f"lost: '{text}' is {state}, the customer got it {times} times")
        elif times == 0:
            found.append(f"falsely sent: '{text}' is sent, the customer never got it")
    return found


def duplicates(place: Place) -> list[str]:
    """Nobody got a message again without a person having said so in between, as the record has it."""
    said: dict[str, list[float]] = defaultdict(list)
    for message_id, at in place.ask(
        "SELECT message_id, at FROM activity WHERE kind = 'send_again' AND actor_id IS NOT NULL "
        "AND json_extract(detail, '$.from') = 'uncertain'"
    ):
        said[message_id].append(at / MICRO)
    found = []
    for message_id, text in place.queued.items():
        got = place.truth.got(text)
        for before, after in pairwise(got):
            keyed = before.channel in KEYED
            if keyed or not any(before.at < at < after.at for at in said[message_id]):
                found.append(f"duplicate: '{text}' on {'keyed' if keyed else 'keyless'} {before.channel}")
    return found


def inversions(place: Place) -> list[str]:
    """Each customer got the messages of each channel in the order in which they were queued.

    A message that had failed, and was sent again by a person after later ones had gone, is out of this.
    """
    again = place.ask(
        "SELECT message_id FROM activity WHERE kind = 'send_again' AND json_extract(detail, '$.from') = 'failed'"
    )
    order = {
        message_id: ((contact, channel), seq)
        for message_id, contact, channel, seq in place.ask("SELECT message_id, contact_id, channel_id, seq FROM outbox")
    }
    by_text = {text: message_id for message_id, text in place.queued.items()}
    last: dict[tuple[int, int], int] = {}
    found = []
    seen = {row[0] for row in again}
    for accepted in place.truth.accepted:
        message_id = by_text[accepted.text]
        if message_id in seen:
            continue  # or it is a duplicate, which is counted as one
        seen.add(message_id)
        line, seq = order[message_id]
        if seq < last.get(line, 0):
            found.append(f"order: '{accepted.text}' came after a later one")
        last[line] = seq
    return found


async def invariants(place: Place) -> list[str]:
    """I1 to I8 as the program itself checks them, and what only this harness demands."""
    latest = place.timing.lease.total_seconds() - place.timing.needed
    queries = {
        "first byte too late in its lease": (
            "SELECT message_id FROM attempts WHERE first_byte_at IS NOT NULL "
            f"AND (first_byte_at - leased_at) > {int(latest * MICRO)}"
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
    found = [f"{name}: {row[0]}" for name, sql in queries.items() for row in place.ask(sql)]
    return [*found, *await violations(place.store, place.clock())]


async def everything(place: Place) -> list[str]:
    """All of the above, after everything has come to rest."""
    return [
        *sound(place),
        *delivered(place),
        *duplicates(place),
        *inversions(place),
        *await invariants(place),
    ]


def counted(found: Collection[str], beginning: str) -> int:
    """How many violations are of a kind."""
    return sum(violation.startswith(beginning) for violation in found)
