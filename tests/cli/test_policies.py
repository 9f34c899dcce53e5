"""``policy``: needs neither settings nor a database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tui_inbox.cli.main import main
from tui_inbox.domain.kinds import ChannelKind


def check(*arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(main, ["policy", "check", *arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    answer: dict[str, object] = json.loads(result.stdout)
    return answer


def test_every_kind_is_listed_as_data(home: Path) -> None:
    result = CliRunner().invoke(main, ["policy", "list", "--json"])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["kind"] for row in rows] == [kind.value for kind in ChannelKind]
    by_kind = {row["kind"]: row for row in rows}
    assert by_kind["whatsapp"]["window_seconds"] == 86_400
    assert by_kind["wechat"]["count_limit"] == 5
    assert by_kind["instagram"]["after_close"] == [
        {"until_seconds": 604_800, "may_send": ["tag:HUMAN_AGENT"], "warning": ""}
    ]
    assert by_kind["google_business"]["retired"]
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("now", "state", "may_send"),
    [
        ("2026-03-02T10:59:59+01:00", "open", ["text", "template"]),
        ("2026-03-02T11:00:00+01:00", "closed", ["template"]),
        ("2026-03-02T10:00:01Z", "closed", ["template"]),
    ],
)
def test_the_boundary_is_strict(home: Path, now: str, state: str, may_send: list[str]) -> None:
    answer = check("--channel", "whatsapp", "--last-inbound", "2026-03-01T10:00:00Z", "--now", now)
    assert (answer["state"], answer["may_send"]) == (state, may_send)
    assert answer["closes_at"] == "2026-03-02T10:00:00+00:00"
    assert answer["reason"]


def test_counts_never_wrote_and_opted_out(home: Path) -> None:
    wrote = ("--last-inbound", "2026-03-01T10:00:00Z", "--now", "2026-03-01T11:00:00Z")
    assert check("--channel", "wechat", *wrote, "--sent-since", "4")["state"] == "open"
    assert check("--channel", "wechat", *wrote, "--sent-since", "5")["state"] == "blocked"
    assert check("--channel", "telegram")["state"] == "blocked"
    assert check("--channel", "telegram", "--started")["may_send"] == ["text"]
    assert check("--channel", "sms", "--opted-out")["state"] == "blocked"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--channel", "fax"],
        ["--channel", "whatsapp", "--last-inbound", "yesterday"],
        ["--channel", "whatsapp", "--now", "2026-03-01T10:00:00"],
        ["--channel", "whatsapp", "--sent-since", "-1"],
        [],
    ],
)
def test_bad_input_is_a_usage_error(home: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(main, ["policy", "check", *arguments])
    assert result.exit_code == 2
    assert result.stdout == ""


def test_people_get_lines(home: Path) -> None:
    result = CliRunner().invoke(main, ["policy", "list"])
    assert "tag:HUMAN_AGENT until 604800 s" in result.stdout
    result = CliRunner().invoke(main, ["policy", "list", "--csv"])
    assert result.stdout.splitlines()[0].startswith("kind,first_contact,window_seconds")
