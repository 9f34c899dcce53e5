"""The real program and its terminal: leaving, a small window, no window, and silence."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.support.places import (
    Place,
    every_place,
    to_conversation,
    to_dialog,
    to_list,
    to_palette,
    to_templates,
)
from tests.support.ptyproc import PROGRAM, PtyProcess, environment
from tests.support.story import NAME
from tests.support.workspace import Workspace

BELOW = (to_palette, to_dialog, to_templates)
"""Places that are dialogs over a screen."""


def test_quit_is_clean(prepared: Workspace) -> None:
    with prepared.open_inbox() as inbox:
        to_list(inbox)
        inbox.press("q")
        assert inbox.wait() == 0
        assert inbox.screen.parser.finish() == []
        inbox.assert_terminal_restored()


@every_place
def test_an_idle_program_writes_nothing(prepared: Workspace, place: Place) -> None:
    with prepared.open_inbox() as inbox:
        place(inbox)
        left = 60 - time.time() % 60
        if left < 5 and place not in BELOW:
            # At the whole minute times and countdowns are painted anew, which is not idleness; below a dialog never.
            inbox.bytes_during(left + 1)
        inbox.quiet(2.0)
        assert inbox.bytes_during(2.0) == 0


ODD = [(20, 5), (1, 1), (40, 10), (80, 24), (300, 100)]


@pytest.mark.parametrize("size", ODD, ids=str)
def test_no_size_of_window_is_too_odd_to_start_in(prepared: Workspace, size: tuple[int, int]) -> None:
    with prepared.open_inbox(size=size) as inbox:
        inbox.quiet(1.0)
        assert inbox.running
        inbox.resize(120, 40)
        to_conversation(inbox)
        assert inbox.violations == []


@every_place
def test_no_change_of_size_breaks_a_screen(prepared: Workspace, place: Place) -> None:
    with prepared.open_inbox() as inbox:
        place(inbox)
        for size in ODD:
            inbox.resize(*size)
            inbox.quiet(0.2)
        inbox.resize(120, 40)
        inbox.quiet()
        before = inbox.screen.text
        inbox.resize(119, 40)
        inbox.quiet()
        inbox.resize(120, 40)
        inbox.wait_for(lambda screen: screen.text == before)
        assert inbox.running
        assert inbox.violations == []


@pytest.mark.parametrize("command", [[], ["demo"]], ids=["inbox", "demo"])
@pytest.mark.parametrize("closed", ["stdin", "stdout", "stderr"])
def test_without_a_terminal_one_sentence_says_what_to_do(tmp_path: Path, command: list[str], closed: str) -> None:
    """``script``-like: two streams lead to a terminal and one does not."""
    with Workspace(tmp_path) as workspace:
        workspace.add_people()
        redirect = {"stdin": "</dev/null", "stdout": f">{tmp_path}/out", "stderr": f"2>{tmp_path}/out"}[closed]
        line = f"exec {PROGRAM} {' '.join(command)} {redirect}"
        with PtyProcess(["/bin/sh", "-c", line], home=tmp_path) as shell:
            assert shell.wait() == 2
            told = shell.screen.text
        if closed == "stderr":
            told = (tmp_path / "out").read_text()
        assert "needs a terminal" in " ".join(told.split())
        assert "tui-inbox find" in " ".join(told.split())
        assert "Traceback" not in told


def test_data_of_commands_never_holds_control_sequences_when_piped(prepared: Workspace) -> None:
    done = subprocess.run(
        [PROGRAM, "find", "--status", "any"], env=environment(prepared.home), capture_output=True, check=True
    )
    assert b"\x1b" not in done.stdout + done.stderr
    assert NAME.encode() in done.stdout
