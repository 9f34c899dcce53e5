"""The main job, end to end: the real program in a pseudo-terminal, the sender and the receiver as real processes, and
a channel that checks every request as the real one does.

Find a customer whose conversation is closed, see what may be sent, write, send; the conversation reopens and is the
agent's; the customer's answer appears by itself; close with a note.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.ptyproc import PtyProcess
from tests.support.story import CHAPTERS, NAME, QUESTION, Chapter, prepare
from tests.support.workspace import ACCOUNTS, Workspace, until

SETTINGS = """
[rules]
closing_notes = "category_required"
closing_logic = "unassign"
undo_seconds = 0
"""
ANSWER = "Thank you, that was quick."


@pytest.mark.parametrize("chapter", CHAPTERS.values(), ids=lambda chapter: chapter.channel)
def test_the_whole_story(chapter: Chapter, tmp_path: Path) -> None:
    with Workspace(tmp_path, SETTINGS) as workspace:
        contact = f"id:{prepare(workspace, chapter)}"
        with workspace.open_inbox() as inbox:
            find(inbox)
            see_reach(inbox, chapter)
            write_and_send(inbox, chapter)
            assert_sent_once(workspace, chapter, contact)
            see_reopened(inbox)
            see_answer(workspace, inbox, chapter)
            close_with_note(workspace, inbox, contact)
            leave(inbox)


def test_a_workspace_is_made_by_commands(tmp_path: Path) -> None:
    """What the other tests write into the store themselves, since each command takes a second."""
    with Workspace(tmp_path) as workspace:
        (tmp_path / "inbox.db").unlink()
        workspace.run("agent", "add", "cy", "--name", "Cy Colleague")
        account = ACCOUNTS["whatsapp"]
        pairs = [part for key, value in account.config.items() for part in ("--set", f"{key}={value}")]
        added = workspace.json("channel", "add", "shop", "--kind", account.kind, *pairs)
        assert added["webhook_path"].startswith("/hooks/")
        assert [line.split()[0] for line in workspace.run("agent", "list").splitlines()] == ["cy"]


def find(inbox: PtyProcess) -> None:
    inbox.wait_for("Nothing in Mine is Open")
    inbox.press("3", "C")
    inbox.wait_for("All · Closed  1")
    inbox.press("/")
    inbox.wait_for("end the search")
    inbox.type("store")
    inbox.wait_for(lambda screen: "/ store" in screen.text and NAME in screen.text)
    inbox.press("enter")
    inbox.wait_for("enter open")
    inbox.press("enter")
    inbox.wait_for("what may be sent now")


def see_reach(inbox: PtyProcess, chapter: Chapter) -> None:
    inbox.wait_for(lambda screen: all(part in screen.text for part in (chapter.reach, chapter.consequence, QUESTION)))
    assert "○ closed" in inbox.screen.text
    assert "bo's" in inbox.screen.text


def write_and_send(inbox: PtyProcess, chapter: Chapter) -> None:
    if chapter.channel == "whatsapp":
        inbox.press("t")
        inbox.wait_for("order_update")
        inbox.press("enter")
        inbox.wait_for("tab next field")
        inbox.quiet()
        inbox.press_and_see("enter")
        inbox.type("AB-17")
        inbox.wait_for(chapter.sent)
        inbox.press("ctrl+s")
    else:
        inbox.press("r")
        inbox.wait_for("enter send")
        inbox.type(chapter.sent)
        inbox.wait_for(chapter.sent)
        inbox.press("enter")
    inbox.wait_for("✓")


def assert_sent_once(workspace: Workspace, chapter: Chapter, contact: str) -> None:
    shown = until(lambda: sent_or_none(workspace.json("show", contact)))
    assert (shown["status"], shown["assignee"]) == ("open", "ana")
    assert workspace.control(chapter.channel, "refused") == []
    taken = workspace.accepted(chapter.channel)
    assert [message["text"] for message in taken] == [chapter.sent]
    assert taken[0]["tag"] == ("HUMAN_AGENT" if chapter.channel == "instagram" else "")
    assert taken[0]["template"] == ("order_update" if chapter.channel == "whatsapp" else "")
    events = [entry["event"] for entry in shown["timeline"] if entry["event"]]
    assert events[-2:] == ["reopened", "assigned"]


def sent_or_none(shown: dict[str, Any]) -> dict[str, Any] | None:
    ours = [entry for entry in shown["timeline"] if entry["direction"] == "outbound"]
    return shown if [entry["state"] for entry in ours] == ["sent"] else None


def see_reopened(inbox: PtyProcess) -> None:
    inbox.wait_for(lambda screen: "● open" in screen.text and "yours" in screen.text)
    assert "reopened" in inbox.screen.text
    assert "assigned to ana (was bo)" in inbox.screen.text


def see_answer(workspace: Workspace, inbox: PtyProcess, chapter: Chapter) -> None:
    assert ANSWER not in inbox.screen.text
    workspace.control(chapter.channel, "say", address=chapter.address, text=ANSWER)
    inbox.wait_for(ANSWER)
    inbox.wait_for(chapter.opened)
    posted = workspace.control(chapter.channel, "webhooks")
    assert all(webhook["delivered"] for webhook in posted)


def close_with_note(workspace: Workspace, inbox: PtyProcess, contact: str) -> None:
    if "enter send" in inbox.screen.text:
        inbox.press("escape")
        inbox.wait_for("r write")
    inbox.press("e")
    inbox.wait_for("closing logic: unassign")
    inbox.press("2")
    inbox.wait_for("● answered")
    inbox.press_and_see("tab")
    inbox.type("parcel is on its way")
    inbox.wait_for("parcel is on its way")
    inbox.press("ctrl+s")
    inbox.wait_without("closing logic: unassign")
    shown = until(lambda: closed_or_none(workspace.json("show", contact)))
    assert (shown["assignee"], shown["closed_by"]) == (None, "ana")
    closed = next(entry for entry in shown["timeline"] if entry["event"] == "closed")
    assert closed["detail"]["category"] == "answered"
    assert closed["detail"]["summary"] == "parcel is on its way"


def closed_or_none(shown: dict[str, Any]) -> dict[str, Any] | None:
    return shown if shown["status"] == "closed" else None


def leave(inbox: PtyProcess) -> None:
    inbox.press("q")
    assert inbox.wait() == 0
    assert inbox.screen.parser.finish() == []
    inbox.assert_terminal_restored()
