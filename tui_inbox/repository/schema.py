"""Which schema this program works with, and bringing a database to it.

Alembic is imported only when there is something to bring.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from tui_inbox.domain.errors import SchemaMismatchError
from tui_inbox.repository.dialect import Probe

SCHEMA_HEAD = "0009"
"""Revision that this program reads and writes."""
UNFINISHED = "copying"
"""Stands where the revision does while a database is filled from another (:mod:`tui_inbox.repository.copying`)."""
KNOWN_REVISIONS = frozenset({"0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009"})
"""Every revision that can be brought to :data:`SCHEMA_HEAD`."""


def require_usable(found: Probe, name: str, *, may_build: bool) -> None:
    """Raise :class:`SchemaMismatchError` unless the database ``name`` is ours, or empty, and may be made right."""
    if found.empty:
        if not may_build:
            raise SchemaMismatchError(f"The database {name} is empty; open it once for writing to set it up.")
        return
    if not found.ours:
        raise SchemaMismatchError(
            f"{name} is a database of another program; nothing was changed. Give the address of an inbox database."
        )
    if found.revision == UNFINISHED:
        raise SchemaMismatchError(
            f"The database {name} is being filled from another one, or that was interrupted; nothing was changed. "
            "Finish it with: tui-inbox db copy FROM TO"
        )
    if found.revision not in KNOWN_REVISIONS:
        raise SchemaMismatchError(
            f"The database {name} was written by a newer version of this program (schema {found.revision}); "
            "nothing was changed. Update the program."
        )
    if found.revision != SCHEMA_HEAD and not may_build:
        raise SchemaMismatchError(
            f"The database {name} has an older schema ({found.revision}); nothing was changed. "
            "Open it once for writing to bring it up to date."
        )


def upgrade(connection: Connection, to: str = SCHEMA_HEAD) -> None:
    """Bring the schema up to a revision inside the transaction of ``connection``; nothing when it is there."""
    from alembic import command
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, to)
