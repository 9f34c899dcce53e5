"""What has changed is painted, whatever else is painted meanwhile; what cannot be seen is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.geometry import Region

from tests.screens.conftest import Workspace
from tests.screens.conversing import open_conversation
from tests.screens.test_below_dialogs import counting
from tui_inbox.screens.dialogs.note import NoteDialog
from tui_inbox.screens.painting import Painting
from tui_inbox.widgets.lines import Lines

SMALL = (80, 24)


def a_part_of_the_screen(screen: Painting[None]) -> None:
    screen._set_dirty(Region(0, 0, 1, 1))
    screen._repaint_required = True
    screen._on_timer_update()


def a_layout_of_before(screen: Painting[None]) -> None:
    screen._compositor_refresh()


@pytest.mark.parametrize("paint", [a_part_of_the_screen, a_layout_of_before])
@pytest.mark.parametrize("dialog", [False, True])
async def test_a_widget_that_waits_is_in_every_picture(
    workspace: Workspace, paint: Callable[[Painting[None]], None], dialog: bool
) -> None:
    """Under load the counter of the composer stood still: the inbox below had asked for a part of the screen."""
    async with workspace.running(SMALL) as (app, pilot):
        await open_conversation(pilot, "Carlos")
        if dialog:
            await pilot.press("n")
            await pilot.pause()
            assert isinstance(app.screen, NoteDialog)
        screen = app.screen
        assert isinstance(screen, Painting)
        waiting = screen.query(Lines).first() if screen.query(Lines) else screen.query("*").first()
        waiting._set_dirty()
        screen._dirty_widgets.add(waiting)
        paint(screen)
        assert not waiting._repaint_regions, "it was painted, and waits no longer"


async def test_a_screen_that_is_hidden_asks_nobody_to_paint(workspace: Workspace) -> None:
    app, _clock = counting(workspace)
    async with app.run_test(size=SMALL) as pilot:
        await open_conversation(pilot, "Carlos")
        inbox, shown = app.screen_stack[-2:]
        assert inbox in app._background_screens, "as Textual has it"
        await pilot.pause()
        inbox._compositor._dirty_regions.add(Region(1, 1, 5, 1))
        inbox._compositor_refresh()
        assert not shown._repaint_required
        assert not inbox._compositor._dirty_regions
