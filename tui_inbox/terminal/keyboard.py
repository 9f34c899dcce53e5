"""Reading keys so that a paste stays a paste.

Textual takes an ESC within a bracketed paste for the start of a key: what follows becomes key presses, so that pasted
text could press enter and send. Here an ESC within a paste is dropped before Textual sees it. Bytes that are no UTF-8
become U+FFFD, where Textual would stop.
"""

from __future__ import annotations

import os
import selectors
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.drivers.linux_driver import LinuxDriver

START, END = "\x1b[200~", "\x1b[201~"
LOOK_EVERY = 0.1
"""Seconds between two looks at whether reading should end, as in Textual."""
CHUNK = 4096


class PasteFilter:
    """Drops every ESC between the marks of a bracketed paste; call it with each piece of input in turn."""

    def __init__(self) -> None:
        self._inside = False
        self._seen = ""
        """The last characters outside a paste, in which the start mark may have begun."""
        self._held = ""
        """The beginning of what may be the end mark."""

    def __call__(self, data: str) -> str:
        """``data`` as Textual may have it; the rest of an end mark that is cut in two comes with the next call."""
        done: list[str] = []
        while data:
            data = self._within(data, done) if self._inside else self._outside(data, done)
        return "".join(done)

    def _outside(self, data: str, done: list[str]) -> str:
        seen = self._seen + data
        at = seen.find(START)
        if at < 0:
            done.append(data)
            self._seen = seen[-(len(START) - 1) :]
            return ""
        cut = at + len(START) - len(self._seen)
        done.append(data[:cut])
        self._inside, self._seen = True, ""
        return data[cut:]

    def _within(self, data: str, done: list[str]) -> str:
        data, self._held = self._held + data, ""
        pasted, mark, rest = data.partition(END)
        if mark:
            done.append(pasted.replace("\x1b", "") + END)
            self._inside = False
            return rest
        tail = next((size for size in range(len(END) - 1, 0, -1) if data.endswith(END[:size])), 0)
        if tail:
            data, self._held = data[:-tail], data[-tail:]
        done.append(data.replace("\x1b", ""))
        return ""


def read_keys(driver: LinuxDriver) -> None:
    """What Textual's ``run_input_thread`` does, with the filter in between. ``OSError`` when the terminal is gone."""
    from textual._xterm_parser import XTermParser

    parser, pastes = XTermParser(driver._debug), PasteFilter()
    decode = getincrementaldecoder("utf-8")(errors="replace").decode
    with selectors.SelectSelector() as selector:
        selector.register(driver.fileno, selectors.EVENT_READ)
        while not driver.exit_event.is_set():
            if selector.select(LOOK_EVERY):
                data = os.read(driver.fileno, CHUNK)
                for event in parser.feed(text) if (text := pastes(decode(data))) else ():
                    driver.process_message(event)
                if not data:
                    # The line is gone; the hang-up signal is on its way, and until then there is nothing to read.
                    driver.exit_event.wait(LOOK_EVERY)
            for event in parser.tick():
                driver.process_message(event)
