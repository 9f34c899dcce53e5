"""Which agent is at which contact: a hint that may be lost at any moment, so nothing of it is ever waited for.

On SQLite it lies in a small file of its own beside the database, since every commit there makes all programs read
their screens again, takes the one write lock and waits for the disk, and presence is said anew every few seconds. A
server has a table for it that rings nobody's bell and is not kept safe.
"""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from datetime import datetime
from pathlib import Path

from sqlalchemy import Column, MetaData, Table, delete, select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.schema import CreateTable

from tui_inbox.domain.errors import StoreBusyError, StoreUnreachableError
from tui_inbox.domain.presence import STALE_AFTER, Doing, Present
from tui_inbox.repository import dialect, side_file
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.columns import moment, words
from tui_inbox.repository.types import Identifier

presence = Table(
    "presence",
    MetaData(),
    Column("agent_id", Identifier, primary_key=True),
    Column("contact_id", Identifier, primary_key=True),
    words("doing", None),
    moment("since"),
    moment("seen_at"),
)
"""The one table of the file; what its keys refer to lies in the database."""
SERVER_TOKEN = "SELECT coalesce(sum(hashtextextended(p::text, 0)), 0) FROM presence p"
"""Of all rows as they are; the sum of large numbers may be a larger one still."""
SUFFIX = "-presence"
"""What the file's name has after that of the database."""


class PresenceRepository(Repository):
    """Reads and writes of presence on one connection."""

    async def create(self) -> None:
        """Make the table unless it is there."""
        await self._connection.execute(CreateTable(presence, if_not_exists=True))

    async def put(self, present: Present) -> None:
        """Write down where an agent is; everybody who has not been heard of for long is taken out."""
        await self._count(delete(presence).where(presence.c.seen_at <= present.seen_at - STALE_AFTER))
        key = {"agent_id": present.agent_id, "contact_id": present.contact_id}
        facts = {"doing": present.doing.value, "since": present.since, "seen_at": present.seen_at}
        statement = dialect.insert(self._connection, presence).values(**key, **facts)
        await self._count(statement.on_conflict_do_update(index_elements=list(key), set_=facts))

    async def remove(self, agent_id: int, contact_ids: Collection[int]) -> None:
        """The agent has left these contacts."""
        mine = (presence.c.agent_id == agent_id) & presence.c.contact_id.in_(contact_ids)
        await self._count(delete(presence).where(mine))

    async def others(self, agent_id: int, now: datetime) -> list[Present]:
        """Where everybody else is, as far as it is fresh at ``now``."""
        statement = select(presence).where(presence.c.agent_id != agent_id)
        found = [_present(row) for row in await self._all(statement.order_by(presence.c.agent_id))]
        return [present for present in found if present is not None and present.is_fresh(now)]


class PresenceBoard(ABC):
    """Opened when it is first needed. Every method raises a ``StoreError`` when it cannot be used."""

    def __init__(self) -> None:
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()

    async def tell(self, agent_id: int, left: Collection[int], present: Present | None) -> None:
        """Write down which contacts the agent has left, and at which one it is, if at any."""
        async with self._open() as connection, self._changing(connection):
            repository = PresenceRepository(connection)
            if left:
                await repository.remove(agent_id, left)
            if present is not None:
                await repository.put(present)

    async def others(self, agent_id: int, now: datetime) -> list[Present]:
        """Where everybody else is."""
        async with self._open() as connection:
            return await PresenceRepository(connection).others(agent_id, now)

    async def change_token(self) -> int:
        """A number that differs when another program has written since it was last asked."""
        async with self._open() as connection:
            return await self._token(connection)

    async def close(self) -> None:
        """Release the file."""
        async with self._turn:
            if self._connection is not None:
                await self._connection.close()
                self._connection = None

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[AsyncConnection]:
        """The one connection, in turn: what is written on it does not change its own token.

        After a failure it is another one: whoever is cut short, as at the end of the program, leaves it unusable.
        """
        async with self._turn:
            with self._told():
                connection = self._connection or await self._first()
                self._connection = None
                try:
                    yield connection
                except BaseException:
                    await _drop(connection)
                    raise
                self._connection = connection

    @abstractmethod
    async def _first(self) -> AsyncConnection:
        """A new connection."""

    @abstractmethod
    async def _token(self, connection: AsyncConnection) -> int:
        """What :meth:`change_token` tells."""

    @abstractmethod
    def _changing(self, connection: AsyncConnection) -> AbstractAsyncContextManager[None]:
        """What is written together; a connection on which that fails is closed."""

    @abstractmethod
    def _told(self) -> AbstractContextManager[None]:
        """Turn the engine's troubles into our errors."""


class FilePresence(PresenceBoard):
    """The file beside a database file."""

    def __init__(self, database: Path) -> None:
        super().__init__()
        self.path = database.with_name(database.name + SUFFIX)

    async def _first(self) -> AsyncConnection:
        await asyncio.to_thread(_create, self.path)
        connection = await side_file.make_side_engine(self.path).connect()
        try:
            async with side_file.side_write(connection):
                await PresenceRepository(connection).create()
        except BaseException:
            await _drop(connection)
            raise
        return connection

    async def _token(self, connection: AsyncConnection) -> int:
        return await dialect.change_token(connection)

    def _changing(self, connection: AsyncConnection) -> AbstractAsyncContextManager[None]:
        return side_file.side_write(connection)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (*dialect.ERRORS, OSError) as error:
            if dialect.trouble(error) is dialect.Trouble.BUSY:
                raise StoreBusyError(f"Another program is just writing to {self.path}. Try again.") from error
            raise StoreUnreachableError(
                f"{self.path} cannot be used, so nobody sees who else is at a contact. It can be deleted when no "
                "inbox is open."
            ) from error


class ServerPresence(PresenceBoard):
    """The table of a server, on a connection of its own."""

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        super().__init__()
        self._engine, self._name = engine, name

    async def close(self) -> None:
        """Release the connection."""
        await super().close()
        await self._engine.dispose()

    async def _first(self) -> AsyncConnection:
        return await self._engine.connect()

    async def _token(self, connection: AsyncConnection) -> int:
        # Its own writes count too: then the few rows are read once more than needed.
        return int((await connection.exec_driver_sql(SERVER_TOKEN)).scalar_one())

    def _changing(self, connection: AsyncConnection) -> AbstractAsyncContextManager[None]:
        return nullcontext()  # every statement for itself: a hint need not be whole

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except dialect.ERRORS as error:
            if dialect.trouble(error) is dialect.Trouble.BUSY:
                raise StoreBusyError(f"Another program is just writing to {self._name}. Try again.") from error
            raise StoreUnreachableError(f"The server of {self._name} does not tell who is at a contact.") from error


async def _drop(connection: AsyncConnection) -> None:
    """Close a connection in whatever state it is; an open transaction is rolled back by that."""
    with suppress(*dialect.ERRORS, InvalidRequestError):
        await connection.invalidate()
    await connection.close()


def _create(path: Path) -> None:
    """Make the empty file, readable by its owner only, before the engine would make it readable by all."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return


def _present(row: AnyRow) -> Present | None:
    """``None`` for a word that a newer program may have written."""
    if row.doing not in set(Doing):
        return None
    return Present(row.agent_id, row.contact_id, Doing(row.doing), row.since, row.seen_at)
