"""The outbox as the question that its list asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui_inbox.domain.models import Agent
from tui_inbox.domain.outbox import OutboxItem
from tui_inbox.widgets.row_window import Key

if TYPE_CHECKING:  # the data layer is imported after the first frame
    from tui_inbox.services.outbox import OutboxService


@dataclass(frozen=True)
class OutboxSource:
    """What is not through, of one agent or of all; two of the same are equal."""

    agent: Agent
    everybody: bool
    service: OutboxService = field(compare=False)

    async def after(self, cursor: str | None, limit: int) -> list[OutboxItem]:
        """The rows after a cursor; the first ones for ``None``."""
        return await self.service.page(self.agent, everybody=self.everybody, after=cursor, limit=limit)

    async def before(self, cursor: str, limit: int) -> list[OutboxItem]:
        """The rows just before a cursor."""
        return await self.service.page(self.agent, everybody=self.everybody, before=cursor, limit=limit)

    async def last(self, limit: int) -> list[OutboxItem]:
        """The oldest rows."""
        return await self.service.last_page(self.agent, everybody=self.everybody, limit=limit)

    async def find(self, key: Key) -> OutboxItem | None:
        """One message."""
        return await self.service.item(str(key))
