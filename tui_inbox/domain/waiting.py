"""Why a queued message is not sent at this instant: the vocabulary. Which reason holds is said in ``outbox``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tui_inbox.domain.kinds import DeliveryState


class WaitKind(StrEnum):
    """Why a queued message is not sent at this instant."""

    HELD = "held"
    """It can still be taken back."""
    EARLIER = "earlier"
    """An earlier message to the same contact and channel is not settled."""
    PAUSED = "paused"
    """The channel is paused: it asked for it, or an admin must act."""
    RESTS = "rests"
    """The channel failed too often and rests before it is tried again."""
    RETRY = "retry"
    """The last attempt did not succeed; the next one comes by itself."""
    SENDER = "sender"
    """Nothing holds it back, yet nobody takes it."""


@dataclass(frozen=True)
class Waiting:
    """Why a queued message waits, since when, and until when where that is known."""

    kind: WaitKind
    since: datetime
    until: datetime | None = None
    """``None`` = until something happens."""
    reason: str = ""
    """In the words of the channel or of the program; empty where the kind says it all. Clean before painting."""
    behind: DeliveryState | None = None
    """State of the earlier message that it waits for."""
