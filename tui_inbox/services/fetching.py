"""Fetching the files of customers: one after the other, again after a failure, given up after some tries.

A file is fetched once however many programs are at work: each try takes the file on for a while, and only what the
last try has brought counts. Its bytes are written in pieces, so that a large file keeps nobody waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tui_inbox.channels.port import Fetched, FetchError, fetch_of
from tui_inbox.domain.attachments import FILE_MAXIMUM, UNKNOWN_TYPE, FileState, RemoteFile, media_type_of, size_words
from tui_inbox.domain.errors import InboxError, StoreError
from tui_inbox.repository.attachments import pieces
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import AdapterSource, Context

logger = logging.getLogger(__name__)

TRY_SECONDS = 240.0
"""Longest that one try takes."""
TAKEN_FOR = timedelta(seconds=300)
"""So long a file is left to the program that fetches it."""
WAITS: Sequence[timedelta] = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600))
"""Between one try and the next; after the last it is given up."""
LOOK_EVERY = 1.0
"""Seconds between two looks at whether something is to be fetched."""
TOO_LARGE = f"it is larger than the {size_words(FILE_MAXIMUM)} that are kept; ask the customer to send it another way"


@dataclass(frozen=True)
class _Job:
    """One file that is ours to fetch."""

    id: int
    channel_id: int
    tries: int
    """With this one."""
    file: RemoteFile


class FetchingService:
    """Brings files from channels into the database."""

    def __init__(self, context: Context, adapters: AdapterSource) -> None:
        self._context = context
        self._adapters = adapters

    async def run(self, stop: asyncio.Event) -> None:
        """Fetch until ``stop`` is set. Trouble with the database is logged and waited out."""
        while not stop.is_set():
            try:
                while not stop.is_set() and await self.run_once():
                    pass
            except StoreError as error:
                logger.warning("files wait for the database: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await stop.wait()

    async def run_once(self) -> bool:
        """Fetch the next file that is due; false when there is none."""
        job = await self._take()
        if job is None:
            return False
        try:
            async with asyncio.timeout(TRY_SECONDS):
                found = await self._fetch(job)
        except TimeoutError:
            await self._failed(job, "it took too long", gone=False)
        except FetchError as error:
            await self._failed(job, str(error), gone=error.gone)
        except InboxError as error:  # a secret that this process does not have
            await self._failed(job, str(error), gone=False)
        except StoreError:
            raise
        except Exception as error:  # one file's trouble must not keep the others waiting
            logger.error("fetching file %d failed: %s", job.id, type(error).__name__, exc_info=error)
            await self._failed(job, "the program failed while fetching it", gone=False)
        else:
            await self._keep(job, found)
        return True

    async def _take(self) -> _Job | None:
        async with self._context.store.read() as unit:
            if await unit.attachments.next_waiting(self._context.clock()) is None:
                return None

        async def work(unit: Unit) -> _Job | None:
            now = self._context.clock()
            found = await unit.attachments.next_waiting(now)
            if found is None:
                return None
            ident, channel_id, tries, file = found
            await unit.attachments.claim(ident, tries, now + TAKEN_FOR)
            return _Job(ident, channel_id, tries + 1, file)

        return await self._context.store.write(work)

    async def _fetch(self, job: _Job) -> Fetched:
        if job.file.size is not None and job.file.size > FILE_MAXIMUM:
            return Fetched(None)
        async with self._context.store.read() as unit:
            channel = await unit.directory.channel_by_id(job.channel_id)
        fetch = None if channel is None else fetch_of(self._adapters.get(channel))
        if fetch is None:
            raise FetchError("This channel gives no files.", gone=True)
        return await fetch(job.file, FILE_MAXIMUM)

    async def _keep(self, job: _Job, found: Fetched) -> None:
        if found.content is None:
            await self._settle(job, FileState.REFUSED, error=TOO_LARGE)
            return
        cut = pieces(found.content)
        for n, piece in enumerate(cut):
            if not await self._write_piece(job, n, piece):
                return  # another try was begun since
        served = found.media_type if found.media_type not in ("", UNKNOWN_TYPE) else ""
        media_type = job.file.media_type or served or media_type_of(job.file.name)
        name = {"name": found.name} if found.name and not job.file.name else {}
        told = {"size": len(found.content), "media_type": media_type, **name}
        await self._settle(job, FileState.KEPT, pieces_kept=len(cut), **told)

    async def _write_piece(self, job: _Job, n: int, piece: bytes) -> bool:
        async def work(unit: Unit) -> bool:
            if not await unit.attachments.is_at_try(job.id, job.tries):
                return False
            await unit.attachments.put_piece(job.id, n, piece)
            return True

        return await self._context.store.write(work)

    async def _failed(self, job: _Job, why: str, *, gone: bool) -> None:
        told = why.rstrip(".")
        logger.warning("file %d was not fetched (try %d): %s", job.id, job.tries, told)
        if gone or job.tries > len(WAITS):
            await self._settle(job, FileState.FAILED, error=told)
            return
        wait = WAITS[job.tries - 1] * (1 + self._context.rng.random() / 4)
        await self._settle(job, FileState.WAITING, error=told, next_try_at=self._context.clock() + wait)

    async def _settle(self, job: _Job, state: FileState, **told: Any) -> None:
        await self._context.store.write(lambda unit: unit.attachments.settle(job.id, job.tries, state, **told))
