"""What each character is to the cleaner: one class per code point, and the sets that are replaced or dropped.

Rules: reference reliability, section 2.4. No sequence grammar anywhere: characters are judged one by one, so there is
nothing to splice, nest or leave unterminated.
"""

from __future__ import annotations

import re
import unicodedata
from enum import IntEnum
from functools import lru_cache

REPLACEMENT = "\ufffd"
ZWNJ, ZWJ, VS16 = "\u200c", "\u200d", "\ufe0f"


class Kind(IntEnum):
    """What the cleaner does with a character."""

    LETTER = 0
    """A letter that may be joined to its neighbours (Persian, Indic)."""
    EMOJI = 1
    """A symbol that may carry a variation selector, a skin tone or a joiner."""
    OTHER = 2
    """Digits, punctuation and everything else that is simply shown."""
    SPACE = 3
    MARK = 4
    """Takes no cell of its own: combining marks, and Hangul vowels and finals outside a composed syllable."""
    JOINER = 5
    SELECTOR = 6
    TONE = 7
    REGION = 8
    """One half of a flag."""
    DROPPED = 9
    BAD = 10
    """Private use, surrogates, noncharacters, and characters that this Python does not know."""


NEWLINES = re.compile("\r\n|[\n\x85\u2028\u2029]")
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Every C0 but tab and line feed, DEL, C1."""
SURROGATES = re.compile("[\ud800-\udfff]")
FLAGGED = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Bidi embeddings, overrides and isolates: whoever sends them wants the line to read otherwise than it is."""
FLAG_TAGS = (
    "\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074|\U000e0077\U000e006c\U000e0073)"
    "\U000e007f"
)
"""Pattern: what follows the black flag in those of England, Scotland and Wales."""
INVISIBLE = re.compile(
    f"(\U0001f3f4{FLAG_TAGS})|"
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Dropped from display; group 1, the flags of England, Scotland and Wales, is kept."""
PLAIN = re.compile(
    "[\n -~\u00a1-\u00ac\u00ae-\u02ff\u0386-\u0481\u048a-\u052f\u0621-\u064a\u05d0-\u05ea\u3041-\u3096\u30a1-\u30fa"
    "\u4e00-\u9fff\uac00-\ud7a3\u2010-\u2015\u2018-\u2027\u20ac\u2400-\u2421\ufffd]*"
)
"""Text of these alone needs no look at single characters."""

_VISIBLE_FORMAT = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
_YOUNGER = re.compile("[\U00017000-\U00018dff\U0001f000-\U0001faff\U00020000-\U0003fffd]")
"""Blocks in which a character that this Python does not know is an ideograph or an emoji, so wide and harmless."""
_JAMO = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff]")
_SELECTABLE = frozenset("0123456789#*\u203c\u2049\u2139\u24c2\u3030")
"""Bases of emoji that are digits, punctuation or letters by category."""

_BY_CATEGORY = {"Zs": Kind.SPACE, "Co": Kind.BAD, "Cs": Kind.BAD, "Cc": Kind.BAD, "Cf": Kind.DROPPED}


@lru_cache(maxsize=8192)
def kind(character: str) -> Kind:
    """The class of one code point."""
    if character == "\n":
        return Kind.SPACE
    special = _special(character)
    if special is not None:
        return special
    category = unicodedata.category(character)
    if category[0] == "M":
        return Kind.MARK
    if category[0] == "L":
        return Kind.LETTER
    if category == "Cn":
        return Kind.EMOJI if _YOUNGER.match(character) and ord(character) & 0xFFFE != 0xFFFE else Kind.BAD
    if category in {"So", "Sm"}:
        return Kind.EMOJI
    return _BY_CATEGORY.get(category, Kind.OTHER)


def _special(character: str) -> Kind | None:
    if character in (ZWJ, ZWNJ):
        return Kind.JOINER
    if character == VS16:
        return Kind.SELECTOR
    if "\U0001f3fb" <= character <= "\U0001f3ff":
        return Kind.TONE
    if "\U0001f1e6" <= character <= "\U0001f1ff":
        return Kind.REGION
    if _JAMO.match(character):
        return Kind.MARK
    if character in _VISIBLE_FORMAT:
        return Kind.OTHER
    # Tags that are left by now belong to a flag: they hang on it as marks do.
    return Kind.MARK if "\U000e0020" <= character <= "\U000e007f" else None


def picture(character: str) -> str:
    """A control character as something to see: its picture, U+FFFD for C1."""
    number = ord(character)
    if number < 0x20:
        return chr(0x2400 + number)
    return "\u2421" if number == 0x7F else REPLACEMENT


def takes_selector(character: str) -> bool:
    """Whether an emoji variation selector after it means anything."""
    return character in _SELECTABLE or kind(character) is Kind.EMOJI
