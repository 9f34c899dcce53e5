"""The list of the outbox: one message a row, with its mark, age, channel, agent, contact and reason."""

from __future__ import annotations

from datetime import datetime, tzinfo

from textual.strip import Strip

from tui_inbox.domain.kinds import DeliveryState
from tui_inbox.domain.outbox import OutboxItem, waiting
from tui_inbox.text import cells, fit, when
from tui_inbox.widgets.delivery_words import label_of, mark_of, waiting_words
from tui_inbox.widgets.marked_list import MarkedList, Toned
from tui_inbox.widgets.row_words import CHANNEL_LETTERS, SELECTED, cleaned

MARK, AGE, CHANNEL, AGENT = 12, 7, 3, 9
"""Cells of the columns."""
NAME_WIDTH, WIDE_NAME = 18, 26
WIDE = 110


class OutboxList(MarkedList[OutboxItem]):
    """Rows of the outbox, the cursor, and the selected messages."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self.with_agent = False
        """Whether rows tell who sent them."""

    def paint_row(self, row: OutboxItem, width: int, *, under_cursor: bool) -> Strip:
        """One line: a bar under the cursor, then :func:`outbox_spans`."""
        spans = outbox_spans(
            row, width - 1, self.clock(), self.tz, selected=row.key in self.selected, with_agent=self.with_agent
        )
        lead = ("▌", "accent") if under_cursor else (" ", "")
        return self.strip_of([lead, *spans], width, under_cursor=under_cursor)

    def paint_head(self, width: int) -> Strip:
        """The names of the columns."""
        agent = [(fit("agent", AGENT), "faint")] if self.with_agent else []
        spans = [
            (fit("", 3), "faint"),
            (fit("state", MARK), "faint"),
            (fit("age", AGE), "faint"),
            (fit("on", CHANNEL), "faint"),
            *agent,
            (fit("contact", _name_width(width) + 1), "faint"),
        ]
        room = width - sum(cells(text) for text, _ in spans)
        return self.strip_of([*spans, (fit("why", room), "faint")], width, under_cursor=False)


def outbox_spans(
    row: OutboxItem, width: int, now: datetime, tz: tzinfo, *, selected: bool = False, with_agent: bool = False
) -> list[Toned]:
    """The spans of one row, together exactly ``width`` cells; the customer's name and the reason come last."""
    mark, tone = mark_of(row, now)
    spans: list[Toned] = [
        (f"{SELECTED} " if selected else "  ", "accent"),
        (fit(mark, MARK), tone),
        (fit(when(row.created_at, now, tz), AGE), "muted"),
        (fit(CHANNEL_LETTERS[row.channel_kind], CHANNEL), "muted"),
    ]
    if with_agent:
        spans.append((fit(str(cleaned(row.queued_by, AGENT - 1)) if row.queued_by else "–", AGENT), "muted"))
    name = _name_width(width + 1)
    spans += [(fit(str(cleaned(row.contact_name)), name), "strong" if row.needs_person else ""), (" ", "")]
    room = max(0, width - sum(cells(text) for text, _ in spans))
    return [*spans, (fit(reason_of(row, now, tz), room), "muted")]


def reason_of(row: OutboxItem, now: datetime, tz: tzinfo) -> str:
    """Why it is here in a few words, then its text; clean."""
    reason, text = str(cleaned(row.error_text, 120)), str(cleaned(row.body, 120))
    waits = waiting(row, now)
    match row.state:
        case DeliveryState.UNCERTAIN:
            told = f"not confirmed by {label_of(row)}"
        case DeliveryState.FAILED:
            told = reason or "refused by the channel"
        case DeliveryState.BLOCKED:
            told = reason or "the window closed"
        case DeliveryState.QUEUED if waits is not None:
            told = waiting_words(waits, label_of(row), now, tz)
        case _:
            told = ""
    return " · ".join(part for part in (told, text) if part)


def _name_width(width: int) -> int:
    return WIDE_NAME if width >= WIDE else NAME_WIDTH
