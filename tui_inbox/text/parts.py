"""A text that is too long to be laid out at once, part by part. The cost of a part does not depend on the whole."""

from __future__ import annotations

from tui_inbox.text import characters
from tui_inbox.text.cleaner import LINE_LENGTH, LINES, MAXIMUM, CustomerText, uncapped

PART = 4096
"""Code points of a part at most."""
_BREAK_WITHIN = 512
"""Code points at the end of a part within which it ends at a line, else at a blank, if there is one."""


def is_long(text: str) -> bool:
    """Whether a timeline leaves something of ``text`` out because of its length."""
    if len(text) > MAXIMUM:
        return True
    rows = characters.NEWLINES.sub("\n", text).split("\n")
    return len(rows) > LINES or any(len(row) > LINE_LENGTH for row in rows)


def part_ends(text: str) -> list[int]:
    """Where each part of ``text`` ends, in order; nothing is lost or doubled. One part at least."""
    ends: list[int] = []
    start = 0
    while len(text) - start > PART:
        start = _end(text, start)
        ends.append(start)
    return [*ends, len(text)]


def part(text: str, ends: list[int], number: int) -> CustomerText:
    """Part ``number`` of ``text``, counted from 0, cleaned and never cut."""
    start = ends[number - 1] if number else 0
    return uncapped(text[start : ends[number]].removesuffix("\n"))


def _end(text: str, start: int) -> int:
    end = start + PART
    for mark in ("\n", " "):
        at = text.rfind(mark, end - _BREAK_WITHIN, end)
        if at >= 0:
            return at + 1
    return end
