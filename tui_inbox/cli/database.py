"""``db``: the database as a whole. Needs no agent: whoever may read the file may do all this."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from tui_inbox.cli.output import emit_record, emit_rows, json_option
from tui_inbox.cli.session import FAILED, Session, common_options, require_database, tell


@click.group("db")
def database() -> None:
    """Check, upgrade, back up and copy the database."""


@database.command()
@click.option("--repair", is_flag=True, help="Make anew what can be: search index and kept numbers.")
@json_option
@common_options
@click.pass_obj
def check(session: Session, repair: bool, as_json: bool) -> None:
    """Check the whole database, its search index and its numbers. Exit code 1 when something fails.

    Takes about a minute for each million contacts.
    """
    settings = session.settings()
    require_database(settings.database)
    from tui_inbox.services import maintenance
    from tui_inbox.services.doctor import State

    checks = asyncio.run(maintenance.check(settings, repair=repair))
    rows = [{"check": item.name, "state": item.state, "message": item.message} for item in checks]
    emit_rows(rows, ("state", "check", "message"), as_json=as_json)
    failed = [item for item in checks if item.state is State.FAILED]
    if failed:
        tell(f"{len(failed)} of {len(checks)} checks failed")
        raise click.exceptions.Exit(FAILED)


@database.command()
@json_option
@common_options
@click.pass_obj
def upgrade(session: Session, as_json: bool) -> None:
    """Bring the database to the schema of this program. Back it up before."""
    settings = session.settings()
    require_database(settings.database)
    from tui_inbox.services import maintenance

    done = asyncio.run(maintenance.upgrade(settings))
    same = f"schema {done.after}, up to date already"
    sentence = same if done.before == done.after else f"schema {done.before or 'none'} brought to {done.after}"
    emit_record({"from": done.before or None, "to": done.after}, as_json=as_json, sentence=sentence)


@database.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@common_options
@click.pass_obj
def backup(session: Session, file: Path, as_json: bool) -> None:
    """Copy the database into a new FILE, while others may use it, and check the copy."""
    settings = session.settings()
    require_database(settings.database)
    from tui_inbox.services import maintenance

    with click.progressbar(length=1, label="copying", file=sys.stderr) as bar:

        def progress(done: int, whole: int) -> None:
            bar.length = whole
            bar.update(done - bar.pos)

        made = asyncio.run(maintenance.backup(settings, file, progress))
    record = {"file": str(made.file), "size_bytes": made.size_bytes, "schema": made.schema}
    emit_record(record, as_json=as_json, sentence=f"{made.file}, {made.size_bytes:,} bytes, checked")


@database.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@json_option
@common_options
@click.pass_obj
def copy(session: Session, source: str, target: str, as_json: bool) -> None:
    """Copy the workspace at the address FROM into the empty database TO, say from a file to a server.

    Stop all programs before. Run again after an interruption, it goes on where it stopped. At the end every row is
    compared; until then no program opens TO.
    """
    session.settings()
    require_database(source)
    from tui_inbox.services import moving

    with click.progressbar(length=1, file=sys.stderr) as bar:

        def progress(doing: str, done: int, whole: int) -> None:
            bar.label, bar.length = doing, max(1, whole)
            bar.update(done - bar.pos)

        moved = asyncio.run(moving.copy(source, target, progress))
    number = sum(moved.rows.values())
    emit_record({"rows": number, "tables": moved.rows}, as_json=as_json, sentence=f"{number:,} rows, all compared")
