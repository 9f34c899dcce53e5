"""Being told to stop or to pause, being killed, losing the line: on every screen, with the terminal left as it was.

Exit codes: 128 and the signal's number, 0 for leaving by key.
"""

from __future__ import annotations

import signal

import pytest

from tests.support.places import TEXT, Place, every_place, to_composer, to_conversation, write
from tests.support.ptyproc import PtyProcess
from tests.support.workspace import Workspace, until

ENDING = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]


def ended(inbox: PtyProcess, number: signal.Signals) -> None:
    """The program ends as its documentation says and leaves a sane terminal."""
    assert inbox.wait() == 128 + number
    assert inbox.screen.parser.finish() == []
    inbox.assert_terminal_restored()


@every_place
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_a_sane_terminal_everywhere(prepared: Workspace, place: Place, number: signal.Signals) -> None:
    with prepared.open_inbox() as inbox:
        place(inbox)
        inbox.signal(number)
        ended(inbox, number)


@every_place
def test_a_pause_gives_the_terminal_back_and_the_way_back_paints_all_of_it(prepared: Workspace, place: Place) -> None:
    """Suspended as by ctrl+z in a shell, something else is printed meanwhile, then ``fg``; and an end by SIGINT."""
    with prepared.open_inbox() as inbox:
        place(inbox)
        inbox.signal(signal.SIGPIPE)  # a reader that went away somewhere is no reason to end
        inbox.quiet()
        before = inbox.screen.lines
        inbox.suspend()
        inbox.assert_terminal_restored()
        inbox.screen.feed(b"$ make\r\nhello from another program\r\n")
        inbox.go_on()
        inbox.wait_for(lambda screen: screen.lines == before)
        assert inbox.violations == []
        inbox.signal(signal.SIGINT)
        ended(inbox, signal.SIGINT)


@every_place
def test_a_dropped_line_ends_the_program_everywhere(prepared: Workspace, place: Place) -> None:
    with prepared.open_inbox() as inbox:
        place(inbox)
        inbox.hang_up()
        assert inbox.wait() == 128 + signal.SIGHUP


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_saves_the_draft_that_was_just_typed(prepared: Workspace, number: signal.Signals) -> None:
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        write(inbox, f"{TEXT} {number.name}")
        inbox.signal(number)
        assert inbox.wait() == 128 + number
    assert prepared.draft(prepared.contact_id) == f"{TEXT} {number.name}"


def test_a_dropped_line_saves_the_draft(prepared: Workspace) -> None:
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        write(inbox, "dropped line")
        inbox.hang_up()
        assert inbox.wait() == 128 + signal.SIGHUP
    assert prepared.draft(prepared.contact_id) == "dropped line"


def test_what_was_typed_before_a_pause_survives_a_kill_in_it(prepared: Workspace) -> None:
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        write(inbox, "typed, then ctrl+z")
        inbox.suspend()
        inbox.signal(signal.SIGKILL)
        assert inbox.wait() == -signal.SIGKILL
    assert prepared.draft(prepared.contact_id) == "typed, then ctrl+z"


def test_after_a_kill_the_draft_is_back(prepared: Workspace) -> None:
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        write(inbox, "a draft that must not be lost")
        until(lambda: prepared.draft(prepared.contact_id) == "a draft that must not be lost")
        inbox.signal(signal.SIGKILL)
        assert inbox.wait() == -signal.SIGKILL
    with prepared.open_inbox() as inbox:
        to_conversation(inbox)
        inbox.wait_for("a draft that must not be lost")
