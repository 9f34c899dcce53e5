"""C5: the power goes, and what was not synced is lost; nothing that was acknowledged may be missing.

A small library, compiled here and loaded into the child before everything else, keeps a second copy of every database
file that gets only what was synced. The child commits, says so, and is killed; the second copy is what a machine would
find after a power cut that drops everything unsynced. Where there is no compiler only the setting is looked at, on the
connection that writes. Not shown: writes that a disk reorders or tears on its own, a disk that lies about syncing, and
several writers at once.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.reliability.forks import Forks, forking
from tests.reliability.place import open_place
from tests.reliability.report import Report
from tests.reliability.truth import truth_server
from tui_inbox.repository.store import Store

SHIM = Path(__file__).with_name("power_shim.c")
COMMITS_PER_CUT = 20
FULL = 2
"""What ``PRAGMA synchronous`` says when every commit is synced."""
DURABLE = ".durable"


async def power_cuts(folder: Path, seed: int, cuts: int) -> Report:
    """Cut the power this many times, each at a random moment within some commits; see the module."""
    rng = random.Random(seed)
    violations: list[str] = []
    acknowledged = 0
    async with forking(folder, await _preloaded(folder)) as forks:
        for number in range(cuts):
            said, lost, odd = await _cut(folder / f"cut-{number}", forks, rng, COMMITS_PER_CUT, ())
            acknowledged += said
            violations += [f"lost: {count} acknowledged commits" for count in [lost] if count]
            violations += odd
    figures = {
        "power cuts": cuts,
        "acknowledged commits": acknowledged,
        "of those missing afterwards": sum("lost" in violation for violation in violations),
        "shown by": "copies of what was synced" if _compiler() else "the setting alone, for want of a compiler",
    }
    return Report("power", seed, cuts, figures, violations)


async def lost_commits(folder: Path, commits: int, guards_off: Sequence[str]) -> int:
    """How many acknowledged commits one power cut takes with it when a guard is off."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    async with forking(folder, await _preloaded(folder)) as forks:
        _, lost, _ = await _cut(folder / "cut", forks, random.Random(1), commits, guards_off)
    return lost


async def _preloaded(folder: Path) -> dict[str, str]:
    """The environment that loads the library, freshly compiled."""
    if not _compiler():
        return {}
    library = folder / "power_shim.so"
    compiler = await asyncio.create_subprocess_exec(
        _compiler(), "-O1", "-shared", "-fPIC", "-o", str(library), str(SHIM), "-ldl", "-pthread"
    )
    assert await compiler.wait() == 0, "the library did not compile"
    return {"LD_PRELOAD": str(library)}


def _compiler() -> str:
    return shutil.which("cc") or ""


async def _cut(
    folder: Path, forks: Forks, rng: random.Random, commits: int, guards_off: Sequence[str]
) -> tuple[int, int, list[str]]:
    """One power cut: acknowledged commits, how many of them are missing, and what else is wrong."""
    async with truth_server() as truth, open_place(folder, truth, channels=["tg"]) as place:
        with closing(sqlite3.connect(place.database)) as plain:
            plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for end in ("", "-wal"):
            source = Path(f"{place.database}{end}")
            shutil.copyfile(source, f"{source}{DURABLE}")
        fork = await forks.start("notes", **place.arguments(contact=place.contacts[0], guards_off=list(guards_off)))
        wanted = rng.randrange(1, commits + 1)
        await fork.said_often("committed", wanted)
        await asyncio.sleep(rng.uniform(0, 0.02))
        await fork.kill()
        said = [word["committed"] for word in fork.words if "committed" in word]
        if not _compiler():
            return len(said), 0 if await fork.heard("synchronous") == FULL else len(said), []
        found, odd = await asyncio.to_thread(_after, folder, place.database)
    return len(said), len([note for note in said if note not in found]), odd


def _after(folder: Path, database: Path) -> tuple[set[str], list[str]]:
    """The notes in the database as the machine would find it, and what its own check says."""
    found = folder / "found"
    found.mkdir()
    for end in ("", "-wal"):
        shutil.copyfile(f"{database}{end}{DURABLE}", found / f"inbox.db{end}")
    with closing(sqlite3.connect(found / "inbox.db")) as plain:
        check = [row[0] for row in plain.execute("PRAGMA integrity_check")]
        notes = {row[0] for row in plain.execute("SELECT body FROM timeline WHERE direction = 'note'")}
    return notes, [f"integrity_check after the power cut: {line}" for line in check if line != "ok"]


async def synchronous(store: Store) -> int:
    """The setting in force where this store writes."""
    async with store._writers.connect() as connection:
        return int((await connection.exec_driver_sql("PRAGMA synchronous")).scalar_one())


async def notes(arguments: dict[str, Any], say: Any) -> None:
    """Role of a child: write one note after another and say so after each commit."""
    from tui_inbox.services.context import Context
    from tui_inbox.services.lifecycle import LifecycleService

    store = await Store.open(arguments["database"], migrate=False)
    async with store.read() as unit:
        agent = await unit.directory.agent("ana")
    assert agent is not None
    say(synchronous=await synchronous(store))
    lifecycle = LifecycleService(Context(store))
    number = 0
    while True:
        number += 1
        await lifecycle.note(agent, arguments["contact"], f"note {number}")
        say(committed=f"note {number}")
