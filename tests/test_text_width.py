"""Cells: measuring, cutting, padding, breaking; and the short formats of time."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content

from tests.support import hostile, oracle
from tui_inbox.text import cells, clean, clean_line, clip, clock_time, duration, fit, when, widest, wrap
from tui_inbox.text.width import Align, clusters

TEXT = st.text(st.characters(), max_size=60).map(lambda text: str(clean(text, safe_emoji=False)))
LINE = st.text(st.characters(), max_size=60).map(lambda text: str(clean_line(text, safe_emoji=False)))
SAMPLES = [
    "plain",
    "漢字かな",
    "👨‍👩‍👧 x",
    "❤\ufe0f❤",
    "🇩🇪🇩",
    "e\u0301e\u0301",
    "हिन्दी",
    "ไทย",
    "한국어",
    "1\ufe0f\u20e3",
]


@pytest.mark.parametrize("text", SAMPLES)
def test_cells_are_those_by_which_textual_lays_out(text: str) -> None:
    assert cells(text) == Content(text).cell_length
    assert widest(text) >= max(cells(text), *oracle.narrow_and_wide(text))


@given(LINE)
def test_no_terminal_takes_more_than_the_widest_reading(text: str) -> None:
    assert widest(text) >= max(cells(text), *oracle.narrow_and_wide(text))


@given(LINE)
def test_clusters_are_the_text(text: str) -> None:
    pieces = list(clusters(text))
    assert "".join(pieces) == text
    assert sum(map(cells, pieces)) == cells(text)


@given(LINE, st.integers(0, 30), st.sampled_from(["left", "right", "center"]))
def test_fit_is_exact(text: str, width: int, align: Align) -> None:
    shown = fit(text, width, align)
    assert cells(shown) == width
    if cells(text) <= width:
        assert shown.strip() == text.strip()


@given(LINE, st.integers(1, 30))
def test_clip_says_that_something_is_missing(text: str, width: int) -> None:
    short = clip(text, width)
    assert cells(short) <= width
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


@given(TEXT, st.integers(1, 30))
def test_wrapped_lines_fit_into_any_terminal(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert lines
    for line in lines:
        assert max(cells(line), *oracle.narrow_and_wide(line)) <= width


@given(TEXT, st.integers(4, 30))
def test_wrapping_loses_nothing_but_blanks(text: str, width: int) -> None:
    joined = "".join(wrap(text, width))
    invisible = str.maketrans("", "", " \n\u200d\ufe0f")
    assert joined.translate(invisible) == text.translate(invisible)


@pytest.mark.parametrize("case", hostile.texts(), ids=lambda case: case.id)
@pytest.mark.parametrize("width", [1, 2, 7, 40])
def test_every_hostile_text_can_be_laid_out(case: hostile.Hostile, width: int) -> None:
    shown = clean(case.text)
    for line in wrap(shown, width):
        assert max(cells(line), *oracle.narrow_and_wide(line)) <= width
        assert oracle.foreign(line) == []
    assert cells(fit(clean_line(case.text), width)) == width


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("the quick brown fox", 10, ["the quick", "brown fox"]),
        ("", 5, [""]),
        ("a\n\nb", 5, ["a", "", "b"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("so abcdefghij", 4, ["so a", "bcde", "fghi", "j"]),
        ("漢字漢字", 5, ["漢字", "漢字"]),
        ("漢", 1, ["…"]),
        ("  indented text", 10, ["  indented", "text"]),
        ("👨‍👩‍👧", 4, ["👨👩", "👧"]),
    ],
)
def test_wrap_by_hand(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines


@pytest.mark.parametrize(
    ("text", "width", "align", "shown"),
    [
        ("abc", 5, "left", "abc  "),
        ("abc", 5, "right", "  abc"),
        ("abc", 6, "center", " abc  "),
        ("abcdef", 4, "left", "abc…"),
        ("漢字漢", 4, "left", "漢… "),
        ("abc", 0, "left", ""),
        ("abc", 1, "left", "…"),
    ],
)
def test_fit_by_hand(text: str, width: int, align: Align, shown: str) -> None:
    assert fit(text, width, align) == shown


NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(seconds=60), "1 m"),
        (timedelta(minutes=59, seconds=59), "59 m"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=23, minutes=59), "23 h"),
        (timedelta(days=1), "1 d"),
        (timedelta(days=6, hours=23), "6 d"),
        (timedelta(days=10), "12 Nov"),
        (timedelta(days=400), "18 Oct 2025"),
        (timedelta(seconds=-30), "now"),
        (timedelta(hours=-3), "in 3 h"),
        (timedelta(days=-8), "30 Nov"),
    ],
)
def test_when(ago: timedelta, shown: str) -> None:
    assert when(NOW - ago, NOW) == shown


def test_dates_and_times_are_those_of_the_agents_zone() -> None:
    auckland = ZoneInfo("Pacific/Auckland")
    assert when(datetime(2026, 11, 1, 20, 0, tzinfo=UTC), NOW, auckland) == "2 Nov"
    assert clock_time(datetime(2026, 7, 1, 20, 5, tzinfo=UTC), ZoneInfo("Europe/Berlin")) == "22:05"
    assert clock_time(datetime(2026, 7, 1, 20, 5, tzinfo=UTC)) == "20:05"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (47 * 60 + 59, "47 min"),
        (3600, "1 h"),
        (3 * 3600 + 12 * 60, "3 h 12 m"),
        (86_400, "1 d"),
        (2 * 86_400 + 4 * 3600 + 59 * 60, "2 d 4 h"),
    ],
)
def test_duration(seconds: int, shown: str) -> None:
    assert duration(timedelta(seconds=seconds)) == shown


def test_importing_it_is_cheap() -> None:
    told = "import sys, tui_inbox.text; print(sorted({'textual', 'rich', 'wcwidth', 'sqlalchemy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
