"""Receipts in ten thousand orders: repeated, reversed, contradictory, before the answer, for ids that nobody knows."""

from __future__ import annotations

import random
from datetime import timedelta

from tests.repository.conftest import NOW, Place
from tests.repository.test_outbox import ACCEPTED, AMBIGUOUS, claim, message, start
from tests.repository.test_receipts import event
from tui_inbox.domain.delivery import failure_applies, proves_sent, raise_receipt
from tui_inbox.domain.kinds import DeliveryState as S
from tui_inbox.domain.kinds import ErrorClass, Receipt
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit

ORDERS = 10_000
REAL_ORDERS = 60
REPORTS = ("sent", "delivered", "read", "failed", "unknown", "echo")


def test_ten_thousand_orders_by_the_rules_alone() -> None:
    chance = random.Random(8)
    for _ in range(ORDERS):
        state, receipt, highest = chance.choice([S.SENDING, S.UNCERTAIN, S.SENT]), Receipt.NONE, Receipt.NONE
        reports = [chance.choice([*Receipt, *Receipt, None]) for _ in range(chance.randint(1, 9))]
        for reported in reports:
            if reported is None:
                state = S.FAILED if failure_applies(receipt) and state is not S.FAILED else state
                continue
            before, receipt = receipt, raise_receipt(receipt, reported)
            highest = max(highest, reported)
            assert receipt >= before
            state = S.SENT if proves_sent(state, reported, doubtful=False) else state
        assert receipt is highest, "it ends at the true maximum"
        if highest >= Receipt.DELIVERED:
            assert state is S.SENT, "what arrived is never called failed"
        if None in reports and highest < Receipt.DELIVERED:
            assert state is S.FAILED, "what the channel gave up is never called sent"


async def test_random_orders_on_the_real_store(store: Store, place: Place) -> None:
    """The sender's own answer comes somewhere in between, or never."""
    chance, expected = random.Random(9), {}
    for number in range(REAL_ORDERS):
        ident, provider_id = f"m{number}", f"p{number}"
        await store.write(lambda unit, ident=ident: unit.outbox.queue(message(place, ident)))  # type: ignore[misc]
        assert await claim(store, ident) is not None
        assert await start(store, ident, ident)
        reports = [chance.choice(REPORTS) for _ in range(chance.randint(1, 8))]
        reports.insert(chance.randint(0, len(reports)), chance.choice(["answer", "no answer"]))

        async def work(
            unit: Unit, ident: str = ident, provider_id: str = provider_id, reports: list[str] = reports
        ) -> None:
            for report in reports:
                await _take(unit, place, ident, provider_id, report)
            # Whatever was in doubt is settled by its echo in the end, seven days late, so that nothing holds the line.
            await _take(unit, place, ident, provider_id, "late echo")

        await store.write(work)
        expected[ident] = max(
            (Receipt[item.upper()] for item in reports if item in {"delivered", "read"}), default=None
        )
    async with store.read() as unit:
        for ident, highest in expected.items():
            row = await unit.outbox.get(ident)
            assert row is not None
            assert row.state in {S.SENT, S.FAILED}, ident
            if highest is not None:
                assert (row.state, row.receipt) == (S.SENT, highest), ident
        assert await unit.invariants.unrecorded() == []
        assert await unit.invariants.out_of_line() == []
        assert await unit.invariants.sent_without_evidence() == []
        assert await unit.invariants.with_odd_receipts() == []


async def _take(unit: Unit, place: Place, ident: str, provider_id: str, report: str) -> None:
    if report in {"answer", "no answer"}:
        state, outcome = (S.SENT, ACCEPTED) if report == "answer" else (S.UNCERTAIN, AMBIGUOUS)
        if report == "answer":
            outcome = type(outcome)(outcome.kind, provider_id=provider_id, http_status=200)
        await unit.outbox.settle(ident, ident, state, outcome, due_at=None, now=NOW + timedelta(seconds=1))
        return
    told = {
        "failed": event(Receipt.NONE, provider_id, error_class=ErrorClass.UNREACHABLE),
        "unknown": event(Receipt.READ, f"nobody's {ident}"),
        "echo": event(Receipt.SENT, provider_id, echo=ident),
        "late echo": event(Receipt.SENT, provider_id, echo=ident, at=NOW + timedelta(days=7)),
    }
    await unit.outbox.apply_receipt(place.telegram, told.get(report) or event(Receipt[report.upper()], provider_id))


async def test_proof_of_an_earlier_try_stops_the_next_one(store: Store, place: Place) -> None:
    """A person sent an uncertain message again; before that leaves, the channel reports the first try."""
    await store.write(lambda unit: unit.outbox.queue(message(place, "m1")))
    await claim(store, "t1")
    await start(store, "m1", "t1")

    async def work(unit: Unit) -> S:
        await unit.outbox.settle("m1", "t1", S.UNCERTAIN, AMBIGUOUS, due_at=None, now=NOW)
        await unit.outbox.change("m1", expected={S.UNCERTAIN}, to=S.QUEUED, confirmed_by_id=place.ana, now=NOW)
        await unit.outbox.apply_receipt(place.telegram, event(Receipt.SENT, "p1", echo="m1"))
        row = await unit.outbox.get("m1")
        assert row is not None
        return row.state

    assert await store.write(work) is S.SENT
    assert await claim(store, "t2") is None


async def test_a_late_sent_of_a_denied_try_does_not_pass_for_the_next_one(store: Store, place: Place) -> None:
    await store.write(lambda unit: unit.outbox.queue(message(place, "m1")))
    await claim(store, "t1")
    await start(store, "m1", "t1")

    async def work(unit: Unit) -> list[S]:
        seen = []
        await unit.outbox.settle("m1", "t1", S.UNCERTAIN, AMBIGUOUS, due_at=None, now=NOW)
        denied = event(Receipt.NONE, "p1", echo="m1", error_class=ErrorClass.UNREACHABLE)
        await unit.outbox.apply_receipt(place.telegram, denied)
        await unit.outbox.change("m1", expected={S.FAILED}, to=S.QUEUED, now=NOW)
        for receipt in (Receipt.SENT, Receipt.DELIVERED):
            await unit.outbox.apply_receipt(place.telegram, event(receipt, "p1"))
            row = await unit.outbox.get("m1")
            assert row is not None
            seen.append(row.state)
        return seen

    assert await store.write(work) == [S.QUEUED, S.SENT], "delivered is delivered, whatever was said before"
