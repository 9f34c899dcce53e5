"""Tells open chats that something was written: by this process at once, by any other within a quarter of a second.

One look at the database serves all of them, and nobody looks while no chat is open.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tui_inbox.domain.errors import StoreError
from tui_inbox.services.webchat import ChatService

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.25
"""Seconds."""


class ChatNews:
    """Wakes the streams of open chats."""

    def __init__(self, chat: ChatService) -> None:
        self._chat = chat
        self._open: Counter[int] = Counter()
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()
        self.ending = False
        """The server is about to end: streams end too, and browsers come back to the next one."""

    @property
    def streams(self) -> int:
        """How many are open."""
        return self._open.total()

    def streams_of(self, visitor_id: int) -> int:
        """How many one visitor has open."""
        return self._open[visitor_id]

    @contextmanager
    def listening(self, visitor_id: int) -> Iterator[None]:
        """While inside, a stream of this visitor is open."""
        self._open[visitor_id] += 1
        self._wanted.set()
        try:
            yield
        finally:
            self._open[visitor_id] -= 1
            self._open += Counter()  # forgets those at zero
            if not self._open:
                self._wanted.clear()

    def mark(self) -> asyncio.Event:
        """To be taken before a look at the database, and handed to :meth:`wait` after it: nothing slips between."""
        return self._changed

    async def wait(self, mark: asyncio.Event, seconds: float) -> bool:
        """Wait until something was written after ``mark`` was taken; false when ``seconds`` have passed first."""
        try:
            async with asyncio.timeout(seconds):
                await mark.wait()
        except TimeoutError:
            return False
        return True

    def tell(self) -> None:
        """Something was written."""
        before, self._changed = self._changed, asyncio.Event()
        before.set()

    def end(self) -> None:
        """End all streams."""
        self.ending = True
        self.tell()

    async def watch(self) -> None:
        """Look at the database until cancelled."""
        known: int | None = None
        while True:
            await self._wanted.wait()
            try:
                token = await self._chat.change_token()
            except StoreError as error:
                logger.warning("open chats wait for the database: %s", error)
                token = known if known is not None else 0
            if token != known:
                known = token
                self.tell()
            await asyncio.sleep(LOOK_EVERY)
