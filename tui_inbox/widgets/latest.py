"""Asking the store for the newest thing only: work that is overtaken before it began is never begun.

Work that has begun is finished, not cancelled: a cut-off read would leave a database connection in an unknown state.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.widget import Widget

from tui_inbox.domain.errors import InboxError
from tui_inbox.widgets.work import begin


class Latest:
    """One line of work for a widget: at most one piece runs, at most one waits."""

    def __init__(self, owner: Widget, group: str, failed: Callable[[str], object]) -> None:
        self._owner = owner
        self._group = group
        self._failed = failed
        self._next: Callable[[], Awaitable[None]] | None = None
        self._running = False

    @property
    def busy(self) -> bool:
        """Whether something runs or waits."""
        return self._running

    def ask(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work`` soon; it takes the place of what waits. An error for people goes to ``failed``."""
        self._next = work
        if not self._running and self._owner.is_attached:
            self._running = True
            begin(self._owner.screen, self._drain, self._group)

    async def _drain(self) -> None:
        try:
            while self._next is not None:
                work, self._next = self._next, None
                try:
                    await work()
                except InboxError as error:
                    self._failed(str(error))
        finally:
            self._running = False
