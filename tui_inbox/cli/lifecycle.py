"""``close``, ``open``, ``snooze``, ``assign``, ``note``: the life of a conversation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING

import click

from tui_inbox.cli.output import emit_record, json_option
from tui_inbox.cli.session import Session, acting_agent, common_options
from tui_inbox.cli.times import INSTANT
from tui_inbox.domain.errors import UsageError

if TYPE_CHECKING:
    from tui_inbox.bootstrap import Services
    from tui_inbox.domain.models import Agent
    from tui_inbox.services.lifecycle import LifecycleResult

    Step = Callable[[Services, Agent, int], Awaitable[LifecycleResult]]


def _change(session: Session, contact: str, step: Step, *, as_json: bool) -> None:
    """Do one step to one contact and print how the conversation stands now."""

    async def work(services: Services) -> dict[str, object]:
        agent = await acting_agent(services)
        contact_id = await services.contacts.resolve(contact)
        result = await step(services, agent, contact_id)
        view = await services.contacts.view(contact_id)
        return {
            "contact_id": contact_id,
            "status": view.conversation.status,
            "assignee": view.assignee.handle if view.assignee else None,
            "snoozed_until": view.conversation.snoozed_until,
            "closed_at": view.conversation.closed_at,
            "closed_by": view.closed_by.handle if view.closed_by else None,
            "message": result.message,
        }

    record = session.run(work)
    emit_record(record, as_json=as_json, sentence=str(record["message"]))


@click.command()
@click.argument("contact")
@click.option("--category", default="", metavar="NAME", help="How it ended; the workspace says which ones there are.")
@click.option("--summary", default="", metavar="TEXT", help="What happened, in a line.")
@json_option
@common_options
@click.pass_obj
def close(session: Session, contact: str, category: str, summary: str, as_json: bool) -> None:
    """Close a conversation, with a closing note as the workspace demands."""
    from tui_inbox.domain.lifecycle import ClosingNote

    note = ClosingNote(category, summary)
    _change(
        session, contact, lambda services, agent, ident: services.lifecycle.close(agent, ident, note), as_json=as_json
    )


@click.command("open")
@click.argument("contact")
@json_option
@common_options
@click.pass_obj
def open_(session: Session, contact: str, as_json: bool) -> None:
    """Open a conversation without writing; it becomes yours when nobody has it."""
    _change(session, contact, lambda services, agent, ident: services.lifecycle.open(agent, ident), as_json=as_json)


@click.command()
@click.argument("contact")
@click.option("--until", type=INSTANT, required=True, metavar="TIME", help="When it comes back, ISO 8601 with offset.")
@json_option
@common_options
@click.pass_obj
def snooze(session: Session, contact: str, until: datetime, as_json: bool) -> None:
    """Put a conversation aside until a time; a message of the customer wakes it earlier."""
    _change(
        session, contact, lambda services, agent, ident: services.lifecycle.snooze(agent, ident, until), as_json=as_json
    )


@click.command()
@click.argument("contact")
@click.argument("handle", required=False)
@click.option("--nobody", is_flag=True, help="Take the assignee away.")
@json_option
@common_options
@click.pass_obj
def assign(session: Session, contact: str, handle: str | None, nobody: bool, as_json: bool) -> None:
    """Give a conversation to the agent HANDLE, or to nobody."""
    if (handle is None) != nobody:
        raise UsageError("Say to whom: tui-inbox assign CONTACT HANDLE, or --nobody.")

    async def step(services: Services, agent: Agent, ident: int) -> LifecycleResult:
        assignee = None if handle is None else await services.directory.agent(handle)
        return await services.lifecycle.assign(agent, ident, assignee)

    _change(session, contact, step, as_json=as_json)


@click.command()
@click.argument("contact")
@click.argument("text")
@json_option
@common_options
@click.pass_obj
def note(session: Session, contact: str, text: str, as_json: bool) -> None:
    """Write an internal note; it is never sent and opens nothing."""
    _change(
        session, contact, lambda services, agent, ident: services.lifecycle.note(agent, ident, text), as_json=as_json
    )
