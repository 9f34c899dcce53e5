"""The search index: the same answers as looking at every row, through every change, and what keeps it honest."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.repository.conftest import NOW, Place, only_sqlite, present
from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.kinds import ChannelKind, ConversationStatus, Direction, SortOrder
from tui_inbox.domain.models import Contact, InboxRow
from tui_inbox.domain.search import SearchQuery, matched_fields, parse
from tui_inbox.repository import dialect, inbox, schema
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.search import storable_query
from tui_inbox.repository.search_index import index_of
from tui_inbox.repository.sqlite_search_schema import PLACE_BITS
from tui_inbox.repository.store import Store
from tui_inbox.repository.tables import contacts
from tui_inbox.repository.unit import Unit

SECOND = timedelta(seconds=1)
PEOPLE = 420
"""Enough for several buckets of the list."""
NAMES = [
    "Carlos",
    "Scarlet",
    "Óscar",
    "王",
    "小明",
    "Straße",
    "O'Neil",
    'Q"uote',
    "a_b",
    "50%",
    "İpek",
    "ﬁ",
    "x\x01y",
    "~",
]
QUERIES = [
    "car", "c", "ca", "os", "王", "小明", "明 小", "strasse", "o'n", '"', 'q"u', "a_b", "%", "50%", "fi", "x\x01",
    "\x01y", "~", "~ ~", "NEAR(", "AND OR NOT", "*", "car*", "n", "naa", "555", "5550001", "+1 (555) 0", "1", "17",
    "scarlet gold", "gold", '"gold plus"', "l7@x.example", "example", "x.example car", "zzz", "car zzz", "name:example",
    "phone:000", "phone:x", "id:7", "👩‍🚀", "ж", "a" * 300, "a b c d e f g h i j k l", "carlos l1", '"carlos l1"', "a0",
    "car 555",
]  # fmt: skip


def person(rng: random.Random, n: int) -> NewContact:
    """Somebody with a name of two scripts, an email and a phone, or without."""
    custom = {"plan": rng.choice(["Gold", "Gold Plus", "NEAR", "~"])} if rng.random() < 0.3 else {}
    phone = f"+1555{n:07d}" if rng.random() < 0.8 else ""
    email = f"l{n}@x.example" if rng.random() < 0.8 else ""
    return NewContact(rng.choice(NAMES), f"L{n}", email, phone, custom=custom)


async def fill(store: Store, place: Place, rng: random.Random) -> None:
    """Contacts that came to be known one after another, three to an instant."""

    async def work(unit: Unit) -> None:
        for start in range(0, PEOPLE, 30):
            at = NOW + start * SECOND
            await unit.contacts.add_many([person(rng, start + n) for n in range(30)], at)

    await store.write(work)


async def live(store: Store, place: Place, rng: random.Random, steps: int) -> None:
    """Messages new and late, changes of status and assignee, edited contacts."""

    async def step(unit: Unit) -> None:
        contact = rng.randrange(1, PEOPLE)
        match rng.randrange(3):
            case 0:
                at = NOW + rng.choice([rng.randrange(PEOPLE), PEOPLE + rng.randrange(50)]) * SECOND
                await unit.conversations.touch(
                    contact,
                    at=at,
                    preview="hi",
                    direction=Direction.INBOUND,
                    contact_channel_id=None,
                    waiting=rng.choice([True, False]),
                    unread_delta=1,
                )
            case 1:
                before = await unit.conversations.get(contact)
                status, assignee = rng.choice(list(ConversationStatus)), rng.choice([None, place.ana, place.bo])
                await unit.conversations.save(before, replace(before, status=status, assignee_id=assignee))
            case _:
                new = person(rng, rng.randrange(PEOPLE))
                await unit.contacts.update(contact, first_name=new.first_name, phone=new.phone, custom=new.custom)

    async def some(unit: Unit) -> None:
        for _ in range(rng.randrange(1, 12)):
            await step(unit)

    for _ in range(steps):
        await store.write(some)


async def everybody(store: Store) -> dict[int, Contact]:
    async with store.read() as unit:
        return {contact.id: contact for contact in await unit.contacts._contacts(contacts.c.id > 0)}


def views(place: Place) -> list[InboxFilter]:
    return [
        InboxFilter(),
        InboxFilter(InboxKind.MINE, agent_id=place.ana, status=ConversationStatus.CLOSED),
        InboxFilter(InboxKind.UNASSIGNED, sort=SortOrder.OLDEST),
        InboxFilter(InboxKind.MINE, agent_id=place.bo, sort=SortOrder.OLDEST, status=ConversationStatus.OPEN),
        InboxFilter(sort=SortOrder.WAITING, assignees=("ana", "none")),
        InboxFilter(sort=SortOrder.WINDOW_END, status=ConversationStatus.NONE),
        InboxFilter(InboxKind.TEAM, team_id=1),
    ]


async def both_ways(unit: Unit, f: InboxFilter, limit: int) -> tuple[list[InboxRow], list[InboxRow]]:
    """The whole list in pages forward, and in pages backward."""
    forth: list[InboxRow] = []
    while rows := await unit.inbox.page(f, now=NOW, after=forth[-1].cursor if forth else None, limit=limit):
        forth += rows
    back = await unit.inbox.last_page(f, now=NOW, limit=limit)
    while rows := await unit.inbox.page(f, now=NOW, before=back[0].cursor, limit=limit) if back else []:
        back = rows + back
    return forth, back


async def compare(store: Store, place: Place, queries: list[str], chosen: list[InboxFilter]) -> int:
    """Hold the list against the rule applied to every contact; the number of answers that the index gave."""
    people, by_index = await everybody(store), 0
    async with store.read() as unit:
        for view in chosen:
            whole = await unit.inbox.page(view, now=NOW, limit=1000)
            any_status = await unit.inbox.page(replace(view, status=None), now=NOW, limit=1000)
            for typed in queries:
                f = replace(view, query=SearchQuery(parse(typed).terms))
                matched = {i: matched_fields(contact, storable_query(f.query)) for i, contact in people.items()}
                found = [row.contact_id for row in whole if matched[row.contact_id] is not None]
                # Those whose whole email was typed come first.
                found.sort(key=lambda ident: "email" not in (matched[ident] or ()))
                limit = max(5, len(found) // 3 + 1)
                forth, back = await both_ways(unit, f, limit)
                assert [row.contact_id for row in forth] == found, (typed, view)
                assert forth == back, (typed, view)
                assert all(row.matched == matched[row.contact_id] for row in forth if f.query.terms)
                counts = await unit.inbox.counts(f, now=NOW)
                assert counts.any == sum(matched[row.contact_id] is not None for row in any_status), (typed, view)
                by_index += await unit.search.hits(f) is not None
    return by_index


async def problems(store: Store) -> list[str]:
    async with store.read() as unit:
        return await unit.search.verify()


async def test_the_index_answers_as_looking_at_every_row_does(store: Store, place: Place) -> None:
    rng = random.Random(11)
    await fill(store, place, rng)
    assert await problems(store) == []
    await live(store, place, rng, 12)
    assert await problems(store) == []
    found = views(place)
    chosen = rng.sample(QUERIES, 30)
    assert await compare(store, place, chosen, found[:1]) > len(chosen) // 2
    for view in found[1:]:
        await compare(store, place, rng.sample(QUERIES, 6), [view])
    await store.write(lambda unit: unit.search.rebuild())
    assert await problems(store) == []
    await live(store, place, rng, 3)
    assert await problems(store) == []
    await compare(store, place, rng.sample(QUERIES, 6), found[:2])


async def test_common_tokens_are_looked_for_on_the_row(store: Store, place: Place) -> None:
    await fill(store, place, random.Random(3))
    await store.write(lambda unit: unit.search.rebuild())
    async with store.read() as unit:
        assert await unit.search.hits(InboxFilter(query=parse("x.example"))) is None
        assert await unit.search.hits(InboxFilter(query=parse("l401"))) is not None
        assert await unit.search.hits(InboxFilter(query=parse("x.example l401"))) is not None
    await compare(store, place, ["x.example", "x.example 555", "l4 x.example", "5"], views(place)[:2])


@only_sqlite
async def test_changes_that_nobody_settled_are_found_all_the_same(store: Store, place: Place) -> None:
    async with store._writers.begin() as connection:
        await connection.execute(
            text("UPDATE contacts SET name_folded = 'renamed', first_name = 'Renamed', last_name = ''")
        )
    assert await problems(store) == ["The search index has not taken in the last changes."]
    async with store.read() as unit:
        assert len(await unit.inbox.page(InboxFilter(query=parse("renam")), now=NOW)) == 1
    await store.write(lambda unit: unit.conversations.mark_read(place.contact))
    assert await problems(store) == []


@only_sqlite
async def test_a_full_bucket_makes_the_index_wait_and_not_lie(store: Store, place: Place) -> None:
    async with store._writers.begin() as connection:
        await connection.execute(text(f"UPDATE search_buckets SET used = {(1 << PLACE_BITS) - 1}"))
        await connection.execute(text("INSERT INTO search_buckets VALUES (2, 4000000000000000, 1, 0)"))
    await store.write(lambda unit: unit.contacts.add(NewContact("Late"), NOW))
    assert "The search index is not built; search looks at every contact until it is." in await problems(store)
    async with store.read() as unit:
        assert [row.name for row in await unit.inbox.page(InboxFilter(query=parse("lat")), now=NOW)] == ["Late"]
    await store.write(lambda unit: unit.search.rebuild())
    assert await problems(store) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE search_state SET value = 0 WHERE name = 'ready'", "not built"),
        ("DELETE FROM search_entries", "does not hold"),
        ("UPDATE search_entries SET at = at + 1", "does not hold"),
        (
            "INSERT INTO search_entries SELECT place + 1, 99, at, status, 0, 0, 0, '', '', '', '' FROM search_entries",
            "hold",
        ),
        ("UPDATE search_entries SET custom = 'x'", "does not hold"),
        ("UPDATE search_buckets SET first_at = 4000000000000000", "wrong place"),
        ("UPDATE conversation_counts SET number = number + 1", "conversation_counts"),
        ("DELETE FROM tag_counts", "tag_counts"),
        ("UPDATE channel_counts SET number = 7", "channel_counts"),
    ],
)
async def test_damage_is_told_and_mended(store: Store, place: Place, damage: str, said: str) -> None:
    await store.write(lambda unit: unit.contacts.set_tags(place.contact, ["VIP"]))
    assert await problems(store) == []
    async with store._writers.begin() as connection:
        await connection.exec_driver_sql(damage)
        await index_of(connection).settle()
    assert any(said in sentence for sentence in await problems(store))
    await store.write(lambda unit: unit.search.rebuild())
    assert await problems(store) == []


@only_sqlite
async def test_an_index_without_its_words_is_told_and_mended(store: Store, place: Place) -> None:
    async with store._writers.begin() as connection:
        await connection.exec_driver_sql("INSERT INTO search_words (search_words) VALUES ('delete-all')")
    assert any("does not find contact 1" in sentence for sentence in await problems(store))
    await store.write(lambda unit: unit.search.rebuild())
    assert await problems(store) == []


async def test_numbers_follow_every_change(store: Store, place: Place) -> None:
    async def work(unit: Unit) -> None:
        await unit.contacts.add_channel(place.contact, place.telegram, "43", started=True, now=NOW)
        await unit.contacts.add_channel(place.contact, place.whatsapp, "44", started=True, now=NOW)
        await unit.contacts.set_tags(place.contact, ["VIP", "new"])
        await unit.contacts.set_tags(place.contact, ["vip"])
        before = await unit.conversations.get(place.contact)
        await unit.conversations.save(before, replace(before, status=ConversationStatus.OPEN, assignee_id=place.bo))

    await store.write(work)
    async with store.read() as unit:
        facets = await unit.inbox.facets()
        assert dict(facets.channels) == {ChannelKind.TELEGRAM: 1, ChannelKind.WHATSAPP: 1}
        assert (facets.tags, facets.assignees) == ((("vip", 1),), (("bo", 1),))
        mine = await unit.inbox.counts(InboxFilter(InboxKind.MINE, agent_id=place.bo), now=NOW)
        assert (mine.open, mine.any, mine.complete) == (1, 1, True)
    assert await problems(store) == []


async def test_counting_stops_at_a_bound(store: Store, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MOST_COUNTED", 5)
    await fill(store, place, random.Random(5))
    async with store.read() as unit:
        for typed in ("555", "zzz", "x.example", "l41"):
            counts = await unit.inbox.counts(InboxFilter(query=parse(typed)), now=NOW)
            assert counts.said(ConversationStatus.NONE) == ("0" if typed == "zzz" else "5+")
            assert counts.said(None) == counts.said(ConversationStatus.NONE)
        whole = await unit.inbox.counts(InboxFilter(), now=NOW)
        assert (whole.said(ConversationStatus.NONE), whole.complete) == (str(PEOPLE + 1), True)


async def test_an_index_that_knew_only_who_waits_learns_since_when(store: Store, place: Place) -> None:
    await fill(store, place, random.Random(7))
    await live(store, place, random.Random(7), 6)
    async with store._writers.begin() as connection:
        await connection.exec_driver_sql("UPDATE search_state SET value = 0 WHERE name = 'ready'")
        await connection.exec_driver_sql("UPDATE search_entries SET waiting = 1 WHERE waiting > 0")
        await connection.exec_driver_sql("UPDATE search_state SET value = 1 WHERE name = 'ready'")
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0007'")
    assert "does not hold" in (await problems(store))[0]
    later = await Store.open(store.url, clock=present)
    assert await problems(later) == []
    waiting = InboxFilter(sort=SortOrder.WAITING)
    assert await compare(later, place, ["555", "l4"], [waiting]) > 0
    await later.close()


async def test_an_older_workspace_gets_its_index(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        schema.upgrade(connection, "0002")
        connection.exec_driver_sql(
            "INSERT INTO contacts (id, first_name, name_folded, created_at) VALUES "
            "(1, 'Ana', 'ana', 0), (2, 'Bo', 'bo', 0)"
        )
        connection.exec_driver_sql("INSERT INTO contact_fields VALUES (2, 'gold plus')")
        connection.exec_driver_sql("INSERT INTO contact_tags VALUES (2, 'vip', 'VIP')")
        connection.exec_driver_sql(
            "INSERT INTO conversations (contact_id, status, last_activity_at) VALUES (1, 'open', 5), (2, 'none', 5)"
        )
    engine.dispose()
    assert dialect.probe(path).revision == "0002"
    store = await Store.open(str(path), clock=present)
    assert await problems(store) == []
    async with store.read() as unit:
        rows = await unit.inbox.page(InboxFilter(query=parse('"gold plus"')), now=NOW)
        assert [row.contact_id for row in rows] == [2]
        assert await unit.search.hits(InboxFilter(query=parse("bo"))) is not None
    await store.close()
