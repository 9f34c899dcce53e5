"""Looking after the database as a whole: is it sound, bring its schema up to date, copy it while it is used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tui_inbox.config import Settings
from tui_inbox.domain.errors import SchemaMismatchError, UsageError
from tui_inbox.repository import backup as files
from tui_inbox.repository.dialect import Journal
from tui_inbox.repository.schema import SCHEMA_HEAD
from tui_inbox.repository.server_address import is_server
from tui_inbox.repository.store import Store
from tui_inbox.services.doctor_finding import Check
from tui_inbox.services.doctor_store import search_index, soundness


@dataclass(frozen=True)
class Upgrade:
    """What bringing the schema up to date did."""

    before: str
    """The revision that was found; empty for a new database."""
    after: str


@dataclass(frozen=True)
class Backup:
    """A finished copy."""

    file: Path
    size_bytes: int
    schema: str


async def check(settings: Settings, *, repair: bool = False) -> list[Check]:
    """The engine's own check of the whole file, the references, the search index and the kept numbers.

    ``repair``: what can be made anew from the rest is, where it needs to be. Raises ``StoreError`` when the database
    can't be opened.
    """
    store = await _open(settings, read_only=not repair)
    try:
        found = soundness(await store.health(deep=True), deep=True)
        problems = await _problems(store)
        if problems and repair:
            await store.write(lambda unit: unit.search.rebuild())
            return [*found, search_index(await _problems(store), mended=problems)]
        return [*found, search_index(problems)]
    finally:
        await store.close()


async def upgrade(settings: Settings) -> Upgrade:
    """Bring the schema to the one of this program, in one transaction. Raises ``StoreError`` where that can't be."""
    if not is_server(settings.database):
        files.existing(settings.database)
    store = await _open(settings, read_only=False)
    await store.close()
    return Upgrade(store.found, SCHEMA_HEAD)


async def backup(settings: Settings, target: Path, progress: Callable[[int, int], None] = lambda *_: None) -> Backup:
    """Copy the database into a new file, while others use it, and check the copy.

    ``progress`` is told pages done and all pages. Either the whole copy is there afterwards or nothing of it. Raises
    :class:`UsageError` when ``target`` exists or can't be made, ``StoreError`` for what the source or the disk refuses.
    """
    if is_server(settings.database):
        raise UsageError(
            "A database on a server is backed up by the server's own means, for example: "
            "pg_dump --format=custom --file=FILE ADDRESS"
        )
    path = files.existing(settings.database)
    schema = await asyncio.to_thread(files.revision, path)
    if not schema:
        raise SchemaMismatchError(f"{path} holds no inbox yet; nothing was copied.")
    size = await asyncio.to_thread(files.copy, path, target, progress)
    return Backup(target, size, schema)


async def _problems(store: Store) -> list[str]:
    async with store.read() as unit:
        return await unit.search.verify()


async def _open(settings: Settings, *, read_only: bool) -> Store:
    return await Store.open(
        settings.database,
        migrate=not read_only,
        create=False,
        read_only=read_only,
        journal=Journal(settings.sqlite_journal),
        allow_network=settings.network_database,
    )
