"""Files of messages. Their bytes lie in pieces, so that no write keeps others waiting for long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from tui_inbox.domain.attachments import Attachment, FileState, RemoteFile
from tui_inbox.repository.attachment_tables import attachment_links, attachment_parts, attachments
from tui_inbox.repository.base import AnyRow, Repository

PIECE = 256 << 10
"""Bytes of one piece."""


class AttachmentRepository(Repository):
    """Reads and writes of files."""

    async def add(
        self,
        contact_id: int,
        file: RemoteFile,
        now: datetime,
        *,
        channel_id: int | None = None,
        seq: int | None = None,
        agent_id: int | None = None,
    ) -> int:
        """A file of entry ``seq``, or in the composer of ``agent_id``; returns its id.

        Its bytes are put beside it where they came along; else it waits to be fetched from ``channel_id``.
        """
        content = file.content
        state = FileState.WAITING if content is None else FileState.KEPT
        values = {
            "contact_id": contact_id,
            "seq": seq,
            "channel_id": channel_id,
            "agent_id": agent_id,
            "kind": file.kind,
            "name": file.name,
            "media_type": file.media_type,
            "size": file.size if content is None else len(content),
            "locator": file.locator,
            "state": state.value,
            "next_try_at": now if content is None else None,
            "created_at": now,
        }
        ident = int(await self._value(insert(attachments).values(values).returning(attachments.c.id)))
        for n, piece in enumerate(pieces(content or b"")):
            await self.put_piece(ident, n, piece)
        return ident

    async def get(self, ident: int) -> Attachment | None:
        """One file."""
        row = await self._first(select(attachments).where(attachments.c.id == ident))
        return None if row is None else _attachment(row)

    async def of_contact(self, contact_id: int, seqs: Sequence[int] | None = None) -> list[Attachment]:
        """The files of a contact's thread in its order; of these entries only where ``seqs`` are given."""
        mine = attachments.c.contact_id == contact_id
        chosen = attachments.c.seq.is_not(None) if seqs is None else attachments.c.seq.in_(seqs)
        statement = select(attachments).where(mine, chosen).order_by(attachments.c.seq, attachments.c.id)
        return [_attachment(row) for row in await self._all(statement)]

    async def message_of(self, ident: int) -> str:
        """The outgoing message that a file belongs to; empty where it belongs to none."""
        return str(await self._value(select(attachments.c.message_id).where(attachments.c.id == ident)) or "")

    async def of_message(self, message_id: str) -> list[Attachment]:
        """The files of an outgoing message."""
        statement = select(attachments).where(attachments.c.message_id == message_id)
        return [_attachment(row) for row in await self._all(statement.order_by(attachments.c.id))]

    async def of_messages(self, message_ids: Sequence[str]) -> dict[str, list[Attachment]]:
        """The files of several outgoing messages, by message."""
        found: dict[str, list[Attachment]] = {}
        statement = select(attachments).where(attachments.c.message_id.in_(message_ids)).order_by(attachments.c.id)
        for row in await self._all(statement) if message_ids else ():
            found.setdefault(row.message_id, []).append(_attachment(row))
        return found

    # --- bytes

    async def put_piece(self, ident: int, n: int, data: bytes) -> None:
        """Write the ``n``-th piece, over one that an interrupted try has left."""
        await self._count(delete(attachment_parts).where(_piece(ident, n)))
        await self._count(insert(attachment_parts).values(attachment_id=ident, n=n, data=data))

    async def content(self, ident: int) -> bytes:
        """All its bytes."""
        return b"".join([piece async for piece in self.read(ident)])

    async def read(self, ident: int) -> AsyncIterator[bytes]:
        """Its bytes, piece by piece."""
        n = 0
        while row := await self._first(select(attachment_parts.c.data).where(_piece(ident, n))):
            yield bytes(row.data)
            n += 1

    # --- fetching

    async def next_waiting(self, now: datetime) -> tuple[int, int, int, RemoteFile] | None:
        """The file that has been due for longest: its id, its channel, tries so far, and what the channel said."""
        due = (attachments.c.state == FileState.WAITING.value) & (attachments.c.next_try_at <= now)
        row = await self._first(select(attachments).where(due).order_by(attachments.c.next_try_at).limit(1))
        if row is None:
            return None
        told = RemoteFile(row.kind, row.locator, row.name, row.media_type, row.size)
        return row.id, row.channel_id, row.tries, told

    async def claim(self, ident: int, tries: int, until: datetime) -> bool:
        """Take a waiting file on until an instant, unless somebody else has; counts as a try."""
        known = _at_try(ident, tries)
        return await self._count(update(attachments).where(known).values(tries=tries + 1, next_try_at=until)) == 1

    async def is_at_try(self, ident: int, tries: int) -> bool:
        """Whether a file still waits, and try ``tries`` is the newest."""
        return await self._first(select(attachments.c.id).where(_at_try(ident, tries))) is not None

    async def settle(
        self,
        ident: int,
        tries: int,
        state: FileState,
        *,
        error: str = "",
        next_try_at: datetime | None = None,
        pieces_kept: int = 0,
        **told: Any,
    ) -> bool:
        """Say what try ``tries`` has come to, unless another one was begun since. ``told``: ``size``, ``media_type``,
        ``name``. Nothing that it was fetched by is kept after that, and no piece beyond ``pieces_kept``."""
        known = _at_try(ident, tries)
        if await self.is_at_try(ident, tries):
            beyond = attachment_parts.c.n >= pieces_kept
            await self._count(delete(attachment_parts).where(attachment_parts.c.attachment_id == ident, beyond))
        gone = {} if state in {FileState.WAITING, FileState.FAILED} else {"locator": ""}
        values = {"state": state.value, "error": error, "next_try_at": next_try_at, **gone, **told}
        return await self._count(update(attachments).where(known).values(values)) == 1

    async def try_again(self, ident: int, now: datetime) -> bool:
        """Let a file that could not be fetched wait for it anew; whether there is one."""
        failed = (attachments.c.id == ident) & (attachments.c.state == FileState.FAILED.value)
        values = {"state": FileState.WAITING.value, "error": "", "tries": 0, "next_try_at": now}
        return await self._count(update(attachments).where(failed).values(values)) == 1

    # --- in a composer

    async def of_composer(self, agent_id: int, contact_id: int) -> list[Attachment]:
        """The files that an agent has put beside what they write to a contact."""
        mine = (attachments.c.agent_id == agent_id) & (attachments.c.contact_id == contact_id)
        statement = select(attachments).where(mine, attachments.c.seq.is_(None)).order_by(attachments.c.id)
        return [_attachment(row) for row in await self._all(statement)]

    async def remove(self, agent_id: int, ident: int) -> bool:
        """Take a file out of an agent's composer; whether it was there."""
        row = await self._first(select(attachments.c.id).where(attachments.c.id == ident, _of_composer(agent_id)))
        if row is not None:
            await self._delete([ident])
        return row is not None

    async def give(self, agent_id: int, ident: int, message_id: str, seq: int) -> bool:
        """Hand a file of an agent's composer to a message; whether it was there."""
        statement = update(attachments).where(attachments.c.id == ident, _of_composer(agent_id))
        return await self._count(statement.values(agent_id=None, message_id=message_id, seq=seq)) == 1

    async def give_back(self, agent_id: int, message_id: str) -> int:
        """Put the files of a message that did not go out into an agent's composer; returns how many."""
        statement = update(attachments).where(attachments.c.message_id == message_id)
        return await self._count(statement.values(agent_id=agent_id, message_id=None, seq=None))

    async def forget(self, contact_id: int, seq: int) -> None:
        """Delete the files of an entry that was taken back."""
        rows = await self._all(
            select(attachments.c.id).where(attachments.c.contact_id == contact_id, attachments.c.seq == seq)
        )
        await self._delete([row.id for row in rows])

    # --- public addresses

    async def link(self, ident: int, token: str, expires_at: datetime) -> str:
        """The token under which the file is public; the one it has already lives on, until ``expires_at``."""
        row = await self._first(select(attachment_links.c.token).where(attachment_links.c.attachment_id == ident))
        if row is None:
            values = {"attachment_id": ident, "token": token, "expires_at": expires_at}
            await self._count(insert(attachment_links).values(values))
            return token
        renewed = update(attachment_links).where(attachment_links.c.attachment_id == ident)
        await self._count(renewed.values(expires_at=expires_at))
        return str(row.token)

    async def by_token(self, token: str, now: datetime) -> Attachment | None:
        """The file that is public under a token."""
        joined = attachments.join(attachment_links, attachment_links.c.attachment_id == attachments.c.id)
        living = (attachment_links.c.token == token) & (attachment_links.c.expires_at > now)
        row = await self._first(select(attachments).select_from(joined).where(living))
        return None if row is None else _attachment(row)

    async def _delete(self, idents: Sequence[int]) -> None:
        for table in (attachment_links, attachment_parts):
            await self._count(delete(table).where(table.c.attachment_id.in_(idents)))
        await self._count(delete(attachments).where(attachments.c.id.in_(idents)))


_WAITS = attachments.c.state == FileState.WAITING.value


def pieces(content: bytes) -> list[bytes]:
    """``content`` as it is stored."""
    return [content[at : at + PIECE] for at in range(0, len(content), PIECE)]


def _at_try(ident: int, tries: int) -> Any:
    return (attachments.c.id == ident) & (attachments.c.tries == tries) & _WAITS


def _piece(ident: int, n: int) -> Any:
    return (attachment_parts.c.attachment_id == ident) & (attachment_parts.c.n == n)


def _of_composer(agent_id: int) -> Any:
    return (attachments.c.agent_id == agent_id) & attachments.c.seq.is_(None)


def _attachment(row: AnyRow) -> Attachment:
    return Attachment(
        id=row.id,
        contact_id=row.contact_id,
        kind=row.kind,
        name=row.name,
        media_type=row.media_type,
        size=row.size,
        state=FileState(row.state),
        error=row.error,
        seq=row.seq,
    )
