"""A home of its own for every test, a small demo workspace to copy, and a way to run commands in this process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.services.world import dump
from tests.support.template import filled, put
from tui_inbox.cli.main import main
from tui_inbox.demo.seed import seed
from tui_inbox.repository.store import Store

CONTACTS = 60
SEED = 7


@pytest.fixture
def home(own_environment: Path) -> Path:
    """The empty home that every test has."""
    return own_environment


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the demo's customers; to be copied, never opened."""
    path = tmp_path_factory.mktemp("seeded") / "inbox.db"

    async def fill(store: Store) -> None:
        await seed(store, contacts=CONTACTS, seed=SEED, now=datetime.now(UTC), standin_base_url="http://127.0.0.1:9")

    return put(path, filled(fill)[0])


@dataclass
class Cli:
    """Runs commands against one database."""

    database: Path
    agent: str = "ana"

    def __call__(self, *arguments: str, stdin: str | bytes | None = None) -> Result:
        """Run ``tui-inbox ARGUMENTS``."""
        common = ["--database", f"sqlite:///{self.database}"]
        if self.agent:
            common += ["--agent", self.agent]
        return CliRunner().invoke(main, [*common, *arguments], input=stdin)

    def json(self, *arguments: str) -> Any:
        """Run it with ``--json``; the one value that it prints."""
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Run it with ``--json``; the lines that it prints."""
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that the database holds."""
        return dump(self.database)


@pytest.fixture
def cli(home: Path, seeded: Path) -> Cli:
    """Commands on a fresh copy of the demo's customers, as agent ana."""
    path = home / "inbox.db"
    shutil.copy(seeded, path)
    path.chmod(0o600)
    return Cli(path)


@pytest.fixture
def settings_file(home: Path) -> Callable[[str, int], Path]:
    """Writes a settings file with a mode."""

    def write(text: str, mode: int = 0o600) -> Path:
        path = home / "config.toml"
        path.write_text(text, "utf-8")
        path.chmod(mode)
        return path

    return write
