"""Search in messages: which are found, in what order contacts come, what is shown, and what follows changes."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.repository.conftest import NOW, Place
from tests.support.hostile import texts
from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.kinds import ChannelKind, Direction, SortOrder
from tui_inbox.domain.search import fold, parse, says
from tui_inbox.repository import postgresql_texts, sqlite_texts
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.demands import Demands
from tui_inbox.repository.history import History, HistoryChannel, HistoryEntry, HistoryRepository
from tui_inbox.repository.store import Store
from tui_inbox.repository.types import storable
from tui_inbox.repository.unit import Unit

MINUTE = timedelta(minutes=1)
SAID = [
    "I want a refund",
    "Refunds take days.\nYour credit note is in the mail",
    "note the credit",
    "您好，我的包裹在哪里",
    "Straße, ÉTÉ and naïve",
    "order #4711_b",
    "",
]


async def talk(store: Store, place: Place, threads: list[list[str]]) -> list[int]:
    """Contacts that have said these things, one a minute, each contact later than the one before."""

    async def work(unit: Unit) -> list[int]:
        channels = {one.id: one for one in await unit.directory.channels()}
        histories = []
        for number, bodies in enumerate(threads):
            entries = tuple(
                HistoryEntry(
                    NOW + (number * 100 + n) * MINUTE,
                    Direction.INBOUND,
                    body,
                    channel_id=place.telegram,
                    provider_id=f"{number}.{n}",
                )
                for n, body in enumerate(bodies)
            )
            address = HistoryChannel(place.telegram, f"t{number}", started=True)
            histories.append(History(NewContact(f"Person{number}"), (address,), entries))
        return await HistoryRepository.within(unit).add(unit, histories, channels, NOW)

    return await store.write(work)


async def found(store: Store, typed: str, f: InboxFilter | None = None) -> list[tuple[int, str]]:
    async with store.read() as unit:
        rows = await unit.inbox.page(replace(f or InboxFilter(), query=parse(typed)), now=NOW)
        assert all(row.matched[0] == "text" for row in rows)
        return [(row.contact_id, row.preview) for row in rows]


@pytest.mark.parametrize(
    ("typed", "hits"),
    [
        ("text:refund", [1, 0]),
        ("text:ref", [1, 0]),
        ("text:fund", []),
        ('text:"credit note"', [1]),
        ('text:"credit no"', [1]),
        ("text:credit text:note", [2, 1]),
        ("text:refund text:mail", [1]),
        ("text:包裹", [3]),
        ("text:裹", [3]),
        ("text:strasse", [4]),
        ("text:ete", [4]),
        ("text:NAIVE", [4]),
        ("text:4711_b", [5]),
        ("text:b", []),
        ("text:!!!", []),
        ('text:"NEAR( OR *"', []),
        ("text:refund person0", [0]),
        ("text:refund person2", []),
    ],
)
async def test_words_of_messages_find_contacts(store: Store, place: Place, typed: str, hits: list[int]) -> None:
    ids = await talk(store, place, [[body] for body in SAID])
    assert [ident for ident, _ in await found(store, typed)] == [ids[number] for number in hits]
    oldest = InboxFilter(sort=SortOrder.OLDEST)
    assert [ident for ident, _ in await found(store, typed, oldest)] == [ids[number] for number in reversed(hits)]


async def test_the_line_of_the_newest_message_is_shown(store: Store, place: Place) -> None:
    threads = [["a refund, please", "Hello,\n\nwhere is my refund?\nBye", "thanks"], ["nothing"]]
    ids = await talk(store, place, threads)
    assert await found(store, "text:refund") == [(ids[0], "… my refund?")]
    async with store.read() as unit:
        view = InboxFilter(query=parse("text:refund"))
        row = await unit.inbox.row(ids[0], view, now=NOW)
        assert row is not None
        assert row.preview == "… my refund?"
        assert await unit.inbox.row(ids[1], view, now=NOW) is None
        counts = await unit.inbox.counts(view, now=NOW)
        assert (counts.any, counts.complete) == (1, True)


async def test_what_any_message_says_is_found_as_the_rule_has_it(store: Store, place: Place) -> None:
    rng = random.Random(5)
    bodies = [storable(one.text)[:3000] for one in texts()] + SAID
    ids = await talk(store, place, [[body] for body in bodies])
    words = [word for body in bodies for word in fold(body).split()]
    for word in rng.sample(words, 60):
        query = parse(f'text:"{word}"')
        asked = tuple(map(storable, query.texts))
        expected = {ident for ident, body in zip(ids, bodies, strict=True) if says(body, asked)} if asked else None
        if expected is not None:
            async with store.read() as unit:
                rows = await unit.inbox.page(InboxFilter(query=query), now=NOW, limit=500)
            assert {row.contact_id for row in rows} == expected, word


async def test_what_was_taken_back_is_found_no_more(store: Store, place: Place) -> None:
    ids = await talk(store, place, [["my password is tulip"], ["tulips are nice"]])
    assert await store.write(lambda unit: unit.timeline.redact(place.telegram, "0.0"))
    assert [ident for ident, _ in await found(store, "text:tulip")] == [ids[1]]
    async with store.read() as unit:
        assert await unit.search.verify() == []
        assert (await unit.search.sayings(("password",), Demands(), 10)).found == {}
    await store.write(lambda unit: unit.search.rebuild())
    assert [ident for ident, _ in await found(store, "text:tulip")] == [ids[1]]


async def test_frequent_words_find_the_newest_and_say_so(
    store: Store, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await talk(store, place, [["thanks"], ["thanks"], ["thanks"], ["thanks, refund"]])
    for engine in (sqlite_texts, postgresql_texts):
        monkeypatch.setattr(engine, "MOST_MESSAGES", 2)
    assert [ident for ident, _ in await found(store, "text:thanks")] == [ids[3], ids[2]]
    async with store.read() as unit:
        counts = await unit.inbox.counts(InboxFilter(query=parse("text:thanks")), now=NOW)
        assert counts.said(None) == "2+"
        counts = await unit.inbox.counts(InboxFilter(query=parse("text:refund")), now=NOW)
        assert counts.said(None) == "1"


@pytest.mark.parametrize(("gauge", "rare"), [(2, 3), (2, 1), (100, 1)], ids=["by the index", "walking", "at once"])
async def test_however_common_a_word_is_the_same_is_found(
    store: Store, place: Place, monkeypatch: pytest.MonkeyPatch, gauge: int, rare: int
) -> None:
    """A server has three ways to the newest messages with a word; which one is a matter of time alone."""
    monkeypatch.setattr(postgresql_texts, "GAUGE", gauge)
    monkeypatch.setattr(postgresql_texts, "RARE", rare)
    monkeypatch.setattr(postgresql_texts, "MOST_MESSAGES", 4)
    ids = await talk(store, place, [["thanks"], ["refund"], ["refund, thanks"], ["thanks"], ["nothing"]])
    assert [ident for ident, _ in await found(store, "text:thanks")] == [ids[3], ids[2], ids[0]]
    assert [ident for ident, _ in await found(store, "text:refund text:thanks")] == [ids[2]]
    assert await found(store, "text:gone") == []


async def test_filters_hold_for_text_too(store: Store, place: Place) -> None:
    ids = await talk(store, place, [["refund"], ["refund"]])

    async def take(unit: Unit) -> None:
        before = await unit.conversations.get(ids[0])
        await unit.conversations.save(before, replace(before, assignee_id=place.ana))

    await store.write(take)
    mine = InboxFilter(InboxKind.MINE, agent_id=place.ana)
    assert [ident for ident, _ in await found(store, "text:refund", mine)] == [ids[0]]
    assert await found(store, "text:refund channel:shop") == []
    assert len(await found(store, f"text:refund channel:{ChannelKind.TELEGRAM.value}")) == 2
