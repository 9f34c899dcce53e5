"""A trip-wire on the way to the terminal: whatever the program writes is compared with the sequences that are its own.

Customer text is clean long before it gets here. This is for the day on which one place forgets: the offender is made
visible instead of being carried out, and the log gets its kind, never its text. Comparing costs about 10 µs for each
kilobyte, a hundredth of what painting costs.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from tui_inbox.text.characters import FLAG_TAGS, REPLACEMENT, picture

if TYPE_CHECKING:
    from textual.driver import Driver

CLIPBOARD_MAXIMUM = 64 * 1024
"""Bytes of text that one copy may hold."""

_MODES = "7|25|1000|1003|1004|1006|1015|1016|1049|2004|2026|2048"
"""Wrapping, cursor, mouse, focus, alternate screen, bracketed paste, synchronised updates, resize reports."""
_COLOUR = r"[34]8;(?:2;[0-9]++;[0-9]++;[0-9]++|5;[0-9]++)|[349][0-79]|10[0-7]|[0-479]"
_COLOURS = rf"(?:0m|(?:(?:{_COLOUR})(?:;|(?=m)))*+m)"
"""What Rich writes for a style; blinking and concealed text never."""
_OWN = rf"\[(?:{_COLOURS}|[0-9]+;[0-9]+H|\?2026[hl])"
"""What goes with text: colours, cursor addressing, synchronised updates."""
_SWITCH = rf"\[(?:\?(?:{_MODES})[hl]|\?(?:2026|2048)\$p|>[0-9]+u|<u)"
"""The modes above, the two questions at the start, the keyboard protocol."""
_NEVER = (
    "\x00-\x09\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff"
)
_FLAG = f"(?<=\U0001f3f4){FLAG_TAGS}"
_FRAME = re.compile(f"(?:[^\x1b{_NEVER}]+|\x1b{_OWN}|{_FLAG})*+")
_SWITCHES = re.compile(rf"(?:\x1b{_SWITCH})++")
"""Only as a write of its own: beside text it would be the text's."""
_FOREIGN = re.compile(f"({_FLAG})|\x1b(?!{_OWN})|[{_NEVER}]")
_ALONE = re.compile("\x07|\x1b\\]22;[a-z-]*\x07|\x1b\\]52;c;([A-Za-z0-9+/=]*)\x07")
"""Only as a write of its own, never within a frame: the bell, the pointer's shape, the clipboard."""


def guarded(data: str) -> tuple[str, tuple[str, ...]]:
    """``data`` as it may be written, and the kinds of what was foreign in it (``ESC ]``, ``U+009B``), in order."""
    if _FRAME.fullmatch(data) or _SWITCHES.fullmatch(data):
        return data, ()
    alone = _ALONE.fullmatch(data)
    if alone:
        too_much = len(alone[1] or "") > CLIPBOARD_MAXIMUM * 4 // 3 + 4
        return ("", ("clipboard too large",)) if too_much else (data, ())
    kinds = tuple(_kind(data, found.start()) for found in _FOREIGN.finditer(data) if not found[1])
    return _FOREIGN.sub(lambda found: found[1] or _visible(found[0]), data), kinds


def _visible(character: str) -> str:
    return picture(character) if ord(character) < 0xA0 else REPLACEMENT


def _kind(data: str, at: int) -> str:
    if data[at] != "\x1b":
        return f"U+{ord(data[at]):04X}"
    following = data[at + 1 : at + 2]
    return f"ESC {following}" if "!" <= following <= "~" else "ESC"


def guarded_driver() -> type[Driver] | None:
    """The driver to give to ``App(driver_class=…)``; ``None`` where only Textual's own will do (Windows)."""
    if os.name != "posix":
        return None
    from tui_inbox.terminal.driver import GuardedDriver

    return GuardedDriver
