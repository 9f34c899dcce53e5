"""Being told to stop: SIGTERM from a supervisor, SIGHUP from a terminal or an SSH line that is gone.

Textual alone dies of both at once and leaves the terminal on the alternate screen with the mouse on. Here they become a
call, so that the draft is saved and the terminal put back before the program ends.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

STOPPING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
Restore = Callable[[], None]


def install(loop: asyncio.AbstractEventLoop, on_stop: Callable[[int], None]) -> Restore:
    """Call ``on_stop`` with the signal's number, in ``loop``, once per signal that asks the program to end.

    Returns what puts the former handlers back. Does nothing where the loop can't (Windows, not the main thread).
    """
    before: dict[int, object] = {}
    for number in STOPPING:
        former = signal.getsignal(number)
        try:
            loop.add_signal_handler(number, on_stop, int(number))
        except (NotImplementedError, RuntimeError, ValueError):
            continue
        before[number] = former
    return lambda: _restore(loop, before)


def exit_code(number: int) -> int:
    """Exit status of a program that ends because of signal ``number``, as shells count it: 143 for SIGTERM."""
    return 128 + number


def _restore(loop: asyncio.AbstractEventLoop, before: dict[int, object]) -> None:
    for number, former in before.items():
        loop.remove_signal_handler(number)
        # ``None`` is a handler that was not set from Python; it can't be set again from here.
        if former is not None:
            signal.signal(number, former)  # type: ignore[arg-type]  # exactly what getsignal gave us
    before.clear()
