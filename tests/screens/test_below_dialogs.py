"""Below a dialog or the palette time does not paint: the smallest change there costs a whole screen, 29 kB over SSH."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import RenderableType
from textual.pilot import Pilot
from textual.screen import Screen

import tui_inbox
from tests.screens.conftest import TestClock, Workspace, inbox_of, until
from tests.screens.conversing import open_conversation, settled
from tui_inbox.app import TuiInbox
from tui_inbox.widgets.policy_words import next_change

BEFORE_THE_MINUTE = timedelta(seconds=59, milliseconds=950)
A_MINUTE = timedelta(minutes=1)


class Counting(TuiInbox):
    """Counts what is painted."""

    CSS_PATH = str(Path(tui_inbox.__file__).with_name("app.tcss"))
    painted = 0

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        self.painted += renderable is not None
        super()._display(screen, renderable)


@dataclass
class CountingClock(TestClock):
    """Stands just before a whole minute, so that whoever waits for it comes back at once; counts who asks."""

    asked: int = field(default=0)

    def __call__(self) -> Any:
        self.asked += 1
        return super().__call__()


async def minutes_pass(app: Counting, pilot: Pilot[Any], clock: CountingClock) -> int:
    """Move the clock on, and wait until the inbox has looked at it several times; how often something was painted."""
    clock.forward(A_MINUTE)
    asked, painted = clock.asked, app.painted
    await until(lambda: clock.asked >= asked + 5, pilot)
    await pilot.pause()
    return app.painted - painted


def counting(workspace: Workspace) -> tuple[Counting, CountingClock]:
    clock = CountingClock(workspace.clock.now + BEFORE_THE_MINUTE)
    workspace.clock = clock
    return Counting(workspace.open_services, workspace.agent, clock=clock), clock


@pytest.mark.parametrize("keys", [["ctrl+p"], ["a"], ["e"]], ids=["palette", "assign", "close"])
async def test_the_whole_minute_paints_nothing_below(workspace: Workspace, keys: list[str]) -> None:
    app, clock = counting(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: app.ready and bool(inbox_of(app).rows.window.rows), pilot)
        await settled(pilot)
        assert await minutes_pass(app, pilot, clock), "the rows tell times, so a minute is seen"
        await pilot.press(*keys)
        await until(lambda: app.screen is not inbox_of(app), pilot)
        await pilot.pause(0.3)
        stale = list(inbox_of(app).rows._painted)
        assert await minutes_pass(app, pilot, clock) == 0
        assert list(inbox_of(app).rows._painted) == stale
        await pilot.press("escape")
        await until(lambda: app.screen is inbox_of(app), pilot)
        await until(lambda: inbox_of(app).rows._painted[:] != stale, pilot)


async def test_a_window_that_closes_below_a_dialog_is_seen_when_one_comes_back(workspace: Workspace) -> None:
    app, clock = counting(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_conversation(pilot, "Amélie")
        policy = screen.policy
        seconds = next_change(policy.reaches, clock())
        assert seconds is not None, "somebody with an open window"
        clock.forward(timedelta(seconds=seconds - 0.05))
        policy.judge()
        await pilot.press("a")
        await until(lambda: app.screen is not screen, pilot)
        before = policy.plain
        clock.forward(timedelta(days=2))
        await until(lambda: policy._late, pilot)
        assert policy.plain == before
        await pilot.press("escape")
        await until(lambda: app.screen is screen and policy.plain != before, pilot)
