"""``send``: queue a message under the same rules as the screen."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui_inbox.cli.output import emit_record, json_option
from tui_inbox.cli.session import FAILED, Session, acting_agent, common_options, tell
from tui_inbox.domain.errors import NotFoundError, UsageError
from tui_inbox.domain.kinds import DeliveryState

if TYPE_CHECKING:
    from tui_inbox.bootstrap import Services
    from tui_inbox.domain.models import Agent
    from tui_inbox.services.contacts import ContactView
    from tui_inbox.services.sending import SendPreview, SendResult, TemplateChoice

LONGEST_INPUT = 1_000_000
"""Characters read from standard input; more is no message."""
LONGEST_WAIT = 3600.0
LOOK_EVERY = 0.1
"""Seconds."""
UNCERTAIN = 6
ON_THEIR_WAY = frozenset({DeliveryState.QUEUED, DeliveryState.LEASED, DeliveryState.SENDING})


@click.command()
@click.argument("contact")
@click.option("--channel", metavar="NAME", help="Channel to write on; without it the one last used.")
@click.option("--text", metavar="TEXT", help="The text; - reads it from standard input.")
@click.option(
    "--file",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A file to send, with the text or alone; repeatable where the channel takes several.",
)
@click.option("--template", metavar="NAME", help="An approved template.")
@click.option("--language", metavar="CODE", help="Language of the template, for example en or pt_BR.")
@click.option("--param", "params", multiple=True, metavar="KEY=VALUE", help="Value of a placeholder; repeatable.")
@click.option("--tag", type=click.Choice(["HUMAN_AGENT"]), help="Reason that the channel accepts for writing late.")
@click.option("--dry-run", is_flag=True, help="Print the consequences only; nothing is sent or changed.")
@click.option("--key", metavar="KEY", help="The same key twice is one message.")
@click.option(
    "--seen",
    type=click.IntRange(0),
    metavar="SEQ",
    help="Stop if the customer or another agent wrote after entry SEQ (as show --json numbers them).",
)
@click.option("--wait", type=click.FloatRange(0, LONGEST_WAIT), metavar="SECONDS", help="Wait for what becomes of it.")
@json_option
@common_options
@click.pass_obj
def send(
    session: Session,
    contact: str,
    channel: str | None,
    text: str | None,
    paths: tuple[Path, ...],
    template: str | None,
    language: str | None,
    params: tuple[str, ...],
    tag: str | None,
    dry_run: bool,
    key: str | None,
    seen: int | None,
    wait: float | None,
    as_json: bool,
) -> None:
    """Queue a message to a contact.

    A closed or snoozed conversation is reopened and becomes yours. The sender (tui-inbox deliver) takes it from there;
    with --wait the exit code tells what became of it: 0 sent, 1 failed or still queued, 4 blocked, 6 uncertain.
    """
    choice = _template(template, language, params)
    body = _text(text, choice, with_files=bool(paths))

    async def work(services: Services) -> SendPreview | SendResult:
        from tui_inbox.services.sending import SendRequest

        agent = await acting_agent(services)
        contact_id = await services.contacts.resolve(contact)
        target = None if channel is None else channel_of(await services.contacts.view(contact_id), channel)
        request = SendRequest(contact_id, body, choice, target, tag or "", client_key=key, seen_seq=seen)
        async with _attached(services, agent, contact_id, paths) as files:
            request = replace(request, files=files)
            if dry_run:
                return await services.sending.preview(agent, request)
            result = await services.sending.send(agent, request)
        return result if wait is None else replace(result, state=await settled(services, result.message_id, wait))

    done = session.run(work)
    if dry_run:
        _print_preview(done, as_json=as_json)
        return
    _print_result(done, as_json=as_json)
    if wait is not None:
        exit_with(DeliveryState(getattr(done, "state", DeliveryState.QUEUED)))


@contextlib.asynccontextmanager
async def _attached(
    services: Services, agent: Agent, contact_id: int, paths: tuple[Path, ...]
) -> AsyncIterator[tuple[int, ...]]:
    """The files at these places, read in; those that do not go out are taken away again."""
    files: list[int] = []
    try:
        for path in paths:
            files.append((await services.attachments.attach(agent, contact_id, path)).id)
        yield tuple(files)
    finally:
        for ident in files:
            await services.attachments.remove(agent, ident)


async def settled(services: Services, message_id: str, seconds: float) -> DeliveryState:
    """The state of a message once nobody is busy with it any more, or after so many seconds."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + seconds
    while True:
        async with services.store.read() as unit:
            row = await unit.outbox.get(message_id)
        assert row is not None, "it has just been queued"
        if row.state not in ON_THEIR_WAY or loop.time() >= give_up_at:
            return row.state
        await asyncio.sleep(LOOK_EVERY)


def exit_with(state: DeliveryState) -> None:
    """End with the code that tells what became of a message; 0 goes on."""
    if state in ON_THEIR_WAY:
        tell("The message is still on its way. Does a sender run? See: tui-inbox doctor")
    code = {DeliveryState.SENT: 0, DeliveryState.BLOCKED: 4, DeliveryState.UNCERTAIN: UNCERTAIN}.get(state, FAILED)
    if code:
        raise click.exceptions.Exit(code)


def channel_of(view: ContactView, name: str) -> int:
    """Id of the contact channel on the channel (or the only one of the kind) ``name``."""
    items = [item.contact_channel for item in view.reach]
    named = [item for item in items if item.channel.name.casefold() == name.casefold()]
    found = named or [item for item in items if item.channel.kind.value == name.casefold()]
    if len(found) == 1:
        return found[0].id
    known = ", ".join(item.channel.name for item in items) or "none"
    if found:
        raise UsageError(f"{view.contact.name} has several channels of kind {name}. Name one of: {known}.")
    raise NotFoundError(f"{view.contact.name} is not known on a channel {name}. Known: {known}.")


def _template(name: str | None, language: str | None, params: tuple[str, ...]) -> TemplateChoice | None:
    if name is None:
        if language is not None or params:
            raise UsageError("--language and --param belong to --template NAME.")
        return None
    if language is None:
        raise UsageError(f"Say in which language: --template {name} --language en")
    values: dict[str, str] = {}
    for param in params:
        key, equals, value = param.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"'{param}' is not KEY=VALUE. Write for example --param 1=Ana")
        if key.strip() in values:
            raise UsageError(f"--param {key.strip()} is given twice. Give each placeholder once.")
        values[key.strip()] = value
    from tui_inbox.services.sending import TemplateChoice

    return TemplateChoice(name, language, values)


def _text(text: str | None, choice: TemplateChoice | None, *, with_files: bool) -> str:
    if (text is None) == (choice is None) and not (with_files and text is None):
        raise UsageError("Give either --text TEXT (or --text - for standard input), --file PATH, or --template NAME.")
    if text != "-":
        return text or ""
    try:
        read = sys.stdin.read(LONGEST_INPUT + 1)
    except UnicodeDecodeError:
        raise UsageError("Standard input is not text. Give it in UTF-8.") from None
    if len(read) > LONGEST_INPUT:
        raise UsageError("Standard input is too long for a message.")
    return read.rstrip("\n")


def _print_preview(done: Any, *, as_json: bool) -> None:
    preview: SendPreview = done
    record = {
        "dry_run": True,
        "channel": preview.channel.channel.name,
        "kind": preview.channel.channel.kind,
        "body": preview.body,
        "reopens": preview.reopens,
        "assigns_to": preview.assigns_to or None,
        "previous_assignee": preview.previous_assignee or None,
        "keeps_owner": preview.keeps_owner or None,
        "closes_at": preview.answer.closes_at,
        "warning": preview.answer.warning,
        "used": preview.measure.used,
        "maximum": preview.measure.maximum,
        "unit": preview.measure.unit,
        "files": preview.files,
        "consequences": preview.sentence,
    }
    emit_record(record, as_json=as_json, sentence=f"{preview.channel.channel.name}: {preview.sentence}")


def _print_result(done: Any, *, as_json: bool) -> None:
    result: SendResult = done
    record = {
        "message_id": result.message_id,
        "state": result.state,
        "reopened": result.reopened,
        "assignee": result.assignee or None,
        "duplicate": result.duplicate,
    }
    emit_record(record, as_json=as_json)
    if result.duplicate:
        tell("This key was used before; that message is shown and nothing new was made.")
