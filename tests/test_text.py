"""The cleaner against everything hostile that we know and everything that Hypothesis can think of."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import hostile, oracle
from tests.support.sizes import size_of
from tui_inbox.text import (
    EMPTY,
    CustomerText,
    cells,
    characters,
    clean,
    clean_line,
    cleaner,
    csv_cell,
    safe_filename,
    terminal_safe,
    typed,
)

EXAMPLES = size_of("cleaner", 2000)
"""Texts that go through the cleaner; ``python -m tests.reliability cleaner --size full`` takes a hundred thousand."""
ANY_TEXT = st.text(st.characters(), max_size=80)
"""All planes, surrogates included."""
TRICKY = st.text(
    st.sampled_from(
        "ab9 \n\r\t\x00\x1b\x7f\x85\x9b\u0301\u093f\u0645\u05d0\u200b\u200c\u200d\u200e\u202e\u2066\u2069\u20e3"
        "\u3164\ufe0e\ufe0f\ud83d\ue000\uffff\U0001f1e9\U0001f3f4\U0001f3fd\U0001f468\U0001f600\u2764#\u1161\u3000\u2028"
        "\U000e0067\U000e0062\U000e0065\U000e006e\U000e007f\U0001f9fffitz"
    ),
    max_size=60,
)
every = pytest.mark.parametrize("case", hostile.texts(), ids=lambda case: case.id)


def assert_safe(shown: str) -> None:
    assert oracle.foreign(shown) == []
    assert shown.strip()
    assert oracle.longest_marks(shown) <= cleaner.MOST_MARKS


@every
@pytest.mark.parametrize("safe_emoji", [True, False])
def test_every_hostile_text_is_harmless_after_cleaning(case: hostile.Hostile, safe_emoji: bool) -> None:
    shown = clean(case.text, safe_emoji=safe_emoji)
    assert_safe(shown)
    assert len(shown) <= cleaner.MAXIMUM
    rows = shown.split("\n")
    assert len(rows) <= cleaner.LINES
    assert max(map(len, rows)) <= cleaner.LINE_LENGTH
    assert clean(str(shown), safe_emoji=safe_emoji) == shown


@every
def test_every_hostile_text_becomes_one_short_line(case: hostile.Hostile) -> None:
    line = clean_line(case.text, 30)
    assert_safe(line)
    assert "\n" not in line
    assert 0 < cells(line) <= 30
    assert clean_line(str(line), 30) == line


def expect_visible(case: hostile.Hostile, shown: CustomerText) -> None:
    controls = [c for c in case.text if characters.CONTROLS.match(c) and c not in "\x85"]
    pictures = sum(shown.count(chr(point)) for point in [*range(0x2400, 0x2422), 0xFFFD])
    crlf = case.text.count("\r\n")
    assert pictures >= len(controls) - crlf > 0


def expect_dropped(case: hostile.Hostile, shown: CustomerText) -> None:
    if shown != EMPTY:
        assert len(shown) < len(case.text)
        assert all(character in case.text for character in shown)


def expect_flagged(case: hostile.Hostile, shown: CustomerText) -> None:
    assert shown.flagged


def expect_literal(case: hostile.Hostile, shown: CustomerText) -> None:
    assert shown == case.text
    assert not shown.flagged
    assert shown.cut == 0


def expect_capped(case: hostile.Hostile, shown: CustomerText) -> None:
    assert shown.cut > 0
    assert "…" in shown
    assert len(shown) < len(case.text)


def expect_replacement(case: hostile.Hostile, shown: CustomerText) -> None:
    assert set(shown) <= set(case.text) | {"\ufffd"}
    assert "\ufffd" in shown


def expect_tabs(case: hostile.Hostile, shown: CustomerText) -> None:
    assert shown == case.text.expandtabs(4)


def expect_no_overflow(case: hostile.Hostile, shown: CustomerText) -> None:
    line = clean_line(case.text, 12)
    assert max(cells(line), *oracle.narrow_and_wide(line)) <= 12


def expect_distinguishable(case: hostile.Hostile, shown: CustomerText) -> None:
    # Shown as it is: what makes it recognisable is its place and colour, never a rewriting of the letters.
    assert shown == case.text


def expect_empty(case: hostile.Hostile, shown: CustomerText) -> None:
    assert shown == EMPTY


def expect_safe_name(case: hostile.Hostile, shown: CustomerText) -> None:
    name = safe_filename(case.text)
    assert not set(name) & set('/\\:*?"<>|\n')
    assert not name.startswith((".", "-"))
    assert name.partition(".")[0].lower() not in {"con", "aux", "nul", "prn"}
    assert len(name.encode()) <= 255


def expect_csv(case: hostile.Hostile, shown: CustomerText) -> None:
    assert csv_cell(case.text) == "'" + case.text


def expect_one_header_line(case: hostile.Hostile, shown: CustomerText) -> None:
    assert not set(clean_line(case.text)) & set("\r\n")


EXPECTATIONS = {
    "visible-replacement": expect_visible,
    "dropped": expect_dropped,
    "flagged": expect_flagged,
    "literal": expect_literal,
    "capped": expect_capped,
    "replacement-character": expect_replacement,
    "tab-expanded": expect_tabs,
    "no-overflow": expect_no_overflow,
    "distinguishable": expect_distinguishable,
    "placeholder": expect_empty,
    "safe-name": expect_safe_name,
    "csv-neutralised": expect_csv,
    "header-folded-or-refused": expect_one_header_line,
}
ELSEWHERE = {"under-200ms", "argv-not-shell", "normalised-or-refused"}
"""Shown by counting below, by the editor's tests, and by the search's tests."""


@every
def test_every_hostile_text_is_treated_as_its_entry_expects(case: hostile.Hostile) -> None:
    assert set(case.expect) <= EXPECTATIONS.keys() | ELSEWHERE
    for term in case.expect:
        if term in EXPECTATIONS:
            EXPECTATIONS[term](case, clean(case.text))


@settings(max_examples=EXAMPLES)
@given(ANY_TEXT | TRICKY, st.booleans())
def test_any_text_is_harmless_and_cleaning_again_changes_nothing(text: str, safe_emoji: bool) -> None:
    shown = clean(text, safe_emoji=safe_emoji)
    assert_safe(shown)
    assert clean(str(shown), safe_emoji=safe_emoji) == shown
    assert cleaner.is_clean(shown)


@given(ANY_TEXT | TRICKY, st.integers(1, 40), st.booleans())
def test_any_text_makes_a_line_that_fits(text: str, width: int, safe_emoji: bool) -> None:
    line = clean_line(text, width, safe_emoji=safe_emoji)
    assert oracle.foreign(line) == []
    assert "\n" not in line
    assert 0 < cells(line) <= width
    assert clean_line(str(line), width, safe_emoji=safe_emoji) == line


@given(TRICKY, st.integers(4, 40), st.integers(1, 6), st.integers(4, 20))
def test_caps_hold_and_are_stable(text: str, maximum: int, lines: int, line_length: int) -> None:
    shown = clean(text, maximum=maximum, lines=lines, line_length=line_length)
    if shown != EMPTY:
        assert len(shown) <= maximum
        assert shown.count("\n") < lines
        assert max(map(len, shown.split("\n"))) <= line_length
    again = clean(str(shown), maximum=max(maximum, len(EMPTY)), lines=lines, line_length=max(line_length, len(EMPTY)))
    assert again == shown


@given(ANY_TEXT)
def test_a_command_shows_the_same_text_uncut(text: str) -> None:
    assert oracle.foreign(terminal_safe(text)) == []
    assert oracle.foreign(safe_filename(text)) == []
    assert "\n" not in safe_filename(text)


def test_output_of_a_command_is_never_cut() -> None:
    assert terminal_safe("x" * 20_000 + "\n" * 900 + "y") == "x" * 20_000 + "\n" * 900 + "y"
    assert terminal_safe("") == ""


@given(ANY_TEXT | TRICKY)
def test_what_enters_a_field_holds_nothing_foreign(text: str) -> None:
    entered = typed(text)
    assert oracle.foreign(entered) == []
    assert typed(entered) == entered


def test_what_an_agent_writes_stays_as_it_is() -> None:
    family = "👨\u200d👩\u200d👧 ❤\ufe0f 👍🏽 می\u200cخواهم e\u0301 漢字\n\n  indented"
    assert typed(family) == family
    assert typed("a\x1b[31mb\x07\r\nc\td\u202e\u200b\x9b\ud800") == "a[31mb\nc    d\ufffd"
    assert typed("x" * 50_000) == "x" * 50_000


def test_emoji_stay_whole_where_the_terminal_groups_them() -> None:
    family, heart, thumb, flag = "👨‍👩‍👧", "❤\ufe0f", "👍🏽", "🇩🇪"
    england = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    whole = f"{family} {heart} {thumb} {flag} {england} 1\ufe0f\u20e3"
    assert clean(whole, safe_emoji=False) == whole
    assert clean(whole) == "👨👩👧 ❤ 👍 DE \U0001f3f4 1\u20e3"


def test_joiners_stay_where_languages_need_them() -> None:
    for word in ("می\u200cخواهم", "क्\u200dष", "ශ්\u200dරී"):
        assert clean(word) == word
    assert clean("a\u200d b\u200c9\u200d") == "a b9"
    assert clean("👨\u200d" * 20 + "👩", safe_emoji=False).count("\u200d") < 20


def test_marks_need_something_to_stand_on() -> None:
    assert clean("\u0301a \u0301b\n\u0301c") == "◌\u0301a ◌\u0301b\n◌\u0301c"


def test_line_ends_of_all_systems_are_one() -> None:
    assert clean("a\r\nb\x85c\u2028d\u2029e\nf") == "a\nb\nc\nd\ne\nf"
    assert clean_line("a\r\nb\n") == "a ⏎ b"
    assert clean("a\rb") == "a␍b"


def test_only_the_cleaner_makes_customer_text() -> None:
    with pytest.raises(TypeError, match="made by"):
        CustomerText("\x1b[2J")
    shown = clean("a\u202eb")
    for twin in (copy.deepcopy(shown), pickle.loads(pickle.dumps(shown))):
        assert isinstance(twin, CustomerText)
        assert twin == shown


def test_cleaning_again_keeps_what_is_known() -> None:
    shown = clean_line(clean("x\u202e" + "y" * 100), 10)
    assert shown.flagged
    assert shown.cut >= 91


@pytest.mark.parametrize("unit", ["A", "\u200b", "a\u0301", "👨\u200d", "\n", "\x1b["])
def test_a_huge_message_costs_what_a_long_one_does(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = 0
    scrub = cleaner._scrub

    def counting(text: str, safe_emoji: bool) -> tuple[str, int]:
        nonlocal looked_at
        looked_at += len(text)
        return scrub(text, safe_emoji)

    monkeypatch.setattr(cleaner, "_scrub", counting)
    shown = clean(unit * (1_000_000 // len(unit)))
    assert looked_at <= 4 * cleaner.MAXIMUM
    assert shown.cut > 900_000 or len(shown) < 500


def test_a_bare_number_is_no_formula() -> None:
    assert csv_cell("+15551234567") == "+15551234567"
    assert csv_cell("-5.2") == "-5.2"
    for text in ("=1+1", "+1+1", "-1+cmd", "@x", "\tx", "\rx", "+١"):
        assert csv_cell(text) == "'" + text
    assert csv_cell("a=b") == "a=b"


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("invoice.pdf", "invoice.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\x.txt", "x.txt"),
        ("..", "file"),
        ("", "file"),
        (" .-.hidden", "hidden"),
        ("nul", "_nul"),
        ("LPT1.txt", "_LPT1.txt"),
        ("a\u202efdp.exe", "afdp.exe"),
        ("line\nbreak", "line _ break"),
        ("é" * 300 + ".pdf", "é" * 125 + ".pdf"),
    ],
    ids=range(11),
)
def test_file_names(given_name: str, kept: str) -> None:
    assert safe_filename(given_name) == kept
