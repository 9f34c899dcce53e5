"""Files, as agents handle them: put beside what they write, read, saved, asked for again."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tui_inbox import paths
from tui_inbox.domain.attachments import (
    FILE_MAXIMUM,
    Attachment,
    FileState,
    RemoteFile,
    ending_of,
    kind_of,
    media_type_of,
    name_for,
    plain_name,
    size_words,
)
from tui_inbox.domain.errors import NotFoundError, UsageError
from tui_inbox.domain.models import Agent
from tui_inbox.services.context import Context

if TYPE_CHECKING:  # screens use this module before the database layer is loaded
    from tui_inbox.repository.unit import Unit

MOST_IN_COMPOSER = 10


class AttachmentService:
    """Files of conversations and composers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def of_contact(self, contact_id: int) -> list[Attachment]:
        """All files of a thread, in its order."""
        async with self._context.store.read() as unit:
            return await unit.attachments.of_contact(contact_id)

    async def get(self, ident: int) -> Attachment:
        """One file. Raises :class:`NotFoundError`."""
        async with self._context.store.read() as unit:
            return await _file(unit, ident)

    async def public(self, token: str) -> tuple[Attachment, bytes] | None:
        """The file that is public under a token, with its bytes."""
        async with self._context.store.read() as unit:
            found = await unit.attachments.by_token(token, self._context.clock())
            return None if found is None else (found, await unit.attachments.content(found.id))

    async def save(self, ident: int, target: Path) -> Path:
        """Write a file to ``target``, or under its own name into the directory that it is; returns where it is.

        Nothing is written over. Raises :class:`NotFoundError` and :class:`UsageError`.
        """
        async with self._context.store.read() as unit:
            file = await _kept(unit, ident)
            content = await unit.attachments.content(ident)
        return await asyncio.to_thread(_save, target, name_for(file), content)

    async def copy_to_open(self, ident: int) -> Path:
        """A private copy under a name of our own, for a viewer; copies of the days before are removed."""
        async with self._context.store.read() as unit:
            file = await _kept(unit, ident)
            content = await unit.attachments.content(ident)
        place = paths.private_directory(paths.state_dir() / "opened") / f"file-{ident}{_ending(file)}"
        await asyncio.to_thread(_write_over, place, content, self._context.clock())
        return place

    async def again(self, ident: int) -> None:
        """Ask the channel once more for a file that could not be fetched. Raises :class:`UsageError`."""

        async def work(unit: Unit) -> None:
            file = await _file(unit, ident)
            if not await unit.attachments.try_again(ident, self._context.clock()):
                raise UsageError(f"{_called(file)} is not one that could not be fetched: {state_words(file)}.")

        await self._context.store.write(work)

    # --- in the composer

    async def of_composer(self, agent: Agent, contact_id: int) -> list[Attachment]:
        """The files that an agent has put beside what they write to a contact."""
        async with self._context.store.read() as unit:
            return await unit.attachments.of_composer(agent.id, contact_id)

    async def attach(self, agent: Agent, contact_id: int, path: Path) -> Attachment:
        """Read a file of this machine and put it beside what the agent writes to a contact.

        Raises :class:`UsageError` with one sentence for what cannot be read or sent.
        """
        content = await asyncio.to_thread(_read, path)
        media_type = media_type_of(path.name)
        told = RemoteFile(kind_of(media_type), "", plain_name(path.name), media_type, len(content), content)

        async def work(unit: Unit) -> Attachment:
            if len(await unit.attachments.of_composer(agent.id, contact_id)) >= MOST_IN_COMPOSER:
                raise UsageError(f"There are {MOST_IN_COMPOSER} files in the composer already. Send or remove some.")
            ident = await unit.attachments.add(contact_id, told, self._context.clock(), agent_id=agent.id)
            return await _file(unit, ident)

        return await self._context.store.write(work)

    async def remove(self, agent: Agent, ident: int) -> bool:
        """Take a file out of the composer; whether it was there."""
        return await self._context.store.write(lambda unit: unit.attachments.remove(agent.id, ident))


def state_words(file: Attachment) -> str:
    """What became of a file, for a row beside its name."""
    match file.state:
        case FileState.KEPT:
            return size_words(file.size)
        case FileState.WAITING:
            return f"is being fetched; {file.error}" if file.error else "is being fetched"
        case _:
            return f"not here: {file.error}"


async def _file(unit: Unit, ident: int) -> Attachment:
    file = await unit.attachments.get(ident)
    if file is None:
        raise NotFoundError(f"There is no file {ident}.")
    return file


async def _kept(unit: Unit, ident: int) -> Attachment:
    file = await _file(unit, ident)
    if file.state is not FileState.KEPT:
        raise UsageError(f"{_called(file)}: {state_words(file)}.")
    return file


def _called(file: Attachment) -> str:
    return plain_name(file.name) or f"The {file.kind}"


def _ending(file: Attachment) -> str:
    """By the media type, so that no name of a customer decides which program is started."""
    return ending_of(file.media_type)


def _read(path: Path) -> bytes:
    try:
        with path.expanduser().open("rb") as file:
            if not path.expanduser().is_file():
                raise UsageError(f"{path} is not a file.")
            content = file.read(FILE_MAXIMUM + 1)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror or type(error).__name__}.") from error
    if not content:
        raise UsageError(f"{path} is empty.")
    if len(content) > FILE_MAXIMUM:
        raise UsageError(f"{path} is larger than {size_words(FILE_MAXIMUM)}, the most that can be sent.")
    return content


def _save(target: Path, name: str, content: bytes) -> Path:
    place = target / name if target.is_dir() else target
    _write_new(place, content)
    return place


def _write_new(place: Path, content: bytes) -> None:
    try:
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, paths.PRIVATE_FILE), "wb") as file:
            file.write(content)
    except FileExistsError:
        raise UsageError(f"{place} is there already and was not written over. Give another name.") from None
    except OSError as error:
        raise UsageError(f"{place} can't be written: {error.strerror or type(error).__name__}.") from error


def _write_over(place: Path, content: bytes, now: datetime) -> None:
    for former in place.parent.glob("file-*"):
        with suppress(OSError):
            if now.timestamp() - former.stat().st_mtime > 86_400 or former == place:
                former.unlink()
    _write_new(place, content)
