"""The demo workspace as plain data, before anything is written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tui_inbox.domain.kinds import ChannelKind, ConversationStatus, DeliveryState, Direction, ErrorClass, Receipt, Role
from tui_inbox.domain.templates import TemplateContent


@dataclass(frozen=True)
class DemoAgent:
    """An agent of the demo."""

    handle: str
    name: str
    role: Role = Role.AGENT
    away: bool = False


@dataclass(frozen=True)
class DemoTeam:
    """A team of the demo, by the handles of its members."""

    name: str
    members: tuple[str, ...]
    closing_logic: str | None = None


@dataclass(frozen=True)
class DemoChannel:
    """A channel of the demo; ``live``: a stand-in answers on it."""

    name: str
    kind: ChannelKind
    live: bool = False
    config: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    webhook_path: str = ""


@dataclass(frozen=True)
class DemoAddress:
    """A contact's address on a channel."""

    channel: str
    address: str
    started: bool = True
    opted_out: bool = False


@dataclass(frozen=True)
class DemoLine:
    """One entry of a thread: a message either way or a note; or, with ``event``, one line of record."""

    at: datetime
    direction: Direction | None
    body: str = ""
    channel: str = ""
    author: str = ""
    """Handle of the agent."""
    state: DeliveryState = DeliveryState.SENT
    receipt: Receipt = Receipt.READ
    error_class: ErrorClass | None = None
    error_text: str = ""
    template: TemplateContent | None = None
    tag: str = ""
    event: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Of events; agents by their handles under ``from`` and ``to``."""


@dataclass(frozen=True)
class DemoContact:
    """A customer with everything that belongs to them."""

    first_name: str
    last_name: str
    email: str = ""
    phone: str = ""
    language: str = "en"
    country: str = ""
    tags: tuple[str, ...] = ()
    blocked: bool = False
    addresses: tuple[DemoAddress, ...] = ()
    lines: tuple[DemoLine, ...] = ()
    """Oldest first."""
    status: ConversationStatus = ConversationStatus.NONE
    assignee: str = ""
    team: str = ""
    snoozed_until: datetime | None = None
    custom: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    """When a contact who never wrote was added."""


@dataclass(frozen=True)
class DemoTemplate:
    """A template as the stand-in for WhatsApp lists it."""

    name: str
    language: str
    status: str
    category: str
    components: tuple[Mapping[str, Any], ...]
    reason: str = ""
    named: bool = False
    quality: str = "GREEN"


@dataclass(frozen=True)
class DemoData:
    """The whole workspace."""

    agents: tuple[DemoAgent, ...]
    teams: tuple[DemoTeam, ...]
    channels: tuple[DemoChannel, ...]
    templates: tuple[DemoTemplate, ...]
    contacts: Collection[DemoContact]
    """Made anew each time that they are gone through, the same ones; a million would fill the memory."""
