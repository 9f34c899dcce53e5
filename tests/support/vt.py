"""A strict parser of what a program writes to its terminal: the oracle of the hostile-text tests.

It knows the sequences that the program is allowed to write and nothing else. It parses by ECMA-48, so that a foreign
sequence is found whole, however it is spelt: seven bits, eight bits, nested, unterminated.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.oracle import foreign

MODES = frozenset({7, 25, 1000, 1003, 1004, 1006, 1015, 1016, 1049, 2004, 2026, 2048})
"""Private modes that Textual sets and resets."""
MODES_AT_START = frozenset({7, 25})
NUMBERS = re.compile(r"[0-9]*(;[0-9]*)*")
ALTERNATE, CURSOR = 1049, 25
PLAIN_FINALS = frozenset("HfGJK")
COLOURS = re.compile(
    r"(?:(?:[0-47]?|9|[349][0-79]|10[0-7]|[34]8;5;[0-9]{1,3}|[34]8;2;[0-9]{1,3};[0-9]{1,3};[0-9]{1,3})(?:;|$))*"
)
"""Bold, dim, italic, underlined, reverse, struck out, and colours: no blinking, and nothing concealed."""
STRINGS = {"]": "OSC", "P": "DCS", "X": "SOS", "^": "PM", "_": "APC"}
POINTER = re.compile(r"22;[a-z-]*")
CLIPBOARD = re.compile(r"52;c;[A-Za-z0-9+/=]*")


@dataclass(frozen=True)
class Violation:
    """Something that the program may not write."""

    offset: int
    """Place in the stream, in characters."""
    what: str
    hex: str

    def __str__(self) -> str:
        return f"{self.what} at {self.offset} [{self.hex}]"


@dataclass
class Listener:
    """What is done with the parts of the stream; everything defaults to nothing."""

    text: Callable[[str], None] = lambda text: None
    control: Callable[[str], None] = lambda character: None
    csi: Callable[[str, list[int], str], None] = lambda prefix, numbers, final: None


@dataclass
class Parser:
    """Feed it bytes; it tells ``listener`` what they mean and keeps the ``violations``."""

    listener: Listener = field(default_factory=Listener)
    clipboard_allowed: bool = False
    """Set around the agent's copy key."""
    violations: list[Violation] = field(default_factory=list)
    clipboard: list[str] = field(default_factory=list)
    """Payloads of OSC 52, still in base64."""
    modes: set[int] = field(default_factory=lambda: set(MODES_AT_START))
    keyboard: int = 0
    """How often the keyboard protocol was pushed and not popped."""
    questions: list[str] = field(default_factory=list)
    """Mode queries, in order."""

    def __post_init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
        self._rest = ""
        self._offset = 0

    def feed(self, data: bytes) -> None:
        """Parse the next bytes; a sequence that is not complete yet waits."""
        self._rest += self._decoder.decode(data)
        while self._rest:
            taken = self._step(self._rest)
            if not taken:
                return
            self._rest = self._rest[taken:]
            self._offset += taken

    def finish(self) -> list[Violation]:
        """All violations; an unfinished sequence at the end is one. Call once at the end."""
        if self._rest:
            self._wrong("unfinished sequence", self._rest)
            self._rest = ""
        return self.violations

    def modes_left(self) -> list[str]:
        """What the program has not put back."""
        changed = [f"?{mode}" for mode in sorted(self.modes ^ MODES_AT_START)]
        return changed + ["keyboard protocol"] * (self.keyboard > 0)

    def _step(self, text: str) -> int:
        first = text[0]
        if first == "\x1b":
            return self._escape(text)
        if first in "\r\n":
            self.listener.control(first)
            return 1
        if first < " " or "\x7f" <= first <= "\x9f":
            self._wrong("control", first)
            return 1
        run = re.match("[^\x00-\x1f\x7f-\x9f]+", text)
        assert run is not None
        for point in foreign(run[0]):
            self._wrong(f"code point {point}", run[0][:20])
        self.listener.text(run[0])
        return len(run[0])

    def _escape(self, text: str) -> int:
        if len(text) < 2:
            return 0
        if text[1] == "[":
            return self._control_sequence(text)
        if text[1] in STRINGS:
            return self._string(text)
        other = re.match("\x1b[ -/]*(.)?", text, re.DOTALL)
        assert other is not None
        if other[1] is None:
            return 0
        self._wrong("escape", other[0])
        return len(other[0])

    def _control_sequence(self, text: str) -> int:
        found = re.match("\x1b\\[([<-?]?)([0-9:;<-?]*)([ -/]*)([@-~])?", text)
        assert found is not None
        prefix, numbers, between, final = found.groups()
        if final is None:
            if found.end() == len(text):
                return 0
            self._wrong("broken CSI", found[0] + text[found.end()])
            return found.end()
        if NUMBERS.fullmatch(numbers) and self._known(prefix, numbers, between + final):
            self.listener.csi(prefix, [int(number or 0) for number in numbers.split(";")], final)
        else:
            self._wrong("CSI", found[0])
        return found.end()

    def _known(self, prefix: str, numbers: str, final: str) -> bool:
        if prefix == "" and final == "m":
            return COLOURS.fullmatch(numbers) is not None
        if prefix == "" and final in PLAIN_FINALS:
            return not (final == "J" and "3" in numbers)  # that one erases what the terminal has kept above
        if prefix == "?" and final in {"h", "l", "$p"}:
            return self._mode(numbers, final)
        if prefix == ">" and final == "u" and numbers.isdigit():
            self.keyboard += 1
            return True
        if prefix == "<" and final == "u" and not numbers:
            self.keyboard -= 1
            return True
        return False

    def _mode(self, number: str, final: str) -> bool:
        if not number.isdigit() or int(number) not in MODES:
            return False
        if final == "$p":
            self.questions.append(number)
            return number in {"2026", "2048"}
        return self._switch(int(number), final == "h")

    def _switch(self, mode: int, on: bool) -> bool:
        """The cursor is hidden on the alternate screen only, which is left only by who is on it."""
        outside = ALTERNATE not in self.modes
        (self.modes.add if on else self.modes.discard)(mode)
        return not (outside and not on and mode in {ALTERNATE, CURSOR})

    def _string(self, text: str) -> int:
        ends = "\x1b\\\\|\x07" if text[1] == "]" else "\x1b\\\\"
        end = re.compile(ends).search(text, 2)
        if end is None:
            return 0
        content, whole = text[2 : end.start()], text[: end.end()]
        if text[1] == "]" and POINTER.fullmatch(content):
            return len(whole)
        if text[1] == "]" and CLIPBOARD.fullmatch(content) and self.clipboard_allowed:
            self.clipboard.append(content[5:])
            return len(whole)
        self._wrong(STRINGS[text[1]], whole)
        return len(whole)

    def _wrong(self, what: str, part: str) -> None:
        shown = part[:60].encode("utf-8", errors="surrogateescape").hex(" ")
        self.violations.append(Violation(self._offset, what, shown))
