"""The command line on a PostgreSQL server: moving there, the same answers, and every way of not getting in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.cli.conftest import Cli
from tui_inbox.cli.main import main

SECRET = "geheim"


def on(database: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--database", database, "--agent", "ana", *arguments])


def found(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    return [{key: value for key, value in row.items() if key != "cursor"} for row in rows]


def test_a_workspace_moves_and_answers_the_same(cli: Cli, server_database: str, tmp_path: Path) -> None:
    copied = cli.json("db", "copy", f"sqlite:///{cli.database}", server_database)
    assert copied["rows"] == sum(copied["tables"].values()) > 100
    for question in (
        ("find", "--inbox", "all", "--status", "any"),
        ("find", "ma", "--inbox", "all", "--status", "closed"),
        ("find", "example", "--inbox", "all", "--status", "any", "--sort", "oldest"),
        ("find", "text:order", "--inbox", "all", "--status", "any"),
        ("agent", "list"),
        ("channel", "list"),
    ):
        assert found(on(server_database, *question, "--json")) == found(cli(*question, "--json")), question
    checks = {row["check"]: row["state"] for row in found(on(server_database, "db", "check", "--json"))}
    assert checks == {"database": "ok", "references": "ok", "schema": "ok", "search index": "ok"}
    assert "up to date already" in on(server_database, "db", "upgrade").stdout
    refused = on(server_database, "db", "backup", str(tmp_path / "x"))
    assert (refused.exit_code, "pg_dump" in refused.stderr) == (2, True)
    assert cli("db", "copy", f"sqlite:///{cli.database}", server_database).exit_code == 2
    doctor = on(server_database, "doctor", "--deep")
    assert "postgresql 1" in doctor.stdout
    assert "synchronous_commit is off" in doctor.stdout  # this server's is


@pytest.mark.parametrize(
    ("address", "code", "told"),
    [
        (f"postgresql://ana:{SECRET}@127.0.0.1:1/inbox", 1, "cannot be reached"),
        (f"postgresql://ana:{SECRET}@host/inbox?colour=red", 2, "not understood"),
        (f"postgresql://ana:{SECRET}@host", 2, "names no database"),
    ],
)
def test_what_cannot_be_used_ends_with_a_sentence_and_a_code(home: Path, address: str, code: int, told: str) -> None:
    result = on(address, "find")
    assert (result.exit_code, told in result.stderr) == (code, True), result.stderr
    assert SECRET not in result.output
    assert all(SECRET not in path.read_text("utf-8", "replace") for path in home.rglob("*") if path.is_file())
