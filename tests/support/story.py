"""The customer whom the end-to-end tests are about: on one channel, with a closed conversation of somebody else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.workspace import ACCOUNTS, Workspace
from tui_inbox.domain.kinds import ConversationStatus, Direction
from tui_inbox.domain.models import Channel
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.history import History, HistoryChannel, HistoryEntry

FIRST, LAST, NAME = "Nadia", "Storey", "Nadia Storey"
QUESTION = "Where is my parcel?"
AGO = timedelta(days=2)
"""How long ago the customer last wrote: every window of a day is closed."""
TEMPLATE: Mapping[str, Any] = {
    "name": "order_update",
    "language": "en",
    "category": "UTILITY",
    "components": [{"type": "BODY", "text": "Hello {{1}}, your order {{2}} is on its way."}],
}


@dataclass(frozen=True)
class Chapter:
    """One channel of the story."""

    channel: str
    address: str
    reach: str
    """What the contact card says of the channel before."""
    consequence: str
    """What the line above the composer says before sending."""
    sent: str
    """What the customer gets."""
    opened: str
    """What the channel-policy bar says after the customer's answer."""
    standin: Mapping[str, Any] = field(default_factory=dict)


CHAPTERS = {
    "telegram": Chapter(
        "telegram",
        "5550001",
        reach="free text",
        consequence="reopens, assigns to you (was bo), free text",
        sent="It leaves today, Nadia.",
        opened="no window",
    ),
    "whatsapp": Chapter(
        "whatsapp",
        "+15551230002",
        reach="template",
        consequence="choose a template",
        sent="Hello Nadia, your order AB-17 is on its way.",
        opened="free text for 23 h 59 m",
        standin={"templates": [TEMPLATE]},
    ),
    "instagram": Chapter(
        "instagram",
        "9988776655",
        reach="tag 4 d 23 h",
        consequence="reopens, assigns to you (was bo), with tag HUMAN_AGENT",
        sent="It leaves today, Nadia.",
        opened="free text for 23 h 59 m",
    ),
}


def nadia(chapter: Chapter, now: datetime) -> Any:
    """Makes the customer's history for :meth:`Workspace.add`: one question, closed, bo's."""

    def make(channels: Mapping[str, Channel], agents: Mapping[str, int]) -> Sequence[History]:
        channel = channels[chapter.channel]
        asked = HistoryEntry(now - AGO, Direction.INBOUND, QUESTION, channel_id=channel.id, provider_id="in-1")
        contact = NewContact(FIRST, LAST, "nadia@example.com", "+15551230002", "en", "US", ("vip",), {})
        address = HistoryChannel(channel.id, chapter.address)
        return [History(contact, (address,), (asked,), ConversationStatus.CLOSED, agents["bo"])]

    return make


def prepare(workspace: Workspace, chapter: Chapter, *, sender: bool = True) -> int:
    """Stand-in, agents, channel, templates, receiver, sender, and the customer; returns the contact's id.

    ``sender``: start one; else the inbox will.
    """
    now = datetime.now(UTC)
    member = {"address": chapter.address, "name": NAME, "last_inbound_at": now - AGO}
    workspace.start_standins(ACCOUNTS[chapter.channel].standin(members=[member], **chapter.standin))
    workspace.add_people()
    workspace.add_channel(chapter.channel)
    if chapter.standin:
        workspace.run("channel", "templates", chapter.channel, "--sync")
    contact_id = workspace.add(nadia(chapter, now))[0]
    workspace.start_receiver()
    if sender:
        workspace.start_sender()
    return contact_id
