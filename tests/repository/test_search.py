"""The database finds exactly what the domain's rule says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.repository.conftest import NOW, present
from tests.support.servers import Server
from tui_inbox.domain.filters import InboxFilter
from tui_inbox.domain.models import Contact
from tui_inbox.domain.search import matched_fields, parse
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.search import storable_query
from tui_inbox.repository.store import Store

PEOPLE = [
    NewContact("Carlos", "Núñez", "carlos@example.com", "+1 555 123 4567"),
    NewContact("Scarlet", "O'Hara", "scarlet+shop@example.com", "+15551234568", custom={"plan": "Gold", "n": "42"}),
    NewContact("Oscar", "Straße", "OSCAR@EXAMPLE.COM", "٠١٢٣٤٥"),
    NewContact("", "", "50%_off@x.y", "", custom={"plan": "100 %", "empty": ""}),
    NewContact("İpek", "ǅuro", "ﬁ@x.y", "(030) 90-18 20"),
    NewContact("王", "小明", "", "13800138000", custom={"city": "上海"}),
    NewContact("a_b", "c\\d", "a\\%b@x.y", "1"),
    NewContact("Ann  Marie", " van der  Berg ", " spaced @x.y", "+49 30 1"),
    NewContact("null\x00byte", "\ud800", "", "tel"),
    NewContact("K", "Å", "k@x", "+420 1 2 3"),
    NewContact("2", "12", "7@7.7", "7"),
]
PIECES = [
    "car", "CARLOS", "núñ", "nun", "strasse", "ß", "example.com", "carlos@example.com", "Oscar@Example.com", "4567",
    "+1 555", "555 123", "(030)", "90-18", "012", "%", "_", "\\", "a_b", "50%", "gold", "42", "100 %", '"100 %"',
    "上海", "王", "小", "i", "ǆ", "fi", "ﬁ", "2", "12", "7", "\x00", "\ud800", "\ufffd", "null", "ann marie",
    '"ann marie"', '"van der berg"', "name:car", "phone:555",
    "email:car", "email:carlos@example.com", "id:1", "id:01", "id:٢",
    "id:99999999999999999999", "name:gold", "phone:x", "unknown:car", "K", "å", "kelvin", "'", '"', "tag:x",
]  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def people(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, list[Contact]]]:
    """A database with some people, on each engine, and the same people as they are stored."""
    running: Server | None = None if request.param == "sqlite" else request.getfixturevalue("server")
    url = str(tmp_path_factory.mktemp("search") / "x.db") if running is None else running.make_database()

    async def prepare() -> list[Contact]:
        store = await Store.open(url, clock=present)
        ids = await store.write(lambda unit: unit.contacts.add_many(PEOPLE, NOW))
        async with store.read() as unit:
            found = [await unit.contacts.get(ident) for ident in ids]
        await store.close()
        return [contact for contact in found if contact is not None]

    yield url, asyncio.run(prepare())
    if running is not None:
        running.drop_database(url)


async def ask(url: str, queries: list[str]) -> list[dict[int, tuple[str, ...]]]:
    store = await Store.open(url, clock=present)
    answers = []
    for query in queries:
        # Filters are looked at by the database alone.
        f = InboxFilter(query=type(parse(query))(parse(query).terms))
        async with store.read() as unit:
            answers.append({row.contact_id: row.matched for row in await unit.inbox.page(f, now=NOW, limit=100)})
    await store.close()
    return answers


def expected(contacts: list[Contact], query: str) -> dict[int, tuple[str, ...]]:
    found = {contact.id: matched_fields(contact, storable_query(parse(query))) for contact in contacts}
    return {ident: fields for ident, fields in found.items() if fields is not None}


def test_every_piece_and_every_pair(people: tuple[str, list[Contact]]) -> None:
    url, contacts = people
    queries = PIECES + [f"{one} {other}" for one in PIECES for other in PIECES[::5]]
    for query, answer in zip(queries, asyncio.run(ask(url, queries)), strict=True):
        assert answer == expected(contacts, query), query


@settings(max_examples=60)
@given(st.lists(st.text(max_size=12) | st.sampled_from(PIECES), max_size=3).map(" ".join))
@example("ſtraße")
@example("ℌ")
def test_anything_typed(people: tuple[str, list[Contact]], query: str) -> None:
    url, contacts = people
    assert asyncio.run(ask(url, [query])) == [expected(contacts, query)]


def test_examples_of_the_product(people: tuple[str, list[Contact]]) -> None:
    url, contacts = people
    names = {contact.id: contact.first_name for contact in contacts}
    car, digits, gold, part = asyncio.run(ask(url, ["car", "4567", "GOLD", "gol"]))
    assert {names[ident] for ident in car} == {"Carlos", "Scarlet", "Oscar"}
    assert {names[ident]: fields for ident, fields in digits.items()} == {"Carlos": ("phone",)}
    assert {names[ident]: fields for ident, fields in gold.items()} == {"Scarlet": ("custom",)}
    assert part == {}
