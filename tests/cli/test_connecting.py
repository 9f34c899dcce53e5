"""``channel add`` at a real terminal: it asks for what is missing, and keeps what was typed out of sight."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.ptyproc import PROGRAM, PtyProcess
from tui_inbox import paths

CANARY = "CANARYCANARYCANARYCANARYCANARY"


@pytest.fixture
def settings(home: Path) -> Path:
    """Where the settings of a program in the terminal are."""
    return home / "config" / "tui-inbox" / "config.toml"


@contextmanager
def adding(home: Path, *arguments: str) -> Iterator[PtyProcess]:
    """``channel add ARGUMENTS`` in a terminal."""
    command = [PROGRAM, "--database", f"sqlite:///{home / 'inbox.db'}", "channel", "add", *arguments]
    with PtyProcess(command, home=home, size=(150, 40)) as terminal:
        yield terminal


def answer(terminal: PtyProcess, name: str, value: str) -> None:
    """Give a secret, once the terminal no longer shows what is typed."""
    terminal.wait_for(lambda screen: f"{name} (not shown" in screen.text and not terminal.echoes)
    terminal.type(f"{value}\r")


def test_what_is_missing_is_asked_for_and_kept_out_of_sight(home: Path, settings: Path) -> None:
    with adding(home, "shop", "--kind", "whatsapp", "--set", "base_url=http://127.0.0.1:1") as terminal:
        terminal.wait_for("phone_number_id:")
        terminal.type("1066\r")
        terminal.wait_for("waba_id (enter leaves it out):")
        terminal.type("\r")
        answer(terminal, "token", f"{CANARY}-token")
        answer(terminal, "app_secret", f"{CANARY}-app")
        answer(terminal, "verify_token", "")
        assert terminal.wait() == 0
        assert "manual whatsapp" in terminal.screen.text
        assert "shop is connected, but does not work yet" in terminal.screen.text, "nothing listens there"
        assert "VERIFY_TOKEN" in terminal.screen.text, "what was left out is told"
        assert CANARY.encode() not in terminal.raw
    assert CANARY not in settings.read_text("utf-8")
    kept = tomllib.loads(settings.read_text("utf-8"))["channels"]["shop"]
    assert set(kept) == {"token_file", "app_secret_file"}
    for place in map(Path, kept.values()):
        assert (place.stat().st_mode & 0o777, place.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert Path(kept["token_file"]).read_text("utf-8") == f"{CANARY}-token\n"
    logs = [place.read_text("utf-8") for place in home.rglob("*.log*")]
    assert CANARY not in "".join(logs)


def test_settings_that_are_there_stay_as_they_are(home: Path, settings: Path) -> None:
    settings.parent.mkdir(parents=True)
    before = '# ours\ntheme = "nord"\n\n[channels.bot]\nwebhook_secret = "abc"\n'
    paths.write_private(settings, before)
    with adding(home, "bot", "--kind", "telegram", "--no-test") as terminal:
        answer(terminal, "token", CANARY)
        assert terminal.wait() == 0
        assert "webhook_secret (not shown" not in terminal.screen.text, "that one is set"
        assert "add to [channels.bot]" in terminal.screen.text
        assert "token_file = " in terminal.screen.text
    assert settings.read_text("utf-8") == before
    with adding(home, "second", "--kind", "telegram", "--no-test") as terminal:
        answer(terminal, "token", CANARY)
        answer(terminal, "webhook_secret", "")
        assert terminal.wait() == 0
    assert settings.read_text("utf-8").startswith(before)
    assert set(tomllib.loads(settings.read_text("utf-8"))["channels"]) == {"bot", "second"}


def test_a_question_can_be_broken_off(home: Path, settings: Path) -> None:
    with adding(home, "shop", "--kind", "whatsapp") as terminal:
        terminal.wait_for(lambda _: b"phone_number_id: " in terminal.raw)
        while not terminal.asleep:  # an interrupt just before the program reads would be seen with the next line only
            terminal.quiet(0.05)
        terminal.press("ctrl+c")
        assert terminal.wait() != 0
        assert "Traceback" not in terminal.screen.text
    assert not settings.exists()
