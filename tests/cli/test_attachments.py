"""``attachment`` and ``send --file``: files on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli

CARLOS = "email:carlos.fuentes@example.com"
"""Has sent a photo of the zip."""


@pytest.fixture
def offer(tmp_path: Path) -> Path:
    place = tmp_path / "offer.pdf"
    place.write_bytes(b"%PDF-1.7 not really")
    return place


def test_a_file_is_listed_shown_and_saved(cli: Cli, tmp_path: Path) -> None:
    (photo,) = cli.rows("attachment", "list", CARLOS)
    assert (photo["kind"], photo["state"], photo["media_type"]) == ("photo", "kept", "image/png")
    entry = next(entry for entry in cli.json("show", CARLOS)["timeline"] if entry["seq"] == photo["seq"])
    assert [file["id"] for file in entry["files"]] == [photo["id"]]
    saved = cli.json("attachment", "save", str(photo["id"]), str(tmp_path))
    assert Path(saved["path"]).read_bytes().startswith(b"\x89PNG")
    again = cli("attachment", "save", str(photo["id"]), str(tmp_path))
    assert again.exit_code == 2
    assert "not written over" in again.stderr
    assert f"file {photo['id']}: {photo['name']}" in cli("show", CARLOS).stdout


def test_what_is_not_there_is_told(cli: Cli, tmp_path: Path) -> None:
    assert cli("attachment", "save", "999", str(tmp_path)).exit_code == 3
    assert cli("attachment", "fetch", "999").exit_code == 3
    kept = cli.rows("attachment", "list", CARLOS)[0]["id"]
    again = cli("attachment", "fetch", str(kept))
    assert again.exit_code == 2
    assert "not one that could not be fetched" in again.stderr


def test_a_file_is_sent_with_a_text_or_alone(cli: Cli, offer: Path) -> None:
    told = cli.json("send", CARLOS, "--channel", "telegram", "--text", "here", "--file", str(offer), "--dry-run")
    assert told["files"] == ["offer.pdf"]
    assert told["consequences"].endswith("1 file")
    assert len(cli.rows("attachment", "list", CARLOS)) == 1, "nothing is left of it"
    cli.json("send", CARLOS, "--channel", "telegram", "--text", "here", "--file", str(offer))
    cli.json("send", CARLOS, "--channel", "telegram", "--file", str(offer))
    with_text, alone = cli.json("show", CARLOS)["timeline"][-2:]
    assert (with_text["body"], [file["name"] for file in with_text["files"]]) == ("here", ["offer.pdf"])
    assert alone["body"] == "[document] offer.pdf"


def test_the_same_key_sends_a_file_once(cli: Cli, offer: Path) -> None:
    arguments = ("send", CARLOS, "--channel", "telegram", "--file", str(offer), "--key", "k")
    first, second = cli.json(*arguments), cli.json(*arguments)
    assert second == {**first, "duplicate": True, "reopened": False}
    assert len(cli.rows("attachment", "list", CARLOS)) == 2


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (("--template", "follow_up", "--language", "en"), 2, "takes no file"),
        (("--text", "  "), 2, "text is empty"),
        (("--file", "nowhere.pdf"), 2, "can't be read"),
        (("--file", "/dev/null"), 2, "is"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    cli: Cli, offer: Path, more: tuple[str, ...], code: int, told: str
) -> None:
    before = cli.dump()
    result = cli("send", CARLOS, "--channel", "telegram", "--file", str(offer), *more)
    assert (result.exit_code, told in result.stderr) == (code, True), result.stderr
    after = cli.dump()
    assert {name: rows for name, rows in after.items() if name != "sqlite_sequence"} == {
        name: rows for name, rows in before.items() if name != "sqlite_sequence"
    }
