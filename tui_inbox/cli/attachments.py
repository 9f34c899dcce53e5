"""``attachment``: the files of conversations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui_inbox.cli.output import emit_record, emit_rows, json_option, list_options
from tui_inbox.cli.session import Session, common_options, tell

if TYPE_CHECKING:
    from tui_inbox.bootstrap import Services
    from tui_inbox.domain.attachments import Attachment

COLUMNS = ("id", "seq", "kind", "name", "size", "state", "error")


@click.group()
def attachment() -> None:
    """Files that customers sent, and those sent to them."""


@attachment.command("list")
@click.argument("contact")
@list_options
@common_options
@click.pass_obj
def list_(session: Session, contact: str, as_json: bool, as_csv: bool) -> None:
    """List the files of a conversation; ``seq`` is the entry of the thread, as ``show`` numbers them."""

    async def work(services: Services) -> list[Attachment]:
        return await services.attachments.of_contact(await services.contacts.resolve(contact))

    rows = [record(file) for file in session.run(work)]
    emit_rows(rows, COLUMNS, as_json=as_json, as_csv=as_csv)
    if not rows:
        tell("There are no files in this conversation.")


@attachment.command()
@click.argument("number", type=int, metavar="ID")
@click.argument("target", type=click.Path(path_type=Path), default=Path())
@json_option
@common_options
@click.pass_obj
def save(session: Session, number: int, target: Path, as_json: bool) -> None:
    """Write file ID to TARGET: a name, or a directory (by default this one). Nothing is written over."""

    async def work(services: Services) -> Path:
        return await services.attachments.save(number, target)

    target = target.expanduser()
    place = session.run(work)
    emit_record({"id": number, "path": str(place)}, as_json=as_json, sentence=str(place))


@attachment.command()
@click.argument("number", type=int, metavar="ID")
@common_options
@click.pass_obj
def fetch(session: Session, number: int) -> None:
    """Ask the channel again for file ID, which could not be fetched; the sender (tui-inbox deliver) does it."""
    session.run(lambda services: services.attachments.again(number))


def record(file: Attachment) -> dict[str, Any]:
    """A file as JSON shows it."""
    return {
        "id": file.id,
        "seq": file.seq,
        "kind": file.kind,
        "name": file.name,
        "media_type": file.media_type,
        "size": file.size,
        "state": file.state,
        "error": file.error or None,
    }
