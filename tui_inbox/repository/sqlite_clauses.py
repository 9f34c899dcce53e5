"""Conditions as text, for the statements of the search index."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, literal_column, select
from sqlalchemy.dialects import sqlite

from tui_inbox.repository.demands import SINCE
from tui_inbox.repository.tables import contacts, conversations

_NAMED = sqlite.dialect(paramstyle="named")
_QUERY: Select[Any] = select(literal_column("1")).select_from(conversations, contacts)
_CONTACT = "conversations.contact_id"
_SINCE = str(SINCE.compile(dialect=_NAMED))
_BEFORE = f"{_QUERY.compile(dialect=_NAMED)} \nWHERE "


@dataclass(frozen=True)
class Clauses:
    """Conditions as text, and what they are bound to."""

    text: str
    values: Mapping[str, Any]
    tables: frozenset[Any] = frozenset()


def rendered_of(demands: Sequence[ColumnElement[bool]], contact: str, since: str = _SINCE) -> Clauses:
    """Conditions as text for a statement in which ``contact`` is the key of the contact they are about.

    ``since``: what stands for :data:`SINCE`, where the statement has it.
    """
    return _rendered(tuple(demands), contact, since) if demands else Clauses("", {})


@lru_cache(maxsize=256)
def _rendered(demands: tuple[ColumnElement[bool], ...], contact: str, since: str) -> Clauses:
    """While one types, the filters beside the words stay the same."""
    # Inside a query, so that what looks into other tables knows which row is meant.
    compiled = _QUERY.where(*demands).compile(dialect=_NAMED, compile_kwargs={"render_postcompile": True})
    condition = str(compiled).removeprefix(_BEFORE).replace(_CONTACT, contact).replace(_SINCE, since)
    processors: Mapping[str, Any] = compiled._bind_processors
    values = {
        name: processors[name](value) if name in processors else value
        for name, value in compiled.construct_params().items()
    }
    # Values are never a part of the text, so a table's name stands in it only where something is asked of it.
    tables = frozenset(table for table in (conversations, contacts) if f"{table.name}." in condition)
    return Clauses(f"({condition})", values, tables)


def joined_to(tables: Collection[Any], contact: str) -> str:
    """Those of ``tables`` that are conversations or contacts, each by its key and after what was read before."""
    joined = ""
    if conversations in tables:
        joined += f" CROSS JOIN conversations ON conversations.contact_id = {contact}"
    if contacts in tables:
        joined += f" CROSS JOIN contacts ON contacts.id = {contact}"
    return joined
