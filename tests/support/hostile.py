"""Hostile and awkward inputs: our own corpus, and the one that ``TUI_INBOX_TESTDATA`` points to beside it.

The variable names a folder with ``hostile-inputs.json``, or that file itself. Both files have the same form.
"""

from __future__ import annotations

import ast
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

OWN = Path(__file__).parent / "data" / "hostile.json"
VARIABLE = "TUI_INBOX_TESTDATA"


@dataclass(frozen=True)
class Hostile:
    """One input."""

    id: str
    category: str
    fields: tuple[str, ...]
    attack: str
    expect: tuple[str, ...]
    value: str | bytes

    @property
    def text(self) -> str:
        """The value of a text input."""
        assert isinstance(self.value, str), self.id
        return self.value


@cache
def inputs() -> tuple[Hostile, ...]:
    """Every input of both corpora."""
    paths = [OWN, *_shared()]
    return tuple(_read(row) for path in paths for row in json.loads(path.read_text())["inputs"])


def texts(*fields: str) -> list[Hostile]:
    """The text inputs that are meant for any of ``fields``; without fields, all of them."""
    return [one for one in inputs() if isinstance(one.value, str) and (not fields or set(fields) & set(one.fields))]


def bodies() -> list[Hostile]:
    """The inputs that are bytes, for the receiver."""
    return [one for one in inputs() if isinstance(one.value, bytes)]


def _shared() -> list[Path]:
    told = os.environ.get(VARIABLE)
    if not told:
        return []
    path = Path(told)
    return [path / "hostile-inputs.json" if path.is_dir() else path]


def _read(row: dict[str, Any]) -> Hostile:
    parts = [ast.literal_eval(part["py"]) * part.get("repeat", 1) for part in row["parts"]]
    value: str | bytes = b"".join(parts) if row["kind"] == "bytes" else "".join(parts)
    return Hostile(row["id"], row["category"], tuple(row["fields"]), row["attack"], tuple(row["expect"]), value)
