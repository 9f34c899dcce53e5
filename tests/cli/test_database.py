"""``db``: check with repair, upgrade, backup."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

from tests.cli.conftest import Cli
from tests.services.world import dump
from tui_inbox.repository import schema


def change(path: Path, *statements: str) -> None:
    """Do what no program of ours would do."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_sound_database_passes(cli: Cli) -> None:
    rows = {row["check"]: row["state"] for row in cli.rows("db", "check")}
    assert rows == {"database": "ok", "references": "ok", "schema": "ok", "search index": "ok"}


def test_an_index_that_lies_is_found_and_mended(cli: Cli) -> None:
    change(cli.database, "UPDATE search_entries SET at = at + 1", "UPDATE channel_counts SET number = 9")
    result = cli("db", "check", "--json")
    assert result.exit_code == 1
    found = {row["check"]: row for row in map(json.loads, result.stdout.splitlines())}
    assert found["search index"]["state"] == "failed"
    assert "--repair" in found["search index"]["message"]
    examined = cli("doctor", "--deep")
    assert examined.exit_code == 1
    assert "db check --repair" in examined.stdout
    mended = {row["check"]: row for row in cli.rows("db", "check", "--repair")}
    assert mended["search index"]["state"] == "ok"
    assert "made anew" in mended["search index"]["message"]
    assert cli("db", "check").exit_code == 0


def test_checking_changes_nothing(cli: Cli) -> None:
    change(cli.database, "DELETE FROM tag_counts")
    before = cli.dump()
    assert cli("db", "check").exit_code == 1
    assert cli.dump() == before


def test_an_older_database_is_upgraded_once(cli: Cli, tmp_path: Path) -> None:
    from sqlalchemy import create_engine

    old = tmp_path / "old.db"
    engine = create_engine(f"sqlite:///{old}")
    with engine.begin() as connection:
        schema.upgrade(connection, "0002")
    engine.dispose()
    older = Cli(old)
    assert older.json("db", "upgrade") == {"from": "0002", "to": schema.SCHEMA_HEAD}
    assert older.json("db", "upgrade") == {"from": schema.SCHEMA_HEAD, "to": schema.SCHEMA_HEAD}
    assert older("db", "check").exit_code == 0


def test_a_backup_holds_everything_and_is_its_owners(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    with closing(sqlite3.connect(cli.database)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM drafts")
        made = cli.json("db", "backup", str(target))
        writer.rollback()
    assert made == {"file": str(target), "size_bytes": target.stat().st_size, "schema": schema.SCHEMA_HEAD}
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert dump(target) == cli.dump()
    assert Cli(target)("db", "check").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir() if "copy" in path.name) == ["copy.db"]


def test_a_backup_never_replaces_a_file_and_leaves_nothing_half_done(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("mine")
    assert cli("db", "backup", str(target)).exit_code == 2
    assert target.read_text() == "mine"
    assert cli("db", "backup", str(tmp_path / "nowhere" / "copy.db")).exit_code == 2
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(cli.database.read_bytes()[:20000] + b"x" * 20000)
    result = Cli(damaged)("db", "backup", str(tmp_path / "other.db"))
    assert result.exit_code == 1
    assert not (tmp_path / "other.db").exists()
    assert not list(tmp_path.glob(".other*"))


def test_no_database_is_no_database(cli: Cli, tmp_path: Path) -> None:
    nowhere = Cli(tmp_path / "none.db")
    for command in (("check",), ("upgrade",), ("backup", str(tmp_path / "x.db"))):
        assert nowhere("db", *command).exit_code == 1
    assert not (tmp_path / "none.db").exists()
