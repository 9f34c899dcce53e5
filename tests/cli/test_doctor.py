"""``doctor``: each thing that can be wrong is found, named with a way out, and fails the command where it must."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tui_inbox import paths
from tui_inbox.services import doctor_finding, doctor_places
from tui_inbox.services.doctor_places import room

CANARY = "110201543:CANARYCANARYCANARYCANARYCANARYCANARY"


def examined(cli: Cli, *arguments: str, code: int = 0) -> dict[str, dict[str, Any]]:
    """The rows of a check-up by their names; the worst of those of one name."""
    result = cli(*arguments, "--json")
    assert result.exit_code == code, result.output
    order = ["ok", "warning", "failed"]
    rows = sorted(map(json.loads, result.stdout.splitlines()), key=lambda row: order.index(row["state"]))
    return {row["check"]: row for row in rows}


def change(cli: Cli, *statements: str) -> None:
    """Do what no program of ours would do."""
    with closing(sqlite3.connect(cli.database)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_sound_workspace_passes_the_deep_check(cli: Cli) -> None:
    rows = examined(cli, "doctor", "--deep")
    for name in ("versions", "database", "references", "schema", "database settings", "outbox", "disk", "draft files"):
        assert rows[name]["state"] == "ok", rows[name]
    assert "thoroughly" in rows["database"]["message"]


def queue_one(cli: Cli) -> None:
    """Queue a message to whoever may be written to."""
    found = cli.rows("find", "--inbox", "all", "--status", "any")
    assert any(cli("send", f"id:{row['contact_id']}", "--text", "Hello").exit_code == 0 for row in found)


def test_what_is_wrong_in_the_database_fails(cli: Cli) -> None:
    queue_one(cli)
    assert examined(cli, "doctor", "--deep")["outbox"]["state"] == "ok"
    change(
        cli,
        "INSERT INTO drafts (id, agent_id, contact_id, body, version, updated_at) VALUES ('x', 1, 99999, '', 1, 1)",
        "UPDATE outbox SET attempts = attempts + 5",
    )
    quick = examined(cli, "doctor")
    assert "references" not in quick, "only the deep check reads every row"
    deep = examined(cli, "doctor", "--deep", code=1)
    assert deep["references"]["state"] == "failed"
    assert "drafts" in deep["references"]["message"]
    assert deep["outbox"]["state"] == "failed"
    assert "I6" in deep["outbox"]["message"]


@pytest.mark.parametrize(("milliseconds", "state"), [(1500, "ok"), (-2500, "warning"), (31_000, "failed")])
def test_clocks_that_do_not_agree(cli: Cli, milliseconds: int, state: str) -> None:
    channel = "SELECT id FROM channels WHERE name = 'whatsapp'"
    change(cli, f"INSERT INTO channel_health (channel_id, skew_ms, skew_at) VALUES (({channel}), {milliseconds}, 1)")
    row = examined(cli, "doctor", code=int(state == "failed"))["clock of whatsapp"]
    assert row["state"] == state
    assert ("NTP" in row["message"]) is (state != "ok")


def test_a_record_from_the_future_is_told(cli: Cli) -> None:
    assert "newest record" not in examined(cli, "doctor")
    change(cli, "INSERT INTO activity (at, kind, message_id, detail) VALUES (4102444800000000, 'x', '', '{}')")
    assert examined(cli, "doctor")["newest record"]["state"] == "warning"


def test_little_room_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert room(tmp_path).state is doctor_finding.State.OK
    monkeypatch.setattr(doctor_places, "LITTLE_ROOM", 1 << 80)
    assert room(tmp_path).state is doctor_finding.State.WARNING
    monkeypatch.setattr(doctor_places, "NO_ROOM", 1 << 80)
    assert room(tmp_path).state is doctor_finding.State.FAILED
    assert room(tmp_path / "nowhere").state is doctor_finding.State.FAILED


def test_what_waits_in_files_is_named(cli: Cli) -> None:
    for place, name in (
        (paths.drafts_dir(), "1-x.draft.json"),
        (paths.state_dir() / "results", "m-t.result.json"),
        (paths.state_dir() / "editor", "contact-1.txt"),
    ):
        paths.write_private(place / name, "{}")
    rows = examined(cli, "doctor")
    for name in ("draft files", "results of sends", "editor files"):
        assert rows[name]["state"] == "warning"
        assert str(paths.state_dir()) in rows[name]["message"]
    paths.write_private(paths.state_dir() / "results" / "m-t.result.unreadable", "{")
    assert "compare" in examined(cli, "doctor", code=1)["results of sends"]["message"]


def test_settings_that_are_not_in_force_are_told(
    cli: Cli, settings_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settings_file('sqlite_journal = "truncate"\n')
    assert examined(cli, "--config", str(path), "doctor")["journal"]["state"] == "warning"
    assert cli("--config", str(path), "note", "id:1", "x").exit_code == 0  # whoever writes changes it
    rows = examined(cli, "--config", str(path), "doctor")
    assert "journal" not in rows
    assert "database engine" not in rows, "without a log there is no race in it"
    monkeypatch.setattr("tui_inbox.repository.dialect.SETTINGS", ("PRAGMA busy_timeout = 1",))
    rows = examined(cli, "--config", str(path), "doctor", code=1)
    assert "foreign_keys is 0, not 1" in rows["database settings"]["message"]


def test_only_the_deep_check_asks_channels(cli: Cli, settings_file: Callable[..., Path]) -> None:
    path = settings_file(f'[channels.telegram]\ntoken = "{CANARY}"\nwebhook_secret = "{CANARY}"\n')
    assert examined(cli, "--config", str(path), "doctor")["channel telegram"]["state"] == "ok"
    row = examined(cli, "--config", str(path), "doctor", "--deep", code=1)["channel telegram"]
    assert row["state"] == "failed"  # nothing listens where the demo's channel is
    assert "CANARY" not in row["message"]


@pytest.mark.parametrize("what", ["folder", "queue", "loop", "nothing", "foreign", "noise"])
def test_whatever_lies_there_the_check_up_ends_with_a_sentence(cli: Cli, what: str) -> None:
    cli.database.unlink()
    if what == "folder":
        cli.database.mkdir()
    elif what == "queue":
        os.mkfifo(cli.database)
    elif what == "loop":
        cli.database.symlink_to(cli.database)
    elif what == "foreign":
        change(cli, "CREATE TABLE strangers (x)")
    elif what == "noise":
        cli.database.write_bytes(os.urandom(9000))
    row = examined(cli, "doctor", "--deep", code=1)["database"]
    assert row["state"] == "failed"
    assert row["message"].endswith(".")


@pytest.mark.parametrize(("public_url", "state"), [("", "warning"), ("https://inbox.example.com", "ok")])
def test_a_channel_that_signs_its_address_needs_to_be_told_ours(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, public_url: str, state: str
) -> None:
    config = ("--set", "account_sid=AC" + "0" * 32, "--set", "number=+15005550006")
    assert cli("channel", "add", "texts", "--kind", "sms", *config).exit_code == 0
    monkeypatch.setenv("TUI_INBOX_CHANNELS__TEXTS__TOKEN", CANARY)
    monkeypatch.setenv("TUI_INBOX_SERVE__PUBLIC_URL", public_url)
    row = examined(cli, "doctor")["channel texts"]
    assert (row["state"], "public_url" in row["message"]) == (state, state == "warning")


@pytest.mark.parametrize(
    ("kind", "config", "needed", "state"),
    [
        ("telegram", (), {"TOKEN": "1:a"}, "ok"),
        ("whatsapp", ("phone_number_id=1",), {"TOKEN": "t", "APP_SECRET": "s"}, "warning"),
        ("email", ("address=a@b.example", "smtp_host=x", "imap_host=y"), {"PASSWORD": "two words"}, "ok"),
        ("email", ("address=a@b.example", "smtp_host=x", "imap_host=y", "smtp_port=none"), {"PASSWORD": "p"}, "failed"),
    ],
)
def test_what_is_asked_for_news_needs_no_secret_of_a_webhook(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, kind: str, config: tuple[str, ...], needed: dict[str, str], state: str
) -> None:
    sets = [part for pair in config for part in ("--set", pair)]
    assert cli("channel", "add", "odd", "--kind", kind, *sets).exit_code == 0
    for secret, value in needed.items():
        monkeypatch.setenv(f"TUI_INBOX_CHANNELS__ODD__{secret}", value)
    row = examined(cli, "doctor", code=state == "failed")["channel odd"]
    assert (row["state"], "VERIFY_TOKEN" in row["message"]) == (state, state == "warning")
