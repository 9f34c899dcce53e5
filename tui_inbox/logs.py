"""The log: one rotating file per kind of process, readable by the user alone, with everything secret masked.

Messages, names, numbers and URLs do not belong in the log in the first place; the masking is a second net.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import threading
from collections.abc import Iterable
from io import TextIOWrapper
from pathlib import Path

from tui_inbox import paths

MASK = "[hidden]"
SHORTEST_SECRET = 6
"""Shorter values are not masked: they would turn ordinary words into gaps."""
CHATTY = (
    "httpx",
    "httpcore",
    "uvicorn.access",
    "aiosqlite",
    "asyncpg",
    "sqlalchemy",
    "alembic",
    "asyncio",
    "markdown_it",
)
"""Loggers of others that would tell URLs, statements or bodies; only their warnings are kept."""
MOST_BYTES, OLD_FILES = 2_000_000, 3

_SHAPES = (
    (re.compile(r"\d{5,}:[\w-]{30,}"), MASK),  # Telegram bot token, also after "bot" in a path
    (re.compile(r"(?i)\b(bearer|basic|oauth)\s+[\w.~+/=-]+"), rf"\1 {MASK}"),
    (
        re.compile(
            r"(?i)\b([\w.-]*(?:access_token|verify_token|app_secret|webhook_secret|password|api_key|token))"
            r"(['\"]?\s*[=:]\s*['\"]?)[^\s'\"&,)}\]]+"
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"\bEAA[A-Za-z0-9]{20,}"), MASK),  # tokens of Meta's Graph API
    (re.compile(r"\bsha(?:1|256)=[0-9a-fA-F]{40,64}\b"), MASK),
    (re.compile(r"(?i)\b(https?|postgres(?:ql)?(?:\+\w+)?)://[^\s'\"<>]+"), rf"\1://{MASK}"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), MASK),
    (re.compile(r"\+\d[\d ().-]{6,}\d"), MASK),
)
_known: set[str] = set()
_lock = threading.Lock()


def hide(values: Iterable[str]) -> None:
    """Mask these values wherever they appear in a log from now on."""
    with _lock:
        _known.update(value for value in values if len(value) >= SHORTEST_SECRET)


def masked(text: str) -> str:
    """``text`` without known secrets and without anything shaped like a token, an address or a phone number."""
    with _lock:
        known = sorted(_known, key=len, reverse=True)
    for value in known:
        text = text.replace(value, MASK)
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text


class MaskingFormatter(logging.Formatter):
    """Formats one record in UTC and masks the whole of it, traceback included; control characters are escaped."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    @staticmethod
    def converter(timestamp: float | None) -> object:  # type: ignore[override]  # logging stubs name the local-time function
        """Times are UTC."""
        import time

        return time.gmtime(timestamp)

    def format(self, record: logging.LogRecord) -> str:
        """One record as text."""
        text = masked(super().format(record))
        return "".join(char if char in "\n\t" or char.isprintable() else repr(char)[1:-1] for char in text)


class PrivateRotatingHandler(logging.handlers.RotatingFileHandler):
    """A rotating file that is made with mode 0600."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, paths.PRIVATE_FILE)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")


def configure(role: str = "inbox", *, level: str = "INFO", file: Path | None = None) -> Path:
    """Send everything from ``level`` upwards to the log file of this kind of process; returns its path.

    A log that cannot be written is no reason to stop working: the program then goes on without one.
    """
    path = file or paths.log_file(role)
    root = logging.getLogger()
    for handler in [known for known in root.handlers if isinstance(known, PrivateRotatingHandler)]:
        root.removeHandler(handler)
        handler.close()
    try:
        paths.private_directory(path.parent)
        handler = PrivateRotatingHandler(path, maxBytes=MOST_BYTES, backupCount=OLD_FILES)
    except OSError:
        root.addHandler(logging.NullHandler())
        return path
    handler.setFormatter(MaskingFormatter("%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"))
    root.addHandler(handler)
    root.setLevel(level)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return path
