"""Hostile text in every field and on every screen of the real program, with the strict parser at the terminal.

The trip-wire of the driver would hide a leak from the parser, so its silence is part of the pass mark.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import hostile
from tests.support.nasty import fill, marker
from tests.support.ptyproc import Predicate, PtyProcess
from tests.support.workspace import ACCOUNTS, Workspace, until

CASES = hostile.texts()
SAMPLE = [
    number for number, case in enumerate(CASES) if case.category in {"markup", "escape-c1", "bidi", "width", "flood"}
]
"""Cases for which every dialog is opened; the text passes the same widgets for the others."""
DIALOGS = (("e", "closing logic"), ("s", "until when?"), ("a", "search agents"))
"""Key, and what stands in the dialog."""
TRIPPED = "kept from the terminal"
SIZE = (120, 40)
FRAME = (24, 78)
"""Columns of the two frames of the inbox at this size."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace(tmp_path_factory.mktemp("nasty")) as workspace:
        fill(workspace, CASES)
        yield workspace


@pytest.fixture
def nasty(filled: Workspace) -> Workspace:
    """The workspace with a new log."""
    logged(filled).unlink(missing_ok=True)
    return filled


def logged(workspace: Workspace) -> Path:
    return workspace.home / "state" / "tui-inbox" / "log" / "inbox.log"


def assert_silent(workspace: Workspace, inbox: PtyProcess, number: int) -> None:
    """Nothing foreign was written, nothing was stopped by the trip-wire, and the program lives."""
    case = CASES[number]
    assert inbox.running, f"{case.id}: the program ended\n{inbox.screen.text}"
    assert inbox.violations == [], case.id
    assert TRIPPED not in log(workspace), case.id


def log(workspace: Workspace) -> str:
    path = logged(workspace)
    return path.read_text() if path.exists() else ""


def end(workspace: Workspace, inbox: PtyProcess) -> None:
    inbox.signal(15)
    assert inbox.wait() == 143
    assert inbox.screen.parser.finish() == []
    inbox.assert_terminal_restored()
    assert "Traceback" not in log(workspace)
    assert TRIPPED not in log(workspace)


def on_first(inbox: PtyProcess) -> None:
    """The list with the cursor on the first case."""
    inbox.wait_for(lambda screen: marker(0) in screen.lines[2][FRAME[1] :] or marker(0) in screen.lines[3])
    inbox.press("g", "g")
    inbox.wait_for(lambda screen: marker(0) in header(inbox))


def header(inbox: PtyProcess) -> str:
    """Where the preview names the customer."""
    return "".join(inbox.screen.cell(2, column) for column in range(FRAME[1], inbox.screen.width))


def previewed(inbox: PtyProcess, number: int) -> Predicate:
    """The preview shows this case's customer."""
    return lambda screen: marker(number) in header(inbox)


def opened(number: int) -> Predicate:
    """The conversation with this case's customer is on the screen."""
    return lambda screen: marker(number) in screen.text and "Reach" in screen.text


@pytest.mark.timeout(400)
def test_list_and_preview(nasty: Workspace) -> None:
    with nasty.open_inbox(size=SIZE) as inbox:
        on_first(inbox)
        for number in range(len(CASES)):
            if number:
                inbox.press("j")
            inbox.wait_for(previewed(inbox, number))
            assert_silent(nasty, inbox, number)
            frame = {inbox.screen.cell(row, column) for row in range(2, 37) for column in FRAME}
            assert frame == {"│"}, f"{CASES[number].id}: the frame has moved\n{inbox.screen.text}"
        end(nasty, inbox)


@pytest.mark.timeout(400)
def test_conversation_with_thread_card_and_draft(nasty: Workspace) -> None:
    """Also that clicking on the customer's markup runs nothing."""
    with nasty.open_inbox(size=SIZE) as inbox:
        on_first(inbox)
        inbox.press("enter")
        for number in range(len(CASES)):
            if number:
                inbox.press("]")
            inbox.wait_for(opened(number))
            inbox.press("g", "g")
            inbox.quiet(0.05)
            inbox.press("G")
            inbox.quiet(0.05)
            if CASES[number].category == "markup":
                click_all_over(inbox)
                assert opened(number)(inbox.screen)
            assert_silent(nasty, inbox, number)
        end(nasty, inbox)


def click_all_over(inbox: PtyProcess) -> None:
    """Click into every row of the thread, again and again."""
    thread = [row for row in range(30) if inbox.screen.cell(row, 7) in {"│", "┃"}]
    assert thread, inbox.screen.text
    for row in thread:
        for column in range(9, 76, 3):
            inbox.type(f"\x1b[<0;{column + 1};{row + 1}M\x1b[<0;{column + 1};{row + 1}m")
    inbox.quiet(0.1)


@pytest.mark.timeout(400)
def test_dialogs(nasty: Workspace) -> None:
    with nasty.open_inbox(size=SIZE) as inbox:
        on_first(inbox)
        here = 0
        for number in SAMPLE:
            inbox.press(*["j"] * (number - here))
            here = number
            inbox.wait_for(previewed(inbox, number))
            for key, shown in DIALOGS:
                inbox.press(key)
                inbox.wait_for(shown)
                assert_silent(nasty, inbox, number)
                inbox.press("escape")
                inbox.wait_without(shown)
        end(nasty, inbox)


@pytest.mark.timeout(400)
def test_colleagues_and_templates(nasty: Workspace) -> None:
    with nasty.open_inbox(size=SIZE) as inbox:
        on_first(inbox)
        for key, shown in (("a", "search agents"), ("t", "search name and text")):
            inbox.press(key)
            inbox.wait_for(shown)
            for number in range(len(CASES)):
                inbox.press("down")
                inbox.quiet(0.03)
                assert_silent(nasty, inbox, number)
            if key == "t":
                inbox.press("enter")
                inbox.quiet()
                inbox.press("escape")
                inbox.wait_for(shown)
            inbox.press("escape")
            inbox.wait_without(shown)
            if "Reach" in inbox.screen.text:
                inbox.press("escape")
                on_first(inbox)
        end(nasty, inbox)


@pytest.mark.timeout(400)
def test_typed_and_pasted(nasty: Workspace) -> None:
    """Search field and composer: what is pasted is text, never a key, never a sequence."""
    with nasty.open_inbox(size=SIZE) as inbox:
        on_first(inbox)
        inbox.press("/")
        inbox.wait_for("end the search")
        for number, case in enumerate(CASES):
            inbox.paste(pasteable(case.text))
            inbox.quiet(0.03)
            assert_silent(nasty, inbox, number)
        inbox.quiet()
        inbox.press("escape")
        inbox.wait_for("enter open")
        inbox.press("F")
        on_first(inbox)
        inbox.press("enter")
        inbox.wait_for("Reach")
        inbox.press("r")
        inbox.wait_for("enter send")
        for number, case in enumerate(CASES):
            inbox.paste(pasteable(case.text))
            inbox.quiet(0.03)
            assert_silent(nasty, inbox, number)
        end(nasty, inbox)
    written = [entry for entry in nasty.json("show", "id:1")["timeline"] if entry["direction"] == "outbound"]
    assert len(written) == 1, "a paste has sent something"


def pasteable(text: str) -> str:
    """``text`` as a terminal would paste it: it can't hold the end mark, nor what UTF-8 can't."""
    return text[:3000].replace("\x1b[201~", "").encode("utf-8", "replace").decode()


@pytest.mark.timeout(400)
def test_received_over_the_webhook(tmp_path: Path) -> None:
    """From the signed webhook to the screen: names and texts as a customer sends them."""
    with Workspace(tmp_path) as workspace:
        workspace.start_standins(ACCOUNTS["telegram"].standin())
        workspace.add_people()
        workspace.add_channel("telegram")
        workspace.start_receiver()
        for number, case in enumerate(CASES):
            text = case.text[:4000].encode("utf-8", "replace").decode() or "-"
            workspace.control(
                "telegram", "say", address=str(1000 + number), text=text, name=f"{marker(number)} {text[:60]}"
            )
        until(lambda: all(hook["delivered"] for hook in workspace.control("telegram", "webhooks")))
        until(lambda: conversations(workspace) == len(CASES))
        with workspace.open_inbox(size=SIZE) as inbox:
            inbox.wait_for("Nothing in Mine is Open")
            inbox.press("3")
            for number in range(len(CASES)):
                inbox.press("j")
                inbox.quiet(0.03)
                assert_silent(workspace, inbox, number)
            end(workspace, inbox)


def conversations(workspace: Workspace) -> int:
    """How many are open in the store."""
    with closing(sqlite3.connect(workspace.home / "inbox.db")) as plain:
        return int(plain.execute("SELECT count(*) FROM conversations WHERE status = 'open'").fetchone()[0])


COMMANDS = """
import sys
from tui_inbox.cli.main import main
command, cases = sys.argv[1].split(), int(sys.argv[2])
for number in range(cases):
    main([word.format(id=f"id:{number + 1}") for word in command], standalone_mode=False)
"""
"""The commands one after the other: a process for each would mostly import."""


@pytest.mark.parametrize(
    ("command", "times"),
    [("show {id}", len(CASES)), ("reach {id}", len(CASES)), ("find --status any --limit 500", 1)],
)
def test_commands_on_a_terminal(nasty: Workspace, command: str, times: int) -> None:
    """Tables of the command line, on a terminal, are cleaned as well."""
    program = [sys.executable, "-c", COMMANDS, command, str(times)]
    with PtyProcess(program, home=nasty.home, size=(100, 60)) as shell:
        assert shell.wait(patience=240) == 0, shell.screen.text
        assert shell.screen.parser.finish() == []
        assert shell.raw.count(b"\r\n") > len(CASES)
