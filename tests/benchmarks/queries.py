"""``python -m tests.benchmarks.queries [--contacts N | --database URL]… [--runs 30] [--keep FOLDER] [--json FILE]``.

Pages of the repository and their counts are timed at each size beside the floor: the statements that the repository
sent, sent again through the bare driver (``aiosqlite``, ``asyncpg``) in the same process. On SQLite times are those of
the processor, so that other programs matter little; a server's are of the clock. Growth is that of the median over the
smallest size for as many rows as were found there; where nothing was, it says nothing. Budgets are stretched for this
machine as :mod:`tests.benchmarks.pace` says. ``--database``: a workspace on a
server, such as ``tui-inbox db copy`` makes of one of these.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiosqlite
import asyncpg
from sqlalchemy import event

from tests.benchmarks import dataset
from tests.benchmarks.pace import Pace
from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.kinds import ChannelKind, ConversationStatus, SortOrder
from tui_inbox.domain.search import parse
from tui_inbox.repository import postgresql
from tui_inbox.repository.server_address import parse as parse_address
from tui_inbox.repository.sqlite_search_schema import FUNCTIONS
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit

NOW = datetime.fromtimestamp(dataset.NOW / 1_000_000, UTC)
TYPED = (
    "", "m", "q", "ma", "mar", "maria", "tama", "王", "小明", "maria santos", "456", "4567", "maria.san", "gmail",
    "gmail hotmail", "maria gmail", "santos yahoo", "@gmail", "zzzq", "mar zzzq", "name:gmail",
    "text:refund", "text:ferret", 'text:"credit note"',
)  # fmt: skip
VIEWS = {
    "All": InboxFilter(),
    "All, closed": InboxFilter(status=ConversationStatus.CLOSED),
    "Mine, closed": InboxFilter(InboxKind.MINE, agent_id=7, status=ConversationStatus.CLOSED),
    "All, email": InboxFilter(channels=(ChannelKind.EMAIL,)),
    "All, waiting": InboxFilter(sort=SortOrder.WAITING),
    "Open, waiting": InboxFilter(status=ConversationStatus.OPEN, sort=SortOrder.WAITING),
    "Closed, window": InboxFilter(status=ConversationStatus.CLOSED, sort=SortOrder.WINDOW_END),
}
BUDGET_MS, SERVER_BUDGET_MS = 10.0, 30.0
"""What a page may take at most, 95 of 100 times: on SQLite, on a server."""
MOST_OF_FLOOR, MOST_GROWTH = 3.0, 2.0
"""How many times its floor a page may take on SQLite, and how many times what it took at the smallest size."""
PAGE = 50
PACE_RUNS = 7


@dataclass(frozen=True)
class Timed:
    """One question at one size, in milliseconds."""

    what: str
    view: str
    typed: str
    contacts: int
    p50: float
    p95: float
    floor_p50: float
    rows: int
    growth: float | None
    """Over the smallest size; ``None`` where that found nothing and this something."""
    budget: float
    """Of a page, in milliseconds on the reference machine."""
    stretch: float = 1.0
    """How much longer it may take here."""

    @property
    def over(self) -> list[str]:
        """Which bounds a page does not keep; counts come after the rows and have none."""
        if self.what != "page":
            return []
        broken = {
            "ms": self.p95 > self.budget * self.stretch,
            "×": self.budget == BUDGET_MS and self.p50 > MOST_OF_FLOOR * self.floor_p50,
            "growth": self.growth is not None and self.growth > MOST_GROWTH,
        }
        return [name for name, is_over in broken.items() if is_over]


class Floor:
    """Hears what the store sends, to send it again without it."""

    clock = staticmethod(time.process_time)
    budget = BUDGET_MS

    def __init__(self, store: Store) -> None:
        self.heard: list[tuple[str, Any]] = []
        event.listen(store._readers.sync_engine, "before_cursor_execute", self._hear)

    def _hear(self, _conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            self.heard.append((statement, parameters))

    async def time(self) -> float:
        """Milliseconds of the statements heard last."""
        began = self.clock()
        for statement, parameters in self.heard:
            await self.send(statement, parameters)
        return (self.clock() - began) * 1000

    async def send(self, statement: str, parameters: Any) -> None:
        """One statement and all its rows."""
        raise NotImplementedError


class FileFloor(Floor):
    """Through ``aiosqlite``, by its shortest way."""

    bare: aiosqlite.Connection

    async def send(self, statement: str, parameters: Any) -> None:
        await self.bare.execute_fetchall(statement, parameters)


class ServerFloor(Floor):
    """Through ``asyncpg``."""

    clock = staticmethod(time.perf_counter)
    budget = SERVER_BUDGET_MS
    bare: asyncpg.Connection[Any]

    async def send(self, statement: str, parameters: Any) -> None:
        await self.bare.fetch(statement, *parameters)


@dataclass(frozen=True)
class Workspace:
    """One that is asked."""

    contacts: int
    store: Store
    floor: Floor


@asynccontextmanager
async def in_file(path: Path, contacts: int) -> AsyncIterator[Workspace]:
    """A workspace in a file."""
    store = await Store.open(str(path))
    floor = FileFloor(store)
    async with aiosqlite.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None) as floor.bare:
        for name, arguments, function in FUNCTIONS:
            await floor.bare.create_function(name, arguments, function, deterministic=True)
        try:
            yield Workspace(contacts, store, floor)
        finally:
            await store.close()


@asynccontextmanager
async def on_server(url: str) -> AsyncIterator[Workspace]:
    """A workspace on a server."""
    store = await Store.open(url)
    floor = ServerFloor(store)
    floor.bare = await postgresql.connect(parse_address(url))
    try:
        yield Workspace(await floor.bare.fetchval("SELECT count(*) FROM contacts"), store, floor)
    finally:
        await floor.bare.close()
        await store.close()


@dataclass(frozen=True)
class Question:
    """What is asked of each workspace."""

    what: str
    """``page`` or ``counts``."""
    view: str
    typed: str

    async def ask(self, unit: Unit, limit: int) -> int:
        """The number of rows."""
        f = replace(VIEWS[self.view], query=parse(self.typed))
        if self.what == "page":
            return len(await unit.inbox.page(f, now=NOW, limit=limit))
        return (await unit.inbox.counts(f, now=NOW)).any


@dataclass
class Asked:
    """The runs of one question, in milliseconds."""

    samples: list[float] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)
    """Of the bare statements, after each run: whatever slows the machine slows both."""
    rows: int = 0

    @property
    def p50(self) -> float:
        return statistics.median(self.samples)


async def measure(workspaces: Sequence[Workspace], runs: int) -> list[Timed]:
    """Every question on every workspace, the smallest first."""
    gc.collect()
    gc.freeze()  # as the program does: else going through all that was imported counts now and then as a question
    found = []
    for question in (Question(what, view, typed) for view in VIEWS for typed in TYPED for what in ("page", "counts")):
        every = await ask(workspaces, question, runs)
        for workspace, asked in zip(workspaces, every, strict=True):
            growth = await grown(workspaces[0], workspace, question, runs, every[0], asked)
            p95 = sorted(asked.samples)[round(0.95 * (runs - 1))]
            floor = statistics.median(asked.floors)
            found.append(
                Timed(
                    question.what,
                    question.view,
                    question.typed,
                    workspace.contacts,
                    asked.p50,
                    p95,
                    floor,
                    asked.rows,
                    growth,
                    workspace.floor.budget,
                )
            )
    return found


async def grown(
    smallest: Workspace, workspace: Workspace, question: Question, runs: int, first: Asked, asked: Asked
) -> float | None:
    """How many times as long it takes as in the smallest, for as many rows."""
    if first.rows == 0 and asked.rows:
        return None
    if question.what == "page" and first.rows < asked.rows:
        first, asked = await ask((smallest, workspace), question, runs, first.rows)
    return asked.p50 / first.p50


async def ask(workspaces: Sequence[Workspace], question: Question, runs: int, limit: int = PAGE) -> list[Asked]:
    """Ask each so many times, in turns: whatever slows the machine for a while slows all of them."""
    every = [Asked() for _ in workspaces]
    for _ in range(runs):
        for workspace, asked in zip(workspaces, every, strict=True):
            floor = workspace.floor
            async with workspace.store.read() as unit:
                floor.heard.clear()
                began = floor.clock()
                asked.rows = await question.ask(unit, limit)
                asked.samples.append((floor.clock() - began) * 1000)
            asked.floors.append(await floor.time())
    return every


def table(found: Sequence[Timed]) -> str:
    """The figures as lines for people, each question's sizes together."""
    lines = [
        f"{'what':7} {'view':14} {'typed':14} {'contacts':>9} {'p50':>8} {'p95':>8} {'floor':>8} {'×':>5} growth over"
    ]
    for item in sorted(found, key=lambda item: (item.what, item.view, item.typed, item.contacts)):
        growth = "–" if item.growth is None else f"{item.growth:.2f}"
        lines.append(
            f"{item.what:7} {item.view:14} {item.typed:14} {item.contacts:9,} "
            f"{item.p50:8.2f} {item.p95:8.2f} {item.floor_p50:8.2f} {item.p50 / item.floor_p50:5.1f} "
            f"{growth:>6} {', '.join(item.over)}"
        )
    return "\n".join(lines)


def summary(found: Sequence[Timed]) -> str:
    """What the pages take together at each size, each question counted once, and how much more than at the smallest."""
    by_size: dict[int, list[Timed]] = {}
    for item in found:
        if item.what == "page":
            by_size.setdefault(item.contacts, []).append(item)
    lines, first = [], 0.0
    for contacts, items in sorted(by_size.items()):
        times = sorted(item.p50 for item in items)
        middle, slow = (times[round(share * (len(times) - 1))] for share in (0.5, 0.95))
        first = first or middle
        over = ", ".join(f"{name}: {sum(name in item.over for item in items)}" for name in ("ms", "×", "growth"))
        growth = statistics.median(item.growth for item in items if item.growth is not None)
        lines.append(
            f"all {len(times)} pages at {contacts:9,}: half of them below {middle:.2f} ms, "
            f"95 of 100 below {slow:.2f} ms, {middle / first:.2f} times the smallest; "
            f"half of them grow less than {growth:.2f} times for as many rows; over {over}"
        )
    return "\n".join(lines)


async def run(chosen: argparse.Namespace) -> list[Timed]:
    """What was asked for on the command line."""
    found: list[Timed] = []
    for url in chosen.database:
        async with on_server(url) as workspace:
            found += await measure([workspace], chosen.runs)
    sizes = sorted(chosen.contacts or ([] if chosen.database else [1000, 10_000, 100_000]))
    if not sizes:
        return found
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with AsyncExitStack() as stack:
            workspaces = []
            for contacts in sizes:
                path = (chosen.keep or Path(folder)) / f"queries-{contacts}.db"
                if not path.exists():
                    await dataset.make(path, contacts)
                workspaces.append(await stack.enter_async_context(in_file(path, contacts)))
            return found + await measure(workspaces, chosen.runs)


def main() -> int:
    """Make the workspaces, measure, print, and exit with 1 when a page is over a bound."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.queries")
    parser.add_argument("--contacts", type=int, action="append")
    parser.add_argument("--database", action="append", default=[], metavar="URL")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where workspaces are, or are made")
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        pace = Pace(Path(home), PACE_RUNS)
        pace.sample()
        found = asyncio.run(run(chosen))
        pace.sample()
    found = [replace(item, stretch=pace.stretch) for item in found]
    print(f"budgets are stretched {pace.stretch:.2f} times: a hello-world takes {pace.hello:.0f} ms")
    print(table(found), summary(found), sep="\n")
    if chosen.json:
        chosen.json.write_text(json.dumps([{**vars(item), "over": item.over} for item in found], indent=1))
    return 1 if any(item.over for item in found) else 0


if __name__ == "__main__":
    raise SystemExit(main())
