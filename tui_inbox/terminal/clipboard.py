"""Copying to the clipboard of the machine that the agent sits at, through SSH and tmux.

Inside tmux ``load-buffer -w`` works with any of its settings, while a bare OSC 52 is swallowed by the default ones; so
tmux is asked first. Only ever called for a key of the agent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from tui_inbox.terminal.guard import CLIPBOARD_MAXIMUM
from tui_inbox.text import terminal_safe

TMUX = ("tmux", "load-buffer", "-w", "-")
PATIENCE = 2.0
"""Seconds that tmux may take."""

Run = Callable[[Sequence[str], bytes], Awaitable[bool]]


@dataclass(frozen=True)
class Copied:
    """What became of a copy."""

    text: str
    """What is on the clipboard now."""
    message: str
    """One sentence for the status line."""


async def run_quietly(command: Sequence[str], given: bytes) -> bool:
    """Run ``command`` with ``given`` on its standard input; whether it ended well within :data:`PATIENCE`."""
    nowhere = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=nowhere, stderr=nowhere
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(given), PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
    return process.returncode == 0


async def copy(text: str, osc52: Callable[[str], None], environ: Mapping[str, str], run: Run = run_quietly) -> Copied:
    """Put ``text``, cleaned and cut to 64 KiB, on the clipboard.

    ``osc52``: writes the sequence, Textual's ``App.copy_to_clipboard``. ``environ``: is asked for ``TMUX``.
    """
    whole = terminal_safe(text)
    short = _at_most(whole, CLIPBOARD_MAXIMUM)
    said = f"Copied {len(short):,} characters."
    if len(short) < len(whole):
        said = f"Copied the first {len(short):,} of {len(whole):,} characters; more does not fit."
    if not (environ.get("TMUX") and await run(TMUX, short.encode())):
        osc52(short)
    return Copied(short, said)


def _at_most(text: str, size: int) -> str:
    """The beginning of ``text`` that takes at most ``size`` bytes of UTF-8."""
    return text.encode()[:size].decode(errors="ignore")
