"""Moving a workspace into another database, say from a file to a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tui_inbox.domain.clock import system_clock
from tui_inbox.domain.errors import SchemaMismatchError, UsageError
from tui_inbox.repository import copying
from tui_inbox.repository.opened import unfinished
from tui_inbox.repository.store import Store

Progress = Callable[[str, int, int], None]
"""Told what is being done, rows done and rows in all."""


@dataclass(frozen=True)
class Moved:
    """A finished copy that has been compared."""

    rows: dict[str, int]
    """Number of rows by table."""


async def copy(source: str, target: str, progress: Progress = lambda *_: None) -> Moved:
    """Copy the workspace at one address to another, which must be empty or begun by an earlier try; compare all rows.

    Until then no program opens the target. Raises :class:`UsageError` when the target is in use, ``StoreError`` where
    either cannot be used or the copy differs.
    """
    if source == target:
        raise UsageError("Source and target are the same database; nothing was copied.")
    here = await Store.open(source, migrate=False, read_only=True)
    try:
        there = await _target(target)
        try:
            await copying.prepare(there)
            await copying.copy(here, there, lambda table, done, whole: progress(f"copying {table}", done, whole))
            rows = await copying.compare(
                here, there, lambda table, done, whole: progress(f"comparing {table}", done, whole)
            )
            await copying.finish(there)
            return Moved(rows)
        finally:
            await there.close()
    finally:
        await here.close()


async def _target(address: str) -> Store:
    try:
        return await Store.open(address)
    except SchemaMismatchError:
        begun = await unfinished(address, system_clock)
        if begun is None:
            raise
        return begun
