"""A scripted agent who looks at the truth before deciding, as one would who asks the customer."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from tests.reliability.place import Place
from tui_inbox.domain.delivery import NEEDS_PERSON
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.domain.models import OutboxRow
from tui_inbox.services.sending import SendingService

EVERY = 0.5
"""Seconds between two looks."""


@dataclass
class Person:
    """Settles what needs a person. Waits ``patience`` for a channel's own report first."""

    place: Place
    patience: timedelta = timedelta(seconds=8)
    decisions: Counter[str] = field(default_factory=Counter)

    async def work(self, stop: asyncio.Event) -> None:
        """Look after messages until told to stop."""
        while not stop.is_set():
            await self.look()
            try:
                async with asyncio.timeout(EVERY):
                    await stop.wait()
            except TimeoutError:
                continue

    async def look(self) -> int:
        """One look at everything that needs a person; returns how many that were."""
        sending = SendingService(self.place.context)
        async with self.place.store.read() as unit:
            listed = await unit.outbox_pages.page(of_agent=None, states=NEEDS_PERSON, limit=500)
            rows = [await unit.outbox.get(item.message_id) for item in listed]
        for row in filter(None, rows):
            try:
                await self._decide(sending, row)
            except InboxError:
                self.decisions["too early or too late"] += 1
        return len(rows)

    async def _decide(self, sending: SendingService, row: OutboxRow) -> None:
        arrived = bool(self.place.truth.got(row.body))
        place, agent = self.place, self.place.agent
        if row.state is not DeliveryState.UNCERTAIN:
            await sending.retry(agent, row.message_id)
            self.decisions["failed, sent again"] += 1
        elif row.lease_until is not None and place.clock() < row.lease_until + self.patience:
            return
        elif arrived:
            await sending.settle_by_hand(agent, row.message_id, arrived=True)
            self.decisions[f"arrived on {place.names[row.channel_id]}, settled by hand"] += 1
        else:
            await sending.retry(agent, row.message_id, confirmed=True)
            self.decisions["not arrived, confirmed and sent again"] += 1
