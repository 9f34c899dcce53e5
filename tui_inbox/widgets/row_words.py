"""How one row of the inbox reads: marks, badges and columns as plain spans. No Textual in here, no colour alone.

Facts come first and have fixed columns; the customer's own words come last, so that a terminal which measures them
differently cannot move the frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache

from tui_inbox.domain.kinds import ChannelKind, ComposerMode, ConversationStatus, Direction, WindowState
from tui_inbox.domain.models import InboxRow
from tui_inbox.domain.policy import policy_for
from tui_inbox.domain.presence import Doing
from tui_inbox.domain.window import AMBER, WindowAnswer, decide
from tui_inbox.text import CustomerText, cells, clean_line, duration, fit, when
from tui_inbox.widgets.colleague_words import MARKS

STATUS_MARKS: Mapping[ConversationStatus, str] = {
    ConversationStatus.OPEN: "●",
    ConversationStatus.SNOOZED: "◌",
    ConversationStatus.CLOSED: "○",
    ConversationStatus.NONE: "·",
}
CHANNEL_LETTERS: Mapping[ChannelKind, str] = {
    ChannelKind.TELEGRAM: "TG",
    ChannelKind.LINE: "LN",
    ChannelKind.WEBCHAT: "WB",
    ChannelKind.SMS: "SM",
    ChannelKind.EMAIL: "EM",
    ChannelKind.CUSTOM: "CU",
    ChannelKind.WHATSAPP: "WA",
    ChannelKind.WHATSAPP_TWILIO: "WA",
    ChannelKind.WHATSAPP_360DIALOG: "WA",
    ChannelKind.MESSENGER: "FB",
    ChannelKind.INSTAGRAM: "IG",
    ChannelKind.VIBER: "VB",
    ChannelKind.WECHAT: "WX",
    ChannelKind.TIKTOK: "TT",
    ChannelKind.X: "X",
    ChannelKind.GOOGLE_BUSINESS: "GB",
}
"""Two letters for each channel; the help screen explains them."""
SELECTED, FAILED, UNCERTAIN, UNREAD, BLOCKED = "✓", "!", "?", "•", "⊘"
MINUTE = timedelta(minutes=1)
"""Rows are painted once a minute; less than that is not told in seconds."""
NAME_WIDTH = 22
"""Cells of a name where there is room for more than the name."""

Span = tuple[str, str]


@dataclass(frozen=True)
class Columns:
    """Which columns a list of a certain width has; widths in cells, 0 = left out."""

    when: int = 6
    channels: int = 5
    window: int = 9
    assignee: int = 8
    name: int = NAME_WIDTH


def columns_for(width: int, *, with_assignee: bool = True) -> Columns:
    """The columns for a list of ``width`` cells. The name keeps at least sixteen."""
    assignee = 8 if with_assignee and width >= 62 else 0
    channels = 5 if width >= 50 else 2
    name = 26 if width >= 120 else NAME_WIDTH
    return Columns(channels=channels, assignee=assignee, name=name)


def head_spans(columns: Columns, width: int) -> list[Span]:
    """The names of the columns, together ``width`` cells."""
    spans = [
        (" " * 4 + fit("last", columns.when, "right") + "  ", "faint"),
        (fit("on", columns.channels + 1), "faint"),
        (fit("may write", columns.window + 1), "faint"),
    ]
    if columns.assignee:
        spans.append((fit("agent", columns.assignee + 1), "faint"))
    room = width - sum(cells(text) for text, _ in spans)
    name = fit("contact", columns.name + 1) + "newest" if room >= columns.name + 12 else "contact"
    return [*spans, (fit(name, room), "faint")]


@lru_cache(maxsize=4096)
def cleaned(text: str, width: int = 80) -> CustomerText:
    """One line of customer text; remembered, since the same rows are painted over and over."""
    return clean_line(text, width)


def row_spans(
    row: InboxRow,
    columns: Columns,
    width: int,
    now: datetime,
    tz: tzinfo,
    *,
    selected: bool = False,
    searching: bool = False,
    colleague: Doing | None = None,
) -> list[Span]:
    """The spans of one row, together exactly ``width`` cells; ``colleague``: what another agent does with it."""
    badge, tone = window_badge(row, now)
    spans: list[Span] = [
        *_marks(mark(row, selected=selected), colleague),
        (STATUS_MARKS[row.status] + " ", _STATUS_TONES[row.status]),
        (fit(_time(row, now, tz), columns.when, "right"), "muted"),
        ("  ", ""),
        (fit(channel_letters(row.channel_kinds, columns.channels), columns.channels), "muted"),
        (" ", ""),
        (fit(badge, columns.window), tone),
        (" ", ""),
    ]
    if columns.assignee:
        spans += [(fit(str(cleaned(row.assignee)) if row.assignee else "–", columns.assignee), "muted"), (" ", "")]
    room = width - sum(cells(text) for text, _ in spans)
    return [*spans, *_customer_part(row, columns.name, room, searching=searching)]


def _customer_part(row: InboxRow, name_width: int, room: int, *, searching: bool) -> list[Span]:
    name = str(cleaned(row.name or f"#{row.contact_id}"))
    name_style = "strong" if row.unread else ""
    if room < name_width + 12:
        if not (searching and "text" in row.matched):
            return [(fit(name, room), name_style)]
        name_width = max(10, room - 17)  # the words that were sought are worth more than the end of a name
    spoken = f"{'you: ' if row.preview_direction is Direction.OUTBOUND else ''}{cleaned(row.preview, 200)}"
    found = _found(row, spoken if row.preview else "") if searching else ""
    spans: list[Span] = [(fit(name, name_width), name_style), (" ", "")]
    room -= name_width + 1
    if found:
        spans.append((fit(found, room), "faint"))
    else:
        spans.append((fit(spoken if row.preview else "", room), "faint"))
    return spans


def _marks(first: Span, colleague: Doing | None) -> list[Span]:
    """The first two cells; a colleague's mark takes the second."""
    return [first] if colleague is None else [(first[0][:1], first[1]), MARKS[colleague]]


def mark(row: InboxRow, *, selected: bool) -> Span:
    """The first two cells: selected before uncertain before failed before unread before blocked."""
    if selected:
        return (f"{SELECTED} ", "accent")
    if row.uncertain:
        return (f"{UNCERTAIN} ", "warn")
    if row.failed:
        return (f"{FAILED} ", "bad")
    if row.unread:
        return (f"{UNREAD} ", "accent")
    return (f"{BLOCKED} ", "bad") if row.blocked else ("  ", "")


_STATUS_TONES = {
    ConversationStatus.OPEN: "good",
    ConversationStatus.SNOOZED: "info",
    ConversationStatus.CLOSED: "muted",
    ConversationStatus.NONE: "faint",
}


def window_badge(row: InboxRow, now: datetime) -> Span:
    """What may be sent on the channel last used, in at most nine cells; the very answer that the composer gets."""
    if row.blocked:
        return ("blocked", "bad")
    last = row.last_used
    if last is None:
        return ("–", "faint")
    answer = decide(policy_for(last.channel.kind, last.channel.policy_override), last.facts, now)
    if answer.state is WindowState.BLOCKED:
        return _shut(answer)
    if answer.state is WindowState.OPEN and answer.closes_at is not None:
        left = answer.closes_at - now
        return (duration(left) if left >= MINUTE else "< 1 min", "warn" if left <= AMBER else "good")
    if answer.mode is ComposerMode.TAG:
        return (f"tag {_rough(answer.changes_at - now)}" if answer.changes_at else "tag", "info")
    if answer.mode is ComposerMode.TEMPLATE:
        return ("template", "info")
    return ("charged", "warn") if answer.warning else ("free", "good")


def _shut(answer: WindowAnswer) -> Span:
    if answer.opted_out:
        return ("opted out", "bad")
    return ("ended", "bad") if answer.for_good else ("closed", "muted")


def _rough(left: timedelta) -> str:
    seconds = int(left.total_seconds())
    if seconds >= 86_400:
        return f"{seconds // 86_400} d"
    return f"{seconds // 3600} h" if seconds >= 3600 else f"{seconds // 60} m"


def channel_letters(kinds: tuple[ChannelKind, ...], width: int) -> str:
    """The channel last used, and how many more there are: ``WA+2``."""
    if not kinds:
        return ""
    letters = [CHANNEL_LETTERS[kind] for kind in kinds]
    if width < 5 or len(letters) == 1:
        return letters[0]
    return " ".join(letters) if len(letters) == 2 else f"{letters[0]}+{len(letters) - 1}"


def _time(row: InboxRow, now: datetime, tz: tzinfo) -> str:
    if row.status is ConversationStatus.SNOOZED and row.snoozed_until is not None:
        told = when(row.snoozed_until, now, tz) if row.snoozed_until > now else "due"
        return told if cells(told) <= Columns.when else told.replace(" ", "", 1)  # the unit must not be cut off
    return when(row.last_activity_at, now, tz)


def _found(row: InboxRow, spoken: str) -> str:
    """Where the search hit, and that value where it is not the name that one sees anyway.

    ``spoken``: the words of the row, which are the line that was found by a search in messages.
    """
    if not row.matched:
        return ""
    if row.matched == ("text",):
        # A narrow column has room for the words, or for where they are and who said them.
        return str(cleaned(row.preview, 200))
    values = {"text": spoken, "name": row.preview, "phone": row.phone, "email": row.email, "email part": row.email}
    shown = values.get(row.matched[0], "")
    names = dict.fromkeys(name.removesuffix(" part") for name in row.matched)
    return f"[{', '.join(names)}] {cleaned(shown, 120) if shown else ''}".rstrip()
