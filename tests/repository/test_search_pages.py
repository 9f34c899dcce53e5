"""Paging through any search ends, and gives each contact that matches once: also where names are hostile, where many
have the instant of their last activity in common, and where a stretch of the list holds far more than it was made for.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.repository.conftest import NOW, Place
from tests.support.hostile import texts
from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.kinds import ConversationStatus, Direction, SortOrder
from tui_inbox.domain.search import SearchQuery, fold, matched_fields, parse
from tui_inbox.repository import inbox, postgresql_hits, postgresql_search, sqlite_hits, sqlite_search
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.search import storable_query, whole_emails
from tui_inbox.repository.sqlite_search_schema import BUCKET_ROWS, grams
from tui_inbox.repository.store import Store
from tui_inbox.repository.tables import contacts
from tui_inbox.repository.types import storable
from tui_inbox.repository.unit import Unit

HOUR = timedelta(hours=1)
LONGEST = 2_000
"""Letters of the hostile texts that are used here; the longest ones say nothing more."""
CROWD = 2 * BUCKET_ROWS
"""Contacts of one instant."""


def names() -> list[str]:
    """Hostile texts, as a store takes them."""
    return [storable(one.text)[:LONGEST] for one in texts()]


async def populate(store: Store, place: Place, rng: random.Random) -> None:
    """A closed bucket, a crowd that comes late into it, and hostile names all over."""
    hostile = names()

    async def work(unit: Unit) -> None:
        early = [NewContact(f"Marta{n}", "Early") for n in range(BUCKET_ROWS + 20)]
        for at, some in ((NOW, early[: BUCKET_ROWS // 2]), (NOW + HOUR, early[BUCKET_ROWS // 2 :])):
            await unit.contacts.add_many(some, at)
        crowd = [
            NewContact(
                rng.choice(["Mara", "Omar", "Tamar", rng.choice(hostile)]),
                rng.choice(hostile),
                f"c{n}@x.y",
                tags=("vip",) if n % 3 else (),
            )
            for n in range(CROWD)
        ]
        ids = await unit.contacts.add_many(crowd, NOW)
        await unit.contacts.add_many([NewContact(text, email=text) for text in hostile], NOW + 2 * HOUR)
        for ident in rng.sample(ids, 120):
            await touch(unit, ident, NOW + rng.randrange(3) * HOUR, rng)
            before = await unit.conversations.get(ident)
            status, assignee = rng.choice(list(ConversationStatus)), rng.choice([None, place.ana, place.bo])
            await unit.conversations.save(before, replace(before, status=status, assignee_id=assignee))

    await store.write(work)


async def touch(unit: Unit, contact_id: int, at: datetime, rng: random.Random) -> None:
    await unit.conversations.touch(
        contact_id,
        at=at,
        preview="hi",
        direction=Direction.INBOUND,
        contact_channel_id=None,
        waiting=rng.choice([True, False]),
        unread_delta=0,
    )


async def pages(unit: Unit, f: InboxFilter, limit: int, most: int, *, backwards: bool) -> list[int]:
    """The whole list by its pages; fails when there are more pages than rows can fill."""
    found: list[int] = []
    cursor = None
    for _ in range(most // limit + 2):
        if backwards:
            rows = await (
                unit.inbox.page(f, now=NOW, before=cursor, limit=limit)
                if cursor
                else unit.inbox.last_page(f, now=NOW, limit=limit)
            )
            found = [row.contact_id for row in rows] + found
            cursor = rows[0].cursor if rows else None
        else:
            rows = await unit.inbox.page(f, now=NOW, after=cursor, limit=limit)
            found += [row.contact_id for row in rows]
            cursor = rows[-1].cursor if rows else None
        if not rows:
            return found
    raise AssertionError(f"{f} does not end")


@pytest.mark.parametrize("seed", [1, 2])
async def test_paging_ends_and_gives_each_once(
    store: Store, place: Place, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    await populate(store, place, rng)
    if seed == 2:  # down the list of all who wait, which else only many hits are worth
        monkeypatch.setattr(inbox, "MOST_FEW", 3)
        monkeypatch.setattr(postgresql_hits, "MOST_OF_PAIRS", 3)
        monkeypatch.setattr(sqlite_search, "COMMON", 1.0)
        monkeypatch.setattr(postgresql_search, "COMMON", 1.0)
        monkeypatch.setattr(sqlite_hits, "MOST_WAITING", 1)
        monkeypatch.setattr(postgresql_hits, "MOST_WAITING", 3)
        monkeypatch.setattr(sqlite_hits, "WALKED", 40)
        monkeypatch.setattr(postgresql_hits, "WALKED", 40)
        await store.write(lambda unit: unit.search.rebuild())
    words = [*rng.sample([text for text in names() if fold(text)], 6), "mar", "omar", "m", "c1", "c1 mara", "early"]
    views = [
        InboxFilter(),
        InboxFilter(sort=SortOrder.OLDEST, tags=("vip", "none")),
        InboxFilter(InboxKind.UNASSIGNED, sort=SortOrder.WAITING),
        InboxFilter(InboxKind.MINE, agent_id=place.ana, status=ConversationStatus.OPEN),
        InboxFilter(status=ConversationStatus.NONE, sort=SortOrder.WINDOW_END),
    ]
    async with store.read() as unit:
        people = await unit.contacts._contacts(contacts.c.id > 0)
        assert await unit.search.verify() == []
        for view in views:
            whole = [row.contact_id for row in await unit.inbox.page(view, now=NOW, limit=5000)]
            for typed in ["mar", *rng.sample(words, 4)]:
                f = replace(view, query=SearchQuery(parse(typed).terms))
                known = storable_query(f.query)
                matching = {contact.id: matched_fields(contact, known) for contact in people}
                expected = [ident for ident in whole if matching[ident] is not None]
                emails = {contact.id: fold(contact.email) for contact in people}
                first = whole_emails(known)
                expected.sort(key=lambda ident: emails[ident] not in first)
                for limit in (29, 50):
                    for backwards in (False, True):
                        assert await pages(unit, f, limit, len(people), backwards=backwards) == expected, (typed, view)


async def test_a_crowd_in_one_bucket_is_paged_by_the_index(store: Store, place: Place) -> None:
    await populate(store, place, random.Random(3))
    async with store.read() as unit:
        f = InboxFilter(query=parse("c12"))
        assert await unit.search.hits(f) is not None
        found = await pages(unit, f, 3, 1000, backwards=False)
        assert len(found) == len(set(found)) == 11  # c12, c120 to c129


async def test_a_name_of_a_million_letters_is_taken_in(store: Store) -> None:
    """By its length; by the square of it, this test would not end."""
    name = "ab" * 500_000
    assert list(grams("n", name)) == ["naba", "nbab", "nab", "nb"]
    await store.write(lambda unit: unit.contacts.add(NewContact(name, "Zoltan", email=name), NOW))
    async with store.read() as unit:
        assert [row.matched for row in await unit.inbox.page(InboxFilter(query=parse("zolt")), now=NOW)] == [("name",)]
        assert await unit.search.verify() == []
