"""The virtual list: asks only for what is on the screen, paints only what changes, never jumps under the reader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.segment import Segment
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip

from tests.screens.conftest import settled, until
from tests.screens.test_row_list_window import Plain
from tui_inbox.domain.errors import StoreBusyError
from tui_inbox.widgets.row_list import HEAD, LEAST_PAGE, RowList

HEIGHT = 20


@dataclass
class Numbers:
    """A store of numbered rows that remembers what it was asked."""

    ids: list[int]
    asked: list[tuple[str, str | None, int]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    """When set, every answer waits for it."""
    broken: bool = False
    log: list[str] | None = None
    """When set, told whenever something is asked."""

    async def _answer(self, what: str, cursor: str | None, limit: int) -> None:
        self.asked.append((what, cursor, limit))
        if self.log is not None:
            self.log.append("first rows" if cursor is None else "beyond the view")
        if self.gate is not None:
            await self.gate.wait()
        if self.broken:
            raise StoreBusyError("The database is busy.")

    def _place(self, cursor: str) -> int:
        return self.ids.index(int(cursor))

    async def after(self, cursor: str | None, limit: int) -> list[Plain]:
        await self._answer("after", cursor, limit)
        start = 0 if cursor is None else self._place(cursor) + 1
        return [Plain(ident) for ident in self.ids[start : start + limit]]

    async def before(self, cursor: str, limit: int) -> list[Plain]:
        await self._answer("before", cursor, limit)
        end = self._place(cursor)
        return [Plain(ident) for ident in self.ids[max(0, end - limit) : end]]

    async def last(self, limit: int) -> list[Plain]:
        await self._answer("last", None, limit)
        return [Plain(ident) for ident in self.ids[-limit:]]

    async def find(self, key: int | str) -> Plain | None:
        return Plain(int(key)) if key in self.ids else None


class PlainList(RowList[Plain]):
    """Shows numbers and counts the lines that it paints."""

    painted = 0
    story: list[str] | None = None
    """When set, told whenever a line is painted."""

    def paint_row(self, row: Plain, width: int, *, under_cursor: bool) -> Strip:
        text = f"{'>' if under_cursor else ' '}{row.key}".ljust(width)
        return Strip([Segment(text, self.rich_style)], width)

    def paint_head(self, width: int) -> Strip:
        return Strip([Segment("head".ljust(width), self.rich_style)], width)

    def render_line(self, y: int) -> Strip:
        self.painted += 1
        if self.story is not None:
            self.story.append("painted")
        return super().render_line(y)

    @property
    def seen(self) -> list[str]:
        """The lines as they are shown."""
        return [self._line(y).text.rstrip() for y in range(HEAD, self.size.height)]


class ListApp(App[None]):
    """A list and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Any] = []

    def compose(self) -> ComposeResult:
        yield PlainList(id="rows")

    def on_row_list_new_above(self, message: RowList.NewAbove) -> None:
        self.messages.append(message.count)

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        self.messages.append(f"opened {message.key}")

    def on_row_list_failed(self, message: RowList.Failed) -> None:
        self.messages.append(message.sentence)


@asynccontextmanager
async def listing(source: Numbers) -> AsyncIterator[tuple[PlainList, Pilot[None], ListApp]]:
    app = ListApp()
    async with app.run_test(size=(40, HEIGHT + HEAD)) as pilot:
        shown = app.query_one(PlainList)
        shown.focus()
        shown.ask(source)
        await settled(pilot)
        yield shown, pilot, app


async def test_a_million_rows_cost_what_one_sees_and_a_page_ahead() -> None:
    source = Numbers(list(range(1_000_000)))
    async with listing(source) as (shown, pilot, _app):
        await settled(pilot)
        assert shown.seen[:2] == [">0", " 1"]
        height = shown.window.height
        assert source.asked == [("after", None, height), ("after", Plain(height - 1).cursor, LEAST_PAGE)]


async def test_rows_are_painted_before_those_beyond_them_are_asked_for() -> None:
    async with listing(Numbers(list(range(500)))) as (shown, pilot, _app):
        shown.story = []
        other = Numbers(list(range(1000, 1500)), log=shown.story)
        shown.ask(other)
        await until(lambda: "beyond the view" in (shown.story or []), pilot)
        told = list(dict.fromkeys(shown.story))
        assert told.index("first rows") < told.index("painted") < told.index("beyond the view")


async def test_below_another_screen_the_rows_beyond_are_asked_for_all_the_same() -> None:
    async with listing(Numbers(list(range(500)))) as (shown, pilot, app):
        await app.push_screen(Screen())
        for key in range(0, 400, 10):
            await until(lambda key=key: shown.window.index_of(key) is not None, pilot)  # type: ignore[misc]
            shown.select_row(key)
        assert shown.current == Plain(390)


async def test_a_cursor_move_paints_two_lines() -> None:
    async with listing(Numbers(list(range(500)))) as (shown, pilot, _app):
        shown.painted = 0
        shown.move(1)
        await pilot.pause()
        assert shown.painted == 2


async def test_reading_on_asks_for_the_next_page_before_it_is_needed() -> None:
    source = Numbers(list(range(500)))
    async with listing(source) as (shown, pilot, _app):
        for _ in range(30):
            shown.move_page(1)
            await settled(pilot)
        assert shown.current == Plain(499)
        assert shown.seen[-1] == ">499"
        assert all(limit == LEAST_PAGE for _, _, limit in source.asked[1:])
        for _ in range(30):
            shown.move_page(-1)
            await settled(pilot)
        assert shown.seen[0] == ">0"


async def test_to_the_end_and_back_without_reading_what_lies_between() -> None:
    source = Numbers(list(range(100_000)))
    async with listing(source) as (shown, pilot, _app):
        shown.go_last()
        await settled(pilot)
        assert shown.seen[-1] == ">99999"
        shown.go_first()
        await settled(pilot)
        assert shown.seen[0] == ">0"
        assert len(source.asked) <= 6


async def test_a_page_on_its_way_is_shown_as_an_ellipsis() -> None:
    source = Numbers(list(range(200)))
    async with listing(source) as (shown, pilot, _app):
        source.gate, loaded = asyncio.Event(), len(shown.window.rows)
        for _ in range(5):
            shown.move_page(1)
        await pilot.pause()
        assert shown.current == Plain(loaded - 1)
        shown.move(1)
        assert shown.window.more_below
        source.gate.set()
        await settled(pilot)
        shown.move(1)
        assert shown.current == Plain(loaded)


async def test_an_overtaken_answer_is_dropped() -> None:
    slow, quick = Numbers([1, 2, 3], gate=asyncio.Event()), Numbers([7, 8, 9])
    async with listing(Numbers([0])) as (shown, pilot, _app):
        shown.ask(slow)
        await until(lambda: slow.asked, pilot)
        shown.ask(quick)
        assert slow.gate is not None
        slow.gate.set()
        await settled(pilot)
        assert shown.seen[:4] == [">7", " 8", " 9", ""]


async def test_questions_overtaken_before_they_began_are_never_asked() -> None:
    first, never, last = Numbers([1], gate=asyncio.Event()), Numbers([2]), Numbers([3])
    async with listing(Numbers([0])) as (shown, pilot, _app):
        shown.ask(first)
        await until(lambda: first.asked, pilot)
        shown.ask(never)
        shown.ask(last)
        assert first.gate is not None
        first.gate.set()
        await settled(pilot)
        assert never.asked == []
        assert shown.seen[0] == ">3"


async def test_the_view_can_open_around_a_row() -> None:
    source = Numbers(list(range(1000)))
    async with listing(source) as (shown, pilot, _app):
        shown.ask(Numbers(list(range(1000))), keep=500)
        await settled(pilot)
        assert shown.current == Plain(500)
        assert ">500" in shown.seen
        shown.move(-200)
        await settled(pilot)
        assert shown.current is not None
        assert shown.current.key < 500


async def test_new_rows_on_top_do_not_move_a_reader_further_down() -> None:
    source = Numbers(list(range(200)))
    async with listing(source) as (shown, pilot, app):
        shown.move_page(1)
        await settled(pilot)
        seen = shown.seen
        source.ids = [901, 900, *source.ids]
        shown.read_again()
        await settled(pilot)
        assert shown.seen == seen
        assert app.messages[-1:] == [2]
        shown.go_first()
        await settled(pilot)
        assert shown.seen[:2] == [">901", " 900"]
        assert app.messages[-1:] == [0]


async def test_new_rows_are_counted_further_down_than_one_page_too() -> None:
    source = Numbers(list(range(400)))
    async with listing(source) as (shown, pilot, _app):
        for _ in range(8):
            shown.move_page(1)
            await settled(pilot)
        seen = shown.seen
        source.ids = [900, *source.ids]
        shown.read_again()
        await settled(pilot)
        assert shown.seen == seen


async def test_new_rows_show_at_once_to_a_reader_at_the_top() -> None:
    source = Numbers(list(range(200)))
    async with listing(source) as (shown, pilot, app):
        source.ids = [900, *source.ids]
        shown.read_again()
        await settled(pilot)
        assert shown.seen[:2] == [" 900", ">0"]
        assert app.messages == []


async def test_a_row_that_left_gives_the_cursor_to_the_one_after_it() -> None:
    source = Numbers(list(range(200)))
    async with listing(source) as (shown, pilot, _app):
        shown.move(4)
        source.ids.remove(4)
        shown.read_again()
        await settled(pilot)
        assert shown.current == Plain(5)


async def test_reading_the_same_again_paints_nothing() -> None:
    async with listing(Numbers(list(range(200)))) as (shown, pilot, _app):
        shown.painted = 0
        shown.read_again()
        await settled(pilot)
        assert shown.painted == 0


async def test_a_store_that_fails_leaves_what_is_shown() -> None:
    source = Numbers(list(range(60)))
    async with listing(source) as (shown, pilot, app):
        source.broken = True
        shown.read_again()
        await until(lambda: app.messages, pilot)
        assert app.messages == ["The database is busy."]
        assert shown.seen[0] == ">0"
        source.broken = False
        shown.move_page(2)
        await settled(pilot)
        assert shown.window.rows[-1] == Plain(59)


async def test_the_mouse_moves_and_opens() -> None:
    async with listing(Numbers(list(range(60)))) as (shown, pilot, app):
        await pilot.click(PlainList, offset=(3, 5 + HEAD))
        assert shown.current == Plain(5)
        assert app.messages == []
        await pilot.click(PlainList, offset=(3, 5 + HEAD))
        await until(lambda: app.messages == ["opened 5"], pilot)


async def test_the_wheel_moves_the_view() -> None:
    async with listing(Numbers(list(range(60)))) as (shown, pilot, _app):
        wheel = events.MouseScrollDown(shown, 3, 3, 0, 0, 0, False, False, False)
        shown.post_message(wheel)
        await until(lambda: shown.window.top == 3, pilot)
