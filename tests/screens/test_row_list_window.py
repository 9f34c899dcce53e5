"""The loaded part of a long list, without any screen: the cursor stays on its row, the view never jumps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tui_inbox.widgets.row_window import MOST_ROWS, RowWindow


@dataclass(frozen=True)
class Plain:
    """A row that is nothing but its identity."""

    key: int

    @property
    def cursor(self) -> str:
        return str(self.key)


def rows(ids: Sequence[int]) -> list[Plain]:
    return [Plain(ident) for ident in ids]


def window(count: int, *, height: int = 10, at: int = 0, top: int = 0) -> RowWindow[Plain]:
    made = RowWindow(rows(range(count)), height=height)
    made.at, made.top = at, top
    return made


def test_a_step_inside_the_view_does_not_move_the_view() -> None:
    shown = window(50)
    assert not shown.move(1)
    assert (shown.at, shown.top) == (1, 0)


def test_a_step_over_the_edge_brings_a_third_of_a_view() -> None:
    shown = window(50, at=9)
    assert shown.move(1)
    assert (shown.at, shown.top) == (10, 4)


def test_a_page_moves_view_and_cursor_together() -> None:
    shown = window(50, at=3)
    assert shown.page(9)
    assert (shown.at, shown.top) == (12, 9)


def test_the_ends_hold() -> None:
    shown = window(5)
    shown.move(-3)
    assert shown.at == 0
    shown.move(99)
    assert (shown.at, shown.top) == (4, 0)


def test_an_empty_list_has_no_row_under_the_cursor() -> None:
    shown: RowWindow[Plain] = RowWindow()
    assert shown.current is None
    assert not shown.move(1)


def test_rows_before_the_first_do_not_move_what_is_seen() -> None:
    shown = window(20, at=5, top=2)
    shown.more_above, shown.first_number = True, 100
    seen = shown.shown
    shown.prepend(rows(range(-30, 0)), complete=False)
    assert shown.shown == seen
    assert shown.current == Plain(5)
    assert shown.first_number == 70


def test_the_first_page_is_number_zero_whatever_was_thought() -> None:
    shown = window(20, at=5, top=2)
    shown.more_above, shown.first_number = True, 12
    shown.prepend(rows(range(-7, 0)), complete=True)
    assert shown.first_number == 0
    assert not shown.more_above


def test_memory_is_bounded_when_reading_on_and_on() -> None:
    shown = window(MOST_ROWS, at=MOST_ROWS - 1, top=MOST_ROWS - 10)
    seen = shown.shown
    shown.append(rows(range(MOST_ROWS, MOST_ROWS + 300)), complete=False)
    assert len(shown.rows) == MOST_ROWS
    assert shown.shown == seen
    assert shown.more_above
    assert shown.first_number == 300


def test_a_row_that_came_twice_is_shown_once() -> None:
    shown = window(10)
    shown.append(rows(range(5, 15)), complete=True)
    assert [row.key for row in shown.rows] == list(range(15))


def test_the_cursor_stays_on_its_contact_when_the_order_changes() -> None:
    shown = window(20, at=6, top=3)
    shown.replace(rows([19, *range(19)]), more_above=False, more_below=False, first_number=0)
    assert shown.current == Plain(6)
    assert shown.shown[0] == Plain(3)


def test_the_cursor_goes_to_the_following_row_when_its_contact_is_gone() -> None:
    shown = window(20, at=6)
    shown.replace(rows([i for i in range(20) if i not in {6, 7}]), more_above=False, more_below=False, first_number=0)
    assert shown.current == Plain(8)


def test_the_cursor_goes_to_the_row_before_when_nothing_follows() -> None:
    shown = window(5, at=4)
    shown.replace(rows(range(4)), more_above=False, more_below=False, first_number=0)
    assert shown.current == Plain(3)


def test_new_rows_show_at_once_at_the_very_top() -> None:
    shown = window(20, at=0, top=0)
    shown.replace(rows([77, *range(20)]), more_above=False, more_below=False, first_number=0)
    assert shown.shown[0] == Plain(77)
    assert shown.current == Plain(0)


@given(
    st.lists(st.integers(0, 40), unique=True, max_size=40),
    st.lists(st.integers(0, 40), unique=True, max_size=40),
    st.integers(1, 15),
    st.lists(st.integers(-12, 12), max_size=8),
)
def test_whatever_comes_the_cursor_is_on_a_row_that_is_seen(
    first: list[int], second: list[int], height: int, steps: list[int]
) -> None:
    shown = RowWindow(rows(first), height=height)
    for step in steps:
        shown.move(step)
    shown.replace(rows(second), more_above=False, more_below=False, first_number=0)
    for step in steps:
        shown.page(step)
    shown.resize(max(1, height - 3))
    if second:
        assert shown.top <= shown.at < shown.top + shown.height
        assert shown.current in shown.shown
    else:
        assert shown.current is None
