"""Customer text on its way out: the one cleaner, cell widths, and the small formats that every screen shares.

Nothing here paints and nothing knows Textual. Widths are those of ``rich.cells``, because Textual lays out by them: a
second opinion would move the frame even where it is right.

    cleaner    raw text → :class:`CustomerText`, the only text of a customer that may reach a screen
    width      cells, clip, fit, wrap
    moments    instants and lengths of time as an agent reads them
    exits      the same text on its way to files, spreadsheets and the terminal of a command
"""

from __future__ import annotations

from tui_inbox.text.cleaner import CLEANER_VERSION, EMPTY, CustomerText, clean, clean_line, is_clean, show_emoji, typed
from tui_inbox.text.exits import csv_cell, safe_filename, terminal_safe
from tui_inbox.text.moments import clock_time, duration, when
from tui_inbox.text.width import cells, clip, fit, widest, wrap

__all__ = [
    "CLEANER_VERSION",
    "EMPTY",
    "CustomerText",
    "cells",
    "clean",
    "clean_line",
    "clip",
    "clock_time",
    "csv_cell",
    "duration",
    "fit",
    "is_clean",
    "safe_filename",
    "show_emoji",
    "terminal_safe",
    "typed",
    "when",
    "widest",
    "wrap",
]
