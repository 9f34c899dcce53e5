"""Two agents, one customer: two real programs in two terminals on one database."""

from __future__ import annotations

import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.ptyproc import PtyProcess
from tests.support.screen import Screen
from tests.support.story import NAME
from tests.support.workspace import ACCOUNTS, Workspace, until
from tui_inbox.domain.kinds import ConversationStatus, Direction
from tui_inbox.domain.models import Channel
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.history import History, HistoryChannel, HistoryEntry

SETTINGS = "[rules]\nundo_seconds = 0\n"
ADDRESS = "5550001"
FROM_ANA, FROM_BO = "It leaves today, says Ana.", "It left already, says Bo."
STOPPED = "Not sent: somebody wrote meanwhile"
OTHERS = 12


def customer(number: int, channel: Channel) -> History:
    """An open conversation; the smaller the number, the newer the message."""
    now = datetime.now(UTC) - timedelta(hours=1 + number)
    first, last = NAME.split() if number == 0 else (f"Other{number:02}", "Customer")
    said = HistoryEntry(now, Direction.INBOUND, f"Question {number}", channel_id=channel.id, provider_id=f"in-{number}")
    contact = NewContact(first, last, f"c{number}@example.com", "", "en", "US", (), {})
    address = HistoryChannel(channel.id, ADDRESS if number == 0 else str(7000 + number))
    return History(contact, (address,), (said,), ConversationStatus.OPEN)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Nadia and some others, all open and nobody's, on a channel that takes what is sent."""
    with Workspace(tmp_path_factory.mktemp("two"), SETTINGS) as made:
        members = [{"address": ADDRESS, "name": NAME}]
        made.start_standins(ACCOUNTS["telegram"].standin(members=members))
        made.add_people()
        made.add_channel("telegram")
        made.contact_id = made.add(
            lambda channels, agents: [customer(number, channels["telegram"]) for number in range(1 + OTHERS)]
        )[0]
        made.start_sender()
        yield made


@contextmanager
def two(workspace: Workspace, size: tuple[int, int] = (80, 24)) -> Iterator[tuple[PtyProcess, PtyProcess]]:
    """The programs of ana and bo, both in the list of everything that is open, the cursor on Nadia."""
    for part in workspace.home.glob("inbox.db-presence*"):  # programs that another test has killed still stand in it
        part.unlink()
    with workspace.open_inbox(size=size) as ana, workspace.open_inbox(size=size, agent="bo") as bo:
        for inbox in (ana, bo):
            to_nadia(inbox)
        yield ana, bo


def to_nadia(inbox: PtyProcess) -> None:
    inbox.wait_for("Mine · Open")
    inbox.press("3", "A")
    inbox.wait_for(lambda screen: "All · Any" in screen.text and NAME in screen.text)
    inbox.press("/")
    inbox.wait_for("end the search")
    inbox.type(NAME)
    inbox.wait_for(lambda screen: "Other01" not in screen.text and f"/ {NAME}" in screen.text)
    inbox.press("enter")
    inbox.wait_for("enter open")


def open_nadia(*inboxes: PtyProcess) -> None:
    for inbox in inboxes:
        inbox.press("enter")
        inbox.wait_for("Question 0")
        inbox.wait_for("↳ ")


def write(inbox: PtyProcess, text: str) -> None:
    inbox.press("r")
    inbox.wait_for("enter send")
    inbox.type(text)
    inbox.wait_for(text)


def taken(workspace: Workspace) -> list[str]:
    return [message["text"] for message in workspace.accepted("telegram")]


def row_of(screen: Screen, name: str) -> str:
    """The row of the list; the search line may hold the name too."""
    return next((line for line in screen.lines if name in line and "●" in line), "")


def test_of_two_who_send_at_once_one_goes_and_the_other_decides(workspace: Workspace) -> None:
    before = len(taken(workspace))
    with two(workspace) as (ana, bo):
        open_nadia(ana)
        open_nadia(bo)
        ana.wait_for("☻ bo is looking at this")
        bo.wait_for("☻ ana is looking at this")
        write(ana, FROM_ANA)
        bo.wait_for("✎ ana is typing")
        write(bo, FROM_BO)
        ana.wait_for("✎ bo is typing")
        ana.type("\r")
        bo.type("\r")
        until(lambda: read(ana, bo) and sum(STOPPED in inbox.screen.text for inbox in (ana, bo)))
        first, second = (bo, ana) if STOPPED in ana.screen.text else (ana, bo)
        texts = (FROM_BO, FROM_ANA) if first is bo else (FROM_ANA, FROM_BO)
        first.wait_for("✓")
        assert STOPPED not in first.screen.text
        second.wait_for(texts[0])
        assert f"{'Bo Colleague' if first is bo else 'Ana Agent'} replied" in second.screen.text
        until(lambda: taken(workspace)[before:] == [texts[0]])
        second.press("escape")
        second.wait_without(STOPPED)
        second.wait_for(lambda screen: screen.text.count(texts[0]) == 1 and texts[1] in screen.text)
        second.press("enter")
        until(lambda: read(ana, bo) and taken(workspace)[before:] == list(texts))
        first.wait_for(texts[1])  # without a key, on the other's screen
        shown = workspace.json("show", f"id:{workspace.contact_id}")
        ours = [(entry["author"], entry["state"]) for entry in shown["timeline"] if entry["direction"] == "outbound"]
        assert sorted(ours[-2:]) == [("ana", "sent"), ("bo", "sent")]
        assert ana.violations == bo.violations == []


def read(*inboxes: PtyProcess) -> bool:
    """Take what the programs have written; always true, for use in a condition."""
    for inbox in inboxes:
        inbox.quiet(0.05)
    return True


def test_presence_comes_and_goes_by_itself(workspace: Workspace) -> None:
    with two(workspace) as (ana, bo), ExitStack() as opened:
        ana.wait_for(lambda screen: "☻" not in screen.text)
        open_nadia(bo)
        ana.wait_for(lambda screen: "☻" in row_of(screen, NAME))
        bo.press("r")
        bo.wait_for("enter send")
        typed = type_until_seen(bo, ana)
        ana.wait_for(lambda screen: "☻" in row_of(screen, NAME))  # some seconds after the last key
        typed += type_until_seen(bo, ana)
        bo.press(*["backspace"] * typed)
        bo.press("escape")
        bo.wait_for("r write")
        bo.press("escape")
        bo.wait_for("enter open")
        ana.wait_for(lambda screen: "✎" not in screen.text and "☻" not in screen.text)
        open_nadia(bo)
        ana.wait_for(lambda screen: "☻" in row_of(screen, NAME))
        bo.press("q")
        assert bo.wait() == 0
        assert written_down(workspace) == []
        ana.wait_for(lambda screen: "☻" not in screen.text)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            # Kept until the end: closing one program ends everything that lives in its home.
            again = opened.enter_context(workspace.open_inbox(size=(80, 24), agent="bo"))
            to_nadia(again)
            open_nadia(again)
            ana.wait_for(lambda screen: "☻" in row_of(screen, NAME))
            again.signal(number)
            again.wait()
            killed = number is signal.SIGKILL
            assert written_down(workspace) == (["viewing"] if killed else []), "it says so itself, where it can"
            ana.wait_for(lambda screen: "☻" not in screen.text)


def type_until_seen(writer: PtyProcess, watcher: PtyProcess) -> int:
    """Write as long as it takes: a mark that lasts some seconds may come and go while nobody gets round to looking.

    Returns how many characters it took.
    """
    typed = 0

    def seen() -> bool:
        nonlocal typed
        writer.press("x")
        typed += 1
        read(writer, watcher)
        return "✎" in row_of(watcher.screen, NAME)

    until(seen)
    return typed


def written_down(workspace: Workspace) -> list[str]:
    """What the file of presence holds."""
    with closing(sqlite3.connect(workspace.home / "inbox.db-presence")) as connection:
        return [doing for (doing,) in connection.execute("SELECT doing FROM presence")]


def test_a_colleague_who_sits_still_costs_no_byte(workspace: Workspace) -> None:
    """A refresh of bo's falls into each time that is watched."""
    with two(workspace) as (ana, bo):
        left = 60 - time.time() % 60
        if left < 25:
            ana.bytes_during(left + 1)  # at the whole minute times are painted anew
        open_nadia(bo)
        ana.wait_for("☻")
        ana.quiet(1.0)
        assert ana.bytes_during(6.0) == 0
        open_nadia(ana)
        ana.wait_for("☻ bo is looking at this")
        ana.quiet(1.0)
        assert ana.bytes_during(6.0) == 0
        assert written_down(workspace) == ["viewing", "viewing"]


def test_the_list_does_not_jump_when_a_colleague_answers(workspace: Workspace) -> None:
    with two(workspace, (120, 40)) as (ana, bo):
        for inbox in (ana, bo):
            inbox.press("escape")
            inbox.wait_for("Other05")
        ana.press("j", "j")
        assert cursor_of(ana) == "Other02"
        bo.press(*"jjjjj")
        assert cursor_of(bo) == "Other05"
        bo.press("enter")
        bo.wait_for("Question 5")
        ana.wait_for(lambda screen: "☻" in row_of(screen, "Other05"))
        write(bo, "A word from Bo.")
        bo.press("enter")
        bo.wait_for("queued")
        ana.wait_for(lambda screen: " now " in row_of(screen, "Other05"))  # it has gone to the top
        assert cursor_of(ana) == "Other02"


def cursor_of(inbox: PtyProcess) -> str:
    """The name in the row under the cursor."""
    inbox.quiet()
    (line,) = [line for line in inbox.screen.lines if "▌" in line]
    found = re.search(r"Other\d+|Nadia", line)
    assert found is not None, line
    return found[0]
