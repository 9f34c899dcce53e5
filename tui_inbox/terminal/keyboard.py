"""Reading keys so that a paste stays a paste.

Textual takes an ESC within a bracketed paste for the start of a key: what follows becomes key presses, so that pasted
text could press enter and send. Here an ESC within a paste is dropped before Textual sees it. A slow line may cut the
mark at which a paste starts in two; Textual would take its first half for keys and everything pasted for typing, so a
half mark is held back until the rest is there. Bytes that are no UTF-8 become U+FFFD, where Textual would stop.
"""

from __future__ import annotations

import os
import selectors
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from textual._xterm_parser import XTermParser

if TYPE_CHECKING:
    from textual.drivers.linux_driver import LinuxDriver
    from textual.message import Message

START, END = "\x1b[200~", "\x1b[201~"
ESC = "\x1b"
LOOK_EVERY = 0.1
"""Seconds between two looks at whether reading should end, as in Textual."""
PATIENCE = 0.5
"""Seconds for which half a start mark waits for the rest; hardly a key of a terminal is a beginning of that mark."""
CHUNK = 4096


class PasteFilter:
    """Drops every ESC between the marks of a bracketed paste; call it with each piece of input in turn."""

    def __init__(self) -> None:
        self._inside = False
        self._mark = ""
        """The beginning of what may be the start mark."""
        self._passed = 0
        """How much of it went on: an ESC alone, since the escape key must not wait."""
        self._became_key = False
        """Whether that ESC has become a key meanwhile."""
        self._held = ""
        """The beginning of what may be the end mark."""

    def __call__(self, data: str) -> str:
        """``data`` as Textual may have it; the rest of a mark that is cut in two comes with the next call."""
        done: list[str] = []
        while data:
            data = self._within(data, done) if self._inside else self._outside(data, done)
        return "".join(done)

    @property
    def waiting(self) -> bool:
        """Whether half a start mark is held back."""
        return len(self._mark) > self._passed

    def release(self) -> str:
        """The rest of the mark does not come: what is held back, as the keys that it is."""
        held, self._mark, self._passed = self._mark[self._passed :], "", 0
        return held

    def key_made(self) -> None:
        """Textual has waited long enough for what follows an ESC and made a key of it."""
        self._became_key = True

    def _outside(self, data: str, done: list[str]) -> str:
        data, passed = self._mark + data, self._passed
        before, mark, rest = data.partition(START)
        if mark:
            again = not before and self._became_key  # Textual has forgotten the ESC that the mark begins with
            done.append((before + mark)[0 if again else passed :])
            self._inside, self._mark, self._passed = True, "", 0
            return rest
        size = _begun(data, START)
        keep = size if size > len(ESC) else 0
        done.append(data[passed : max(passed, len(data) - keep)])
        self._mark = data[len(data) - size :] if size else ""
        if size < len(data) or not passed:
            self._passed, self._became_key = size - keep, False
        return ""

    def _within(self, data: str, done: list[str]) -> str:
        data, self._held = self._held + data, ""
        pasted, mark, rest = data.partition(END)
        if mark:
            done.append(pasted.replace(ESC, "") + END)
            self._inside = False
            return rest
        tail = _begun(data, END)
        if tail:
            data, self._held = data[:-tail], data[-tail:]
        done.append(data.replace(ESC, ""))
        return ""


def _begun(data: str, mark: str) -> int:
    """How many of the last characters of ``data`` may be the beginning of ``mark``."""
    return next((size for size in range(len(mark) - 1, 0, -1) if data.endswith(mark[:size])), 0)


class KeyReader:
    """From bytes to Textual's events: its own parser with the filter before it."""

    def __init__(self, debug: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._parser = XTermParser(debug)
        self._pastes = PasteFilter()
        self._decode = getincrementaldecoder("utf-8")(errors="replace").decode
        self._clock = clock
        self._last = clock()

    def feed(self, data: bytes) -> Iterator[Message]:
        """What some input means."""
        self._last = self._clock()
        text = self._pastes(self._decode(data))
        if text:
            yield from self._parser.feed(text)

    def idle(self) -> Iterator[Message]:
        """Nothing came: what the beginning of a sequence means by itself, once it has waited long enough."""
        patient = self._clock() - self._last < PATIENCE
        if self._pastes.waiting and patient:
            return
        if not patient and (text := self._pastes.release()):
            yield from self._parser.feed(text)
        for event in self._parser.tick():
            self._pastes.key_made()
            yield event


def read_keys(driver: LinuxDriver) -> None:
    """What Textual's ``run_input_thread`` does, with the filter in between. ``OSError`` when the terminal is gone."""
    reader = KeyReader(driver._debug)
    with selectors.SelectSelector() as selector:
        selector.register(driver.fileno, selectors.EVENT_READ)
        while not driver.exit_event.is_set():
            if selector.select(LOOK_EVERY):
                data = os.read(driver.fileno, CHUNK)
                for event in reader.feed(data):
                    driver.process_message(event)
                if not data:
                    # The line is gone; the hang-up signal is on its way, and until then there is nothing to read.
                    driver.exit_event.wait(LOOK_EVERY)
            else:
                # Only now: on a busy machine the rest of a key may have been there for long, unread.
                for event in reader.idle():
                    driver.process_message(event)
