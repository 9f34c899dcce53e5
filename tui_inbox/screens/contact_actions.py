"""What is done to contacts from any screen: close, snooze, assign, take, note, open, block, undo, repeat.

One object per screen runs an action on one contact or on many, asks with a dialog where something has to be asked, and
says one sentence. What can be taken back or repeated is remembered in a :class:`Memory` that all screens share.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast
from weakref import WeakKeyDictionary

from textual.app import App

from tui_inbox.domain.errors import ConflictError, InboxError
from tui_inbox.domain.kinds import ClosingNoteMode
from tui_inbox.domain.lifecycle import ClosingNote, WorkspaceRules
from tui_inbox.screens.base import ActionScreen
from tui_inbox.text import clean_line
from tui_inbox.widgets.work import begin

if TYPE_CHECKING:
    from tui_inbox.domain.models import Agent
    from tui_inbox.screens.dialogs.assign import Assignment
    from tui_inbox.screens.dialogs.base import Dialog
    from tui_inbox.services.contacts import ContactView
    from tui_inbox.services.lifecycle import LifecycleResult, SeenAssignee, UndoToken

MOST_NAMED = 4
"""Agents named in a question; more of them are counted."""
GROUP = "contact-action"
"""Worker group: one such action at a time."""


@dataclass
class Memory:
    """What ``undo`` and ``repeat`` are about; shared by the screens of one program."""

    undo_tokens: tuple[UndoToken, ...] = ()
    """Of the last action; empty when it was a message or cannot be taken back."""
    sent_message: str = ""
    """Id of the message just sent; empty when something else was done since."""
    sent_to: int | None = None
    """Contact of that message."""
    repeat: tuple[str, Any] | None = field(default=None)
    """Action id and what was chosen, of the last close, snooze or assign."""

    def sent(self, message_id: str, contact_id: int) -> None:
        """A message was queued: undo means it now."""
        self.sent_message, self.sent_to, self.undo_tokens = message_id, contact_id, ()

    def done(self, tokens: Sequence[UndoToken]) -> None:
        """Something else was done: undo means that now."""
        self.undo_tokens, self.sent_message, self.sent_to = tuple(tokens), "", None


_MEMORIES: WeakKeyDictionary[App[Any], Memory] = WeakKeyDictionary()


def memory_of(app: App[Any]) -> Memory:
    """The memory that the screens of one program share."""
    return _MEMORIES.setdefault(app, Memory())


class _Ruled(Protocol):
    """The part of the services that holds the workspace's rules."""

    @property
    def context(self) -> _RulesHolder: ...


class _RulesHolder(Protocol):
    @property
    def rules(self) -> WorkspaceRules: ...


Step = Callable[[int], Awaitable["LifecycleResult"]]
Owners = Mapping[int, "SeenAssignee"]
"""Who had each conversation when the agent was asked."""
NOT_LOOKED_AT: Owners = {}


class ContactActions:
    """Runs actions for a screen."""

    IDS: ClassVar[frozenset[str]] = frozenset(
        {"close", "reopen", "snooze", "assign", "take", "note", "block", "undo", "repeat"}
    )
    """Action ids that this class does."""

    def __init__(self, screen: ActionScreen[Any]) -> None:
        self._screen = screen
        self.memory = memory_of(screen.app)

    def unavailable(self, action_id: str, contact_ids: Sequence[int]) -> str | None:
        """Why an action cannot be done now, in one sentence; ``None`` when it can, as far as one knows here."""
        if action_id == "undo" and not (self.memory.undo_tokens or self.memory.sent_message):
            return "There is nothing to take back."
        if action_id == "repeat" and self.memory.repeat is None:
            return "Nothing to repeat yet: close, snooze or assign something first."
        if action_id in self.IDS - {"undo"} and not contact_ids:
            return "No contact is selected."
        return None

    @property
    def _host(self) -> Any:
        return self._screen.host

    @property
    def rules(self) -> WorkspaceRules:
        """The workspace's choices."""
        return cast(_Ruled, self._host.services).context.rules

    def run(self, action_id: str, contact_ids: Sequence[int]) -> None:
        """Start an action in the background and say its sentence; errors are said as refusals."""
        begin(self._screen, partial(self._run, action_id, tuple(contact_ids)), GROUP, alone=True)

    async def perform(self, action_id: str, contact_ids: Sequence[int]) -> str:
        """Do an action, with its dialog; returns one sentence, empty when the dialog was left.

        Must run in a worker. Raises :class:`InboxError` when nothing could be done.
        """
        reason = self.unavailable(action_id, contact_ids)
        if reason:
            return reason
        if action_id == "undo":
            return await self._undo()
        return str(await getattr(self, f"_{action_id}")(contact_ids))

    async def _run(self, action_id: str, contact_ids: Sequence[int]) -> None:
        try:
            sentence = await self.perform(action_id, contact_ids)
        except InboxError as error:
            self._screen.say(str(error), refused=True)
            return
        finally:
            self._host.release_keys()
        if sentence:
            self._screen.say(sentence)

    # --- the actions

    async def _close(self, contact_ids: Sequence[int]) -> str:
        note: ClosingNote | None = ClosingNote()
        if self.rules.closing_notes is not ClosingNoteMode.OFF:
            from tui_inbox.screens.dialogs.closing import CloseDialog, closing_consequence, consequence_of_many

            view = await self._view(contact_ids[0])
            told = closing_consequence(view, self.rules) if len(contact_ids) == 1 else consequence_of_many(self.rules)
            note = await self._ask(CloseDialog(self._about(view, contact_ids), self.rules, told))
        return "" if note is None else await self._close_with(note, contact_ids)

    async def _close_with(self, note: ClosingNote, contact_ids: Sequence[int]) -> str:
        service, agent = self._host.services.lifecycle, self._host.agent
        self.memory.repeat = ("close", note)
        return await self._each(contact_ids, lambda ident: service.close(agent, ident, note), "Closed")

    async def _snooze(self, contact_ids: Sequence[int]) -> str:
        from tui_inbox.screens.dialogs.snooze import SnoozeDialog

        view = await self._view(contact_ids[0])
        about = self._about(view, contact_ids)
        until = await self._ask(SnoozeDialog(about, self._host.clock(), self._host.tz))
        return "" if until is None else await self._snooze_with(until, contact_ids)

    async def _snooze_with(self, until: datetime, contact_ids: Sequence[int]) -> str:
        service, agent, zone = self._host.services.lifecycle, self._host.agent, self._host.tz
        self.memory.repeat = ("snooze", until)
        return await self._each(contact_ids, lambda ident: service.snooze(agent, ident, until, zone=zone), "Snoozed")

    async def _assign(self, contact_ids: Sequence[int]) -> str:
        from tui_inbox.screens.dialogs.assign import AssignDialog

        views = [await self._view(contact_id) for contact_id in contact_ids]
        agents = await self._host.services.directory.agents()
        present = views[0].assignee if len(contact_ids) == 1 else None
        chosen = await self._ask(AssignDialog(self._about(views[0], contact_ids), agents, self._host.agent, present))
        return "" if chosen is None else await self._assign_with(chosen, contact_ids, _owners(views))

    async def _assign_with(self, chosen: Assignment, contact_ids: Sequence[int], owners: Owners = NOT_LOOKED_AT) -> str:
        service, agent = self._host.services.lifecycle, self._host.agent
        self.memory.repeat = ("assign", chosen)

        def step(ident: int) -> Awaitable[LifecycleResult]:
            result: Awaitable[LifecycleResult] = service.assign(agent, ident, chosen.agent, seen=owners.get(ident))
            return result

        return await self._each(contact_ids, step, "Assigned")

    async def _take(self, contact_ids: Sequence[int]) -> str:
        service, agent = self._host.services.lifecycle, self._host.agent
        views = [await self._view(contact_id) for contact_id in contact_ids]
        if not await self._may_take(views):
            return ""
        owners = _owners(views)
        return await self._each(
            contact_ids, lambda ident: service.assign(agent, ident, agent, seen=owners[ident]), "Took"
        )

    async def _may_take(self, views: Sequence[ContactView]) -> bool:
        """Taking from somebody else is asked for once more."""
        me = self._host.agent.id
        owners = [view.assignee for view in views if view.assignee is not None and view.assignee.id != me]
        if not owners:
            return True
        from tui_inbox.screens.dialogs.confirm import ConfirmDialog

        question, yes = _take_question(owners, len(views)), "take it" if len(views) == 1 else "take them"
        about = self._about(views[0], [view.contact.id for view in views])
        return bool(await self._ask(ConfirmDialog("Take", question, yes=yes, about=about)))

    async def _note(self, contact_ids: Sequence[int]) -> str:
        from tui_inbox.screens.dialogs.note import NoteDialog

        view = await self._view(contact_ids[0])
        text = await self._ask(NoteDialog(self._about(view, contact_ids)))
        service, agent = self._host.services.lifecycle, self._host.agent
        if text is None:
            return ""
        return await self._each(contact_ids, lambda ident: service.note(agent, ident, text), "Note added to")

    async def _reopen(self, contact_ids: Sequence[int]) -> str:
        service, agent = self._host.services.lifecycle, self._host.agent
        return await self._each(contact_ids, lambda ident: service.open(agent, ident), "Opened")

    async def _block(self, contact_ids: Sequence[int]) -> str:
        from tui_inbox.screens.dialogs.confirm import ConfirmDialog

        service, agent = self._host.services.lifecycle, self._host.agent
        view = await self._view(contact_ids[0])
        about = self._about(view, contact_ids)
        if view.contact.blocked:
            return await self._each(contact_ids, lambda ident: service.unblock(agent, ident), "Unblocked")
        told = "Nothing can be sent to a blocked contact; what it writes is kept and opens nothing. Block?"
        if not await self._ask(ConfirmDialog("Block", told, yes="block", about=about)):
            return ""
        return await self._each(contact_ids, lambda ident: service.block(agent, ident), "Blocked")

    async def _undo(self) -> str:
        memory, services, agent = self.memory, self._host.services, self._host.agent
        if memory.sent_message:
            message_id = memory.sent_message
            memory.done(())
            undone = await services.sending.undo(agent, message_id)
            self._host.store_changed()
            return str(undone.message)
        tokens = memory.undo_tokens
        memory.done(())
        sentences = [await services.lifecycle.undo(agent, token) for token in tokens]
        self._host.store_changed()
        return sentences[0] if len(sentences) == 1 else f"Took back {len(sentences)} changes."

    async def _repeat(self, contact_ids: Sequence[int]) -> str:
        assert self.memory.repeat is not None, "unavailable() answers that"
        action_id, chosen = self.memory.repeat
        return str(await getattr(self, f"_{action_id}_with")(chosen, contact_ids))

    # --- how they are done

    async def _each(self, contact_ids: Sequence[int], step: Step, word: str) -> str:
        """Do ``step`` to every contact, one transaction each; one that refuses does not stop the others."""
        results: list[LifecycleResult] = []
        refusals: list[InboxError] = []
        for contact_id in contact_ids:
            try:
                results.append(await step(contact_id))
            except InboxError as error:
                refusals.append(error)
        if results:
            self.memory.done([result.undo for result in results if result.undo is not None])
            self._host.store_changed()
        if len(contact_ids) == 1:
            if refusals:
                raise refusals[0]
            return results[0].message
        if refusals and not results:
            raise ConflictError(f"None of the {len(contact_ids)} was changed. The first: {refusals[0]}")
        told = f"{word} {len(results)} of {len(contact_ids)}."
        return f"{told} Not done: {len(refusals)}; the first: {refusals[0]}" if refusals else told

    async def _ask(self, dialog: Dialog[Any]) -> Any:
        return await self._screen.app.push_screen_wait(dialog)

    async def _view(self, contact_id: int) -> ContactView:
        view: ContactView = await self._host.services.contacts.view(contact_id)
        return view

    def _about(self, view: ContactView, contact_ids: Sequence[int]) -> str:
        name = str(clean_line(view.contact.name, 28))
        return name if len(contact_ids) == 1 else f"{name} and {len(contact_ids) - 1} more"


def _owners(views: Sequence[ContactView]) -> Owners:
    from tui_inbox.services.lifecycle import SeenAssignee

    return {view.contact.id: SeenAssignee(None if view.assignee is None else view.assignee.id) for view in views}


def _take_question(owners: Sequence[Agent], chosen: int) -> str:
    """Who loses what is taken; ``chosen``: how many conversations are taken in all."""
    names = list(dict.fromkeys(f"{clean_line(one.handle, 20)}{', who is away' if one.away else ''}" for one in owners))
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    who = "; ".join(names[:MOST_NAMED]) + more
    if chosen == 1:
        return f"{who} has this conversation. Take it over?"
    return f"{len(owners)} of these {chosen} conversations are others' ({who}). Take all of them over?"
