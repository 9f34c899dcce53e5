"""Lines of the website chat: numbered without gaps, once for each key, also when many write at once."""

from __future__ import annotations

import asyncio

from tests.repository.conftest import NOW, Place
from tui_inbox.domain.chat import ChatSender
from tui_inbox.domain.kinds import Receipt
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit

VISITOR, AGENT = ChatSender.VISITOR, ChatSender.AGENT


async def visitor(store: Store, place: Place, address: str = "visitor-1") -> int:
    return await store.write(lambda unit: unit.chat.add_visitor(place.telegram, address, f"#{address}", "", NOW))


async def add(store: Store, ident: int, sender: ChatSender, key: str, text: str = "x") -> tuple[int, bool]:
    line, new = await store.write(lambda unit: unit.chat.add(ident, sender, key, text, NOW))
    return line.number, new


async def test_numbers_have_no_gaps_when_many_write_and_repeat(store: Store, place: Place) -> None:
    ident = await visitor(store, place)
    keys = [f"k{number % 20}" for number in range(60)]
    found = await asyncio.gather(*(add(store, ident, VISITOR if n % 2 else AGENT, key) for n, key in enumerate(keys)))
    assert sum(new for _, new in found) == 20
    async with store.read() as unit:
        lines = await unit.chat.after(ident, 0, 100)
        some = await unit.chat.after(ident, 5, 3)
        known = await unit.chat.by_address(place.telegram, "visitor-1")
    assert [line.number for line in lines] == list(range(1, 21))
    assert [line.number for line in some] == [6, 7, 8]
    assert known is not None
    assert known.last_number == 20


async def test_a_key_is_a_senders_own_and_a_visitors_own(store: Store, place: Place) -> None:
    ana, bo = await visitor(store, place), await visitor(store, place, "visitor-2")
    assert await add(store, ana, VISITOR, "k", "first") == (1, True)
    assert await add(store, ana, VISITOR, "k", "another text") == (1, False)
    assert await add(store, ana, AGENT, "k") == (2, True)
    assert await add(store, bo, VISITOR, "k") == (1, True)
    async with store.read() as unit:
        assert [line.text for line in await unit.chat.after(ana, 0, 10)] == ["first", "x"]


async def test_who_has_a_token_on_this_channel(store: Store, place: Place) -> None:
    ident = await visitor(store, place)
    async with store.read() as unit:
        found = await unit.chat.by_token(place.telegram, "#visitor-1")
        assert found is not None
        assert found.id == ident
        assert await unit.chat.by_token(place.whatsapp, "#visitor-1") is None
        assert await unit.chat.by_token(place.telegram, "") is None


async def test_receipts_tell_news_only(store: Store, place: Place) -> None:
    ident = await visitor(store, place)
    for number, sender in enumerate((AGENT, VISITOR, AGENT, AGENT)):
        await add(store, ident, sender, f"k{number}")

    async def told(upto: int, receipt: Receipt) -> list[str]:
        async def work(unit: Unit) -> list[str]:
            return await unit.chat.raise_receipt(ident, upto, receipt)

        return await store.write(work)

    assert await told(3, Receipt.DELIVERED) == ["k0", "k2"]
    assert await told(3, Receipt.DELIVERED) == []
    assert await told(1, Receipt.DELIVERED) == []
    assert await told(99, Receipt.READ) == ["k0", "k2", "k3"]
    assert await told(99, Receipt.DELIVERED) == ["k3"]
