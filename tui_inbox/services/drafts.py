"""Unsent text: kept for each agent and contact, also across a crash, and also while the database takes nothing.

What the database does not take at once goes into a file (:mod:`tui_inbox.services.draft_files`), and from there back
into the database as soon as that is possible.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

from tui_inbox.domain.errors import StoreError
from tui_inbox.domain.ids import new_id
from tui_inbox.domain.models import Agent, Draft
from tui_inbox.services.context import Context
from tui_inbox.services.draft_files import DraftFiles, KeptDraft

if TYPE_CHECKING:  # screens use this module before the database layer is loaded
    from tui_inbox.repository.unit import Unit

Key = tuple[int, int]
"""Agent and contact."""
Work = Callable[["Unit"], Awaitable[Draft | None]]

FILE_AFTER = 0.25
"""Seconds that the database may take for a draft before it is also kept in a file."""
KEPT_FOR = timedelta(days=7)
"""How long a draft that was thrown away can be brought back."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Merged:
    """What became of the drafts that lay in files."""

    taken: int = 0
    """Drafts that the database has now."""
    joined: int = 0
    """Of them, those that now hold two texts: somebody had changed the draft in the database meanwhile."""
    left: int = 0
    """Drafts whose agent or contact the database does not know; their files stay."""


class Fate(Enum):
    """What became of a draft that lay in a file."""

    TAKEN = auto()
    JOINED = auto()
    """The draft holds both texts."""
    SETTLED = auto()
    """It was sent, thrown away, or taken before."""
    LEFT = auto()
    """Nobody here knows its agent or contact."""


class DraftService:
    """Loads, keeps and discards drafts. Without ``files`` what the database does not take is refused."""

    def __init__(self, context: Context, files: DraftFiles | None = None) -> None:
        self._context = context
        self._files = files
        self._known: dict[Key, Draft | None] = {}
        """The row of each draft as this program saw it last."""
        self._kept: dict[Key, KeptDraft] = {}
        """What lies in files of the texts that this program shows."""
        self._late: dict[Key, asyncio.Task[None]] = {}
        """Writes that the database is still busy with although their text is in a file."""

    async def load(self, agent: Agent, contact_id: int) -> Draft | None:
        """The draft of this agent for this contact; ``None`` when there is none."""
        key = (agent.id, contact_id)
        async with self._context.store.read() as unit:
            self._known[key] = found = await unit.drafts.get(*key)
        kept = await self._newest_file(key)
        if kept is None or (found is not None and found.updated_at > kept.at):
            self._kept.pop(key, None)  # whatever lies there is not what is shown: merging keeps both
            return found
        self._kept[key] = kept
        return _draft(kept) if kept.body else None

    async def save(
        self, agent: Agent, contact_id: int, channel_id: int | None, body: str, *, to_send: bool = False
    ) -> Draft:
        """Keep ``body``; ``channel_id`` is the contact channel it is meant for, ``None`` the one last used.

        Raises :class:`StoreError` when neither the database nor a file can take it; with ``to_send`` also when only
        a file can, since a message is sent from the database, once, under the id of its draft.
        """
        now, key = self._context.clock(), (agent.id, contact_id)
        kept = self._file_for(agent, contact_id, channel_id, body)

        async def work(unit: Unit) -> Draft:
            return await unit.drafts.save(*key, channel_id, body, now=now, new_id=kept.id)

        return await self._write(key, kept, work, must=to_send) or _draft(kept)

    async def keep_aside(self, agent: Agent, contact_id: int, channel_id: int | None, body: str) -> None:
        """Keep ``body`` in a file only, while a message that may be this text is being queued.

        Merging drops it when that message went out. Raises :class:`StoreError` when the file cannot be written.
        """
        if self._files is not None:
            await self._keep((agent.id, contact_id), self._file_for(agent, contact_id, channel_id, body))

    async def discard(self, agent: Agent, contact_id: int) -> None:
        """Throw the draft away; harmless when there is none. For a week it can be brought back."""
        now, key = self._context.clock(), (agent.id, contact_id)

        async def work(unit: Unit) -> None:
            draft = await unit.drafts.get(*key)
            if draft is not None:
                await unit.drafts.discard(draft.id, now)

        await self._write(key, self._file_for(agent, contact_id, None, ""), work)

    async def all_of(self, agent: Agent) -> list[Draft]:
        """Every draft of this agent."""
        async with self._context.store.read() as unit:
            return await unit.drafts.for_agent(agent.id)

    async def merge_files(self) -> Merged:
        """Bring what lies in files into the database; a file goes only after the commit. Raises :class:`StoreError`.

        A row that was changed meanwhile is not overwritten: then the draft holds both texts.
        """
        if self._files is None:
            return Merged()
        taken = joined = left = 0
        for kept in await asyncio.to_thread(self._files.waiting, self._context.store.name):
            fate, row = await self._context.store.write(partial(self._merge, kept))
            if fate is Fate.LEFT:
                left += 1
                continue
            await asyncio.to_thread(self._files.remove, kept)
            key = (kept.agent_id, kept.contact_id)
            self._known[key] = row
            if self._kept.get(key) == kept:
                del self._kept[key]
            taken += fate is not Fate.SETTLED
            joined += fate is Fate.JOINED
        return Merged(taken, joined, left)

    async def purge(self) -> int:
        """Forget drafts that were thrown away more than a week ago; how many."""
        before = self._context.clock() - KEPT_FOR
        return await self._context.store.write(lambda unit: unit.drafts.purge(before))

    async def close(self) -> None:
        """Let go of writes that the database has not taken; their texts are in files."""
        late = list(self._late.values())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    # --- database, else file

    async def _write(self, key: Key, kept: KeptDraft, work: Work, *, must: bool = False) -> Draft | None:
        """Write into the database; when that fails or takes long, the file has it before anything else is tried.

        Returns the row, or ``None`` when only the file has the text. ``must``: wait for the database, and raise when
        it does not take it; the file has it all the same.
        """
        if self._files is None:
            return await self._context.store.write(work)
        if key in self._late and not must:
            await self._keep(key, kept)  # one write waits already; what is in the file follows it
            return None
        writing = asyncio.create_task(self._context.store.write(work))
        done, _ = await asyncio.wait({writing}, timeout=FILE_AFTER)
        if not (done or must):
            self._late[key] = asyncio.create_task(self._follow(key, writing))
            await self._keep(key, kept)
            return None
        if not done:
            with contextlib.suppress(StoreError):  # the database may still take it
                await self._keep(key, kept)
        try:
            row = self._known[key] = await writing
        except StoreError as error:
            await self._keep(key, kept, error)
            if must:
                raise
            return None
        former = self._kept.pop(key, None)
        if former is not None:
            await asyncio.to_thread(self._files.remove, former)
        return row

    async def _follow(self, key: Key, writing: asyncio.Task[Draft | None]) -> None:
        """See a slow write through, then bring in what was written into files meanwhile."""
        try:
            self._known[key] = await writing
        except asyncio.CancelledError:
            writing.cancel()
            raise
        except StoreError as error:
            logger.warning("a draft stays in its file for now: %s", error)
            return
        finally:
            self._late.pop(key, None)
        with contextlib.suppress(StoreError):
            await self.merge_files()

    async def _keep(self, key: Key, kept: KeptDraft, cause: StoreError | None = None) -> None:
        assert self._files is not None
        try:
            await asyncio.to_thread(self._files.keep, kept)
        except OSError as error:
            told = f"{cause} " if cause is not None else "The database takes long. "
            raise StoreError(
                f"{told}The draft could not be kept in a file either ({error.strerror}: {self._files.directory}); "
                "it is on the screen only."
            ) from error
        self._kept[key] = kept

    def _file_for(self, agent: Agent, contact_id: int, channel_id: int | None, body: str) -> KeptDraft:
        key, now = (agent.id, contact_id), self._context.clock()
        known, former = self._known.get(key), self._kept.get(key)
        return KeptDraft(
            id=former.id if former is not None else new_id(now),
            database=self._context.store.name,
            agent_id=agent.id,
            agent=agent.handle,
            contact_id=contact_id,
            channel_id=channel_id,
            body=body,
            base_id=known.id if known is not None else "",
            base_version=known.version if known is not None else 0,
            at=now,
            n=former.n + 1 if former is not None else 1,
        )

    async def _newest_file(self, key: Key) -> KeptDraft | None:
        if self._files is None:
            return None
        waiting = await asyncio.to_thread(self._files.waiting, self._context.store.name)
        mine = [kept for kept in waiting if (kept.agent_id, kept.contact_id) == key]
        return mine[-1] if mine else None

    # --- file into database

    async def _merge(self, kept: KeptDraft, unit: Unit) -> tuple[Fate, Draft | None]:
        """What is done with one file, and the row after it."""
        people = {agent.id: agent.handle for agent in await unit.directory.agents()}
        if people.get(kept.agent_id) != kept.agent or await unit.contacts.get(kept.contact_id) is None:
            return Fate.LEFT, None
        key = (kept.agent_id, kept.contact_id)
        row = await unit.drafts.get(*key)
        if row is None and await self._settled(unit, kept):
            return Fate.SETTLED, None
        grown = row is None or self._grown(kept, row)
        if not kept.body:
            if row is not None and grown:
                await unit.drafts.discard(row.id, kept.at)
            return Fate.SETTLED, None if grown else row
        if row is not None and kept.body in row.body and not grown:
            return Fate.SETTLED, row  # by an earlier try whose file could not be removed any more
        whole = row is None or grown or row.body in kept.body
        text = kept.body if whole or row is None else f"{row.body}\n\n{kept.body}"
        saved = await unit.drafts.save(*key, kept.channel_id, text, now=kept.at, new_id=kept.id)
        return (Fate.TAKEN if whole else Fate.JOINED), saved

    def _grown(self, kept: KeptDraft, row: Draft) -> bool:
        """Whether the text in the file grew from the row: the one that it names, or one written here meanwhile."""
        key = (kept.agent_id, kept.contact_id)
        known = self._known.get(key) if self._kept.get(key) == kept else None
        present = (row.id, row.version)
        return present == (kept.base_id, kept.base_version) or (
            known is not None and present == (known.id, known.version)
        )

    async def _settled(self, unit: Unit, kept: KeptDraft) -> bool:
        """Whether the text went out, or was thrown away, after it had been put into its file."""
        if await unit.drafts.discarded_at(kept.id) is not None:
            return True
        gone = await unit.drafts.discarded_at(kept.base_id) if kept.base_id else None
        return gone is not None and gone >= kept.at


def _draft(kept: KeptDraft) -> Draft:
    version = kept.base_version + 1
    return Draft(kept.base_id or kept.id, kept.agent_id, kept.contact_id, kept.channel_id, kept.body, version, kept.at)
