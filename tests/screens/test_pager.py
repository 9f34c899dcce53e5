"""Reading a message that is longer than what a thread shows of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.screens.conftest import Workspace, until
from tests.screens.conversing import open_conversation
from tests.screens.test_conversation import customer_writes, status
from tests.support.oracle import foreign
from tui_inbox.screens.pager import PagerScreen
from tui_inbox.text import clean
from tui_inbox.text.parts import PART, is_long, part, part_ends
from tui_inbox.widgets.lines import Lines

LINES_OF_IT = [f"line {number}" for number in range(3200)]
LONG = "\n".join(LINES_OF_IT)


@given(st.lists(st.sampled_from(["a", "word ", "\n", "漢字", "x" * 700, "\x1b[2J", "e\u0301"]), max_size=200))
def test_parts_are_the_whole_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    ends = part_ends(text)
    starts = [0, *ends[:-1]]
    assert "".join(text[start:end] for start, end in zip(starts, ends, strict=True)) == text
    assert all(end - start <= PART for start, end in zip(starts, ends, strict=True))
    for number in range(len(ends)):
        assert foreign(part(text, ends, number)) == []


@pytest.mark.parametrize(
    ("text", "long"),
    [
        ("", False),
        ("x" * 2000, False),
        ("x" * 2001, True),
        ("a\n" * 399, False),
        ("a\n" * 402, True),
        ("a b" * 2731, True),
    ],
)
def test_what_is_cut_in_a_thread_is_long(text: str, long: bool) -> None:
    assert is_long(text) is long
    assert bool(clean(text).cut) is long


async def test_every_line_of_a_long_message_can_be_reached(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        screen = await open_conversation(pilot, "Oscar")
        await pilot.press("v")
        assert status(screen) == "! No message here is longer than what is shown."
        await customer_writes(workspace, "Oscar", LONG)
        await until(lambda: "v shows all of it" in screen.timeline.plain, pilot)
        rows = len(screen.timeline.plain.splitlines())
        assert rows < 1000, "no more is laid out than a thread shows"
        await pilot.press("v")
        await until(lambda: isinstance(app.screen, PagerScreen) and bool(painted(app.screen)), pilot)
        pager = app.screen
        assert isinstance(pager, PagerScreen)
        found: list[str] = []
        parts = []
        while not found or found[-1] != LINES_OF_IT[-1]:
            if pager.number not in parts:
                parts.append(pager.number)
                found += pager.rows
            assert pager.rows[pager.top] in painted(pager)
            await pilot.press("space")
        assert found == LINES_OF_IT
        assert parts == list(range(len(part_ends(LONG))))
        await pilot.press("g", "g")
        assert (pager.number, pager.top) == (0, 0)
        await pilot.press("k")
        assert (pager.number, pager.top) == (0, 0)
        await pilot.press("G")
        await until(lambda: pager.top > 0 and pager.number == parts[-1], pilot)
        end = pager.top
        await pilot.press("j")
        assert (pager.number, pager.top) == (parts[-1], end)
        assert LINES_OF_IT[-1] in painted(pager)
        await pilot.press("k")
        assert pager.top == end - 1
        await pilot.resize_terminal(30, 10)
        await pilot.press("G")
        await until(lambda: LINES_OF_IT[-1] in painted(pager), pilot)
        await pilot.press("q")
        await until(lambda: app.screen is screen, pilot)


def painted(pager: PagerScreen) -> str:
    """What is on the screen, under the title."""
    return pager.query_one("#pager-rows", Lines).plain
