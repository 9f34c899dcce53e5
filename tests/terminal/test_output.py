"""The way to the terminal never makes the program wait, and loses nothing that matters."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
import threading
import tty
from collections.abc import Iterator

import pytest

from tests.support.ptyproc import FULL
from tests.support.vt import Parser
from tests.support.workspace import until
from tui_inbox.terminal.output import MOST_BYTES, MOST_PIECES, Output

PICTURE = "\x1b[?2026h\x1b[1;1H" + "x" * 20_000 + "\x1b[?2026l"


class Terminal:
    """A pseudo-terminal that reads when it is told to."""

    def __init__(self) -> None:
        self.master, self.end = pty.openpty()
        tty.setraw(self.end)
        self.repainted = threading.Event()
        self.output = Output(self.end, self.repainted.set)

    def read(self) -> bytes:
        """All there is until nothing comes any more."""
        found = bytearray()
        while select.select([self.master], [], [], 0.5)[0]:
            found += os.read(self.master, 1 << 16)
        return bytes(found)

    def full(self) -> bool:
        """Whether writing to it blocks."""
        waiting = fcntl.ioctl(self.master, termios.FIONREAD, struct.pack("i", 0))
        return int(struct.unpack("i", waiting)[0]) >= FULL

    def close(self) -> None:
        """Hang up."""
        for descriptor in (self.master, self.end):
            if descriptor >= 0:
                os.close(descriptor)
        self.master = self.end = -1


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.read()
    made.output.drain()
    made.close()


def overfill(terminal: Terminal) -> None:
    """More than may wait, once nothing goes any more."""
    terminal.output.write(PICTURE)
    until(terminal.full)
    for _ in range(MOST_PIECES + MOST_BYTES // len(PICTURE) + 20):
        terminal.output.write(PICTURE)


def test_what_is_written_arrives_in_order(terminal: Terminal) -> None:
    terminal.output.write("one ")
    terminal.output.write("")
    terminal.output.write("two, käse \ud800")
    assert terminal.output.drain()
    assert terminal.read() == "one two, käse ?".encode()


def test_a_terminal_that_does_not_read_holds_nobody_up(terminal: Terminal) -> None:
    """It would stand still here for ever."""
    overfill(terminal)
    assert not terminal.output.drain(0.05)
    assert not terminal.repainted.is_set()
    first = terminal.read()
    assert terminal.repainted.wait(30)
    assert len(first) < MOST_BYTES, "what came too late is dropped"
    parser = Parser()
    parser.feed(first + terminal.read())
    assert parser.finish() == []
    assert 2026 not in parser.modes, "no picture is left open"
    terminal.output.write("whole new picture")
    assert terminal.read() == b"whole new picture"


def test_what_puts_the_terminal_back_is_never_dropped(terminal: Terminal) -> None:
    overfill(terminal)
    terminal.output.finish()
    for number in range(3 * MOST_PIECES):
        terminal.output.write(f"\x1b[{number + 1}G")
    terminal.output.write("\x1b[?1049l")
    assert terminal.read().endswith(f"\x1b[{3 * MOST_PIECES}G\x1b[?1049l".encode())
    assert not terminal.repainted.is_set()


def test_a_picture_larger_than_all_that_may_wait_is_painted(terminal: Terminal) -> None:
    """Else a huge window would be painted anew for ever."""
    terminal.output.write("\x1b[?2026h")
    terminal.output.write("y" * (3 * MOST_BYTES))
    terminal.output.write("\x1b[?2026l")
    assert len(terminal.read()) == 3 * MOST_BYTES + 16
    assert not terminal.repainted.is_set()


def test_a_lost_terminal_swallows_what_is_written() -> None:
    terminal = Terminal()
    os.close(terminal.master)
    terminal.master = -1
    terminal.output.write("one")
    until(lambda: terminal.output.gone)
    terminal.output.write("two")
    assert terminal.output.drain(0)
    terminal.close()


def test_losing_a_terminal_that_does_not_read_ends_the_waiting() -> None:
    terminal = Terminal()
    overfill(terminal)
    os.close(terminal.master)
    terminal.master = -1
    assert terminal.output.drain(30)
    assert terminal.output.gone
    terminal.close()
