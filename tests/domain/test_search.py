"""What is typed, and what counts as a hit."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tui_inbox.domain.models import Contact
from tui_inbox.domain.search import digits_of, fold, line_that_says, matched_fields, parse, says, text_words

CARLOS = Contact(1, "Carlos", "Fuentes", "c.fuentes@example.com", "+15551234567", custom={"plan": "Gold Plus"})
SCARLET = Contact(2, "Scarlet", "O'Neil", "scarlet@shop.example", "+442071838750")
OSCAR = Contact(3, "Óscar", "Müller-Straße", "om@example.org", "+4930901820")
LI = Contact(4, "小明", "李", "", "+8613800138000")


@pytest.mark.parametrize(
    ("query", "contact", "fields"),
    [
        ("car", CARLOS, ("name",)),
        ("car", SCARLET, ("name", "email part")),
        ("car", OSCAR, ("name",)),
        ("CAR fuentes", CARLOS, ("name", "email part")),
        ("fuentes car", CARLOS, ("name", "email part")),
        ("oscar muller", OSCAR, ("name",)),
        ("strasse", OSCAR, ("name",)),
        ("4567", CARLOS, ("phone",)),
        ("+1 (555) 123-4567", CARLOS, ("phone",)),
        ("555.123.45", CARLOS, ("phone",)),
        ("car 123 4567", CARLOS, ("name", "phone")),
        ("c.fuentes@example.com", CARLOS, ("email",)),
        ("example.com", CARLOS, ("email part",)),
        ("gold plus", CARLOS, None),
        ('"gold plus"', CARLOS, ("custom",)),
        ("gold", CARLOS, None),
        ("o'neil", SCARLET, ("name",)),
        ("李", LI, ("name",)),
        ("明", LI, ("name",)),
        ("name:car", CARLOS, ("name",)),
        ("email:car", CARLOS, None),
        ("phone:4567", CARLOS, ("phone",)),
        ("name:4567", CARLOS, None),
        ("id:1", CARLOS, ("id",)),
        ("id:1", SCARLET, None),
        ("zzz", CARLOS, None),
        ("car zzz", CARLOS, None),
        ("", CARLOS, ()),
    ],
)
def test_matching(query: str, contact: Contact, fields: tuple[str, ...] | None) -> None:
    assert matched_fields(contact, parse(query)) == fields


def test_filters_are_taken_out_of_the_words() -> None:
    query = parse('tag:VIP assignee:Ana "john smith" status:closed')
    assert query.filters == (("tag", "vip"), ("assignee", "ana"), ("status", "closed"))
    assert [term.text for term in query.terms] == ["john smith"]


def test_an_unknown_prefix_is_a_plain_word() -> None:
    assert [term.text for term in parse("http://x order:12").terms] == ["http://x", "order:12"]


@pytest.mark.parametrize("query", ['"', ":", "name:", '""', 'name:""', "()", "\x00", "tag:", "%", "_", "\\"])
def test_scraps_of_syntax_do_no_harm(query: str) -> None:
    parse(query)


@given(st.text(max_size=300))
def test_parsing_never_fails_and_folding_is_idempotent(text: str) -> None:
    query = parse(text)
    assert len(query.terms) <= 12
    assert all(fold(term.text) == term.text for term in query.terms)
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet="abcdeé ÀÖß退款", min_size=1, max_size=12), st.data())
def test_any_part_of_a_name_finds_it(name: str, data: st.DataObject) -> None:
    contact = Contact(9, name, "")
    folded = fold(name)
    if not folded:
        return
    start = data.draw(st.integers(0, len(folded) - 1))
    part = folded[start : data.draw(st.integers(start + 1, len(folded)))].strip()
    if part and " " not in part:
        assert matched_fields(contact, parse(part)) == ("name",)


def test_digits_of_any_script_are_digits() -> None:
    assert digits_of("+٤٤ (20) 7183") == "44207183"


MIXED = st.text(alphabet="ab_1 .-王李カßÉ", max_size=12)


@given(MIXED, MIXED, st.integers(0, 6), st.integers(0, 6))
def test_what_a_message_says_is_its_words_in_a_row(before: str, after: str, at: int, length: int) -> None:
    body = before + after
    text = fold(body[at : at + length])
    words, wanted = text_words(fold(body)), text_words(text)
    rows = [words[n : n + len(wanted)] for n in range(len(words) - len(wanted) + 1)]
    in_a_row = any(row[:-1] == wanted[:-1] and row[-1].startswith(wanted[-1]) for row in rows) if wanted else False
    assert says(body, [text]) is in_a_row
    assert says(body, [text, "zz"]) is False


LONG = st.text(alphabet="ab_1 .-王李カßÉ½´", max_size=60)


@given(LONG, st.integers(0, 59), st.integers(1, 8))
def test_the_shown_part_of_a_line_has_what_was_sought(line: str, at: int, length: int) -> None:
    text = fold(line[at : at + length])
    assume(says(line, [text]))
    shown = line_that_says(f"first\n{line}\nlast", [text])
    assert says(shown, [text])
    assert " ".join(line.split()).endswith(" ".join(shown.removeprefix("…").split()))


def test_a_line_is_shown_from_shortly_before_what_was_sought() -> None:
    assert line_that_says("Hi,\n\nI would know about my refund please", ["refund"]) == "… my refund please"
    assert line_that_says("refund me\nnow", ["refund"]) == "refund me"
    assert line_that_says("两个星期以前我在你们的网站上买了一件衣服想退款", ["退款"]) == "…服想退款"
    assert line_that_says("one\ntwo", ["one two"]) == "one"
