"""``policy``: the rules of every channel as data, and the answer for one case. Needs no database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from tui_inbox.cli.output import emit_record, emit_rows, json_option, list_options
from tui_inbox.cli.session import now as present
from tui_inbox.cli.times import INSTANT
from tui_inbox.domain.kinds import ChannelKind, Permission

if TYPE_CHECKING:
    from tui_inbox.domain.policy import ChannelPolicy

KINDS = [kind.value for kind in ChannelKind]
COLUMNS = (
    "kind",
    "first_contact",
    "window_seconds",
    "while_open",
    "after_close",
    "count_limit",
    "text_limit",
    "text_unit",
    "retired",
)


@click.group()
def policy() -> None:
    """What each kind of channel allows, and when."""


@policy.command("list")
@list_options
def list_(as_json: bool, as_csv: bool) -> None:
    """List the default policy of every kind of channel."""
    from tui_inbox.domain.policy import DEFAULT_POLICIES

    rows = [policy_record(DEFAULT_POLICIES[kind]) for kind in ChannelKind]
    if not as_json:
        rows = [{**row, "after_close": [_stage_text(stage) for stage in row["after_close"]]} for row in rows]
    emit_rows(rows, COLUMNS, as_json=as_json, as_csv=as_csv)


def policy_record(item: ChannelPolicy) -> dict[str, Any]:
    """A policy as JSON shows it; lengths in seconds, ``null`` = none or for ever."""
    return {
        "kind": item.kind,
        "label": item.label,
        "first_contact": item.first_contact,
        "window_seconds": seconds(item.window),
        "margin_seconds": seconds(item.margin),
        "while_open": freest_first(item.while_open),
        "after_close": [
            {"until_seconds": seconds(stage.until), "may_send": freest_first(stage.allows), "warning": stage.warning}
            for stage in item.after_close
        ],
        "renewing_events": item.renewing_events,
        "count_limit": item.count_limit,
        "text_limit": item.text_limit.maximum,
        "text_unit": item.text_limit.unit,
        "retired": item.retired,
    }


def freest_first(allowed: frozenset[Permission]) -> list[Permission]:
    """Permissions in the order in which answers list them."""
    order = (Permission.TEXT, Permission.HUMAN_AGENT, Permission.TEMPLATE)
    return [permission for permission in order if permission in allowed]


def seconds(length: timedelta | None) -> int | None:
    """A length in whole seconds."""
    return None if length is None else int(length.total_seconds())


def _stage_text(stage: dict[str, Any]) -> str:
    until = stage["until_seconds"]
    allowed = "/".join(permission.value for permission in stage["may_send"])
    return f"{allowed} for ever" if until is None else f"{allowed} until {until} s"


@policy.command()
@click.option("--channel", "kind", type=click.Choice(KINDS), required=True, metavar="KIND", help="Kind of channel.")
@click.option("--last-inbound", type=INSTANT, metavar="TIME", help="The customer's last message; without it: never.")
@click.option("--now", type=INSTANT, metavar="TIME", help="The instant asked about; without it: now.")
@click.option("--sent-since", type=click.IntRange(0), default=0, metavar="N", help="Messages sent since then.")
@click.option("--started", is_flag=True, help="The customer has started the bot, followed or subscribed.")
@click.option("--opted-out", is_flag=True, help="The customer has opted out.")
@json_option
def check(
    kind: str,
    last_inbound: datetime | None,
    now: datetime | None,
    sent_since: int,
    started: bool,
    opted_out: bool,
    as_json: bool,
) -> None:
    """Answer what may be sent in one case."""
    from tui_inbox.domain.policy import policy_for
    from tui_inbox.domain.window import ChannelFacts, decide

    facts = ChannelFacts(last_inbound, sent_since, started=started, opted_out=opted_out)
    answer = decide(policy_for(ChannelKind(kind)), facts, now or present())
    record = {
        "channel": kind,
        "state": answer.state,
        "closes_at": answer.closes_at,
        "may_send": answer.may_send,
        "reason": answer.reason,
        "way_out": answer.way_out,
        "warning": answer.warning,
        "changes_at": answer.changes_at,
    }
    emit_record(record, as_json=as_json)
