"""Column types: how instants, text and structured values are kept.

Every text passes :func:`storable` on its way in, whatever query carries it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, Integer, Text, type_coerce
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Identifier = BigInteger().with_variant(Integer(), "sqlite")
"""Database-made integer key: SQLite numbers rows only for the plain INTEGER type."""


def storable(text: str) -> str:
    """``text`` without NUL and lone surrogates, which databases refuse or cut at: each becomes U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def storable_value(value: Any) -> Any:
    """A structure of mappings, sequences and scalars with every text in it storable."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(str(key)): storable_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [storable_value(item) for item in value]
    return value


def microseconds(at: datetime) -> int:
    """Microseconds since 1970 of an aware datetime, exact."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (at - EPOCH) // MICROSECOND


def instant(value: int) -> datetime:
    """The aware UTC datetime of :func:`microseconds`."""
    return EPOCH + timedelta(0, 0, value)


def structured(text: str) -> Any:
    """The structure of such a text."""
    return {} if text == "{}" else json.loads(text)  # most are empty, and a list has one in each row


class Instant(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970, UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else instant(int(value))


def stored(column: ColumnElement[datetime]) -> ColumnElement[int]:
    """An instant as the number it is kept as."""
    return type_coerce(column, BigInteger)


class Words(TypeDecorator[str]):
    """Text, also the value of a text enumeration."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(str(value))


class Structure(TypeDecorator[Any]):
    """Mappings and sequences as JSON text; read back as plain dictionaries and lists."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(storable_value(value), ensure_ascii=False, default=str)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:
        return None if value is None else structured(value)
