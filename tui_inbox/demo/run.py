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


@dataclass(frozen=True)
class DemoOptions:
    """What the demo is asked for."""

    contacts: int
    seed: int
    keep: bool = False


def prepare(places: DemoPlaces, options: DemoOptions, clock: Clock) -> None:
    """Make the workspace and its settings; start nothing."""
    with places.locked():
        asyncio.run(_prepare(places, options, clock))


async def _prepare(places: DemoPlaces, options: DemoOptions, clock: Clock) -> None:
    data, fresh = _data(places, options, clock())
    channels = demo_channels(options.seed, f"http://127.0.0.1:{free_port()}")
    store = await _store(places, data, channels, fresh=fresh, options=options, clock=clock)
    await store.close()
    places.write_config(channels, free_port())


def run(places: DemoPlaces, options: DemoOptions, clock: Clock, screen: Callable[[], int]) -> int:
    """Make the workspace, start the world, open ``screen``, stop the world; returns the screen's exit code."""
    with places.locked():
        runner = asyncio.Runner()
        world = World(places, demo_channels(options.seed, ""))
        before = _end_on_signals()
        try:
            runner.run(_start(world, places, options, clock))
            return screen()
        finally:
            runner.run(world.stop())
            runner.close()
            _restore(before)


async def _start(world: World, places: DemoPlaces, options: DemoOptions, clock: Clock) -> None:
    data, fresh = _data(places, options, clock())
    customers = customers_of(data) if fresh else await _customers_now(places, data)
    url = await world.start_standins(standin_config(data.channels, data.templates, customers, seed=options.seed))
    channels = demo_channels(options.seed, url)
    places.write_config(channels, 0)
    store = await _store(places, data, channels, fresh=fresh, options=options, clock=clock)
    try:
        port = await world.start_processes(store, clock)
    finally:
        await store.close()
    places.write_config(channels, port)


def _data(places: DemoPlaces, options: DemoOptions, now: datetime) -> tuple[DemoData, bool]:
    """The data, and whether it still has to be written; a kept workspace is the one of its own day and seed."""
    made = places.directory / "made.json"
    if options.keep and places.database.exists() and made.exists():
        kept = json.loads(made.read_text("utf-8"))
        at = datetime.fromisoformat(kept["now"])
        channels = demo_channels(int(kept["seed"]), "")
        return generate(contacts=int(kept["contacts"]), seed=int(kept["seed"]), now=at, channels=channels), False
    told = {"contacts": options.contacts, "seed": options.seed, "now": now.isoformat()}
    places.clear()
    paths.write_private(made, json.dumps(told))
    channels = demo_channels(options.seed, "")
    return generate(contacts=options.contacts, seed=options.seed, now=now, channels=channels), True


async def _store(
    places: DemoPlaces,
    data: DemoData,
    channels: tuple[DemoChannel, ...],
    *,
    fresh: bool,
    options: DemoOptions,
    clock: Clock,
) -> Store:
    """The store, filled when it is fresh, else with the channels pointed at the present stand-ins."""
    store = await Store.open(places.url, clock=clock)
    if fresh:
        await write(store, replace(data, channels=channels), seed=options.seed, now=clock())
        return store
    await store.write(partial(_repoint, channels=channels))
    return store


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
