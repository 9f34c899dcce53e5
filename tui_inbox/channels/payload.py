"""Reading JSON that comes from outside: webhook bodies and answers of channels.

The parser raises :class:`PayloadError` and nothing else; the getters never raise, whatever type a value has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from tui_inbox.channels.port import PayloadError

LATEST_SECOND = 253_402_300_799
"""31 December 9999, 23:59:59 UTC."""
UNSTORABLE = re.compile("[\ud800-\udfff\x00]")
"""Lone surrogates cannot be written as UTF-8, and NUL cannot be stored by PostgreSQL."""


def parse_json(body: bytes) -> object:
    """The value in ``body`` (strict UTF-8 JSON). Raises :class:`PayloadError` for all else, depth bombs included."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise PayloadError("the body is nested too deeply") from None
    except ValueError:  # also UnicodeDecodeError, and integers of more digits than Python converts
        raise PayloadError("the body is not valid JSON in UTF-8") from None


def parse_mapping(body: bytes) -> Mapping[str, Any]:
    """The object in ``body``. Raises :class:`PayloadError` when it is not one."""
    value = parse_json(body)
    if not isinstance(value, dict):
        raise PayloadError("the body is not a JSON object")
    return value


def parse_form(body: bytes) -> list[tuple[str, str]]:
    """The fields of a posted form as they are, in order, empty ones too. Raises :class:`PayloadError`."""
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="replace", max_num_fields=1000
        )
    except ValueError:  # also UnicodeDecodeError
        raise PayloadError("the body is not a form") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def mapping(value: object) -> Mapping[str, Any]:
    """``value`` when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """The objects in ``value`` when it is an array; anything else in it is left out."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def text(value: object) -> str:
    """``value`` as storable text: strings, and whole numbers in digits; empty for anything else.

    Characters that no database takes (lone surrogates, NUL) become U+FFFD. Not cleaned for a terminal.
    """
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    number = integer(value)
    return "" if number is None else str(number)


def integer(value: object) -> int | None:
    """``value`` as a whole number of at most 19 digits, also from a string of digits; ``None`` for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**19 else None
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
        return int(value)
    return None


def number(value: object) -> float | None:
    """``value`` as a finite number of sensible size; ``None`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e15 < value < 1e15:
        return None
    return float(value)


def instant(value: object, received_at: datetime) -> datetime:
    """Event time from seconds or milliseconds since 1970 (a number or a string of digits).

    Seconds and milliseconds are told apart by size. What makes no sense is taken at ``received_at``: the event did
    happen, and no later than that. A time in the future stays what the channel says: whoever handles the event must
    see that a clock is wrong.
    """
    found = integer(value)
    if found is None or found <= 0:
        return received_at
    seconds, milliseconds = (found, 0) if found < 10**11 else divmod(found, 1000)
    if seconds > LATEST_SECOND:
        return received_at
    return datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=milliseconds)
