"""Conditions as text, for the statements of the search index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import visitors

from tui_inbox.repository.tables import contacts, conversations

_NAMED = sqlite.dialect(paramstyle="named")


@dataclass(frozen=True)
class Clauses:
    """Conditions as text, and what they are bound to."""

    text: str
    values: Mapping[str, Any]
    tables: frozenset[Any] = frozenset()


def rendered_of(demands: Sequence[ColumnElement[bool]]) -> Clauses:
    """Conditions as text for the statements of this module."""
    if not demands:
        return Clauses("", {})
    compiled = and_(*demands).compile(dialect=_NAMED, compile_kwargs={"render_postcompile": True})
    processors: Mapping[str, Any] = compiled._bind_processors
    values = {
        name: processors[name](value) if name in processors else value
        for name, value in compiled.construct_params().items()
    }
    tables = frozenset(getattr(item, "table", None) for demand in demands for item in visitors.iterate(demand))
    return Clauses(f"({compiled})", values, tables)


def joined_to(conditions: Clauses, contact: str) -> str:
    """The tables that conditions look at, each by its key and after what was read before."""
    joined = ""
    if conversations in conditions.tables:
        joined += f" CROSS JOIN conversations ON conversations.contact_id = {contact}"
    if contacts in conditions.tables:
        joined += f" CROSS JOIN contacts ON contacts.id = {contact}"
    return joined
