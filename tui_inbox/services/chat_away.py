"""What a visitor of the website chat does not see because they are away goes to their email address, once.

Only where the visitor has left one and the workspace has a mailbox. The lines that the browser has not got are put
together into one mail, which stands in the thread like any other message of the agent who wrote them. Nothing else is
changed: the mail opens and assigns nothing."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from tui_inbox.domain.chat import ChatLine, ChatSender, ChatVisitor
from tui_inbox.domain.ids import new_id
from tui_inbox.domain.kinds import ChannelKind, ContentKind
from tui_inbox.domain.models import Channel, ContactChannel
from tui_inbox.repository.outbox import NewOutgoing
from tui_inbox.repository.unit import Unit
from tui_inbox.services.context import Context
from tui_inbox.services.record import enqueue

logger = logging.getLogger(__name__)

AWAY_AFTER = timedelta(minutes=10)
"""So long our oldest unseen line waits for the visitor to come back."""
AT_ONCE = 20
"""Visitors in one look."""
MOST_LINES = 200
A_FILE = "[a file waits for you in the chat]"
INTRODUCTION = "You wrote to us on our website and have left since. Here is our answer:"


class ChatAwayService:
    """Writes to visitors who have gone."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def run_once(self) -> int:
        """Queue what is due; returns how many mails."""
        now = self._context.clock()
        async with self._context.store.read() as unit:
            waiting = await unit.chat.unseen(now - AWAY_AFTER, AT_ONCE)
            mailbox = await _mailbox(unit) if waiting else None
        if mailbox is None:
            return 0
        return sum([await self._write_to(visitor, mailbox, now) for visitor in waiting])

    async def _write_to(self, visitor: ChatVisitor, mailbox: Channel, now: datetime) -> bool:
        async def work(unit: Unit) -> bool:
            # Read again inside: the visitor may have come back, or another program may have been here.
            again = await unit.chat.by_address(visitor.channel_id, visitor.address)
            chat = await unit.contacts.by_address(visitor.channel_id, visitor.address)
            if again is None or chat is None:
                return False
            lines = await _missed(unit, again)
            target = await _address(unit, mailbox, chat, again.email, now) if lines else None
            if lines:
                await unit.chat.mailed(again.id, lines[-1].number)
            if target is None:
                return False
            await _queue(unit, target, lines, now)
            return True

        return await self._context.store.write(work)


async def _mailbox(unit: Unit) -> Channel | None:
    """The mailbox that is written from: the first that is not paused."""
    channels = await unit.directory.channels()
    return next((item for item in channels if item.kind is ChannelKind.EMAIL and not item.standing_pause), None)


async def _missed(unit: Unit, visitor: ChatVisitor) -> list[ChatLine]:
    """Our lines that the browser has not got and that were not mailed."""
    after = max(visitor.delivered_number, visitor.mailed_number)
    lines = await unit.chat.after(visitor.id, after, MOST_LINES)
    return [line for line in lines if line.sender is ChatSender.AGENT]


async def _address(
    unit: Unit, mailbox: Channel, chat: ContactChannel, email: str, now: datetime
) -> ContactChannel | None:
    """The visitor's address at the mailbox; ``None`` when it is somebody else's, or they want no mail.

    What a visitor says of themselves proves nothing, so nobody is taken for the contact who has that address.
    """
    known = await unit.contacts.by_address(mailbox.id, email)
    if known is not None:
        return known if known.contact_id == chat.contact_id and not known.facts.opted_out else None
    added = await unit.contacts.add_channel(chat.contact_id, mailbox.id, email, started=True, now=now)
    return await unit.contacts.channel(added)


async def _queue(unit: Unit, target: ContactChannel, lines: Sequence[ChatLine], now: datetime) -> None:
    message_id = new_id(now)
    body = "\n\n".join([INTRODUCTION, *(line.text if line.text.strip() else A_FILE for line in lines)])
    first = await unit.outbox.get(lines[-1].key)
    author = None if first is None else first.queued_by_id
    await enqueue(
        unit,
        NewOutgoing(
            message_id=message_id,
            contact_id=target.contact_id,
            contact_channel_id=target.id,
            channel_id=target.channel.id,
            content_kind=ContentKind.TEXT,
            body=body,
            template=None,
            tag="",
            idempotency_key=str(uuid.uuid4()),
            draft_id=None,
            client_key=None,
            due_at=now,
            queued_by_id=author,
            created_at=now,
        ),
        shown=body,
        detail={"origin": "website chat"},
    )
    await unit.activity.add("chat_mailed", contact_id=target.contact_id, message_id=message_id, detail={}, now=now)
    logger.info("message %s takes %d lines of the website chat to a visitor who is away", message_id, len(lines))
