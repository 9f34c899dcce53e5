"""``outbox``: messages that are not through, and what a person decides about them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from tui_inbox.cli.output import emit_json, emit_record, emit_rows, json_option, list_options
from tui_inbox.cli.session import Session, acting_agent, common_options
from tui_inbox.domain.errors import PolicyRefusedError
from tui_inbox.domain.kinds import DeliveryState

if TYPE_CHECKING:
    from datetime import datetime

    from tui_inbox.bootstrap import Services
    from tui_inbox.domain.models import Agent, Attempt
    from tui_inbox.domain.outbox import OutboxItem

    Step = Callable[[Services, Agent, OutboxItem], Awaitable[object]]

COLUMNS = ("message_id", "state", "created_at", "channel", "agent", "contact_id", "contact", "reason")
STATES = ("needs-person", "uncertain", "failed", "blocked", "queued", "sending", "all")
MOST_ROWS = 1000
LONGEST_WAIT = 3600.0


@click.group("outbox")
def outbox() -> None:
    """Messages that are not through: uncertain, failed, blocked, queued, being sent."""


@outbox.command("list")
@click.option("--everybody", is_flag=True, help="Of all agents; for leads and admins.")
@click.option("--state", type=click.Choice(STATES), default="all", show_default=True, help="Their state.")
@click.option("--limit", type=click.IntRange(1, MOST_ROWS), default=50, show_default=True, help="Most rows.")
@click.option("--after", metavar="CURSOR", help="Go on after the row with this cursor (a field of --json).")
@list_options
@common_options
@click.pass_obj
def list_(
    session: Session, everybody: bool, state: str, limit: int, after: str | None, as_json: bool, as_csv: bool
) -> None:
    """List them, newest first: those that you sent or that are in conversations of yours."""

    async def work(services: Services) -> list[dict[str, Any]]:
        agent = await acting_agent(services)
        rows = await services.outbox.page(agent, everybody=everybody, states=_states(state), after=after, limit=limit)
        return [_row(row, services.context.clock()) for row in rows]

    emit_rows(session.run(work), COLUMNS, as_json=as_json, as_csv=as_csv)


@outbox.command("show")
@click.argument("message_id", metavar="MESSAGE")
@json_option
@common_options
@click.pass_obj
def show(session: Session, message_id: str, as_json: bool) -> None:
    """Show one message: what happened, every attempt, what can be done."""

    async def work(services: Services) -> dict[str, Any]:
        await acting_agent(services)
        detail = await services.outbox.detail(message_id)
        now = services.context.clock()
        return {**_row(detail.item, now), **_prospects(detail.item), "attempts": [_attempt(a) for a in detail.attempts]}

    record = session.run(work)
    if as_json:
        emit_json(record)
        return
    attempts = record.pop("attempts")
    emit_record(record, as_json=False)
    for attempt in attempts:
        emit_record({}, as_json=False, sentence=_told(attempt))


@outbox.command("retry")
@click.argument("message_id", metavar="MESSAGE")
@click.option("--confirm", is_flag=True, help="Also an uncertain one, which the customer may get twice.")
@click.option("--wait", type=click.FloatRange(0, LONGEST_WAIT), metavar="SECONDS", help="Wait for what becomes of it.")
@json_option
@common_options
@click.pass_obj
def retry(session: Session, message_id: str, confirm: bool, wait: float | None, as_json: bool) -> None:
    """Send a failed, blocked or uncertain message again.

    With --wait the exit code tells what became of it: 0 sent, 1 failed or still queued, 4 blocked, 6 uncertain.
    """
    from tui_inbox.cli.send import exit_with, settled

    async def step(services: Services, agent: Agent, item: OutboxItem) -> object:
        if item.state is DeliveryState.UNCERTAIN and not confirm:
            raise PolicyRefusedError(
                "This message may have arrived, so it is not sent again by itself.",
                "Ask the customer or look at the channel. If it arrived: tui-inbox outbox arrived "
                f"{message_id}. If it shall be sent although it may arrive twice: add --confirm.",
            )
        row = await services.sending.retry(agent, message_id, confirmed=confirm)
        return row.state if wait is None else await settled(services, message_id, wait)

    state = _decide(session, message_id, step, as_json=as_json)
    if wait is not None:
        exit_with(state)


@outbox.command("arrived")
@click.argument("message_id", metavar="MESSAGE")
@json_option
@common_options
@click.pass_obj
def arrived(session: Session, message_id: str, as_json: bool) -> None:
    """Settle an uncertain message as sent: you know that it arrived."""

    async def step(services: Services, agent: Agent, item: OutboxItem) -> object:
        return (await services.sending.settle_by_hand(agent, message_id, arrived=True)).state

    _decide(session, message_id, step, as_json=as_json)


@outbox.command("drop")
@click.argument("message_id", metavar="MESSAGE")
@json_option
@common_options
@click.pass_obj
def drop(session: Session, message_id: str, as_json: bool) -> None:
    """Give a message up that has not gone out, or an uncertain one that did not arrive; it is not sent any more."""

    async def step(services: Services, agent: Agent, item: OutboxItem) -> object:
        if item.state is DeliveryState.UNCERTAIN:
            await services.sending.settle_by_hand(agent, message_id, arrived=False)
        else:
            await services.sending.cancel(agent, message_id)
        return DeliveryState.CANCELLED

    _decide(session, message_id, step, as_json=as_json)


def _decide(session: Session, message_id: str, step: Step, *, as_json: bool) -> DeliveryState:
    """Do one step to one message; prints and returns its state now."""

    async def work(services: Services) -> dict[str, Any]:
        agent = await acting_agent(services)
        before = (await services.outbox.detail(message_id)).item
        state = await step(services, agent, before)
        return {"message_id": message_id, "contact_id": before.contact_id, "was": before.state, "state": state}

    record = session.run(work)
    emit_record(record, as_json=as_json)
    return DeliveryState(record["state"])


def _states(name: str) -> frozenset[DeliveryState] | None:
    from tui_inbox.domain.delivery import IN_FLIGHT, NEEDS_PERSON

    if name == "all":
        return None
    groups = {"needs-person": NEEDS_PERSON, "sending": IN_FLIGHT}
    return groups[name] if name in groups else frozenset({DeliveryState(name)})


def _row(item: OutboxItem, now: datetime) -> dict[str, Any]:
    from tui_inbox.domain.outbox import waiting

    waits = waiting(item, now)
    return {
        "message_id": item.message_id,
        "state": item.state,
        "created_at": item.created_at,
        "due_at": item.due_at,
        "channel": item.channel_name,
        "kind": item.channel_kind,
        "agent": item.queued_by or None,
        "contact_id": item.contact_id,
        "contact": item.contact_name,
        "text": item.body,
        "attempts_made": item.attempts,
        "reason": item.error_text or (waits.reason if waits is not None else ""),
        "error_class": item.error_class,
        "waits": waits.kind if waits is not None else None,
        "waits_until": waits.until if waits is not None else None,
        "waits_behind": waits.behind if waits is not None else None,
        "cursor": item.cursor,
    }


def _prospects(item: OutboxItem) -> dict[str, Any]:
    """What may still settle an uncertain message, and from when a person may send it again."""
    from tui_inbox.domain.outbox import confirms_until, free_at

    if item.state is not DeliveryState.UNCERTAIN:
        return {}
    return {"confirms_until": confirms_until(item), "may_be_sent_again_from": free_at(item.lease_until)}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    known = asdict(attempt)
    del known["message_id"], known["token"]
    return known


def _told(attempt: dict[str, Any]) -> str:
    at = attempt["leased_at"].astimezone()
    status = f" · HTTP {attempt['http_status']}" if attempt["http_status"] is not None else ""
    reason = f" · {attempt['error_text']}" if attempt["error_text"] else ""
    return f"try {attempt['n']}  {at:%Y-%m-%d %H:%M:%S}  {attempt['outcome'] or 'under way'}{status}{reason}"
