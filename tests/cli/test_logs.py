"""The log: private, rotating, and without secrets, addresses or numbers, whatever was logged."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui_inbox import logs

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


@pytest.fixture
def log(own_environment: Path) -> Iterator[Path]:
    """A log file that nothing else writes to."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield logs.configure("test")
    for handler in [item for item in root.handlers if item not in before]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"POST /bot{TOKEN}/sendMessage", TOKEN),
        ("Authorization: Bearer EAAabc.def-123", "EAAabc.def-123"),
        ("GET /v25.0/me?access_token=abcdef123&x=1", "abcdef123"),
        ("{'verify_token': 'sesame-open'}", "sesame-open"),
        ("app_secret=0123456789abcdef", "0123456789abcdef"),
        ("token EAAGm0PX4ZCpsBAJZCZBZAQZDZD01234", "EAAGm0PX4ZCpsBAJZCZBZAQZDZD01234"),
        ("x-hub-signature-256: sha256=" + "ab" * 32, "ab" * 32),
        ("to ana.lopes+x@mail.example.com failed", "ana.lopes"),
        ("to +1 (555) 123-4567 failed", "123-4567"),
        ("https://user:pw@host/path?x=1", "path"),
        ("postgresql://ana:pw@db/inbox", "pw"),
        ("the known one: swordfish-77", "swordfish-77"),
    ],
)
def test_whatever_looks_secret_is_masked(log: Path, text: str, hidden: str) -> None:
    logs.hide(["swordfish-77", "ab"])
    logging.getLogger("tui_inbox.test").warning("%s", text)
    written = log.read_text()
    assert hidden not in written
    assert logs.MASK in written


def test_tracebacks_are_masked_and_have_no_locals(log: Path) -> None:
    def fail() -> None:
        local = "LOCAL-CANARY"
        raise ValueError(f"bad {TOKEN} {len(local)}")

    try:
        fail()
    except ValueError:
        logging.getLogger("tui_inbox.test").exception("it failed")
    written = log.read_text()
    assert "ValueError" in written
    assert TOKEN not in written
    assert "LOCAL-CANARY\n" not in written


def test_ordinary_lines_stay_readable(log: Path) -> None:
    logging.getLogger("tui_inbox.test").info("sent 3 messages in 0.2 s, message 0196a3c0-6f00-7000-8000-000000000001")
    assert "sent 3 messages in 0.2 s, message 0196a3c0-6f00-7000-8000-000000000001" in log.read_text()


def test_no_control_characters(log: Path) -> None:
    logging.getLogger("tui_inbox.test").info("evil \x1b]0;x\x07 \x9b31m \u202e")
    assert not set("\x1b\x07\x9b\u202e") & set(log.read_text())


def test_clients_do_not_tell_addresses(log: Path) -> None:
    logging.getLogger("httpx").info("HTTP Request: POST https://api.telegram.org/bot1:x/sendMessage")
    logging.getLogger("httpcore.connection").debug("connect_tcp.started")
    assert log.read_text() == ""


def test_it_is_private_and_rotates(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 2000)
    assert logs.configure("test") == log
    for number in range(200):
        logging.getLogger("tui_inbox.test").info("line %d", number)
    files = sorted(log.parent.iterdir())
    assert len(files) == 1 + logs.OLD_FILES
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files)
    assert log.parent.stat().st_mode & 0o777 == 0o700


def test_a_log_that_cannot_be_written_stops_nothing(own_environment: Path) -> None:
    blocked = own_environment / "file"
    blocked.write_text("")
    logs.configure("test", file=blocked / "x.log")
    logging.getLogger("tui_inbox.test").info("nowhere")
