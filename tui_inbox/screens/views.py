"""Views of the inbox as values: what a choice makes of a filter, how a view is named, what another view would find.

Pure; the screen does what these say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tui_inbox.actions import Keymap, first_sign
from tui_inbox.domain.filters import InboxFilter, InboxKind, StatusCounts
from tui_inbox.domain.kinds import ChannelKind, ConversationStatus, SortOrder, WindowFilter
from tui_inbox.domain.models import Team
from tui_inbox.domain.policy import policy_for
from tui_inbox.domain.search import SearchQuery
from tui_inbox.widgets.filter_sidebar import Choice

STATUSES: tuple[tuple[ConversationStatus | None, str, str], ...] = (
    (ConversationStatus.OPEN, "Open", "status_open"),
    (ConversationStatus.CLOSED, "Closed", "status_closed"),
    (ConversationStatus.SNOOZED, "Snoozed", "status_snoozed"),
    (None, "Any", "status_any"),
)
"""Status, its name on the screen, and the action that shows it."""
INBOXES = ((InboxKind.MINE, "Mine"), (InboxKind.UNASSIGNED, "Unassigned"), (InboxKind.ALL, "All"))
SORTS = {
    SortOrder.LATEST: "latest first",
    SortOrder.OLDEST: "oldest first",
    SortOrder.WINDOW_END: "window ends first",
    SortOrder.WAITING: "longest waiting",
}
WINDOWS = {
    WindowFilter.OPEN: "Open",
    WindowFilter.CLOSING: "Closes within 4 h",
    WindowFilter.CLOSED: "Closed",
    WindowFilter.NONE: "Has none",
}
NOBODY = "none"
NO_QUERY = SearchQuery()
MOST_FACETS = 12
"""Tags and assignees listed; the rest is reached by ``tag:`` and ``assignee:`` in the search."""

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class Facets:
    """What one can filter by, with numbers."""

    channels: tuple[tuple[ChannelKind, int], ...] = ()
    tags: tuple[tuple[str, int], ...] = ()
    assignees: tuple[tuple[str, int], ...] = ()
    teams: tuple[Team, ...] = ()


def chosen(view: InboxFilter, choice: Choice) -> InboxFilter:
    """The view after a line of the sidebar was chosen; choosing what holds already takes it away again."""
    match choice.field:
        case "inbox":
            return replace(view, inbox=InboxKind(choice.value), team_id=None)
        case "team":
            return replace(view, inbox=InboxKind.TEAM, team_id=int(choice.value))
        case "status":
            return replace(view, status=ConversationStatus(choice.value) if choice.value else None)
        case "channel":
            return replace(view, channels=_toggled(view.channels, ChannelKind(choice.value)))
        case "window":
            window = WindowFilter(choice.value)
            return replace(view, window=None if view.window is window else window)
        case "tag":
            return replace(view, tags=_toggled(view.tags, choice.value))
        case "assignee":
            return replace(view, assignees=_toggled(view.assignees, choice.value))
        case "needs":
            return replace(view, needs_person=not view.needs_person)
        case _:
            return view


def without_filters(view: InboxFilter) -> InboxFilter:
    """The view with its inbox, status and order alone."""
    return replace(view, query=SearchQuery(), channels=(), window=None, tags=(), assignees=(), needs_person=False)


def filtered(view: InboxFilter) -> bool:
    """Whether anything beside inbox, status and search narrows the view."""
    return bool(view.channels or view.window or view.tags or view.assignees or view.needs_person)


def next_sort(order: SortOrder) -> SortOrder:
    """The order after this one."""
    orders = list(SORTS)
    return orders[(orders.index(order) + 1) % len(orders)]


def by_window(order: SortOrder) -> SortOrder:
    """By the end of the window, or back to the latest first."""
    return SortOrder.LATEST if order is SortOrder.WINDOW_END else SortOrder.WINDOW_END


def place(view: InboxFilter) -> InboxFilter:
    """What the cursor is remembered for: the view without what is typed."""
    return replace(view, query=SearchQuery())


def inbox_name(view: InboxFilter, teams: Sequence[Team] = ()) -> str:
    """``Mine``, ``All``, or the name of the team."""
    if view.inbox is InboxKind.TEAM:
        return next((team.name for team in teams if team.id == view.team_id), "Team")
    return dict(INBOXES)[view.inbox]


def status_name(status: ConversationStatus | None) -> str:
    """The status as the screen names it."""
    return next((name for known, name, _ in STATUSES if known is status), "No conversation")


def filter_words(view: InboxFilter) -> str:
    """The filters that hold, in a few words; empty when none does."""
    words = [policy_for(kind).label for kind in view.channels]
    words += [f"window {WINDOWS[view.window].lower()}"] if view.window else []
    words += [f"tag {tag}" for tag in view.tags]
    words += ["of nobody" if handle == NOBODY else f"of {handle}" for handle in view.assignees]
    words += ["needs a look"] if view.needs_person else []
    return ", ".join(words)


def elsewhere(
    view: InboxFilter, counts: StatusCounts, everybodys: StatusCounts | None, keymap: Keymap | None = None
) -> str:
    """What the view hides from its search: ``0 in Closed, 1 in Snoozed, 2 in Open: press S / O``.

    ``everybodys``: the same search in All, where the view is narrower than that. Empty when nothing is hidden.
    """
    if view.query.empty:
        return ""
    hidden, keys = [], []
    if view.status is not None:
        for status, name, action in STATUSES:
            if status not in (None, view.status) and counts.of(status):
                hidden.append(f"{counts.said(status)} in {name}")
                keys.append(first_sign(action, keymap))
        if counts.none:
            hidden.append(f"{counts.said(ConversationStatus.NONE)} never wrote")
            keys.append(first_sign("status_any", keymap))
    if everybodys is not None and (more := _more(everybodys, counts)):
        hidden.append(f"{more} in All")
        keys.append(first_sign("all", keymap))
    if not hidden:
        return ""
    here = f"{counts.said(view.status)} in {status_name(view.status)}"
    return f"{', '.join([here, *hidden])}: press {' / '.join(keys)}"


def _more(everybodys: StatusCounts, counts: StatusCounts) -> str:
    """How many more everybody has: ``12 more``, ``4,990+ more``, or ``more`` where that can't be told."""
    if not counts.complete:
        return "more"
    number = everybodys.any - counts.any
    return f"{number:,}{'' if everybodys.complete else '+'} more" if number > 0 else ""


def choices(
    view: InboxFilter, counts: StatusCounts | None, facets: Facets, keymap: Keymap | None = None
) -> list[Choice]:
    """The lines of the sidebar."""
    signs = {kind: first_sign(kind.value, keymap) for kind, _ in INBOXES}
    lines = [Choice("INBOX")]
    lines += [Choice(name, "inbox", kind.value, on=view.inbox is kind, sign=signs[kind]) for kind, name in INBOXES]
    lines += [
        Choice(team.name, "team", str(team.id), on=view.inbox is InboxKind.TEAM and view.team_id == team.id)
        for team in facets.teams
    ]
    lines += [Choice(""), Choice("STATUS")]
    for status, name, action in STATUSES:
        count = None if counts is None else counts.of(status)
        value = status.value if status else ""
        sign, more = first_sign(action, keymap), counts is not None and not counts.complete
        lines.append(Choice(name, "status", value, count, view.status is status, sign, more))
    lines += [Choice(""), Choice("ATTENTION"), Choice("Not delivered", "needs", "1", on=view.needs_person)]
    lines += [Choice(""), Choice("WINDOW")]
    lines += [Choice(name, "window", kind.value, on=view.window is kind) for kind, name in WINDOWS.items()]
    if facets.channels:
        lines += [Choice(""), Choice("CHANNEL")]
        lines += [
            Choice(policy_for(kind).label, "channel", kind.value, count, kind in view.channels)
            for kind, count in facets.channels
        ]
    if facets.tags:
        lines += [Choice(""), Choice("TAG")]
        lines += [Choice(tag, "tag", tag, count, tag in view.tags) for tag, count in facets.tags[:MOST_FACETS]]
    if facets.assignees:
        lines += [Choice(""), Choice("ASSIGNEE")]
        lines += [
            Choice("nobody" if handle == NOBODY else handle, "assignee", handle, count, handle in view.assignees)
            for handle, count in facets.assignees[:MOST_FACETS]
        ]
    return lines


def _toggled(values: tuple[ItemT, ...], value: ItemT) -> tuple[ItemT, ...]:
    return tuple(item for item in values if item != value) if value in values else (*values, value)
