"""Pictures of the inbox at the two sizes that matter: 80x24 and 120x40."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.screens.conftest import Workspace, inbox_of, settled, until
from tui_inbox.app import TuiInbox
from tui_inbox.domain.search import parse

SMALL, LARGE = (80, 24), (120, 40)
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
Compare = Callable[..., bool]


def after(*keys: str, query: str = "") -> Callable[[Pilot[Any]], Any]:
    """Wait for the first rows, press keys, type a search, and wait until all that follows is painted."""

    async def prepare(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, TuiInbox)
        await until(lambda: app.ready and not inbox_of(app).rows.loading_rows, pilot)
        inbox = inbox_of(app)
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        if query:
            await pilot.press("slash", *query)
            await until(lambda: inbox.view.query == parse(query), pilot)
        await settled(pilot)
        if inbox.preview.display and inbox.rows.current is not None:
            wanted = inbox.rows.current.contact_id
            await until(lambda: inbox.reading.previewed == wanted, pilot)
        await settled(pilot)

    return prepare


@SIZES
def test_open_conversations(snap_compare: Compare, workspace: Workspace, size: tuple[int, int]) -> None:
    assert snap_compare(workspace.app(), terminal_size=size, run_before=after("3", "j", "j"))


@SIZES
def test_searching_closed_ones(snap_compare: Compare, workspace: Workspace, size: tuple[int, int]) -> None:
    assert snap_compare(workspace.app(), terminal_size=size, run_before=after("3", "C", query="car"))


@SIZES
def test_hits_that_the_status_hides(snap_compare: Compare, workspace: Workspace, size: tuple[int, int]) -> None:
    assert snap_compare(workspace.app(), terminal_size=size, run_before=after("3", "S", query="carlos"))


@SIZES
def test_several_selected(snap_compare: Compare, workspace: Workspace, size: tuple[int, int]) -> None:
    assert snap_compare(workspace.app(), terminal_size=size, run_before=after("3", "x", "j", "x", "x"))


@SIZES
def test_filters(snap_compare: Compare, workspace: Workspace, size: tuple[int, int]) -> None:
    assert snap_compare(workspace.app(), terminal_size=size, run_before=after("3", "f", "G"))


@SIZES
def test_help(snap_compare: Compare, workspace: Workspace, size: tuple[int, int]) -> None:
    assert snap_compare(workspace.app(), terminal_size=size, run_before=after("question_mark"))


@SIZES
def test_help_on_search_and_marks(snap_compare: Compare, workspace: Workspace, size: tuple[int, int]) -> None:
    assert snap_compare(workspace.app(), terminal_size=size, run_before=after("question_mark", "G"))


def test_light_theme(snap_compare: Compare, workspace: Workspace) -> None:
    app = workspace.app(theme="textual-light")
    assert snap_compare(app, terminal_size=LARGE, run_before=after("3", "j"))


def test_the_terminals_own_colours(snap_compare: Compare, workspace: Workspace) -> None:
    app = workspace.app(theme="ansi-dark")
    assert snap_compare(app, terminal_size=SMALL, run_before=after("3", "j"))
