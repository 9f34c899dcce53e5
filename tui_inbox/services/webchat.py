"""The website chat: visitors come, write, read what agents wrote; agents' messages are laid out for them.

A visitor is whoever shows a token of 256 random bits, of which only the hash is stored. What a visitor writes is
stored in one commit as a line of the chat and as a raw event, which is worked through like any other channel's
webhook."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace

from tui_inbox.channels import webchat
from tui_inbox.domain.attachments import Attachment, RemoteFile
from tui_inbox.domain.chat import ChatLine, ChatSender, ChatVisitor
from tui_inbox.domain.events import Outgoing
from tui_inbox.domain.kinds import ChannelKind, Receipt
from tui_inbox.domain.models import Channel
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import Context

PAGE = 100
"""Lines read at a time."""
TOKEN_BYTES = 32


class ChatService:
    """What the chat's pages ask for. Every method raises ``StoreError`` when the database cannot be used."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def channel(self, path: str) -> Channel | None:
        """The chat at a path; ``None`` when there is none."""
        async with self._context.store.read() as unit:
            found = await unit.directory.channel_by_path(path) if path else None
        return found if found is not None and found.kind is ChannelKind.WEBCHAT else None

    async def admit(self, channel: Channel, name: str, email: str = "") -> str:
        """A new visitor; returns the token, which is nowhere else."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        address = f"visitor-{secrets.token_hex(8)}"
        now = self._context.clock()

        async def work(unit: Unit) -> None:
            ident = await unit.chat.add_visitor(channel.id, address, _hash(token), name, now)
            if email:
                await unit.chat.set_email(ident, email)

        await self._context.store.write(work)
        return token

    async def set_email(self, visitor: ChatVisitor, email: str) -> None:
        """Note where a visitor can be reached when they are away."""
        await self._context.store.write(lambda unit: unit.chat.set_email(visitor.id, email))

    async def visitor(self, channel: Channel, token: str) -> ChatVisitor | None:
        """Who shows this token; ``None`` for nobody."""
        if not token:
            return None
        async with self._context.store.read() as unit:
            return await unit.chat.by_token(channel.id, _hash(token))

    async def say(
        self, channel: Channel, visitor: ChatVisitor, key: str, text: str, file: RemoteFile | None = None
    ) -> ChatLine:
        """Keep what a visitor wrote, or a file (with its content); the same ``key`` again is the same line."""
        now = self._context.clock()
        shown = text if file is None else f"[{file.kind}] {file.name}"

        async def work(unit: Unit) -> ChatLine:
            line, new = await unit.chat.add(visitor.id, ChatSender.VISITOR, key, shown, now)
            if new:
                raw = webchat.said(visitor.address, key, shown, visitor.name or _name_of(visitor), now, file)
                await unit.inbound.store_raw(channel.id, now, {}, raw)
                await unit.directory.saw_webhook(channel.id, now)
            return line

        return await self._context.store.write(work)

    async def after(self, visitor: ChatVisitor, number: int) -> Sequence[ChatLine]:
        """Lines above ``number``, in order, at most :data:`PAGE`."""
        async with self._context.store.read() as unit:
            lines = await unit.chat.after(visitor.id, number, PAGE)
            ours = [line.key for line in lines if line.sender is ChatSender.AGENT]
            files = await unit.attachments.of_messages(ours)
        return [replace(line, files=tuple(files.get(line.key, ()))) for line in lines]

    async def file(self, visitor: ChatVisitor, ident: int) -> tuple[Attachment, bytes] | None:
        """A file that an agent has sent to this visitor, with its bytes; ``None`` for any other."""
        async with self._context.store.read() as unit:
            message_id = await unit.attachments.message_of(ident)
            if not message_id or not await unit.chat.has(visitor.id, ChatSender.AGENT, [message_id]):
                return None
            found = await unit.attachments.get(ident)
            return None if found is None else (found, await unit.attachments.content(ident))

    async def saw(self, channel: Channel, visitor: ChatVisitor, upto: int, receipt: Receipt) -> bool:
        """Note what a browser has, or has shown; returns whether that was news."""
        now = self._context.clock()

        async def work(unit: Unit) -> bool:
            ids = await unit.chat.raise_receipt(visitor.id, upto, receipt)
            if ids:
                await unit.inbound.store_raw(channel.id, now, {}, webchat.seen(visitor.address, ids, receipt, now))
            return bool(ids)

        return await self._context.store.write(work)

    async def put(self, channel_id: int, message: Outgoing) -> bool:
        """Lay an agent's message out for a visitor, once; false when nobody has that address."""
        now = self._context.clock()

        async def work(unit: Unit) -> bool:
            visitor = await unit.chat.by_address(channel_id, message.address)
            if visitor is None:
                return False
            await unit.chat.add(visitor.id, ChatSender.AGENT, message.message_id, message.text, now)
            return True

        return await self._context.store.write(work)

    async def change_token(self) -> int:
        """A number that differs when anything was written since it was last asked."""
        return await self._context.store.change_token()


def _hash(token: str) -> str:
    """The token has 256 bits of chance, so a plain hash is enough: there is nothing to guess."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _name_of(visitor: ChatVisitor) -> str:
    return f"Visitor {visitor.address[-4:]}"
