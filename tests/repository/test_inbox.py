"""The inbox list: filters, orders, places, counts, and what they cost."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text, update

from tests.repository.conftest import NOW, Place, listening, only_sqlite
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.kinds import ChannelKind, ConversationStatus, SortOrder, WindowFilter
from tui_inbox.domain.kinds import DeliveryState as S
from tui_inbox.domain.models import InboxRow
from tui_inbox.domain.search import parse
from tui_inbox.repository import inbox as pages
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.paging import cursors
from tui_inbox.repository.search_index import index_of
from tui_inbox.repository.store import Store
from tui_inbox.repository.tables import conversations, outbox
from tui_inbox.repository.unit import Unit

HOUR = timedelta(hours=1)
Status = ConversationStatus


@dataclass(frozen=True)
class Facts:
    """What the filters look at, kept beside the database for comparison."""

    ident: int
    contact: NewContact
    status: Status
    assignee: str
    team: int | None
    at: datetime
    waiting: datetime | None
    has_window: bool
    ends: datetime | None
    kinds: tuple[ChannelKind, ...]
    failed: int


async def populate(store: Store, place: Place, number: int = 60, seed: int = 5) -> list[Facts]:
    """Contacts with random facts, many of them equal so that ties are met."""
    rng = random.Random(seed)
    agents: dict[str, int | None] = {"ana": place.ana, "bo": place.bo, "": None}

    async def work(unit: Unit) -> list[Facts]:
        team = await unit.directory.add_team("sales")
        found = []
        for n in range(number):
            contact = NewContact(
                rng.choice(["Ana", "Bob", "Carla"]),
                f"L{n}",
                f"c{n}@x.y",
                tags=tuple(rng.sample(["VIP", "new", "old"], rng.randrange(3))),
                country=rng.choice(["BR", "de", ""]),
                language=rng.choice(["pt-BR", "pt", "en", "en-GB", ""]),
            )
            ident = await unit.contacts.add(contact, NOW)
            kinds = []
            for channel, kind in ((place.telegram, ChannelKind.TELEGRAM), (place.whatsapp, ChannelKind.WHATSAPP)):
                if rng.random() < 0.5:
                    await unit.contacts.add_channel(ident, channel, f"a{n}", started=True, now=NOW)
                    kinds.append(kind)
            has_window = rng.random() < 0.6
            ends = NOW + rng.randrange(-3, 8) * HOUR if has_window and rng.random() < 0.8 else None
            facts = Facts(
                ident,
                contact,
                rng.choice(list(Status)),
                rng.choice(list(agents)),
                rng.choice([team, None]),
                NOW - rng.randrange(6) * HOUR,
                rng.choice([None, NOW - rng.randrange(4) * HOUR]),
                has_window,
                ends,
                tuple(kinds),
                rng.randrange(3) if kinds else 0,
            )
            found.append(facts)
        return found

    facts = await store.write(work)
    await _write_facts(store, facts, agents)
    return facts


async def _write_facts(store: Store, facts: list[Facts], agents: dict[str, int | None]) -> None:
    async with store._writers.begin() as connection:
        for item in facts:
            await connection.execute(
                update(conversations)
                .where(conversations.c.contact_id == item.ident)
                .values(
                    status=item.status,
                    assignee_id=agents[item.assignee],
                    team_id=item.team,
                    last_activity_at=item.at,
                    waiting_since=item.waiting,
                    has_window=item.has_window,
                    window_ends_at=item.ends,
                )
            )
            for n in range(item.failed):
                address = text("SELECT id, channel_id FROM contact_channels WHERE contact_id = :c LIMIT 1")
                chat, channel = (await connection.execute(address, {"c": item.ident})).one()
                values = {
                    "message_id": f"{item.ident}-{n}",
                    "seq": n + 1,
                    "content_kind": "text",
                    "idempotency_key": "k",
                }
                ids = {"contact_id": item.ident, "contact_channel_id": chat, "channel_id": channel}
                state = [S.FAILED, S.UNCERTAIN, S.BLOCKED][n % 3]
                await connection.execute(
                    insert(outbox).values(**values, **ids, state=state, created_at=NOW, due_at=NOW)
                )
        await index_of(connection).settle()


async def page(store: Store, f: InboxFilter, **keywords: Any) -> list[InboxRow]:
    async with store.read() as unit:
        return await unit.inbox.page(f, now=NOW, **keywords)


def shut(item: Facts) -> bool:
    return item.has_window and (item.ends is None or item.ends <= NOW)


def is_open(item: Facts) -> bool:
    return item.ends is not None and item.ends > NOW


FILTERS: list[tuple[Callable[[Place], InboxFilter], Callable[[Facts], bool]]] = [
    (lambda p: InboxFilter(), lambda i: True),
    (lambda p: InboxFilter(InboxKind.MINE, agent_id=p.ana), lambda i: i.assignee == "ana"),
    (lambda p: InboxFilter(InboxKind.MINE), lambda i: False),
    (lambda p: InboxFilter(InboxKind.UNASSIGNED), lambda i: not i.assignee),
    (lambda p: InboxFilter(InboxKind.TEAM, team_id=1), lambda i: i.team == 1),
    (lambda p: InboxFilter(status=Status.CLOSED), lambda i: i.status is Status.CLOSED),
    (
        lambda p: InboxFilter(InboxKind.MINE, agent_id=p.bo, status=Status.OPEN),
        lambda i: i.assignee == "bo" and i.status is Status.OPEN,
    ),
    (lambda p: InboxFilter(channels=(ChannelKind.WHATSAPP,)), lambda i: ChannelKind.WHATSAPP in i.kinds),
    (lambda p: InboxFilter(window=WindowFilter.OPEN), is_open),
    (lambda p: InboxFilter(window=WindowFilter.CLOSING), lambda i: is_open(i) and (i.ends or NOW) <= NOW + 4 * HOUR),
    (lambda p: InboxFilter(window=WindowFilter.CLOSED), shut),
    (lambda p: InboxFilter(window=WindowFilter.NONE), lambda i: not i.has_window),
    (lambda p: InboxFilter(tags=("vip", "old")), lambda i: bool({"VIP", "old"} & set(i.contact.tags))),
    (lambda p: InboxFilter(assignees=("ana", "none")), lambda i: i.assignee in {"ana", ""}),
    (lambda p: InboxFilter(assignees=("nobody",)), lambda i: False),
    (lambda p: InboxFilter(needs_person=True), lambda i: i.failed > 0),
    (lambda p: InboxFilter(query=parse("tag:vip")), lambda i: "VIP" in i.contact.tags),
    (lambda p: InboxFilter(query=parse("assignee:BO assignee:none")), lambda i: i.assignee in {"bo", ""}),
    (lambda p: InboxFilter(query=parse("channel:whatsapp")), lambda i: ChannelKind.WHATSAPP in i.kinds),
    (lambda p: InboxFilter(query=parse("channel:bot")), lambda i: ChannelKind.TELEGRAM in i.kinds),
    (lambda p: InboxFilter(query=parse("country:br country:DE")), lambda i: i.contact.country in {"BR", "de"}),
    (lambda p: InboxFilter(query=parse("language:pt")), lambda i: i.contact.language.startswith("pt")),
    (lambda p: InboxFilter(query=parse("language:en-gb")), lambda i: i.contact.language == "en-GB"),
    (lambda p: InboxFilter(query=parse("status:open status:none")), lambda i: i.status in {Status.OPEN, Status.NONE}),
    (lambda p: InboxFilter(query=parse("status:any")), lambda i: True),
    (lambda p: InboxFilter(query=parse("status:lost")), lambda i: False),
    (lambda p: InboxFilter(query=parse("window:open window:none")), lambda i: is_open(i) or not i.has_window),
    (lambda p: InboxFilter(query=parse("window:ajar")), lambda i: False),
    (
        lambda p: InboxFilter(query=parse("carla tag:new")),
        lambda i: i.contact.first_name == "Carla" and "new" in i.contact.tags,
    ),
]


async def test_filters_find_what_they_say(store: Store, place: Place) -> None:
    facts = await populate(store, place)
    for make, keep in FILTERS:
        f = make(place)
        found = {row.contact_id for row in await page(store, f, limit=200)} - {place.contact}
        assert found == {item.ident for item in facts if keep(item)}, f


async def test_counts_leave_the_status_out(store: Store, place: Place) -> None:
    await populate(store, place)
    for make, _ in FILTERS:
        f = make(place)
        async with store.read() as unit:
            counts = await unit.inbox.counts(f, now=NOW)
        everything = await page(store, replace(f, status=None), limit=200)
        for status in Status:
            assert counts.of(status) == sum(row.status is status for row in everything), f
        assert counts.any == len(everything)


def in_order(facts: list[Facts], sort: SortOrder) -> list[int]:
    latest = sorted(facts, key=lambda i: (i.at, i.ident), reverse=True)
    match sort:
        case SortOrder.LATEST:
            found = latest
        case SortOrder.OLDEST:
            found = latest[::-1]
        case SortOrder.WAITING:
            waiting = sorted((i for i in facts if i.waiting), key=lambda i: (i.waiting or NOW, i.ident))
            found = waiting + [i for i in latest if i.waiting is None]
        case SortOrder.WINDOW_END:
            opened = sorted((i for i in facts if is_open(i)), key=lambda i: (i.ends or NOW, i.ident))
            found = opened + [i for i in latest if not is_open(i)]
    return [item.ident for item in found]


@pytest.mark.parametrize("sort", list(SortOrder))
@pytest.mark.parametrize("query", ["", "c c1 tag:vip", "a c7@x.y"])
async def test_pages_both_ways_make_the_whole_list(store: Store, place: Place, sort: SortOrder, query: str) -> None:
    facts = await populate(store, place)
    f = InboxFilter(status=None, sort=sort, query=parse(query), tags=("VIP", "new", "old"))
    whole = await page(store, f, limit=200)
    known = {row.contact_id for row in whole}
    assert [row.contact_id for row in whole] == in_order([i for i in facts if i.ident in known], sort)
    forth: list[InboxRow] = []
    while rows := await page(store, f, after=forth[-1].cursor if forth else None, limit=7):
        forth += rows
    assert forth == whole
    async with store.read() as unit:
        back = await unit.inbox.last_page(f, now=NOW, limit=7)
        while rows := await unit.inbox.page(f, now=NOW, before=back[0].cursor, limit=7) if back else []:
            back = rows + back
        assert back == whole
        for index in range(0, len(whole), 5):
            assert await unit.inbox.position(f, whole[index].cursor, now=NOW) == index
            assert await unit.inbox.row(whole[index].contact_id, f, now=NOW) == whole[index]


@pytest.mark.parametrize("sort", list(SortOrder))
async def test_whole_emails_come_first(store: Store, place: Place, sort: SortOrder) -> None:
    async def work(unit: Unit) -> list[int]:
        emails = ["xana@x.y", "ana@x.y.z", "ANA@x.y", "other@x.y", "aana@x.y"]
        return await unit.contacts.add_many([NewContact(email=email) for email in emails], NOW)

    ids = await store.write(work)
    f = InboxFilter(query=parse("ana@x.y"), sort=sort)
    rows = await page(store, f)
    assert rows[0].contact_id == ids[2]
    assert rows[0].matched == ("email",)
    assert {row.matched for row in rows[1:]} == {("email part",)}
    assert len(rows) == 4
    assert [*await page(store, f, limit=1), *await page(store, f, after=rows[0].cursor)] == rows


async def test_the_order_by_window_is_that_of_its_first_page(store: Store, place: Place) -> None:
    """While one pages, windows close; the list keeps the instant at which it was begun."""
    await populate(store, place)
    f = InboxFilter(sort=SortOrder.WINDOW_END)
    whole = await page(store, f, limit=200)
    async with store.read() as unit:
        later = NOW + 4 * HOUR
        rest = await unit.inbox.page(f, now=later, after=whole[4].cursor, limit=200)
        assert [row.contact_id for row in rest] == [row.contact_id for row in whole[5:]]
        assert await unit.inbox.position(f, whole[20].cursor, now=later) == 20


async def test_rows_tell_everything(store: Store, place: Place) -> None:
    facts = {item.ident: item for item in await populate(store, place)}
    for row in await page(store, InboxFilter(), limit=200):
        if row.contact_id == place.contact:
            continue
        item = facts[row.contact_id]
        assert (row.status, row.assignee, row.failed) == (item.status, item.assignee, item.failed)
        assert set(row.channel_kinds) == set(item.kinds)
        assert sorted(row.tags) == sorted(item.contact.tags)
        assert (row.window_ends_at, row.waiting_since, row.last_activity_at) == (item.ends, item.waiting, item.at)
        assert row.name == f"{item.contact.first_name} {item.contact.last_name}"


async def test_facets(store: Store, place: Place) -> None:
    facts = await populate(store, place)
    async with store.read() as unit:
        facets = await unit.inbox.facets()
    assert dict(facets.assignees) == {name: sum(item.assignee == name for item in facts) for name in ("ana", "bo")}
    assert dict(facets.tags) == {tag: sum(tag in i.contact.tags for i in facts) for tag in ("VIP", "new", "old")}
    whatsapp = sum(ChannelKind.WHATSAPP in item.kinds for item in facts)
    assert dict(facets.channels)[ChannelKind.WHATSAPP] == whatsapp
    assert [count for _, count in facets.tags] == sorted((count for _, count in facets.tags), reverse=True)


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "=", "é", "....", "A" * 5000, "latest.0.1.2", "latest.0.1.2.3.4", "never.0.1.2.3", "latest.9.1.2.3"),
        *("latest.x.1.2.3", "latest.0.1.-2.3", f"latest.0.{'9' * 40}.2.3", f"latest.0.1.{'9' * 40}.3", "latest.0.1.2."),
        f"latest.0.1.2.{'9' * 5000}",
    ],
)
async def test_cursors_that_are_none(store: Store, place: Place, cursor: str) -> None:
    with pytest.raises(UsageError, match="begin again without it"):
        await page(store, InboxFilter(), after=cursor)


async def test_a_cursor_belongs_to_its_order(store: Store, place: Place) -> None:
    (row,) = await page(store, InboxFilter())
    with pytest.raises(UsageError):
        await page(store, InboxFilter(sort=SortOrder.OLDEST), after=row.cursor)
    outside = cursors(SortOrder.LATEST, NOW)(3, 0, 1)
    assert await page(store, InboxFilter(), after=outside) == []


async def plans(store: Store, f: InboxFilter, *, of: str = "SELECT", **keywords: Any) -> list[str]:
    """How the statements of a page are carried out, those that say ``of``."""
    with listening(store) as heard:
        await page(store, f, **keywords)
    found = []
    async with store._readers.connect() as connection:
        for statement, parameters in heard.selects:
            if of not in statement:
                continue
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found.append("\n".join(str(detail) for *_, detail in rows.all()))
    return found


@only_sqlite
@pytest.mark.parametrize("sort", [SortOrder.LATEST, SortOrder.OLDEST])
@pytest.mark.parametrize("status", [None, Status.OPEN, Status.CLOSED])
@pytest.mark.parametrize("inbox", list(InboxKind))
async def test_main_pages_are_read_off_an_index(
    store: Store, place: Place, sort: SortOrder, status: Status | None, inbox: InboxKind
) -> None:
    await populate(store, place)
    f = InboxFilter(inbox, agent_id=place.ana, team_id=1, status=status, sort=sort)
    rows = await page(store, f)
    places: list[dict[str, str]] = [{}]
    if rows:
        places += [{"after": rows[0].cursor}, {"before": rows[-1].cursor}]
    for keywords in places:
        plan = (await plans(store, f, **keywords))[0]
        assert "INDEX ix_conversations_" in plan
        assert "TEMP B-TREE" not in plan
        assert "SCAN contacts" not in plan


@only_sqlite
@pytest.mark.parametrize("sort", [SortOrder.WAITING, SortOrder.WINDOW_END])
@pytest.mark.parametrize("status", [None, *Status])
@pytest.mark.parametrize("inbox", list(InboxKind))
async def test_other_orders_are_read_off_an_index_too(
    store: Store, place: Place, sort: SortOrder, status: Status | None, inbox: InboxKind
) -> None:
    await populate(store, place)
    f = InboxFilter(inbox, agent_id=place.ana, team_id=1, status=status, sort=sort)
    for query in ("", "assignee:none"):
        listed = await plans(store, replace(f, query=parse(query)), of="LIMIT :limit")
        assert listed
        for plan in listed:
            assert "INDEX ix_conversations_" in plan, query
            assert "TEMP B-TREE" not in plan, query


@only_sqlite
@pytest.mark.parametrize("query", ["@x.y", "ana@x.y"])
async def test_a_whole_email_is_looked_for_in_its_index_and_nowhere_else(
    store: Store, place: Place, query: str
) -> None:
    await populate(store, place)
    await store.write(lambda unit: unit.contacts.add_many([NewContact(email="ana@x.y")], NOW))
    f = InboxFilter(status=Status.NONE, query=parse(query))
    assert await page(store, f)
    asked = await plans(store, f, of="SELECT contacts.id")
    assert len(asked) == 1
    assert "INDEX ix_contacts_email_folded" in asked[0]
    for plan in await plans(store, f, of="LIMIT :limit"):
        assert "SCAN few" in plan or "INDEX ix_conversations_" in plan
        assert "SCAN conversations" not in plan


async def test_few_with_a_tag_are_found_without_the_list(
    store: Store, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = await populate(store, place)
    f = InboxFilter(status=None, query=parse("c tag:vip"), sort=SortOrder.WAITING)
    by_tag = await page(store, f, limit=200)
    async with store.read() as unit:
        counts = await unit.inbox.counts(f, now=NOW)
    monkeypatch.setattr(pages, "MOST_TAGGED", 0)
    assert by_tag == await page(store, f, limit=200)
    assert {row.contact_id for row in by_tag} <= {item.ident for item in facts if "VIP" in item.contact.tags}
    async with store.read() as unit:
        assert counts == await unit.inbox.counts(f, now=NOW)
    assert len(by_tag) == counts.any > 1


@pytest.mark.parametrize("most", [0, 1000])
async def test_tags_beside_other_filters(
    store: Store, place: Place, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(pages, "MOST_TAGGED", most)
    facts = await populate(store, place)
    both = InboxFilter(status=None, tags=("new",), query=parse("tag:vip tag:old"))
    wanted = {i.ident for i in facts if "new" in i.contact.tags and {"VIP", "old"} & set(i.contact.tags)}
    assert {row.contact_id for row in await page(store, both, limit=200)} == wanted
    nobody = InboxFilter(status=None, query=parse("tag:nobody"))
    assert await page(store, nobody) == []


@only_sqlite
async def test_those_that_need_a_person_are_found_by_an_index(store: Store, place: Place) -> None:
    await populate(store, place)
    plan = (await plans(store, InboxFilter(needs_person=True)))[0]
    assert "ix_outbox_needs_person" in plan


@pytest.mark.parametrize("sort", list(SortOrder))
async def test_the_number_of_questions_does_not_grow_with_the_rows(store: Store, place: Place, sort: SortOrder) -> None:
    await populate(store, place)
    f = InboxFilter(sort=sort, assignees=("ana", "bo", "none"), query=parse("a"))
    numbers = set()
    for limit in (60, 20, 40):
        with listening(store) as heard:
            assert len(await page(store, f, limit=limit)) > 5
        numbers.add(len(heard.selects))
    assert max(numbers) <= 8


async def test_ten_thousand(store: Store, place: Place) -> None:
    new = [NewContact(f"First{n}", f"Last{n}", f"u{n}@example.com", f"+1555{n:07d}") for n in range(10_000)]
    ids = await store.write(lambda unit: unit.contacts.add_many(new, NOW + HOUR))
    f = InboxFilter()
    rows = await page(store, f)
    assert [row.contact_id for row in rows] == ids[:-51:-1]
    async with store.read() as unit:
        last = await unit.inbox.last_page(f, now=NOW, limit=50)
        assert last[-1].contact_id == place.contact
        assert await unit.inbox.position(f, last[0].cursor, now=NOW) == 10_001 - 50
        assert (await unit.inbox.counts(InboxFilter(query=parse("first77")), now=NOW)).any == 111
    (hit,) = await page(store, InboxFilter(query=parse("last 0007777")))
    assert (hit.name, hit.matched) == ("First7777 Last7777", ("name", "phone"))
