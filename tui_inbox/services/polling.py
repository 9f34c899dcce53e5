"""Polling: asking channels for news that cannot, or need not, tell us by webhook.

What a channel answers is stored raw together with the place to go on from, in one commit; from there on it is like
anything that a webhook brought. Killed before the commit, the same is asked for again; after it, never. Two pollers of
one channel do no harm: the second finds that the place has moved and drops what it got.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from tui_inbox.channels.port import Polled, PollError, poll_of
from tui_inbox.domain.errors import InboxError, NotFoundError, StoreError
from tui_inbox.domain.models import Channel
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import AdapterSource, Context
from tui_inbox.services.receiving import ReceivingService

logger = logging.getLogger(__name__)

WAIT = 15.0
"""Seconds that a channel may hold a question open until something comes."""
PAUSE = 5.0
"""Seconds between two questions to a channel that answers at once."""
LOOK_EVERY = 15.0
"""Seconds between two looks for channels that were added or set right."""
TROUBLE_FIRST, TROUBLE_MOST = 2.0, 300.0
"""Seconds of the first and the longest wait after trouble; each wait is twice the one before, less up to a half."""


class PollingService:
    """Asks every channel that can be asked."""

    def __init__(self, context: Context, adapters: AdapterSource, receiving: ReceivingService) -> None:
        self._context = context
        self._adapters = adapters
        self._receiving = receiving

    async def channels(self, name: str = "") -> Sequence[Channel]:
        """The channels that are asked for news: all, or the one called ``name``.

        Raises :class:`NotFoundError` for a channel that isn't there or isn't asked, ``UsageError`` for one without its
        secrets; among all of them such a one is left out and told in the log.
        """
        async with self._context.store.read() as unit:
            known = await unit.directory.channels()
        if name:
            wanted = [channel for channel in known if channel.name == name]
            if not wanted or poll_of(self._adapters.get(wanted[0])) is None:
                raise NotFoundError(f"There is no channel '{name}' that is asked for news. See: tui-inbox channel list")
            return wanted
        return [channel for channel in known if self._asked(channel)]

    async def poll(self, channel: Channel, wait: float = 0.0) -> int:
        """Ask once and work through what came; returns how many bodies. Raises :class:`PollError`, ``StoreError``."""
        poll = poll_of(self._adapters.get(channel))
        assert poll is not None, "only channels that are asked"
        taken = 0
        while True:
            async with self._context.store.read() as unit:
                before = await unit.inbound.cursor(channel.id)
            polled = await poll(before, 0.0 if taken else wait)
            if not await self._keep(channel, before, polled):
                return taken
            taken += len(polled.bodies)
            await self._receiving.process_pending()
            if not polled.more:
                return taken

    async def run(self, stop: asyncio.Event, name: str = "") -> None:
        """Ask until ``stop`` is set. Trouble with one channel holds up no other."""
        tasks: dict[int, asyncio.Task[None]] = {}
        try:
            while not stop.is_set():
                try:
                    for channel in await self.channels(name):
                        if channel.id not in tasks or tasks[channel.id].done():
                            tasks[channel.id] = asyncio.create_task(self._follow(channel.id, stop))
                except StoreError as error:
                    logger.warning("polling waits for the database: %s", error)
                await _pause(stop, LOOK_EVERY)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _follow(self, channel_id: int, stop: asyncio.Event) -> None:
        """Ask one channel again and again, by its settings of that moment; ends when it is not to be asked any more."""
        failures = 0
        while not stop.is_set():
            try:
                async with self._context.store.read() as unit:
                    channel = await unit.directory.channel_by_id(channel_id)
                if channel is None or not self._asked(channel):
                    return
                await self._poll_or_pause(channel)
                failures = 0
            except (PollError, InboxError) as error:
                logger.warning("channel %d: %s", channel_id, error)
                failures += 1
            await _pause(stop, self._patience(failures) if failures else PAUSE)

    async def _poll_or_pause(self, channel: Channel) -> None:
        """Ask once; a refused credential pauses the channel, for every agent to see. Raises as :meth:`poll` does."""
        try:
            await self.poll(channel, WAIT)
        except PollError as error:
            if error.refused:
                told = str(error)
                await self._context.store.write(lambda unit: unit.directory.pause_channel(channel.id, told, None))
            raise

    def _asked(self, channel: Channel) -> bool:
        if channel.paused_reason and channel.paused_until is None:
            return False
        try:
            return poll_of(self._adapters.get(channel)) is not None
        except InboxError as error:
            logger.debug("channel %s is not asked for news: %s", channel.name, error)
            return False

    async def _keep(self, channel: Channel, before: str, polled: Polled) -> bool:
        now = self._context.clock()

        async def work(unit: Unit) -> bool:
            if not await unit.inbound.move_cursor(channel.id, before, polled.cursor, now):
                return False
            for body in polled.bodies:
                await unit.inbound.store_raw(channel.id, now, {}, body)
            if polled.bodies:
                await unit.directory.saw_webhook(channel.id, now)
            return True

        if polled.cursor == before and not polled.bodies:
            return True
        return await self._context.store.write(work)

    def _patience(self, failures: int) -> float:
        longest = min(TROUBLE_MOST, TROUBLE_FIRST * 2.0 ** min(failures - 1, 10))
        return longest * (1 - self._context.rng.random() / 2)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
