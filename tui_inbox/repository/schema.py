"""Which schema this program works with, and bringing a database to it.

Alembic is imported only when there is something to bring.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

SCHEMA_HEAD = "0003"
"""Revision that this program reads and writes."""
KNOWN_REVISIONS = frozenset({"0001", "0002", "0003"})
"""Every revision that can be brought to :data:`SCHEMA_HEAD`."""


def upgrade(connection: Connection, to: str = SCHEMA_HEAD) -> None:
    """Bring the schema up to a revision inside the transaction of ``connection``; nothing when it is there."""
    from alembic import command
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, to)
