"""Hearing that somebody has changed a database on a server, without asking again and again.

A connection of its own listens. What rings while it is down is lost, so every new connection counts as a change, and at
intervals the server's snapshot is compared: it differs after every commit, in the order of the commits, whoever made
them. The same question keeps the line alive and finds out that it is dead.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tui_inbox.domain.errors import StoreError, StoreUnreachableError

if TYPE_CHECKING:
    import asyncpg

COMPARE_EVERY = 15.0
"""Seconds between two looks at the snapshot."""
ANSWER_WITHIN = 10.0
"""Seconds after which a server that does not answer counts as gone."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 4.0
"""Seconds between tries to connect again; each is drawn between half of its ceiling and its ceiling."""
SNAPSHOT = "SELECT pg_current_snapshot()::text"

Connect = Callable[[], Awaitable["asyncpg.Connection[Any]"]]


class Doorbell:
    """Listens from the first question on, until it is closed."""

    def __init__(self, connect: Connect, channel: str, name: str, rng: random.Random) -> None:
        self._connect, self._channel, self._name, self._random = connect, channel, name, rng
        self._rings = 0
        self._listening: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self.trouble: StoreError | None = None
        """Why nobody listens at the moment."""

    async def rings(self) -> int:
        """A number that has grown when something may have changed; the first question waits for the line."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen_for_ever())
        if not self._ready.is_set():
            await self._ready.wait()
        return self._rings

    async def close(self) -> None:
        """Hang up."""
        task, self._listening = self._listening, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _listen_for_ever(self) -> None:
        ceiling = FIRST_PAUSE
        while True:
            try:
                connection = await self._connect()
                try:
                    await self._listen(connection)
                finally:
                    connection.terminate()
                ceiling = FIRST_PAUSE  # it was there: it may be back in a moment
            except StoreError as error:
                self.trouble = error
            self._ready.set()
            await asyncio.sleep(self._random.uniform(ceiling / 2, ceiling))
            ceiling = min(LONGEST_PAUSE, ceiling * 2)

    async def _listen(self, connection: asyncpg.Connection[Any]) -> None:
        """Until the line breaks."""
        broken = asyncio.Event()
        connection.add_termination_listener(lambda _connection: broken.set())
        try:
            await connection.add_listener(self._channel, self._ring)
            seen = await self._snapshot(connection)
            # Whatever happened until now nobody has heard.
            self._ring()
            self.trouble = None
            self._ready.set()
            while not broken.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(COMPARE_EVERY):
                        await broken.wait()
                if not broken.is_set() and (now := await self._snapshot(connection)) != seen:
                    seen = now
                    self._ring()
        except _broken():
            pass  # as good as a broken line
        self.trouble = StoreUnreachableError(
            f"The connection to the server of {self._name} was lost; what is shown may be old. Trying again."
        )

    async def _snapshot(self, connection: asyncpg.Connection[Any]) -> str:
        async with asyncio.timeout(ANSWER_WITHIN):
            return str(await connection.fetchval(SNAPSHOT))

    def _ring(self, *_: object) -> None:
        self._rings += 1


def _broken() -> tuple[type[Exception], ...]:
    import asyncpg

    return asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError
