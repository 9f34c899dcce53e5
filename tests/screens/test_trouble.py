"""Trouble with the database as the agent sees it: a banner on every screen, nothing falsely done, nothing lost."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from typing import Any

import pytest
from textual.screen import Screen

from tests.screens.conftest import Workspace, inbox_of, until
from tests.screens.conversing import open_conversation
from tui_inbox.app import TuiInbox
from tui_inbox.domain.errors import StoreFullError
from tui_inbox.domain.kinds import Role
from tui_inbox.repository import condition, dialect
from tui_inbox.screens.help import HelpScreen
from tui_inbox.widgets.banner import Banner
from tui_inbox.widgets.status_line import StatusLine

TEXT = "kept"
Trouble = Callable[[Workspace, TuiInbox], AbstractAsyncContextManager[None]]
"""A span in which the database is in trouble."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition, "PROBE_EVERY", 0.05)


def banner_of(screen: Screen[Any]) -> str:
    """The words of the banner; empty when there is none."""
    return "".join(banner.words for banner in screen.query(Banner))


def said(screen: Screen[Any]) -> str:
    return screen.query_one(StatusLine).sentence


def stored(workspace: Workspace, question: str) -> list[Any]:
    """First column of an answer, read past the program."""
    with closing(sqlite3.connect(f"file:{workspace.database}?mode=ro", uri=True)) as connection:
        return [row[0] for row in connection.execute(question)]


@asynccontextmanager
async def moved(workspace: Workspace, app: TuiInbox) -> AsyncIterator[None]:
    away = workspace.database.with_name("away.db")
    workspace.database.rename(away)
    yield
    away.rename(workspace.database)


def refused_by(setting: str) -> Trouble:
    @asynccontextmanager
    async def refused(workspace: Workspace, app: TuiInbox) -> AsyncIterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dialect, "SETTINGS", (*dialect.SETTINGS, setting))
            await app.services.store._writers.dispose()
            yield

    return refused


async def fill(app: TuiInbox) -> None:
    """Write until there is no room."""
    for number in range(2000):
        name = f"agent{number}"
        await app.services.store.write(lambda unit, name=name: unit.directory.add_agent(name, name, Role.AGENT))  # type: ignore[misc]


@asynccontextmanager
async def full(workspace: Workspace, app: TuiInbox) -> AsyncIterator[None]:
    async with refused_by("PRAGMA max_page_count = 1")(workspace, app):
        with pytest.raises(StoreFullError):
            await fill(app)
        yield


@pytest.mark.parametrize(
    ("trouble", "words", "way_out"),
    [
        (moved, "was moved or deleted while it was open", "Put it back."),
        (refused_by("PRAGMA query_only = ON"), "cannot be written", "Make the file and its directory writable"),
    ],
    ids=["moved", "read-only"],
)
async def test_a_trouble_is_told_everywhere_and_costs_nothing(
    workspace: Workspace, trouble: Trouble, words: str, way_out: str
) -> None:
    async with workspace.running() as (app, pilot):
        screen = await open_conversation(pilot, "Carlos", start="write")
        await until(lambda: screen.focused is screen.composer.field, pilot)
        queued = stored(workspace, "SELECT count(*) FROM outbox")
        async with trouble(workspace, app):
            await pilot.press(*TEXT)
            await until(lambda: words in banner_of(screen) and words in banner_of(inbox_of(app)), pilot)
            assert way_out in banner_of(screen)
            assert "drafts are kept in files" in banner_of(screen)
            await until(lambda: not screen.composer.unsaved, pilot)
            assert len(list(workspace.database.parent.glob("drafts/*.json"))) == 1
            await pilot.press("enter")
            await until(lambda: "Not sent:" in said(screen), pilot)
            assert "Your text is kept." in said(screen)
            assert screen.composer.text == TEXT
            await pilot.press("escape", "i")
            await until(lambda: said(screen).startswith("! The"), pilot)
            await pilot.press("question_mark")
            await until(lambda: isinstance(app.screen, HelpScreen) and words in banner_of(app.screen), pilot)
            await pilot.press("escape")
        await until(lambda: not banner_of(screen) and not banner_of(inbox_of(app)), pilot)
        await until(lambda: TEXT in stored(workspace, "SELECT body FROM drafts WHERE deleted_at IS NULL"), pilot)
        assert list(workspace.database.parent.glob("drafts/*.json")) == []
        assert stored(workspace, "SELECT count(*) FROM outbox") == queued
        await pilot.press("r", "enter")
        await until(lambda: "queued" in said(screen), pilot)
        assert stored(workspace, "SELECT count(*) FROM outbox") == [queued[0] + 1]


async def test_a_lock_that_is_kept_is_told_while_reading_goes_on(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(condition, "LONG_WAIT", 0.1)
    async with workspace.running() as (app, pilot):
        screen = await open_conversation(pilot, "Carlos", start="write")
        await until(lambda: screen.focused is screen.composer.field, pilot)
        with closing(sqlite3.connect(workspace.database, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            await pilot.press(*TEXT)
            await until(lambda: "locked" in banner_of(screen), pilot)
            await until(lambda: not screen.composer.unsaved, pilot)
            await pilot.press("escape", "escape")
            await until(lambda: app.screen is inbox_of(app), pilot)
            before = inbox_of(app).view
            await pilot.press("3")
            await until(lambda: inbox_of(app).view != before and inbox_of(app).rows.window.rows, pilot)
            holder.execute("ROLLBACK")
        await until(lambda: not banner_of(inbox_of(app)), pilot)
        await until(lambda: not list(workspace.database.parent.glob("drafts/*.json")), pilot)
        assert TEXT in stored(workspace, "SELECT body FROM drafts WHERE deleted_at IS NULL")


async def test_a_message_that_waits_for_the_lock_is_not_given_up_by_leaving(workspace: Workspace) -> None:
    async with workspace.running() as (app, pilot):
        screen = await open_conversation(pilot, "Carlos", start="write")
        await until(lambda: screen.focused is screen.composer.field, pilot)
        with closing(sqlite3.connect(workspace.database, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            await pilot.press(*TEXT, "enter")
            await until(lambda: screen.sending.busy, pilot)
            await pilot.press("escape", "escape")
            await until(lambda: "still being queued" in said(screen), pilot)
            assert app.screen is screen
            holder.execute("ROLLBACK")
        await until(lambda: "queued" in said(screen) and not screen.composer.text, pilot)
        assert stored(workspace, f"SELECT count(*) FROM outbox WHERE body = '{TEXT}'") == [1]
        await until(lambda: not list(workspace.database.parent.glob("drafts/*.json")), pilot)
        assert TEXT not in stored(workspace, "SELECT body FROM drafts WHERE deleted_at IS NULL")


async def test_a_full_disk_is_told_until_there_is_room(workspace: Workspace) -> None:
    async with workspace.running((80, 24)) as (app, pilot):
        async with full(workspace, app):
            await until(lambda: "is full; nothing was changed. Free some space." in banner_of(inbox_of(app)), pilot)
            await until(lambda: inbox_of(app).query_one(Banner).size.height >= 3, pilot)  # all of it is on the screen
        await until(lambda: not banner_of(inbox_of(app)), pilot)


async def test_damage_that_is_met_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_inbox.app.LOOK_OVER_AFTER", 0.1)
    (root,) = stored(workspace, "SELECT rootpage FROM sqlite_master WHERE name = 'activity'")
    with closing(sqlite3.connect(workspace.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with workspace.database.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)
    async with workspace.running() as (app, pilot):
        await until(lambda: ".recover" in banner_of(inbox_of(app)), pilot)
        assert inbox_of(app).rows.window.rows, "what can be read is shown"
