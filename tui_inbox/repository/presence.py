"""Which agent is at which contact: a small file of its own beside the database.

Not in the database itself: every commit there makes all programs read their
screens again, takes the one write lock and waits for the disk, and presence is said anew every few seconds. The file
is a hint that may be lost at any moment, so nothing in it is ever waited for.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import Column, MetaData, Table, delete, select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection
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


class PresenceBoard:
    """The file, opened when it is first needed. Every method raises a ``StoreError`` when it cannot be used."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + SUFFIX)
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()

    async def tell(self, agent_id: int, left: Collection[int], present: Present | None) -> None:
        """Write down which contacts the agent has left, and at which one it is, if at any."""
        async with self._open() as connection, side_file.side_write(connection):
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
            return await dialect.change_token(connection)

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
