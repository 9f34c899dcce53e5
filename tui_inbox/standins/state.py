"""What the stand-in of one channel keeps: its customers, what it accepted, faults to come."""

from __future__ import annotations

import base64
import itertools
import json
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tui_inbox.domain.clock import Clock
from tui_inbox.standins.config import ChannelConfig, Member
from tui_inbox.standins.files import SentFile, StoredFile


class Fault(BaseModel):
    """Something that goes wrong with the next sends."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["error", "status", "drop", "slow", "truncated", "late"]
    """``error``: refuse with the channel's own error ``code``; ``status``: answer a bare HTTP ``status``; ``drop``:
    cut the connection instead of answering; ``slow``: answer after ``seconds``; ``truncated``: accept, with an answer
    cut in half; ``late``: accept, and report the failure ``code`` in a later status (WhatsApp)."""
    count: int = Field(default=1, ge=1)
    """For how many sends."""
    code: int = 0
    subcode: int | None = None
    description: str = ""
    """Telegram: its words."""
    status: int = Field(default=503, ge=200, le=599)
    retry_after: float | None = None
    """Seconds."""
    seconds: float = 0
    accept: bool = True
    """``drop``: whether the message was taken before the connection broke."""


@dataclass(frozen=True)
class Accepted:
    """A message that the stand-in took."""

    number: int
    channel: str
    at: datetime
    provider_id: str
    address: str
    text: str
    """What the customer reads; a template filled."""
    template: str
    tag: str
    echo: str
    """The sender's own id of the message, where the channel hands it back."""
    request: Mapping[str, Any]
    """The body as it came."""
    key: str = ""
    """The sender's key against doubles, where the channel honours one."""
    files: tuple[SentFile, ...] = ()

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"at": self.at.isoformat()}


@dataclass
class ChannelState:
    """Everything that changes."""

    config: ChannelConfig
    clock: Clock
    members: dict[str, Member] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    accepted_file: Path | None = None
    files: dict[str, StoredFile] = field(default_factory=dict)
    """By id: what customers have sent, and what was uploaded."""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        # Numbers begin at the present second, so that a later run never uses one again.
        self._numbers = itertools.count(int(self.clock().timestamp()))
        for member in self.config.members:
            self.members[member.address] = Member(**member.model_dump())

    def number(self) -> int:
        """A number never used before, rising."""
        return next(self._numbers)

    def ident(self, prefix: str) -> str:
        """An id as Meta makes them: opaque, and never used before."""
        raw = f"{self.number()}{secrets.token_hex(8)}".encode()
        return prefix + base64.b64encode(raw).decode()

    def put(self, file: StoredFile, ident: str = "") -> StoredFile:
        """Hold a file, under a new id where none is given."""
        held = StoredFile(ident or f"1{self.number()}", file.name, file.media_type, file.content)
        self.files[held.id] = held
        return held

    def member(self, address: str) -> Member:
        """The customer at ``address``, made known when new."""
        return self.members.setdefault(address, Member(address=address))

    def age(self, member: Member | None) -> timedelta | None:
        """Time since the customer last wrote; ``None`` = never."""
        if member is None or member.last_inbound_at is None:
            return None
        return self.clock() - member.last_inbound_at

    def heard(self, member: Member, at: datetime) -> None:
        """The customer wrote: that opens the window and takes a block back."""
        member.started, member.blocked = True, False
        member.last_inbound_at = at if member.last_inbound_at is None else max(at, member.last_inbound_at)

    def take_fault(self) -> Fault | None:
        """The fault for this send, used up."""
        if not self.faults:
            return None
        fault = self.faults[0]
        fault.count -= 1
        if fault.count <= 0:
            self.faults.popleft()
        return fault

    def keep(self, message: Accepted) -> None:
        """Record a message that was taken."""
        self.accepted.append(message)
        if self.accepted_file is not None:
            with self.accepted_file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(message.row(), default=str) + "\n")
