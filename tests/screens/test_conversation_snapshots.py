"""Pictures of the conversation in each policy mode, folded and wide."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from textual.pilot import Pilot

from tests.screens.conftest import Workspace
from tests.screens.conversing import open_conversation, settled, showing

SIZES = [(80, 24), (120, 40)]
IDS = ["80x24", "120x40"]
MODES = {
    "open": ("Yusuf", "", ""),
    "amber": ("Amélie", "", ""),
    "tag": ("Oscar", "", ""),
    "template": ("Scarlet", "whatsapp", ""),
    "template-with-kept-draft": ("Jonas", "", "Hallo Jonas, danke für Ihre Anmeldung!"),
    "blocked-until-the-customer-writes": ("Grace", "instagram", ""),
    "blocked-for-good": ("Win", "", ""),
    "opted-out": ("Lucía", "sms", ""),
    "no-window": ("Carlos", "", ""),
    "counted": ("Meiling", "", ""),
    "uncertain-message": ("Kwame", "", ""),
    "failed-message": ("Ayşe", "", ""),
}


class SnapCompare(Protocol):
    """The plugin's fixture."""

    def __call__(self, app: Any, **options: Any) -> bool: ...


@pytest.mark.parametrize("size", SIZES, ids=IDS)
@pytest.mark.parametrize("mode", MODES)
def test_policy_modes(snap_compare: SnapCompare, workspace: Workspace, mode: str, size: tuple[int, int]) -> None:
    who, channel, typed = MODES[mode]
    prepare = showing(who, channel=channel, typed=typed)
    assert snap_compare(workspace.app(), terminal_size=size, run_before=prepare)


@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_writing_too_much(snap_compare: SnapCompare, workspace: Workspace, size: tuple[int, int]) -> None:
    text = "This answer is much longer than Instagram takes. " * 21
    assert snap_compare(workspace.app(), terminal_size=size, run_before=showing("Oscar", typed=text, start="write"))


@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_just_sent(snap_compare: SnapCompare, workspace: Workspace, size: tuple[int, int]) -> None:
    async def prepare(pilot: Pilot[Any]) -> None:
        await open_conversation(pilot, "Carlos", start="write")
        await pilot.press(*"The new jacket has arrived, has it?", "enter")
        await settled(pilot)

    assert snap_compare(workspace.app(), terminal_size=size, run_before=prepare)


def test_the_window_has_closed_while_writing(snap_compare: SnapCompare, workspace: Workspace) -> None:
    async def prepare(pilot: Pilot[Any]) -> None:
        screen = await open_conversation(pilot, "Amélie", start="write")
        await pilot.press(*"Bien sur, il part")
        await settled(pilot)
        workspace.clock.forward(timedelta(minutes=9))
        screen.policy.judge()
        await settled(pilot)

    assert snap_compare(workspace.app(), terminal_size=(80, 24), run_before=prepare)


@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_a_file_goes_along(
    snap_compare: SnapCompare, workspace: Workspace, size: tuple[int, int], tmp_path: Path
) -> None:
    """Attached to a message, below a thread in which the customer has sent a photo."""
    (tmp_path / "replacement label.pdf").write_bytes(b"x" * 51_200)

    async def prepare(pilot: Pilot[Any]) -> None:
        screen = await open_conversation(pilot, "Carlos", start="write")
        agent = screen.host.agent
        await screen.host.services.attachments.attach(agent, screen.contact_id, tmp_path / "replacement label.pdf")
        await screen.files.read_again()
        screen.composer.replace("Here is the label for the parcel.")
        await settled(pilot)

    assert snap_compare(workspace.app(), terminal_size=size, run_before=prepare)
