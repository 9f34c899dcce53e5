"""The real program and its terminal: being told to stop, being killed, a small window, no window, and silence."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.ptyproc import PROGRAM, PtyProcess, environment
from tests.support.story import CHAPTERS, NAME, nadia
from tests.support.workspace import Workspace, until
from tui_inbox.domain.kinds import ConversationStatus, Direction
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.history import History, HistoryChannel, HistoryEntry

CHAPTER = CHAPTERS["telegram"]
DRAFT = "a draft that must not be lost"
CURSOR_BYTES = 1200
"""Budget of one cursor move in the list (reference: speed, section 3)."""
PREVIEW_BYTES = 6000
"""The same where another customer's preview is drawn beside it."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace without any process, made once: whatever a test changes in it concerns drafts only."""
    with Workspace(tmp_path_factory.mktemp("terminal")) as workspace:
        workspace.add_people()
        workspace.add_channel("telegram")
        workspace.contact_id = workspace.add(nadia(CHAPTER, datetime.now(UTC)))[0]
        yield workspace


def to_list(inbox: PtyProcess) -> None:
    inbox.wait_for("Nothing in Mine is Open")
    inbox.press("3", "C")
    inbox.wait_for(lambda screen: "All · Closed  1" in screen.text and NAME in screen.text)


def to_search(inbox: PtyProcess) -> None:
    to_list(inbox)
    inbox.press("/")
    inbox.wait_for("end the search")


def to_help(inbox: PtyProcess) -> None:
    to_list(inbox)
    inbox.press("?")
    inbox.wait_without(NAME)


def to_palette(inbox: PtyProcess) -> None:
    to_list(inbox)
    inbox.press("ctrl+p")
    inbox.wait_for("Inbox: Unassigned")


def to_conversation(inbox: PtyProcess) -> None:
    to_list(inbox)
    inbox.press("enter")
    inbox.wait_for("what may be sent now")


def to_dialog(inbox: PtyProcess) -> None:
    to_conversation(inbox)
    inbox.press("a")
    inbox.wait_for("search agents")


def to_composer(inbox: PtyProcess) -> None:
    to_conversation(inbox)
    inbox.press("r")
    inbox.wait_for("enter send")


def clear(inbox: PtyProcess) -> None:
    """An empty composer, whatever an earlier test has left in it."""
    inbox.wait_for("/4,096")
    found = re.search(r"(\d+)/4,096", inbox.screen.text)
    assert found is not None
    inbox.press("end", *["backspace"] * int(found[1]))
    inbox.wait_for(" 0/4,096")


PLACES = [to_list, to_search, to_help, to_palette, to_conversation, to_dialog, to_composer]
Place = Callable[[PtyProcess], None]
every_place = pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)


@every_place
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_a_sane_terminal_everywhere(prepared: Workspace, place: Place, number: signal.Signals) -> None:
    with prepared.open_inbox() as inbox:
        place(inbox)
        inbox.signal(number)
        assert inbox.wait() == 128 + number
        assert inbox.screen.parser.finish() == []
        inbox.assert_terminal_restored()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_saves_the_draft_that_was_just_typed(prepared: Workspace, number: signal.Signals) -> None:
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        text = f"{number.name} {DRAFT}"
        clear(inbox)
        inbox.type(text)
        inbox.wait_for(text)
        inbox.signal(number)
        assert inbox.wait() == 128 + number
    assert prepared.draft(prepared.contact_id) == text


def test_a_dropped_line_saves_the_draft_and_leaves_nothing_behind(prepared: Workspace) -> None:
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        clear(inbox)
        inbox.type("dropped line")
        inbox.wait_for("dropped line")
        inbox.hang_up()
        assert inbox.wait() == 128 + signal.SIGHUP
    assert prepared.draft(prepared.contact_id) == "dropped line"


def test_after_a_kill_the_draft_is_back(prepared: Workspace) -> None:
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        clear(inbox)
        inbox.type(DRAFT)
        inbox.wait_for(DRAFT)
        until(lambda: prepared.draft(prepared.contact_id) == DRAFT)
        inbox.signal(signal.SIGKILL)
        assert inbox.wait() == -signal.SIGKILL
    with prepared.open_inbox() as inbox:
        to_conversation(inbox)
        inbox.wait_for(DRAFT)


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
        if left < 5:
            inbox.bytes_during(
                left + 1
            )  # at the whole minute times and countdowns are painted anew, which is not idleness
        inbox.quiet(1.0)
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


def test_keys_that_arrive_together_keep_their_order(prepared: Workspace) -> None:
    """A slow line delivers keys in bundles: a correction must not be applied to what was typed after it."""
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        clear(inbox)
        inbox.type("I will callXXX\x7f\x7f\x7f you\x1b[D\x1b[D\x1b[DXX\x7f\x7f")
        inbox.type("\x1b[F today")
        inbox.wait_for(" 21/4,096")
        assert "I will call you today" in inbox.screen.text


def test_moving_the_cursor_sends_little(tmp_path: Path) -> None:
    with Workspace(tmp_path) as workspace:
        workspace.add_people()
        workspace.add_channel("telegram")
        workspace.add(lambda channels, agents: [_customer(number, channels["telegram"].id) for number in range(60)])
        for size, budget in (((100, 40), CURSOR_BYTES), ((120, 40), PREVIEW_BYTES)):
            with workspace.open_inbox(size=size) as inbox:
                inbox.wait_for("Nothing in Mine is Open")
                inbox.press("3", "C")
                inbox.wait_for("Customer05")
                inbox.quiet()
                sent = []
                for _ in range(10):
                    before = inbox.screen.fed
                    inbox.press("j")
                    inbox.quiet(0.3)
                    sent.append(inbox.screen.fed - before)
                assert min(sent) > 0
                assert max(sent) <= budget, sent


def _customer(number: int, channel_id: int) -> History:
    now = datetime.now(UTC) - timedelta(days=1, hours=number)
    said = HistoryEntry(now, Direction.INBOUND, f"Question {number}", channel_id=channel_id, provider_id=f"p{number}")
    contact = NewContact(f"Customer{number:02}", "Test", f"c{number}@example.com", "", "en", "US", (), {})
    return History(contact, (HistoryChannel(channel_id, str(7000 + number)),), (said,), ConversationStatus.CLOSED)


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
