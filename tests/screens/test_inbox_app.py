"""Start, end and trouble of the application: nothing is lost, nothing is printed that should not be."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen

from tests.screens.conftest import Workspace, inbox_of, settled, until
from tests.screens.services import ScreenServices
from tui_inbox.app import TuiInbox
from tui_inbox.domain.errors import StoreBusyError, StoreUnreachableError, UsageError
from tui_inbox.domain.filters import InboxKind
from tui_inbox.domain.kinds import ConversationStatus
from tui_inbox.domain.models import InboxRow
from tui_inbox.screens.base import ActionScreen
from tui_inbox.screens.conversation import ConversationScreen
from tui_inbox.screens.inbox import InboxScreen
from tui_inbox.screens.opening import OpeningScreen
from tui_inbox.widgets.banner import Banner
from tui_inbox.widgets.lines import Lines


@dataclass
class Gate:
    """Services that open only once they are let."""

    workspace: Workspace
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def services(self) -> ScreenServices:
        await self.opened.wait()
        return await self.workspace.open_services()


async def test_the_frame_is_painted_before_there_is_data(workspace: Workspace) -> None:
    gate = Gate(workspace)
    app = TuiInbox(gate.services, workspace.agent, clock=workspace.clock)
    async with app.run_test(size=(80, 24)) as pilot:
        assert isinstance(app.screen_stack[0], OpeningScreen)
        assert app.screen_stack[0].query_one("#title", Lines).plain.startswith("Mine · Open")
        await until(lambda: isinstance(app.screen, InboxScreen) and app.screen.is_mounted, pilot)
        assert "opening" in inbox_of(app).title_line.plain
        assert not app.ready
        gate.opened.set()
        await until(lambda: app.ready and not inbox_of(app).rows.loading_rows, pilot)
        assert inbox_of(app).rows.window.rows
        assert "opening" not in inbox_of(app).title_line.plain


async def test_keys_typed_before_there_is_data_act_in_order_once_there_is(workspace: Workspace) -> None:
    gate = Gate(workspace)
    app = TuiInbox(gate.services, workspace.agent, clock=workspace.clock)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "C")
        await until(lambda: isinstance(app.screen, InboxScreen) and app.screen.is_mounted, pilot)
        await pilot.press("slash", *"car")
        await pilot.pause()
        inbox = inbox_of(app)
        assert (inbox.search.query_text, inbox.status.sentence) == ("", "")
        gate.opened.set()
        await until(lambda: inbox.search.query_text == "car", pilot)
        await settled(pilot)
        assert (inbox.view.inbox, inbox.view.status) == (InboxKind.ALL, ConversationStatus.CLOSED)
        assert [term.text for term in inbox.view.query.terms] == ["car"]
        assert inbox.rows.window.rows


async def test_keys_typed_before_there_is_data_find_the_first_row(workspace: Workspace) -> None:
    gate = Gate(workspace)
    app = TuiInbox(gate.services, workspace.agent, clock=workspace.clock)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "enter")
        gate.opened.set()
        await until(lambda: isinstance(app.screen, ConversationScreen), pilot)
        rows = inbox_of(app).rows
        assert rows.window.at == 1
        screen = app.screen
        assert isinstance(screen, ConversationScreen)
        assert rows.current is not None
        assert screen.contact_id == rows.current.contact_id


async def test_one_can_leave_before_there_is_data(workspace: Workspace) -> None:
    gate = Gate(workspace)
    app = TuiInbox(gate.services, workspace.agent, clock=workspace.clock)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+q")
        await until(lambda: app.return_code is not None, pilot)
    assert app.return_code == 0


async def test_it_is_told_when_the_services_are_there(workspace: Workspace) -> None:
    told: list[object] = []

    async def started(services: object) -> None:
        told.append(services)

    async with workspace.running(on_ready=started) as (app, pilot):
        await until(lambda: told, pilot)
        assert told == [app.services]


async def test_a_store_that_cannot_be_opened_ends_with_a_sentence(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken() -> ScreenServices:
        raise StoreUnreachableError("The database cannot be opened. Check the path.")

    app = TuiInbox(broken, workspace.agent)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: app.return_code is not None, pilot)
    assert app.return_code == StoreUnreachableError.exit_code
    assert app.return_value == StoreUnreachableError.exit_code
    told = capsys.readouterr().err
    assert "The database cannot be opened. Check the path." in told
    assert "Traceback" not in told


async def test_an_unknown_agent_ends_with_a_sentence(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    app = TuiInbox(workspace.open_services, "nobody-here", clock=workspace.clock)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: app.return_code is not None, pilot)
    assert app.return_code == 3
    assert "nobody-here" in capsys.readouterr().err


def test_an_unknown_theme_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="no theme 'pink'"):
        workspace.app(theme="pink")


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark", "ansi-light", "nord"])
async def test_themes_of_all_kinds_paint(workspace: Workspace, theme: str) -> None:
    async with workspace.running((120, 30), theme=theme) as (app, pilot):
        await pilot.press("3", "x", "j")
        await settled(pilot)
        assert "▌" in inbox_of(app).rows._line(inbox_of(app).rows.window.at + 1).text


def banner_of(screen: Screen[Any]) -> str:
    """The words of the banner; empty when there is none."""
    return "".join(banner.words for banner in screen.query(Banner))


async def test_a_store_that_fails_later_shows_a_banner_and_recovers(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)
        rows = list(inbox.rows.window.rows)

        async def broken() -> int:
            raise StoreBusyError("The database is locked by another process.")

        monkeypatch.setattr(app.services.store, "change_token", broken)
        await until(lambda: "locked by another process" in banner_of(inbox), pilot)
        assert inbox.rows.window.rows == rows
        monkeypatch.undo()
        await until(lambda: not banner_of(inbox), pilot)


async def test_a_failure_inside_a_screen_is_told_and_survived(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with workspace.running() as (app, pilot):
        inbox = inbox_of(app)

        async def broken(*_: Any, **__: Any) -> list[InboxRow]:
            raise ZeroDivisionError("a secret of a customer")

        monkeypatch.setattr(app.services.inbox, "page", broken)
        await pilot.press("3")
        await until(lambda: "Something went wrong" in inbox.status.sentence, pilot)
        assert "secret" not in inbox.status.sentence
        monkeypatch.undo()
        await pilot.press("2")
        await settled(pilot)
        assert all(not row.assignee for row in inbox.rows.window.rows)


class Crashing(ActionScreen[None]):
    """A screen with a customer's text in a local variable and a bug."""

    def on_mount(self) -> None:
        customer_text = "my card is 4111-1111"
        raise RuntimeError(f"bug {len(customer_text)}")


async def test_a_crash_prints_a_sentence_and_no_text_of_customers(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    async def crash() -> None:
        async with workspace.running() as (app, pilot):
            await app.push_screen(Crashing())
            await pilot.pause()

    with pytest.raises(RuntimeError, match="bug 20"):
        await crash()
    told = capsys.readouterr().err
    assert "tui-inbox had to stop" in told
    assert "inbox.log" in told.replace("\n", "")  # a long path is broken anywhere
    assert "4111" not in told
    assert "Traceback" not in told


async def test_nothing_is_painted_while_nothing_happens(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    async with workspace.running() as (app, pilot):
        await settled(pilot)
        looked: list[int] = []
        real = app.services.store.change_token

        async def counted() -> int:
            looked.append(1)
            return await real()

        written: list[str] = []
        monkeypatch.setattr(app.services.store, "change_token", counted)
        monkeypatch.setattr(app, "_display", lambda *parts: written.append("painted"))
        await until(lambda: len(looked) >= 2, pilot)
        assert written == []
        await pilot.press("j")
        await until(lambda: written, pilot)


class Typing(ActionScreen[None]):
    """A screen that has something to save."""

    saved = 0

    async def save_now(self) -> None:
        type(self).saved += 1


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
async def test_a_signal_saves_and_ends_with_its_code(workspace: Workspace, number: signal.Signals, code: int) -> None:
    Typing.saved = 0
    async with workspace.running() as (app, pilot):
        await app.push_screen(Typing())
        await pilot.pause()
        signal.raise_signal(number)
        await until(lambda: app.return_code is not None, pilot)
    assert app.return_code == code
    assert Typing.saved == 1


async def test_quitting_saves_too(workspace: Workspace) -> None:
    Typing.saved = 0
    async with workspace.running() as (app, pilot):
        await app.push_screen(Typing())
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, Typing)
        await screen.perform("quit")
        await until(lambda: app.return_code is not None, pilot)
    assert (app.return_code, Typing.saved) == (0, 1)


async def test_no_screen_imports_the_data_layer() -> None:
    code = "import sys, tui_inbox.app; print(sorted(m for m in sys.modules if m in {'sqlalchemy', 'httpx', 'alembic'}))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"
