"""Settings: precedence, mistakes in one sentence, secrets from everywhere and shown nowhere."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import pytest

from tui_inbox import paths
from tui_inbox.config import (
    ChannelSettings,
    ServeSettings,
    Settings,
    load_settings,
    secret_sources,
    secrets_for,
    shown,
    shown_database,
    variable_for,
)
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.kinds import ClosingNoteMode
from tui_inbox.domain.lifecycle import WorkspaceRules

SECRET = "CANARY-5f1c2b"


def written(home: Path, text: str, mode: int = 0o600) -> Path:
    path = home / "config.toml"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def refused(home: Path, text: str, mode: int = 0o600) -> str:
    with pytest.raises(UsageError) as caught:
        load_settings(written(home, text, mode))
    return str(caught.value)


def test_defaults_need_no_file(own_environment: Path) -> None:
    settings = load_settings()
    assert settings.file is None
    assert settings.database == f"sqlite:///{own_environment}/.local/share/tui-inbox/inbox.db"
    assert settings.rules == WorkspaceRules()
    assert (settings.serve.host, settings.serve.port) == ("127.0.0.1", 8080)
    assert list(own_environment.iterdir()) == []


def test_flags_over_environment_over_file(own_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(own_environment, 'agent = "file"\ntheme = "nord"\n[serve]\nport = 1\nhost = "::1"\n')
    monkeypatch.setenv("TUI_INBOX_AGENT", "environment")
    monkeypatch.setenv("TUI_INBOX_SERVE__PORT", "2")
    settings = load_settings(path)
    assert (settings.agent, settings.theme, settings.serve.port, settings.serve.host) == (
        "environment",
        "nord",
        2,
        "::1",
    )
    assert load_settings(path, {"agent": "flag", "database": None}).agent == "flag"


def test_the_file_is_found_by_flag_variable_and_place(own_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = own_environment / ".config" / "tui-inbox" / "config.toml"
    usual.parent.mkdir(parents=True)
    usual.write_text('agent = "usual"')
    assert load_settings().agent == "usual"
    named = written(own_environment, 'agent = "named"')
    monkeypatch.setenv("TUI_INBOX_CONFIG", str(named))
    assert load_settings().agent == "named"
    assert load_settings(usual).file == usual
    monkeypatch.setenv("TUI_INBOX_CONFIG", str(own_environment / "missing.toml"))
    with pytest.raises(UsageError, match="does not exist"):
        load_settings()


def test_xdg_directories_are_honoured(own_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(own_environment / "c"))
    monkeypatch.setenv("XDG_STATE_HOME", str(own_environment / "s"))
    assert paths.config_file() == own_environment / "c" / "tui-inbox" / "config.toml"
    assert paths.log_file("serve") == own_environment / "s" / "tui-inbox" / "log" / "serve.log"


def test_rules_and_keys(own_environment: Path) -> None:
    text = '[rules]\nclosing_notes = "both_required"\nundo_seconds = 0\n[keys]\nquit = "Q, ctrl+q"\nopen = ["enter"]\n'
    settings = load_settings(written(own_environment, text))
    assert settings.rules.closing_notes is ClosingNoteMode.BOTH_REQUIRED
    assert settings.rules.undo_seconds == 0
    assert settings.keys == {"quit": ("Q", "ctrl+q"), "open": ("enter",)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('databse = "x"', "Unknown setting 'databse'. Did you mean 'database'?"),
        ("[rules]\nclosing_note = 1", "Unknown setting 'rules.closing_note'. Did you mean 'closing_notes'?"),
        ("[serve]\nprot = 1", "Unknown setting 'serve.prot'. Did you mean 'port'?"),
        ('[channels.wa]\ntokn = "x"', "Did you mean 'token'?"),
        ('[rules]\nclosing_notes = "sometimes"', "'both_required'"),
        ("[rules]\nundo_seconds = 3600", "from 0 to 60"),
        ('[rules]\ncategories = [""]', "no name"),
        ("[serve]\nport = 70000", "65535"),
        ("[keys]\nquit = 3", "list of keys"),
        ("agent = ", "line 1"),
        ("[serve\n", "at line 1"),
        ("\n\n[serve]\nport = = 1", "line 4"),
        ('[channels.wa]\ntoken = "x"\ntoken_file = "y"', "keep one"),
        ('[channels.w-a]\ntoken = "x"\n[channels.w_a]\ntoken = "x"', "rename one"),
        ("channels = 3", "channels"),
    ],
)
def test_every_mistake_names_the_file_and_the_way_out(own_environment: Path, text: str, told: str) -> None:
    sentence = refused(own_environment, text)
    assert told in sentence
    assert str(own_environment / "config.toml") in sentence
    assert "\n" not in sentence


def test_files_that_are_no_text_or_cannot_be_read(own_environment: Path) -> None:
    path = own_environment / "config.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8"):
        load_settings(path)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("TUI_INBOX_DATABSE", "x", "TUI_INBOX_DATABASE"),
        ("TUI_INBOX_SERVE__PRT", "1", "Did you mean 'port'?"),
        ("TUI_INBOX_SERVE__PORT", "eighty", "TUI_INBOX_SERVE__PORT"),
        ("TUI_INBOX_KEYS", "{", "keys"),
    ],
)
def test_mistakes_in_the_environment(
    own_environment: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=told.replace("?", r"\?")):
        load_settings()


def test_secrets_from_file_command_and_environment(own_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = own_environment / "held"
    held.write_text(f"{SECRET}-held\n")
    held.chmod(0o600)
    command = json.dumps([sys.executable, "-c", f"print('{SECRET}-told')"])
    text = f'[channels.Support-WA]\ntoken = "{SECRET}"\napp_secret_command = {command}\nverify_token_file = "{held}"\n'
    path = written(own_environment, text)
    assert secrets_for(load_settings(path), "support-wa") == {
        "token": SECRET,
        "app_secret": f"{SECRET}-told",
        "verify_token": f"{SECRET}-held",
    }
    monkeypatch.setenv(variable_for("support-wa", "app_secret"), f"{SECRET}-set")
    monkeypatch.setenv("TUI_INBOX_CHANNELS__SUPPORT_WA__TOKEN_FILE", str(held))
    settings = load_settings(path)
    assert secrets_for(settings, "support-wa")["app_secret"] == f"{SECRET}-set"
    assert secrets_for(settings, "support-wa")["token"] == f"{SECRET}-held"
    assert secret_sources(settings, "Support WA") == {"token": "file", "app_secret": "value", "verify_token": "file"}
    assert secrets_for(settings, "other") == {}


def test_the_environment_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUI_INBOX_CHANNELS__WA__TOKEN", SECRET)
    assert secrets_for(load_settings(), "wa") == {"token": SECRET}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_secrets_in_files_open_to_others_are_refused(own_environment: Path, mode: int) -> None:
    sentence = refused(own_environment, f'[channels.wa]\ntoken = "{SECRET}"', mode)
    assert "chmod 600" in sentence
    assert SECRET not in sentence
    held = own_environment / "held"
    held.write_text(SECRET)
    held.chmod(mode)
    settings = load_settings(written(own_environment, f'[channels.wa]\ntoken_file = "{held}"', 0o644))
    with pytest.raises(UsageError, match="chmod 600"):
        secrets_for(settings, "wa")


def test_a_file_without_secrets_may_be_open(own_environment: Path) -> None:
    assert load_settings(written(own_environment, 'agent = "ana"', 0o644)).agent == "ana"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('token_command = ["false"]', "ended with code 1"),
        ('token_command = ["true"]', "no secret"),
        ('token_command = ["/nowhere/at-all"]', "cannot be run"),
        ('token_file = "/nowhere/at-all"', "cannot be read"),
    ],
)
def test_secrets_that_cannot_be_had(own_environment: Path, line: str, told: str) -> None:
    settings = load_settings(written(own_environment, f"[channels.wa]\n{line}"))
    with pytest.raises(UsageError, match=told):
        secrets_for(settings, "wa")


def test_no_secret_is_shown(own_environment: Path) -> None:
    path = written(own_environment, f'[channels.wa]\ntoken = "{SECRET}"\napp_secret = "{SECRET}"\n')
    settings = load_settings(path)
    assert SECRET not in repr(settings) + str(settings) + json.dumps(shown(settings)) + settings.model_dump_json()
    assert shown_database("postgresql://ana:pass@db/inbox") == "postgresql://ana:***@db/inbox"
    hidden = shown_database("postgresql://db/inbox?password=pass&sslmode=require&sslpassword=pass")
    assert hidden == "postgresql://db/inbox?password=***&sslmode=require&sslpassword=***"
    assert SECRET not in refused(own_environment, f'[channels.wa]\ntoken = "{SECRET}"\ntokn = "{SECRET}"')
    assert SECRET not in refused(own_environment, f'[channels.wa]\ntoken = ["{SECRET}"]')


def test_children_see_the_same(own_environment: Path) -> None:
    path = written(own_environment, 'agent = "ana"')
    environment = load_settings(path, {"database": "sqlite:///x.db"}).child_environment()
    assert environment["TUI_INBOX_CONFIG"] == str(path)
    assert environment["TUI_INBOX_DATABASE"] == "sqlite:///x.db"


def test_every_setting_says_what_it_means() -> None:
    for model in (Settings, ServeSettings, ChannelSettings):
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
            assert field.description.endswith("."), f"{model.__name__}.{name}"
    assert {field.name for field in dataclasses.fields(WorkspaceRules)}


def test_private_files_are_private_from_the_first_byte(own_environment: Path) -> None:
    path = own_environment / "deep" / "down" / "file"
    paths.write_private(path, "x")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
