"""The one cleaner. What a customer wrote, or named themselves, reaches a screen, a table or a clipboard only as
:class:`CustomerText`, and only :func:`clean` and :func:`clean_line` make one.

The store keeps what arrived; cleaning happens on the way out. The cost is bounded before anything is looked at closely,
so a message of a million characters costs what one of a few thousand does.
"""

from __future__ import annotations

from tui_inbox.text import characters
from tui_inbox.text.characters import REPLACEMENT, VS16, ZWJ, Kind, kind
from tui_inbox.text.width import clip

CLEANER_VERSION = 1
"""Rises whenever the rules change, so that whatever keeps cleaned text knows to clean again."""
MAXIMUM, LINES, LINE_LENGTH = 8192, 400, 2000
"""Code points of a message, its lines, and code points of a line, that are ever laid out."""
EMPTY = "⟨empty⟩"
"""Stands for text of which nothing is left, so that its row can still be selected."""
MOST_MARKS = 6
"""Marks that one base may carry."""
MOST_JOINS = 6
"""Emoji that one emoji may be joined with."""
_TAB = 4
_WINDOW = 4
"""How many times the maximum is looked at, since much of it may be dropped."""
_HERE = object()
_split_emoji = True


def show_emoji(*, safe: bool) -> None:
    """What ``safe_emoji`` means where a call does not say: the setting of this process, made once at its start."""
    global _split_emoji  # noqa: PLW0603  (one terminal a process, so one answer a process)
    _split_emoji = safe


class CustomerText(str):
    """Text that is safe on a terminal: no control, no bidi trick, nothing invisible, bounded. Still *not* markup.

    Can't be made by hand: a plain call raises ``TypeError``.
    """

    flagged: bool
    """Reordering controls were removed: what is shown is not what the sender meant to be seen. Show a warning mark."""
    cut: int
    """Code points that are not shown; 0 = all are."""

    def __new__(cls, text: str, *, flagged: bool = False, cut: int = 0, key: object = None) -> CustomerText:
        """Refuses everybody but this module."""
        if key is not _HERE:
            raise TypeError("CustomerText is made by tui_inbox.text.clean and clean_line only")
        made = super().__new__(cls, text)
        made.flagged, made.cut = flagged, cut
        return made

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """A copy or a pickle is cleaned again rather than believed."""
        return clean, (str(self),)


def clean(
    text: str,
    *,
    maximum: int = MAXIMUM,
    lines: int = LINES,
    line_length: int = LINE_LENGTH,
    safe_emoji: bool | None = None,
) -> CustomerText:
    """``text`` as it may be shown, over several lines, by the rules of the reliability reference, section 2.4.

    ``maximum``, ``line_length``: code points; what is cut ends in ``…`` and is counted in ``cut``. ``safe_emoji``:
    emoji families in their parts, no variation selectors or skin tones, flags as letters, so that every terminal agrees
    on the width; ``False`` only for a terminal that groups graphemes (mode 2027); ``None`` = as the setting says. Never
    raises; cleaning twice changes nothing.
    """
    flagged, earlier = (text.flagged, text.cut) if isinstance(text, CustomerText) else (False, 0)
    window = text[: maximum * _WINDOW]
    flagged = flagged or characters.FLAGGED.search(window) is not None
    shown, marks = _scrub(window, _split_emoji if safe_emoji is None else safe_emoji)
    kept = _cap(shown, maximum, lines, line_length)
    cut = len(text) - len(window) + max(0, len(shown) - len(kept)) + marks
    if cut and not kept.endswith("…"):
        # Room for the note: in its line as well as in the whole.
        kept = _cap(_shorten(kept, maximum - 1) + "…", maximum, lines, line_length)
    if not kept.strip():
        kept = EMPTY
    return CustomerText(kept, flagged=flagged, cut=cut + earlier, key=_HERE)


def clean_line(text: str, cells: int = 80, *, safe_emoji: bool | None = None) -> CustomerText:
    """``text`` as one line of at most ``cells`` cells, for names, subjects, file names and previews."""
    whole = clean(text, maximum=max(256, 8 * cells), line_length=max(256, 8 * cells), safe_emoji=safe_emoji)
    line = " ⏎ ".join(whole.strip().split("\n"))
    short = clip(line, cells)
    cut = whole.cut + max(0, len(line) - len(short))
    return CustomerText(short, flagged=whole.flagged, cut=cut, key=_HERE)


def typed(text: str) -> str:
    """Text on its way into a field in which the agent writes: typed, pasted, a draft, from an editor.

    It will be sent, so nothing is shortened or replaced by pictures: control characters, bidi controls and invisible
    characters are dropped, line ends are LF (terminals paste them as CR), a tab is four blanks, halves of surrogate
    pairs become U+FFFD.
    """
    text = characters.NEWLINES.sub("\n", text).replace("\r", "\n").replace("\t", " " * _TAB)
    text = characters.CONTROLS.sub("", text)
    if characters.PLAIN.fullmatch(text):
        return text
    text = characters.INVISIBLE.sub(lambda found: found[1] or "", text)
    return characters.SURROGATES.sub(REPLACEMENT, text)


def is_clean(text: str) -> bool:
    """Whether the cleaner would replace or drop nothing in ``text``; for trip-wires, not instead of cleaning."""
    return _scrub(text, False)[0] == text


def uncapped(text: str, *, safe_emoji: bool | None = None) -> CustomerText:
    """``text`` cleaned and never cut, for output that scrolls and is not laid out."""
    room = max(1, len(text) * _TAB)
    return clean(text, maximum=room, lines=room, line_length=room, safe_emoji=safe_emoji)


def _scrub(text: str, safe_emoji: bool) -> tuple[str, int]:
    """The text without anything dangerous, and how many marks were too many."""
    text = characters.NEWLINES.sub("\n", text)
    text = characters.CONTROLS.sub(lambda found: characters.picture(found[0]), text)
    if characters.PLAIN.fullmatch(text):
        return text, 0
    text = characters.INVISIBLE.sub(lambda found: (found[1] or "")[: 1 if safe_emoji else None], text)
    if "\t" in text:
        text = text.expandtabs(_TAB)
    scanner = _Scanner(safe_emoji)
    return scanner.scan(text), scanner.surplus


class _Scanner:
    """One pass over the code points that keeps marks, joiners and selectors only where they mean something."""

    def __init__(self, safe_emoji: bool) -> None:
        self.safe = safe_emoji
        self.out: list[str] = []
        self.last = Kind.SPACE
        self.marks = 0
        self.joins = 0
        self.pending = ""
        self.surplus = 0
        self.handlers = {
            Kind.SPACE: self._space,
            Kind.MARK: self._mark,
            Kind.JOINER: self._joiner,
            Kind.SELECTOR: self._selector,
            Kind.TONE: self._tone,
            Kind.REGION: self._region,
            Kind.DROPPED: self._drop,
            Kind.BAD: self._bad,
        }

    def scan(self, text: str) -> str:
        for character in text:
            found = kind(character)
            handler = self.handlers.get(found)
            if handler is None:
                self._base(character, found)
            else:
                handler(character)
        return "".join(self.out)

    def _base(self, character: str, found: Kind) -> None:
        if self.pending:
            self._join(found)
        else:
            self.joins = 0
        self.out.append(character)
        self.last, self.marks = found, 0

    def _join(self, following: Kind) -> None:
        """Keep the waiting joiner if both neighbours can be joined."""
        joiner, self.pending = self.pending, ""
        emoji = Kind.EMOJI in (following, self.last) or self.last is Kind.TONE
        if emoji:
            honest = joiner == ZWJ and following is Kind.EMOJI and self.last in (Kind.EMOJI, Kind.TONE)
            self.joins += 1
            if self.safe or not honest or self.joins > MOST_JOINS:
                self.joins = 0
                return
        elif self.last is not Kind.LETTER or following not in (Kind.LETTER, Kind.MARK):
            return
        self.out.append(joiner)

    def _drop(self, character: str) -> None:
        """Nothing of it is shown."""

    def _bad(self, character: str) -> None:
        self._base(REPLACEMENT, Kind.OTHER)

    def _space(self, character: str) -> None:
        self.pending = ""
        self._base(character if character in "\n \u3000" else " ", Kind.SPACE)

    def _mark(self, character: str) -> None:
        if self.last is Kind.SPACE:
            self.pending = ""
            self._base("◌", Kind.OTHER)
        if self.marks >= MOST_MARKS:
            self.surplus += 1
            return
        if self.pending:
            self._join(Kind.MARK)
        self.marks += 1
        self.out.append(character)

    def _joiner(self, character: str) -> None:
        if not self.pending and self.last in (Kind.LETTER, Kind.EMOJI, Kind.TONE):
            self.pending = character

    def _selector(self, character: str) -> None:
        if not self.safe and self.out and not self.pending and characters.takes_selector(self.out[-1]):
            self.out.append(VS16)

    def _tone(self, character: str) -> None:
        if self.last is Kind.EMOJI and self.marks == 0 and not self.pending and self.out[-1] != VS16:
            if not self.safe:
                self.out.append(character)
                self.last = Kind.TONE
            return
        if self.last is not Kind.TONE:
            self._bad(character)

    def _region(self, character: str) -> None:
        letter = chr(ord(character) - 0x1F1E6 + ord("A"))
        self._base(letter if self.safe else character, Kind.OTHER)


def _cap(text: str, maximum: int, lines: int, line_length: int) -> str:
    if len(text) <= line_length and len(text) <= maximum and text.count("\n") < lines:
        return text
    rows = text.split("\n", lines)
    more = len(rows) > lines
    rows = [_line(row, line_length) for row in rows[:lines]]
    if more and not rows[-1].endswith("…"):
        rows[-1] = _shorten(rows[-1], line_length - 1) + "…"
    whole = "\n".join(rows)
    return whole if len(whole) <= maximum else _shorten(whole, maximum - 1) + "…"


def _line(row: str, length: int) -> str:
    return row if len(row) <= length else _shorten(row, length - 1) + "…"


def _shorten(text: str, length: int) -> str:
    """At most ``length`` code points, with nothing left hanging at the cut."""
    return text[: max(0, length)].rstrip("\u200c\u200d") if len(text) > length else text
