"""Fills a store with the demo workspace."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice

from tui_inbox.demo.channels import demo_channels
from tui_inbox.demo.generate import AGENT, generate
from tui_inbox.demo.model import DemoContact, DemoData, DemoLine
from tui_inbox.demo.templates import templates_for
from tui_inbox.domain.attachments import RemoteFile
from tui_inbox.domain.kinds import ChannelKind, Direction
from tui_inbox.domain.models import Agent, Channel
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.history import (
    History,
    HistoryChannel,
    HistoryDelivery,
    HistoryEntry,
    HistoryRepository,
)
from tui_inbox.repository.store import Store
from tui_inbox.repository.timeline import FILES
from tui_inbox.repository.unit import Unit
from tui_inbox.standins.pictures import picture

PHOTO = "[photo]"
"""A line that is nothing but a photo."""
BATCH = 1000
"""Contacts written in one transaction."""


@dataclass(frozen=True)
class DemoCustomer:
    """A customer as the stand-in knows them: one address on one live channel."""

    channel: str
    kind: ChannelKind
    address: str
    name: str
    last_inbound_at: datetime | None
    """``None`` = has never written."""
    started: bool
    blocked_us: bool = False


@dataclass(frozen=True)
class DemoWorkspace:
    """What was written, for those that go on with it."""

    agent: Agent
    """Who sits in front of it."""
    data: DemoData
    channels: Mapping[str, Channel]
    contact_ids: tuple[int, ...]
    """In the order of ``data.contacts``; the hand-written ones first (Carlos, Scarlet, Oscar…)."""


async def seed(store: Store, *, contacts: int, seed: int, now: datetime, standin_base_url: str) -> DemoWorkspace:
    """Fill an empty store with ``contacts`` customers; the same arguments give the same workspace."""
    channels = demo_channels(seed, standin_base_url)
    return await write(store, generate(contacts=contacts, seed=seed, now=now, channels=channels), seed=seed, now=now)


async def write(
    store: Store, data: DemoData, *, seed: int, now: datetime, progress: Callable[[int], object] = lambda _: None
) -> DemoWorkspace:
    """Write what was generated into an empty store. ``progress`` is told how many more customers are written."""
    agents = await store.write(lambda unit: _add_agents(unit, data))
    teams = await store.write(lambda unit: _add_teams(unit, data, agents))
    stored = await store.write(lambda unit: _add_channels(unit, data, now))
    writer = _Histories(random.Random(seed), agents, teams, stored, pictured=BATCH)
    by_id = {channel.id: channel for channel in stored.values()}
    ids: list[int] = []
    await store.write(lambda unit: unit.search.suspend())
    made = iter(data.contacts)
    while batch := list(islice(made, BATCH)):
        await store.write(partial(_add_visitors, contacts=batch, channels=stored, now=now))
        histories = [writer.history(contact) for contact in batch]
        ids += await store.write(partial(_add_batch, histories=histories, channels=by_id, now=now))
        if len(ids) == len(batch):  # a million customers need not send a million pictures
            await store.write(partial(_add_pictures, contact_ids=ids))
        progress(len(batch))
    await store.write(lambda unit: unit.search.rebuild())
    return DemoWorkspace(agents[AGENT], data, stored, tuple(ids))


async def _add_agents(unit: Unit, data: DemoData) -> dict[str, Agent]:
    found = {}
    for agent in data.agents:
        agent_id = await unit.directory.add_agent(agent.handle, agent.name, agent.role)
        if agent.away:
            await unit.directory.set_away(agent_id, True)
        found[agent.handle] = Agent(agent_id, agent.handle, agent.name, agent.role, agent.away)
    return found


async def _add_teams(unit: Unit, data: DemoData, agents: Mapping[str, Agent]) -> dict[str, int]:
    return {
        team.name: await unit.directory.add_team(
            team.name, team.closing_logic, [agents[handle].id for handle in team.members]
        )
        for team in data.teams
    }


async def _add_channels(unit: Unit, data: DemoData, now: datetime) -> dict[str, Channel]:
    found = {}
    for channel in data.channels:
        ident = await unit.directory.add_channel(channel.name, channel.kind, channel.config, {}, channel.webhook_path)
        held = templates_for(channel.kind, data.templates)
        if held:
            await unit.directory.put_templates(ident, held, now)
        found[channel.name] = Channel(ident, channel.name, channel.kind, channel.config, {}, channel.webhook_path)
    return found


async def _add_visitors(
    unit: Unit, contacts: Sequence[DemoContact], channels: Mapping[str, Channel], now: datetime
) -> None:
    """The browsers of those who chatted: nobody has their tokens, so what is written to them waits for ever."""
    for contact in contacts:
        for item in contact.addresses:
            channel = channels[item.channel]
            if channel.kind is ChannelKind.WEBCHAT:
                name = f"{contact.first_name} {contact.last_name}".strip()
                await unit.chat.add_visitor(channel.id, item.address, f"demo {item.address}", name, now)


async def _add_batch(
    unit: Unit, histories: Sequence[History], channels: Mapping[int, Channel], now: datetime
) -> list[int]:
    return await HistoryRepository.within(unit).add(unit, histories, channels, now)


async def _add_pictures(unit: Unit, contact_ids: Sequence[int]) -> None:
    """What the customers have photographed."""
    for contact_id, entries in (await unit.timeline.of_all(contact_ids)).items():
        for entry in entries:
            if entry.detail.get(FILES):
                name, content = f"IMG_{4000 + contact_id % 1000}.png", picture(f"{contact_id}/{entry.seq}")
                file = RemoteFile("photo", name=name, media_type="image/png", content=content)
                await unit.attachments.add(contact_id, file, entry.at, seq=entry.seq)


@dataclass
class _Histories:
    """Puts ids in the place of names."""

    rng: random.Random
    agents: Mapping[str, Agent]
    teams: Mapping[str, int]
    channels: Mapping[str, Channel]
    made: int = 0
    pictured: int = 0
    """So many contacts' photos are really there."""

    def history(self, contact: DemoContact) -> History:
        """One contact as the repository takes it."""
        self.pictured -= 1
        assignee = self.agents.get(contact.assignee)
        return History(
            NewContact(
                contact.first_name,
                contact.last_name,
                contact.email,
                contact.phone,
                contact.language,
                contact.country,
                contact.tags,
                contact.custom,
            ),
            tuple(
                HistoryChannel(self.channels[item.channel].id, item.address, item.started, item.opted_out)
                for item in contact.addresses
            ),
            tuple(self._entry(line) for line in contact.lines),
            contact.status,
            assignee.id if assignee else None,
            self.teams.get(contact.team),
            contact.snoozed_until,
            contact.blocked,
            contact.since,
        )

    def _entry(self, line: DemoLine) -> HistoryEntry:
        self.made += 1
        author = self.agents.get(line.author)
        channel = self.channels.get(line.channel)
        outgoing = line.direction is Direction.OUTBOUND
        return HistoryEntry(
            line.at,
            line.direction,
            line.body,
            line.event,
            author.id if author else None,
            channel.id if channel else None,
            provider_id=f"demo.{self.made}" if line.direction is Direction.INBOUND else "",
            delivery=self._delivery(line) if outgoing else None,
            detail={**line.detail, FILES: 1} if line.body == PHOTO and self.pictured >= 0 else line.detail,
        )

    def _delivery(self, line: DemoLine) -> HistoryDelivery:
        milliseconds = int(line.at.timestamp() * 1000) & (1 << 48) - 1
        value = milliseconds << 80 | 0x7 << 76 | self.rng.getrandbits(12) << 64 | 0b10 << 62 | self.rng.getrandbits(62)
        return HistoryDelivery(
            str(uuid.UUID(int=value)),
            line.state,
            line.receipt,
            f"demo.out.{self.made}",
            line.error_class,
            line.error_text,
            line.template,
            line.tag,
        )


def customers_of(data: DemoData) -> tuple[DemoCustomer, ...]:
    """Everybody on a channel that a stand-in answers on."""
    live = {channel.name: channel.kind for channel in data.channels if channel.live}
    found = []
    for contact in data.contacts:
        newest = {line.channel: line.at for line in contact.lines if line.direction is Direction.INBOUND}
        name = f"{contact.first_name} {contact.last_name}"
        found += [
            DemoCustomer(
                item.channel,
                live[item.channel],
                item.address,
                name,
                newest.get(item.channel),
                item.started,
                item.opted_out,
            )
            for item in contact.addresses
            if item.channel in live
        ]
    return tuple(found)
