"""Opening the inbox in the terminal, with a sender beside it."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from tui_inbox.cli.session import named_agent, require_database

if TYPE_CHECKING:
    from tui_inbox.bootstrap import Services
    from tui_inbox.config import Settings
    from tui_inbox.screens.base import Services as ScreenServices
    from tui_inbox.server.processes import ManagedProcess

SENDER_EVERY = 10.0
"""Seconds between two looks at whether a sender runs."""
log = logging.getLogger(__name__)


def run_screen(settings: Settings) -> int:
    """Open the inbox; returns the exit code."""
    from tui_inbox.terminal.tty import require_terminal
    from tui_inbox.text import show_emoji

    require_terminal()
    require_database(settings.database)
    handle = named_agent(settings)
    from tui_inbox.app import TuiInbox

    show_emoji(safe=settings.safe_emoji)
    senders = _Senders(settings)

    async def open_services() -> Services:
        from tui_inbox.bootstrap import open_services

        return await open_services(settings)

    app = TuiInbox(
        open_services,
        handle,
        tz=LocalZone(),
        theme=settings.theme,
        keys=_keys(settings),
        on_ready=senders.keep,
    )
    try:
        code = app.run()
    finally:
        senders.let_go()
    return app.return_code or 0 if code is None else code


def _keys(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The keymap; ``enter_sends = false`` swaps two keys unless they are set one by one."""
    swapped = {} if settings.enter_sends else {"send": ("ctrl+j",), "newline": ("enter", "shift+enter")}
    return {**swapped, **settings.keys}


class _Senders:
    """Sees to it that somebody sends while the inbox is open."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
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

        while True:
            try:
                process = await ensure_sender(
                    services.store,
                    system_clock,
                    database=self._settings.database,
                    config=self._settings.file,
                    log_file=paths.log_file("deliver"),
                )
                if process is not None:
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
