"""What a statement must read beside its own table for the conditions on conversations and contacts in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, func, literal_column
from sqlalchemy.sql import visitors

from tui_inbox.repository.tables import contacts, conversations
from tui_inbox.repository.types import Instant

NEVER: ColumnElement[Any] = literal_column("0", Instant)
SINCE: ColumnElement[Any] = func.coalesce(conversations.c.waiting_since, NEVER)
"""Since when a customer waits, as the search index knows it; so said, the index of those who wait does not tempt the
database into sorting the many who don't."""


def tables_of(demands: Iterable[ColumnElement[bool]]) -> frozenset[Table]:
    """Tables of which something is asked; a conversation's contact is known without it."""
    found = (item for demand in demands for item in visitors.iterate(demand) if isinstance(item, Column))
    return frozenset(item.table for item in found if not _is_contact(item))


def joined(
    table: Table,
    contact: Column[int],
    demands: Sequence[ColumnElement[bool]],
    since: ColumnElement[Any] | None = None,
) -> tuple[Any, list[ColumnElement[bool]]]:
    """``table`` joined with what the demands need, and the demands with ``contact`` in place of the conversation's.

    ``since``: what stands for :data:`SINCE`, where the table has it.
    """

    def known(item: object, **_: object) -> ColumnElement[Any] | None:
        if item is SINCE:
            return since
        return contact if _is_contact(item) else None

    replaced: Any = visitors.replacement_traverse  # its types know no such function
    wanted = [replaced(demand, {}, known) for demand in demands]
    read: Any = table
    tables = tables_of(wanted)
    if conversations in tables:
        read = read.join(conversations, conversations.c.contact_id == contact)
    if contacts in tables:
        read = read.join(contacts, contacts.c.id == contact)
    return read, wanted


def _is_contact(item: object) -> bool:
    return isinstance(item, Column) and item.table is conversations and item.name == "contact_id"
