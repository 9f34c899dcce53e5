"""The outbox as people look after it: what is not through, of one agent or of all, and what each message went through.

Changing a message's fate is :class:`~tui_inbox.services.sending.SendingService`'s.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tui_inbox.domain.errors import NotFoundError, NotPermittedError
from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.domain.models import Agent
from tui_inbox.domain.outbox import OutboxCounts, OutboxDetail, OutboxItem, sees_everybody
from tui_inbox.services.context import Context
from tui_inbox.services.queue_state import ChannelQueue, channel_queues

if TYPE_CHECKING:  # screens use this module before the database layer is loaded
    from tui_inbox.repository.unit import Unit

PAGE = 50
"""Rows of a page unless told."""
OLD = timedelta(minutes=5)
"""A queue whose oldest message has waited for so long is worth a look."""


class OutboxService:
    """Reads the outbox. Every answer is taken at the present instant of the context's clock."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def page(
        self,
        agent: Agent,
        *,
        everybody: bool = False,
        states: frozenset[DeliveryState] | None = None,
        after: str | None = None,
        before: str | None = None,
        limit: int = PAGE,
    ) -> list[OutboxItem]:
        """Rows after (or, in list order, just before) a row's ``cursor``, newest first.

        Those that ``agent`` queued or that are in conversations of theirs; ``everybody``: all, for leads and admins.
        Raises :class:`NotPermittedError`.
        """
        of_agent = _whose(agent, everybody=everybody)
        async with self._context.store.read() as unit:
            pages = unit.outbox_pages
            if states is None:
                return await pages.page(of_agent=of_agent, after=after, before=before, limit=limit)
            return await pages.page(of_agent=of_agent, states=states, after=after, before=before, limit=limit)

    async def last_page(self, agent: Agent, *, everybody: bool = False, limit: int = PAGE) -> list[OutboxItem]:
        """The oldest rows, newest of them first. Raises :class:`NotPermittedError`."""
        of_agent = _whose(agent, everybody=everybody)
        async with self._context.store.read() as unit:
            return await unit.outbox_pages.last_page(of_agent=of_agent, limit=limit)

    async def counts(self, agent: Agent, *, everybody: bool = False) -> OutboxCounts:
        """How many messages need a person. Raises :class:`NotPermittedError`."""
        of_agent = _whose(agent, everybody=everybody)
        async with self._context.store.read() as unit:
            return await unit.outbox_pages.counts(of_agent=of_agent)

    async def item(self, message_id: str) -> OutboxItem | None:
        """One message; ``None`` when there is none."""
        async with self._context.store.read() as unit:
            return await unit.outbox_pages.item(message_id)

    async def detail(self, message_id: str) -> OutboxDetail:
        """A message with its attempts, whatever its state. Raises :class:`NotFoundError`."""
        async with self._context.store.read() as unit:
            item = await unit.outbox_pages.item(message_id)
            if item is None:
                raise NotFoundError(f"There is no outgoing message {message_id}. List them with: tui-inbox outbox list")
            return await _detail(unit, item)

    async def of_contact(self, contact_id: int) -> tuple[OutboxDetail, ...]:
        """What is not through to one contact, newest first, each with its attempts."""
        async with self._context.store.read() as unit:
            items = await unit.outbox_pages.of_contact(contact_id)
            return tuple([await _detail(unit, item) for item in items])

    async def queues(self) -> list[ChannelQueue]:
        """Channels that keep their messages waiting, and those whose oldest one has waited for long, by name."""
        now = self._context.clock()
        return [queue for queue in await channel_queues(self._context) if queue.held or queue.age(now) >= OLD]


def _whose(agent: Agent, *, everybody: bool) -> int | None:
    if everybody and not sees_everybody(agent):
        raise NotPermittedError("Only a lead or an admin sees the messages of everybody; yours are shown without it.")
    return None if everybody else agent.id


async def _detail(unit: Unit, item: OutboxItem) -> OutboxDetail:
    return OutboxDetail(item, tuple(await unit.outbox.attempts(item.message_id)))
