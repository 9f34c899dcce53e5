"""Copying a database file while others read and write it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from tui_inbox.domain.errors import StoreDamagedError, StoreUnreachableError, UsageError
from tui_inbox.repository import dialect, troubles

STEP = 2_000
"""Pages copied at a time; between two steps writers get their turn."""


def existing(address: str) -> Path:
    """The file of a database address. Raises :class:`StoreUnreachableError` when there is none."""
    path = dialect.file_of(address)
    if not path.exists():
        raise StoreUnreachableError(f"There is no database at {path}. Check the address of the database.")
    return path


def revision(path: Path) -> str:
    """Revision of the schema in the file; empty when it says none. Raises ``StoreError``."""
    try:
        return dialect.probe(path).revision
    except dialect.ERRORS as error:
        raise troubles.store_error(dialect.trouble(error), path) or troubles.no_database(path) from error


def copy(path: Path, target: Path, progress: Callable[[int, int], None]) -> int:
    """Copy the database at ``path`` to ``target``, check the copy, and only then give it its name; returns its bytes.

    What others write meanwhile is in the copy or not, each transaction wholly. Raises ``StoreError``, and
    :class:`UsageError` when ``target`` exists or can't be made.
    """
    if target.exists():
        raise _taken(target)
    part = target.with_name(f".{target.name}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
    except OSError as error:
        raise UsageError(f"{target} cannot be made ({error.strerror}); nothing was copied.") from error
    try:
        _fill(path, part, progress)
        if dialect.check_file(part) != "ok":
            raise StoreDamagedError(f"The copy of {path} fails its check and was deleted. Try: tui-inbox db check")
        os.link(part, target)  # never over a file that has appeared meanwhile
        return target.stat().st_size
    except dialect.ERRORS as error:
        told = troubles.store_error(dialect.trouble(error), path)
        raise (told or StoreUnreachableError(f"{path} could not be copied to {target}; nothing was kept.")) from error
    except FileExistsError as error:
        raise _taken(target) from error
    finally:
        for end in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                part.with_name(part.name + end).unlink()


def _taken(target: Path) -> UsageError:
    return UsageError(f"{target} exists already; nothing was copied. Give the name of a new file.")


def _fill(path: Path, part: Path, progress: Callable[[int, int], None]) -> None:
    with contextlib.closing(dialect.reader(path)) as source, contextlib.closing(sqlite3.connect(part)) as copied:
        # One transaction of the source for all steps, else each commit of others would begin the copy anew.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(copied, pages=STEP, progress=lambda _, left, whole: progress(whole - left, whole))
        copied.execute("PRAGMA journal_mode = DELETE")
