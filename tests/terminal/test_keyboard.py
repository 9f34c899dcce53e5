"""A paste is a paste, however it is cut into pieces and whatever it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser

from tests.support import hostile
from tui_inbox.terminal.keyboard import END, START, PasteFilter


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
