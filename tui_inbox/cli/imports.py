"""``import``: bring a list of contacts in, or contacts with all that was said."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from tui_inbox.cli.output import emit_json, emit_record, json_option
from tui_inbox.cli.session import Session, common_options, tell
from tui_inbox.domain.errors import UsageError

if TYPE_CHECKING:
    from tui_inbox.bootstrap import Services
    from tui_inbox.services.importing import ImportReport, RefusedRow

MOST_TOLD = 20
"""Rows of each kind that are told to a person; ``--json`` tells all."""


@click.group("import")
def import_group() -> None:
    """Bring data in."""


@import_group.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Tell what would be done; nothing is written.")
@click.option("--map", "pairs", multiple=True, metavar="HEADER=FIELD", help="Which column is what; repeatable.")
@click.option("--region", default="", metavar="CC", help="Country of phone numbers written without +, for example DE.")
@click.option("--channel", "channels", multiple=True, metavar="NAME", help="Channel to reach them on; repeatable.")
@click.option("--refused", type=click.Path(path_type=Path), metavar="FILE", help="Write rows that can't be used there.")
@json_option
@common_options
@click.pass_obj
def contacts(
    session: Session,
    file: Path,
    dry_run: bool,
    pairs: tuple[str, ...],
    region: str,
    channels: tuple[str, ...],
    refused: Path | None,
    as_json: bool,
) -> None:
    """Add the contacts of a CSV file: names, email, phone, language, country, tags.

    Rows of contacts that exist, and rows that cannot be used, are told and skipped. After an interruption the same
    command goes on.
    """
    mapping = _mapping(pairs)
    told = _Told(everything=as_json)
    with contextlib.ExitStack() as stack:

        async def work(services: Services) -> ImportReport:
            checked = await services.importing.check(file, mapping=mapping, region=region)
            if refused is not None:
                header = [*checked.header, "row", "reason"]
                goes_on = await services.importing.came_before(checked) > 0
                out = stack.enter_context(_begun_file(refused, header) if goes_on else _new_file(refused))
                told.write_to(out, header)
            bar = click.progressbar(length=checked.rows, label="importing", file=sys.stderr, hidden=not checked.long)
            stack.enter_context(bar)
            return await services.importing.run(
                checked,
                dry_run=dry_run,
                channels=channels or None,
                refused=told.add,
                progress=lambda row: bar.update(row - bar.pos),
            )

        report = session.run(work, create=not dry_run)
    if as_json:
        emit_json(_record(report, told))
        return
    click.echo(
        f"{'would add' if report.dry_run else 'added'} {report.added}, "
        f"skipped {report.known} known and {report.bad} that cannot be used"
    )
    told.say(report)


class _Told:
    """The rows that are not taken: some of them to be told, all that can't be used into a file."""

    def __init__(self, *, everything: bool) -> None:
        self._everything = everything
        self.bad: list[RefusedRow] = []
        self.known: list[RefusedRow] = []
        self._writer: Any = None
        self._width = 0

    def write_to(self, out: TextIO, header: Sequence[str]) -> None:
        """Write rows as they came, each with its number and the reason: to be mended and given again."""
        self._writer, self._width = csv.writer(out), len(header)
        if not out.tell():
            self._writer.writerow(header)

    def add(self, row: RefusedRow) -> None:
        """Keep one more."""
        kept = self.known if row.known else self.bad
        if self._everything or len(kept) < MOST_TOLD:
            kept.append(row)
        if self._writer and not row.known:
            last = (str(row.number), row.reason)
            self._writer.writerow([*row.cells, *[""] * (self._width - len(last) - len(row.cells)), *last])

    def say(self, report: ImportReport) -> None:
        """Tell a person."""
        if report.came_before:
            tell(f"rows up to {report.came_before} came in before this import was cut off and are passed over")
        for rows, whole in ((self.bad, report.bad), (self.known, report.known)):
            for row in rows:
                tell(f"row {row.number}: {row.reason}")
            if whole > len(rows):
                tell(f"and {whole - len(rows)} more; --json tells all")
        if report.ignored_columns:
            tell(f"columns not used: {', '.join(report.ignored_columns)}. Say what they are with --map HEADER=FIELD.")


def _begun_file(file: Path, header: Sequence[str]) -> TextIO:
    """The file of an import that was cut off, to go on in; a new one where it is none."""
    with contextlib.suppress(OSError, ValueError, csv.Error):
        with file.open(encoding="utf-8", newline="") as there:
            first = next(csv.reader(there), None)
        if first == list(header):
            out = file.open("a", buffering=1, encoding="utf-8", newline="")
            out.seek(0, os.SEEK_END)
            return out
    return _new_file(file)


def _new_file(file: Path) -> TextIO:
    try:
        made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        # Line by line: what was told of an import that is cut off is not told again.
        return os.fdopen(made, "w", buffering=1, encoding="utf-8", newline="")
    except FileExistsError:
        raise UsageError(f"{file} is there already; give another name for --refused.") from None
    except OSError as error:
        raise UsageError(f"{file} can't be written: {(error.strerror or 'unknown error').lower()}.") from error


@import_group.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Tell what would be done; nothing is written.")
@click.option(
    "--refused", type=click.Path(path_type=Path), metavar="FILE", help="Write lines that can't be used there."
)
@json_option
@common_options
@click.pass_obj
def conversations(session: Session, file: Path, dry_run: bool, refused: Path | None, as_json: bool) -> None:
    """Add the contacts of a file of JSON lines with their threads, as ``export conversations`` writes it.

    Contacts that are there already are passed over, so that the same command goes on after an interruption. Nothing
    in the file is ever sent: what was not sent yet comes as taken back.
    """
    from tui_inbox.services.importing_threads import RefusedLine, ThreadsReport

    bad: list[tuple[int, str]] = []
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(_new_file(refused)) if refused is not None else None
        bar = stack.enter_context(click.progressbar(length=_size(file), label="importing", file=sys.stderr))

        def told(line: RefusedLine) -> None:
            if line.known:
                return
            if len(bad) < MOST_TOLD:
                bad.append((line.number, line.reason))
            if out is not None:
                out.write(json.dumps({"line": line.number, "reason": line.reason, "raw": line.text}) + "\n")

        async def work(services: Services) -> ThreadsReport:
            return await services.importing_threads.run(file, refused=told, progress=bar.update, dry_run=dry_run)

        report = session.run(work, create=not dry_run)
    sentence = (
        f"{'would add' if dry_run else 'added'} {report.added:,} with {report.messages:,} messages, "
        f"skipped {report.known:,} known and {report.bad:,} that cannot be used"
    )
    record = {"added": report.added, "messages": report.messages, "known": report.known, "bad": report.bad}
    emit_record({**record, "dry_run": dry_run}, as_json=as_json, sentence=sentence)
    for number, reason in bad:
        tell(f"line {number}: {reason}")
    if report.bad > len(bad):
        tell(f"and {report.bad - len(bad):,} more; --refused FILE keeps all")


def _size(file: Path) -> int:
    try:
        return max(1, file.stat().st_size)
    except OSError as error:
        raise UsageError(f"{file} can't be read: {(error.strerror or 'unknown error').lower()}.") from error


def _mapping(pairs: tuple[str, ...]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        header, equals, field = pair.rpartition("=")
        if not equals or not header.strip() or not field.strip():
            raise UsageError(f"'{pair}' is not HEADER=FIELD. Write for example --map 'E-Mail 1=email'")
        mapping[header.strip()] = field.strip()
    return mapping


def _record(report: ImportReport, told: _Told) -> dict[str, object]:
    return {
        "added": report.added,
        "dry_run": report.dry_run,
        "duplicates": [{"row": row.number, "reason": row.reason} for row in told.known],
        "bad": [{"row": row.number, "reason": row.reason} for row in told.bad],
        "channels": report.channels,
        "ignored_columns": report.ignored_columns,
        "came_before": report.came_before,
    }
