"""Pictures of every dialog and of the template picker, at the smallest size and at a comfortable one."""

from __future__ import annotations

from typing import Any, Protocol

import pytest
from textual.pilot import Pilot

from tests.screens.conftest import Workspace, until
from tests.screens.conversing import find, in_store, not_looking, open_conversation, showing
from tests.screens.services import ScreenServices
from tui_inbox.screens.dialogs.conflict import ConflictDialog
from tui_inbox.services.send_plan import SendRequest

SIZES = [(80, 24), (120, 40)]
IDS = ["80x24", "120x40"]
DIALOGS = {
    "close": ("Amélie", ("e", "2", *"sent")),
    "snooze": ("Amélie", ("s", *"fri 14:30")),
    "assign": ("Amélie", ("a",)),
    "note": ("Amélie", ("n", *"a gift, be quick")),
    "take": ("Priya", ("i",)),
    "send-again": ("Kwame", ("R",)),
    "channel": ("Amélie", ("ctrl+o",)),
    "template": ("Jonas", ("t",)),
    "template-refused": ("Jonas", ("t", *"spring", "enter")),
    "template-fields": ("Jonas", ("t", *"follow", "down", "enter", "tab", *"A-77")),
}


class SnapCompare(Protocol):
    """The plugin's fixture."""

    def __call__(self, app: Any, **options: Any) -> bool: ...


@pytest.mark.parametrize("size", SIZES, ids=IDS)
@pytest.mark.parametrize("name", DIALOGS)
def test_dialogs(snap_compare: SnapCompare, workspace: Workspace, name: str, size: tuple[int, int]) -> None:
    who, keys = DIALOGS[name]
    start = "write" if name == "channel" else "read"
    assert snap_compare(workspace.app(), terminal_size=size, run_before=showing(who, *keys, start=start))


@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_conflict(snap_compare: SnapCompare, workspace: Workspace, size: tuple[int, int]) -> None:
    async def colleague(services: ScreenServices) -> None:
        bo = await services.directory.agent("bo")
        await services.sending.send(bo, SendRequest(await find(services, "Carlos"), "The jacket is with the courier."))

    async def prepare(pilot: Pilot[Any]) -> None:
        screen = await open_conversation(pilot, "Carlos", start="write")
        await pilot.press(*"Your jacket left today")
        not_looking(screen)
        await in_store(workspace, colleague)
        screen.composer.submit()
        await until(lambda: isinstance(pilot.app.screen, ConflictDialog), pilot)
        await pilot.pause()
        await pilot.pause()

    assert snap_compare(workspace.app(), terminal_size=size, run_before=prepare)
