"""Opening a database that every other program refuses because it is still being filled."""

from __future__ import annotations

import asyncio

from tui_inbox.domain.clock import Clock
from tui_inbox.repository import dialect, postgresql
from tui_inbox.repository.file_store import FileStore
from tui_inbox.repository.schema import UNFINISHED
from tui_inbox.repository.server_address import is_server
from tui_inbox.repository.server_store import ServerStore
from tui_inbox.repository.store import Store


async def unfinished(url: str, clock: Clock) -> Store | None:
    """The store of a database that a copy has begun to fill; ``None`` for any other."""
    if is_server(url):
        store = ServerStore(url, clock, read_only=False)
        async with store._readers.connect() as connection:
            found = await postgresql.probe(connection)
        if found.revision == UNFINISHED:
            return store
        await store.close()
        return None
    path = dialect.file_of(url)
    if (await asyncio.to_thread(dialect.probe, path)).revision != UNFINISHED:
        return None
    return FileStore(path, clock, read_only=False)
