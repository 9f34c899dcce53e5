"""The makers of columns and indexes, so that every table says them the same way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, MetaData, false, or_, text
from sqlalchemy.sql.elements import ColumnElement

from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.repository.types import Identifier, Instant, Structure, Words

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def identity() -> Column[int]:
    """The key that the database makes."""
    return Column("id", Identifier, primary_key=True, autoincrement=True)


def reference(name: str, target: str, *, optional: bool = False, key: bool = False) -> Column[Any]:
    """A key of another table."""
    return Column(name, Identifier, ForeignKey(target), nullable=optional, primary_key=key)


def words(name: str, default: str | None = "") -> Column[Any]:
    """A text that is never missing; empty (or ``default``) where none is given, ``None`` = it must be given."""
    given = None if default is None else text(f"'{default}'")
    return Column(name, Words, nullable=False, server_default=given)


def moment(name: str, *, optional: bool = False) -> Column[Any]:
    """An instant."""
    return Column(name, Instant, nullable=optional)


def number(name: str, default: int = 0) -> Column[Any]:
    """A count or a number."""
    return Column(name, Integer, nullable=False, server_default=text(str(default)))


def flag(name: str) -> Column[Any]:
    """Yes or no; no where none is given."""
    return Column(name, Boolean, nullable=False, server_default=false())


def structure(name: str, default: str = "{}") -> Column[Any]:
    """A mapping or sequence, kept as JSON."""
    return Column(name, Structure, nullable=False, server_default=text(f"'{default}'"))


def in_states(column: Any, states: frozenset[DeliveryState]) -> ColumnElement[bool]:
    """``column`` is one of ``states``, written out in the SQL so that a partial index with the same words serves it."""
    return or_(*(column == text(f"'{state.value}'") for state in sorted(states)))


def partial_index(name: str, states: frozenset[DeliveryState], *columns: str, unique: bool = False) -> Index:
    """An index over the messages in some states only."""
    where = text(" OR ".join(f"state = '{state.value}'" for state in sorted(states)))
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)
