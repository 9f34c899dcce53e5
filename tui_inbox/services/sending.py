"""Sending: what will happen, and queueing. What is refused leaves no trace.

The message itself is made out in :mod:`tui_inbox.services.send_plan`, its later fate by hand in
:mod:`tui_inbox.services.send_changes`; the sender process does the delivering.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from tui_inbox.domain.errors import ConflictError, UsageError
from tui_inbox.domain.ids import new_id
from tui_inbox.domain.kinds import ContentKind, DeliveryState, Direction
from tui_inbox.domain.models import Agent, Conversation, OutboxRow, TimelineEntry
from tui_inbox.repository.outbox import NewOutgoing
from tui_inbox.repository.timeline import FILES
from tui_inbox.repository.unit import Unit
from tui_inbox.services import send_changes
from tui_inbox.services.contacts import contact_of, handle_of
from tui_inbox.services.context import Context
from tui_inbox.services.record import ago, enqueue, record_change, written_since
from tui_inbox.services.send_changes import TextBack, UndoneSend
from tui_inbox.services.send_plan import (
    SendPlan,
    SendPreview,
    SendRequest,
    TemplateChoice,
    make_plan,
    preview_of,
)

__all__ = ["SendPreview", "SendRequest", "SendResult", "SendingService", "TemplateChoice", "TextBack", "UndoneSend"]


@dataclass(frozen=True)
class SendResult:
    """What queueing did."""

    message_id: str
    state: DeliveryState
    reopened: bool
    """The conversation was not open and is now."""
    assignee: str
    """Handle of who has the conversation now; empty for nobody."""
    duplicate: bool = False
    """The same key or draft was sent before: this is that first message, and nothing new was made."""


class SendingService:
    """Queues messages of agents and changes their fate by hand."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def preview(self, agent: Agent, request: SendRequest, *, zone: tzinfo | None = None) -> SendPreview:
        """What :meth:`send` would do, or the refusal that it would raise; leaves no trace.

        Times in the sentence are in ``zone`` (``None`` = this machine's).
        """
        now = self._context.clock()
        async with self._context.store.read() as unit:
            plan = await make_plan(unit, agent, request, self._context.rules, now)
            await _check_seen(unit, agent, plan.conversation, request.seen_seq, now)
            return await preview_of(plan, unit, agent, now, zone)

    async def send(self, agent: Agent, request: SendRequest) -> SendResult:
        """Queue one message: timeline, outbox, conversation, record and draft in one transaction.

        Raises :class:`PolicyRefusedError`, :class:`UsageError`, :class:`NotFoundError`, or :class:`ConflictError` when
        somebody wrote after ``request.seen_seq``. The same ``client_key`` or ``draft_id`` twice is one message.
        """

        async def work(unit: Unit) -> SendResult:
            first = await _sent_before(unit, agent, request)
            if first is not None:
                return await _duplicate(unit, first)
            # The clock is read inside: the transaction may have waited for another writer, and the window closed.
            now = self._context.clock()
            plan = await make_plan(unit, agent, request, self._context.rules, now)
            await _check_seen(unit, agent, plan.conversation, request.seen_seq, now)
            return await _queue(unit, agent, request, plan, now)

        return await self._context.store.write(work)

    async def cancel(self, agent: Agent, message_id: str) -> str:
        """Give up a message that is not being sent; returns its text.

        Raises :class:`ConflictError` when it is too late.
        """
        return await self._context.store.write(
            lambda unit: send_changes.cancel(unit, agent, message_id, self._context.clock())
        )

    async def take_back(self, agent: Agent, message_id: str) -> TextBack:
        """Give up a message that did not go out; its text is a draft again, below what was drafted there meanwhile.

        Raises :class:`ConflictError` when it is too late, :class:`PolicyRefusedError` for an uncertain one.
        """
        return await self._context.store.write(
            lambda unit: send_changes.take_back(unit, agent, message_id, self._context.clock())
        )

    async def undo(self, agent: Agent, message_id: str) -> UndoneSend:
        """Take a message back while its undo time runs: cancelled, draft again, conversation as before the send
        unless somebody changed it meanwhile. Raises :class:`ConflictError` when it is too late."""
        return await self._context.store.write(
            lambda unit: send_changes.undo(unit, agent, message_id, self._context.clock())
        )

    async def retry(self, agent: Agent, message_id: str, *, confirmed: bool = False) -> OutboxRow:
        """Queue a failed, blocked or uncertain message again, due now, if it may be sent now.

        An uncertain one may have arrived: it needs ``confirmed`` and waits until its sender cannot act any more.
        Like sending, it reopens the conversation and settles whose it is.
        """
        return await self._context.store.write(
            lambda unit: send_changes.retry(
                unit,
                agent,
                message_id,
                self._context.rules,
                self._context.clock(),
                confirmed=confirmed,
                grace=self._context.timing.grace,
            )
        )

    async def settle_by_hand(self, agent: Agent, message_id: str, arrived: bool) -> OutboxRow:
        """Settle an uncertain message by what a person knows: it arrived (sent) or is given up (cancelled)."""
        return await self._context.store.write(
            lambda unit: send_changes.settle_by_hand(unit, agent, message_id, self._context.clock(), arrived=arrived)
        )


async def _sent_before(unit: Unit, agent: Agent, request: SendRequest) -> OutboxRow | None:
    """The first message with the same key or draft."""
    first = None
    if request.client_key:
        first = await unit.outbox.by_client_key(agent.id, request.client_key)
    if first is None and request.draft_id:
        first = await unit.outbox.by_draft(request.draft_id)
    if first is not None and (first.contact_id, first.queued_by_id) != (request.contact_id, agent.id):
        raise UsageError(
            f"This key was used already for another message, to contact id:{first.contact_id}. "
            "Nothing was sent: use a new key."
        )
    return first


async def _duplicate(unit: Unit, first: OutboxRow) -> SendResult:
    conversation = await unit.conversations.get(first.contact_id)
    assignee = await handle_of(unit, conversation.assignee_id)
    return SendResult(first.message_id, first.state, reopened=False, assignee=assignee, duplicate=True)


async def _check_seen(
    unit: Unit, agent: Agent, conversation: Conversation, seen_seq: int | None, now: datetime
) -> None:
    if seen_seq is None:
        return
    newest = await written_since(unit, conversation.contact_id, seen_seq, except_agent=agent)
    if newest is not None:
        who = await _writer(unit, newest, conversation.contact_id)
        raise ConflictError(
            f"{who} {ago(newest.at, now)}, after what you have seen. Nothing was sent and your text is kept: "
            "read it, then send again."
        )


async def _writer(unit: Unit, entry: TimelineEntry, contact_id: int) -> str:
    if entry.direction is Direction.INBOUND:
        return f"{(await contact_of(unit, contact_id)).name} wrote"
    if not entry.author:
        return "Somebody replied from the channel's own app"
    author = await unit.directory.agent(entry.author)
    return f"{author.name if author is not None and author.name else entry.author} replied"


async def _queue(unit: Unit, agent: Agent, request: SendRequest, plan: SendPlan, now: datetime) -> SendResult:
    message_id, target = new_id(now), plan.reach.contact_channel
    before, contact_id = plan.conversation, plan.contact.id
    await record_change(unit, before, plan.change, actor_id=agent.id, now=now, message_id=message_id)
    seq = await enqueue(
        unit,
        NewOutgoing(
            message_id=message_id,
            contact_id=contact_id,
            contact_channel_id=target.id,
            channel_id=target.channel.id,
            content_kind=plan.content_kind,
            body=plan.body,
            template=plan.template,
            tag=plan.tag,
            idempotency_key=str(uuid.uuid4()),
            draft_id=request.draft_id or None,
            client_key=request.client_key or None,
            due_at=now + timedelta(seconds=request.due_in),
            queued_by_id=agent.id,
            created_at=now,
        ),
        shown=plan.shown,
        detail=_detail(plan),
    )
    for file in plan.files:
        await unit.attachments.give(agent.id, file.id, message_id, seq)
    await send_changes.account_for(unit, plan.reach, contact_id, plan.shown, now)
    if request.draft_id:
        await _discard_draft(unit, agent, contact_id, request.draft_id, now)
    after = await unit.conversations.get(contact_id)
    await unit.activity.add(
        send_changes.SEND,
        contact_id=contact_id,
        actor_id=agent.id,
        message_id=message_id,
        detail={"channel": target.channel.name, "kind": plan.content_kind.value, **send_changes.trail(before, after)},
        now=now,
    )
    assignee = await handle_of(unit, after.assignee_id)
    return SendResult(message_id, DeliveryState.QUEUED, plan.change.reopened, assignee)


def _detail(plan: SendPlan) -> dict[str, Any]:
    if plan.files:
        return {FILES: len(plan.files)}
    if plan.content_kind is ContentKind.TEXT or plan.template is None:
        return {}
    return {"template": plan.template.name, "language": plan.template.language}


async def _discard_draft(unit: Unit, agent: Agent, contact_id: int, draft_id: str, now: datetime) -> None:
    draft = await unit.drafts.get(agent.id, contact_id)
    if draft is not None and draft.id == draft_id:
        await unit.drafts.discard(draft_id, now)
