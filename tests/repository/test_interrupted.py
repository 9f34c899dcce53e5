"""Killed in the middle of a migration or of tidying up: the old version or the new one, and both open."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tests.repository.conftest import present
from tests.support.sizes import size_of
from tui_inbox.repository import dialect, schema
from tui_inbox.repository.store import Store

LINES = 3000
KILLS = size_of("kills", 12)
"""Statements of a migration before which it is killed, the first and the last among them."""


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of the first schema, with enough in it for tidying up to take its time."""
    path = tmp_path_factory.mktemp("old") / "inbox.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        schema.upgrade(connection, "0001")
        connection.exec_driver_sql("INSERT INTO agents (handle, handle_folded, role) VALUES ('ana', 'ana', 'agent')")
    engine.dispose()
    return path


MIGRATE = """
import asyncio, os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from tui_inbox.repository.store import Store

number, seen = int(sys.argv[2]), 0

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, parameters, context, many):
    global seen
    if not statement.startswith(("PRAGMA", "SELECT")):
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

async def main():
    store = await Store.open(sys.argv[1])
    await store.close()

asyncio.run(main())
print(seen)
"""


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def opens(path: Path) -> list[str]:
    store = await Store.open(str(path), clock=present)
    await store.look_over()
    assert store.trouble is None
    assert (await store.health(deep=True)).schema == schema.SCHEMA_HEAD
    async with store.read() as unit:
        found = [agent.handle for agent in await unit.directory.agents()]
    await store.close()
    return found


async def test_a_kill_anywhere_in_a_migration(old: Path, tmp_path: Path) -> None:
    whole = run(MIGRATE, shutil.copy(old, tmp_path / "whole.db"), 0)
    statements = int(whole.stdout)
    assert statements >= 3, "nothing was migrated"
    for number in sorted({1 + step * (statements - 1) // (KILLS - 1) for step in range(KILLS)}):
        path = Path(shutil.copy(old, tmp_path / f"killed{number}.db"))
        assert run(MIGRATE, path, number).returncode == -9
        with closing(sqlite3.connect(path)) as connection:
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        assert revision == "0001", "half of a migration is none"
        assert await opens(path) == ["ana"]


TIDY = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA synchronous = FULL")
print("ready", flush=True)
while True:
    connection.execute("VACUUM")
    print("tidied", flush=True)
"""


@pytest.fixture(scope="module")
def large(old: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = Path(shutil.copy(old, tmp_path_factory.mktemp("large") / "inbox.db"))
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany(
            "INSERT INTO activity (at, kind, message_id, detail) VALUES (?, hex(randomblob(400)), '', '{}')",
            [(number,) for number in range(LINES)],
        )
        connection.commit()
    return path


@pytest.mark.parametrize("journal", list(dialect.Journal))
def test_a_kill_while_tidying_up(large: Path, tmp_path: Path, journal: dialect.Journal) -> None:
    path = Path(shutil.copy(large, tmp_path / "inbox.db"))
    dialect.use_journal(path, journal)
    for round_ in range(max(4, KILLS // 2)):
        tidying = subprocess.Popen([sys.executable, "-c", TIDY, str(path)], stdout=subprocess.PIPE, text=True)
        assert tidying.stdout is not None
        for _ in range(1 + round_ % 3):  # at the start of the first, the second, or the third time
            tidying.stdout.readline()
        tidying.kill()
        tidying.wait()
        tidying.stdout.close()
        assert asyncio.run(opens(path)) == ["ana"]
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT count(*) FROM activity").fetchone() == (LINES,)
