"""The main job again, on a PostgreSQL server: two agents in two terminals, and each sees what the other one does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.test_story import (
    SETTINGS,
    assert_sent_once,
    close_with_note,
    find,
    leave,
    see_answer,
    see_reach,
    see_reopened,
    write_and_send,
)
from tests.support.story import CHAPTERS, NAME, prepare
from tests.support.workspace import Workspace


@pytest.mark.timeout(240)
def test_the_whole_story_is_seen_by_both(tmp_path: Path, server_database: str) -> None:
    chapter = CHAPTERS["telegram"]
    with Workspace(tmp_path, SETTINGS, server_database) as workspace:
        contact = f"id:{prepare(workspace, chapter, sender=False)}"
        with workspace.open_inbox(agent="bo") as bo, workspace.open_inbox() as ana:
            bo.wait_for("Mine · Open")
            bo.press("C")
            bo.wait_for("Mine · Closed  1")
            find(ana)
            see_reach(ana, chapter)
            write_and_send(ana, chapter)
            assert_sent_once(workspace, chapter, contact)
            see_reopened(ana)
            bo.wait_for("Mine · Closed  0")  # without a key: the conversation is open now, and ana's
            see_answer(workspace, ana, chapter)
            bo.press("3", "O")
            bo.wait_for(lambda screen: "All · Open" in screen.text and NAME in screen.text)
            close_with_note(workspace, ana, contact)
            bo.wait_for(lambda screen: NAME not in screen.text)
            leave(ana)
            leave(bo)
    assert not (tmp_path / "inbox.db").exists()
