"""A process that has everything loaded and forks a child per order: ``python -m tests.reliability.zygote``.

Loading the program takes most of a second of CPU; a fork takes milliseconds, so that six senders can be killed and
started anew each second. Orders are JSON lines on stdin, reports JSON lines on stdout; children write to the same pipe.
No thread and no database is touched before a fork. Children die with the zygote, and the zygote when its stdin ends.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import signal
from typing import Any

from tests.reliability import roles

PRELOADED = (
    "aiosqlite",
    "httpx",
    "httpcore",
    "starlette.applications",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.lifespan.on",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "tui_inbox.bootstrap",
    "tui_inbox.channels.registry",
    "tui_inbox.server.processes",
    "tui_inbox.server.run",
    "tui_inbox.services.delivery",
)
PR_SET_PDEATHSIG = 1


def say(**report: Any) -> None:
    """One line to whoever gave the orders; short enough to be written in one piece whatever others write."""
    line = json.dumps(report).encode() + b"\n"
    assert len(line) <= select.PIPE_BUF, "a longer line could be torn"
    os.write(1, line)


class Zygote:
    """Forks, signals and reaps."""

    def __init__(self) -> None:
        self.living: set[int] = set()

    def obey(self, order: dict[str, Any]) -> None:
        """Carry out one order: start a role, or signal a living child."""
        if "role" in order:
            pid = os.fork()
            if pid == 0:
                _become(order)
            self.living.add(pid)
            say(started=pid)
        elif order["pid"] in self.living:
            os.kill(order["pid"], order["signal"])

    def reap(self) -> None:
        """Report every child that ended, stopped or went on."""
        while self.living:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            if pid == 0:
                return
            if os.WIFSTOPPED(status):
                say(stopped=pid)
            else:
                self.living.discard(pid)
                say(ended=pid, code=os.waitstatus_to_exitcode(status))


def _become(order: dict[str, Any]) -> None:
    """The rest of a child's life."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        roles.play(order["role"], order["arguments"], lambda **said: say(child=os.getpid(), said=said))
        code = 0
    except BaseException as error:  # noqa: BLE001 - the report must hold whatever it was
        say(child=os.getpid(), said={"failed": f"{type(error).__name__}: {error}"[:500]})
    finally:
        os._exit(code)


def main() -> None:
    """Fork on demand until stdin ends."""
    for name in PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    zygote, pending = Zygote(), b""
    say(ready=True)
    while True:
        readable, _, _ = select.select([0, woken], [], [])
        if woken in readable:
            os.read(woken, 4096)
        zygote.reap()
        if 0 in readable:
            read = os.read(0, 65536)
            if not read:
                break
            *lines, pending = (pending + read).split(b"\n")
            for line in lines:
                zygote.obey(json.loads(line))
    for pid in zygote.living:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
