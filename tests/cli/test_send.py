"""``send``: the rules of the screen on the command line; what is refused leaves no trace."""

from __future__ import annotations

import json
import sqlite3

import pytest

from tests.cli.conftest import Cli

CARLOS = "email:carlos.fuentes@example.com"
SCARLET = "email:scarlet.whitfield@example.org"
OSCAR = "email:oscar@example.net"
FOLLOW_UP = ("--template", "follow_up", "--language", "en")


def test_sending_reopens_and_says_so(cli: Cli) -> None:
    sent = cli.json("send", CARLOS, "--text", "Hello Carlos")
    assert sent == {
        "message_id": sent["message_id"],
        "state": "queued",
        "reopened": True,
        "assignee": "ana",
        "duplicate": False,
    }
    shown = cli.json("show", CARLOS)
    assert shown["status"] == "open"
    newest = shown["timeline"][-1]
    assert (newest["body"], newest["state"], newest["message_id"]) == ("Hello Carlos", "queued", sent["message_id"])


def test_another_agent_takes_a_reopened_one(cli: Cli) -> None:
    cli.agent = "bo"
    assert cli.json("send", CARLOS, "--text", "Hello, Bo here")["assignee"] == "bo"


def test_same_key_twice_is_one_message(cli: Cli) -> None:
    first = cli.json("send", CARLOS, "--text", "once", "--key", "k1")
    second = cli.json("send", CARLOS, "--text", "once", "--key", "k1")
    assert second["message_id"] == first["message_id"]
    assert second["duplicate"]
    bodies = [entry["body"] for entry in cli.json("show", CARLOS)["timeline"]]
    assert bodies.count("once") == 1


def test_text_from_standard_input(cli: Cli) -> None:
    result = cli("send", CARLOS, "--text", "-", "--json", stdin="two\nlines\n")
    assert result.exit_code == 0, result.stderr
    assert cli.json("show", CARLOS)["timeline"][-1]["body"] == "two\nlines"


def test_dry_run_tells_the_consequences_and_changes_nothing(cli: Cli) -> None:
    cli.agent = "bo"
    before = cli.dump()
    preview = cli.json("send", CARLOS, "--text", "Hello", "--dry-run")
    assert preview["reopens"]
    assert preview["assigns_to"] == "bo"
    assert preview["previous_assignee"] == "ana"
    assert "was ana" in preview["consequences"]
    assert "reopens" in cli("send", CARLOS, "--text", "Hello", "--dry-run").stdout
    assert cli.dump() == before


def test_template_and_tag_go_where_text_may_not(cli: Cli) -> None:
    values = ("--param", "1=Scarlet", "--param", "2=A-77")
    assert cli.json("send", SCARLET, "--channel", "whatsapp", *FOLLOW_UP, *values)["reopened"]
    assert "Hello Scarlet" in cli.json("show", SCARLET)["timeline"][-1]["body"]
    assert cli.json("send", OSCAR, "--text", "It is back", "--tag", "HUMAN_AGENT")["state"] == "queued"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([SCARLET, "--channel", "whatsapp", "--text", "Hi"], 4, "template"),
        ([OSCAR, "--text", "Hi"], 4, "HUMAN_AGENT"),
        ([CARLOS, "--text", "Hi", "--tag", "HUMAN_AGENT"], 4, "tag"),
        (["email:grace.oconnor@example.ie", "--channel", "instagram", "--text", "Hi"], 4, "until the customer writes"),
        (["email:marta.nowak@example.pl", "--channel", "google-business", "--text", "Hi"], 4, "2024"),
        (["email:lucia.moreno@example.es", "--channel", "sms", "--text", "Hi"], 4, "opted out"),
        (["id:14", "--text", "Hi"], 4, "blocked"),
        ([CARLOS, "--text", "x" * 5000], 2, "4,096"),
        ([CARLOS, "--text", "  "], 2, "empty"),
        ([CARLOS, "--channel", "whatsapp", "--text", "Hi"], 3, "telegram"),
        ([SCARLET, "--channel", "whatsapp", *FOLLOW_UP, "--param", "1=Scarlet"], 2, "{{2}}"),
        ([SCARLET, "--channel", "whatsapp", *FOLLOW_UP, "--param", "nonsense"], 2, "KEY=VALUE"),
        ([SCARLET, "--channel", "whatsapp", "--template", "nope", "--language", "en"], 3, "nope"),
        ([SCARLET, "--channel", "whatsapp", "--template", "follow_up"], 2, "--language"),
        (
            [SCARLET, "--channel", "whatsapp", "--template", "spring_sale", "--language", "en", "--param", "1=x"],
            4,
            "rejected",
        ),
        ([CARLOS], 2, "--text"),
        ([CARLOS, "--text", "Hi", "--template", "follow_up"], 2, "--language"),
        ([CARLOS, "--text", "Hi", "--language", "en"], 2, "--template"),
        (["id:0", "--text", "Hi"], 3, "No contact"),
    ],
)
def test_refused_leaves_no_trace(cli: Cli, arguments: list[str], code: int, told: str) -> None:
    before = cli.dump()
    result = cli("send", *arguments)
    assert (result.exit_code, told in result.stderr) == (code, True), result.stderr
    assert result.stdout == ""
    assert cli.dump() == before


def test_unknown_and_missing_agent(cli: Cli) -> None:
    before = cli.dump()
    cli.agent = "zoe"
    unknown = cli("send", CARLOS, "--text", "Hi")
    assert unknown.exit_code == 3
    assert "ana" in unknown.stderr
    cli.agent = ""
    missing = cli("send", CARLOS, "--text", "Hi")
    assert missing.exit_code == 2
    assert "TUI_INBOX_AGENT" in missing.stderr
    assert cli.dump() == before


@pytest.mark.parametrize(("state", "code"), [("sent", 0), ("failed", 1), ("blocked", 4), ("uncertain", 6)])
def test_waiting_tells_by_the_exit_code_what_became_of_it(cli: Cli, state: str, code: int) -> None:
    first = cli.json("send", CARLOS, "--text", "once", "--key", "k1")
    with sqlite3.connect(cli.database) as connection:
        connection.execute("UPDATE outbox SET state = ? WHERE message_id = ?", (state, first["message_id"]))
    connection.close()
    result = cli("send", CARLOS, "--text", "once", "--key", "k1", "--wait", "60", "--json")
    assert (result.exit_code, json.loads(result.stdout)["state"]) == (code, state)


def test_waiting_ends_when_nobody_sends(cli: Cli) -> None:
    result = cli("send", CARLOS, "--text", "Hello", "--wait", "0")
    assert result.exit_code == 1
    assert "queued" in result.stdout
    assert "sender" in result.stderr


def test_a_script_can_say_what_it_has_seen(cli: Cli) -> None:
    seen = cli.json("show", CARLOS)["timeline"][-1]["seq"]
    cli.agent = "bo"
    cli.json("send", CARLOS, "--text", "Bo was faster")
    cli.agent = "ana"
    before = cli.dump()
    for dry in ((), ("--dry-run",)):
        stopped = cli("send", CARLOS, "--text", "Hello", "--seen", str(seen), *dry)
        assert (stopped.exit_code, stopped.stdout) == (1, "")
        assert "replied" in stopped.stderr
        assert "Nothing was sent" in stopped.stderr
    assert cli.dump() == before
    seen = cli.json("show", CARLOS)["timeline"][-1]["seq"]
    assert cli.json("send", CARLOS, "--text", "Hello", "--seen", str(seen))["state"] == "queued"
