"""``export``: contacts as CSV, conversations as JSON lines, in steps, so that size does not matter."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from tui_inbox.cli.output import json_line
from tui_inbox.cli.session import Session, common_options, tell
from tui_inbox.domain.errors import UsageError

if TYPE_CHECKING:
    from tui_inbox.bootstrap import Services

STDOUT = "-"


@click.group("export")
def export_group() -> None:
    """Write data out."""


@export_group.command()
@click.argument("file", default=STDOUT)
@common_options
@click.pass_obj
def contacts(session: Session, file: str) -> None:
    """Write every contact as CSV into FILE, by default to stdout; ``import contacts`` reads it."""

    async def work(services: Services) -> int:
        from tui_inbox.services.exporting import COLUMNS, csv_cells

        number = 0
        with _written(file) as out:
            writer = csv.writer(out, lineterminator="\r\n")
            writer.writerow(COLUMNS)
            async for contact in services.exporting.contacts():
                writer.writerow(csv_cells(contact))
                number += 1
        return number

    tell(f"{session.run(work):,} contacts")


@export_group.command()
@click.argument("file", default=STDOUT)
@common_options
@click.pass_obj
def conversations(session: Session, file: str) -> None:
    """Write every contact with its thread as a JSON line into FILE, by default to stdout; ``import conversations``
    reads it."""

    async def work(services: Services) -> int:
        number = 0
        with _written(file) as out:
            async for record in services.exporting.conversations():
                out.write(json_line(record) + "\n")
                number += 1
        return number

    tell(f"{session.run(work):,} conversations")


@contextlib.contextmanager
def _written(file: str) -> Iterator[TextIO]:
    """Where to write. A file (0600) is there when it is whole, or not at all; one that is there is not touched."""
    if file == STDOUT:
        if sys.stdout.isatty():
            raise UsageError("The export holds what customers wrote, as it came: name a file, or redirect the output.")
        plain = io.TextIOWrapper(sys.stdout.buffer, "utf-8", newline="")
        try:
            yield plain
        finally:
            plain.detach()  # which writes the rest, and leaves stdout open
        return
    target = Path(file)
    if target.exists():
        raise UsageError(f"{target} is there already; give another name.")
    try:
        descriptor, name = tempfile.mkstemp(dir=target.absolute().parent, prefix=f".{target.name}.")
    except OSError as error:
        raise UsageError(f"{target} can't be written: {(error.strerror or 'unknown error').lower()}.") from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        Path(name).rename(target)
    except OSError as error:
        raise UsageError(f"{target} can't be written: {(error.strerror or 'unknown error').lower()}.") from error
    finally:
        Path(name).unlink(missing_ok=True)
