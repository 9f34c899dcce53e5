"""A terminal that stops reading, as after ctrl+s or on a line that hangs: sending, drafts and signals go on without it.

Textual alone stands still after 30 pieces of output, and with it everything that its loop does.
"""

from __future__ import annotations

import signal
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.support.places import assert_whole, clear, to_composer, to_conversation, to_list, write
from tests.support.ptyproc import PtyProcess, strays
from tests.support.story import CHAPTERS, prepare
from tests.support.workspace import Workspace, until

CHAPTER = CHAPTERS["telegram"]
SETTINGS = """
[rules]
undo_seconds = 0
"""
SIZES = ((121, 41), (119, 39), (120, 40))
MANY = 120
"""More whole pictures than Textual lets wait, and than the program does."""


def jam(inbox: PtyProcess) -> None:
    """Let the program draw until nothing goes any more, and then some."""
    sizes = cycle(SIZES)

    def drawn() -> bool:
        inbox.resize(*next(sizes))
        return inbox.full

    until(drawn)


def ours(workspace: Workspace, contact: str) -> list[dict[str, Any]]:
    """What the agent sent to a contact."""
    return [entry for entry in workspace.json("show", contact)["timeline"] if entry["direction"] == "outbound"]


def test_a_message_leaves_while_the_terminal_takes_nothing(tmp_path: Path) -> None:
    """Typed before, sent blindly; the customer has it before the agent's terminal reads again."""
    with Workspace(tmp_path, SETTINGS) as workspace:
        contact = f"id:{prepare(workspace, CHAPTER, sender=False)}"
        with workspace.open_inbox() as inbox:
            to_composer(inbox)
            write(inbox, CHAPTER.sent)
            with inbox.not_reading():
                jam(inbox)
                inbox.press("enter")
                until(lambda: workspace.accepted(CHAPTER.channel))
                inbox.type("typed blindly")
                until(lambda: workspace.draft(1) == "typed blindly")
                for size, _ in zip(cycle(SIZES), range(MANY), strict=False):
                    inbox.resize(*size)
                assert inbox.full
            inbox.wait_for(lambda screen: "✓" in screen.text and "typed blindly" in screen.text)
            assert_whole(inbox)
            assert [entry["state"] for entry in ours(workspace, contact)] == ["sent"]
            assert [message["text"] for message in workspace.accepted(CHAPTER.channel)] == [CHAPTER.sent]
            inbox.hang_up()
            assert inbox.wait() == 128 + signal.SIGHUP
            until(lambda: not senders(workspace))


def senders(workspace: Workspace) -> list[int]:
    """Senders that still run."""
    lines = {number: Path(f"/proc/{number}/cmdline") for number in strays(workspace.home)}
    return [number for number, line in lines.items() if line.exists() and b"deliver" in line.read_bytes()]


def test_a_signal_ends_the_program_although_the_terminal_takes_nothing(prepared: Workspace) -> None:
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        clear(inbox)
        with inbox.not_reading():
            jam(inbox)
            inbox.type("typed before the end")
            until(lambda: prepared.draft(prepared.contact_id) == "typed before the end")
            inbox.signal(signal.SIGTERM)
            assert inbox.wait() == 128 + signal.SIGTERM
        assert not inbox.attributes_left()
    assert prepared.draft(prepared.contact_id) == "typed before the end"


def test_a_signal_to_a_slow_terminal_still_puts_it_back(prepared: Workspace) -> None:
    """It reads again before the program has given up on it."""
    with prepared.open_inbox() as inbox:
        to_list(inbox)
        with inbox.not_reading():
            jam(inbox)
            inbox.signal(signal.SIGTERM)
        assert inbox.wait() == 128 + signal.SIGTERM
        assert inbox.screen.parser.finish() == []
        inbox.assert_terminal_restored()


def test_a_line_that_drops_while_it_hangs_ends_the_program(prepared: Workspace) -> None:
    with prepared.open_inbox() as inbox:
        to_conversation(inbox)
        with inbox.not_reading():
            jam(inbox)
            inbox.hang_up()
            assert inbox.wait() == 128 + signal.SIGHUP
