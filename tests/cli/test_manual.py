"""``manual``: needs neither settings nor a database, and holds what the program ships."""

from __future__ import annotations

import json
from importlib.resources import files
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
def test_a_page_for_every_channel_names_what_it_needs(kind: ChannelKind) -> None:
    page = (files("tui_inbox.manual") / f"{kind.value.replace('_', '-')}.md").read_text("utf-8")
    adapter = ADAPTERS[kind]
    assert f"--kind {kind.value}" in page
    for name in adapter.required_config:
        assert f"--set {name}=" in page
    for name in secrets_of(kind):
        assert f"__{name.upper()}=" in page
    assert "channel test" in page or kind is ChannelKind.WEBCHAT


def test_an_unknown_page_names_the_known_ones(home: Path) -> None:
    result = CliRunner().invoke(main, ["manual", "relibility"])
    assert result.exit_code == 3
    assert "reliability" in result.stderr
