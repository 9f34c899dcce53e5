"""``among(column, ids)``: a column is one of many numbers, which go to the database as one value.

A list of bound numbers (``IN (?, ?, …)``) is another statement for each length of it, and of some hundred numbers
putting that statement together takes longer than the database needs to answer it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Self

from sqlalchemy import Boolean, ColumnElement, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class Among(GenericFunction[bool]):
    """``Among(column, numbers)``, the numbers as a JSON array."""

    type = Boolean()
    inherit_cache = True
    name = "among"

    def self_group(self, against: Any = None) -> Self:
        """Itself: ``… = 1`` around it, which booleans get elsewhere, would hide it from the indexes."""
        return self


def among(column: ColumnElement[Any], ids: Collection[int]) -> ColumnElement[bool]:
    """The column, an integer, is one of ``ids``."""
    return Among(column, literal(json.dumps(list(ids)), Text()))


@compiles(Among, "sqlite")
def _sqlite(element: Among, compiler: Any, **keywords: Any) -> str:
    column, numbers = (compiler.process(part, **keywords) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({numbers}))"


@compiles(Among, "postgresql")
def _postgresql(element: Among, compiler: Any, **keywords: Any) -> str:
    column, numbers = (compiler.process(part, **keywords) for part in element.clauses)
    return f"{column} = ANY (CAST(translate({numbers}, '[] ', '{{}}') AS bigint[]))"
