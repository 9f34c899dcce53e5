"""The program as a whole: help, versions, the screen without a terminal, unexpected failures."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cli.conftest import Cli
from tui_inbox import __version__, paths
from tui_inbox.cli.main import main
from tui_inbox.cli.session import require_database

COMMANDS = (
    "agent", "assign", "channel", "close", "config", "deliver", "demo", "doctor", "find", "import", "note", "open",
    "policy", "reach", "send", "serve", "show", "snooze",
)  # fmt: skip


def test_version_names_what_matters() -> None:
    shown = CliRunner().invoke(main, ["--version"]).stdout
    assert shown.startswith(f"tui-inbox {__version__} (Python {sys.version.split()[0]}, Textual ")
    assert sqlite3.sqlite_version in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_help_lists_every_command_and_the_exit_codes() -> None:
    shown = CliRunner().invoke(main, ["--help"]).stdout
    assert all(f"  {command} " in shown for command in COMMANDS)
    assert "4 refused by policy" in shown


def test_the_screen_needs_a_terminal(home: Path) -> None:
    for arguments in ([], ["demo"]):
        done = subprocess.run(
            [sys.executable, "-m", "tui_inbox", *arguments],
            env={**os.environ, "HOME": str(home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert "tui-inbox find" in done.stderr
        assert done.stdout == ""
    assert not (home / ".local" / "share").exists()


@pytest.mark.parametrize(
    "command", [("deliver", "--once"), ("find", "Carlos"), ("db", "check"), ("db", "upgrade"), ("poll", "--once")]
)
def test_a_database_that_goes_while_a_program_starts_is_not_made_anew(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """The inbox starts its sender by itself: a new file would soon be written into in the place of the old one."""

    def look(url: str) -> None:
        require_database(url)
        cli.database.rename(cli.database.with_name("away.db"))

    for module in ("session", "database"):
        monkeypatch.setattr(f"tui_inbox.cli.{module}.require_database", look)
    result = cli(*command)
    assert result.exit_code != 0
    assert "There is no database at" in result.stderr
    assert not cli.database.exists()


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["fnid"])
    assert result.exit_code == 2
    assert "find" in result.stderr


def test_common_options_are_taken_before_and_after_the_command(cli: Cli) -> None:
    url = f"sqlite:///{cli.database}"
    for arguments in (["--database", url, "find", "Carlos"], ["find", "Carlos", "--database", url]):
        assert "Carlos Fuentes" in CliRunner().invoke(main, arguments).stdout


def test_an_unexpected_failure_is_one_sentence_and_a_traceback_in_the_log(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_arguments: object) -> None:
        canary = "LOCAL-CANARY"
        raise RuntimeError(f"access_token=TOKEN-CANARY {len(canary)}")

    monkeypatch.setattr("tui_inbox.services.contacts.ContactService.resolve", explode)
    result = cli("show", "id:1")
    assert result.exit_code == 1
    assert str(paths.log_file()) in result.stderr
    assert "Traceback" not in result.output
    logged = paths.log_file().read_text()
    assert "RuntimeError" in logged
    assert "TOKEN-CANARY" not in logged
    assert stat.S_IMODE(paths.log_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.log_file().parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"not a database, whatever its name says" * 40, b""])
def test_a_damaged_or_foreign_database_is_one_sentence(cli: Cli, content: bytes) -> None:
    cli.database.write_bytes(content or b"\0" * 4096)
    before = cli.database.read_bytes()
    result = cli("find")
    assert result.exit_code == 1
    assert result.stderr.startswith("tui-inbox: ")
    assert len(result.stderr.strip().splitlines()) == 1
    assert cli.database.read_bytes() == before


def test_sending_processes_stop_by_themselves(cli: Cli) -> None:
    assert cli("deliver", "--once").exit_code == 0


def test_a_port_in_use_is_one_sentence(cli: Cli) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = cli("serve", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 2
    assert "--port" in result.stderr
