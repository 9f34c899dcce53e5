"""Visitors of the website chat and their lines. Lines of one visitor are numbered under the lock of its row, so that a
browser which has seen number 7 has missed nothing before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update

from tui_inbox.domain.chat import ChatLine, ChatSender, ChatVisitor
from tui_inbox.domain.kinds import Receipt
from tui_inbox.repository.base import AnyRow, Repository
from tui_inbox.repository.chat_tables import chat_messages, chat_visitors


class ChatRepository(Repository):
    """Reads and writes of the website chat."""

    async def add_visitor(self, channel_id: int, address: str, token_hash: str, name: str, now: datetime) -> int:
        """A new visitor; returns its id."""
        values = {"channel_id": channel_id, "address": address, "token_hash": token_hash, "name": name}
        statement = insert(chat_visitors).values(**values, created_at=now)
        return int(await self._value(statement.returning(chat_visitors.c.id)))

    async def set_email(self, visitor_id: int, email: str) -> None:
        """Note where a visitor can be reached when they are away."""
        await self._count(update(chat_visitors).where(chat_visitors.c.id == visitor_id).values(email=email))

    async def unseen(self, before: datetime, limit: int) -> list[ChatVisitor]:
        """Visitors with an email address to whom we have written before an instant what their browser has not got, and
        what has not gone there either."""
        got = chat_visitors.c.delivered_number
        ours = (chat_messages.c.visitor_id == chat_visitors.c.id) & (chat_messages.c.sender == ChatSender.AGENT.value)
        missed = (chat_messages.c.number > got) & (chat_messages.c.number > chat_visitors.c.mailed_number)
        waits = select(chat_messages.c.number).where(ours, missed, chat_messages.c.at <= before).exists()
        reachable = (chat_visitors.c.email != "") & (chat_visitors.c.last_number > got)
        statement = select(chat_visitors).where(reachable, waits).order_by(chat_visitors.c.id).limit(limit)
        return [_visitor(row) for row in await self._all(statement)]

    async def mailed(self, visitor_id: int, upto: int) -> None:
        """Note up to which number our lines went by mail."""
        higher = (chat_visitors.c.id == visitor_id) & (chat_visitors.c.mailed_number < upto)
        await self._count(update(chat_visitors).where(higher).values(mailed_number=upto))

    async def by_token(self, channel_id: int, token_hash: str) -> ChatVisitor | None:
        """The visitor who has the token with this hash, on this channel."""
        known = (chat_visitors.c.token_hash == token_hash) & (chat_visitors.c.channel_id == channel_id)
        row = await self._first(select(chat_visitors).where(known))
        return None if row is None else _visitor(row)

    async def by_address(self, channel_id: int, address: str) -> ChatVisitor | None:
        """The visitor at an address."""
        known = (chat_visitors.c.address == address) & (chat_visitors.c.channel_id == channel_id)
        row = await self._first(select(chat_visitors).where(known))
        return None if row is None else _visitor(row)

    async def add(
        self, visitor_id: int, sender: ChatSender, key: str, text: str, now: datetime
    ) -> tuple[ChatLine, bool]:
        """Add a line, once for each ``key``; returns it, and whether it is new."""
        of_visitor = chat_visitors.c.id == visitor_id
        # Writing the row takes its lock, also where several programs write at once.
        lock = update(chat_visitors).where(of_visitor).values(last_number=chat_visitors.c.last_number)
        number = int(await self._value(lock.returning(chat_visitors.c.last_number))) + 1
        same = (chat_messages.c.visitor_id == visitor_id) & (chat_messages.c.sender == sender.value)
        known = await self._first(select(chat_messages).where(same, chat_messages.c.key == key))
        if known is not None:
            return _line(known), False
        values = {"visitor_id": visitor_id, "number": number, "sender": sender.value, "key": key, "body": text}
        await self._count(insert(chat_messages).values(**values, at=now))
        await self._count(update(chat_visitors).where(of_visitor).values(last_number=number))
        return ChatLine(number, sender, key, text, now), True

    async def after(self, visitor_id: int, number: int, limit: int) -> list[ChatLine]:
        """Lines of a visitor above ``number``, in order."""
        of_visitor = chat_messages.c.visitor_id == visitor_id
        statement = select(chat_messages).where(of_visitor, chat_messages.c.number > number)
        return [_line(row) for row in await self._all(statement.order_by(chat_messages.c.number).limit(limit))]

    async def has(self, visitor_id: int, sender: ChatSender, keys: Sequence[str]) -> bool:
        """Whether a visitor has a line with one of these keys."""
        of_visitor = (chat_messages.c.visitor_id == visitor_id) & (chat_messages.c.sender == sender.value)
        statement = select(chat_messages.c.number).where(of_visitor, chat_messages.c.key.in_(keys))
        return await self._first(statement) is not None

    async def raise_receipt(self, visitor_id: int, upto: int, receipt: Receipt) -> list[str]:
        """Note that the browser has (``DELIVERED``) or has shown (``READ``) our lines up to a number.

        Returns the keys of those of which that was not known; a lower number than before changes nothing.
        """
        column = chat_visitors.c.read_number if receipt is Receipt.READ else chat_visitors.c.delivered_number
        of_visitor = chat_visitors.c.id == visitor_id
        lock = update(chat_visitors).where(of_visitor).values(last_number=chat_visitors.c.last_number)
        before = int(await self._value(lock.returning(column)))
        newly = (chat_messages.c.number > before) & (chat_messages.c.number <= upto)
        ours = (chat_messages.c.visitor_id == visitor_id) & (chat_messages.c.sender == ChatSender.AGENT.value)
        rows = await self._all(
            select(chat_messages.c.number, chat_messages.c.key).where(ours, newly).order_by(chat_messages.c.number)
        )
        if rows:
            await self._count(update(chat_visitors).where(of_visitor).values({column.name: rows[-1].number}))
        return [str(row.key) for row in rows]


def _visitor(row: AnyRow) -> ChatVisitor:
    numbers = (row.last_number, row.delivered_number, row.read_number)
    return ChatVisitor(row.id, row.channel_id, row.address, row.name, *numbers, row.email, row.mailed_number)


def _line(row: AnyRow) -> ChatLine:
    return ChatLine(row.number, ChatSender(row.sender), row.key, row.body, row.at)
