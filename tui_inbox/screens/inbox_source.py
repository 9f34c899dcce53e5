"""One view of the inbox as the question that the list asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui_inbox.domain.filters import InboxFilter
from tui_inbox.domain.models import InboxRow
from tui_inbox.widgets.row_window import Key

if TYPE_CHECKING:  # the data layer is imported after the first frame
    from tui_inbox.services.inbox import InboxService


@dataclass(frozen=True)
class ViewSource:
    """Rows of one view; two of the same view are equal."""

    view: InboxFilter
    service: InboxService = field(compare=False)

    async def after(self, cursor: str | None, limit: int) -> list[InboxRow]:
        """The rows after a cursor; the first ones for ``None``."""
        return await self.service.page(self.view, after=cursor, limit=limit)

    async def before(self, cursor: str, limit: int) -> list[InboxRow]:
        """The rows just before a cursor."""
        return await self.service.page(self.view, before=cursor, limit=limit)

    async def last(self, limit: int) -> list[InboxRow]:
        """The last rows."""
        return await self.service.last_page(self.view, limit=limit)

    async def find(self, key: Key) -> InboxRow | None:
        """The row of one contact, if the view holds it."""
        return await self.service.row(int(key), self.view)
