"""What was typed survives whatever ends the real program: kills, a database that is away, an editor, another window."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.places import clear, to_composer, to_conversation
from tests.support.ptyproc import PtyProcess
from tests.support.sizes import size_of
from tests.support.story import CHAPTERS, nadia
from tests.support.workspace import Workspace, until


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace without any process, made once."""
    with Workspace(tmp_path_factory.mktemp("drafts")) as workspace:
        workspace.add_people()
        workspace.add_channel("telegram")
        workspace.contact_id = workspace.add(nadia(CHAPTERS["telegram"], datetime.now(UTC)))[0]
        yield workspace


def type_slowly(inbox: PtyProcess, text: str, chance: random.Random) -> None:
    """Type as people do: in bursts."""
    while text:
        size = chance.randint(1, 6)
        inbox.type(text[:size])
        text = text[size:]
        inbox.bytes_during(chance.uniform(0, 0.12))


@pytest.mark.parametrize("seed", range(size_of("drafts", 5)))
def test_a_kill_while_typing_loses_what_was_just_typed_at_most(prepared: Workspace, seed: int) -> None:
    """A pause is enough for all before it to be on the disk; of what follows the end may be missing, nothing else."""
    chance = random.Random(seed)
    first, second = f"{seed} typed before the pause", " and after it"
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        clear(inbox)
        type_slowly(inbox, first, chance)
        until(lambda: prepared.draft(prepared.contact_id) == first)  # by itself, with no further key
        type_slowly(inbox, second[: chance.randint(0, len(second))], chance)
        inbox.signal(signal.SIGKILL)
        assert inbox.wait() == -signal.SIGKILL
    kept = prepared.draft(prepared.contact_id)
    assert kept.startswith(first)
    assert (first + second).startswith(kept)


def test_a_draft_is_kept_when_the_terminal_loses_the_focus(prepared: Workspace) -> None:
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        clear(inbox)
        inbox.type("seen by nobody\x1b[O")
        until(lambda: prepared.draft(prepared.contact_id) == "seen by nobody")


def test_what_an_editor_wrote_is_kept_before_its_file_goes(prepared: Workspace, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "from the editor" > "$1"\n')
    editor.chmod(0o700)
    with prepared.open_inbox(env={"EDITOR": str(editor)}) as inbox:
        to_composer(inbox)
        clear(inbox)
        inbox.press("ctrl+e")
        inbox.wait_for("from the editor")
        until(lambda: prepared.draft(prepared.contact_id) == "from the editor")
        inbox.signal(signal.SIGKILL)
        inbox.wait()
    assert list(prepared.home.glob("state/**/editor/*.txt")) == []


def test_while_the_database_is_away_drafts_are_kept_and_come_back(prepared: Workspace) -> None:
    """Moved away under the running program, killed, put back: the next start brings the text in."""
    database = prepared.home / "inbox.db"
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        clear(inbox)
        until(lambda: prepared.draft(prepared.contact_id) == "")
        database.rename(prepared.home / "away.db")
        inbox.wait_for("was moved or deleted while it was open")
        inbox.type("written without a database")
        found = until(lambda: list(prepared.home.glob("state/tui-inbox/drafts/*.draft.json")))
        assert json.loads(found[0].read_text())["agent"] == "ana"
        until(lambda: "written without" in "".join(path.read_text() for path in found[0].parent.glob("*.draft.json")))
        inbox.press("enter")
        inbox.wait_for("Not sent")
        inbox.signal(signal.SIGKILL)
        inbox.wait()
    assert not database.exists(), "nothing is made in its place"
    (prepared.home / "away.db").rename(database)
    with prepared.open_inbox() as inbox:
        to_conversation(inbox)
        inbox.wait_for("written without a database")
    assert prepared.draft(prepared.contact_id) == "written without a database"
    assert list(prepared.home.glob("state/tui-inbox/drafts/*.draft.json")) == []


def test_the_sender_stops_for_a_file_that_is_gone_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    with Workspace(tmp_path) as workspace:
        workspace.add_people()
        database, log = tmp_path / "inbox.db", tmp_path / "state" / "tui-inbox" / "log" / "deliver.log"
        sender = workspace.start_sender()
        until(lambda: _alive(workspace))
        database.rename(tmp_path / "away.db")
        until(lambda: "was moved or deleted while it was open" in log.read_text())
        assert sender.process.poll() is None
        assert not database.exists()
        (tmp_path / "away.db").rename(database)
        beats = _beat(workspace)
        until(lambda: _beat(workspace) != beats)


def _alive(workspace: Workspace) -> bool:
    rows = [json.loads(line) for line in workspace.run("doctor", "--json").splitlines()]
    return any(row["check"] == "sender" and row["message"].startswith("running") for row in rows)


def _beat(workspace: Workspace) -> int:
    with closing(sqlite3.connect(workspace.home / "inbox.db")) as connection:
        return int(connection.execute("SELECT max(beat_at) FROM workers").fetchone()[0])
