"""Being told to stop: SIGTERM from a supervisor, SIGINT, SIGHUP from a terminal or an SSH line that is gone; and being
put into the background by SIGTSTP.

Textual alone dies of the first ones and leaves the terminal on the alternate screen with the mouse on. Here they become
a call, so that the draft is saved and the terminal put back before the program ends or stops.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

STOPPING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name))
Restore = Callable[[], None]
Pause = Callable[[], None]


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


def install_pause(on_pause: Callable[[Pause], None]) -> Restore:
    """Call ``on_pause`` when the program is to stop for a while, with what really stops it: the handler before.

    It is called at once, whatever the program does, as every handler of Python's. Returns what puts the former handler
    back. Does nothing where there was none: nobody has a terminal then.
    """
    number = getattr(signal, "SIGTSTP", None)
    former = None if number is None else signal.getsignal(number)
    if number is None or not callable(former) or isinstance(former, signal.Handlers):
        return lambda: None
    signal.signal(number, lambda *_: on_pause(lambda: former(number, None)))

    def restore() -> None:
        signal.signal(number, former)

    return restore


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
