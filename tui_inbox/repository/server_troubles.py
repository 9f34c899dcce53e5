"""A server's troubles as errors for people: what happened, that nothing was changed, what to do."""

from __future__ import annotations

from tui_inbox.domain.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnreachableError,
)
from tui_inbox.repository.dialect import Trouble


def store_error(found: Trouble, name: str) -> StoreError | None:
    """The error for a trouble; ``None`` for what is a defect of ours. ``name``: of the database, without password."""
    match found:
        case Trouble.BUSY:
            return StoreBusyError(
                f"Other programs have kept what was to be changed in {name} busy for too long; nothing was changed. "
                "Try again."
            )
        case Trouble.READ_ONLY:
            return read_only(name)
        case Trouble.DAMAGED:
            return StoreDamagedError(
                f"The server says that {name} is damaged; nothing was changed. Restore it from a backup."
            )
        case Trouble.FULL:
            return StoreFullError(f"The disk of the server of {name} is full; nothing was changed. Free some space.")
        case Trouble.UNREACHABLE:
            return StoreUnreachableError(
                f"The connection to the server of {name} was lost; nothing was changed. Check that it runs."
            )
        case _:
            return None


def read_only(name: str) -> StoreReadOnlyError:
    """Nothing may be written: a standby, a server set so, or a role without the right to."""
    return StoreReadOnlyError(
        f"The database {name} cannot be written; nothing was changed. It may be a standby, or the user has no right "
        "to change its tables: ask for the owner's role."
    )
