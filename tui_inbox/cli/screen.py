"""Opening the inbox in the terminal, with a sender beside it."""

from __future__ import annotations

import asyncio
import gc
import logging
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from tui_inbox.cli.session import named_agent, require_database

if TYPE_CHECKING:
    from tui_inbox.bootstrap import Services
    from tui_inbox.config import Settings
    from tui_inbox.screens.base import Services as ScreenServices
    from tui_inbox.server.processes import ManagedProcess

DEFAULT_THEME = "textual-dark"
SENDER_EVERY = 10.0
"""Seconds between two looks at whether a sender runs."""
ENGINE_HINT = "SQLite {} has a rare fault with several writers: see tui-inbox doctor."
log = logging.getLogger(__name__)


def run_screen(load: Callable[[], Settings], *, theme: str = DEFAULT_THEME) -> int:
    """Open the inbox; returns the exit code.

    ``load`` reads the settings. Doing so imports a good deal, so it happens behind the first frame, which ``theme``
    colours; what is wrong with the settings ends the program with a sentence all the same.
    """
    from tui_inbox.terminal.tty import require_terminal

    require_terminal()
    # Starting makes objects that stay; looking for garbage among them again and again makes it noticeably slower.
    gc.disable()
    from tui_inbox.app import TuiInbox

    senders = _Senders()

    async def open_services() -> Services:
        from tui_inbox.bootstrap import open_services
        from tui_inbox.text import show_emoji

        settings = await asyncio.to_thread(load)
        require_database(settings.database)
        app.personalise(named_agent(settings), theme=settings.theme, keys=_keys(settings), opener=settings.opener)
        show_emoji(safe=settings.safe_emoji)
        senders.settings = settings
        services = await open_services(settings, create=False, or_read_only=True)
        gc.freeze()
        gc.enable()
        return services

    async def ready(services: ScreenServices) -> None:
        await senders.keep(services)
        if services.store.engine_warning:
            app.hint(ENGINE_HINT.format(sqlite3.sqlite_version))

    app = TuiInbox(open_services, "", tz=LocalZone(), theme=theme, on_ready=ready)
    try:
        code = app.run()
    finally:
        gc.enable()
        senders.let_go()
    return app.return_code or 0 if code is None else code


def _keys(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The keymap; ``enter_sends = false`` swaps two keys unless they are set one by one."""
    swapped = {} if settings.enter_sends else {"send": ("ctrl+j",), "newline": ("enter", "shift+enter")}
    return {**swapped, **settings.keys}


class _Senders:
    """Sees to it that somebody sends while the inbox is open."""

    def __init__(self) -> None:
        self.settings: Settings | None = None
        """Set before :meth:`keep` is called."""
        self._started: list[ManagedProcess] = []
        self._task: asyncio.Task[None] | None = None

    async def keep(self, services: ScreenServices) -> None:
        """Start a sender when nobody runs one, now and from time to time."""
        self._task = asyncio.create_task(self._keep(services))

    def let_go(self) -> None:
        """Leave what was started to end by itself: it still sends what is due."""
        for process in self._started:
            process.let_go()

    async def _keep(self, services: ScreenServices) -> None:
        from tui_inbox import paths
        from tui_inbox.domain.clock import system_clock
        from tui_inbox.domain.errors import StoreError
        from tui_inbox.server.processes import ensure_sender

        assert self.settings is not None
        while True:
            try:
                process = services.store.trouble is None and await ensure_sender(
                    services.store,
                    system_clock,
                    database=self.settings.database,
                    config=self.settings.file,
                    log_file=paths.log_file("deliver"),
                )
                if process:
                    self._started.append(process)
            except (OSError, StoreError) as error:
                log.warning("no sender could be started: %s", error)
            await asyncio.sleep(SENDER_EVERY)


class LocalZone(tzinfo):
    """The zone of this machine, with its summer time, as the standard library knows it."""

    def utcoffset(self, at: datetime | None) -> timedelta | None:
        """The offset at a local time."""
        return None if at is None else at.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, at: datetime | None) -> timedelta | None:
        """Not known apart from the offset."""
        return None

    def tzname(self, at: datetime | None) -> str | None:
        """The zone's short name at a local time."""
        return None if at is None else at.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, at: datetime) -> datetime:
        """The local time of an instant."""
        return at.replace(tzinfo=UTC).astimezone().replace(tzinfo=self)
