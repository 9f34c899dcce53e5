"""T2: whatever anybody calls themselves or writes, list and conversation show characters and nothing else.

Texts come from every plane with surrogates and controls, mixed with pieces of escape sequences, markup and bidi marks;
Hypothesis makes them, and makes a finding small. The program runs headless, and what it is about to write is read cell
by cell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, product
from pathlib import Path
from typing import Any, cast

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.screen import Screen

from tests.reliability.report import Report
from tests.screens.conftest import NOW, Workspace, inbox_of, until
from tests.screens.conversing import open_conversation
from tests.support.oracle import foreign
from tui_inbox.app import TuiInbox
from tui_inbox.demo.seed import seed as seed_demo
from tui_inbox.domain.kinds import Direction
from tui_inbox.domain.models import InboxRow
from tui_inbox.repository.store import Store
from tui_inbox.screens.conversation import ConversationScreen

AT_ONCE = 12
"""Texts shown together."""
DIRECTIONS = (Direction.INBOUND, Direction.OUTBOUND, Direction.NOTE)
SIZES = ((80, 24), (120, 40))
PIECES = [
    "\x1b",
    "\x9b",
    "[",
    "]",
    "2J",
    "?1049l",
    "0;t\x07",
    "\\",
    "[/",
    "[b]",
    "[@click=app.exit]",
    "[link=x]",
    "{0}",
    "%s",
]
MARKS = [
    "\u202e",
    "\u2066",
    "\u200b",
    "\u200d",
    "\ufe0f",
    "\u0301",
    "\U000e0041",
    "\u2028",
    "\r",
    "\n",
    "\t",
    "\x00",
    "\x7f",
]
TEXT = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.text(st.characters(categories=["Cc", "Cf", "Cs", "Co", "Mn", "Me", "Zl", "Zp"]), max_size=40),
    st.lists(st.sampled_from(PIECES + MARKS) | st.characters(exclude_categories=()), max_size=20).map("".join),
)


@dataclass(frozen=True)
class Given:
    """Rows that a list asks for, all there at once."""

    rows: list[InboxRow]

    async def after(self, cursor: str | None, limit: int) -> list[InboxRow]:
        """The rows, after none."""
        return self.rows[:limit] if cursor is None else []

    async def before(self, cursor: str, limit: int) -> list[InboxRow]:
        """Nothing is before them."""
        return []

    async def last(self, limit: int) -> list[InboxRow]:
        """The rows."""
        return self.rows[-limit:]

    async def find(self, key: object) -> InboxRow | None:
        """A row by its contact."""
        return next((row for row in self.rows if row.contact_id == key), None)


Show = Callable[[Pilot[Any], Sequence[str]], Awaitable[Screen[Any]]]
"""Shows texts; the screen that they are on."""


async def in_list(pilot: Pilot[Any], texts: Sequence[str]) -> Screen[Any]:
    """As everything about a contact in the inbox: name, address, tag, newest words, assignee."""
    inbox = inbox_of(cast(TuiInbox, pilot.app))
    first = inbox.rows.window.rows[0]
    rows = [
        first._replace(contact_id=number, name=text, email=text, phone=text, preview=text, tags=(text,), assignee=text)
        for number, text in enumerate(texts, start=1)
    ]
    inbox.rows.ask(Given(rows))
    await until(lambda: inbox.rows.window.rows[0].name == texts[0] and not inbox.rows.loading_rows, pilot)
    return inbox


async def in_conversation(pilot: Pilot[Any], texts: Sequence[str]) -> Screen[Any]:
    """As the contact on the card, and as messages, notes and what a channel says of them."""
    screen = cast(ConversationScreen, pilot.app.screen)
    shown = screen.shown
    assert shown is not None
    text = texts[0]
    contact = replace(shown.view.contact, first_name=text, last_name=text, email=text, phone=text, tags=(text,))
    entries = [
        replace(shown.entries[0], key=f"t{number}", body=text, author=text, error_text=text, direction=direction)
        for number, (text, direction) in enumerate(zip(texts, cycle(DIRECTIONS), strict=False))
    ]
    screen.post_message(replace(shown, view=replace(shown.view, contact=contact), entries=tuple(entries)))
    return screen


def wrong(screen: Screen[Any]) -> list[str]:
    """What is painted there and must not be."""
    found = [] if screen.is_current else ["a text became an action"]
    for number, strip in enumerate(screen._compositor.render_strips()):
        for text, style, control in strip:
            if control is not None or foreign(text):
                found.append(f"line {number}: {text!a}")
            if style is not None and (style.link or "@click" in style.meta):
                found.append(f"line {number}: a link or an action")
    return found


async def texts(folder: Path, number: int, many: int) -> Report:
    """Show ``many`` texts in the list and in a conversation, small and large."""
    workspace = await _workspace(folder)
    violations: list[str] = []
    shown = 0
    for size, show in product(SIZES, (in_list, in_conversation)):
        async with workspace.running(size) as (_, pilot):
            if show is in_conversation:
                await open_conversation(pilot, "Carlos")
            seen, found = await _every(pilot, show, number, many // 4 // AT_ONCE + 1)
            shown += seen
            violations += found
    figures = {"texts shown": shown, "foreign characters, links or actions on the screen": len(violations)}
    return Report("texts", number, many, figures, violations)


async def _every(pilot: Pilot[Any], show: Show, number: int, rounds: int) -> tuple[int, list[str]]:
    """Let Hypothesis make ``rounds`` screens full of texts; how many texts were shown, and the smallest finding."""
    loop = asyncio.get_running_loop()
    shown = 0

    async def look(texts: Sequence[str]) -> list[str]:
        nonlocal shown
        screen = await show(pilot, texts)
        await pilot.pause()
        shown += len(texts)
        return wrong(screen)

    @seed(number)
    @settings(
        max_examples=rounds, deadline=None, database=None, derandomize=False, suppress_health_check=list(HealthCheck)
    )
    @given(st.lists(TEXT, min_size=AT_ONCE, max_size=AT_ONCE, unique=True))
    def all_are_only_text(texts: list[str]) -> None:
        found = asyncio.run_coroutine_threadsafe(look(texts), loop).result()
        assert not found, (texts, found)

    try:
        await asyncio.to_thread(all_are_only_text)
    except AssertionError as error:
        return shown, [str(error)]
    return shown, []


async def _workspace(folder: Path) -> Workspace:
    """A small demo workspace."""
    database = folder / "inbox.db"
    store = await Store.open(f"sqlite:///{database}", clock=lambda: NOW)
    try:
        made = await seed_demo(store, contacts=20, seed=1, now=NOW, standin_base_url="http://127.0.0.1:9")
    finally:
        await store.close()
    return Workspace(database, agent=made.agent.handle)
