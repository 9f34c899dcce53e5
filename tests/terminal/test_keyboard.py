"""A paste is a paste, however it is cut into pieces and whatever it holds."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import _parser, events
from textual._xterm_parser import XTermParser
from textual.message import Message

from tests.support import hostile
from tui_inbox.terminal.keyboard import END, PATIENCE, START, KeyReader, PasteFilter


def read(*pieces: str) -> list[events.Key | events.Paste]:
    """What Textual makes of some input."""
    parser, pastes = XTermParser(), PasteFilter()
    found = [event for piece in pieces if (text := pastes(piece)) for event in parser.feed(text)]
    return [event for event in found if isinstance(event, events.Key | events.Paste)]


def told(*pieces: str) -> list[str]:
    """Keys by name, pastes in angle quotes."""
    return [event.key if isinstance(event, events.Key) else f"«{event.text}»" for event in read(*pieces)]


def test_without_the_filter_pasted_text_would_press_keys() -> None:
    """The reason for the filter."""
    found = list(XTermParser().feed(f"{START}a\x1b]\rq{'x' * 40}{END}"))
    assert any(isinstance(event, events.Key) and event.key == "enter" for event in found)


@pytest.mark.parametrize(
    ("pieces", "events_told"),
    [
        (("ab",), ["a", "b"]),
        ((f"a{START}x\x1b]\rq{'x' * 40}{END}b",), ["a", f"«x]\rq{'x' * 40}»", "b"]),
        ((f"{START}one{END}{START}two\x1b{END}",), ["«one»", "«two»"]),
        ((START[:3], START[3:] + "x\x1b", "[20", "1~y"), ["«x»", "y"]),
        ((f"{START}x\x1b[20", f"x{END}"), ["«x[20x»"]),
        ((f"{START}{START}nested{END}",), ["«[200~nested»"]),
        (("\x1b[A", "\x1b[1;5C", "\x1b[B"), ["up", "ctrl+right", "down"]),
    ],
)
def test_keys_and_pastes(pieces: tuple[str, ...], events_told: list[str]) -> None:
    assert told(*pieces) == events_told


@given(st.lists(st.text(st.sampled_from("ab\x1b[]201~\r;"), max_size=8), max_size=8))
def test_no_cut_makes_a_key_of_a_paste(pieces: list[str]) -> None:
    inside = [piece for piece in pieces if END not in "".join(pieces)]
    found = read(START, *inside, END)
    assert [type(event) for event in found] in ([events.Paste], [])
    if found:
        assert isinstance(found[0], events.Paste)
        assert found[0].text == "".join(inside).replace("\x1b", "")


@pytest.mark.parametrize("case", hostile.texts(), ids=lambda case: case.id)
def test_hostile_pastes(case: hostile.Hostile) -> None:
    text = case.text[:5000].replace(END, "")
    found = read("k", START + text + END, "j")
    assert [event.key for event in found if isinstance(event, events.Key)] == ["k", "j"]


class Line:
    """A terminal at the end of a slow line: pieces of input with time between them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(_parser, "get_time", lambda: self.now)  # Textual takes no clock
        self.reader = KeyReader(clock=lambda: self.now)
        self.found: list[events.Key | events.Paste] = []

    def comes(self, piece: str) -> None:
        """Input is there."""
        self._take(self.reader.feed(piece.encode()))

    def passes(self, seconds: float) -> None:
        """Nothing comes for so long; the reader looks every tenth of a second."""
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            self._take(self.reader.idle())

    @property
    def told(self) -> list[str]:
        """Keys by name, pastes in angle quotes."""
        return [event.key if isinstance(event, events.Key) else f"«{event.text}»" for event in self.found]

    def _take(self, messages: Iterable[Message]) -> None:
        self.found += [message for message in messages if isinstance(message, events.Key | events.Paste)]


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    return Line(monkeypatch)


@pytest.mark.parametrize("at", range(1, len(START)))
def test_a_start_mark_cut_in_two_on_a_slow_line_still_starts_a_paste(line: Line, at: int) -> None:
    """Textual alone would press enter here, and the half written message would be sent."""
    line.comes(f"k{START[:at]}")
    line.passes(0.3)
    line.comes(f"{START[at:]}half\r a message{END}j")
    escape = ["escape"] if at == 1 else []  # the escape key can't wait
    assert line.told == ["k", *escape, "«half\r a message»", "j"]


def test_a_start_mark_may_come_byte_by_byte(line: Line) -> None:
    for piece in f"{START}x\r{END}":
        line.comes(piece)
        line.passes(0.1)
    assert [told for told in line.told if told != "escape"] == ["«x\r»"]


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        (["\x1b"], ["escape"]),
        (["\x1b", "["], ["escape", "left_square_bracket"]),
        (["\x1b[", "A"], ["up"]),
        (["\x1b[2", "~"], ["insert"]),
        (["\x1b[", "2", "0", "~"], ["f9"]),
        (["\x1b", "\x1b[A"], ["escape", "up"]),
    ],
)
def test_keys_that_look_like_half_a_mark_are_keys(line: Line, pieces: list[str], told: list[str]) -> None:
    for piece in pieces:
        line.comes(piece)
        line.passes(0.2)
    line.passes(PATIENCE + 0.2)
    assert line.told == told


def test_a_bracket_long_after_escape_does_not_wait(line: Line) -> None:
    line.comes("\x1b")
    line.passes(PATIENCE + 0.2)
    line.comes("[")
    assert line.told == ["escape", "left_square_bracket"]


@given(st.data())
def test_however_a_paste_is_cut_and_delayed_it_presses_no_key(data: st.DataObject) -> None:
    text = data.draw(st.text(st.sampled_from("ab\r[20~;\x1b"), max_size=20)).replace(END, "")
    whole = f"{START}{text}{END}"
    cuts = sorted(data.draw(st.sets(st.integers(2, len(whole) - 1), max_size=6)))
    with pytest.MonkeyPatch.context() as patch:
        line = Line(patch)
        for start, end in pairwise([0, *cuts, len(whole)]):
            line.comes(whole[start:end])
            line.passes(data.draw(st.sampled_from([0.0, 0.1, 0.4])))
        assert all(isinstance(event, events.Paste) for event in line.found)
        assert "".join(event.text for event in line.found if isinstance(event, events.Paste)) == text.replace(
            "\x1b", ""
        )
