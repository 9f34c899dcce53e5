"""How commands print: JSON lines, CSV, or a table for people. Data goes to stdout, everything else to stderr.

Customers' text is untrusted: JSON escapes it, CSV and tables pass the cleaner.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
Row = Mapping[str, Any]
GAP = "  "
NARROWEST = 6
"""Cells that a column keeps when a table is squeezed into the terminal."""


def json_option(command: Command) -> Command:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def list_options(command: Command) -> Command:
    """``--json`` and ``--csv``."""
    command = click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")(command)
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")(command)


def plain(value: Any) -> Any:
    """A value as JSON knows it: instants in ISO 8601 with +00:00, enumerations by their values."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return value


def emit_json(value: Any) -> None:
    """One JSON value on one line, in ASCII, so that nothing in it can act on a terminal."""
    click.echo(json_line(value))


def json_line(value: Any) -> str:
    """A value as JSON on one line, without its end."""
    return json.dumps(plain(value))


def emit_rows(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool, as_csv: bool = False) -> None:
    """A list: all fields as JSON lines, ``columns`` as CSV or as a table."""
    if as_json:
        for row in rows:
            emit_json(row)
    elif as_csv:
        _emit_csv(rows, columns)
    elif rows:
        _emit_table(rows, columns)


def emit_record(record: Row, *, as_json: bool, sentence: str = "") -> None:
    """One thing: as JSON, or as ``sentence``, or as a line per field that has a value."""
    from tui_inbox.text import terminal_safe

    if as_json:
        emit_json(record)
    elif sentence:
        click.echo(terminal_safe(sentence))
    else:
        cells = {name: cell(value) for name, value in record.items()}
        width = max((len(name) for name, value in cells.items() if value), default=0)
        for name, value in cells.items():
            if value:
                click.echo(f"{name.ljust(width)}{GAP}{terminal_safe(value)}".rstrip())


def cell(value: Any) -> str:
    """A value as one cell of a table."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(cell(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={cell(item)}" for name, item in value.items())
    return str(value)


def _emit_csv(rows: Iterable[Row], columns: Sequence[str]) -> None:
    from tui_inbox.text import csv_cell, terminal_safe

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([csv_cell(terminal_safe(cell(row.get(column)))) for column in columns])
    click.echo(text.getvalue(), nl=False)


def _emit_table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(_line(cell(row.get(column))) for column in columns))
        return
    table = [[_line(_short(row.get(column))) for column in columns] for row in rows]
    # A column that is empty everywhere would only take the place of the others.
    used = [index for index in range(len(columns)) if any(line[index] for line in table)]
    heads = [columns[index].replace("_", " ").upper() for index in used]
    _emit_aligned([heads, *([line[index] for index in used] for line in table)], shutil.get_terminal_size().columns)


def _line(text: str) -> str:
    from tui_inbox.text import terminal_safe

    return " ".join(terminal_safe(text).split())


def _short(value: Any) -> str:
    """A cell for reading: instants in local time, to the minute."""
    return f"{value.astimezone():%Y-%m-%d %H:%M}" if isinstance(value, datetime) else cell(value)


def _emit_aligned(table: Sequence[Sequence[str]], width: int) -> None:
    from tui_inbox.text import cells, clip, fit

    widths = [max(cells(line[index]) for line in table) for index in range(len(table[0]))]
    while sum(widths) + len(GAP) * (len(widths) - 1) > width and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    for line in table:
        fitted = [fit(text, size) for text, size in zip(line[:-1], widths, strict=False)]
        click.echo(GAP.join([*fitted, clip(line[-1], widths[-1])]).rstrip())
