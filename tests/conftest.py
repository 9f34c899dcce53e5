"""What every test gets: an environment of its own, so that nobody's settings or colours leak in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("chance", deadline=None)
settings.register_profile("same", settings.get_profile("chance"), derandomize=True)
settings.load_profile("same")
"""The same examples in every run, however slow the machine is; ``--hypothesis-profile=chance`` draws others."""

_LEAKY_PREFIXES = ("TUI_INBOX_", "TEXTUAL_", "XDG_")
_LEAKY = ("NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "COLUMNS", "LINES", "EDITOR", "VISUAL", "TMUX", "SSH_CONNECTION")
_KEPT = (
    "TUI_INBOX_SPECS",
    "TUI_INBOX_TESTDATA",
    "TUI_INBOX_EVERY",
    "TUI_INBOX_REQUIRE_CHROMIUM",
    "TEXTUAL_SNAPSHOT_TEMPDIR",
)
"""Folders with published API descriptions and shared test data, whether a browser must be there (README, "Tests"), and
one of the snapshot plugin."""


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
