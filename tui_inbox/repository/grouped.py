"""Rows of another table as one column: a JSON array of arrays, in the order of the rows; nothing for no rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class Grouped(GenericFunction[Any]):
    """``Grouped(a, b)``: ``[[a, b], …]`` over the rows of a query. Instants are numbers in it, as they are stored."""

    type = Text()
    inherit_cache = True
    name = "grouped"


@compiles(Grouped, "sqlite")
def _sqlite(element: Grouped, compiler: Any, **keywords: Any) -> str:
    return f"json_group_array(json_array({compiler.process(element.clauses, **keywords)}))"


@compiles(Grouped, "postgresql")
def _postgresql(element: Grouped, compiler: Any, **keywords: Any) -> str:
    return f"CAST(json_agg(json_build_array({compiler.process(element.clauses, **keywords)})) AS text)"
