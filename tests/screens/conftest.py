"""The real application on a real store with the demo workspace, at a fixed instant and in UTC."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.screens.services import ScreenServices
from tests.support.template import filled, put
from tui_inbox.app import TuiInbox
from tui_inbox.demo.seed import seed
from tui_inbox.repository.store import Store
from tui_inbox.screens.inbox import InboxScreen
from tui_inbox.services.context import Context

NOW = datetime(2026, 3, 11, 10, 0, tzinfo=UTC)
"""A Wednesday; every test runs at this instant unless it moves the clock."""
READING = frozenset({"open", "rows", "rows-above", "rows-below", "inbox-numbers", "inbox-facets", "inbox-preview"})
"""Worker groups that end by themselves; a dialog that is open waits for the person."""
CONTACTS = 300
SEED = 7


@dataclass
class TestClock:
    """A clock that stands still until it is moved."""

    __test__ = False
    now: datetime = NOW

    def __call__(self) -> datetime:
        """The present instant."""
        return self.now

    def forward(self, length: timedelta) -> None:
        """Let time pass."""
        self.now += length


@dataclass
class Workspace:
    """A store of its own for one test, and the application on it."""

    database: Path
    clock: TestClock = field(default_factory=TestClock)
    agent: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """For :meth:`Store.open`."""
        return f"sqlite:///{self.database}"

    async def open_services(self) -> ScreenServices:
        """Services as the program opens them, with fixed chance."""
        store = await Store.open(self.url, clock=self.clock)
        return ScreenServices(Context(store, self.clock, rng=random.Random(1)))

    def app(self, **options: Any) -> TuiInbox:
        """The application; ``options`` are those of :class:`TuiInbox`."""
        return TuiInbox(self.open_services, self.agent, clock=self.clock, tz=UTC, **{**self.options, **options})

    @asynccontextmanager
    async def running(
        self, size: tuple[int, int] = (120, 40), **options: Any
    ) -> AsyncIterator[tuple[TuiInbox, Pilot[Any]]]:
        """The application with its first rows on the screen."""
        app = self.app(**options)
        async with app.run_test(size=size) as pilot:
            await until(lambda: app.ready and not inbox_of(app).rows.loading_rows, pilot)
            await settled(pilot)
            yield app, pilot


def inbox_of(app: TuiInbox) -> InboxScreen:
    """The inbox, also while something is above it."""
    return next(screen for screen in app.screen_stack if isinstance(screen, InboxScreen))


async def until(condition: Callable[[], object], pilot: Pilot[Any], seconds: float = 60.0) -> None:
    """Wait until ``condition`` holds; fails after ``seconds``."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition():
        assert loop.time() < end, "the awaited condition never came true"
        await pilot.pause()
        await asyncio.sleep(0.005)


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until no work of the application runs and nothing is left to paint."""
    app = pilot.app
    for _ in range(3):
        await app.workers.wait_for_complete([worker for worker in app.workers if worker.group in READING])
        await pilot.pause()


@pytest.fixture(scope="session")
def demo_database(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo workspace, written once, and the handle of its agent."""
    path = tmp_path_factory.mktemp("demo") / "inbox.db"

    async def fill(store: Store) -> str:
        made = await seed(store, contacts=CONTACTS, seed=SEED, now=NOW, standin_base_url="http://127.0.0.1:9")
        return made.agent.handle

    content, agent = filled(fill, lambda: NOW)
    return put(path, content), agent


@pytest.fixture
def workspace(demo_database: tuple[Path, str], tmp_path: Path) -> Workspace:
    """A copy of the demo workspace."""
    source, agent = demo_database
    database = tmp_path / "inbox.db"
    shutil.copy(source, database)
    return Workspace(database, agent=agent)
