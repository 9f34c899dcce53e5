"""``find``, ``show``, ``reach``: who is there, what was said, what may be sent now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from tui_inbox.cli.output import emit_json, emit_rows, json_option, list_options
from tui_inbox.cli.session import Session, acting_agent, common_options, tell
from tui_inbox.domain.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from tui_inbox.bootstrap import Services
    from tui_inbox.domain.filters import InboxFilter, StatusCounts
    from tui_inbox.domain.models import InboxRow, TimelineEntry
    from tui_inbox.services.contacts import ContactView, Reach

COLUMNS = (
    "contact_id",
    "name",
    "email",
    "phone",
    "status",
    "assignee",
    "last_activity_at",
    "channels",
    "matched",
)
REACH_COLUMNS = ("channel", "kind", "state", "closes_at", "may_send", "reason")
MOST_ROWS = 1000
MOST_ENTRIES = 500
STATUSES = ("open", "closed", "snoozed", "none", "any")
SORTS = ("latest", "oldest", "window_end", "waiting")


@click.command()
@click.argument("query", nargs=-1)
@click.option("--text", "said", multiple=True, metavar="WORDS", help="Words in a row in one message; repeatable.")
@click.option("--inbox", default="all", metavar="mine|unassigned|all|team:NAME", help="Whose conversations.")
@click.option("--status", type=click.Choice(STATUSES), default="any", show_default=True, help="Their status.")
@click.option("--sort", type=click.Choice(SORTS), default="latest", show_default=True, help="Order.")
@click.option("--limit", type=click.IntRange(1, MOST_ROWS), default=50, show_default=True, help="Most rows.")
@click.option("--after", metavar="CURSOR", help="Go on after the row with this cursor (a field of --json).")
@list_options
@common_options
@click.pass_obj
def find(
    session: Session,
    query: tuple[str, ...],
    said: tuple[str, ...],
    inbox: str,
    status: str,
    sort: str,
    limit: int,
    after: str | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List contacts.

    QUERY looks into names and phones anywhere, into emails whole and inside, into custom fields whole. name: phone:
    email: id: narrow a word to a field; tag: assignee: channel: country: language: status: window: filter; text: looks
    into messages, as --text does.
    """
    from tui_inbox.domain.kinds import ConversationStatus, SortOrder

    wanted = None if status == "any" else ConversationStatus(status)

    async def work(services: Services) -> tuple[list[InboxRow], StatusCounts | None]:
        view = await _view(services, " ".join(query), said, inbox)
        view = replace(view, status=wanted, sort=SortOrder(sort))
        rows = await services.inbox.page(view, after=after, limit=limit)
        hidden = wanted is not None and not rows and after is None
        return rows, await services.inbox.counts(view) if hidden else None

    rows, counts = session.run(work)
    columns = (*COLUMNS, "line") if any("text" in row.matched for row in rows) else COLUMNS
    emit_rows([_row(row) for row in rows], columns, as_json=as_json, as_csv=as_csv)
    if counts is not None and counts.any:
        others = [
            (name, counts.said(ConversationStatus(name)))
            for name in STATUSES[:-1]
            if name != status and counts.of(ConversationStatus(name))
        ]
        told = ", ".join(f"{number} in {name}" for name, number in others)
        tell(f"0 in {status}, {told}. Look there with --status any.")


async def _view(services: Services, typed: str, said: tuple[str, ...], inbox: str) -> InboxFilter:
    from tui_inbox.domain.filters import InboxFilter, InboxKind
    from tui_inbox.domain.search import fold, parse

    texts = tuple(folded for text in said if (folded := fold(text)))
    query = parse(typed)
    view = InboxFilter(query=replace(query, texts=(*query.texts, *texts)))
    kind, _, name = inbox.partition(":")
    if kind == "team" and name:
        teams = await services.directory.teams()
        team = next((team for team in teams if team.name.casefold() == name.casefold()), None)
        if team is None:
            known = ", ".join(team.name for team in teams) or "none yet"
            raise NotFoundError(f"There is no team {name}. Known: {known}.")
        return replace(view, inbox=InboxKind.TEAM, team_id=team.id)
    if inbox not in {"mine", "unassigned", "all"}:
        raise UsageError(f"'{inbox}' is not an inbox. Use mine, unassigned, all or team:NAME.")
    agent_id = (await acting_agent(services)).id if inbox == "mine" else None
    return replace(view, inbox=InboxKind(inbox), agent_id=agent_id)


def _row(row: InboxRow) -> dict[str, Any]:
    return {
        "contact_id": row.contact_id,
        "name": row.name,
        "email": row.email,
        "phone": row.phone,
        "status": row.status,
        "assignee": row.assignee or None,
        "last_activity_at": row.last_activity_at,
        "channels": row.channel_kinds,
        "matched": row.matched,
        "cursor": row.cursor,
        **({"line": row.preview} if "text" in row.matched else {}),
    }


@click.command()
@click.argument("contact")
@click.option("--limit", type=click.IntRange(0, MOST_ENTRIES), default=50, show_default=True, help="Newest entries.")
@json_option
@common_options
@click.pass_obj
def show(session: Session, contact: str, limit: int, as_json: bool) -> None:
    """Show one contact with its channels and its thread."""

    async def work(services: Services) -> tuple[ContactView, list[TimelineEntry]]:
        contact_id = await services.contacts.resolve(contact)
        view = await services.contacts.view(contact_id)
        return view, await services.contacts.timeline(contact_id, limit=limit) if limit else []

    view, entries = session.run(work)
    record = contact_record(view)
    if as_json:
        emit_json({**record, "reach": [reach_record(item) for item in view.reach], "timeline": _thread(entries)})
    else:
        _print_contact(record, view, entries)


def contact_record(view: ContactView) -> dict[str, Any]:
    """A contact and its conversation as JSON shows them."""
    from tui_inbox.services.exporting import person_record

    contact, conversation = view.contact, view.conversation
    return {
        "contact_id": contact.id,
        "name": contact.name,
        **person_record(contact),
        "status": conversation.status,
        "assignee": view.assignee.handle if view.assignee else None,
        "team": view.team.name if view.team else None,
        "last_activity_at": conversation.last_activity_at,
        "waiting_since": conversation.waiting_since,
        "snoozed_until": conversation.snoozed_until,
        "closed_at": conversation.closed_at,
        "closed_by": view.closed_by.handle if view.closed_by else None,
        "unread": conversation.unread,
    }


def reach_record(item: Reach) -> dict[str, Any]:
    """What may be sent on one channel, as JSON shows it."""
    answer = item.answer
    return {
        "channel": item.contact_channel.channel.name,
        "kind": item.contact_channel.channel.kind,
        "state": answer.state,
        "closes_at": answer.closes_at,
        "may_send": answer.may_send,
        "reason": answer.reason,
        "way_out": answer.way_out,
        "warning": answer.warning,
    }


def _thread(entries: list[TimelineEntry]) -> list[dict[str, Any]]:
    from tui_inbox.cli.attachments import record as file_record

    return [
        {
            "at": entry.at,
            "seq": entry.seq,
            "direction": entry.direction,
            "event": entry.event or None,
            "author": entry.author or None,
            "channel": entry.channel_name or None,
            "kind": entry.channel_kind,
            "content": entry.content_kind if entry.direction else None,
            "body": entry.body,
            "tag": entry.tag or None,
            "message_id": entry.message_id or None,
            "state": entry.state,
            "receipt": entry.receipt.name.lower() if entry.message_id else None,
            "error": entry.error_text or None,
            "detail": entry.detail,
            "files": [file_record(file) for file in entry.files],
        }
        for entry in entries
    ]


def _print_contact(record: dict[str, Any], view: ContactView, entries: list[TimelineEntry]) -> None:
    from tui_inbox.cli.output import emit_record

    emit_record(record, as_json=False)
    if view.reach:
        click.echo()
        emit_rows([reach_record(item) for item in view.reach], REACH_COLUMNS, as_json=False)
    if entries:
        click.echo()
    for entry in entries:
        _print_entry(entry)


def _print_entry(entry: TimelineEntry) -> None:
    from tui_inbox.cli.output import plain
    from tui_inbox.domain.attachments import plain_name
    from tui_inbox.services.attachments import state_words
    from tui_inbox.text import terminal_safe

    who = entry.author or ("customer" if entry.direction is not None else "")
    what = " ".join(part for part in (entry.event or str(entry.direction), who, entry.channel_name) if part)
    state = f" [{entry.state.value}]" if entry.state is not None else ""
    click.echo(terminal_safe(f"{plain(entry.at)}  {what}{state}"))
    for line in entry.body.splitlines():
        click.echo(f"    {terminal_safe(line)}")
    for file in entry.files:
        click.echo(f"    file {file.id}: {terminal_safe(plain_name(file.name) or file.kind)}, {state_words(file)}")
    if entry.error_text:
        click.echo(f"    ! {terminal_safe(entry.error_text)}")


@click.command()
@click.argument("contact")
@list_options
@common_options
@click.pass_obj
def reach(session: Session, contact: str, as_json: bool, as_csv: bool) -> None:
    """Tell for every channel of a contact what may be sent now, until when, and why."""

    async def work(services: Services) -> ContactView:
        return await services.contacts.view(await services.contacts.resolve(contact))

    view = session.run(work)
    emit_rows([reach_record(item) for item in view.reach], REACH_COLUMNS, as_json=as_json, as_csv=as_csv)
    if not view.reach:
        tell(f"{view.contact.name} has no channel. Nothing can be sent until the customer writes on one.")
