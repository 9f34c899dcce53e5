"""Taking everything out and bringing it in again: what comes back is what was there, and bad input loses nothing."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tui_inbox.domain.kinds import ChannelKind, Role
from tui_inbox.domain.models import Contact
from tui_inbox.repository.store import Store
from tui_inbox.repository.unit import Unit
from tui_inbox.services.exporting import csv_cells

TIMES = ("last_activity_at", "snoozed_until")


@pytest.fixture
def other(cli: Cli, tmp_path: Path) -> Cli:
    """A second, empty workspace with the same people and channels."""
    agents, channels = cli.rows("agent", "list"), cli.rows("channel", "list")

    async def fill(unit: Unit) -> None:
        for row in agents:
            await unit.directory.add_agent(row["handle"], row["name"], Role(row["role"]))
        for row in channels:
            path = (row["webhook_path"] or "").rpartition("/")[2]
            await unit.directory.add_channel(row["name"], ChannelKind(row["kind"]), row["config"], {}, path)

    async def make(database: Path) -> None:
        store = await Store.open(str(database))
        await store.write(fill)
        await store.close()

    asyncio.run(make(tmp_path / "other.db"))
    return Cli(tmp_path / "other.db", cli.agent)


def written(cli: Cli, what: str) -> list[dict[str, Any]]:
    result = cli("export", what)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def comparable(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what an import decides by itself: which teams there are, and what was still on its way."""
    found = []
    for record in records:
        lines = [
            {**entry, "state": {"sent": "sent", "failed": "failed"}.get(entry["state"], "cancelled")}
            if "state" in entry
            else entry
            for entry in record["timeline"]
        ]
        found.append({**record, "team": None, "timeline": [*map(json.dumps, lines)]})
    return sorted(found, key=json.dumps)


def test_conversations_come_back_as_they_were(cli: Cli, other: Cli, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    assert cli("export", "conversations", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    before = written(cli, "conversations")
    assert before
    assert any(record["timeline"] for record in before)
    foretold = other.json("import", "conversations", str(file), "--dry-run")
    assert written(other, "conversations") == []
    done = other.json("import", "conversations", str(file))
    assert {**done, "dry_run": True} == foretold
    assert (done["added"], done["bad"], done["known"]) == (len(before), 0, 0)
    assert comparable(written(other, "conversations")) == comparable(before)
    again = other.json("import", "conversations", str(file))
    assert (again["added"], again["known"]) == (0, len(before))
    assert other("doctor", "--deep").exit_code == 0


def test_an_interrupted_import_goes_on(cli: Cli, other: Cli, tmp_path: Path) -> None:
    whole, half = tmp_path / "whole.jsonl", tmp_path / "half.jsonl"
    assert cli("export", "conversations", str(whole)).exit_code == 0
    lines = whole.read_bytes().splitlines(keepends=True)
    half.write_bytes(b"".join(lines[: len(lines) // 2]))
    assert other("import", "conversations", str(half)).exit_code == 0
    assert other.json("import", "conversations", str(whole))["added"] == len(lines) - len(lines) // 2
    assert comparable(written(other, "conversations")) == comparable(written(cli, "conversations"))


def test_what_was_not_sent_is_never_sent_by_an_import(other: Cli, tmp_path: Path) -> None:
    channel = other.rows("channel", "list")[0]["name"]
    at = "2026-11-01T10:00:00+00:00"
    states = ("queued", "sending", "uncertain", "blocked", "leased", "nonsense", "sent", "failed")
    entries = [{"at": at, "direction": "outbound", "channel": channel, "body": one, "state": one} for one in states]
    record = {
        "contact": {"first_name": "Zoë"},
        "addresses": [{"channel": channel, "address": "77"}],
        "status": "open",
        "timeline": entries,
    }
    file = tmp_path / "one.jsonl"
    file.write_text(json.dumps(record))
    assert other.json("import", "conversations", str(file))["messages"] == len(states)
    (back,) = written(other, "conversations")
    kept = {entry["body"]: entry["state"] for entry in back["timeline"]}
    assert kept == {**dict.fromkeys(states[:-2], "cancelled"), "sent": "sent", "failed": "failed"}


GOOD = {"contact": {"first_name": "Ana", "email": "new@example.com"}}
BAD: dict[str, Any] = {
    "no JSON": "{",
    "a list": "[]",
    "no contact": "{}",
    "nobody": json.dumps({"contact": {}}),
    "unknown channel": json.dumps({**GOOD, "addresses": [{"channel": "nope", "address": "1"}]}),
    "time without zone": json.dumps({**GOOD, "timeline": [{"at": "2026-11-01T10:00:00", "event": "closed"}]}),
    "neither": json.dumps({**GOOD, "timeline": [{"at": "2026-11-01T10:00:00Z"}]}),
    "no channel": json.dumps({**GOOD, "timeline": [{"at": "2026-11-01T10:00:00Z", "direction": "inbound"}]}),
    "status": json.dumps({**GOOD, "status": "asleep"}),
    "snoozed": json.dumps({**GOOD, "status": "snoozed"}),
    "open without a word": json.dumps({**GOOD, "status": "open"}),
    "long": json.dumps({"contact": {"first_name": "x" * 3000}}),
    "deep": "[" * 100_000,
    "bytes": "\udcff\udcfe",
}


def test_lines_that_cannot_be_used_are_told_and_kept(other: Cli, tmp_path: Path) -> None:
    file, refused = tmp_path / "some.jsonl", tmp_path / "refused.jsonl"
    lines = [*BAD.values(), "", json.dumps(GOOD)]
    file.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    result = other("import", "conversations", str(file), "--refused", str(refused))
    assert result.exit_code == 0, result.output
    assert f"added 1 with 0 messages, skipped 0 known and {len(BAD)} that cannot be used" in result.stdout
    kept = [json.loads(line) for line in refused.read_text().splitlines()]
    assert [row["line"] for row in kept] == list(range(1, len(BAD) + 1))
    assert all(row["reason"] for row in kept)
    assert kept[0]["raw"] == "{"
    assert "line 1: " in result.stderr
    (back,) = written(other, "conversations")
    assert back["contact"]["email"] == "new@example.com"


def test_contacts_go_to_csv_and_back(cli: Cli, other: Cli, tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    assert cli("export", "contacts", str(file)).exit_code == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8"))))
    assert len(rows) == len(written(cli, "conversations"))
    assert other.json("import", "contacts", str(file))["bad"] == []
    again = other("export", "contacts")
    assert sorted(again.stdout.splitlines()) == sorted(file.read_text("utf-8").splitlines())


def test_no_cell_is_a_formula_and_all_of_it_comes_back(other: Cli, tmp_path: Path) -> None:
    names = ("=1+1", "+cmd", "-2", "@sum", "'quoted", "'=both", "plain")
    people = [{"contact": {"first_name": name, "phone": f"+1415555260{n}"}} for n, name in enumerate(names)]
    source = tmp_path / "people.jsonl"
    source.write_text("\n".join(map(json.dumps, people)))
    assert other("import", "conversations", str(source)).exit_code == 0
    exported = other("export", "contacts").stdout
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert all(not row["first_name"].startswith(("=", "+", "-", "@")) for row in rows)
    assert [row["phone"] for row in rows] == [person["contact"]["phone"] for person in people]
    assert csv_cells(Contact(1, phone="=1"))[3] == "'=1", "a phone number is left as it is, and nothing else"
    file, third = tmp_path / "people.csv", Cli(tmp_path / "third.db", other.agent)
    file.write_text(exported, "utf-8")
    assert third("agent", "add", "ana", "--role", "admin").exit_code == 0
    assert third("import", "contacts", str(file)).exit_code == 0
    assert [row["contact"]["first_name"] for row in written(third, "conversations")] == list(names)


def test_rows_that_cannot_be_used_are_written_with_the_reason(other: Cli, tmp_path: Path) -> None:
    file, refused = tmp_path / "c.csv", tmp_path / "refused.csv"
    file.write_text("Name,Email,Shoe\nAna,a@example.com,1\nBo,no mail,2\n,,3\nCy,c@example.com,4,5\n")
    assert other("import", "contacts", str(file), "--refused", str(refused)).exit_code == 0
    rows = list(csv.reader(io.StringIO(refused.read_text("utf-8"))))
    assert rows[0] == ["Name", "Email", "Shoe", "row", "reason"]
    assert [row[:4] for row in rows[1:3]] == [["Bo", "no mail", "2", "3"], ["", "", "3", "4"]]
    assert "not an email" in rows[1][4]
    taken = other("import", "contacts", str(file), "--refused", str(refused))
    assert (taken.exit_code, "is there already" in taken.stderr) == (2, True)


@pytest.mark.parametrize("what", ["contacts", "conversations"])
def test_an_export_touches_no_file_that_is_there(cli: Cli, tmp_path: Path, what: str) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    for target in (there, tmp_path / "no" / "folder"):
        result = cli("export", what, str(target))
        assert result.exit_code == 2
        assert str(target) in result.stderr
    assert there.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".there")] == []


def test_a_file_that_is_not_there(other: Cli, tmp_path: Path) -> None:
    result = other("import", "conversations", str(tmp_path / "nowhere"))
    assert (result.exit_code, "can't be read" in result.stderr) == (2, True)
