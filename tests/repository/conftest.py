"""A store on a fresh database, and the few rows that most tests begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.template import put
from tui_inbox.domain.kinds import ChannelKind, Role
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.file_store import FileStore
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def present() -> datetime:
    """The clock of these tests."""
    return NOW


only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what is told by SQLite's own words."""


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    """An empty store, on each engine."""
    opened = await Store.open(database, clock=present)
    yield opened
    await opened.close()


@pytest.fixture
async def file_store(tmp_path: Path) -> AsyncIterator[FileStore]:
    """An empty store on a file, for what only files have."""
    opened = await FileStore.open(str(put(tmp_path / "inbox.db")), clock=present)
    yield opened
    await opened.close()


@dataclass(frozen=True)
class Place:
    """Ids of the rows that :func:`place` makes."""

    ana: int
    bo: int
    telegram: int
    whatsapp: int
    contact: int
    chat: int
    """Contact channel on ``telegram``."""


@pytest.fixture
async def place(store: Store) -> Place:
    """Two agents, two channels, one contact who has started a Telegram chat."""

    async def work(unit: Unit) -> Place:
        ana = await unit.directory.add_agent("ana", "Ana", Role.AGENT)
        bo = await unit.directory.add_agent("bo", "Bo", Role.LEAD)
        telegram = await unit.directory.add_channel("bot", ChannelKind.TELEGRAM, {"base_url": "x"}, {}, "path1")
        whatsapp = await unit.directory.add_channel("shop", ChannelKind.WHATSAPP, {}, {}, "path2")
        contact = await unit.contacts.add(NewContact("Carla", "Díaz", "carla@example.com", "+15551234567"), NOW)
        chat = await unit.contacts.add_channel(contact, telegram, "42", started=True, now=NOW)
        return Place(ana, bo, telegram, whatsapp, contact, chat)

    return await store.write(work)


@dataclass
class Statements:
    """What reading sent to the database."""

    sent: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def selects(self) -> list[tuple[str, Any]]:
        """The questions, without BEGIN."""
        return [item for item in self.sent if item[0].lstrip().upper().startswith("SELECT")]


@contextmanager
def listening(store: Store) -> Iterator[Statements]:
    """Write down every statement of the store's readers."""
    heard = Statements()

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        heard.sent.append((statement, parameters))

    engine = store._readers.sync_engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(engine, "before_cursor_execute", hear)
