"""What the inbox list shows: inbox, status, filters, search and order, as one value that can be compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from tui_inbox.domain.kinds import ChannelKind, ConversationStatus, SortOrder, WindowFilter
from tui_inbox.domain.search import SearchQuery


class InboxKind(StrEnum):
    """The standing inboxes."""

    MINE = "mine"
    UNASSIGNED = "unassigned"
    ALL = "all"
    TEAM = "team"


@dataclass(frozen=True)
class InboxFilter:
    """One view of the inbox. Everything given must hold; within one field any value does."""

    inbox: InboxKind = InboxKind.ALL
    agent_id: int | None = None
    """Whose Mine is meant; needed for :attr:`InboxKind.MINE`."""
    team_id: int | None = None
    """Needed for :attr:`InboxKind.TEAM`."""
    status: ConversationStatus | None = None
    """``None`` = any, contacts without a conversation included."""
    query: SearchQuery = field(default_factory=SearchQuery)
    channels: tuple[ChannelKind, ...] = ()
    window: WindowFilter | None = None
    tags: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    """Handles; ``none`` = nobody."""
    needs_person: bool = False
    """Only those with a failed, blocked or uncertain message."""
    sort: SortOrder = SortOrder.LATEST


@dataclass(frozen=True)
class StatusCounts:
    """How many contacts a filter finds per status, its own status left out."""

    open: int = 0
    snoozed: int = 0
    closed: int = 0
    none: int = 0
    complete: bool = True
    """Whether all were counted; else each number means so many or more."""

    @property
    def any(self) -> int:
        """All of them."""
        return self.open + self.snoozed + self.closed + self.none

    def of(self, status: ConversationStatus | None) -> int:
        """The count of one status; ``None`` = any."""
        return self.any if status is None else int(getattr(self, status.value))

    def said(self, status: ConversationStatus | None) -> str:
        """The count of one status as it is shown: ``2,000+`` where counting stopped."""
        return f"{self.of(status):,}{'' if self.complete else '+'}"
