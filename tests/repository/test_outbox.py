"""The outbox: order, leases, outcomes, compare-and-set, and the record of each change."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError

from tests.repository.conftest import NOW, Place, only_sqlite, present
from tests.support.template import put
from tui_inbox.domain.delivery import LEASE, MOST_LOST_LEASES, NEEDS_PERSON, UNSETTLED, may_change
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, ContentKind, ErrorClass, Receipt, Role
from tui_inbox.domain.kinds import DeliveryState as S
from tui_inbox.domain.models import OutboxRow
from tui_inbox.domain.templates import TemplateContent
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.outbox import NewOutgoing
from tui_inbox.repository.store import Store
from tui_inbox.repository.tables import outbox
from tui_inbox.repository.unit import Unit

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
ACCEPTED = SendOutcome(OutcomeKind.ACCEPTED, provider_id="p1", http_status=200)
AMBIGUOUS = SendOutcome(OutcomeKind.AMBIGUOUS, error_class=ErrorClass.TEMPORARY, error_text="no answer")


def message(place: Place, ident: str, **changes: Any) -> NewOutgoing:
    values: dict[str, Any] = {
        "message_id": ident,
        "contact_id": place.contact,
        "contact_channel_id": place.chat,
        "channel_id": place.telegram,
        "content_kind": ContentKind.TEXT,
        "body": f"body {ident}",
        "idempotency_key": f"key {ident}",
        "due_at": NOW,
        "created_at": NOW,
        "queued_by_id": place.ana,
    }
    return NewOutgoing(**(values | changes))


async def queue(store: Store, place: Place, ident: str, **changes: Any) -> OutboxRow:
    return await store.write(lambda unit: unit.outbox.queue(message(place, ident, **changes)))


async def claim(store: Store, token: str = "t1", at: Any = NOW) -> OutboxRow | None:
    return await store.write(lambda unit: unit.outbox.claim("w", token, at, LEASE))


async def start(store: Store, ident: str, token: str = "t1", at: Any = NOW, key_life: timedelta | None = None) -> bool:
    return await store.write(lambda unit: unit.outbox.start_sending(ident, token, at, key_life))


async def expire(store: Store, at: Any) -> list[tuple[str, S]]:
    return await store.write(lambda unit: unit.outbox.expire(at))


async def settle(
    store: Store, ident: str, state: S, outcome: SendOutcome, token: str = "t1", due_at: Any = None
) -> bool:
    return await store.write(
        lambda unit: unit.outbox.settle(ident, token, state, outcome, due_at=due_at, now=NOW + SECOND)
    )


async def get(store: Store, ident: str) -> OutboxRow:
    async with store.read() as unit:
        found = await unit.outbox.get(ident)
    assert found is not None
    return found


async def change(store: Store, ident: str, expected: set[S], to: S, **keywords: Any) -> OutboxRow | None:
    return await store.write(lambda unit: unit.outbox.change(ident, expected=expected, to=to, now=NOW, **keywords))


async def record(store: Store, place: Place) -> list[str]:
    async with store.read() as unit:
        return [line.kind for line in reversed(await unit.activity.for_contact(place.contact, 100))]


async def test_the_whole_way(store: Store, place: Place) -> None:
    template = TemplateContent("hello", "en", {"1": "Ana"}, "Hello Ana", False)
    queued = await queue(store, place, "m1", template=template, content_kind=ContentKind.TEMPLATE, tag="x")
    assert (queued.state, queued.seq, queued.template, queued.version) == (S.QUEUED, 1, template, 1)
    leased = await claim(store)
    assert leased is not None
    assert (leased.state, leased.attempts, leased.lease_until, leased.lease_owner) == (S.LEASED, 1, NOW + LEASE, "w")
    assert await start(store, "m1", at=NOW + SECOND)
    assert await settle(store, "m1", S.SENT, ACCEPTED)
    sent = await get(store, "m1")
    assert (sent.state, sent.provider_id, sent.lease_until, sent.receipt) == (S.SENT, "p1", None, Receipt.NONE)
    async with store.read() as unit:
        (attempt,) = await unit.outbox.attempts("m1")
        assert await unit.outbox.pending_count() == 0
    assert (attempt.n, attempt.worker, attempt.outcome, attempt.http_status, attempt.provider_id) == (
        1,
        "w",
        "accepted",
        200,
        "p1",
    )
    assert (attempt.leased_at, attempt.first_byte_at, attempt.ended_at) == (NOW, NOW + SECOND, NOW + SECOND)
    assert await record(store, place) == ["message_queued", "message_leased", "message_sending", "message_sent"]


async def test_found_by_draft_and_by_key_and_never_twice(store: Store, place: Place) -> None:
    await queue(store, place, "m1", draft_id="d1", client_key="k")
    async with store.read() as unit:
        by_draft, by_key = await unit.outbox.by_draft("d1"), await unit.outbox.by_client_key(place.ana, "k")
        assert await unit.outbox.by_client_key(place.bo, "k") is None
    assert by_draft == by_key == await get(store, "m1")
    for changes in ({"draft_id": "d1"}, {"client_key": "k"}):
        with pytest.raises(IntegrityError):
            await queue(store, place, "m2", **changes)
    await queue(store, place, "m2", client_key="k", queued_by_id=place.bo)
    await queue(store, place, "m3")
    await queue(store, place, "m4")


async def test_order_within_a_contact_and_channel(store: Store, place: Place) -> None:
    async def other_chat(unit: Unit) -> tuple[int, int]:
        contact = await unit.contacts.add(NewContact("Bob"), NOW)
        return contact, await unit.contacts.add_channel(contact, place.telegram, "43", started=True, now=NOW)

    contact, chat = await store.write(other_chat)
    await queue(store, place, "m1")
    await queue(store, place, "m2", due_at=NOW - SECOND)
    await queue(store, place, "x1", contact_id=contact, contact_channel_id=chat, created_at=NOW + SECOND)
    first = await claim(store, "t1")
    second = await claim(store, "t2")
    assert first is not None
    assert second is not None
    assert (first.message_id, second.message_id) == ("m1", "x1"), "m2 is due, but waits for m1"
    assert await claim(store, "t3") is None
    await start(store, "m1")
    await settle(store, "m1", S.UNCERTAIN, AMBIGUOUS)
    assert await claim(store, "t3") is None, "an uncertain one holds the line"
    assert await change(store, "m1", {S.UNCERTAIN}, S.CANCELLED) is not None
    third = await claim(store, "t3")
    assert third is not None
    assert third.message_id == "m2"


async def test_the_database_itself_refuses_two_on_their_way(store: Store, place: Place) -> None:
    await queue(store, place, "m1")
    await queue(store, place, "m2")
    await claim(store)
    with pytest.raises(IntegrityError):
        async with store._writers.begin() as connection:
            await connection.execute(text("UPDATE outbox SET state = 'sending' WHERE message_id = 'm2'"))


async def test_nothing_early_and_nothing_on_a_paused_channel(store: Store, place: Place) -> None:
    async def next_due() -> Any:
        async with store.read() as unit:
            return await unit.outbox.next_due(NOW)

    assert await next_due() is None
    await queue(store, place, "m1", due_at=NOW + SECOND)
    assert await claim(store) is None
    assert await next_due() == NOW + SECOND
    await store.write(lambda unit: unit.directory.pause_channel(place.telegram, "rate limit", NOW + 5 * SECOND))
    assert await claim(store, at=NOW + 4 * SECOND) is None
    assert await next_due() == NOW + 5 * SECOND
    await store.write(lambda unit: unit.directory.pause_channel(place.telegram, "auth", None))
    assert await claim(store, at=NOW + 9 * SECOND) is None
    assert await next_due() is None
    await store.write(lambda unit: unit.directory.resume_channel(place.telegram))
    assert await claim(store, at=NOW + SECOND) is not None


async def test_a_message_is_claimed_once_however_many_senders(store: Store, place: Place, tmp_path: Path) -> None:
    async def work(unit: Unit) -> None:
        for n in range(10):
            own = await unit.contacts.add(NewContact(str(n)), NOW)
            address = await unit.contacts.add_channel(own, place.telegram, f"a{n}", started=True, now=NOW)
            await unit.outbox.queue(message(place, f"m{n}", contact_id=own, contact_channel_id=address))

    await store.write(work)
    other = await Store.open(store.url, clock=present)
    claims = await asyncio.gather(*(claim((store, other)[n % 2], f"t{n}") for n in range(14)))
    found = [row.message_id for row in claims if row is not None]
    assert sorted(found) == [f"m{n}" for n in range(10)]
    await other.close()


async def test_only_the_lease_holder_starts_and_only_in_time(store: Store, place: Place) -> None:
    await queue(store, place, "m1")
    assert not await start(store, "m1"), "not leased"
    await claim(store)
    assert not await start(store, "m1", "stranger")
    assert not await start(store, "m1", at=NOW + LEASE)
    assert not await start(store, "nothing")
    assert await start(store, "m1")
    assert not await start(store, "m1"), "once"


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (S.QUEUED, SendOutcome(OutcomeKind.RETRY, error_class=ErrorClass.RATE_LIMITED, error_code="429")),
        (S.FAILED, SendOutcome(OutcomeKind.REFUSED, error_class=ErrorClass.UNREACHABLE, error_code="403")),
        (S.BLOCKED, SendOutcome(OutcomeKind.REFUSED, error_class=ErrorClass.WINDOW_CLOSED)),
        (S.UNCERTAIN, AMBIGUOUS),
    ],
)
async def test_outcomes(store: Store, place: Place, state: S, outcome: SendOutcome) -> None:
    await queue(store, place, "m1")
    await claim(store)
    await start(store, "m1")
    assert not await settle(store, "m1", state, outcome, token="stranger")
    assert await settle(store, "m1", state, outcome, due_at=NOW + 9 * SECOND)
    row = await get(store, "m1")
    assert (row.state, row.error_class, row.error_code) == (state, outcome.error_class, outcome.error_code)
    assert (row.due_at == NOW + 9 * SECOND) is (state is S.QUEUED)
    assert (row.failed_at is not None) is (state is S.FAILED)
    async with store.read() as unit:
        needing = await unit.outbox_pages.page(of_agent=place.ana, states=NEEDS_PERSON)
        assert await unit.outbox_pages.page(of_agent=place.bo, states=NEEDS_PERSON) == []
    assert [item.message_id for item in needing] == ([] if state is S.QUEUED else ["m1"])


async def test_a_late_definite_outcome_settles_an_uncertain_message(store: Store, place: Place) -> None:
    await queue(store, place, "m1")
    await claim(store)
    await start(store, "m1")
    expired = await expire(store, NOW + LEASE)
    assert expired == [("m1", S.UNCERTAIN)]
    assert (await get(store, "m1")).lease_until == NOW + LEASE, "kept, for the wait before a person may send again"
    assert await settle(store, "m1", S.UNCERTAIN, AMBIGUOUS), "nothing new"
    assert await settle(store, "m1", S.SENT, ACCEPTED)
    assert (await get(store, "m1")).state is S.SENT
    assert not await settle(store, "m1", S.FAILED, AMBIGUOUS), "sent stays sent"
    assert (await get(store, "m1")).state is S.SENT


async def test_expired_leases(store: Store, place: Place) -> None:
    await queue(store, place, "m1")
    await claim(store)
    assert await expire(store, NOW + LEASE - SECOND) == []
    assert await expire(store, NOW + LEASE) == [("m1", S.QUEUED)]
    assert not await start(store, "m1"), "the lease is gone"
    assert await claim(store, "t2", NOW + LEASE) is not None
    assert await start(store, "m1", "t2", NOW + LEASE, DAY)
    keyed = await expire(store, NOW + 2 * LEASE)
    assert keyed == [("m1", S.QUEUED)], "the channel knows the key, so sending again is safe"
    row = await get(store, "m1")
    assert row.idempotency_key == "key m1"
    async with store.read() as unit:
        attempts = await unit.outbox.attempts("m1")
    assert [(attempt.n, attempt.outcome) for attempt in attempts] == [(1, "lease expired"), (2, "lease expired")]


async def test_a_message_that_kills_its_senders_is_put_aside(store: Store, place: Place) -> None:
    await queue(store, place, "m1")
    at, states = NOW, []
    for n in range(MOST_LOST_LEASES):
        assert await claim(store, f"t{n}", at) is not None
        at += LEASE
        states += [state for _, state in await expire(store, at)]
    assert states == [S.QUEUED] * (MOST_LOST_LEASES - 1) + [S.FAILED]
    row = await get(store, "m1")
    assert row.error_class is ErrorClass.INTERNAL
    assert "nothing was sent" in row.error_text
    again = await change(store, "m1", {S.FAILED}, S.QUEUED, confirmed_by_id=place.ana)
    assert again is not None
    assert (again.error_class, again.error_text, again.failed_at) == (None, "", None)
    assert await claim(store, "t9", at) is not None


async def test_changes_by_hand_lose_cleanly(store: Store, place: Place) -> None:
    row = await queue(store, place, "m1")
    assert await change(store, "m1", {S.QUEUED}, S.CANCELLED, version=row.version + 1) is None
    assert await change(store, "m1", {S.FAILED}, S.CANCELLED) is None
    assert await change(store, "m1", {S.QUEUED}, S.SENT) is None, "no such edge"
    assert await change(store, "nothing", {S.QUEUED}, S.CANCELLED) is None
    await claim(store)
    assert await change(store, "m1", {S.QUEUED, S.LEASED}, S.CANCELLED) is None, "too late"
    blocked = await change(store, "m1", {S.LEASED}, S.BLOCKED, error=(ErrorClass.WINDOW_CLOSED, "", "closed"))
    assert blocked is not None
    assert (blocked.error_class, blocked.error_text) == (ErrorClass.WINDOW_CLOSED, "closed")
    gone = await change(store, "m1", {S.BLOCKED}, S.CANCELLED, version=blocked.version, confirmed_by_id=place.ana)
    assert gone is not None
    assert gone.state is S.CANCELLED


ACTIONS = ("claim", "start", "sent", "retry", "ambiguous", "refused", "expire", "cancel", "again", "by hand")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.booleans()), max_size=14))
def test_no_order_of_steps_leaves_the_machine(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, bool]]
) -> None:
    """Every change is an edge of the machine, recorded with it; never two on their way; attempts without gaps."""
    asyncio.run(_walk(put(tmp_path_factory.mktemp("walk") / "x.db"), steps))


async def _walk(path: Path, steps: list[tuple[str, bool]]) -> None:
    store = await Store.open(str(path), clock=present)

    async def prepare(unit: Unit) -> Place:
        ana = await unit.directory.add_agent("ana", "", Role.AGENT)
        channel = await unit.directory.add_channel("bot", ChannelKind.TELEGRAM, {}, {}, "")
        contact = await unit.contacts.add(NewContact("C"), NOW)
        chat = await unit.contacts.add_channel(contact, channel, "1", started=True, now=NOW)
        found = Place(ana, ana, channel, channel, contact, chat)
        await unit.outbox.queue(message(found, "m1"))
        await unit.outbox.queue(message(found, "m2"))
        return found

    place = await store.write(prepare)
    at = NOW
    for number, (action, first) in enumerate(steps):
        ident = "m1" if first else "m2"
        row = await get(store, ident)
        at += SECOND
        await _step(store, action, row, f"t{number}", at)
        states = [(await get(store, name)).state for name in ("m1", "m2")]
        assert sum(state in {S.LEASED, S.SENDING} for state in states) <= 1
        if states[1] in {S.LEASED, S.SENDING}:
            assert states[0] not in UNSETTLED, "in order"
    async with store.read() as unit:
        for name in ("m1", "m2"):
            attempts = await unit.outbox.attempts(name)
            assert [attempt.n for attempt in attempts] == list(range(1, len(attempts) + 1))
        lines = list(reversed(await unit.activity.for_contact(place.contact, 1000)))
    for name in ("m1", "m2"):
        told = [line for line in lines if line.message_id == name]
        path_of = [S(line.kind.removeprefix("message_")) for line in told]
        assert path_of[-1] is (await get(store, name)).state
        assert len(path_of) == (await get(store, name)).version
        assert all(may_change(before, after) for before, after in pairwise(path_of))
    await store.close()


async def _step(store: Store, action: str, row: OutboxRow, token: str, at: Any) -> None:
    outcomes = {
        "sent": (S.SENT, ACCEPTED),
        "retry": (S.QUEUED, SendOutcome(OutcomeKind.RETRY)),
        "ambiguous": (S.UNCERTAIN, AMBIGUOUS),
        "refused": (S.FAILED, SendOutcome(OutcomeKind.REFUSED)),
    }
    ident = row.message_id
    if action in outcomes and row.state is not S.LEASED:
        await settle(store, ident, *outcomes[action], token=row.lease_token)
    elif action == "claim":
        await claim(store, token, at)
    elif action == "start":
        await start(store, ident, row.lease_token, at)
    elif action == "expire":
        await expire(store, at + LEASE)
    elif action == "cancel":
        await change(store, ident, set(S), S.CANCELLED)
    elif action == "again":
        await change(store, ident, {S.FAILED, S.UNCERTAIN, S.BLOCKED}, S.QUEUED)
    elif action == "by hand":
        await change(store, ident, {S.UNCERTAIN}, S.SENT)


@only_sqlite
async def test_claiming_a_page_of_history_uses_the_indexes(store: Store, place: Place) -> None:
    row = await queue(store, place, "m0")
    async with store._writers.begin() as connection:
        template = (await connection.execute(select(outbox))).mappings().one()
        rows = [
            {**template, "message_id": f"old{n}", "seq": n + 2, "state": S.SENT, "draft_id": None} for n in range(200)
        ]
        await connection.execute(insert(outbox), rows)
        plan = await connection.execute(
            text("EXPLAIN QUERY PLAN SELECT 1 FROM outbox WHERE state = 'queued' AND due_at <= 5 ORDER BY due_at")
        )
        assert "ix_outbox_due" in str(plan.all())
        assert (await connection.execute(select(func.count()).select_from(outbox))).scalar() == 201
    found = await claim(store)
    assert found is not None
    assert found.message_id == row.message_id
