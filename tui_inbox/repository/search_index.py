"""What the inbox asks of a search index, whatever engine keeps it.

An index only finds candidates and their order; the words are looked at again on the row (see
:mod:`tui_inbox.repository.search`), so it decides about speed and never about answers. Where it can't help
(``None``) the list is read in its own order and every row looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from tui_inbox.domain.filters import InboxFilter
from tui_inbox.repository.demands import Demands


class Hit(NamedTuple):
    """One conversation that the words and the filters find, with its place in the list."""

    at: int
    """As it is stored, as all instants in the places of the list: microseconds since 1970."""
    contact_id: int


@dataclass(frozen=True)
class Counted:
    """Numbers of hits by status."""

    numbers: dict[str, int]
    complete: bool
    """Whether all were counted; else each number may be larger."""


class Hits(Protocol):
    """The conversations that the words, the inbox and the status of one filter find; ``demands`` are all else."""

    async def in_order(self, demands: Demands, place: Hit | None, limit: int, *, newest_first: bool) -> list[Hit]:
        """The first ``limit`` in the order of last activity that meet ``demands``; with a ``place`` those after it."""

    async def sorted_by(
        self,
        column: str,
        demands: Demands,
        place: Hit | None,
        limit: int,
        *,
        descending: bool,
        most: int,
    ) -> list[Hit] | None:
        """The first ``limit`` by another instant of the conversation, that of ``column``, which none may lack.

        ``None`` where more than ``most`` would have to be sorted.
        """

    async def waiting(self, demands: Demands, place: Hit | None, limit: int, *, longest_first: bool) -> list[Hit]:
        """The first ``limit`` of those who wait for an answer, by since when; with a ``place`` those after it."""

    async def few(self, demands: Demands, most: int) -> list[int] | None:
        """The contacts of all hits, in no order, if they are ``most`` at the most; else ``None``."""

    async def counts(self, demands: Demands, most: int) -> Counted:
        """How many of each status, whatever the filter's is, meet ``demands``; stops after ``most``, the newest."""


@dataclass(frozen=True)
class Sayings:
    """Contacts whose messages have the words."""

    found: Mapping[int, int]
    """By contact the newest message that has them, by its key in the threads; the newest of all first."""
    complete: bool
    """Whether these are all; else older messages were not looked at."""


class SearchIndex(Protocol):
    """The index of one database, inside one unit."""

    async def sayings(self, texts: Sequence[str], demands: Demands, limit: int) -> Sayings:
        """Contacts, ``limit`` at most, with a message that :func:`tui_inbox.domain.search.says` all of ``texts``.

        ``demands`` are conditions on conversations and contacts. A bounded number of messages is looked at.
        """

    async def hits(self, f: InboxFilter, *, all_of_them: bool = False) -> Hits | None:
        """What finds this filter's words; ``None`` = reading the list and looking at each row is no slower.

        ``all_of_them``: not for a page, which common words soon fill, but to count.
        """

    async def settle(self) -> None:
        """Bring the index up to what the transaction changed; to be called before each commit."""

    async def suspend(self) -> None:
        """Let the index wait while very much is written; search is right meanwhile, only slow. Ends with rebuild."""

    async def rebuild(self) -> None:
        """Make the index and every counter anew."""

    async def verify(self) -> list[str]:
        """What is wrong with the index and the counters, as sentences."""


def index_of(connection: AsyncConnection) -> SearchIndex:
    """The search index of the database behind ``connection``."""
    if connection.dialect.name == "sqlite":
        from tui_inbox.repository.sqlite_search import SqliteSearch

        return SqliteSearch(connection)
    from tui_inbox.repository.postgresql_search import PostgresqlSearch

    return PostgresqlSearch(connection)
