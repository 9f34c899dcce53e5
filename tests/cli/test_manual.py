"""``manual``: needs neither settings nor a database, and holds what the program ships."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tui_inbox.channels.registry import ADAPTERS, secrets_of
from tui_inbox.cli.main import main
from tui_inbox.domain.kinds import ChannelKind


def test_pages_are_listed_and_printed(home: Path) -> None:
    listed = CliRunner().invoke(main, ["manual", "--json"])
    pages = {row["page"]: row["title"] for row in map(json.loads, listed.stdout.splitlines())}
    assert "reliability" in pages
    for page, title in pages.items():
        printed = CliRunner().invoke(main, ["manual", page])
        assert printed.exit_code == 0
        assert printed.stdout.startswith(f"# {title}\n")
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("kind", ADAPTERS)
def test_every_channel_has_a_page(kind: ChannelKind) -> None:
    printed = CliRunner().invoke(main, ["manual", kind.value]).stdout
    assert f"--kind {kind.value}" in printed
    for name in (*ADAPTERS[kind].required_config, *secrets_of(kind)):
        assert f"{name}=" in printed or f"__{name.upper()}=" in printed, f"{name} is not told"
    assert {"## Here", "## What can be done", "## Check it"} <= set(printed.splitlines())


def test_an_unknown_page_names_the_known_ones(home: Path) -> None:
    result = CliRunner().invoke(main, ["manual", "relibility"])
    assert result.exit_code == 3
    assert "reliability" in result.stderr
