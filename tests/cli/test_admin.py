"""``channel``, ``agent``, ``doctor``, ``config``: administration, and never a secret in what they print."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tui_inbox import paths
from tui_inbox.actions import ACTIONS
from tui_inbox.repository.store import Store
from tui_inbox.services.receiving_events import CLOCK_ALARM

CANARY = "110201543:CANARYCANARYCANARYCANARYCANARYCANARY"


def test_first_steps_of_a_new_workspace(cli: Cli, home: Path) -> None:
    cli.database, cli.agent = home / "new" / "inbox.db", ""
    assert cli.json("agent", "add", "mia", "--name", "Mia Berg", "--role", "lead")["role"] == "lead"
    assert [row["handle"] for row in cli.rows("agent", "list")] == ["mia"]
    added = cli("channel", "add", "support-bot", "--kind", "telegram", "--json")
    assert added.exit_code == 0, added.stderr
    record = json.loads(added.stdout)
    assert record["webhook_url"].startswith("http://127.0.0.1:8080/hooks/")
    assert [item["name"] for item in record["secrets"]] == ["token", "webhook_secret"]
    assert "TUI_INBOX_CHANNELS__SUPPORT_BOT__TOKEN" in added.stderr
    assert [row["name"] for row in cli.rows("channel", "list")] == ["support-bot"]
    assert cli.database.stat().st_mode & 0o777 == 0o600


def test_a_website_chat_needs_no_secret_and_says_where_it_is(cli: Cli) -> None:
    added = cli("channel", "add", "site", "--kind", "webchat", "--set", "origins=https://www.example.com", "--json")
    assert (added.exit_code, added.stderr) == (0, "")
    record = json.loads(added.stdout)
    assert record["webhook_url"].startswith("http://127.0.0.1:8080/chat/")
    assert record["secrets"] == []
    assert "https://www.example.com" in cli.json("channel", "test", "site")["message"]
    assert cli("channel", "add", "odd", "--kind", "webchat", "--set", "origins=example.com").exit_code == 0
    told = cli("channel", "test", "odd")
    assert (told.exit_code, "https://www.example.com" in told.stderr) == (2, True)


def test_a_policy_can_be_laid_over(cli: Cli) -> None:
    added = cli.json(
        "channel", "add", "wa2", "--kind", "whatsapp", "--set", "phone_number_id=1", "--policy", "window_seconds=3600"
    )
    assert added["policy_override"] == {"window_seconds": 3600}


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["channel", "add", "wa2", "--kind", "whatsapp"], 2, "phone_number_id"),
        (["channel", "add", "wa2", "--kind", "whatsapp", "--set", "token=x"], 2, "secret"),
        (["channel", "add", "wa2", "--kind", "whatsapp", "--set", "nonsense"], 2, "KEY=VALUE"),
        (["channel", "add", "t2", "--kind", "telegram", "--policy", "windo=1"], 2, "window_seconds"),
        (["channel", "add", "telegram", "--kind", "telegram"], 2, "already"),
        (["channel", "add", "g2", "--kind", "google_business"], 2, "2024"),
        (["channel", "test", "nope"], 3, "telegram"),
        (["channel", "templates", "nope"], 3, "telegram"),
        (["agent", "add", "ana"], 2, "already"),
        (["agent", "add", "a b"], 2, "letters"),
    ],
)
def test_refused_leaves_no_trace(cli: Cli, arguments: list[str], code: int, told: str) -> None:
    before = cli.dump()
    result = cli(*arguments)
    assert (result.exit_code, told in result.stderr) == (code, True), result.stderr
    assert cli.dump() == before


def test_templates_are_listed_with_what_is_wrong_with_them(cli: Cli) -> None:
    rows = {(row["name"], row["language"]): row for row in cli.rows("channel", "templates", "whatsapp")}
    assert rows["follow_up", "en"]["placeholders"] == ["1", "2"]
    assert rows["follow_up", "en"]["unavailable"] is None
    assert "paused" in rows["back_in_stock", "en"]["unavailable"]


@pytest.fixture
def unauthorized() -> Iterator[str]:
    """A server that knows no token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"ok":false,"error_code":401,"description":"Unauthorized"}'
            self.send_response(401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_wrong_token_and_unreachable_server(cli: Cli, unauthorized: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUI_INBOX_CHANNELS__T2__TOKEN", CANARY)
    monkeypatch.setenv("TUI_INBOX_CHANNELS__T3__TOKEN", CANARY)
    cli.json("channel", "add", "t2", "--kind", "telegram", "--set", f"base_url={unauthorized}")
    cli.json("channel", "add", "t3", "--kind", "telegram", "--set", "base_url=http://127.0.0.1:1")
    for name in ("t2", "t3"):
        result = cli("channel", "test", name)
        assert result.exit_code == 1
        assert len(result.stderr.strip().splitlines()) == 1
        assert "CANARY" not in result.output
        assert not json.loads(cli("channel", "test", name, "--json").stdout)["ok"]
    assert "CANARY" not in paths.log_file().read_text()


def test_a_channel_is_tested_as_it_is_added(cli: Cli, unauthorized: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where = ("--kind", "telegram", "--set", f"base_url={unauthorized}")
    assert "ok" not in cli.json("channel", "add", "t1", *where), "without a token there is nothing to test"
    for name in ("T2", "T3"):
        monkeypatch.setenv(f"TUI_INBOX_CHANNELS__{name}__TOKEN", CANARY)
        monkeypatch.setenv(f"TUI_INBOX_CHANNELS__{name}__WEBHOOK_SECRET", CANARY)
    result = cli("channel", "add", "t2", *where, "--json")
    assert result.exit_code == 0, "it is connected all the same"
    record = json.loads(result.stdout)
    assert (record["ok"], "token" in record["check"]) == (False, True)
    assert "does not work yet" in result.stderr
    assert "CANARY" not in result.output
    assert "ok" not in cli.json("channel", "add", "t3", *where, "--no-test")


def test_doctor_tells_what_is_well_and_what_is_not(cli: Cli, settings_file: Callable[..., Path]) -> None:
    path = settings_file(f'[channels.telegram]\ntoken = "{CANARY}"\nwebhook_secret = "{CANARY}"\n')
    rows = {row["check"]: row for row in cli.rows("--config", str(path), "doctor")}
    assert rows["database"]["state"] == "ok"
    assert rows["channel telegram"]["state"] == "ok"
    assert rows["channel whatsapp"]["state"] == "warning"
    assert "TUI_INBOX_CHANNELS__WHATSAPP__TOKEN" in rows["channel whatsapp"]["message"]
    assert "CANARY" not in json.dumps(list(rows.values()))


def test_doctor_fails_for_a_database_that_is_none(cli: Cli) -> None:
    cli.database.write_bytes(b"no database at all" * 100)
    result = cli("doctor", "--json")
    assert result.exit_code == 1
    failed = [row for row in map(json.loads, result.stdout.splitlines()) if row["state"] == "failed"]
    assert [row["check"] for row in failed] == ["database"]


def test_doctor_warns_of_files_that_are_open_to_others(cli: Cli) -> None:
    cli.database.chmod(0o644)
    rows = {row["check"]: row for row in cli.rows("doctor")}
    assert rows["database file"]["state"] == "warning"
    assert "chmod 600" in rows["database file"]["message"]


def test_config_keys_is_the_registry_under_the_settings(cli: Cli, settings_file: Callable[..., Path]) -> None:
    path = settings_file('[keys]\nclose = ["ctrl+w"]\n')
    rows = {row["action"]: row for row in cli.rows("--config", str(path), "config", "keys")}
    assert set(rows) == set(ACTIONS)
    assert (rows["close"]["keys"], rows["top"]["keys"]) == (["ctrl+w"], ["g g", "home"])


def test_config_path_show_and_check(cli: Cli, settings_file: Callable[..., Path]) -> None:
    path = settings_file(f'theme = "nord"\n[channels.telegram]\ntoken = "{CANARY}"\n')
    assert cli.json("--config", str(path), "config", "path")["settings"] == str(path)
    shown = cli("--config", str(path), "config", "show")
    assert "theme = nord" in shown.stdout
    assert f"database = sqlite:///{cli.database}" in shown.stdout
    assert "CANARY" not in shown.output
    assert cli.json("--config", str(path), "config", "check")["ok"]


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        ('databse = "x"', 0o600, "Did you mean 'database'?"),
        ("[serve", 0o600, "line"),
        ('[keys]\nquti = "x"', 0o600, "quti"),
        ('[channels.telegram]\ntoken = "CANARY-CANARY"', 0o644, "chmod 600"),
        ('[channels.telegram]\ntoken_file = "/nowhere/CANARY"', 0o600, "cannot be read"),
        ('[channels.telegram]\ntoken_command = ["false"]', 0o600, "Run it by hand"),
    ],
)
def test_broken_settings_are_one_sentence(
    cli: Cli, settings_file: Callable[..., Path], text: str, mode: int, told: str
) -> None:
    result = cli("--config", str(settings_file(text, mode)), "config", "check")
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "CANARY-CANARY" not in result.output


def test_doctor_tells_of_clocks_that_are_wrong(cli: Cli) -> None:
    def clocks() -> tuple[str, str]:
        row = next(row for row in cli.rows("doctor") if row["check"] == "clocks of channels")
        return row["state"], row["message"]

    assert clocks()[0] == "ok"
    now = datetime.now(UTC)

    async def note(ago: timedelta, channel: str, seconds: int) -> None:
        store = await Store.open(f"sqlite:///{cli.database}")
        detail = {"channel": channel, "ahead_seconds": seconds}
        try:
            await store.write(lambda unit: unit.activity.add(CLOCK_ALARM, detail=detail, now=now - ago))
        finally:
            await store.close()

    asyncio.run(note(timedelta(hours=25), "shop", 999))
    assert clocks()[0] == "ok", "that was long ago"
    asyncio.run(note(timedelta(hours=2), "shop", 400))
    asyncio.run(note(timedelta(hours=1), "shop", 3600))
    state, told = clocks()
    assert state == "warning"
    assert "shop by 3,600 s" in told
    assert "400" not in told
    assert "Compare this machine's clock" in told
