"""Reading a message that is longer than what a thread shows of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.screens.conftest import Workspace, until
from tests.screens.conversing import open_conversation, settled
from tests.screens.test_conversation import customer_writes, status
from tests.support.oracle import foreign
from tui_inbox.screens.pager import PagerScreen
from tui_inbox.text import clean
from tui_inbox.text.parts import PART, is_long, part, part_ends
from tui_inbox.widgets.lines import Lines

LINES_OF_IT = [f"line {number}" for number in range(3000)]
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
        await until(lambda: isinstance(app.screen, PagerScreen) and bool(seen(app.screen)), pilot)
        pager = app.screen
        assert isinstance(pager, PagerScreen)
        found: list[str] = []
        parts = [pager.number]
        found += seen(pager)
        for _ in range(3000):
            await pilot.press("space")
            await settled(pilot)
            if pager.number != parts[-1]:
                parts.append(pager.number)
                found += seen(pager)
            elif pager.page.scroll_offset.y >= pager.page.max_scroll_y:
                break
        assert found == LINES_OF_IT
        assert parts == list(range(len(part_ends(LONG))))
        await pilot.press("g", "g")
        await until(lambda: pager.number == 0 and pager.page.scroll_offset.y == 0, pilot)
        await pilot.press("G", "k")
        await until(lambda: pager.number == parts[-1] and pager.page.scroll_offset.y > 0, pilot)
        await pilot.press("q")
        await until(lambda: app.screen is screen, pilot)


def seen(pager: PagerScreen) -> list[str]:
    """The rows of the part that is shown, without what stands before them."""
    return [row.removeprefix("  │ ") for row in pager.query_one("#pager-lines", Lines).plain.splitlines()]
