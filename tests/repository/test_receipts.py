"""Receipts: whom they mean, that they only rise, and those that come too early."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.repository.conftest import NOW, Place, present
from tests.repository.test_outbox import ACCEPTED, AMBIGUOUS, claim, get, queue, record, settle, start
from tests.support.template import put
from tui_inbox.domain.delivery import LEASE
from tui_inbox.domain.events import ReceiptEvent
from tui_inbox.domain.kinds import ChannelKind, ErrorClass, Receipt, Role
from tui_inbox.domain.kinds import DeliveryState as S
from tui_inbox.repository import receipts
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.store import Store
from tui_inbox.repository.tables import orphan_receipts
from tui_inbox.repository.unit import Unit

SECOND = timedelta(seconds=1)


async def report(store: Store, place: Place, event: ReceiptEvent) -> list[str]:
    return await store.write(lambda unit: unit.outbox.apply_receipt(place.telegram, event))


def event(receipt: Receipt, provider_id: str = "p1", **changes: object) -> ReceiptEvent:
    values: dict[str, object] = {"key": f"{provider_id} {receipt}", "at": NOW + SECOND, "provider_id": provider_id}
    return ReceiptEvent(receipt=receipt, **(values | changes))  # type: ignore[arg-type]  # fields by name


FAILED = event(Receipt.NONE, error_class=ErrorClass.UNREACHABLE, error_code="131026", error_text="not on WhatsApp")


async def sending(store: Store, place: Place, ident: str = "m1") -> None:
    await queue(store, place, ident)
    assert await claim(store) is not None
    assert await start(store, ident)


async def test_rises_and_never_falls(store: Store, place: Place) -> None:
    await sending(store, place)
    await settle(store, "m1", S.SENT, ACCEPTED)
    for reported, known in (
        (Receipt.DELIVERED, Receipt.DELIVERED),
        (Receipt.SENT, Receipt.DELIVERED),
        (Receipt.READ, Receipt.READ),
        (Receipt.DELIVERED, Receipt.READ),
    ):
        assert await report(store, place, event(reported)) == ["m1"]
        assert (await get(store, "m1")).receipt is known


@pytest.mark.parametrize("order", list(permutations([Receipt.SENT, Receipt.DELIVERED, Receipt.READ])))
async def test_any_order_ends_at_the_highest(store: Store, place: Place, order: Sequence[Receipt]) -> None:
    await sending(store, place)
    await settle(store, "m1", S.SENT, ACCEPTED)
    for receipt in order:
        await report(store, place, event(receipt))
    row = await get(store, "m1")
    assert (row.state, row.receipt) == (S.SENT, Receipt.READ)


async def test_a_receipt_that_is_faster_than_the_answer(store: Store, place: Place) -> None:
    await sending(store, place)
    assert await report(store, place, event(Receipt.DELIVERED)) == []
    assert await report(store, place, event(Receipt.SENT)) == []
    assert await report(store, place, event(Receipt.READ, "other")) == []
    await settle(store, "m1", S.SENT, ACCEPTED)
    assert (await get(store, "m1")).receipt is Receipt.DELIVERED
    await report(store, place, event(Receipt.NONE, error_class=ErrorClass.UNREACHABLE))
    assert (await get(store, "m1")).state is S.SENT, "delivered is delivered"


async def test_receipts_of_what_others_sent_are_not_kept_for_ever(
    store: Store, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "MOST_ORPHANS", 3)
    await sending(store, place)
    await report(store, place, event(Receipt.DELIVERED))
    for number in range(3):
        await report(store, place, event(Receipt.READ, f"other {number}"))
    async with store.read() as unit:
        kept = (await unit.outbox._connection.execute(select(orphan_receipts.c.provider_id))).scalars().all()
    assert kept == ["other 0", "other 1", "other 2"]


async def test_a_failure_that_is_faster_than_the_answer(store: Store, place: Place) -> None:
    await sending(store, place)
    await report(store, place, FAILED)
    await settle(store, "m1", S.SENT, ACCEPTED)
    row = await get(store, "m1")
    assert (row.state, row.error_text, row.failed_at) == (S.FAILED, "not on WhatsApp", NOW + SECOND)


async def test_an_echo_settles_what_was_uncertain(store: Store, place: Place) -> None:
    await sending(store, place)
    await settle(store, "m1", S.UNCERTAIN, AMBIGUOUS)
    assert await report(store, place, event(Receipt.SENT, "p9", echo="m1")) == ["m1"]
    row = await get(store, "m1")
    assert (row.state, row.provider_id, row.error_class) == (S.SENT, "p9", None)
    assert (await record(store, place))[-2:] == ["message_uncertain", "message_sent"]
    async with store.read() as unit:
        last = (await unit.activity.for_contact(place.contact, 1))[0]
    assert last.detail["evidence"] == "receipt"
    assert await settle(store, "m1", S.SENT, ACCEPTED), "the answer comes after all"
    assert (await get(store, "m1")).provider_id == "p1"


async def test_an_echo_brings_the_receipts_that_waited_for_its_id(store: Store, place: Place) -> None:
    await sending(store, place)
    await report(store, place, event(Receipt.READ, "p9"))
    await report(store, place, event(Receipt.SENT, "p9", echo="m1"))
    row = await get(store, "m1")
    assert (row.state, row.receipt) == (S.SENT, Receipt.READ)


async def test_a_late_failure_beats_sent_but_not_delivered(store: Store, place: Place) -> None:
    await sending(store, place)
    await settle(store, "m1", S.SENT, ACCEPTED)
    await report(store, place, event(Receipt.SENT))
    await report(store, place, FAILED)
    assert (await get(store, "m1")).state is S.FAILED
    await report(store, place, event(Receipt.SENT))
    assert (await get(store, "m1")).state is S.FAILED, "out of order"
    await report(store, place, event(Receipt.DELIVERED))
    row = await get(store, "m1")
    assert (row.state, row.error_class, row.failed_at) == (S.SENT, None, None)
    await report(store, place, FAILED)
    assert (await get(store, "m1")).state is S.SENT


async def test_a_report_on_an_earlier_try_leaves_the_next_one_alone(store: Store, place: Place) -> None:
    await sending(store, place)
    await settle(store, "m1", S.SENT, ACCEPTED)
    await report(store, place, FAILED)
    await store.write(lambda unit: unit.outbox.change("m1", expected={S.FAILED}, to=S.QUEUED, now=NOW))
    await report(store, place, FAILED)
    assert (await get(store, "m1")).state is S.QUEUED


async def test_a_watermark_means_what_was_sent_before_it(store: Store, place: Place) -> None:
    for n, at in enumerate((NOW, NOW + 10 * SECOND)):
        await queue(store, place, f"m{n}")
        await claim(store, f"t{n}", at)
        await start(store, f"m{n}", f"t{n}", at)
        await settle(store, f"m{n}", S.SENT, ACCEPTED, f"t{n}")
    mark = event(Receipt.READ, "", address="42", watermark=NOW + 5 * SECOND)
    assert await report(store, place, mark) == ["m0"]
    assert await report(store, place, mark) == [], "nothing left to rise"
    assert (await get(store, "m1")).receipt is Receipt.NONE
    assert await report(store, place, event(Receipt.READ, "", address="?", watermark=NOW)) == []


STEPS = ("sent", "delivered", "read", "failed", "expire", "answer", "no answer")


@settings(max_examples=25)
@given(st.lists(st.sampled_from(STEPS), max_size=10))
def test_receipts_never_fall(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    asyncio.run(_walk(put(tmp_path_factory.mktemp("walk") / "x.db"), steps))


async def _walk(path: Path, steps: list[str]) -> None:
    store = await Store.open(str(path), clock=present)

    async def prepare(unit: Unit) -> Place:
        ana = await unit.directory.add_agent("ana", "", Role.AGENT)
        channel = await unit.directory.add_channel("bot", ChannelKind.TELEGRAM, {}, {}, "")
        contact = await unit.contacts.add(NewContact("C"), NOW)
        chat = await unit.contacts.add_channel(contact, channel, "1", started=True, now=NOW)
        return Place(ana, ana, channel, channel, contact, chat)

    place = await store.write(prepare)
    await sending(store, place)
    highest, answered = Receipt.NONE, False
    for step in steps:
        before = (await get(store, "m1")).receipt
        if step in {"sent", "delivered", "read"}:
            highest = max(highest, Receipt[step.upper()])
            await report(store, place, event(Receipt[step.upper()]))
        elif step == "failed":
            await report(store, place, FAILED)
        elif step == "expire":
            await store.write(lambda unit: unit.outbox.expire(NOW + LEASE))
        elif step == "answer":
            answered = await settle(store, "m1", S.SENT, ACCEPTED) or answered
        else:
            await settle(store, "m1", S.UNCERTAIN, AMBIGUOUS)
        assert (await get(store, "m1")).receipt >= before
    row = await get(store, "m1")
    assert row.receipt is (highest if answered else Receipt.NONE), "nothing known is forgotten"
    if answered and highest >= Receipt.DELIVERED:
        assert row.state is S.SENT
    await store.close()
