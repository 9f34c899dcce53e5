"""Text in cells: measure, cut, pad and break it. For text that is clean already.

A *cell* is one column of the terminal. :func:`cells` measures as Textual does; :func:`widest` is the most that any
terminal takes, and lines are broken by it, so that a terminal with other tables does not run over the edge.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Align = Literal["left", "right", "center"]
ELLIPSIS = "…"
_ZWJ, _VS16, _JOINERS = "\u200d", "\ufe0f", "\u200c\u200d"
_WORDS = re.compile(r" +|[^ ]+")


@cache
def _measures() -> tuple[Callable[[str], int], Callable[[str], int]]:
    """Rich's measures of a text and of a character; asked for late to keep ``--help`` fast."""
    from rich.cells import cell_len, get_character_cell_size

    return cell_len, get_character_cell_size


def cells(text: str) -> int:
    """Cells that ``text`` (one line) takes, as Textual lays it out."""
    return len(text) if text.isascii() else _measures()[0](text)


def widest(text: str) -> int:
    """The most cells that any terminal takes for ``text``: every joiner ignored, every doubtful character wide."""
    return len(text) if text.isascii() else sum(map(_widest, text))


@cache
def _widest(character: str) -> int:
    if character in (_ZWJ, _VS16):
        # A selector widens the symbol before it where it is honoured.
        return 1 if character == _VS16 else 0
    size = _measures()[1](character)
    category = unicodedata.category(character)
    if category == "Mc":
        return max(1, size)
    doubtful = "\U0001f1e6" <= character <= "\U0001f1ff" or "\U0001f3fb" <= character <= "\U0001f3ff"
    younger = category in {"Cn", "So"} and character >= "\u4dc0"
    return 2 if doubtful or (younger and size) else size


def clusters(text: str) -> Iterator[str]:
    """``text`` in pieces that must not be cut: a base with its marks, selectors and whatever is joined to it."""
    if text.isascii():
        yield from text
        return
    size = _measures()[1]
    start, halves = 0, 0
    for index, character in enumerate(text):
        half = "\U0001f1e6" <= character <= "\U0001f1ff"
        joined = index > start and (
            character in (_ZWJ, _VS16) or text[index - 1] == _ZWJ or not size(character) or (half and halves == 1)
        )
        if not joined and index > start:
            yield text[start:index]
            start = index
        halves = halves + 1 if half and joined else int(half)
    if start < len(text):
        yield text[start:]


def clip(text: str, width: int) -> str:
    """``text`` (one line) cut to at most ``width`` cells, with ``…`` where something is missing."""
    if len(text) <= width and text.isascii():
        return text
    if width <= 0:
        return ""
    if text.isascii():
        return text[: width - 1] + ELLIPSIS
    kept, used, before_last = 0, 0, 0
    for cluster in clusters(text):
        used += cells(cluster)
        if used > width:
            return text[:before_last].rstrip(_JOINERS) + ELLIPSIS
        kept += len(cluster)
        if used <= width - 1:
            before_last = kept
    return text


def fit(text: str, width: int, align: Align = "left") -> str:
    """``text`` (one line) cut and padded to exactly ``width`` cells."""
    short = clip(text, width)
    blank = max(0, width - cells(short))
    if align == "right":
        return " " * blank + short
    if align == "center":
        return " " * (blank // 2) + short + " " * (blank - blank // 2)
    return short + " " * blank


def wrap(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` cells in any terminal, broken at blanks where there are any.

    A character that is too wide for ``width`` alone becomes ``…``. At least one line; an empty line stays one.
    """
    width = max(1, width)
    return [line for row in text.split("\n") for line in _wrap_row(row, width)]


def _wrap_row(row: str, width: int) -> Iterator[str]:
    if widest(row) <= width:
        yield row
        return
    line, used = "", 0
    for word in _WORDS.findall(row):
        size = widest(word)
        if used + size <= width:
            line, used = line + word, used + size
            continue
        if word[0] == " ":
            # Blanks at the break are the break.
            yield line
            line, used = "", 0
            continue
        if line and size <= width:
            yield line.rstrip(" ")
            line, used = word, size
            continue
        for piece in _pieces(word, width):
            size = widest(piece)
            if used + size > width:
                yield line.rstrip(" ")
                line, used = "", 0
            line, used = line + piece, used + size
    if line:
        yield line


def _pieces(word: str, width: int) -> Iterator[str]:
    """Clusters that fit into ``width``; one that does not comes apart."""
    for cluster in clusters(word):
        if widest(cluster) <= width:
            yield cluster
            continue
        for character in cluster.replace(_ZWJ, "").replace(_VS16, ""):
            yield character if widest(character) <= width else ELLIPSIS
