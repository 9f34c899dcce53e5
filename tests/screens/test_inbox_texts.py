"""Searching in messages from the search line; numbers that are not whole say so."""

from __future__ import annotations

import pytest

from tests.screens.conftest import Workspace, inbox_of, settled, until
from tui_inbox.domain.filters import InboxFilter, InboxKind, StatusCounts
from tui_inbox.domain.kinds import ConversationStatus
from tui_inbox.domain.search import parse, says
from tui_inbox.repository import sqlite_texts
from tui_inbox.screens import views


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (190, 40)])
async def test_the_line_with_the_words_stands_in_the_row(workspace: Workspace, size: tuple[int, int]) -> None:
    async with workspace.running(size) as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("3", "A", "slash", *"text:order")
        await until(lambda: inbox.view.query == parse("text:order"), pilot)
        await settled(pilot)
        rows = inbox.rows.window.rows
        assert rows
        assert all(says(row.preview, ["order"]) and row.matched == ("text",) for row in rows)
        painted = ["".join(segment.text for segment in line) for line in app.screen._compositor.render_strips()]
        told = sum("order" in line.lower() for line in painted) - 1  # what was typed
        assert told >= min(len(rows), 15), painted


async def test_numbers_that_are_not_whole_say_so(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_texts, "MOST_MESSAGES", 3)
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        await pilot.press("3", "A", "slash", *"text:order")
        await until(lambda: inbox.view.query == parse("text:order"), pilot)
        await settled(pilot)
        await until(lambda: inbox.title_line.plain.split()[3].endswith("+"), pilot)
        assert any(choice.more for choice in inbox.filters.choices)


def test_what_more_all_has_is_told_no_more_exactly_than_it_is_known() -> None:
    view = InboxFilter(InboxKind.MINE, agent_id=1, status=ConversationStatus.OPEN, query=parse("mar"))
    few, many = StatusCounts(open=2), StatusCounts(open=5000, complete=False)
    assert "4,998+ more in All" in views.elsewhere(view, few, many)
    assert "3 more in All" in views.elsewhere(view, few, StatusCounts(open=5))
    assert "more in All" not in views.elsewhere(view, few, few)
    assert ", more in All" in views.elsewhere(view, many, many)
