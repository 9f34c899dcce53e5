"""The inbox list: a window into the store, never a copy of it."""

from __future__ import annotations

from tui_inbox.domain.filters import InboxFilter, StatusCounts
from tui_inbox.domain.models import InboxFacets, InboxRow
from tui_inbox.services.context import Context

PAGE = 50
"""Rows of a page unless told."""


class InboxService:
    """Reads the list. Every answer is taken at the present instant of the context's clock."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def page(
        self, view: InboxFilter, after: str | None = None, before: str | None = None, limit: int = PAGE
    ) -> list[InboxRow]:
        """Rows after (or, in list order, just before) a row's ``cursor``; the first ones when neither is given."""
        now = self._context.clock()
        async with self._context.store.read() as unit:
            return await unit.inbox.page(view, now=now, after=after, before=before, limit=limit)

    async def last_page(self, view: InboxFilter, limit: int = PAGE) -> list[InboxRow]:
        """The last rows, in list order."""
        async with self._context.store.read() as unit:
            return await unit.inbox.last_page(view, now=self._context.clock(), limit=limit)

    async def counts(self, view: InboxFilter) -> StatusCounts:
        """Number of contacts per status; the filter's own status is ignored."""
        async with self._context.store.read() as unit:
            return await unit.inbox.counts(view, now=self._context.clock())

    async def row(self, contact_id: int, view: InboxFilter) -> InboxRow | None:
        """One contact's row as this view shows it; ``None`` when the view does not hold it (any more)."""
        async with self._context.store.read() as unit:
            return await unit.inbox.row(contact_id, view, now=self._context.clock())

    async def position(self, view: InboxFilter, cursor: str) -> int:
        """Number of rows before the row with this ``cursor``."""
        async with self._context.store.read() as unit:
            return await unit.inbox.position(view, cursor, now=self._context.clock())

    async def facets(self) -> InboxFacets:
        """Channels, tags and assignees to filter by, with their numbers."""
        async with self._context.store.read() as unit:
            return await unit.inbox.facets()
