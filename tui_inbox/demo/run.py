"""Preparing and running the demo: a workspace, the world around it, the screen in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from types import FrameType
from typing import TypeAlias

from tui_inbox import paths
from tui_inbox.demo.channels import demo_channels
from tui_inbox.demo.generate import generate
from tui_inbox.demo.model import DemoChannel, DemoData
from tui_inbox.demo.places import DemoPlaces
from tui_inbox.demo.seed import DemoCustomer, customers_of, write
from tui_inbox.demo.world import World, standin_config
from tui_inbox.domain.clock import Clock
from tui_inbox.domain.filters import InboxFilter
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit

PAGE = 200
Progress: TypeAlias = Callable[[int], object]


def _silent(_more: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class DemoOptions:
    """What the demo is asked for."""

    contacts: int
    seed: int
    keep: bool = False


@dataclass(frozen=True)
class _Plan:
    """Which workspace it is: a new one, or the kept one with its own day, size and seed."""

    contacts: int
    seed: int
    now: datetime
    fresh: bool

    @classmethod
    def of(cls, places: DemoPlaces, options: DemoOptions, now: datetime) -> _Plan:
        if options.keep and places.database.exists() and places.made.exists():
            kept = json.loads(places.made.read_text("utf-8"))
            return cls(kept["contacts"], kept["seed"], datetime.fromisoformat(kept["now"]), fresh=False)
        return cls(options.contacts, options.seed, now, fresh=True)

    def data(self, mail_ports: tuple[int, int], standin_url: str = "") -> DemoData:
        """What is in it, the channels pointed at ``standin_url`` and, for mail, at ``mail_ports``."""
        channels = demo_channels(self.seed, standin_url, mail_ports)
        return generate(contacts=self.contacts, seed=self.seed, now=self.now, channels=channels)

    async def open(self, places: DemoPlaces, data: DemoData, clock: Clock, progress: Progress) -> Store:
        """The store with ``data`` in it; a kept one only has its channels pointed at the present stand-ins."""
        if not self.fresh:
            store = await Store.open(places.url, clock=clock)
            await store.write(partial(_repoint, channels=data.channels))
            return store
        places.clear()
        store = await Store.open(places.url, clock=clock)
        await write(store, data, seed=self.seed, now=self.now, progress=progress)
        told = {"contacts": self.contacts, "seed": self.seed, "now": self.now.isoformat()}
        paths.write_private(places.made, json.dumps(told))
        return store


def prepare(places: DemoPlaces, options: DemoOptions, clock: Clock, progress: Progress = _silent) -> None:
    """Make the workspace and its settings; start nothing. ``progress`` is told how many more customers are written."""
    with places.locked():
        asyncio.run(_prepare(places, options, clock, progress))


async def _prepare(places: DemoPlaces, options: DemoOptions, clock: Clock, progress: Progress) -> None:
    plan = _Plan.of(places, options, clock())
    data = plan.data(_mail_ports(), f"http://127.0.0.1:{free_port()}")
    await (await plan.open(places, data, clock, progress)).close()
    places.write_config(data.channels, free_port())


def run(
    places: DemoPlaces, options: DemoOptions, clock: Clock, screen: Callable[[], int], progress: Progress = _silent
) -> int:
    """Make the workspace, start the world, open ``screen``, stop the world; returns the screen's exit code."""
    with places.locked(), asyncio.Runner() as runner:
        world = World(places)
        before = _end_on_signals()
        try:
            runner.run(_start(world, places, options, clock, progress))
            return screen()
        finally:
            runner.run(world.stop())
            _restore(before)


async def _start(world: World, places: DemoPlaces, options: DemoOptions, clock: Clock, progress: Progress) -> None:
    plan = _Plan.of(places, options, clock())
    ports = _mail_ports()
    known = plan.data(ports)
    customers = customers_of(known) if plan.fresh else await _customers_now(places, known)
    url = await world.start_standins(standin_config(known.channels, known.templates, customers, seed=plan.seed))
    data = plan.data(ports, url)
    places.write_config(data.channels, 0)
    store = await plan.open(places, data, clock, progress)
    try:
        port = await world.start_processes(data.channels, store, clock)
    finally:
        await store.close()
    places.write_config(data.channels, port)


async def _repoint(unit: Unit, channels: tuple[DemoChannel, ...]) -> None:
    known = {channel.name: channel.id for channel in await unit.directory.channels()}
    for channel in channels:
        if channel.live and channel.name in known:
            await unit.directory.update_channel(known[channel.name], config=channel.config)


async def _customers_now(places: DemoPlaces, data: DemoData) -> list[DemoCustomer]:
    """Customers of a kept workspace, with what has come in since it was made."""
    made = max((line.at for contact in data.contacts for line in contact.lines), default=None)
    customers = {(item.channel, item.address): item for item in customers_of(data)}
    store = await Store.open(places.url)
    try:
        async with store.read() as unit:
            after: str | None = None
            while rows := await unit.inbox.page(InboxFilter(), now=unit.clock(), after=after, limit=PAGE):
                for row in rows:
                    for item in await unit.contacts.channels_of(row.contact_id):
                        key = (item.channel.name, item.address)
                        if key in customers:
                            customers[key] = replace(
                                customers[key],
                                last_inbound_at=item.last_inbound_at,
                                started=item.facts.started,
                                blocked_us=item.facts.opted_out,
                            )
                after = rows[-1].cursor
                if made is not None and rows[-1].last_activity_at < made:
                    break
    finally:
        await store.close()
    return list(customers.values())


def _mail_ports() -> tuple[int, int]:
    return free_port(), free_port()


def free_port() -> int:
    """A port of this machine that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_Handlers = dict[signal.Signals, object]


def _end_on_signals() -> _Handlers:
    """While there is no screen yet (or no more), a signal ends the program the orderly way."""

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    return (
        {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)} if os.name == "posix" else {}
    )


def _restore(handlers: _Handlers) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler if callable(handler) or isinstance(handler, int) else signal.SIG_DFL)
