"""The trip-wire before the terminal."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import hostile
from tests.support.vt import Parser
from tui_inbox.terminal.guard import CLIPBOARD_MAXIMUM, guarded

SWITCHES = (
    "\x1b[?1049h\x1b[?1000h\x1b[?1003h\x1b[?1015h\x1b[?1006h\x1b[?25l\x1b[?1004h\x1b[>25u\x1b[?2026$p\x1b[?2048$p"
    "\x1b[?2004h\x1b[?7l\x1b[<u"
)
OWN = (
    "\x1b[?2026h\x1b[2;1H\x1b[1;38;2;255;0;10mtext 漢字\x1b[1m4;2m 👨\u200d👩\x1b[0m\r\n"
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
)
FRAME = OWN + "{}\x1b[0m\x1b[?2026l"


def parse(text: str) -> Parser:
    parser = Parser()
    parser.feed(text.encode())
    parser.finish()
    return parser


def test_the_programs_own_sequences_pass_untouched() -> None:
    assert guarded(OWN) == (OWN, ())
    for alone in (SWITCHES, "\x07", "\x1b]22;pointer\x07", "\x1b]52;c;aGk=\x07"):
        assert guarded(alone) == (alone, ())


@pytest.mark.parametrize("case", hostile.texts(), ids=lambda case: case.id)
def test_raw_hostile_text_in_a_frame_is_made_harmless(case: hostile.Hostile) -> None:
    safe, _ = guarded(FRAME.format("{}").replace("{}", case.text[:20_000]))
    assert parse(safe).violations == []


@given(
    st.text(st.characters(), max_size=60)
    | st.text(st.sampled_from("\x1b[]?;0123456789hlmHu<>$pP\\\x07\x9b\x9d\u202ea"), max_size=30)
)
def test_whatever_is_written_no_foreign_sequence_goes_out(text: str) -> None:
    safe, kinds = guarded(FRAME.replace("{}", text))
    assert parse(safe).violations == []
    if kinds:
        assert safe != FRAME.replace("{}", text)


def test_the_offender_is_named_by_kind_only() -> None:
    safe, kinds = guarded("a\x1b]52;c;c2VjcmV0\x07b\x9b1m\u202e\x1b")
    assert kinds == ("ESC ]", "U+0007", "U+009B", "U+202E", "ESC")
    assert safe == "a␛]52;c;c2VjcmV0␇b�1m�␛"


@pytest.mark.parametrize("switch", ["\x1b[?1049l", "\x1b[?25h", "\x1b[?2004l", "\x1b[>1u"])
def test_modes_are_never_switched_beside_text(switch: str) -> None:
    assert guarded(switch) == (switch, ())
    assert guarded(f"a{switch}") == (f"a␛{switch[1:]}", ("ESC [",))


@pytest.mark.parametrize(
    "foreign", ["\x1b[8m", "\x1b[1;8m", "\x1b[5m", "\x1b[2J", "\x1b[3J", "\x1b[K", "\x1b[9G", "\x1b[38;5m"]
)
def test_what_hides_or_erases_is_foreign(foreign: str) -> None:
    assert guarded(f"a{foreign}b")[1] == ("ESC [",)


def test_the_clipboard_takes_no_more_than_its_share() -> None:
    def copying(size: int) -> str:
        return f"\x1b]52;c;{base64.b64encode(b'x' * size).decode()}\x07"

    assert guarded(copying(CLIPBOARD_MAXIMUM))[1] == ()
    assert guarded(copying(CLIPBOARD_MAXIMUM + 10)) == ("", ("clipboard too large",))
