"""The harness itself: the strict parser, the screen model and the pseudo-terminal find what they are meant to find."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.support import hostile
from tests.support.ptyproc import NotSeenError, PtyProcess, strays
from tests.support.screen import Screen
from tests.support.vt import Parser

ROOT = Path(__file__).parents[2]
TINY = [sys.executable, "-m", "tests.support.tiny"]
OWN = (
    "\x1b[?1049h\x1b[?1000h\x1b[?25l\x1b[>25u\x1b[?2026$p\x1b[?2048$p\x1b[?2026h\x1b[1;1H\x1b[38;2;1;2;3mtext\x1b[0m\r\n"
    "\x1b[K\x1b[2J\x1b]22;pointer\x07\x1b[?2026l\x1b[<u\x1b[?1000l\x1b[?1049l\x1b[?25h"
)


def parse(data: bytes, *, clipboard: bool = False) -> Parser:
    parser = Parser(clipboard_allowed=clipboard)
    parser.feed(data)
    parser.finish()
    return parser


def test_the_parser_knows_the_programs_own_sequences() -> None:
    parser = parse(OWN.encode())
    assert parser.violations == []
    assert parser.modes_left() == []
    assert parser.questions == ["2026", "2048"]


def test_the_parser_does_not_care_how_the_bytes_are_cut() -> None:
    parser = Parser()
    for byte in (OWN + "漢字\x1b[2").encode():
        parser.feed(bytes([byte]))
    assert parser.violations == []
    assert [violation.what for violation in parser.finish()] == ["unfinished sequence"]


@pytest.mark.parametrize(
    "foreign",
    [
        "\x1bc", "\x1b[6n", "\x1b[>c", "\x1b]0;title\x07", "\x1b]2;t\x1b\\", "\x1b]52;c;eA==\x07", "\x1b]8;;http://x\x1b\\",
        "\x1bP$qm\x1b\\", "\x1b_Gx\x1b\\", "\x1b^x\x1b\\", "\x1b(0", "\x1b[1;1r", "\x1b[?1048h", "\x1b[38:2:1:2:3m",
        "\x1b[<0;1;1M", "\x9b31m", "\x9d0;x\x9c", "\x07", "\x08", "\t", "\x7f", "\x00", "\u202e", "\u2066", "\u200e",
        "\ufeff", "\U000e0041", "\x1b[5i", "\x1b[?1;2h", "\x1b]4;1;red\x07", "\x1b[\x07m", "\x1b[2 q", "\x1bD",
        "\x85", "\u2028", "\x1b[3J", "\x1b[8m", "\x1b[1;8m", "\x1b[5m", "\x1b[38;5m", "\x1b[?1049l", "\x1b[?25l",
    ],
)  # fmt: skip
def test_the_parser_finds_what_is_foreign(foreign: str) -> None:
    parser = parse(f"before\x1b[0m{foreign}after".encode())
    assert len(parser.violations) >= 1
    assert all(violation.offset >= len("before\x1b[0m") for violation in parser.violations)


def test_the_parser_finds_bytes_that_are_no_text() -> None:
    assert parse(b"a\xffb").violations
    assert parse("\ud800".encode("utf-8", "surrogatepass")).violations


def test_the_clipboard_only_when_the_agent_asked() -> None:
    copying = b"\x1b]52;c;aGk=\x07"
    assert parse(copying, clipboard=True).clipboard == ["aGk="]
    assert parse(copying).violations


def test_flags_are_not_hidden_text() -> None:
    scotland = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    assert parse(scotland.encode()).violations == []


ESCAPES = [case for case in hostile.texts() if case.category.startswith("escape")]


@pytest.mark.parametrize("case", ESCAPES, ids=lambda c: c.id)
def test_the_parser_finds_every_hostile_sequence(case: hostile.Hostile) -> None:
    assert parse(case.text.encode("utf-8", "surrogatepass")).violations


def test_the_screen_shows_what_a_person_would_see() -> None:
    screen = Screen(10, 3)
    screen.feed("\x1b[?7l\x1b[2;3Hab漢c\x1b[1;1Htop\x1b[3;9Hxyz\x1b[2;5H.".encode())
    assert screen.lines == ["top", "  ab. c", "        xz"]
    assert screen.find("c") == (1, 6)
    screen.feed(b"\x1b[2;4H\x1b[K\x1b[1G!\x1b[1;2H\x1b[1K")
    assert screen.lines == ["  p", "! a", "        xz"]
    screen.feed("\x1b[2J\x1b[1;1He\u0301👨\u200d👩x".encode())
    assert [screen.cell(0, column) for column in range(4)] == ["e\u0301", "👨\u200d👩", "", "x"]
    screen.resize(4, 2)
    assert screen.lines == ["e\u0301👨\u200d👩x", ""]


def test_the_screen_gives_the_first_page_back_after_the_program() -> None:
    screen = Screen(10, 2)
    screen.feed(b"shell$\x1b[?1049h\x1b[1;1Hprogram\x1b[?1049l")
    assert screen.lines == ["shell$", ""]


def test_a_program_is_driven_and_watched(tmp_path: Path) -> None:
    with PtyProcess(TINY, home=tmp_path, size=(60, 10), env={"PYTHONPATH": str(ROOT)}) as tiny:
        tiny.wait_for("hello from the tiny program")
        tiny.type("typed täxt 漢字")
        tiny.wait_for("typed täxt 漢字")
        tiny.quiet()
        with tiny.copying():
            tiny.press("ctrl+y")
            tiny.wait_for(lambda screen: bool(screen.parser.clipboard))
        tiny.resize(40, 8)
        tiny.wait_for("hello from the tiny program")
        tiny.quiet()
        assert tiny.bytes_during(0.5) == 0
        with pytest.raises(NotSeenError, match="hello from"):
            tiny.wait_for("never there", patience=0.1)
        tiny.press("ctrl+q")
        assert tiny.wait() == 0
        tiny.assert_terminal_restored()
        assert tiny.screen.parser.finish() == []
    assert strays(tmp_path) == []


def test_keys_that_arrive_together_keep_their_order_in_our_fields(tmp_path: Path) -> None:
    with PtyProcess(TINY, home=tmp_path, env={"PYTHONPATH": str(ROOT)}) as tiny:
        tiny.wait_for("hello from the tiny program")
        tiny.type("abcdef\x7f\x7f\x7fXYZ\x1b[D\x1b[D\x7f-\x1b[F!")
        tiny.wait_for("abc-YZ!")


def test_what_is_pasted_into_our_fields_is_clean(tmp_path: Path) -> None:
    with PtyProcess(TINY, home=tmp_path, env={"PYTHONPATH": str(ROOT)}) as tiny:
        tiny.wait_for("hello from the tiny program")
        tiny.type("> ")
        tiny.paste("pa\x1b]8;;http://x\x07st\u202eed\x9b\x1b[6n\x11\x1bq")
        tiny.type(" <")
        tiny.wait_for("> pa]8;;http://xsted[6nq <")
        tiny.press("ctrl+q")
        assert tiny.wait() == 0
        assert tiny.screen.parser.finish() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_leave_a_sane_terminal(tmp_path: Path, number: signal.Signals) -> None:
    with PtyProcess(TINY, home=tmp_path, env={"PYTHONPATH": str(ROOT)}) as tiny:
        tiny.wait_for("hello from the tiny program")
        tiny.signal(number)
        assert tiny.wait() == 128 + number
        tiny.assert_terminal_restored()


def test_a_program_that_is_killed_leaves_its_modes_behind(tmp_path: Path) -> None:
    with PtyProcess(TINY, home=tmp_path, env={"PYTHONPATH": str(ROOT)}) as tiny:
        tiny.wait_for("hello from the tiny program")
        tiny.signal(signal.SIGKILL)
        assert tiny.wait() == -signal.SIGKILL
        assert {"?25", "?1000", "?1049"} <= set(tiny.screen.parser.modes_left())
        assert tiny.attributes_left()


def test_a_dropped_line_ends_the_program(tmp_path: Path) -> None:
    with PtyProcess(TINY, home=tmp_path, env={"PYTHONPATH": str(ROOT)}) as tiny:
        tiny.wait_for("hello from the tiny program")
        tiny.hang_up()
        assert tiny.wait() == 128 + signal.SIGHUP


def test_a_program_goes_on_after_being_suspended(tmp_path: Path) -> None:
    with PtyProcess(TINY, home=tmp_path, env={"PYTHONPATH": str(ROOT)}) as tiny:
        tiny.wait_for("hello from the tiny program")
        tiny.suspend()
        tiny.go_on()
        tiny.type("typed afterwards")
        tiny.wait_for("typed afterwards")
        tiny.press("ctrl+q")
        assert tiny.wait() == 0
        tiny.assert_terminal_restored()


def test_a_stray_continue_signal_changes_nothing(tmp_path: Path) -> None:
    """A lost terminal is followed by one; Textual would start its threads a second time and never end."""
    with PtyProcess(TINY, home=tmp_path, env={"PYTHONPATH": str(ROOT)}) as tiny:
        tiny.wait_for("hello from the tiny program")
        tiny.signal(signal.SIGCONT)
        tiny.type("typed")
        tiny.wait_for("typed")
        tiny.signal(signal.SIGTERM)
        assert tiny.wait() == 128 + signal.SIGTERM
        tiny.assert_terminal_restored()


RAW = "raw \x1b]52;c;cm0=\x1b\\ \x9b5m \x1b[6n \u202e end"


def test_without_guard_raw_text_would_reach_the_terminal(tmp_path: Path) -> None:
    """The reason for the guard, and the proof that the oracle sees a leak in a real program."""
    (tmp_path / "raw").write_text(RAW, encoding="utf-8", newline="")
    command = [*TINY, "--no-guard", str(tmp_path / "raw")]
    with PtyProcess(command, home=tmp_path, env={"PYTHONPATH": str(ROOT)}) as tiny:
        tiny.wait_for("end")
        assert {violation.what for violation in tiny.violations} >= {"OSC", "CSI", "control", "code point U+202E"}


def test_with_guard_even_raw_text_is_harmless(tmp_path: Path) -> None:
    (tmp_path / "raw").write_text(RAW, encoding="utf-8", newline="")
    with PtyProcess([*TINY, str(tmp_path / "raw")], home=tmp_path, env={"PYTHONPATH": str(ROOT)}) as tiny:
        tiny.wait_for("end")
        tiny.press("ctrl+q")
        assert tiny.wait() == 0
        assert tiny.screen.parser.finish() == []
