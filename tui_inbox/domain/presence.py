"""Who looks at, or writes to, which contact: a hint for the other agents, never a lock.

What one program has to tell, and when, is :class:`Sitting`; what the others are told is a :class:`Colleague`
(reference: reliability, section 5.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

REFRESH_EVERY = timedelta(seconds=5)
"""How often a program says again that its agent is still there."""
STALE_AFTER = timedelta(seconds=15)
"""Whoever has not been heard of for this long is taken as gone: the program was killed or stands still."""
TYPING_LASTS = timedelta(seconds=5)
"""How long after the last key somebody still counts as typing."""


class Doing(StrEnum):
    """What an agent does with a contact, the more urgent for the others first."""

    TYPING = "typing"
    VIEWING = "viewing"


@dataclass(frozen=True)
class Present:
    """One agent at one contact, as it is written down."""

    agent_id: int
    contact_id: int
    doing: Doing
    since: datetime
    """When the agent came to the contact."""
    seen_at: datetime
    """When that was last said."""

    def is_fresh(self, now: datetime) -> bool:
        """Whether it still counts at ``now``; one from the future is the trace of a clock that was set back."""
        return abs(now - self.seen_at) < STALE_AFTER


@dataclass(frozen=True)
class Colleague:
    """Another agent at a contact, as a screen is told."""

    contact_id: int
    handle: str
    doing: Doing
    since: datetime

    def minutes(self, now: datetime) -> int:
        """Whole minutes that the agent has been there."""
        return max(0, int((now - self.since).total_seconds())) // 60


class Sitting:
    """One stay of this program's agent at a contact: what is to be said of it, and whether it is due."""

    def __init__(self, contact_id: int, now: datetime) -> None:
        self.contact_id = contact_id
        self._since = now
        self._key_at: datetime | None = None
        self._told: tuple[Doing, datetime] | None = None

    def typed(self, now: datetime) -> None:
        """A key was pressed that changed the text."""
        self._key_at = now

    def doing(self, now: datetime) -> Doing:
        """Typing until some seconds after the last key."""
        typing = self._key_at is not None and abs(now - self._key_at) < TYPING_LASTS
        return Doing.TYPING if typing else Doing.VIEWING

    def due(self, now: datetime) -> bool:
        """Whether something is to be said: it changed, or it is time to say it again. Clocks may be set back."""
        if self._told is None:
            return True
        doing, at = self._told
        return doing is not self.doing(now) or abs(now - at) >= REFRESH_EVERY

    def tell(self, agent_id: int, now: datetime) -> Present:
        """What is to be written down at ``now``; it counts as said."""
        self._told = (self.doing(now), now)
        return Present(agent_id, self.contact_id, self._told[0], self._since, now)

    def not_told(self) -> None:
        """It could not be written down: it stays due."""
        self._told = None
