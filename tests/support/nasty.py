"""A workspace in which everything from outside is hostile: names, messages, notes, tags, errors, templates."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from tests.support.hostile import Hostile
from tests.support.workspace import Workspace
from tui_inbox.channels.port import RemoteTemplate
from tui_inbox.domain.kinds import ConversationStatus, DeliveryState, Direction, ErrorClass, Role
from tui_inbox.domain.models import Channel
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.history import History, HistoryChannel, HistoryDelivery, HistoryEntry
from tui_inbox.repository.unit import Unit

CHANNEL = "whatsapp"
MOST = 20_000
"""Code points of a field that no channel lets be as long as a message."""


def marker(number: int) -> str:
    """By what the customer of one case is recognised on the screen."""
    return f"N{number:03}"


def fill(workspace: Workspace, cases: Sequence[Hostile]) -> list[int]:
    """One customer for each case, newest first in the order of ``cases``; their ids."""
    workspace.add_people()
    workspace.add_channel(CHANNEL)
    now = datetime.now(UTC)
    ids = workspace.add(lambda channels, agents: [_customer(n, c, channels, agents, now) for n, c in enumerate(cases)])
    workspace.write(lambda unit: _more(unit, cases, ids, now))
    return ids


def _customer(
    number: int, case: Hostile, channels: Mapping[str, Channel], agents: Mapping[str, int], now: datetime
) -> History:
    text, short = case.text, case.text[:MOST]
    channel_id = channels[CHANNEL].id
    at = now - timedelta(hours=1, minutes=number)
    failed = HistoryDelivery(
        str(uuid.UUID(int=number + 1)),
        DeliveryState.FAILED,
        error_class=ErrorClass.INVALID,
        error_text=f"refused: {short}",
    )
    entries = (
        HistoryEntry(at, Direction.OUTBOUND, short, author_id=agents["ana"], channel_id=channel_id, delivery=failed),
        HistoryEntry(at, Direction.NOTE, short, author_id=agents["bo"]),
        HistoryEntry(at, None, event="closed", author_id=agents["bo"], detail={"category": "other", "summary": short}),
        HistoryEntry(at, Direction.INBOUND, text, channel_id=channel_id, provider_id=f"in-{number}"),
    )
    contact = NewContact(
        f"{marker(number)} {short}",
        short,
        f"{marker(number).lower()}{short}@example.com",
        f"+1{short}",
        short[:8],
        short[:2],
        (f"tag {short}",),
        {f"field {short}"[:200]: short},
    )
    address = HistoryChannel(channel_id, f"+1555{number:07}{short[:40]}")
    return History(contact, (address,), entries, ConversationStatus.OPEN, agents["ana"])


async def _more(unit: Unit, cases: Sequence[Hostile], ids: Sequence[int], now: datetime) -> None:
    """Drafts, templates and colleagues."""
    ana = await unit.directory.agent("ana")
    channel = await unit.directory.channel(CHANNEL)
    assert ana is not None
    assert channel is not None
    for number, (case, contact_id) in enumerate(zip(cases, ids, strict=True)):
        draft_id = str(uuid.UUID(int=10_000 + number))
        await unit.drafts.save(ana.id, contact_id, None, case.text[:MOST], now=now, new_id=draft_id)
        await unit.directory.add_agent(f"handle{number}", f"{marker(number)} {case.text[:200]}", Role.AGENT)
    listed = [_template(number, case) for number, case in enumerate(cases)]
    await unit.directory.put_templates(channel.id, listed, now)


def _template(number: int, case: Hostile) -> RemoteTemplate:
    text = case.text[:900]
    body = {"type": "BODY", "text": f"{text} {{{{1}}}}"}
    footer = {"type": "FOOTER", "text": text[:60]}
    buttons = {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": text[:25]}]}
    return RemoteTemplate(
        f"{marker(number)} {text[:200]}", "en", "APPROVED", "UTILITY", [body, footer, buttons], reason=text
    )
