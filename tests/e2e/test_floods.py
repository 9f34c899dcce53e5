"""Floods that arrive in the open conversation: a million characters, a hundred thousand lines, fifty thousand emoji.

They cost what a long message costs: bytes to the terminal, rows that are laid out, memory. And all of it can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.places import assert_whole, people_and_customer, to_conversation
from tests.support.ptyproc import PtyProcess
from tests.support.workspace import Workspace
from tui_inbox.repository.unit import Unit

FLOODS = {
    "a million characters": "Sehr geehrte Damen und Herren. " * 33_000 + "END-OF-IT",
    "a hundred thousand lines": "\n".join(map(str, range(100_000))) + "\nEND-OF-IT",
    "one line without a blank": "x" * 1_000_000 + "END-OF-IT",
    "fifty thousand emoji": "👍🏽" * 25_000 + "👩‍👩‍👧" * 5_000 + "END-OF-IT",
}
MEMORY = 20 << 20
"""Bytes by which each of them may let the program grow."""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace(tmp_path) as made:
        people_and_customer(made)
        yield made


def arrives(workspace: Workspace, body: str) -> None:
    """A message of the customer, stored by another process as the receiver would."""

    async def work(unit: Unit) -> None:
        address = (await unit.contacts.channels_of(workspace.contact_id))[0]
        now = datetime.now(UTC)
        await unit.timeline.add_inbound(
            contact_id=workspace.contact_id,
            contact_channel_id=address.id,
            channel_id=address.channel.id,
            provider_id=f"flood-{hash(body)}",
            at=now,
            arrived_at=now,
            body=body,
        )
        await unit.contacts.record_inbound(address.id, qualifying_at=now, inbound_at=now)

    workspace.write(work)


def memory(inbox: PtyProcess) -> int:
    """Bytes of the program in memory."""
    status = Path(f"/proc/{inbox.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def cost(workspace: Workspace, inbox: PtyProcess, body: str, shown: str) -> int:
    """Bytes that go to the terminal for a message that arrives."""
    inbox.quiet()
    before = inbox.screen.fed
    arrives(workspace, body)
    inbox.wait_for(lambda screen: screen.fed > before and shown in screen.text)
    inbox.quiet()
    return inbox.screen.fed - before


def test_a_flood_costs_what_a_long_message_costs_and_can_be_read_to_its_end(workspace: Workspace) -> None:
    with workspace.open_inbox(size=(120, 40)) as inbox:
        to_conversation(inbox)
        ordinary = cost(
            workspace, inbox, "word word word\n" * 300 + "the end of an ordinary one", "the end of an ordinary one"
        )
        for name, body in FLOODS.items():
            small = memory(inbox)
            spent = cost(workspace, inbox, body, "more: v shows all of it")
            assert spent < 2 * ordinary + 4000, (name, spent, ordinary)
            inbox.press("v")
            inbox.wait_for(f"{len(body):,} characters")
            inbox.press("G")
            inbox.wait_for("END-OF-IT")
            inbox.press("escape")
            inbox.wait_for("what may be sent now")
            assert inbox.violations == [], name
            assert memory(inbox) - small < MEMORY, (name, memory(inbox) - small)
        assert_whole(inbox)
