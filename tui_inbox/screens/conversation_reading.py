"""Reading a conversation: contact, thread, draft. Works in the background and answers by messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from textual.message import Message

from tui_inbox.domain.attachments import Attachment
from tui_inbox.domain.models import TimelineEntry
from tui_inbox.domain.outbox import OutboxDetail
from tui_inbox.widgets.latest import Latest

if TYPE_CHECKING:
    from tui_inbox.screens.conversation_view import ConversationView
    from tui_inbox.services.contacts import ContactView

PAGE = 50
"""Entries read at a time."""
MOST_TO_A_MESSAGE = 1600
"""Entries read at most in order to begin at a message far up."""


@dataclass
class Loaded(Message):
    """What was read of a contact."""

    contact_id: int
    view: ContactView
    entries: tuple[TimelineEntry, ...]
    """Oldest first."""
    complete: bool
    """Nothing older exists."""
    fresh: bool
    """Another contact than before: begin at the end, with its draft."""
    draft: str = ""
    draft_channel: int | None = None
    """Contact channel that the draft is meant for."""
    older: bool = False
    """Only a page of older entries; the rest is as it was."""
    composer_files: tuple[Attachment, ...] = ()
    """Files that the agent has put beside what they write."""
    details: tuple[OutboxDetail, ...] = ()
    """What is not through to this contact, newest first."""

    def over(self, shown: Loaded) -> Loaded:
        """This answer laid over what is shown: two readings that cross each other lose nothing."""
        entries = {entry.key: entry for entry in (*shown.entries, *self.entries)}
        view = shown.view if self.older else self.view
        details = shown.details if self.older else self.details
        files = shown.composer_files if self.older else self.composer_files
        in_order = sorted(entries.values(), key=lambda entry: (entry.at, entry.seq))
        complete = self.complete or shown.complete
        whole = replace(self, entries=tuple(in_order), complete=complete)
        return replace(whole, view=view, details=details, composer_files=files)


class ThreadReading:
    """Asks the services for a screen."""

    def __init__(self, screen: ConversationView) -> None:
        self._screen = screen
        self._thread = Latest(screen, "thread", self._failed)
        self._past = Latest(screen, "thread-older", self._failed)

    def open(self, contact_id: int, message_id: str = "") -> None:
        """Read a contact anew, back to the message ``message_id`` where one is named."""
        self._thread.ask(partial(self._open, contact_id, message_id))

    def again(self) -> None:
        """Read the present contact again, as many entries as are shown and any newer ones."""
        if self._screen.shown is not None:  # else it is being read, and must not be overtaken by this
            self._thread.ask(self._again)

    def older(self) -> None:
        """Read the page before the oldest entry shown."""
        self._past.ask(self._older)

    def mark_read(self) -> None:
        """The agent sees it: nothing is unread any more."""
        shown = self._screen.shown
        writable = self._screen.host.services.store.trouble is None
        if shown is not None and shown.view.conversation.unread and writable:
            self._screen.in_background(
                partial(self._screen.host.services.contacts.mark_read, shown.contact_id), "mark-read", alone=False
            )

    def _failed(self, sentence: str) -> None:
        self._screen.say(sentence, refused=True)

    async def _open(self, contact_id: int, message_id: str) -> None:
        host, limit = self._screen.host, PAGE
        view = await host.services.contacts.view(contact_id)
        entries = await host.services.contacts.timeline(contact_id, limit=limit)
        while message_id and len(entries) == limit < MOST_TO_A_MESSAGE and not _holds(entries, message_id):
            limit *= 2
            entries = await host.services.contacts.timeline(contact_id, limit=limit)
        details = await host.services.outbox.of_contact(contact_id)
        draft = await host.services.drafts.load(host.agent, contact_id)
        files = await host.services.attachments.of_composer(host.agent, contact_id)
        self._screen.post_message(
            Loaded(
                contact_id,
                view,
                tuple(entries),
                complete=len(entries) < limit,
                fresh=True,
                details=details,
                composer_files=tuple(files),
                draft=draft.body if draft is not None else "",
                draft_channel=draft.channel_id if draft is not None else None,
            )
        )

    async def _again(self) -> None:
        shown = self._screen.shown
        if shown is None:
            return
        service = self._screen.host.services.contacts
        view = await service.view(shown.contact_id)
        # What is new comes on top of what is shown, so that nothing falls out at the old end.
        wanted = max(PAGE, len(shown.entries)) + max(0, view.conversation.last_seq - shown.view.conversation.last_seq)
        entries = await service.timeline(shown.contact_id, limit=wanted)
        complete = len(entries) < wanted or shown.complete
        host = self._screen.host
        details = await host.services.outbox.of_contact(shown.contact_id)
        files = await host.services.attachments.of_composer(host.agent, shown.contact_id)
        told = Loaded(shown.contact_id, view, tuple(entries), complete=complete, fresh=False, details=details)
        self._screen.post_message(replace(told, composer_files=tuple(files)))

    async def _older(self) -> None:
        shown = self._screen.shown
        if shown is None or not shown.entries or shown.complete:
            return
        first = shown.entries[0]
        older = await self._screen.host.services.contacts.timeline(
            shown.contact_id, before=(first.at, first.seq), limit=PAGE
        )
        self._screen.post_message(
            Loaded(shown.contact_id, shown.view, tuple(older), complete=len(older) < PAGE, fresh=False, older=True)
        )


def _holds(entries: Sequence[TimelineEntry], message_id: str) -> bool:
    return any(entry.message_id == message_id for entry in entries)
