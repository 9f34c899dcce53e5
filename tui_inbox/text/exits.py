"""Customer text on its way to places other than a screen of ours: files, spreadsheets, a command's output."""

from __future__ import annotations

import re

from tui_inbox.text.cleaner import EMPTY, clean_line, uncapped

NAME_BYTES = 255
"""Bytes that file systems take in a name."""
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")
_FORBIDDEN = re.compile(r'[:*?"<>|\u2400-\u2421\ufffd◌⏎]')
_NUMBER = re.compile(r"[+-][0-9]+(\.[0-9]+)?", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def terminal_safe(text: str) -> str:
    """``text`` for a command's output to a terminal: cleaned, never cut, empty where it is empty."""
    safe = uncapped(text)
    return "" if safe == EMPTY and text != EMPTY else str(safe)


def csv_cell(text: str) -> str:
    """``text`` so that no spreadsheet takes it for a formula. A bare signed number is none and stays as it is."""
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text


def safe_filename(name: str, fallback: str = "file") -> str:
    """A name for a file that a customer sent: no folder, no leading dot or dash, no device, at most 255 bytes."""
    base = re.split(r"[/\\]", name)[-1]
    base = _FORBIDDEN.sub("_", str(clean_line(base, 4 * NAME_BYTES)) if base.strip() else "")
    base = base.strip(" .").lstrip("-. ")
    if not base.strip("_") or base == EMPTY:
        return fallback
    if _RESERVED.fullmatch(base):
        base = f"_{base}"
    return _within(base, NAME_BYTES)


def _within(name: str, size: int) -> str:
    """``name`` cut to ``size`` bytes of UTF-8; the extension is kept where it is one."""
    if len(name.encode()) <= size:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or len(extension.encode()) > 16:
        stem, dot, extension = name, "", ""
    room = size - len((dot + extension).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + extension
