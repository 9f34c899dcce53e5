"""Receiving: keep what a channel posted, then work through it.

Accepting stores the raw body and nothing else, so that the answer to the channel depends on one commit. Processing
reads the stored bodies, takes every event in a transaction of its own with its key claimed in the same one, and can be
killed and repeated at any point: a body stays pending until all its events are done, and a key that was claimed is
never done twice (reference: reliability, section 3.2). What each kind of event does is in
:mod:`tui_inbox.services.receiving_events`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from tui_inbox.channels.port import ChannelAdapter, PayloadError, WebhookRequest, kept_body_of
from tui_inbox.domain.errors import InboxError, StoreError
from tui_inbox.domain.events import ChannelEvent
from tui_inbox.domain.models import Channel, RawEvent
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import AdapterSource, Context
from tui_inbox.services.receiving_events import handle

logger = logging.getLogger(__name__)

BATCH = 20
"""Raw bodies read from the store at a time."""
KEPT_HEADERS = ("content-type", "user-agent")
"""Headers kept with a raw body; those that carry a secret or a signature are not."""
KEEP_RAW = timedelta(days=30)
"""How long the raw form of what was worked through is kept. Keys against doubles are kept for ever."""
FORGET_AT_ONCE = 500
"""Raw bodies that are deleted in one go."""
HEADER_MAXIMUM = 200
"""Characters of a kept header."""


@dataclass(frozen=True)
class Hook:
    """A channel that can be posted to."""

    channel: Channel
    adapter: ChannelAdapter
    former: ChannelAdapter | None = None
    """The same with the secrets of before, while they are being changed."""

    def taken_by(self, request: WebhookRequest) -> ChannelAdapter | None:
        """The adapter whose secrets ``request`` is signed with; ``None`` = it is not this channel's."""
        return next((adapter for adapter in self._both() if adapter.verify(request)), None)

    def greeting(self, request: WebhookRequest) -> str | None:
        """Answer to the handshake of a subscription; ``None`` = it is refused."""
        answers = (adapter.handshake(request) for adapter in self._both())
        return next((answer for answer in answers if answer is not None), None)

    def _both(self) -> tuple[ChannelAdapter, ...]:
        return (self.adapter,) if self.former is None else (self.adapter, self.former)


class ReceivingService:
    """Takes webhooks in and turns them into messages, receipts and the rest."""

    def __init__(self, context: Context, adapters: AdapterSource) -> None:
        self._context = context
        self._adapters = adapters

    async def hook(self, path: str) -> Hook | None:
        """The channel that listens at ``path``; ``None`` for an unknown path and for a channel without its secrets."""
        if not path:
            return None
        async with self._context.store.read() as unit:
            channel = await unit.directory.channel_by_path(path)
        if channel is None:
            return None
        try:
            adapter, former = self._adapters.get(channel), self._adapters.former(channel)
        except InboxError as error:
            logger.warning("channel %s cannot receive: %s", channel.name, error)
            return None
        if not adapter.receives:
            needed = ", ".join(adapter.webhook_secrets)
            if needed:  # the website chat has no webhook at all
                logger.warning("channel %s cannot receive: %s or public_url is not set", channel.name, needed)
            return None
        return Hook(channel, adapter, former)

    async def accept(self, channel: Channel, adapter: ChannelAdapter, request: WebhookRequest) -> int:
        """Store a request that ``adapter`` has verified and commit; returns the id of the raw event.

        Raises :class:`StoreError` when it could not be stored: the channel must post it again.
        """
        now = self._context.clock()
        body = kept_body_of(adapter, request)

        async def work(unit: Unit) -> int:
            raw_id = await unit.inbound.store_raw(channel.id, now, _kept(request.headers), body)
            await unit.directory.saw_webhook(channel.id, now)
            return raw_id

        return await self._context.store.write(work)

    async def process_pending(self) -> int:
        """Work through every stored body that is still pending; returns how many were done.

        Bodies of a channel whose secrets this process does not have are left for one that has them. Raises
        :class:`StoreError` when the database cannot be used; what is left stays pending.
        """
        done, passed_over = 0, set[int]()
        while True:
            async with self._context.store.read() as unit:
                found = await unit.inbound.pending(BATCH + len(passed_over))
                channels = {channel.id: channel for channel in await unit.directory.channels()}
            fresh = [raw for raw in found if raw.id not in passed_over]
            if not fresh:
                return done
            for raw in fresh:
                if await self._process(raw, channels.get(raw.channel_id)):
                    done += 1
                else:
                    passed_over.add(raw.id)

    async def forget(self) -> int:
        """Delete the raw form of what was worked through long ago; returns how many. What is in quarantine stays."""
        before, gone = self._context.clock() - KEEP_RAW, 0
        while more := await self._context.store.write(lambda unit: unit.inbound.forget(before, FORGET_AT_ONCE)):
            gone += more
        return gone

    async def _process(self, raw: RawEvent, channel: Channel | None) -> bool:
        """Work through one body; false when it was left alone."""
        if channel is None:
            await self._mark(raw, "quarantined", "its channel is gone")
            return True
        try:
            adapter = self._adapters.get(channel)
        except InboxError as error:
            logger.warning("channel %s: received events wait: %s", channel.name, error)
            return False
        try:
            events = adapter.parse(raw.body, raw.received_at)
        except PayloadError as error:
            await self._quarantine(raw, channel, str(error))
            return True
        except Exception as error:  # noqa: BLE001 - a body that breaks the adapter must not keep others waiting
            await self._quarantine(raw, channel, f"the adapter failed: {type(error).__name__}")
            return True
        failed = await self._handle_all(raw, channel, events)
        if failed:
            await self._quarantine(raw, channel, "; ".join(failed))
        else:
            await self._mark(raw, "processed")
        return True

    async def _handle_all(self, raw: RawEvent, channel: Channel, events: Sequence[ChannelEvent]) -> list[str]:
        failed = []
        for number, event in enumerate(events, 1):
            try:
                await self._handle(raw, channel, event)
            except StoreError:
                raise  # the body stays pending and is worked through again
            except Exception as error:  # noqa: BLE001 - one event's trouble must not lose the others of its body
                failed.append(f"event {number} of {len(events)} ({type(event).__name__}): {type(error).__name__}")
        return failed

    async def _handle(self, raw: RawEvent, channel: Channel, event: ChannelEvent) -> None:
        async def work(unit: Unit) -> None:
            if await unit.inbound.claim_key(channel.id, event.key):
                await handle(unit, channel, event, arrived_at=raw.received_at, now=self._context.clock())

        await self._context.store.write(work)

    async def _quarantine(self, raw: RawEvent, channel: Channel, error: str) -> None:
        logger.warning("channel %s: received body %d is put aside: %s", channel.name, raw.id, error)
        await self._mark(raw, "quarantined", error)

    async def _mark(self, raw: RawEvent, status: Literal["processed", "quarantined"], error: str = "") -> None:
        async def work(unit: Unit) -> None:
            await unit.inbound.mark(raw.id, status, error, now=self._context.clock())

        await self._context.store.write(work)


def _kept(headers: Mapping[str, bytes]) -> dict[str, str]:
    return {name: headers[name].decode("latin-1")[:HEADER_MAXIMUM] for name in KEPT_HEADERS if name in headers}
