"""The engine's troubles as errors for people: what happened, that nothing was changed, what to do."""

from __future__ import annotations

from pathlib import Path

from tui_inbox.domain.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreReplacedError,
    StoreUnreachableError,
)
from tui_inbox.repository.dialect import Trouble
from tui_inbox.repository.place import Presence


def store_error(found: Trouble, path: Path) -> StoreError | None:
    """The error for a trouble; ``None`` for what is a defect of ours."""
    match found:
        case Trouble.BUSY:
            return StoreBusyError(
                f"Another program has kept the database {path} locked for too long; nothing was changed. Try again."
            )
        case Trouble.READ_ONLY:
            return StoreReadOnlyError(
                f"The database {path} cannot be written; nothing was changed. "
                "Make the file and its directory writable for you."
            )
        case Trouble.DAMAGED:
            return damaged(path)
        case Trouble.NOT_A_DATABASE:
            return no_database(path)
        case Trouble.FULL:
            return StoreFullError(f"The disk that holds {path} is full; nothing was changed. Free some space.")
        case Trouble.UNREACHABLE:
            return StoreUnreachableError(
                f"The database {path} cannot be opened or read; nothing was changed. Check the path and the disk."
            )
        case Trouble.OTHER:
            return None


def damaged(path: Path) -> StoreDamagedError:
    """The file fails its check, or did when it was read."""
    return StoreDamagedError(
        f"The database {path} is damaged; nothing was changed. Restore it from a backup, or save what can be saved: "
        f"sqlite3 {path.name} .recover"
    )


def no_database(path: Path) -> StoreDamagedError:
    """The file does not begin as a database does."""
    return StoreDamagedError(
        f"{path} is not a database, or its beginning is damaged; nothing was changed. "
        "Check the path, or restore the file from a backup."
    )


def moved(presence: Presence, path: Path) -> StoreReplacedError:
    """The file is not the one that was opened."""
    if presence is Presence.MISSING:
        return StoreReplacedError(
            f"The database {path} was moved or deleted while it was open; nothing was changed. Put it back."
        )
    return StoreReplacedError(
        f"The database {path} was replaced by another file while it was open; nothing was changed. "
        "Leave all programs that use it and start them again."
    )


def mixed(log: Path) -> StoreReplacedError:
    """The log of the former file lies beside the new one."""
    return StoreReplacedError(
        f"The database was replaced by another file while it was open, and the log of the former one lies beside it; "
        f"nothing was changed. Leave all programs that use it, move {log} away, and start again."
    )


def foreign(path: Path) -> StoreReplacedError:
    """What lies there now belongs to other people."""
    return StoreReplacedError(
        f"The database {path} was replaced by one of another workspace; nothing was changed. "
        "Put the former one back, or leave and start again."
    )
