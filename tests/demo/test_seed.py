"""The demo in a store: what was generated is what the services answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.template import put
from tui_inbox.demo.seed import DemoWorkspace, customers_of, seed
from tui_inbox.domain.delivery import NEEDS_PERSON
from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.kinds import ConversationStatus, DeliveryState, Direction, WindowState
from tui_inbox.domain.search import parse
from tui_inbox.repository.store import Store
from tui_inbox.services.contacts import ContactService
from tui_inbox.services.context import Context

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(str(put(tmp_path / "inbox.db")), clock=lambda: NOW)
    yield opened
    await opened.close()


@pytest.fixture
async def workspace(store: Store) -> DemoWorkspace:
    return await seed(store, contacts=80, seed=7, now=NOW, standin_base_url="http://127.0.0.1:9")


async def test_inbox_and_threads_are_those_of_the_data(store: Store, workspace: DemoWorkspace) -> None:
    async with store.read() as unit:
        counts = await unit.inbox.counts(InboxFilter(), now=NOW)
        mine = InboxFilter(InboxKind.MINE, workspace.agent.id, status=ConversationStatus.CLOSED, query=parse("car"))
        rows = await unit.inbox.page(mine, now=NOW)
        for contact_id, contact in zip(workspace.contact_ids, workspace.data.contacts, strict=True):
            entries = await unit.timeline.page(contact_id, limit=100)
            assert [entry.body for entry in entries] == [line.body for line in contact.lines]
            assert [entry.state for entry in entries if entry.direction is Direction.OUTBOUND] == [
                line.state for line in contact.lines if line.direction is Direction.OUTBOUND
            ]
            stored = await unit.conversations.get(contact_id)
            assert stored.status is contact.status
            assert stored.last_seq == len(contact.lines)
    assert counts.any == 80
    assert {row.name for row in rows} == {"Carlos Fuentes", "Scarlet Whitfield", "Oscar Lindqvist"}


async def test_windows_stand_in_their_stages(store: Store, workspace: DemoWorkspace) -> None:
    service = ContactService(Context(store, lambda: NOW))
    reach = {
        contact.first_name: (await service.view(contact_id)).reach[0].answer
        for contact_id, contact in zip(workspace.contact_ids, list(workspace.data.contacts)[:16], strict=False)
    }
    assert reach["Carlos"].state is WindowState.NONE
    assert [item.value for item in reach["Scarlet"].may_send] == ["template"]
    assert [item.value for item in reach["Oscar"].may_send] == ["tag:HUMAN_AGENT"]
    closes_at = reach["Amélie"].closes_at
    assert closes_at is not None
    assert timedelta(0) < closes_at - NOW < timedelta(minutes=15)
    assert reach["美玲"].reason.endswith("4 of 5 messages used")
    assert reach["Grace"].state is WindowState.BLOCKED
    assert reach["Tomáš"].warning
    assert reach["Lucía"].opted_out
    assert reach["Win"].for_good
    assert reach["Marta"].for_good


async def test_what_needs_a_person_is_listed(store: Store, workspace: DemoWorkspace) -> None:
    async with store.read() as unit:
        waiting = await unit.outbox_pages.page(of_agent=None, states=NEEDS_PERSON)
        health = await store.health()
    assert {DeliveryState.FAILED, DeliveryState.UNCERTAIN} <= {row.state for row in waiting}
    assert health.check == "ok"


async def test_customers_for_the_stand_ins_have_the_same_windows(store: Store, workspace: DemoWorkspace) -> None:
    live = {channel.name for channel in workspace.data.channels if channel.live}
    customers = customers_of(workspace.data)
    assert {customer.channel for customer in customers} == live - {"custom"}, "nobody has written there yet"
    async with store.read() as unit:
        for customer in customers:
            known = await unit.contacts.by_address(workspace.channels[customer.channel].id, customer.address)
            assert known is not None
            assert known.last_inbound_at == customer.last_inbound_at


async def test_who_never_wrote_is_not_the_newest(store: Store, workspace: DemoWorkspace) -> None:
    async with store.read() as unit:
        newest = await unit.inbox.page(InboxFilter(), now=NOW, limit=5)
    assert all(row.status is not ConversationStatus.NONE for row in newest)
