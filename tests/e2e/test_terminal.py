"""The real program and its terminal: being told to stop, being killed, a small window, no window, and silence."""

from __future__ import annotations

from tests.support.story import CHAPTERS
from tests.support.workspace import Workspace

CHAPTER = CHAPTERS["telegram"]
DRAFT = "a draft that must not be lost"
CURSOR_BYTES = 1200
"""Budget of one cursor move in the list (reference: speed, section 3)."""
PREVIEW_BYTES = 6000
"""The same where another customer's preview is drawn beside it."""


def test_quit_is_clean(prepared: Workspace) -> None:
    with prepared.open_inbox() as inbox:
        to_list(inbox)
        inbox.press("q")
        assert inbox.wait() == 0
        assert inbox.screen.parser.finish() == []
        inbox.assert_terminal_restored()
