"""``manual``: needs neither settings nor a database, and holds what the program ships."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from tui_inbox.cli.main import main


def test_pages_are_listed_and_printed(home: Path) -> None:
    listed = CliRunner().invoke(main, ["manual", "--json"])
    pages = {row["page"]: row["title"] for row in map(json.loads, listed.stdout.splitlines())}
    assert "reliability" in pages
    for page, title in pages.items():
        printed = CliRunner().invoke(main, ["manual", page])
        assert printed.exit_code == 0
        assert printed.stdout.startswith(f"# {title}\n")
    assert list(home.iterdir()) == []


def test_an_unknown_page_names_the_known_ones(home: Path) -> None:
    result = CliRunner().invoke(main, ["manual", "relibility"])
    assert result.exit_code == 3
    assert "reliability" in result.stderr
