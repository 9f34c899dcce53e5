"""``import contacts``: bring a list of contacts in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui_inbox.cli.output import emit_json, json_option
from tui_inbox.cli.session import Session, common_options, tell
from tui_inbox.domain.errors import UsageError

if TYPE_CHECKING:
    from tui_inbox.bootstrap import Services
    from tui_inbox.services.importing import ImportReport

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
    as_json: bool,
) -> None:
    """Add the contacts of a CSV file: names, email, phone, language, country, tags.

    Rows of contacts that exist, and rows that cannot be used, are told and skipped.
    """
    mapping = _mapping(pairs)

    async def work(services: Services) -> ImportReport:
        return await services.importing.import_contacts(
            file, dry_run=dry_run, mapping=mapping or None, region=region, channels=channels or None
        )

    report = session.run(work, create=not dry_run)
    if as_json:
        emit_json(_record(report))
        return
    click.echo(
        f"{'would add' if report.dry_run else 'added'} {report.added}, "
        f"skipped {len(report.duplicates)} known and {len(report.bad)} that cannot be used"
    )
    for rows in (report.bad, report.duplicates):
        for number, reason in rows[:MOST_TOLD]:
            tell(f"row {number}: {reason}")
        if len(rows) > MOST_TOLD:
            tell(f"and {len(rows) - MOST_TOLD} more; --json tells all")
    if report.ignored_columns:
        tell(f"columns not used: {', '.join(report.ignored_columns)}. Say what they are with --map HEADER=FIELD.")


def _mapping(pairs: tuple[str, ...]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        header, equals, field = pair.rpartition("=")
        if not equals or not header.strip() or not field.strip():
            raise UsageError(f"'{pair}' is not HEADER=FIELD. Write for example --map 'E-Mail 1=email'")
        mapping[header.strip()] = field.strip()
    return mapping


def _record(report: ImportReport) -> dict[str, object]:
    return {
        "added": report.added,
        "dry_run": report.dry_run,
        "duplicates": [{"row": number, "reason": reason} for number, reason in report.duplicates],
        "bad": [{"row": number, "reason": reason} for number, reason in report.bad],
        "channels": report.channels,
        "ignored_columns": report.ignored_columns,
    }
