"""What is looked at before a database is opened: what lies there, whose it is, where it lies. Raises for what can't be.

Nothing is written into a file that is refused.
"""

from __future__ import annotations

import os
from pathlib import Path

from tui_inbox import paths
from tui_inbox.domain.errors import (
    StoreBusyError,
    StoreReadOnlyError,
    StoreUnreachableError,
)
from tui_inbox.repository import dialect, schema, troubles
from tui_inbox.repository.dialect import Journal
from tui_inbox.repository.place import kind_of_file, network_kind


def inspect(path: Path, *, may_build: bool, read_only: bool, may_create: bool = False) -> str:
    """Revision of the schema in the file, empty for a new one; raises where it can't be used."""
    kind = kind_of_file(path)
    if kind == "nothing":
        if not (may_build and may_create):
            raise StoreUnreachableError(f"There is no database at {path}. Check the address of the database.")
        _create(path)
        return ""
    if kind != "file":
        raise StoreUnreachableError(f"{path} is not a file but {kind}. Give the path of a database file.")
    if 0 < path.stat().st_size < dialect.SMALLEST:
        raise troubles.no_database(path)  # the engine would take it for an empty one
    try:
        found = dialect.probe(path)
    except dialect.ERRORS as error:
        raise troubles.store_error(dialect.trouble(error), path) or troubles.no_database(path) from error
    schema.require_usable(found, str(path), may_build=may_build)
    if not read_only and not paths.may_write(path):
        raise StoreReadOnlyError(
            f"The database {path} can be read but not written; nothing was changed. "
            "Make the file and its directory writable for you."
        )
    return found.revision


def place_warnings(path: Path) -> tuple[str, ...]:
    """What is not well with the place, for a check-up."""
    kind = network_kind(path)
    if not kind:
        return ()
    return (f"The database lies on a network file system ({kind}), where several writers can damage it; move it.",)


def refuse_network(path: Path) -> None:
    """Raise when the file lies, or would be made, where other machines write too."""
    kind = network_kind(path)
    if kind:
        raise StoreUnreachableError(
            f"The database {path} lies on a network file system ({kind}), where several programs that write can damage "
            "it; nothing was changed. Move it to a local disk, or set network_database = true if only one machine "
            "ever opens it."
        )


def use_journal(path: Path, journal: Journal) -> None:
    """Bring a file that :func:`inspect` has passed to the journal that is wanted."""
    try:
        done = dialect.use_journal(path, journal)
    except dialect.ERRORS as error:
        raise troubles.store_error(dialect.trouble(error), path) or error from error
    if not done:
        raise StoreBusyError(
            f'The setting sqlite_journal = "{journal.value}" needs the database {path} for a moment alone, and another '
            "program has it open; nothing was changed. Leave all programs that use it, then start again."
        )


def _create(path: Path) -> None:
    """Make the empty file, readable by its owner only, before the engine would make it readable by all."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        if not path.exists():
            raise StoreUnreachableError(_no_place(path)) from None
    except OSError as error:
        raise StoreUnreachableError(f"{_no_place(path)} ({error.strerror})") from error


def _no_place(path: Path) -> str:
    return f"The database {path} cannot be made. Check that its directory exists and that you may write there."
