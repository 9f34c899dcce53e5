"""Databases made once in each process and copied: bringing an empty one up to date takes longer than most tests."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from tui_inbox.domain.clock import Clock, system_clock
from tui_inbox.repository.store import Store

T = TypeVar("T")


async def _nothing(_store: Store) -> None:
    return


@cache
def blank() -> bytes:
    """A database with the schema and nothing in it, as its file's content."""
    return filled(_nothing)[0]


def filled(fill: Callable[[Store], Awaitable[T]], clock: Clock = system_clock) -> tuple[bytes, T]:
    """The content of a database that ``fill`` has filled, and what ``fill`` returned."""

    async def make(path: Path) -> T:
        store = await Store.open(str(path), clock=clock)
        try:
            return await fill(store)
        finally:
            await store.close()

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as elsewhere:
        path = Path(folder) / "inbox.db"
        made = elsewhere.submit(lambda: asyncio.run(make(path))).result()  # the caller may have a loop of its own
        return path.read_bytes(), made


def put(path: Path, content: bytes | None = None) -> Path:
    """Write ``content`` (by default :func:`blank`) to ``path``, as the program would have left it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(blank() if content is None else content)
    path.chmod(0o600)
    return path
