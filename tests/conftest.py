"""What every test gets: an environment of its own, so that nobody's settings or colours leak in; and both engines."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import compiled, servers
from tests.support.template import put

settings.register_profile("chance", deadline=None)
settings.register_profile("same", settings.get_profile("chance"), derandomize=True)
settings.load_profile("same")
"""The same examples in every run, however slow the machine is; ``--hypothesis-profile=chance`` draws others."""

compiled.share()

_LEAKY_PREFIXES = ("TUI_INBOX_", "TEXTUAL_", "XDG_")
_LEAKY = ("NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "COLUMNS", "LINES", "EDITOR", "VISUAL", "TMUX", "SSH_CONNECTION")
_KEPT = ("TUI_INBOX_SPECS", "TUI_INBOX_TESTDATA", "TEXTUAL_SNAPSHOT_TEMPDIR")
"""Folders with published API descriptions and shared test data, and one of the snapshot plugin. What is for the tests
alone begins with ``TESTS_`` (README, "Tests")."""
NO_SERVER = "no PostgreSQL server can be started here (initdb is missing)"


def pytest_collection_finish() -> None:
    """Leave all that was imported out of the collections of garbage, and have them seldom: a sixth of a run's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of its own and none of the caller's settings."""
    for name in list(os.environ):
        if (name.startswith(_LEAKY_PREFIXES) and name not in _KEPT) or name in _LEAKY:
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TERM", "xterm-256color")
    return home


@pytest.fixture(scope="session")
def server() -> Iterator[servers.Server]:
    """A PostgreSQL server of this run's own. Where there is none the test is skipped, or fails if one is required."""
    if servers.binaries() is None:
        if os.environ.get(servers.REQUIRED):
            pytest.fail(f"{NO_SERVER}, and {servers.REQUIRED} is set")
        pytest.skip(NO_SERVER)
    running = servers.Server.start()
    yield running
    running.stop()


@pytest.fixture
def server_database(server: servers.Server) -> Iterator[str]:
    """Address of a fresh database on a server."""
    url = server.make_database()
    yield url
    server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a fresh database: whoever uses it is run once on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{put(tmp_path / 'inbox.db')}"
    url: str = request.getfixturevalue("server_database")
    return url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud what was left out: nobody reads the reasons of skipped tests."""
    left_out = [report for report in terminalreporter.stats.get("skipped", ()) if NO_SERVER in str(report.longrepr)]
    if left_out:
        terminalreporter.write_line(
            f"{len(left_out)} tests on PostgreSQL were left out: {NO_SERVER}. Debian: apt-get install postgresql",
            yellow=True,
            bold=True,
        )
