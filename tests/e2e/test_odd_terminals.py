"""Unusual terminals, and lines that drop and come back: usable, or one sentence and the documented exit code."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.places import assert_whole, to_composer, to_conversation, write
from tests.support.ptyproc import PROGRAM, PtyProcess, environment
from tests.support.workspace import Workspace

USABLE = {
    "no locale": {"LANG": "C"},
    "no locale at all": {"LC_ALL": "POSIX", "LANG": ""},
    "no type": {"TERM": ""},
    "an unknown type": {"TERM": "made-up"},
    "no colours": {"NO_COLOR": "1"},
    "a console": {"TERM": "linux"},
    "in tmux": {"TERM": "tmux-256color", "TMUX": "/nowhere,1,0"},
}


@pytest.mark.parametrize("env", USABLE.values(), ids=USABLE.keys())
def test_unusual_terminals_are_usable(prepared: Workspace, env: dict[str, str]) -> None:
    with prepared.open_inbox(env=env) as inbox:
        to_conversation(inbox)
        assert inbox.violations == []
        inbox.press("q")
        assert inbox.wait() == 0
        inbox.assert_terminal_restored()


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"TERM": "dumb"}, "can't be drawn on a terminal of type 'dumb'"),
        ({"PYTHONIOENCODING": "latin-1"}, "set LANG=C.UTF-8"),
    ],
)
def test_terminals_that_cannot_be_used_are_refused_in_a_sentence(
    prepared: Workspace, env: dict[str, str], told: str
) -> None:
    with prepared.open_inbox(env=env) as inbox:
        assert inbox.wait() == 2
        assert told in " ".join(inbox.screen.text.split())
        assert "Traceback" not in inbox.screen.text
        inbox.assert_terminal_restored()


@pytest.mark.parametrize("size", [(20, 5), (1, 1)], ids=str)
def test_a_window_too_small_to_read_in_keeps_what_is_typed(prepared: Workspace, size: tuple[int, int]) -> None:
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        write(inbox, "before")
        inbox.resize(*size)
        inbox.quiet()
        inbox.type(f" and in {size[0]}")
        inbox.quiet()
        inbox.resize(120, 40)
        inbox.wait_for(f"before and in {size[0]}")
        assert_whole(inbox)
        inbox.signal(signal.SIGTERM)
        assert inbox.wait() == 128 + signal.SIGTERM
    assert prepared.draft(prepared.contact_id) == f"before and in {size[0]}"


def test_after_a_dropped_line_one_goes_on_where_one_was(prepared: Workspace) -> None:
    """No tmux: the line drops in the middle of a word, and a new login finds the draft."""
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        write(inbox, "half a sen")
        inbox.hang_up()
        assert inbox.wait() == 128 + signal.SIGHUP
    with prepared.open_inbox(size=(100, 30)) as inbox:
        to_composer(inbox)
        inbox.wait_for("half a sen")
        inbox.type("tence")
        inbox.wait_for("half a sentence")


def test_attaching_again_from_another_window_paints_all_of_it(prepared: Workspace) -> None:
    """What tmux and mosh do to a program inside: the size changes, and everything is wanted anew."""
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        write(inbox, "attached again")
        inbox.resize(80, 24)
        inbox.wait_for(lambda screen: "attached again" in screen.text and "what may be sent now" not in screen.text)
        assert_whole(inbox)
        inbox.resize(200, 50)
        inbox.wait_for("what may be sent now")
        assert_whole(inbox)


@pytest.mark.parametrize("command", [["find", "--status", "any"], ["show", "id:1"], ["--help"]], ids=str)
def test_a_reader_that_goes_away_gets_no_traceback(prepared: Workspace, tmp_path: Path, command: list[str]) -> None:
    """``tui-inbox find | head -0``: whoever reads is gone before anything is written."""
    errors = tmp_path / "errors"
    with errors.open("wb") as stderr:
        program = subprocess.Popen(
            [PROGRAM, *command], env=environment(prepared.home), stdout=subprocess.PIPE, stderr=stderr
        )
        assert program.stdout is not None
        program.stdout.close()
        assert program.wait(60) == 1
    assert errors.read_text() == ""


def test_the_commands_need_no_terminal(prepared: Workspace) -> None:
    with PtyProcess([PROGRAM, "find", "--status", "any"], home=prepared.home, env={"TERM": "dumb"}) as shell:
        assert shell.wait() == 0
        assert "Nadia" in shell.screen.text
