"""What each entry imports when it runs: the command line stays light, the layers stay apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "textual", "rich", "sqlalchemy", "aiosqlite", "asyncpg", "alembic",
    "httpx", "pydantic", "starlette", "uvicorn",
)  # fmt: skip
PACKAGE = Path(__file__).parent.parent / "tui_inbox"
STANDARD = sys.stdlib_module_names | {"tui_inbox", "__main__"}


def loaded(statement: str, home: Path) -> set[str]:
    """Names of the outermost modules that are loaded after ``statement`` has run in a process of its own."""
    # The plain interpreter start is taken off: site-packages may load modules of their own accord.
    code = f"""
import sys, json
before = set(sys.modules)
try:
    {statement}
except SystemExit:
    pass
print()
print(json.dumps(sorted({{name.partition('.')[0] for name in set(sys.modules) - before}})))
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def run(*arguments: str) -> str:
    return f"from tui_inbox.cli.main import main; main({list(arguments)!r})"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["find", "--help"], ["policy", "list", "--json"]])
def test_light_commands_import_nothing_heavy(own_environment: Path, arguments: list[str]) -> None:
    assert not loaded(run(*arguments), own_environment) & set(HEAVY)


def test_commands_without_a_screen_do_without_textual(own_environment: Path) -> None:
    found = loaded(run("agent", "add", "mia"), own_environment)
    assert "sqlalchemy" in found
    assert not found & {"textual", "httpx", "starlette", "uvicorn"}


@pytest.mark.parametrize(
    ("layer", "forbidden"),
    [
        ("domain", set(HEAVY) | {"click", "platformdirs"}),
        ("config", set(HEAVY) - {"pydantic"}),
        ("repository", {"textual", "httpx", "click", "starlette", "pydantic", "alembic"}),
        ("channels", {"textual", "sqlalchemy", "click", "starlette"}),
        ("services", {"textual", "click", "starlette", "uvicorn", "alembic"}),
        ("server", {"textual", "alembic"}),
        ("standins", {"textual", "sqlalchemy", "aiosqlite", "alembic"}),
        ("widgets", {"sqlalchemy", "httpx", "click", "starlette", "pydantic", "alembic"}),
        ("demo", {"textual", "click", "alembic"}),
        ("cli", set(HEAVY)),
    ],
)
def test_a_layer_imports_what_it_may(own_environment: Path, layer: str, forbidden: set[str]) -> None:
    modules = [
        ".".join(("tui_inbox", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for path in sorted((PACKAGE / layer).rglob("*.py"))
        if "migrations" not in path.parts and path.stem != "__main__"
    ]
    assert modules
    assert not loaded(f"import {', '.join(modules)}", own_environment) & forbidden


def test_the_domain_is_the_standard_library_alone(own_environment: Path) -> None:
    modules = [f"tui_inbox.domain.{path.stem}" for path in (PACKAGE / "domain").glob("*.py") if path.stem != "__init__"]
    assert loaded(f"import {', '.join(modules)}", own_environment) <= STANDARD
