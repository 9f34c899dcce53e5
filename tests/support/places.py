"""Every kind of screen that one can be on, and how to get there in the real program."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import pytest

from tests.support.ptyproc import NotSeenError, PtyProcess
from tests.support.story import AGO, CHAPTERS, FIRST, LAST, NAME, QUESTION
from tests.support.workspace import Workspace
from tui_inbox.channels.port import RemoteTemplate
from tui_inbox.domain.kinds import ConversationStatus, Direction
from tui_inbox.domain.models import Channel
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.history import History, HistoryChannel, HistoryEntry
from tui_inbox.repository.unit import Unit

TEXT = "a text that is not sent yet"
"""What stands in the composer."""
Place = Callable[[PtyProcess], None]
BESIDE_FROM = 120
"""Columns from which on the thread stands beside the list."""


def people_and_customer(workspace: Workspace) -> None:
    """Two agents and one customer, closed, on Telegram (free text) and WhatsApp (templates only)."""
    workspace.add_people()
    workspace.add_channel("telegram")
    workspace.add_channel("whatsapp")
    workspace.contact_id = workspace.add(_customer)[0]
    workspace.write(_templates)


def _customer(channels: Mapping[str, Channel], agents: Mapping[str, int]) -> Sequence[History]:
    asked = HistoryEntry(
        datetime.now(UTC) - AGO, Direction.INBOUND, QUESTION, channel_id=channels["telegram"].id, provider_id="in-1"
    )
    contact = NewContact(FIRST, LAST, "nadia@example.com", "+15551230002", "en", "US", ("vip",), {})
    addresses = (
        HistoryChannel(channels["telegram"].id, CHAPTERS["telegram"].address),
        HistoryChannel(channels["whatsapp"].id, CHAPTERS["whatsapp"].address),
    )
    return [History(contact, addresses, (asked,), ConversationStatus.CLOSED, agents["bo"])]


async def _templates(unit: Unit) -> None:
    channel = await unit.directory.channel("whatsapp")
    assert channel is not None
    body = {"type": "BODY", "text": "Hello, your order is on its way."}
    listed = [RemoteTemplate("order_update", "en", "APPROVED", "UTILITY", [body], reason="")]
    await unit.directory.put_templates(channel.id, listed, datetime.now(UTC))


def to_list(inbox: PtyProcess) -> None:
    """The inbox with the customer in it, whose question stands beside the list where there is room."""
    inbox.wait_for("Nothing in Mine is Open")
    inbox.press("3", "C")
    beside = QUESTION if inbox.screen.width >= BESIDE_FROM else NAME
    inbox.wait_for(lambda screen: "All · Closed  1" in screen.text and NAME in screen.text and beside in screen.text)


def to_search(inbox: PtyProcess) -> None:
    """The search field."""
    to_list(inbox)
    inbox.press("/")
    inbox.wait_for("end the search")


def to_help(inbox: PtyProcess) -> None:
    """The help."""
    to_list(inbox)
    inbox.press("?")
    inbox.wait_without(NAME)


def to_palette(inbox: PtyProcess) -> None:
    """The command palette."""
    to_list(inbox)
    inbox.press("ctrl+p")
    inbox.wait_for("Inbox: Unassigned")


def to_conversation(inbox: PtyProcess) -> None:
    """The conversation."""
    to_list(inbox)
    inbox.press("enter")
    inbox.wait_for("what may be sent now")


def to_dialog(inbox: PtyProcess) -> None:
    """A dialog over the conversation."""
    to_conversation(inbox)
    inbox.press("a")
    inbox.wait_for("search agents")


def to_templates(inbox: PtyProcess) -> None:
    """The template picker over the conversation."""
    to_conversation(inbox)
    inbox.press("t")
    inbox.wait_for("order_update")


def to_composer(inbox: PtyProcess) -> None:
    """The composer, with whatever it holds."""
    to_conversation(inbox)
    inbox.press("r")
    inbox.wait_for("enter send")


def to_text(inbox: PtyProcess) -> None:
    """The composer with :data:`TEXT` in it."""
    to_composer(inbox)
    write(inbox, TEXT)


def write(inbox: PtyProcess, text: str) -> None:
    """Write a text of one row into the composer, over whatever is there."""
    clear(inbox)
    inbox.type(text)
    inbox.wait_for(f" {len(text)}/4,096")
    inbox.wait_for(text)


def clear(inbox: PtyProcess) -> None:
    """An empty composer, whatever an earlier test has left in it."""
    inbox.wait_for("/4,096")
    found = re.search(r"(\d+)/4,096", inbox.screen.text)
    assert found is not None
    inbox.press("end", *["backspace"] * int(found[1]))
    inbox.wait_for(" 0/4,096")


def assert_whole(inbox: PtyProcess) -> None:
    """What is on the screen is what a whole new picture shows."""
    inbox.quiet(1.5)  # what was painted bit by bit must be there by itself
    before = inbox.screen.lines
    inbox.suspend()
    inbox.go_on()
    try:
        inbox.wait_for(lambda screen: screen.lines == before)
    except NotSeenError:
        rows = [(old, new) for old, new in zip(before, inbox.screen.lines, strict=False) if old != new]
        raise AssertionError(f"rows before, and as they should be: {rows}") from None
    assert inbox.violations == []


PLACES = (
    to_list,
    to_search,
    to_help,
    to_palette,
    to_conversation,
    to_dialog,
    to_templates,
    to_text,
)
every_place = pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
