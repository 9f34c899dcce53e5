"""The preview beside the list: who it is, what may be sent now on each channel, the newest messages.

:func:`preview_lines` makes the lines; the widget shows them. Everything of the customer passes the cleaner here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from tui_inbox.domain.kinds import Direction
from tui_inbox.domain.models import TimelineEntry
from tui_inbox.services.reach import Reach
from tui_inbox.text import clean, clean_line, clock_time, fit, when, wrap
from tui_inbox.widgets.delivery_words import status_of
from tui_inbox.widgets.lines import Line, Lines, beside, cut
from tui_inbox.widgets.policy_words import face
from tui_inbox.widgets.row_words import STATUS_MARKS

if TYPE_CHECKING:  # the data layer is imported after the first frame
    from tui_inbox.services.contacts import ContactView

MOST_ROWS_OF_A_MESSAGE = 6
LABEL_WIDTH = 13


class Preview(Lines):
    """The lines of one contact; empty while there is none."""

    DEFAULT_CSS = """
    Preview {
        width: 42;
        height: 1fr;
        padding: 0 1;
        border-left: solid $foreground 15%;
    }
    """


def preview_lines(
    view: ContactView,
    entries: Sequence[TimelineEntry],
    width: int,
    height: int,
    now: datetime,
    tz: tzinfo,
    *,
    company: Line = (),
) -> list[Line]:
    """Head, reach and as many of the newest entries as fit into ``height`` lines; ``company``: who else is there."""
    here = [cut(company, width)] if company else []
    head = [*_who(view, width, now, tz), *here, _rule(width), *(_reach(item, width, now) for item in view.reach)]
    if not view.reach:
        head.append((("no channel: this contact cannot be reached", "bad"),))
    head.append(_rule(width))
    room = height - len(head)
    blocks: list[list[Line]] = []
    for entry in reversed(entries):
        block = _entry(entry, view.contact.first_name or "customer", width, now, tz)
        if len(block) > room:
            break
        blocks.append(block)
        room -= len(block)
    return [*head, *(line for block in reversed(blocks) for line in block)]


def _who(view: ContactView, width: int, now: datetime, tz: tzinfo) -> list[Line]:
    contact, conversation = view.contact, view.conversation
    status = f"{STATUS_MARKS[conversation.status]} {conversation.status.value}"
    lines = [beside(((str(clean_line(contact.name)), "strong"),), ((status, "muted"),), width)]
    addresses = " · ".join(str(clean_line(part)) for part in (contact.email, contact.phone) if part)
    if addresses and addresses != contact.name:
        lines.append(cut(((addresses, "muted"),), width))
    whose = f"of {clean_line(view.assignee.handle)}" if view.assignee else "of nobody"
    closed = ""
    if conversation.closed_at is not None:
        by = f" by {clean_line(view.closed_by.handle)}" if view.closed_by else ""
        closed = f" · closed {when(conversation.closed_at, now, tz)}{' ago' if _recent(conversation, now) else ''}{by}"
    elif conversation.waiting_since is not None:
        closed = f" · waiting for {when(conversation.waiting_since, now, tz)}"
    lines.append(cut(((whose + closed, "muted"),), width))
    if contact.tags:
        lines.append(cut(tuple((f"#{clean_line(tag, 30)} ", "accent") for tag in contact.tags), width))
    if contact.blocked:
        lines.append((("⊘ blocked: nothing can be sent", "bad"),))
    return lines


def _recent(conversation: object, now: datetime) -> bool:
    closed_at: datetime = getattr(conversation, "closed_at", now)
    return 60 <= (now - closed_at).total_seconds() < 7 * 86_400


def _reach(item: Reach, width: int, now: datetime) -> Line:
    shown = face(item, now)
    label = fit(item.policy.label, LABEL_WIDTH)
    return cut(((f"{shown.glyph} ", shown.tone), (f"{label} ", ""), (shown.short, shown.tone)), width)


def _rule(width: int) -> Line:
    return (("─" * width, "rule"),)


def _entry(entry: TimelineEntry, customer: str, width: int, now: datetime, tz: tzinfo) -> list[Line]:
    at = clock_time(entry.at, tz) if entry.at.astimezone(tz).date() == now.astimezone(tz).date() else ""
    at = at or when(entry.at, now, tz)
    if entry.event:
        return [
            cut(
                ((f"─ {entry.event}{f' by {clean_line(entry.author)}' if entry.author else ''} · {at}", "faint"),),
                width,
            )
        ]
    who, tone, gutter = _author(entry, customer)
    status = status_of(entry)
    fate = (status[0] + "  ", status[1]) if status is not None else ("", "")
    lines: list[Line] = [beside(((who, tone),), (fate, (at, "faint")), width)]
    rows = wrap(str(clean(entry.body)), max(1, width - 2))
    shown = rows[:MOST_ROWS_OF_A_MESSAGE]
    if len(rows) > len(shown):
        shown[-1] = fit(shown[-1], max(1, width - 4)).rstrip() + " …"
    style = "muted" if entry.direction is Direction.NOTE else ""
    return [*lines, *(((gutter, tone), (row, style)) for row in shown)]


def _author(entry: TimelineEntry, customer: str) -> tuple[str, str, str]:
    if entry.direction is Direction.INBOUND:
        return str(clean_line(customer, 40)), "good", "│ "
    if entry.direction is Direction.NOTE:
        return f"note by {clean_line(entry.author)}", "warn", "┊ "
    return str(clean_line(entry.author)) if entry.author else "us", "info", "│ "
