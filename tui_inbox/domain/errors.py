"""The exception tree of the program.

    InboxError                 anything a person may see; ``str()`` is one plain sentence that says what to do
    ├── UsageError             wrong input or configuration                         exit code 2
    ├── NotFoundError          no such contact, channel, agent, template             exit code 3
    ├── PolicyRefusedError     a rule of the channel or of the workspace forbids it  exit code 4
    ├── NotPermittedError      the agent's role does not allow it                    exit code 5
    ├── ConflictError          somebody else changed it meanwhile                    exit code 1
    └── StoreError             the database cannot be used                           exit code 1
        ├── StoreUnreachableError
        │   └── StoreDoubtfulError
        ├── SchemaMismatchError
        ├── StoreDamagedError
        ├── StoreReadOnlyError
        ├── StoreFullError
        ├── StoreReplacedError
        └── StoreBusyError

Code that cannot go on raises one of these at the place that knows the way out; entry points print them.
"""

from __future__ import annotations

from typing import ClassVar


class InboxError(Exception):
    """Base of every error that is shown to a person."""

    exit_code: ClassVar[int] = 1


class UsageError(InboxError):
    """The input or the configuration is wrong."""

    exit_code = 2


class NotFoundError(InboxError):
    """The thing named does not exist."""

    exit_code = 3


class PolicyRefusedError(InboxError):
    """A rule forbids it; nothing was changed."""

    exit_code = 4

    def __init__(self, reason: str, way_out: str = "") -> None:
        super().__init__(f"{reason} {way_out}".strip())
        self.reason = reason
        """Why it is refused, one sentence."""
        self.way_out = way_out
        """The nearest thing that is allowed; may be empty."""


class NotPermittedError(InboxError):
    """The agent's role does not allow it."""

    exit_code = 5


class ConflictError(InboxError):
    """Somebody else changed the thing meanwhile; nothing was changed by us."""


class StoreError(InboxError):
    """The database cannot be used."""


class StoreUnreachableError(StoreError):
    """The file or server cannot be opened."""


class StoreDoubtfulError(StoreUnreachableError):
    """The connection broke while the change was being committed: whether it was kept is not known."""


class SchemaMismatchError(StoreError):
    """The schema is newer than this program, or is not ours."""


class StoreDamagedError(StoreError):
    """The file is not a database or fails its check."""


class StoreReadOnlyError(StoreError):
    """The file can be read but not written."""


class StoreFullError(StoreError):
    """The disk has no room left for the database."""


class StoreReplacedError(StoreError):
    """The file that was opened does not lie at its place any more: moved, deleted, or another one put there."""


class StoreBusyError(StoreError):
    """Another process kept the database locked for too long."""
