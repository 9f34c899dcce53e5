"""How it reads that another agent is at a contact: a mark in a row, one line elsewhere. No Textual, no colour alone.

Handles pass the cleaner here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tui_inbox.domain.presence import Colleague, Doing
from tui_inbox.text import clean_line
from tui_inbox.widgets.lines import Line, Span

MARKS: dict[Doing, Span] = {Doing.TYPING: ("✎", "warn"), Doing.VIEWING: ("☻", "info")}
"""One cell each."""
MOST_NAMED = 2
"""More colleagues than these are only counted."""
HANDLE_CELLS = 16


def colleague_line(colleagues: Sequence[Colleague], now: datetime) -> Line:
    """Who else is at a contact and what they do, those who type first; empty for nobody."""
    spans: list[Span] = []
    for one in colleagues[:MOST_NAMED]:
        sign, tone = MARKS[one.doing]
        spans += [(" · " if spans else "", "faint"), (f"{sign} {_told(one, now)}", _tone(one, tone))]
    more = len(colleagues) - MOST_NAMED
    if more > 0:
        spans.append((f" · {more} more here", "muted"))
    return tuple(spans)


def _told(one: Colleague, now: datetime) -> str:
    who = clean_line(one.handle, HANDLE_CELLS)
    if one.doing is Doing.TYPING:
        return f"{who} is typing"
    minutes = one.minutes(now)
    for_long = f" ({minutes} min)" if minutes < 120 else f" ({minutes // 60} h)"
    return f"{who} is looking at this{for_long if minutes else ''}"


def _tone(one: Colleague, tone: str) -> str:
    return f"{tone} strong" if one.doing is Doing.TYPING else tone
