"""What may never reach a terminal, said a second time and independently of the cleaner."""

from __future__ import annotations

import re
import unicodedata

FORBIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""C0 but line feed, DEL, C1, bidi controls, line separators, surrogates, tags and their neighbours."""
FLAG = re.compile(
    "\U0001f3f4\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074"
    "|\U000e0077\U000e006c\U000e0073)\U000e007f"
)


def foreign(text: str) -> list[str]:
    """The code points of ``text`` that no terminal may get, as ``U+XXXX``; a well-formed flag is none."""
    return [f"U+{ord(character):04X}" for character in FORBIDDEN.findall(FLAG.sub("", text))]


def longest_marks(text: str) -> int:
    """Length of the longest run of combining marks."""
    longest = run = 0
    for character in text:
        run = run + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        longest = max(longest, run)
    return longest


def narrow_and_wide(text: str) -> tuple[int, int]:
    """Cells of one line by wcwidth, with graphemes grouped and with every code point for itself."""
    import wcwidth

    return max(0, wcwidth.wcswidth(text)), sum(max(0, wcwidth.wcwidth(character)) for character in text)
