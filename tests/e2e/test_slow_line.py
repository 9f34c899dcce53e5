"""What a slow line is spared: bytes of a move, of a word typed at once, of keys that come in bundles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.places import clear, to_composer
from tests.support.ptyproc import PtyProcess
from tests.support.workspace import Workspace
from tui_inbox.domain.kinds import ConversationStatus, Direction
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.history import History, HistoryChannel, HistoryEntry

CURSOR_BYTES = 1200
"""Budget of one cursor move in the list (reference: speed, section 3)."""
PREVIEW_BYTES = 6000
"""The same where another customer's preview is drawn beside it."""
PAGE_BYTES = 10_000
"""A page of the list painted anew (reference: speed, section 3)."""


@pytest.fixture(scope="module")
def sixty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Sixty customers whose conversations are closed."""
    with Workspace(tmp_path_factory.mktemp("sixty")) as workspace:
        workspace.add_people()
        workspace.add_channel("telegram")
        workspace.add(lambda channels, agents: [_customer(number, channels["telegram"].id) for number in range(60)])
        yield workspace


def _customer(number: int, channel_id: int) -> History:
    now = datetime.now(UTC) - timedelta(days=1, hours=number)
    said = HistoryEntry(now, Direction.INBOUND, f"Question {number}", channel_id=channel_id, provider_id=f"p{number}")
    contact = NewContact(f"Customer{number:02}", "Test", f"c{number}@example.com", "", "en", "US", (), {})
    return History(contact, (HistoryChannel(channel_id, str(7000 + number)),), (said,), ConversationStatus.CLOSED)


def _at_the_list(inbox: PtyProcess) -> None:
    inbox.wait_for("Nothing in Mine is Open")
    inbox.press("3", "C")
    inbox.wait_for("Customer05")
    inbox.quiet()


@pytest.mark.parametrize(("size", "budget"), [((100, 40), CURSOR_BYTES), ((120, 40), PREVIEW_BYTES)], ids=str)
def test_moving_the_cursor_sends_little(sixty: Workspace, size: tuple[int, int], budget: int) -> None:
    with sixty.open_inbox(size=size) as inbox:
        _at_the_list(inbox)
        sent = []
        for _ in range(10):
            before = inbox.screen.fed
            inbox.press("j")
            inbox.quiet(0.3)
            sent.append(inbox.screen.fed - before)
        assert min(sent) > 0
        assert max(sent) <= budget, sent


def test_a_word_typed_at_once_paints_no_page_for_each_of_its_letters(sixty: Workspace) -> None:
    with sixty.open_inbox(size=(100, 40)) as inbox:
        _at_the_list(inbox)
        inbox.press("/")
        inbox.quiet()
        before = inbox.screen.fed
        inbox.type("customer4 test")
        inbox.wait_for("Customer49")
        inbox.wait_without("Customer05")
        inbox.quiet()
        assert inbox.screen.fed - before <= 3 * PAGE_BYTES


def test_moves_that_come_in_a_bundle_after_a_pause_of_the_line_end_where_they_should(sixty: Workspace) -> None:
    with sixty.open_inbox(size=(100, 40)) as inbox:
        _at_the_list(inbox)
        before = inbox.screen.fed
        with inbox.not_reading():
            inbox.type("j" * 12)
        inbox.press("enter")
        inbox.wait_for("Question 12")
        assert inbox.screen.fed - before <= 12 * CURSOR_BYTES + 4 * PAGE_BYTES


def test_keys_that_arrive_together_keep_their_order(prepared: Workspace) -> None:
    """A slow line delivers keys in bundles: a correction must not be applied to what was typed after it."""
    with prepared.open_inbox() as inbox:
        to_composer(inbox)
        clear(inbox)
        inbox.type("I will callXXX\x7f\x7f\x7f you\x1b[D\x1b[D\x1b[DXX\x7f\x7f")
        inbox.type("\x1b[F today")
        inbox.wait_for(" 21/4,096")
        assert "I will call you today" in inbox.screen.text
