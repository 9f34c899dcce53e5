"""What a child of the zygote does with its life."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from tests.reliability import guards
from tests.reliability.crowd import operate
from tests.reliability.place import SECRETS_OF_ALL, timing_of
from tests.reliability.power import notes
from tests.server.support.workspace import SECRETS
from tui_inbox import paths
from tui_inbox.channels.http import Http
from tui_inbox.channels.port import ChannelAdapter, Secrets
from tui_inbox.channels.registry import build_adapter
from tui_inbox.config import ChannelSettings, Settings
from tui_inbox.domain.clock import system_clock
from tui_inbox.domain.models import Channel
from tui_inbox.repository.file_store import FileStore
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import Context
from tui_inbox.services.delivery import Claim, DeliveryService


class Say(Protocol):
    """Tells the harness something."""

    def __call__(self, **said: Any) -> None: ...


Arguments = dict[str, Any]


def play(role: str, arguments: Arguments, say: Say) -> None:
    """Play a role to its end. ``guards_off`` in the arguments names guards of the product to switch off first."""
    logging.basicConfig(level=logging.WARNING, format=f"%(asctime)s {os.getpid()} {role} %(message)s")
    for name in arguments.pop("guards_off", ()):
        guards.OFF[name]()
    asyncio.run(ROLES[role](arguments, say))


async def deliver(arguments: Arguments, say: Say) -> None:
    """The sender as ``tui-inbox deliver`` runs it."""
    from tui_inbox.bootstrap import open_services
    from tui_inbox.server.processes import run_sender
    from tui_inbox.server.run import stop_on_signals

    timing = timing_of(arguments["timing"])
    services = await open_services(_settings(arguments), migrate=False, timing=timing)
    stop = asyncio.Event()
    say(running=True)
    with stop_on_signals(stop):
        await run_sender(services, system_clock, stop)
    await services.close()


async def serve(arguments: Arguments, say: Say) -> None:
    """The receiver as ``tui-inbox serve`` runs it; says its ``port``. May die or stop at a point, as senders do."""
    from tui_inbox.server.run import run_receiver, stop_on_signals
    from tui_inbox.services.attachments import AttachmentService
    from tui_inbox.services.receiving import ReceivingService
    from tui_inbox.services.webchat import ChatService

    class Services:
        """What running the receiver needs."""

        receiving: ReceivingService
        chat: ChatService
        attachments: AttachmentService

    store = await PointedStore.open(arguments["database"], migrate=False)
    assert isinstance(store, PointedStore)
    store.at = _points(arguments, say)
    services = Services()
    context = Context(store)
    services.receiving = ReceivingService(context, Watched(1.0, store.at))
    services.chat = ChatService(context)
    services.attachments = AttachmentService(context)
    stop = asyncio.Event()
    with stop_on_signals(stop):
        await run_receiver(
            services, "127.0.0.1", arguments.get("port", 0), ready=lambda port: say(port=port), stop=stop
        )


async def deliver_to_point(arguments: Arguments, say: Say) -> None:
    """Deliver what is due, one after another, and die or stop at a named point (see :func:`_points`).

    ``shift``: seconds by which its clock is ahead.
    """
    timing = timing_of(arguments["timing"])
    at = _points(arguments, say)
    store = await PointedStore.open(arguments["database"], migrate=False)
    assert isinstance(store, PointedStore)
    store.at = at
    shift = timedelta(seconds=arguments.get("shift", 0.0))
    context = Context(store, lambda: system_clock() + shift, timing=timing)
    sender = DeliveryService(
        context,
        Watched(timing.total_timeout, at),
        f"{os.getpid()}:{arguments.get('name', 'pointed')}",
        journal=paths.state_dir() / "results",
        at=at,
    )
    if not {"die_at", "stop_at"} & arguments.keys():
        await sender.replay()  # who is to die in a delivery must not die over the result of an earlier one
    while await sender.run_once():
        pass
    await store.close()


async def send(arguments: Arguments, say: Say) -> None:
    """An agent's program that drafts, sends, and dies at a point."""
    from tui_inbox.services.drafts import DraftService
    from tui_inbox.services.sending import SendingService, SendRequest

    store = await PointedStore.open(arguments["database"], migrate=False)
    assert isinstance(store, PointedStore)
    context = Context(store)
    async with store.read() as unit:
        agent = await unit.directory.agent("ana")
    assert agent is not None
    contact_id, link, text = arguments["contact"], arguments["link"], arguments["text"]
    draft = await DraftService(context).save(agent, contact_id, link, text)
    store.at = _points(arguments, say)
    await store.at("drafted")
    request = SendRequest(contact_id, text=text, channel_id=link, draft_id=draft.id)
    sent = await SendingService(context).send(agent, request)
    say(queued=sent.message_id)
    await store.close()


ROLES: dict[str, Callable[[Arguments, Say], Coroutine[Any, Any, None]]] = {
    "deliver": deliver,
    "deliver_to_point": deliver_to_point,
    "serve": serve,
    "send": send,
    "operate": operate,
    "notes": notes,
}


class Watched:
    """Adapters whose requests stop at the points that their trace events are."""

    def __init__(self, total: float, at: Callable[[str], Awaitable[None]]) -> None:
        self._total = total
        self._at = at

    def get(self, channel: Channel) -> ChannelAdapter:
        """The adapter of a channel."""
        return build_adapter(channel, Secrets(SECRETS), http=Http(total=self._total, watch=self._at))

    def former(self, channel: Channel) -> ChannelAdapter | None:
        """No secret was changed."""
        return None


class PointedStore(FileStore):
    """Stops at ``before commit of …`` and ``after commit of …``, by the name of the work, and at ``claimed``
    with the text of a message."""

    at: Callable[[str], Awaitable[None]] | None = None

    async def write(self, work: Callable[[Unit], Awaitable[Any]]) -> Any:
        """As the store does, with a point on either side of the commit."""
        if self.at is None:
            return await super().write(work)
        name, at = work_name(work), self.at

        async def pointed(unit: Unit) -> Any:
            result = await work(unit)
            await at(f"before commit of {name}")
            return result

        result = await super().write(pointed)
        await at(f"after commit of {name}")
        if isinstance(result, Claim):
            await at(f"claimed {result.row.body}")
        return result


def work_name(work: Callable[[Unit], Awaitable[Any]]) -> str:
    """The method in which a piece of work is defined: ``DeliveryService._claim``."""
    return work.__qualname__.partition(".<locals>")[0]


def _points(arguments: Arguments, say: Say) -> Callable[[str], Awaitable[None]]:
    """The pointcut that kills this process (``die_at``) or stops it (``stop_at``) when it first gets there.

    ``at_time`` of ``n``: only when it gets there for the n-th time.
    """
    wanted = arguments.get("die_at") or arguments.get("stop_at")
    number = signal.SIGKILL if "die_at" in arguments else signal.SIGSTOP
    left = [int(arguments.get("at_time", 1))]

    async def at(point: str) -> None:
        if point != wanted:
            return
        left[0] -= 1
        if left[0] == 0:
            say(reached=point)
            os.kill(os.getpid(), number)

    return at


def _settings(arguments: Arguments) -> Settings:
    channels = {name: ChannelSettings(**secrets) for name, secrets in SECRETS_OF_ALL.items()}  # type: ignore[arg-type]  # plain text becomes a secret
    return Settings(database=arguments["database"], channels=channels)


def journal_files() -> list[Path]:
    """Results that wait in the journal of this environment."""
    return sorted((paths.state_dir() / "results").glob("*.json"))
