"""``import contacts``."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from tests.cli.conftest import Cli
from tui_inbox.demo.people import invent
from tui_inbox.domain.errors import StoreError
from tui_inbox.services import import_file
from tui_inbox.services.importing import ImportService

ROWS = 10_000


def exported(path: Path, rows: int) -> Path:
    """A list as a customer system exports it."""
    rng = random.Random(1)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["First Name", "Last Name", "E-mail", "Mobile Phone", "Language", "Tags", "Owner"])
        for number in range(rows):
            person = invent(rng, number)
            phone = f"+1 (555) {number // 10_000:03d}-{number % 10_000:04d}"
            mail = f"row{number}@crm.example"
            writer.writerow([person.first_name, person.last_name, mail, phone, person.language, "crm;import", "x"])
    return path


def test_a_long_list_comes_in_and_can_be_followed_up(cli: Cli, home: Path) -> None:
    # The demo has three WhatsApp numbers, so that the one to use must be named.
    report = cli.json("import", "contacts", str(exported(home / "crm.csv", ROWS)), "--channel", "whatsapp")
    assert report["added"] == ROWS
    assert report["bad"] == []
    assert report["ignored_columns"] == ["Owner"]
    assert report["channels"] == ["whatsapp"]
    found = cli.rows("find", "row4321@crm.example")
    assert [row["matched"] for row in found] == [["email"]]
    reached = {row["channel"]: row for row in cli.rows("reach", "email:row4321@crm.example")}
    assert reached["whatsapp"]["may_send"] == ["template"]
    sent = cli.json(
        "send",
        "email:row4321@crm.example",
        "--channel",
        "whatsapp",
        "--template",
        "reopen_conversation",
        "--language",
        "en",
    )
    assert (sent["state"], sent["assignee"]) == ("queued", "ana")


def test_again_adds_nothing(cli: Cli, home: Path) -> None:
    path = exported(home / "crm.csv", 20)
    assert cli.json("import", "contacts", str(path))["added"] == 20
    again = cli.json("import", "contacts", str(path))
    assert again["added"] == 0
    assert [item["row"] for item in again["duplicates"]] == list(range(2, 22))


def test_dry_run_writes_nothing(cli: Cli, home: Path) -> None:
    before = cli.dump()
    report = cli.json("import", "contacts", str(exported(home / "crm.csv", 20)), "--dry-run")
    assert (report["added"], report["dry_run"]) == (20, True)
    assert cli.dump() == before


def test_bad_rows_are_told(cli: Cli, home: Path) -> None:
    path = home / "list.csv"
    path.write_text("name,email,phone\nAda,ada@crm.example,\nBad,not-an-address,\nOdd,,12\n", "utf-8")
    result = cli("import", "contacts", str(path))
    assert result.exit_code == 0
    assert "added 1" in result.stdout
    assert "row 3" in result.stderr


def test_the_same_command_goes_on_after_a_cut_and_so_does_the_file_of_refused_rows(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_file, "BATCH", 5)
    path, refused = home / "list.csv", home / "refused.csv"
    rows = [f"Row {n},{f'row{n}@crm.example' if n % 4 else 'none'}\n" for n in range(2, 22)]
    path.write_text("name,email\n" + "".join(rows), "utf-8")
    command = ("import", "contacts", str(path), "--refused", str(refused))
    add, left = ImportService._add, 2

    async def until_then(self: ImportService, *arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise StoreError("The disk is full.")
        return await add(self, *arguments, **named)

    with monkeypatch.context() as cut:
        cut.setattr(ImportService, "_add", until_then)
        assert cli(*command).exit_code != 0
    assert [row[2] for row in csv.reader(refused.read_text("utf-8").splitlines())] == ["row", "4", "8"]
    again = cli(*command)
    assert again.exit_code == 0, again.stderr
    assert "rows up to 11 came in before" in again.stderr
    assert [row[2] for row in csv.reader(refused.read_text("utf-8").splitlines())] == [
        "row",
        "4",
        "8",
        "12",
        "16",
        "20",
    ]
    assert len(cli.rows("find", "crm.example", "--limit", "50")) == 15
    assert cli(*command).exit_code == 2, "an import that begins anew writes over no file"


def test_an_import_that_goes_on_writes_into_no_other_file(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImportService, "came_before", AsyncMock(return_value=2))
    path, other = home / "list.csv", home / "other.csv"
    path.write_text("name,email\nAda,ada@crm.example\nBo,bo@crm.example\n", "utf-8")
    for content in ("name,email\nmine,keep@crm.example\n", ""):
        other.write_text(content, "utf-8")
        result = cli("import", "contacts", str(path), "--refused", str(other))
        assert (result.exit_code, other.read_text("utf-8")) == (2, content)


def test_own_headers(cli: Cli, home: Path) -> None:
    path = home / "list.csv"
    path.write_text("Wer,Wohin\nAda Lovelace,ada@crm.example\n", "utf-8")
    report = cli.json("import", "contacts", str(path), "--map", "Wer=name", "--map", "Wohin=email")
    assert report["added"] == 1
    assert cli("import", "contacts", str(path), "--map", "Wer").exit_code == 2


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00\x01", b"colour,size\nred,4\n"])
def test_what_is_no_list_is_refused(cli: Cli, home: Path, content: bytes | None) -> None:
    path = home / "list.csv"
    if content is not None:
        path.write_bytes(content)
    before = cli.dump()
    result = cli("import", "contacts", str(path))
    assert result.exit_code == 2, result.stdout
    assert result.stderr.startswith("tui-inbox: ")
    assert cli.dump() == before
