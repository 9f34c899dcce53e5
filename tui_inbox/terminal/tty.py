"""Whether there is a terminal that the inbox can be drawn on."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Protocol

from tui_inbox.domain.errors import UsageError

HEADLESS = "Without one, use the commands: 'tui-inbox find', 'tui-inbox show' and 'tui-inbox send' (see --help)."


class Stream(Protocol):
    """A standard stream."""

    @property
    def encoding(self) -> str:
        """Its encoding."""

    def isatty(self) -> bool:
        """Whether a terminal is behind it."""


def require_terminal(
    environ: Mapping[str, str] | None = None, streams: Mapping[str, Stream | None] | None = None
) -> None:
    """Raise :class:`UsageError` with one sentence if the inbox can't be drawn here.

    Textual reads from standard input and writes to standard error, so all three streams must be the terminal.
    """
    environ = os.environ if environ is None else environ
    if streams is None:
        streams = {
            "standard input": sys.__stdin__,
            "standard output": sys.__stdout__,
            "standard error": sys.__stderr__,
        }
    for name, stream in streams.items():
        if stream is None or not stream.isatty():
            raise UsageError(f"The inbox needs a terminal, and {name} is not one. {HEADLESS}")
        if "utf" not in (stream.encoding or "").lower():
            raise UsageError(
                f"The inbox needs a terminal that takes UTF-8, and this one takes {stream.encoding}: set LANG=C.UTF-8."
            )
    if environ.get("TERM") == "dumb":
        raise UsageError(f"The inbox can't be drawn on a terminal of type 'dumb'. {HEADLESS}")
