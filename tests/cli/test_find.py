"""``find``, ``show``, ``reach``."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime, timedelta

import pytest

from tests.cli.conftest import CONTACTS, Cli
from tui_inbox.cli.find import COLUMNS

FIELDS = {*COLUMNS, "cursor"}


def test_story_is_found_in_mine_and_closed(cli: Cli) -> None:
    rows = cli.rows("find", "--inbox", "mine", "--status", "closed", "car")
    assert {row["name"] for row in rows} == {"Carlos Fuentes", "Scarlet Whitfield", "Oscar Lindqvist"}
    for row in rows:
        assert row.keys() == FIELDS
        assert row["assignee"] == "ana"
        assert "name" in row["matched"]
        assert datetime.fromisoformat(row["last_activity_at"]).utcoffset() == timedelta(0)


def test_phone_is_found_however_it_is_typed(cli: Cli) -> None:
    for typed in ("4567", "+1 (555) 123-4567", "phone:5551234567"):
        assert "Carlos Fuentes" in {row["name"] for row in cli.rows("find", typed)}, typed


def test_pages_join_without_gap_or_overlap(cli: Cli) -> None:
    seen: list[int] = []
    after: list[str] = []
    while rows := cli.rows("find", "--limit", "17", *after):
        seen += [row["contact_id"] for row in rows]
        after = ["--after", rows[-1]["cursor"]]
    assert len(seen) == CONTACTS
    assert len(set(seen)) == CONTACTS


def test_unassigned_team_and_sort(cli: Cli) -> None:
    assert all(row["assignee"] is None for row in cli.rows("find", "--inbox", "unassigned"))
    assert cli.rows("find", "--inbox", "team:orders")
    latest = [row["last_activity_at"] for row in cli.rows("find", "--limit", "100")]
    assert latest == sorted(latest, reverse=True)


def test_hidden_hits_are_told_on_stderr(cli: Cli) -> None:
    result = cli("find", "--status", "snoozed", "Carlos")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "1 in closed" in result.stderr


def test_table_without_a_terminal_is_tab_separated(cli: Cli) -> None:
    line = cli("find", "Carlos").stdout.splitlines()[0].split("\t")
    assert line[1] == "Carlos Fuentes"
    assert len(line) == len(COLUMNS)


def test_csv_has_a_header_and_harmless_cells(cli: Cli) -> None:
    cli("import", "contacts", str(_write(cli, "name,email\n=1+2,formula@example.com\n")))
    rows = list(csv.reader(io.StringIO(cli("find", "formula@example.com", "--csv").stdout)))
    assert tuple(rows[0]) == COLUMNS
    assert rows[1][1] == "'=1+2"


def test_escape_sequences_of_customers_do_not_come_out(cli: Cli) -> None:
    evil = "\x1b]0;owned\x07\x9b31m"
    cli("import", "contacts", str(_write(cli, f"name,email\nEve {evil},eve@example.com\n")))
    for arguments in (
        ["find", "eve@"],
        ["find", "eve@", "--json"],
        ["find", "eve@", "--csv"],
        ["show", "email:eve@example.com"],
    ):
        shown = cli(*arguments).stdout
        assert "Eve" in shown
        assert not set("\x1b\x07\x9b") & set(shown), arguments


def test_show_has_reach_and_thread(cli: Cli) -> None:
    shown = cli.json("show", "email:carlos.fuentes@example.com")
    assert shown["name"] == "Carlos Fuentes"
    assert shown["status"] == "closed"
    assert shown["closed_by"] == "ana"
    assert [entry["event"] for entry in shown["timeline"]][-1] == "closed"
    assert shown["reach"][0]["channel"] == "telegram"
    text = cli("show", "email:carlos.fuentes@example.com").stdout
    assert "replacement sent without return" in json.dumps(shown)
    assert "Wow, thank you" in text


def test_reach_of_every_stage(cli: Cli) -> None:
    def answer(contact: str) -> dict[str, object]:
        return cli.rows("reach", contact)[0]

    whatsapp = answer("email:scarlet.whitfield@example.org")
    assert (whatsapp["channel"], whatsapp["kind"], whatsapp["state"]) == ("whatsapp", "whatsapp", "closed")
    assert whatsapp["may_send"] == ["template"]
    assert whatsapp["closes_at"]
    assert whatsapp["reason"]
    assert answer("email:oscar@example.net")["may_send"] == ["tag:HUMAN_AGENT"]
    assert answer("email:grace.oconnor@example.ie")["state"] == "blocked"
    assert answer("email:amelie.rousseau@example.com")["state"] == "open"
    assert answer("email:carlos.fuentes@example.com")["state"] == "none"
    assert answer("email:marta.nowak@example.pl")["may_send"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["show", "id:999999"], 3, "No contact"),
        (["show", "Carlos"], 2, "id:123"),
        (["reach", "phone:abc"], 2, "not a phone number"),
        (["reach", "email:nobody@example.com"], 3, "No contact"),
        (["find", "--inbox", "theirs"], 2, "mine, unassigned, all or team:NAME"),
        (["find", "--inbox", "team:nope"], 3, "orders"),
        (["find", "--status", "shut"], 2, "closed"),
        (["find", "--after", "rubbish"], 2, ""),
        (["find", "--limit", "0"], 2, ""),
    ],
)
def test_bad_input_is_one_sentence_with_the_documented_code(
    cli: Cli, arguments: list[str], code: int, told: str
) -> None:
    before = cli.dump()
    result = cli(*arguments)
    assert result.exit_code == code
    assert told in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert cli.dump() == before


def test_mine_needs_somebody(cli: Cli) -> None:
    cli.agent = ""
    result = cli("find", "--inbox", "mine")
    assert result.exit_code == 2
    assert "--agent" in result.stderr


def test_a_misspelt_database_makes_no_new_one(cli: Cli) -> None:
    cli.database = cli.database.with_name("inbxo.db")
    result = cli("find")
    assert result.exit_code == 1
    assert "tui-inbox demo" in result.stderr
    assert not cli.database.exists()


def _write(cli: Cli, text: str) -> object:
    path = cli.database.with_name("list.csv")
    path.write_text(text, "utf-8")
    return path


def test_messages_are_searched_too(cli: Cli) -> None:
    shown = cli.json("show", "id:1", "--limit", "500")
    body = next(entry["body"] for entry in shown["timeline"] if entry["content"] == "text" and len(entry["body"]) > 20)
    words = " ".join(re.findall(r"\w+", body)[:3])
    rows = cli.rows("find", "--text", words)
    assert 1 in {row["contact_id"] for row in rows}
    assert all("text" in row["matched"] and row["line"] for row in rows)
    assert [row["contact_id"] for row in cli.rows("find", f'text:"{words}"')] == [row["contact_id"] for row in rows]
    assert cli.rows("find", "--text", "zzzq") == []
