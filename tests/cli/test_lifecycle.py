"""``close``, ``open``, ``snooze``, ``assign``, ``note``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.conftest import Cli

AMELIE = "email:amelie.rousseau@example.com"
CARLOS = "email:carlos.fuentes@example.com"
JONAS = "email:jonas.keller@example.de"


def test_close_with_a_note_and_open_again(cli: Cli) -> None:
    closed = cli.json("close", AMELIE, "--category", "solved", "--summary", "Replacement sent")
    assert closed["status"] == "closed"
    assert closed["closed_by"] == "ana"
    assert closed["closed_at"].endswith("+00:00")
    assert cli.json("show", AMELIE)["timeline"][-1]["detail"]["summary"] == "Replacement sent"
    assert cli.json("open", AMELIE)["status"] == "open"


def test_snooze_until_an_instant(cli: Cli) -> None:
    until = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    snoozed = cli.json("snooze", AMELIE, "--until", until.isoformat())
    assert snoozed["status"] == "snoozed"
    assert datetime.fromisoformat(snoozed["snoozed_until"]) == until


def test_assign_to_somebody_and_to_nobody(cli: Cli) -> None:
    assert cli.json("assign", AMELIE, "bo")["assignee"] == "bo"
    assert cli.json("assign", AMELIE, "--nobody")["assignee"] is None


def test_note_opens_nothing(cli: Cli) -> None:
    assert cli.json("note", CARLOS, "Call him on Monday")["status"] == "closed"
    newest = cli.json("show", CARLOS)["timeline"][-1]
    assert (newest["direction"], newest["body"]) == ("note", "Call him on Monday")


def test_people_get_a_sentence(cli: Cli) -> None:
    result = cli("close", AMELIE)
    assert result.exit_code == 0
    assert result.stdout.strip()
    assert "{" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["close", CARLOS], 4, "closed already"),
        (["close", JONAS], 4, "no conversation"),
        (["close", AMELIE, "--category", "nonsense"], 2, "solved"),
        (["close", "id:999"], 3, "No contact"),
        (["snooze", AMELIE, "--until", "tomorrow"], 2, "2026-03-02T14:05:00+01:00"),
        (["snooze", AMELIE, "--until", "2031-01-01T10:00:00"], 2, "offset"),
        (["snooze", AMELIE, "--until", "2020-01-01T10:00:00Z"], 2, "future"),
        (["snooze", AMELIE, "--until", "0001-01-01T00:00:00+14:00"], 2, "Write it like"),
        (["assign", AMELIE, "zoe"], 3, "zoe"),
        (["assign", AMELIE], 2, "--nobody"),
        (["assign", AMELIE, "bo", "--nobody"], 2, "--nobody"),
        (["open", "id:14"], 4, "blocked"),
    ],
)
def test_refused_leaves_no_trace(cli: Cli, arguments: list[str], code: int, told: str) -> None:
    before = cli.dump()
    result = cli(*arguments)
    assert (result.exit_code, told in result.stderr) == (code, True), result.stderr
    assert cli.dump() == before
