"""``outbox``: what is not through, on the command line, under the rules and permissions of the screen."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.conftest import Cli
from tests.support.hostile import texts

CARLOS = "email:carlos.fuentes@example.com"


def put(cli: Cli, message_id: str, state: str, **values: object) -> None:
    """What a sender would have left."""
    changes = {"state": state, **values}
    with sqlite3.connect(cli.database) as connection:
        sets = ", ".join(f"{name} = ?" for name in changes)
        connection.execute(f"UPDATE outbox SET {sets} WHERE message_id = ?", (*changes.values(), message_id))
    connection.close()


def sent(cli: Cli, state: str = "queued", text: str = "Hello Carlos", **values: object) -> str:
    """A message of the agent to Carlos, in a state."""
    message = str(cli.json("send", CARLOS, "--text", text)["message_id"])
    put(cli, message, state, **values)
    return message


def state_of(cli: Cli, message_id: str) -> str:
    return str(cli.json("outbox", "show", message_id)["state"])


def test_the_list_tells_what_is_not_through(cli: Cli) -> None:
    failed = sent(cli, "failed", error_text="the number is not known", error_class="invalid")
    queued = sent(cli, text="And one more")
    rows = {row["message_id"]: row for row in cli.rows("outbox", "list")}
    assert (rows[failed]["state"], rows[failed]["reason"]) == ("failed", "the number is not known")
    assert (rows[failed]["agent"], rows[failed]["contact"], rows[failed]["text"]) == (
        "ana",
        "Carlos Fuentes",
        "Hello Carlos",
    )
    assert rows[queued]["state"] == "queued"
    assert [row["message_id"] for row in cli.rows("outbox", "list", "--state", "queued")] == [queued]
    first = cli.rows("outbox", "list", "--limit", "1")
    assert first[0]["message_id"] == queued
    second = cli.rows("outbox", "list", "--limit", "1", "--after", first[0]["cursor"])
    assert second[0]["message_id"] == failed
    bad = cli("outbox", "list", "--after", "nonsense")
    assert (bad.exit_code, "begin again" in bad.stderr) == (2, True)


def test_csv_is_safe_for_a_spreadsheet_and_a_table_for_a_terminal(cli: Cli) -> None:
    sent(cli, "failed", error_text='=HYPERLINK("http://x")')
    printed = list(csv.DictReader(io.StringIO(cli("outbox", "list", "--csv").stdout)))
    assert printed[0]["state"] == "failed"
    assert not printed[0]["reason"].startswith("=")
    hostile = " | ".join(one.text for one in texts()).encode("utf-8", "replace").decode()
    message = sent(cli, "uncertain", error_text=hostile, body=hostile)
    for told in (cli("outbox", "list"), cli("outbox", "show", message), cli("outbox", "list", "--csv")):
        assert told.exit_code == 0, told.stderr
        assert "uncertain" in told.stdout
        assert not {char for char in told.stdout if ord(char) < 32 or 0x7F <= ord(char) < 0xA0} - set("\n\t")


def test_an_uncertain_one_is_sent_again_only_when_confirmed_and_late_enough(cli: Cli) -> None:
    until = int((datetime.now(UTC) + timedelta(seconds=60)).timestamp() * 1_000_000)
    message = sent(cli, "uncertain", lease_until=until)
    before = cli.dump()
    refused = cli("outbox", "retry", message)
    assert refused.exit_code == 4
    assert "--confirm" in refused.stderr
    assert f"outbox arrived {message}" in refused.stderr
    early = cli("outbox", "retry", message, "--confirm")
    assert (early.exit_code, "Try again in" in early.stderr) == (4, True)
    assert cli.dump() == before
    put(cli, message, "uncertain", lease_until=None)
    done = cli.json("outbox", "retry", message, "--confirm")
    assert (done["was"], done["state"]) == ("uncertain", "queued")


def test_settling_and_dropping(cli: Cli) -> None:
    message = sent(cli, "uncertain")
    assert cli.json("outbox", "arrived", message)["state"] == "sent"
    again = cli("outbox", "arrived", message)
    assert (again.exit_code, "Only an uncertain" in again.stderr) == (1, True)
    for state in ("uncertain", "failed", "blocked", "queued"):
        dropped = sent(cli, state, text=f"was {state}")
        assert cli.json("outbox", "drop", dropped)["state"] == "cancelled"
        assert state_of(cli, dropped) == "cancelled"
    assert cli("outbox", "drop", "no-such-message").exit_code == 3


@pytest.mark.parametrize(("state", "code"), [("sent", 0), ("failed", 1), ("blocked", 4), ("uncertain", 6)])
def test_waiting_tells_by_the_exit_code_what_became_of_it(cli: Cli, state: str, code: int) -> None:
    message = sent(cli, "failed")
    with sqlite3.connect(cli.database) as connection:  # the sender, as quick as can be
        connection.execute(
            "CREATE TRIGGER at_once AFTER UPDATE OF state ON outbox WHEN NEW.state = 'queued' "
            f"BEGIN UPDATE outbox SET state = '{state}' WHERE message_id = NEW.message_id; END"
        )
    connection.close()
    result = cli("outbox", "retry", message, "--wait", "60", "--json")
    assert (result.exit_code, json.loads(result.stdout)["state"]) == (code, state)


def test_others_decide_only_as_leads(cli: Cli) -> None:
    message = sent(cli, "failed")
    cli.agent = "bo"
    before = cli.dump()
    for command in (["retry", message], ["drop", message], ["arrived", message]):
        assert cli("outbox", *command).exit_code == 5, command
    everybody = cli("outbox", "list", "--everybody")
    assert (everybody.exit_code, everybody.stdout) == (5, "")
    assert message not in [row["message_id"] for row in cli.rows("outbox", "list")]
    assert cli.dump() == before
    cli.agent = "dora"  # a lead
    assert message in [row["message_id"] for row in cli.rows("outbox", "list", "--everybody")]
    assert cli.json("outbox", "drop", message)["state"] == "cancelled"


def test_one_message_tells_its_attempts_and_prospects(cli: Cli) -> None:
    message = sent(cli, "uncertain", lease_until=1_700_000_000_000_000)
    with sqlite3.connect(cli.database) as connection:
        connection.execute(
            "INSERT INTO attempts (message_id, n, token, worker, leased_at, outcome, http_status) "
            "VALUES (?, 1, 't', 'w', 1700000000000000, 'ambiguous', 502)",
            (message,),
        )
    connection.close()
    shown = cli.json("outbox", "show", message)
    assert shown["may_be_sent_again_from"] == "2023-11-14T22:13:50+00:00"
    assert [(a["n"], a["outcome"], a["http_status"]) for a in shown["attempts"]] == [(1, "ambiguous", 502)]
    assert "token" not in shown["attempts"][0]
    assert "try 1" in cli("outbox", "show", message).stdout
