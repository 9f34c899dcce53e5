"""The life of a conversation by an agent's hand: close, open, snooze, assign, note, block; and their undo.

Each is one transaction: the new row, its lines on the timeline and in the record, or nothing at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from tui_inbox.domain import lifecycle as rules_of
from tui_inbox.domain.errors import ConflictError, NotFoundError
from tui_inbox.domain.kinds import ConversationStatus
from tui_inbox.domain.lifecycle import Change, ClosingNote
from tui_inbox.domain.models import Agent, Contact, Conversation
from tui_inbox.domain.snooze import parse_snooze
from tui_inbox.services.contacts import agent_of, contact_of, handle_of, team_of
from tui_inbox.services.context import Context
from tui_inbox.services.reach import clock_time
from tui_inbox.services.record import add_line, record_change, team_logic, written_since
from tui_inbox.services.send_plan import check_text

if TYPE_CHECKING:  # screens use this module before the database layer is loaded
    from tui_inbox.repository.unit import Unit

__all__ = ["LifecycleResult", "LifecycleService", "SeenAssignee", "UndoToken", "parse_snooze"]

WAKE_BATCH = 100


@dataclass(frozen=True)
class UndoToken:
    """What is needed to take one change back, if nobody changed the conversation since."""

    contact_id: int
    before: Conversation
    after: Conversation
    """As it stood when the change was done; its version and last entry must still be the present ones."""
    what: str
    """What was done: ``closed``, ``opened``, ``snoozed``, ``assigned``, ``blocked``, ``unblocked``."""


@dataclass(frozen=True)
class SeenAssignee:
    """Who had a conversation when an agent decided whose it is to be."""

    agent_id: int | None
    """``None`` = nobody."""


@dataclass(frozen=True)
class LifecycleResult:
    """What one change did."""

    conversation: Conversation
    message: str
    """One sentence for the status line."""
    undo: UndoToken | None = None
    """For :meth:`LifecycleService.undo`; ``None`` when nothing changed or it can't be undone."""


class LifecycleService:
    """Changes conversations for an agent."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def close(self, agent: Agent, contact_id: int, note: ClosingNote | None = None) -> LifecycleResult:
        """Close with the note that the workspace demands; the closing logic decides who keeps it.

        Raises :class:`PolicyRefusedError` or :class:`UsageError` where the note does not satisfy the workspace.
        """

        async def work(unit: Unit) -> LifecycleResult:
            now = self._context.clock()
            contact, before = await _read(unit, contact_id)
            assignee = await agent_of(unit, before.assignee_id)
            change = rules_of.close(
                before,
                agent.id,
                note or ClosingNote(),
                self._context.rules,
                blocked=contact.blocked,
                now=now,
                team_logic=team_logic(await team_of(unit, before.team_id)),
                assignee_away=assignee is not None and assignee.away,
            )
            sentence = "Closed."
            if assignee is not None:
                kept = change.after.assignee_id is not None
                sentence = (
                    f"Closed; stays with {assignee.handle}."
                    if kept
                    else f"Closed; unassigned by closing logic (was {assignee.handle})."
                )
            return await _done(unit, agent, before, change, "closed", sentence, now)

        return await self._context.store.write(work)

    async def open(self, agent: Agent, contact_id: int) -> LifecycleResult:
        """Open without writing; it becomes the agent's when nobody has it."""

        async def work(unit: Unit) -> LifecycleResult:
            now = self._context.clock()
            contact, before = await _read(unit, contact_id)
            change = rules_of.open_by_hand(before, agent.id, blocked=contact.blocked, now=now)
            if change.after == before:
                return LifecycleResult(before, "The conversation is open already.")
            took = before.assignee_id is None
            owner = await handle_of(unit, change.after.assignee_id)
            sentence = "Opened; assigned to you." if took else f"Opened; stays with {owner}."
            return await _done(unit, agent, before, change, "opened", sentence, now)

        return await self._context.store.write(work)

    async def snooze(
        self, agent: Agent, contact_id: int, until: datetime, *, zone: tzinfo | None = None
    ) -> LifecycleResult:
        """Put aside until an instant in the future; the sentence names it in ``zone`` (``None`` = this machine's)."""

        async def work(unit: Unit) -> LifecycleResult:
            now = self._context.clock()
            contact, before = await _read(unit, contact_id)
            change = rules_of.snooze(before, until, blocked=contact.blocked, now=now)
            sentence = f"Snoozed until {clock_time(until, now, zone)}."
            return await _done(unit, agent, before, change, "snoozed", sentence, now)

        return await self._context.store.write(work)

    async def assign(
        self, agent: Agent, contact_id: int, assignee: Agent | None, *, seen: SeenAssignee | None = None
    ) -> LifecycleResult:
        """Give the conversation to an agent, or to nobody.

        ``seen``: whom it must still belong to; raises :class:`ConflictError` when somebody else has got it since.
        """

        async def work(unit: Unit) -> LifecycleResult:
            now = self._context.clock()
            _, before = await _read(unit, contact_id)
            taker = await _present(unit, assignee)
            change = rules_of.assign(before, None if taker is None else taker.id)
            if change.after == before:
                return LifecycleResult(before, _had_already(agent, taker))
            previous = await handle_of(unit, before.assignee_id)
            if seen is not None and seen.agent_id != before.assignee_id:
                raise ConflictError(_got_meanwhile(agent, before, previous))
            sentence = _assigned_sentence(agent, taker, previous)
            return await _done(unit, agent, before, change, "assigned", sentence, now)

        return await self._context.store.write(work)

    async def note(self, agent: Agent, contact_id: int, text: str) -> LifecycleResult:
        """Write an internal note: never sent, opens nothing, answers nothing."""
        check_text(text, "write down")

        async def work(unit: Unit) -> LifecycleResult:
            now = self._context.clock()
            await contact_of(unit, contact_id)
            await unit.timeline.add_note(contact_id=contact_id, author_id=agent.id, body=text, at=now)
            await unit.activity.add("noted", contact_id=contact_id, actor_id=agent.id, now=now)
            return LifecycleResult(await unit.conversations.get(contact_id), "Note written; the customer can't see it.")

        return await self._context.store.write(work)

    async def block(self, agent: Agent, contact_id: int) -> LifecycleResult:
        """Block the contact: nothing can be sent to it; what it writes is kept and opens nothing."""
        return await self._set_blocked(agent, contact_id, blocked=True)

    async def unblock(self, agent: Agent, contact_id: int) -> LifecycleResult:
        """Lift a block."""
        return await self._set_blocked(agent, contact_id, blocked=False)

    async def wake_due(self) -> int:
        """Open every snoozed conversation whose time has come; returns how many. Each is its own transaction."""
        woken, seen = 0, set[int]()
        while True:
            now = self._context.clock()
            async with self._context.store.read() as unit:
                due = await unit.conversations.due_snoozes(now, limit=WAKE_BATCH)
            fresh = [contact_id for contact_id in due if contact_id not in seen]
            for contact_id in fresh:
                woken += await self._wake(contact_id)
            seen.update(fresh)
            if not fresh:
                return woken

    async def undo(self, agent: Agent, token: UndoToken) -> str:
        """Put the conversation back as it was; returns one sentence.

        Raises :class:`ConflictError` when somebody changed it, or the customer wrote, since.
        """

        async def work(unit: Unit) -> str:
            now = self._context.clock()
            if token.what in {"blocked", "unblocked"}:
                return await _undo_block(unit, agent, token, now)
            current = await unit.conversations.get(token.contact_id)
            await _check_untouched(unit, token, current)
            restored = _as_before(current, token)
            await unit.conversations.save(current, restored)
            detail = {"what": token.what}
            await add_line(unit, token.contact_id, "undone", detail, actor_id=agent.id, now=now)
            return f"Undone: the conversation is {restored.status.value} again, as before it was {token.what}."

        return await self._context.store.write(work)

    async def _wake(self, contact_id: int) -> bool:
        async def work(unit: Unit) -> bool:
            now = self._context.clock()
            before = await unit.conversations.get(contact_id)
            change = rules_of.wake(before, now)
            if change.after == before:
                return False
            await record_change(unit, before, change, actor_id=None, now=now)
            return True

        return await self._context.store.write(work)

    async def _set_blocked(self, agent: Agent, contact_id: int, *, blocked: bool) -> LifecycleResult:
        async def work(unit: Unit) -> LifecycleResult:
            now = self._context.clock()
            contact, before = await _read(unit, contact_id)
            if contact.blocked is blocked:
                return LifecycleResult(before, f"The contact is {'blocked already' if blocked else 'not blocked'}.")
            await unit.contacts.set_blocked(contact_id, blocked)
            what = "blocked" if blocked else "unblocked"
            await add_line(unit, contact_id, what, {}, actor_id=agent.id, now=now)
            sentence = "Blocked: nothing can be sent, and what they write opens nothing." if blocked else "Unblocked."
            after = await unit.conversations.get(contact_id)
            return LifecycleResult(after, sentence, UndoToken(contact_id, before, after, what))

        return await self._context.store.write(work)


async def _read(unit: Unit, contact_id: int) -> tuple[Contact, Conversation]:
    return await contact_of(unit, contact_id), await unit.conversations.get(contact_id)


async def _done(
    unit: Unit, agent: Agent, before: Conversation, change: Change, what: str, sentence: str, now: datetime
) -> LifecycleResult:
    await record_change(unit, before, change, actor_id=agent.id, now=now)
    after = await unit.conversations.get(before.contact_id)
    return LifecycleResult(after, sentence, UndoToken(before.contact_id, before, after, what))


async def _present(unit: Unit, assignee: Agent | None) -> Agent | None:
    """The agent as stored now."""
    if assignee is None:
        return None
    stored = await unit.directory.agent_by_id(assignee.id)
    if stored is None:
        raise NotFoundError(f"There is no agent {assignee.handle}.")
    return stored


def _had_already(agent: Agent, taker: Agent | None) -> str:
    if taker is None:
        return "Nobody has it already."
    return "It is yours already." if taker.id == agent.id else f"{taker.handle} has it already."


def _got_meanwhile(agent: Agent, before: Conversation, owner: str) -> str:
    has = "you have it" if before.assignee_id == agent.id else f"{owner} has it" if owner else "nobody has it"
    return f"Not assigned: somebody was quicker, and {has} now. Nothing was changed; decide again."


def _assigned_sentence(agent: Agent, taker: Agent | None, previous: str) -> str:
    was = f" (was {previous})" if previous else ""
    if taker is None:
        return f"Unassigned{was}."
    away = ", who is away" if taker.away and taker.id != agent.id else ""
    return f"Assigned to {'you' if taker.id == agent.id else taker.handle}{away}{was}."


async def _check_untouched(unit: Unit, token: UndoToken, current: Conversation) -> None:
    if current.version != token.after.version:
        raise ConflictError("Can't undo: somebody has changed the conversation since. Nothing was changed now.")
    # Closing or snoozing again what the customer has written into meanwhile would hide the message.
    changes_status = token.before.status is not token.after.status
    if changes_status and await written_since(unit, token.contact_id, token.after.last_seq) is not None:
        raise ConflictError("Can't undo: somebody has written since. Nothing was changed now.")


def _as_before(current: Conversation, token: UndoToken) -> Conversation:
    before = token.before
    restored = replace(
        current,
        status=before.status,
        assignee_id=before.assignee_id,
        team_id=before.team_id,
        snoozed_until=before.snoozed_until,
        opened_at=before.opened_at,
        closed_at=before.closed_at,
        closed_by_id=before.closed_by_id,
    )
    if current.status is ConversationStatus.CLOSED and before.status is not ConversationStatus.CLOSED:
        restored = replace(restored, waiting_since=before.waiting_since)
    return restored


async def _undo_block(unit: Unit, agent: Agent, token: UndoToken, now: datetime) -> str:
    contact = await contact_of(unit, token.contact_id)
    was = token.what == "blocked"
    if contact.blocked is not was:
        raise ConflictError("Can't undo: somebody has changed it since. Nothing was changed now.")
    await unit.contacts.set_blocked(token.contact_id, not was)
    await add_line(unit, token.contact_id, "unblocked" if was else "blocked", {}, actor_id=agent.id, now=now)
    return "Undone: the contact is not blocked any more." if was else "Undone: the contact is blocked again."
