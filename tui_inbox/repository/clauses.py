"""Conditions as text, for statements that are written as text: those that are asked with every key.

To put such a statement together from expressions takes longer than the database needs to answer it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Select, literal_column, select
from sqlalchemy.dialects import sqlite

from tui_inbox.repository.demands import SINCE, Demands
from tui_inbox.repository.search_index import Hit
from tui_inbox.repository.tables import contacts, conversations

_QUERY: Select[Any] = select(literal_column("1")).select_from(conversations, contacts)
_CONTACT = "conversations.contact_id"


@dataclass(frozen=True)
class Clauses:
    """Conditions as text, and what they are bound to."""

    text: str
    values: Mapping[str, Any]
    tables: frozenset[Any] = frozenset()


def rendered_of(engine: str, demands: Demands, contact: str = _CONTACT, since: str = "") -> Clauses:
    """Conditions as text for a statement in which ``contact`` is the key of the contact they are about.

    ``engine``: the name of the dialect; ``since``: what stands for :data:`SINCE`, where the statement has it.
    """
    if not demands:
        return Clauses("", {})
    rendered = _rendered(engine, demands.conditions, contact, since)
    return replace(rendered, values={**rendered.values, **demands.values}) if demands.values else rendered


@lru_cache(maxsize=256)
def _rendered(engine: str, demands: tuple[ColumnElement[bool], ...], contact: str, since: str) -> Clauses:
    """While one types, the filters beside the words stay the same, and words of one kind have the same conditions."""
    dialect = _named(engine)
    # Inside a query, so that what looks into other tables knows which row is meant.
    compiled = _QUERY.where(*demands).compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    condition = str(compiled).removeprefix(f"{_QUERY.compile(dialect=dialect)} \nWHERE ").replace(_CONTACT, contact)
    if since:
        condition = condition.replace(str(SINCE.compile(dialect=dialect)), since)
    processors: Mapping[str, Any] = compiled._bind_processors
    values = {
        name: processors[name](value) if name in processors else value
        for name, value in compiled.construct_params().items()
    }
    # Values are never a part of the text, so a table's name stands in it only where something is asked of it.
    tables = frozenset(table for table in (conversations, contacts) if f"{table.name}." in condition)
    return Clauses(f"({condition})", values, tables)


@lru_cache
def _named(engine: str) -> Dialect:
    """An engine that names its parameters ``:name``, as :func:`tui_inbox.repository.straight.rows_of` takes them."""
    if engine == "sqlite":
        return sqlite.dialect(paramstyle="named")
    from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

    return PGDialect_asyncpg(paramstyle="named")  # type: ignore[no-untyped-call]


def joined_to(tables: Collection[Any], contact: str, join: str = "CROSS JOIN") -> str:
    """Those of ``tables`` that are conversations or contacts, each by its key and after what was read before.

    ``join``: the word for it; SQLite reads what it calls a cross join in the order that is written.
    """
    joined = ""
    if conversations in tables:
        joined += f" {join} conversations ON conversations.contact_id = {contact}"
    if contacts in tables:
        joined += f" {join} contacts ON contacts.id = {contact}"
    return joined


def beyond(key: str, place: Hit | None, *, descending: bool) -> Clauses:
    """That a row comes after ``place`` in the order of ``key``, two columns; nothing without a place."""
    if place is None:
        return Clauses("", {})
    return Clauses(
        f"({key}) {'<' if descending else '>'} (:beyond_at, :beyond_id)",
        {"beyond_at": place.at, "beyond_id": place.contact_id},
    )
