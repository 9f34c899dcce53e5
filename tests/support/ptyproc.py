"""The real program in a pseudo-terminal: start it, press keys, read its screen, count its bytes, end it.

Waiting is always for something: a predicate on the screen, an exit. Nothing here sleeps.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.screen import Screen
from tests.support.vt import Violation

PROGRAM = str(Path(sys.executable).parent / "tui-inbox")
PATIENCE = 60.0
"""Seconds until a wait is given up; only ever reached by a failing test."""
LOGIN = """import os, signal, sys
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
os.login_tty(int(sys.argv[1]))
os.execvp(sys.argv[2], sys.argv[2:])"""
"""Makes the terminal the controlling one, so that losing it is a hang-up, and becomes the program. Signals do what they
do after a login: those of tests that run in the background are ignored, which programs inherit."""
KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "delete": "\x1b[3~",
    "space": " ",
}
LAST_MODE = 2004
"""Bracketed paste: the mode that the program sets when it has made the terminal its own."""
FULL = 4000
"""Bytes that wait in a terminal which takes no more; the kernel keeps a page."""
Predicate = Callable[[Screen], bool]


class NotSeenError(AssertionError):
    """What was waited for did not come; the message shows the screen."""


def key(name: str) -> str:
    """The characters that a terminal sends for a key named as Textual names it, or for typed text."""
    if name in KEYS:
        return KEYS[name]
    if name.startswith("ctrl+") and len(name) == 6:
        return chr(ord(name[5].upper()) & 0x1F)
    return name


def environment(home: Path, **more: str) -> dict[str, str]:
    """An environment with nothing of ours in it: an empty home, plain UTF-8, 256 colours."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        **more,
    }


class PtyProcess:
    """A process on a terminal of its own. A context manager: leaving it ends the process and what it started."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        home: Path,
        size: tuple[int, int] = (80, 24),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self.screen = Screen(*size)
        self.raw = bytearray()
        """Every byte that the program wrote."""
        self._answered = 0
        self._reads = True
        self._master, self._terminal = pty.openpty()
        self._set_size(*size)
        self.attributes_before = termios.tcgetattr(self._terminal)
        os.set_blocking(self._master, False)
        terminal = self._terminal
        self.process = subprocess.Popen(
            [sys.executable, "-SE", "-c", LOGIN, str(terminal), *command],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=environment(home, **(env or {})),
            cwd=home,
            pass_fds=(terminal,),
        )

    def __enter__(self) -> PtyProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- input -------------------------------------------------------------------------------------------------------

    def type(self, text: str) -> None:
        """Send characters as they are."""
        data = text.encode()
        while data:
            self._wait(select.POLLOUT | select.POLLIN)
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                continue

    def press(self, *names: str) -> None:
        """Send keys. Wait for the effect of ``escape`` before the next one, or they make one key together."""
        self.type("".join(map(key, names)))

    def press_and_see(self, *names: str) -> None:
        """Send keys and wait until the program has drawn their effect."""
        before = self.screen.fed
        self.press(*names)
        self.wait_for(lambda screen: screen.fed > before)
        self.quiet()

    def paste(self, text: str) -> None:
        """Send text as a terminal pastes it."""
        self.type(f"\x1b[200~{text}\x1b[201~")

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        self.screen.resize(width, height)
        self._set_size(width, height)

    def signal(self, number: int) -> None:
        """Send a signal to the program alone."""
        self.process.send_signal(number)

    def suspend(self) -> None:
        """Send what ctrl+z sends, and wait until the program has stopped."""
        self.signal(signal.SIGTSTP)
        self.wait_for(lambda screen: not screen.parser.modes_left())
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def go_on(self) -> None:
        """Send what ``fg`` sends, and wait until the program reads keys: before that the terminal would echo them."""
        self.signal(signal.SIGCONT)
        self.wait_for(lambda screen: LAST_MODE in screen.parser.modes)

    @contextmanager
    def not_reading(self) -> Iterator[None]:
        """A span in which the terminal takes nothing from the program, as after ctrl+s or on a frozen line."""
        self._reads = False
        yield
        self._reads = True

    @property
    def full(self) -> bool:
        """Whether no more fits between the program and a terminal that does not read: writing to it blocks."""
        room = fcntl.ioctl(self._master, termios.FIONREAD, struct.pack("i", 0))
        return int(struct.unpack("i", room)[0]) >= FULL

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed; a program that asks for a secret turns it off."""
        return bool(termios.tcgetattr(self._terminal)[3] & termios.ECHO)

    @property
    def asleep(self) -> bool:
        """Whether the program waits for something, such as a key."""
        return Path(f"/proc/{self.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "S"

    def hang_up(self) -> None:
        """The line drops: the terminal is gone."""
        os.close(self._terminal)
        os.close(self._master)
        self._master = self._terminal = -1

    # -- output ------------------------------------------------------------------------------------------------------

    def wait_for(self, wanted: str | Predicate, patience: float = PATIENCE) -> Screen:
        """Read until the screen shows ``wanted`` (text, or a predicate); raises :class:`NotSeenError`."""
        seen: Predicate = (lambda screen: wanted in screen.text) if isinstance(wanted, str) else wanted
        deadline = time.monotonic() + patience
        while not seen(self.screen):
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                self._read_all()
                if seen(self.screen):
                    break
                raise NotSeenError(self._report(wanted))
        return self.screen

    def wait_without(self, unwanted: str, patience: float = PATIENCE) -> Screen:
        """Read until the screen no longer shows ``unwanted``."""
        return self.wait_for(lambda screen: unwanted not in screen.text, patience)

    def quiet(self, seconds: float = 0.4, patience: float = PATIENCE) -> int:
        """Read until nothing has come for ``seconds``; the bytes read meanwhile."""
        before, deadline = len(self.raw), time.monotonic() + patience
        while self._read(seconds):
            if time.monotonic() > deadline:
                raise NotSeenError(self._report("quiet"))
        return len(self.raw) - before

    def recorded(self, quiet: float, patience: float | None = None) -> list[tuple[float, bytes]]:
        """What is written until nothing has come for ``quiet`` seconds, each read with its time (``perf_counter``).

        ``patience``: seconds that the first byte may take, where an answer is certain; else it must be as quick.
        The screen knows nothing of it until :meth:`show` is called: following the bytes takes longer than reading
        them, and would be counted as the program's time.
        """
        found: list[tuple[float, bytes]] = []
        poller = select.poll()
        poller.register(self._master, select.POLLIN)
        wait = quiet if patience is None else patience
        while poller.poll(wait * 1000):
            wait = quiet
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:
                break
            found.append((time.perf_counter(), data))
        return found

    def show(self, data: bytes) -> None:
        """Give the screen what was read by :meth:`recorded`."""
        self.raw += data
        self.screen.feed(data)
        self._answer()

    def bytes_during(self, seconds: float) -> int:
        """Bytes written within the next ``seconds``."""
        before, deadline = len(self.raw), time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._read(left)
        return len(self.raw) - before

    @contextmanager
    def copying(self) -> Iterator[None]:
        """A span in which the program may write to the clipboard."""
        self.screen.parser.clipboard_allowed = True
        yield
        self.quiet(0.05)
        self.screen.parser.clipboard_allowed = False

    @property
    def violations(self) -> list[Violation]:
        """Everything foreign that was written so far."""
        return self.screen.parser.violations

    # -- the end -----------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the program still runs."""
        return self.process.poll() is None

    def wait(self, patience: float = PATIENCE) -> int:
        """Read until the program has ended; its exit status, negative for a signal that killed it."""
        deadline = time.monotonic() + patience
        while self.running:
            if time.monotonic() > deadline:
                raise NotSeenError(self._report("the end of the program"))
            if self._master >= 0:
                self._read(0.05)
            else:
                self._poll_end(deadline)
        if self._master >= 0:
            self._read_all()
        return int(self.process.returncode)

    def attributes_left(self) -> bool:
        """Whether the terminal's line settings differ from those before the program."""
        now = termios.tcgetattr(self._terminal)
        return now[:4] != self.attributes_before[:4]

    def assert_terminal_restored(self) -> None:
        """The program has put back every mode and line setting."""
        assert self.screen.parser.modes_left() == []
        assert not self.attributes_left()

    def close(self) -> None:
        """Kill the program and everything that it started, and release the terminal."""
        if self.running:
            self.process.kill()
        self.process.wait()
        for number in strays(self.home):
            _kill(number)
        for descriptor in (self._master, self._terminal):
            if descriptor >= 0:
                os.close(descriptor)
        self._master = self._terminal = -1

    # -- inside ------------------------------------------------------------------------------------------------------

    def _set_size(self, width: int, height: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def _wait(self, events: int, seconds: float = PATIENCE) -> int:
        poller = select.poll()
        poller.register(self._master, events if self._reads else events & ~select.POLLIN)
        ready = poller.poll(max(0.0, seconds) * 1000)
        found = ready[0][1] if ready else 0
        if found & select.POLLIN:
            self._take()
        return found

    def _read(self, seconds: float) -> bool:
        """Wait for output at most ``seconds``; whether any came. Looks for the end of the program in between."""
        deadline = time.monotonic() + seconds
        while True:
            before = len(self.raw)
            self._wait(select.POLLIN, min(0.25, deadline - time.monotonic()))
            if len(self.raw) > before:
                return True
            if not self.running or time.monotonic() >= deadline:
                return False

    def _read_all(self) -> None:
        while self._wait(select.POLLIN, 0.0) & select.POLLIN:
            pass

    def _take(self) -> None:
        try:
            data = os.read(self._master, 1 << 16)
        except (BlockingIOError, OSError):
            return
        self.show(data)

    def _answer(self) -> None:
        """What a modern terminal says when it is asked for synchronised updates, and for resize reports: no."""
        questions = self.screen.parser.questions
        for number in questions[self._answered :]:
            state = 2 if number == "2026" else 0
            os.write(self._master, f"\x1b[?{number};{state}$y".encode())
        self._answered = len(questions)

    def _poll_end(self, deadline: float) -> None:
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise NotSeenError("the program did not end after its terminal was gone") from None

    def _report(self, wanted: Any) -> str:
        state = "running" if self.running else f"ended with {self.process.returncode}"
        frame = "\n".join(f"|{line}" for line in self.screen.lines)
        tail = bytes(self.raw[-400:]) if not self.screen.text.strip() else b""
        return f"not seen: {wanted!r} (program {state})\n{frame}\n{tail!r}"


def strays(home: Path) -> list[int]:
    """Processes whose environment names ``home``: what a program under test has left behind."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            owned = f"HOME={home}".encode() in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if owned and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def _kill(number: int) -> None:
    try:
        os.kill(number, signal.SIGKILL)
    except ProcessLookupError:
        return
