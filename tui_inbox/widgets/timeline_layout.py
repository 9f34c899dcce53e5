"""From entries of a thread to rows of spans. Pure: no widget, no store.

Columns: cursor mark, time, gutter, text, status. Every row of a customer's text stands behind the gutter, and the mark,
time, gutter and status columns are drawn by us alone, so that no text can pass for a status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from rich.cells import cell_len

from tui_inbox.domain.attachments import FileState, name_for
from tui_inbox.domain.kinds import ContentKind, DeliveryState, Direction
from tui_inbox.domain.models import TimelineEntry
from tui_inbox.domain.policy import DEFAULT_POLICIES
from tui_inbox.domain.waiting import WaitKind
from tui_inbox.services.attachments import state_words
from tui_inbox.services.reach import clock_time
from tui_inbox.text import clean, clean_line, wrap
from tui_inbox.text.parts import is_long
from tui_inbox.widgets.delivery_words import status_of, waiting_words
from tui_inbox.widgets.lines import Line, Span

MARK, TIME, GUTTER = 1, 6, 2
STATUS = 14
"""Cells kept free at the right for the status of outgoing messages."""
MOST_TEXT = 92
"""Widest text; longer rows are hard to read."""
GROUP = timedelta(minutes=30)
"""Messages of one author on one channel that follow each other within this stand under one name."""
_LEFT = MARK + TIME + GUTTER

GUTTERS: Mapping[Direction, Span] = {
    Direction.INBOUND: ("│ ", "edge-accent"),
    Direction.OUTBOUND: ("┃ ", "edge-info"),
    Direction.NOTE: ("┊ ", "edge-warn"),
}


@dataclass(frozen=True)
class Row:
    """One row of the thread."""

    line: Line
    entry: int | None
    """Index of its entry; ``None`` for day rules and the like."""


@dataclass(frozen=True)
class Reader:
    """For whom a thread is laid out."""

    agent: str
    """Handle of the agent who reads: their messages are from "you"."""
    customer: str
    """Name of the customer, cleaned."""
    now: datetime
    zone: tzinfo | None = None
    """``None`` = the zone of this machine."""
    view_key: str = "v"


def lay_out(
    entries: Sequence[TimelineEntry], bodies: Sequence[Sequence[Line]], reader: Reader, width: int
) -> list[Row]:
    """All rows: day rules, names, and the ready-made ``bodies`` of the entries (see :func:`body_rows`)."""
    rows: list[Row] = []
    day: date | None = None
    previous: TimelineEntry | None = None
    for index, (entry, body) in enumerate(zip(entries, bodies, strict=True)):
        local = entry.at.astimezone(reader.zone)
        if local.date() != day:
            day = local.date()
            rows.append(Row(_day_rule(day, reader, width), None))
            previous = None
        if entry.direction is not None and not _continues(previous, entry):
            if previous is not None:
                rows.append(Row((), None))
            rows.append(Row(_name_line(entry, reader), index))
        rows.extend(Row(line, index) for line in body)
        previous = entry
    return rows


def body_rows(entry: TimelineEntry, reader: Reader, width: int) -> list[Line]:
    """The rows of one entry without its name line: time, gutter, text, status, and what can be done about a failure."""
    clock = f"{entry.at.astimezone(reader.zone):%H:%M}"
    if entry.direction is None:
        return [_event_line(entry, reader, clock, width)]
    gutter = GUTTERS[entry.direction]
    status = status_of(entry)
    text_width = max(20, min(MOST_TEXT, width - _LEFT - STATUS))
    text = clean(entry.body)
    rows: list[Line] = []
    style = "faint" if entry.state is DeliveryState.CANCELLED else ""
    for number, row in enumerate(wrap(text, text_width)):
        time = f" {clock} " if number == 0 else " " * (MARK + TIME)
        rows.append(((time, "faint"), gutter, (row, style)))
    if is_long(entry.body):
        more = f"… {max(1, text.cut):,} more: {reader.view_key} shows all of it"
        rows.append(((" " * (MARK + TIME), ""), gutter, (more, "muted")))
    rows.extend(((" " * (MARK + TIME), ""), gutter, *line) for line in _files(entry, text_width))
    if status is not None:
        rows[-1] = _with_status(rows[-1], status, min(width, _LEFT + MOST_TEXT + STATUS))
    rows.extend(((" " * (MARK + TIME), ""), gutter, *line) for line in _trouble(entry, reader, text_width))
    return rows


def _files(entry: TimelineEntry, width: int) -> list[Line]:
    """Each file by its name, and beside it or below it its size or what became of it."""
    rows: list[Line] = []
    for file in entry.files:
        style = "muted" if file.state in (FileState.KEPT, FileState.WAITING) else "warn"
        name, told = clean_line(name_for(file), width - 2), clean_line(state_words(file), 200)
        named: Line = (("▫ ", "info"), (name, "info"))
        if 2 + cell_len(name) + 2 + cell_len(told) <= width:
            rows.append((*named, (f"  {told}", style)))
        else:
            rows.extend([named, *((("  ", ""), (row, style)) for row in wrap(told, width - 2))])
    return rows


def _with_status(line: Line, status: Span, width: int) -> Line:
    used = sum(cell_len(text) for text, _ in line)
    gap = width - STATUS + 1 - used
    return (*line, (" " * max(1, gap), ""), status)


def _continues(previous: TimelineEntry | None, entry: TimelineEntry) -> bool:
    if previous is None or previous.direction is None or entry.at - previous.at > GROUP:
        return False

    def who(item: TimelineEntry) -> tuple[object, ...]:
        return item.direction, item.author, item.channel_name, item.content_kind, item.tag, item.arrived_late

    return who(previous) == who(entry)


def _name_line(entry: TimelineEntry, reader: Reader) -> Line:
    indent = (" " * _LEFT, "")
    channel = _channel_words(entry)
    if entry.direction is Direction.INBOUND:
        extra = [channel] if channel else []
        extra += ["arrived late"] if entry.arrived_late else []
        return (indent, (reader.customer, "accent strong"), *_extras(extra))
    who = "you" if entry.author == reader.agent else clean_line(entry.author) if entry.author else "sent elsewhere"
    if entry.direction is Direction.NOTE:
        return (indent, ("note", "warn strong"), *_extras([who, "only the team sees it"]))
    extra = [channel] if channel else []
    extra += ["template"] if entry.content_kind is ContentKind.TEMPLATE else []
    extra += [entry.tag] if entry.tag else []
    return (indent, (who, "info strong"), *_extras(extra))


def _channel_words(entry: TimelineEntry) -> str:
    if entry.channel_kind is not None:
        return DEFAULT_POLICIES[entry.channel_kind].label
    return clean_line(entry.channel_name) if entry.channel_name else ""


def _extras(words: Sequence[str]) -> tuple[Span, ...]:
    return tuple((f" · {word}", "faint") for word in words)


def _day_rule(day: date, reader: Reader, width: int) -> Line:
    today = reader.now.astimezone(reader.zone).date()
    told = f"{day:%A} {day.day} {day:%B}" + (f" {day.year}" if day.year != today.year else "")
    if day == today:
        told = f"Today, {told}"
    elif day == today - timedelta(days=1):
        told = f"Yesterday, {told}"
    left = MARK + TIME
    right = max(2, min(width, _LEFT + MOST_TEXT + STATUS) - left - len(told) - 3)
    return (("─" * (left - 1) + " ", "rule"), (told, "muted"), (" " + "─" * right, "rule"))


def _trouble(entry: TimelineEntry, reader: Reader, width: int) -> list[Line]:
    """What to know of a message that is not through; what can be done about it is said in the panel."""
    reason = str(clean_line(entry.error_text, 160)) if entry.error_text else ""
    channel = _channel_words(entry) or "the channel"
    match entry.state:
        case DeliveryState.UNCERTAIN:
            told, style = f"it may have gone out; {channel} has not confirmed it", "warn"
        case DeliveryState.FAILED:
            told, style = reason or "the channel refused it", "bad"
        case DeliveryState.BLOCKED:
            told, style = reason or "the messaging window closed before it could leave", "bad"
        case DeliveryState.QUEUED if entry.waits is not None and entry.waits.kind is not WaitKind.HELD:
            since = clock_time(entry.waits.since, reader.now, reader.zone)
            told, style = f"{waiting_words(entry.waits, channel, reader.now, reader.zone)} · since {since}", "muted"
        case _:
            return []
    return [((row, style),) for row in wrap(told, width)]


def _event_line(entry: TimelineEntry, reader: Reader, clock: str, width: int) -> Line:
    room = max(10, width - _LEFT - 1)
    return ((f" {clock} ", "faint"), ("· ", "rule"), (clean_line(event_sentence(entry, reader), room), "muted"))


def event_sentence(entry: TimelineEntry, reader: Reader) -> str:
    """A lifecycle event as a sentence: ``bo closed this · solved: sent the tracking number``. Not cleaned yet."""
    who = "you" if entry.author == reader.agent else entry.author
    detail = entry.detail
    by_us = who or "the program"
    match entry.event:
        case "closed":
            note = ": ".join(str(detail[key]) for key in ("category", "summary") if detail.get(key))
            return f"{by_us} closed this" + (f" · {note}" if note else "")
        case "opened" | "reopened":
            return {
                "sending": f"{by_us} {entry.event} this by sending" if who else f"{entry.event} by sending",
                "customer": f"{entry.event} by {reader.customer}",
            }.get(str(detail.get("by", "")), f"{by_us} {entry.event} this")
        case "woken":
            by = {"time": "its time came", "customer": f"{reader.customer} wrote"}
            return f"back from snooze: {by.get(str(detail.get('by', '')), f'{by_us} opened it')}"
        case "snoozed":
            return f"{by_us} snoozed this" + _until(detail.get("until"), reader)
        case "assigned":
            was = f" (was {detail['from']})" if detail.get("from") else ""
            return f"assigned to {detail.get('to') or 'somebody'}{was}"
        case "unassigned":
            was = f" (was {detail['from']})" if detail.get("from") else ""
            return f"unassigned by {'closing' if detail.get('by') == 'closing' else by_us}{was}"
        case _:
            return f"{by_us}: {entry.event.replace('_', ' ')}"


def _until(value: object, reader: Reader) -> str:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return ""
    return f" until {clock_time(at, reader.now, reader.zone)}" if at.tzinfo is not None else ""
