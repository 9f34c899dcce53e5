"""The search index of PostgreSQL."""

from __future__ import annotations

from tui_inbox.domain.filters import InboxFilter
from tui_inbox.repository.base import Repository
from tui_inbox.repository.search_index import Hits


class PostgresqlSearch(Repository):
    """The index of one database, inside one unit."""

    async def hits(self, f: InboxFilter, *, all_of_them: bool = False) -> Hits | None:
        """None yet."""
        return None

    async def settle(self) -> None:
        """Nothing to do."""

    async def suspend(self) -> None:
        """Nothing to do."""

    async def rebuild(self) -> None:
        """Nothing to do."""

    async def verify(self) -> list[str]:
        """Nothing to do."""
        return []
