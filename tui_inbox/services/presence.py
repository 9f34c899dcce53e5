"""Presence: tells the other programs where this agent is, and knows where the others are. A hint, never a lock.

Nothing here may trouble the work: where the file of presence cannot be used, nobody is seen, and that is all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tui_inbox.domain.errors import StoreBusyError, StoreError
from tui_inbox.domain.models import Agent
from tui_inbox.domain.presence import Colleague, Doing, Present, Sitting
from tui_inbox.services.context import Context

if TYPE_CHECKING:  # screens use this module before the database layer is loaded
    from tui_inbox.repository.presence import PresenceBoard

logger = logging.getLogger("tui_inbox.presence")
TRIES_AT_THE_END = 3
"""How often a program that ends tries to say so; it waits a moment each time while another one is writing."""


class PresenceService:
    """One program's part in it. :meth:`come`, :meth:`typed` and :meth:`go` only note what is so; :meth:`tell` writes
    it down where that is due, :meth:`look` does both that and the reading, and is meant to be called often."""

    def __init__(self, context: Context, board: PresenceBoard) -> None:
        self._context = context
        self._board = board
        self._agent: Agent | None = None
        self._sitting: Sitting | None = None
        self._told_at: set[int] = set()
        """Contacts at which this program may be written down."""
        self._turn = asyncio.Lock()
        self._token: int | None = None
        self._present: list[Present] = []
        self._handles: dict[int, str] = {}
        self._seen: tuple[object, ...] = ()
        self._failed = self._closed = False
        self.colleagues: tuple[Colleague, ...] = ()
        """Everybody else, at whatever contact; those who type first, then those who came first."""

    def at(self, contact_id: int | None) -> tuple[Colleague, ...]:
        """Everybody else at one contact."""
        return tuple(colleague for colleague in self.colleagues if colleague.contact_id == contact_id)

    def come(self, agent: Agent, contact_id: int) -> None:
        """The agent looks at a contact now, and at no other any more; nowhere once this is closed."""
        if self._closed:
            return
        self._agent = agent
        if self._sitting is None or self._sitting.contact_id != contact_id:
            self._sitting = Sitting(contact_id, self._context.clock())

    def typed(self) -> None:
        """The agent has typed something to the contact."""
        if self._sitting is not None:
            self._sitting.typed(self._context.clock())

    def go(self, contact_id: int) -> None:
        """The agent has left a contact; harmless when it is at another one already."""
        if self._sitting is not None and self._sitting.contact_id == contact_id:
            self._sitting = None

    async def tell(self) -> None:
        """Write down what is due; nothing is written while nothing has changed and nothing is to be said again."""
        async with self._turn:
            agent, sitting, now = self._agent, self._sitting, self._context.clock()
            left = self._told_at - (set() if sitting is None else {sitting.contact_id})
            due = sitting if sitting is not None and sitting.due(now) else None
            if agent is None or not (left or due):
                return
            here = None if due is None else due.tell(agent.id, now)
            if here is not None:
                self._told_at.add(here.contact_id)
            try:
                await self._board.tell(agent.id, left, here)
            except StoreError as error:
                if due is not None:
                    due.not_told()
                self._trouble(error)
            else:
                self._told_at -= left

    async def look(self, agent: Agent) -> bool:
        """Tell what is due, and look where the others are; whether that reads differently from before."""
        if self._closed:
            return False
        self._agent = agent
        await self.tell()
        try:
            token = await self._board.change_token()
            if token != self._token:
                self._present = await self._board.others(agent.id, self._context.clock())
                self._token = token
            await self._learn_names(self._present)
        except StoreError as error:
            self._trouble(error)
            self._present, self._token = [], None
        return self._sort_out()

    async def close(self) -> None:
        """Say at once that the agent is gone, and release the file."""
        self._closed = True
        self._sitting = None
        for _ in range(TRIES_AT_THE_END):
            await self.tell()
            if not self._told_at:
                break
        await self._board.close()

    def _sort_out(self) -> bool:
        now = self._context.clock()
        found = [
            Colleague(one.contact_id, self._handles[one.agent_id], one.doing, one.since)
            for one in self._present
            if one.is_fresh(now) and one.agent_id in self._handles
        ]
        found.sort(key=lambda one: (one.doing is not Doing.TYPING, one.since, one.handle))
        self.colleagues = tuple(found)
        seen = tuple((one.contact_id, one.handle, one.doing, one.minutes(now)) for one in found)
        before, self._seen = self._seen, seen
        return seen != before

    async def _learn_names(self, present: Iterable[Present]) -> None:
        if all(one.agent_id in self._handles for one in present):
            return
        async with self._context.store.read() as unit:
            agents = await unit.directory.agents()
        self._handles = {agent.id: agent.handle for agent in agents}
        # An agent whom the database does not know is nobody: asking again with every look would not help.
        self._present = [one for one in self._present if one.agent_id in self._handles]

    def _trouble(self, error: StoreError) -> None:
        if not self._failed and not isinstance(error, StoreBusyError):  # the next look tries again
            self._failed = True
            logger.warning("presence is off: %s", error)
