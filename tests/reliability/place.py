"""The workspace that a scenario works in: one database file, four channels on the truth server, agents, contacts."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.reliability.truth import Truth
from tests.server.support.workspace import NUMBER_ID, SECRETS, eventually
from tests.support.files import path_of
from tests.support.template import put
from tui_inbox.domain.clock import Clock, system_clock
from tui_inbox.domain.delivery import Timing
from tui_inbox.domain.kinds import ChannelKind, Role
from tui_inbox.domain.models import Agent
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import Context
from tui_inbox.services.sending import SendingService, SendRequest

QUICK = Timing(lease=timedelta(seconds=2.0), total_timeout=1.0, reserve=0.1, grace=timedelta(seconds=0.3))
"""The spans of the product in small, so that leases end while one watches."""
KINDS = {
    "wa": ChannelKind.WHATSAPP,
    "ig": ChannelKind.INSTAGRAM,
    "tg": ChannelKind.TELEGRAM,
    "line": ChannelKind.LINE,
}
A_MOMENT = timedelta(seconds=0.3)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEYED = frozenset({"line"})
"""Channels that honour an idempotency key."""


def timing_fields(timing: Timing = QUICK) -> dict[str, float]:
    """A timing as it is told to a child."""
    return {
        "lease": timing.lease.total_seconds(),
        "total_timeout": timing.total_timeout,
        "reserve": timing.reserve,
        "grace": timing.grace.total_seconds(),
    }


def timing_of(fields: dict[str, float]) -> Timing:
    """The reverse of :func:`timing_fields`."""
    return Timing(
        timedelta(seconds=fields["lease"]),
        fields["total_timeout"],
        fields["reserve"],
        timedelta(seconds=fields["grace"]),
    )


def address(channel: str, number: int) -> str:
    """Where the ``number``-th contact is on a channel."""
    return {"wa": "+3584010{:05}", "ig": "51{:05}", "tg": "77{:05}", "line": "U{:032}"}[channel].format(number)


@dataclass
class Place:
    """Use :func:`open_place`."""

    folder: Path
    store: Store
    truth: Truth
    clock: Clock = system_clock
    timing: Timing = QUICK
    agent: Agent = field(init=False)
    channel_ids: dict[str, int] = field(default_factory=dict)
    contacts: list[int] = field(default_factory=list)
    links: dict[tuple[int, str], int] = field(default_factory=dict)
    """Contact channel by contact and name of the channel."""
    names: dict[int, str] = field(default_factory=dict)
    """Name of the channel by id."""
    queued: dict[str, str] = field(default_factory=dict)
    """Text by message."""

    @property
    def database(self) -> Path:
        """The database file."""
        return path_of(self.store)

    @property
    def context(self) -> Context:
        """The surroundings of an agent here."""
        return Context(self.store, self.clock, timing=self.timing)

    async def furnish(self, contacts: int, channels: Sequence[str]) -> None:
        """Add an agent, channels, and contacts who are on all of them and wrote an hour ago."""
        await self.store.write(lambda unit: unit.directory.add_agent("ana", "Ana", Role.AGENT))
        async with self.store.read() as unit:
            found = await unit.directory.agent("ana")
        assert found is not None
        self.agent = found
        config = {"base_url": self.truth.base_url, "phone_number_id": NUMBER_ID, "account_id": "178414", "waba_id": "1"}

        async def add_channels(unit: Unit) -> None:
            for name in channels:
                added = await unit.directory.add_channel(name, KINDS[name], config, {}, f"path-{name}")
                self.channel_ids[name], self.names[added] = added, name

        await self.store.write(add_channels)
        for _ in range(contacts):
            await self.add_contact()

    async def add_contact(self, wrote: timedelta = timedelta(hours=1)) -> int:
        """One more contact, who wrote this long ago on every channel."""

        async def work(unit: Unit) -> int:
            now = self.clock()
            number = len(self.contacts) + 1
            contact_id = await unit.contacts.add(NewContact(first_name=f"Carla {number}"), now)
            for name, channel_id in self.channel_ids.items():
                link = await unit.contacts.add_channel(
                    contact_id, channel_id, address(name, number), started=True, now=now
                )
                await unit.contacts.record_inbound(link, qualifying_at=now - wrote, inbound_at=now - wrote)
                self.links[contact_id, name] = link
            return contact_id

        contact_id = await self.store.write(work)
        self.contacts.append(contact_id)
        return contact_id

    async def queue(self, contact_id: int, channel: str, text: str = "", *, due_in: float = 0) -> str:
        """Send a message as the agent does; returns its id. Its text is its own."""
        text = text or f"message {len(self.queued) + 1}"
        request = SendRequest(contact_id, text=text, channel_id=self.links[contact_id, channel], due_in=due_in)
        sent = await SendingService(self.context).send(self.agent, request)
        self.queued[sent.message_id] = text
        return sent.message_id

    def ask(self, sql: str, *values: Any) -> list[Any]:
        """Rows of the database, read past the program."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=60)) as plain:
            return plain.execute(sql, values).fetchall()

    async def something_to_do(self, clock: Clock) -> None:
        """Wait until a sender with this clock finds something to do: a message may go, or a lease has ended."""

        async def found() -> bool:
            if self.leases_left(clock) <= timedelta(0):
                return True
            async with self.store.read() as unit:
                return await unit.outbox.next_message(clock()) is not None

        await eventually(found)

    async def leases_end(self) -> None:
        """Wait until the last lease has ended by the true time, and a moment."""
        await eventually(lambda: self.leases_left(system_clock, last=True) < -A_MOMENT)

    def leases_left(self, clock: Clock, *, last: bool = False) -> timedelta:
        """Time until the first (or last) lease ends; for ever when nothing is leased."""
        pick = "max" if last else "min"
        found = self.ask(f"SELECT {pick}(lease_until) FROM outbox WHERE state IN ('leased', 'sending')")[0][0]
        return timedelta.max if found is None else timedelta(microseconds=found) - (clock() - EPOCH)

    def state(self, message_id: str) -> str:
        """State of a message."""
        return str(self.ask("SELECT state FROM outbox WHERE message_id = ?", message_id)[0][0])

    def arguments(self, **more: Any) -> dict[str, Any]:
        """What every child is told."""
        return {"database": f"sqlite:///{self.database}", "timing": timing_fields(self.timing), **more}


@asynccontextmanager
async def open_place(
    folder: Path,
    truth: Truth,
    *,
    contacts: int = 1,
    channels: Sequence[str] = tuple(KINDS),
    clock: Clock = system_clock,
    timing: Timing = QUICK,
) -> AsyncIterator[Place]:
    """A furnished workspace."""
    store = await Store.open(str(put(folder / "inbox.db")), clock=clock)
    try:
        place = Place(folder, store, truth, clock, timing)
        await place.furnish(contacts, channels)
        yield place
    finally:
        await store.close()


SECRETS_OF_ALL = {name: dict(SECRETS) for name in KINDS}
"""Settings of the channels' secrets."""
