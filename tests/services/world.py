"""A small workspace in a real store, with a clock that only moves when told, for the tests of the use cases."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.files import path_of
from tests.support.servers import dump as dump_server
from tests.support.template import filled, put
from tui_inbox.domain.delivery import LEASE, NEEDS_PERSON
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import (
    ChannelKind,
    ConversationStatus,
    DeliveryState,
    Direction,
    ErrorClass,
    InboundKind,
    Role,
)
from tui_inbox.domain.lifecycle import WorkspaceRules
from tui_inbox.domain.models import Agent, Channel, Conversation
from tui_inbox.domain.policy import policy_for
from tui_inbox.domain.window import ChannelFacts, renew
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.dialect import file_of
from tui_inbox.repository.server_address import is_server
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit
from tui_inbox.services.contacts import ContactService
from tui_inbox.services.context import Context
from tui_inbox.services.lifecycle import LifecycleService
from tui_inbox.services.sending import SendingService

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class ListedTemplate:
    """A template as a channel lists it."""

    name: str
    language: str
    status: str
    category: str
    components: list[Mapping[str, Any]]
    quality: str = "GREEN"
    named: bool = False
    reason: str = ""


HELLO = ListedTemplate(
    "hello", "en", "APPROVED", "UTILITY", [{"type": "BODY", "text": "Hello {{1}}, your order {{2}} is ready."}]
)
PAUSED = ListedTemplate("offer", "en", "PAUSED", "MARKETING", [{"type": "BODY", "text": "An offer."}], reason="quality")
KINDS = (
    ChannelKind.WHATSAPP,
    ChannelKind.TELEGRAM,
    ChannelKind.INSTAGRAM,
    ChannelKind.WECHAT,
    ChannelKind.TIKTOK,
    ChannelKind.SMS,
    ChannelKind.VIBER,
    ChannelKind.EMAIL,
)


class FixedClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> datetime:
        self.now += by
        return self.now


class World:
    """The store, three agents, one channel of several kinds, and shortcuts to put a situation together."""

    def __init__(self, store: Store, clock: FixedClock, rules: WorkspaceRules) -> None:
        self.store, self.clock = store, clock
        self.context = Context(store, clock, rules, random.Random(7))
        self.sending = SendingService(self.context)
        self.lifecycle = LifecycleService(self.context)
        self.contacts = ContactService(self.context)
        self.agents: dict[str, Agent] = {}
        self.channels: dict[str, Channel] = {}

    @classmethod
    async def build(cls, database: str, rules: WorkspaceRules | None = None) -> World:
        clock = FixedClock()
        if is_server(database):
            store = await Store.open(database, clock=clock)
            agents, channels = await store.write(_furnish)
        else:
            content, (agents, channels) = _furnished()
            store = await Store.open(str(put(file_of(database), content)), clock=clock)
        world = cls(store, clock, rules or WorkspaceRules())
        world.agents, world.channels = dict(agents), dict(channels)
        return world

    async def needing_person(self, agent_id: int | None) -> list[str]:
        """Messages that need a person, of one agent or (``None``) of all."""
        async with self.store.read() as unit:
            return [row.message_id for row in await unit.outbox_pages.page(of_agent=agent_id, states=NEEDS_PERSON)]

    @property
    def ana(self) -> Agent:
        return self.agents["ana"]

    @property
    def bo(self) -> Agent:
        return self.agents["bo"]

    @property
    def cy(self) -> Agent:
        return self.agents["cy"]

    async def contact(self, *kinds: str, first_name: str = "Carla") -> tuple[int, list[int]]:
        """A contact who is on these channels but never wrote; returns its id and those of its contact channels."""

        async def work(unit: Unit) -> tuple[int, list[int]]:
            now = self.clock()
            contact_id = await unit.contacts.add(NewContact(first_name=first_name, phone="+15551234567"), now)
            links = [
                await unit.contacts.add_channel(
                    contact_id, self.channels[kind].id, f"{kind}-{contact_id}", started=False, now=now
                )
                for kind in kinds
            ]
            return contact_id, links

        return await self.store.write(work)

    async def customer_writes(self, contact_id: int, link: int, text: str = "Hi", at: datetime | None = None) -> None:
        """An inbound message on a contact channel, as the receiver would record it."""
        at = at or self.clock()

        async def work(unit: Unit) -> None:
            target = await unit.contacts.channel(link)
            assert target is not None, "no such contact channel"
            policy = policy_for(target.channel.kind, target.channel.policy_override)
            qualifying = renew(policy, target.facts.last_qualifying_at, InboundKind.MESSAGE, at, at)
            conversation = await unit.conversations.get(contact_id)
            await unit.timeline.add_inbound(
                contact_id=contact_id,
                contact_channel_id=link,
                channel_id=target.channel.id,
                provider_id=f"in-{contact_id}-{conversation.last_seq}",
                at=at,
                arrived_at=self.clock(),
                body=text,
            )
            await unit.contacts.record_inbound(link, qualifying_at=qualifying, inbound_at=at)
            await unit.conversations.touch(
                contact_id,
                at=at,
                preview=text,
                direction=Direction.INBOUND,
                contact_channel_id=link,
                waiting=True,
                unread_delta=1,
            )

        await self.store.write(work)

    async def put(self, contact_id: int, status: ConversationStatus, owner: str = "", **fields: Any) -> Conversation:
        """Set status and assignee directly."""
        values: dict[str, Any] = {"status": status, "assignee_id": self.agents[owner].id if owner else None, **fields}
        if status is ConversationStatus.CLOSED:
            values |= {"closed_at": self.clock() - HOUR, "closed_by_id": self.bo.id}
        if status is ConversationStatus.SNOOZED:
            values.setdefault("snoozed_until", self.clock() + HOUR)

        async def work(unit: Unit) -> Conversation:
            before = await unit.conversations.get(contact_id)
            return await unit.conversations.save(before, replace(before, **values))

        return await self.store.write(work)

    async def conversation(self, contact_id: int) -> Conversation:
        async with self.store.read() as unit:
            return await unit.conversations.get(contact_id)

    async def fail(self, message_id: str, state: DeliveryState) -> None:
        """Let a sender take the message up and end in ``state``, as the delivery service would record it."""

        async def work(unit: Unit) -> None:
            now = self.clock()
            row = await unit.outbox.claim("worker", "token", now, LEASE)
            assert row is not None
            assert row.message_id == message_id
            assert await unit.outbox.start_sending(message_id, "token", now)
            kind = OutcomeKind.AMBIGUOUS if state is DeliveryState.UNCERTAIN else OutcomeKind.REFUSED
            outcome = SendOutcome(
                kind, error_class=ErrorClass.INVALID, error_code="131000", error_text="it was refused"
            )
            assert await unit.outbox.settle(message_id, "token", state, outcome, due_at=None, now=now)
            if state in {DeliveryState.FAILED, DeliveryState.BLOCKED}:
                await unit.contacts.record_outbound(row.contact_channel_id, now, delta=-1)

        await self.store.write(work)

    async def state(self, message_id: str) -> DeliveryState:
        async with self.store.read() as unit:
            row = await unit.outbox.get(message_id)
        assert row is not None
        return row.state

    async def facts(self, link: int) -> ChannelFacts:
        async with self.store.read() as unit:
            target = await unit.contacts.channel(link)
        assert target is not None
        return target.facts

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        return dump_server(self.store.url) if is_server(self.store.url) else dump(path_of(self.store))


async def _furnish(unit: Unit) -> tuple[Mapping[str, Agent], Mapping[str, Channel]]:
    agents: dict[str, Agent] = {}
    channels: dict[str, Channel] = {}
    for handle, name in (("ana", "Ana"), ("bo", "Bo"), ("cy", "Cy")):
        ident = await unit.directory.add_agent(handle, name, Role.AGENT)
        agents[handle] = Agent(ident, handle, name)
    for kind in KINDS:
        await unit.directory.add_channel(kind.value, kind, {}, {}, f"path-{kind.value}")
        channel = await unit.directory.channel(kind.value)
        assert channel is not None
        channels[kind.value] = channel
    await unit.directory.put_templates(channels["whatsapp"].id, [HELLO, PAUSED], NOON)
    return agents, channels


@cache
def _furnished() -> tuple[bytes, tuple[Mapping[str, Agent], Mapping[str, Channel]]]:
    """The file of every world when it begins, and its agents and channels by name."""
    return filled(lambda store: store.write(_furnish), FixedClock())


def dump(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of a database file, read past the program; the search index itself can't be read."""
    tables_of = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute(tables_of).fetchall()
        return {name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for (name,) in tables}
