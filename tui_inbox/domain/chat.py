"""The website chat in plain data: a visitor, and one line that a visitor's browser shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tui_inbox.domain.attachments import Attachment


class ChatSender(StrEnum):
    """Who wrote a line."""

    VISITOR = "visitor"
    AGENT = "agent"


@dataclass(frozen=True)
class ChatVisitor:
    """One browser. Whoever shows its token is this visitor; only the token's hash is kept."""

    id: int
    channel_id: int
    address: str
    """Its address as a contact channel; says nothing of the token."""
    name: str = ""
    last_number: int = 0
    """Number of the newest line; lines are numbered from 1 without gaps."""
    delivered_number: int = 0
    read_number: int = 0
    """Up to which number the browser has told that it has, and has shown, our lines."""
    email: str = ""
    """Where they can be reached when they are away, as they say."""
    mailed_number: int = 0
    """Up to which number our lines went there."""


@dataclass(frozen=True)
class ChatLine:
    """One message, either way."""

    number: int
    sender: ChatSender
    key: str
    """The browser's own id of a visitor's line, our message id of an agent's: the same key is one line."""
    text: str = field(repr=False)
    at: datetime
    files: tuple[Attachment, ...] = ()
    """Of an agent's line, what the browser may fetch."""
