"""Windows that change their size in quick order while one pastes and sends: nothing is lost, and the last size counts.

``python -m tests.reliability storms --size full`` makes the storms as large as the reference asks for.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from tests.support.places import assert_whole, clear, to_composer, write
from tests.support.ptyproc import PtyProcess
from tests.support.sizes import size_of
from tests.support.story import CHAPTERS, prepare
from tests.support.workspace import Workspace, until

STORM = size_of("storms", 150)
"""Changes of size in each test."""
WIDEST, HIGHEST = 500, 200
LAST = (120, 40)
CHAPTER = CHAPTERS["telegram"]
SETTINGS = """
[rules]
undo_seconds = 0
"""
WORDS = "Your parcel 漢字 left today; café, Ω, 👍 and a long word: Donaudampfschifffahrt. "


def sizes(seed: int) -> Iterator[tuple[int, int]]:
    """From 1×1 to 500×200, small ones more often, since they cost less and break more."""
    chance = random.Random(seed)
    yield from [(1, 1), (WIDEST, 1), (1, HIGHEST), (WIDEST, HIGHEST)]
    for _ in range(STORM - 4):
        yield int(WIDEST ** chance.random()), int(HIGHEST ** chance.random())


def storm(inbox: PtyProcess, pieces: Iterator[str], seed: int) -> None:
    """Change the size again and again, with a piece of input after each, and end at :data:`LAST`."""
    for size in sizes(seed):
        inbox.resize(*size)
        inbox.type(next(pieces, ""))
    for piece in pieces:
        inbox.type(piece)
    inbox.resize(*LAST)


def cut(text: str, size: int) -> Iterator[str]:
    """``text`` in pieces; a character may end up in two reads, since a terminal sends bytes."""
    return (text[at : at + size] for at in range(0, len(text), size))


def test_a_paste_in_a_storm_is_whole_and_the_picture_right(prepared: Workspace) -> None:
    text = (WORDS * 40).strip()
    with prepared.open_inbox(size=LAST) as inbox:
        to_composer(inbox)
        clear(inbox)
        storm(inbox, cut(f"\x1b[200~{text}\x1b[201~", 1 + len(text) // STORM), seed=1)
        until(lambda: prepared.draft(prepared.contact_id) == text)
        assert_whole(inbox)
        stormy = inbox.screen.lines
        assert inbox.running
    with prepared.open_inbox(size=LAST) as fresh:
        to_composer(fresh)
        fresh.wait_for(lambda screen: screen.lines == stormy)


def test_a_message_sent_in_a_storm_arrives_once(tmp_path: Path) -> None:
    with Workspace(tmp_path, SETTINGS) as workspace:
        prepare(workspace, CHAPTER)
        with workspace.open_inbox(size=LAST) as inbox:
            to_composer(inbox)
            write(inbox, CHAPTER.sent)
            storm(inbox, iter(["", "", "", "\r", "next, ", "one"]), seed=2)
            until(lambda: workspace.accepted(CHAPTER.channel))
            inbox.wait_for(lambda screen: "✓" in screen.text and "next, one" in screen.text)
            assert_whole(inbox)
            assert [message["text"] for message in workspace.accepted(CHAPTER.channel)] == [CHAPTER.sent]
