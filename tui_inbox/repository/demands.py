"""What a filter demands of conversations and their contacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, literal_column
from sqlalchemy.types import TypeEngine

from tui_inbox.repository.tables import conversations
from tui_inbox.repository.types import Instant

NEVER: ColumnElement[Any] = literal_column("0", Instant)
SINCE: ColumnElement[Any] = func.coalesce(conversations.c.waiting_since, NEVER)
"""Since when a customer waits, as the search index knows it; so said, the index of those who wait does not tempt the
database into sorting the many who don't."""


def named(name: str, kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """A parameter whose value comes with the :class:`Demands`."""
    return bindparam(name, type_=kind, required=False)


@dataclass(frozen=True)
class Demands:
    """Conditions, all of which must be met."""

    conditions: tuple[ColumnElement[bool], ...] = ()
    """The same objects for the same question wherever that can be: what is made of them is kept."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Of the parameters in them that are :func:`named`."""

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def __add__(self, other: Demands) -> Demands:
        return Demands(self.conditions + other.conditions, {**self.values, **other.values})

    def and_also(self, *conditions: ColumnElement[bool] | None) -> Demands:
        """These and ``conditions`` that have all their values; ``None`` is none."""
        more = tuple(condition for condition in conditions if condition is not None)
        return Demands(self.conditions + more, self.values) if more else self
