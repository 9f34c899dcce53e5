"""The store on a PostgreSQL server: lost connections, transactions that are tried again, making the schema."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tui_inbox.domain.clock import Clock
from tui_inbox.domain.errors import (
    SchemaMismatchError,
    StoreDoubtfulError,
    StoreError,
    StoreReadOnlyError,
    StoreUnreachableError,
)
from tui_inbox.domain.models import StoreHealth
from tui_inbox.repository import dialect, postgresql, schema, server_troubles
from tui_inbox.repository.dialect import Access, Trouble
from tui_inbox.repository.doorbell import Doorbell
from tui_inbox.repository.postgresql_schema import BELL
from tui_inbox.repository.presence import PresenceBoard, ServerPresence
from tui_inbox.repository.server_address import parse
from tui_inbox.repository.store import Store

TOGETHER_TRIES = 1
"""Tries of a unit beside others; after that it asks to be alone, so that it comes to its end. With eight who write
without a pause more of them only cost time: three took half as long again as one."""
LOST_PATIENCE = 5.0
"""Seconds in which a unit is tried again while the server cannot be reached: as long as a restart takes."""
CLOCKS_AGREE = timedelta(milliseconds=100)
"""Clocks that differ by less are taken for the same."""
PROBE_EVERY = 1.0
"""Seconds between two looks at whether a trouble is over."""


class ServerStore(Store):
    """A database on a server."""

    def __init__(self, url: str, clock: Clock, *, read_only: bool, rng: random.Random | None = None) -> None:
        super().__init__(clock, rng=rng)
        self.url, self.read_only = url, read_only
        self._address = parse(url)
        postgresql.driver()  # its absence is told before anything stumbles over it
        self.name = self._address.name
        self._readers = postgresql.make_engine(self._address, Access.READ)
        self._writers = postgresql.make_engine(self._address, Access.WRITE, read_only=read_only)
        self._bell = Doorbell(lambda: postgresql.connect(self._address), BELL, self.name, self._random)
        self._trouble: StoreError | None = None
        self._looked_at = 0.0
        self._ahead = timedelta(0)
        """How far the server's clock is ahead of this machine's."""

    @classmethod
    async def connect(
        cls, url: str, *, clock: Clock, migrate: bool, read_only: bool, or_read_only: bool
    ) -> ServerStore:
        """See :meth:`Store.open`. The database must be there; the schema is made in it."""
        store = cls(url, clock, read_only=read_only)
        try:
            await store._prepare(migrate=migrate and not read_only, or_read_only=or_read_only)
        except BaseException:
            await store.close()
            raise
        return store

    @property
    def clock(self) -> Clock:
        """The server's: this machine's own, put right by how far the two were apart when last compared."""
        return lambda: self._clock() + self._ahead

    async def change_token(self) -> int:
        """See :meth:`Store.change_token`: what the bell has rung; costs no question to the server."""
        return await self._bell.rings()

    @property
    def trouble(self) -> StoreError | None:
        """See :attr:`Store.trouble`."""
        return self._trouble or self._bell.trouble

    async def check(self) -> StoreError | None:
        """See :meth:`Store.check`."""
        if self._trouble is not None and time.monotonic() - self._looked_at >= PROBE_EVERY:
            self._looked_at = time.monotonic()
            try:
                await self._look_again()
            except StoreError as error:
                self._trouble = error
        return self.trouble

    async def look_over(self) -> None:
        """See :meth:`Store.look_over`: a server checks what it reads by itself."""

    async def health(self, *, deep: bool = False) -> StoreHealth:
        """See :meth:`Store.health`."""
        with self._told():
            async with self._readers.connect() as connection:
                server = await postgresql.health(connection, deep=deep)
                revision = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
        return StoreHealth(
            engine="postgresql",
            version=server.engine.version,
            schema=str(revision),
            journal_mode=server.engine.journal_mode,
            synchronous=server.engine.synchronous,
            check=server.engine.check,
            size_bytes=server.size_bytes,
            warnings=server.engine.warnings,
            settings=server.engine.settings,
            orphans=server.engine.orphans,
        )

    def presence(self) -> PresenceBoard:
        """A table that rings nobody's bell."""
        return ServerPresence(postgresql.make_engine(self._address, Access.WATCH), self.name)

    async def close(self) -> None:
        """See :meth:`Store.close`."""
        if self._writing:
            await asyncio.wait(self._writing)
        await self._bell.close()
        for engine in (self._readers, self._writers):
            await engine.dispose()

    @asynccontextmanager
    async def _begun(self, tries: int) -> AsyncIterator[AsyncConnection]:
        done = False
        try:
            async with self._writers.begin() as connection:
                await postgresql.lock_for_writing(connection, alone=tries >= TOGETHER_TRIES)
                yield connection
                done = True
        except dialect.ERRORS as error:
            if done and dialect.trouble(error) is Trouble.UNREACHABLE:
                raise StoreDoubtfulError(
                    f"The connection to the server of {self.name} was lost at the very moment of writing. Whether the "
                    "change was kept is not known; look before you repeat it."
                ) from error
            raise

    def _worth_another_try(self, error: BaseException, tries: int, waited: float) -> bool:
        if isinstance(error, StoreDoubtfulError):
            return False
        if postgresql.is_duplicate(error):
            # Two units that each saw no such row yet; alone one sees the other's. A third time it is a defect of ours.
            return tries <= TOGETHER_TRIES
        lost = isinstance(error, StoreUnreachableError) or dialect.trouble(error) is Trouble.UNREACHABLE
        if lost:
            self._met(_store_error(error, self.name) or StoreUnreachableError(str(error)))
        return (lost and waited < LOST_PATIENCE) or super()._worth_another_try(error, tries, waited)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except StoreUnreachableError as error:
            self._met(error)
            raise
        except dialect.ERRORS as error:
            told = _store_error(error, self.name)
            if told is None:
                raise
            self._met(told)
            raise told from error

    def _met(self, error: StoreError) -> None:
        self._trouble, self._looked_at = error, time.monotonic()

    async def _look_again(self) -> None:
        """Whether the server answers, and takes what is written; raises what stands in the way still."""
        with self._told():
            async with self._writers.connect() as connection:
                await self._require_writable(connection)
                await self._compare_clocks(connection)
        self._trouble = None

    async def _prepare(self, *, migrate: bool, or_read_only: bool) -> None:
        with self._told():
            async with self._readers.connect() as connection:
                if await postgresql.encoding(connection) != "UTF8":
                    raise SchemaMismatchError(
                        f"The database {self.name} does not keep its text as UTF-8; nothing was changed. "
                        "Make one with: createdb --encoding=UTF8 --template=template0"
                    )
                found = await postgresql.probe(connection)
                await self._compare_clocks(connection)
                if not self.read_only:
                    await self._find_out_writable(connection, or_read_only=or_read_only)
            schema.require_usable(found, self.name, may_build=migrate and not self.read_only)
            self.found = found.revision
            if found.revision != schema.SCHEMA_HEAD:
                await self._build()

    async def _compare_clocks(self, connection: AsyncConnection) -> None:
        """What was told is taken to be of the middle of the question; less than that says nothing."""
        before = self._clock()
        told = await dialect.clock(connection)
        took = self._clock() - before
        ahead = told - before - took / 2
        self._ahead = ahead if abs(ahead) > took + CLOCKS_AGREE else timedelta(0)

    async def _find_out_writable(self, connection: AsyncConnection, *, or_read_only: bool) -> None:
        try:
            await self._require_writable(connection)
        except StoreReadOnlyError as error:
            if not or_read_only:
                raise
            self.read_only = True
            self._met(error)

    async def _require_writable(self, connection: AsyncConnection) -> None:
        asked = "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean"
        if (await connection.execute(text(asked))).scalar_one():
            raise server_troubles.read_only(self.name)

    async def _build(self) -> None:
        """Make the schema, or bring it up to date; two programs doing so at once do it once."""
        async with self._writers.connect() as connection:
            await connection.execution_options(isolation_level="READ COMMITTED")
            async with connection.begin():
                await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock(hashtext('{postgresql.OURS}'))")
                await connection.run_sync(schema.upgrade)


def _store_error(error: BaseException, name: str) -> StoreError | None:
    return server_troubles.store_error(dialect.trouble(error), name)
