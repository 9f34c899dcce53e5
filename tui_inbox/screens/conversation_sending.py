"""Sending from the conversation screen, and the draft. The text leaves the composer only after the service took it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tui_inbox.actions import first_sign
from tui_inbox.domain.errors import ConflictError, InboxError, PolicyRefusedError, StoreError
from tui_inbox.domain.ids import new_id
from tui_inbox.domain.kinds import ComposerMode
from tui_inbox.widgets.latest import Latest
from tui_inbox.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from tui_inbox.domain.models import Agent
    from tui_inbox.screens.conversation_view import ConversationView
    from tui_inbox.screens.dialogs.conflict import Resolution
    from tui_inbox.services.send_plan import SendRequest, TemplateChoice

SEND_PATIENCE = 0.5
"""Seconds for which saving a draft waits until the message before it is queued."""
SAMPLE = "…"
"""Stands for the text when only the consequences of sending are asked for."""


class Sending:
    """Queues what the composer or the template picker gives, keeps the draft, asks what sending would do."""

    def __init__(self, screen: ConversationView) -> None:
        self._screen = screen
        self._draft_lock = asyncio.Lock()
        self._asking = Latest(screen, "consequence", lambda _sentence: None)

    # --- what sending would do

    def ask_consequence(self) -> None:
        """Refresh the line that says what sending would do."""
        if self._screen.shown is not None:
            self._asking.ask(self._consequence)

    async def _consequence(self) -> None:
        screen, host = self._screen, self._screen.host
        current = screen.policy.current
        if current is None or current.answer.mode not in {ComposerMode.FREE, ComposerMode.TAG}:
            screen.policy.show_consequence("")
            return
        tag = "HUMAN_AGENT" if current.answer.mode is ComposerMode.TAG else ""
        # Whatever came meanwhile, the line says what sending would do; the send itself stops at it.
        request = replace(self._request(text=SAMPLE, tag=tag, channel_id=current.contact_channel.id), seen_seq=None)
        try:
            preview = await host.services.sending.preview(host.agent, request, zone=host.tz)
        except InboxError:
            # The bar says already that nothing may be sent, or will at its next judgement.
            screen.policy.show_consequence("")
        else:
            if screen.contact_id == request.contact_id:
                screen.policy.show_consequence(preview.sentence)
                screen.paint_at_once()

    # --- sending

    @property
    def seen_seq(self) -> int:
        """Number of the newest entry that the agent has read."""
        return self._screen.seen.newest(hidden=self._screen.timeline.new_below > 0)

    def send_text(self, text: str, tag: str) -> None:
        """Queue the composer's text."""
        self._screen.in_background(partial(self._send_text, text, tag), "send", alone=False)

    async def _send_text(self, text: str, tag: str, *, seen: int | None = None) -> None:
        screen = self._screen
        current = screen.policy.current
        if current is None:
            screen.composer.not_sent()
            return
        # Made out now: whom it goes to and what was seen must not change while the draft is being saved.
        request = self._request(text=text, tag=tag, channel_id=current.contact_channel.id, seen=seen)
        portions = screen.files.portions(text)
        try:
            async with self._draft_lock:
                for files, words in portions:
                    if not await self._send_portion(replace(request, text=words, files=tuple(f.id for f in files))):
                        break
        except ConflictError as error:
            await self._conflict(error, request)
        except StoreError as error:
            screen.say(f"Not sent: {error} Your text is kept.", refused=True)
        finally:
            screen.composer.not_sent()

    async def _send_portion(self, request: SendRequest) -> bool:
        """Queue one message of what is in the composer, and take it out there; whether it was queued."""
        screen, host, contact_id = self._screen, self._screen.host, request.contact_id
        if request.text or not request.files:
            drafts = host.services.drafts
            draft = await drafts.save(host.agent, contact_id, request.channel_id, request.text, to_send=True)
            request = replace(request, draft_id=draft.id)
        sent = await self._queue(request)
        if sent and screen.contact_id == contact_id:
            if request.files:
                await screen.files.read_again()
            if request.draft_id:
                screen.composer.sent(request.text)
        return sent

    async def send_template(self, choice: TemplateChoice, channel_id: int, *, seen: int | None = None) -> None:
        """Queue a template; a draft in the composer stays. Must run in a worker.

        ``seen``: what the agent had read before the picker covered the thread.
        """
        key = new_id(self._screen.host.clock())
        request = self._request(template=choice, channel_id=channel_id, client_key=key, seen=seen)
        try:
            await self._queue(request)
        except ConflictError as error:
            from tui_inbox.screens.dialogs.conflict import Resolution

            decision, seen = await self._ask_conflict(error, request)
            if decision is Resolution.SEND:
                await self.send_template(choice, channel_id, seen=seen)
            else:
                self._screen.say("The template was not sent.")

    async def _queue(self, request: SendRequest) -> bool:
        """Queue; whether it was. A conflict is raised, any other refusal is said."""
        screen, host = self._screen, self._screen.host
        try:
            result = await host.services.sending.send(host.agent, request)
        except ConflictError:
            raise
        except InboxError as error:
            kept = " Your text is kept." if request.text else ""
            screen.say(f"{error}{kept}", refused=True)
            if isinstance(error, PolicyRefusedError):
                screen.reading.again()
            return False
        screen.actions.memory.sent(result.message_id, request.contact_id)
        self._say_queued(reopened=result.reopened)
        host.store_changed()
        screen.reading.again()
        return True

    def _say_queued(self, *, reopened: bool) -> None:
        """Say that it is queued, and how to take it back for as long as that can be done."""
        screen = self._screen
        seconds = screen.actions.rules.undo_seconds
        told = "queued, reopened" if reopened else "queued"
        if seconds <= 0:
            screen.say(told)
            return
        undo = first_sign("undo", screen.keymap)
        writing = screen.focused is screen.composer.field
        leave = f"{first_sign('leave', screen.keymap)} " if writing else ""
        offer = f"{told} · {leave}{undo} takes it back for {seconds:.0f} s"
        screen.say(offer)
        screen.set_timer(seconds, partial(self._offer_is_over, offer))

    def _offer_is_over(self, offer: str) -> None:
        line = self._screen.query_one(StatusLine)
        if line.sentence == offer:
            line.clear()

    def _request(
        self,
        *,
        channel_id: int,
        text: str = "",
        tag: str = "",
        template: TemplateChoice | None = None,
        client_key: str | None = None,
        seen: int | None = None,
    ) -> SendRequest:
        """``seen``: number of the newest entry that the agent has read; ``None`` = by what has been on the screen."""
        from tui_inbox.services.send_plan import SendRequest

        return SendRequest(
            contact_id=self._screen.contact_id,
            text=text,
            template=template,
            channel_id=channel_id,
            tag=tag,
            client_key=client_key,
            seen_seq=self.seen_seq if seen is None else seen,
            due_in=self._screen.actions.rules.undo_seconds,
        )

    # --- somebody wrote meanwhile

    async def _conflict(self, error: ConflictError, request: SendRequest) -> None:
        from tui_inbox.screens.dialogs.conflict import Resolution

        screen = self._screen
        decision, seen = await self._ask_conflict(error, request)
        if decision is Resolution.SEND:
            await self._send_text(request.text, request.tag, seen=seen)
        elif decision is Resolution.DROP:
            screen.composer.load("")
            await screen.host.services.drafts.discard(screen.host.agent, request.contact_id)
            screen.say("The text is dropped; nothing was sent.")
        else:
            screen.composer.field.focus()
            screen.say("Not sent; the text is as you wrote it.")

    async def _ask_conflict(self, error: ConflictError, request: SendRequest) -> tuple[Resolution, int]:
        """What the agent decides, and the number of the newest message that was shown: "anyway" goes no further."""
        from tui_inbox.screens.dialogs.conflict import ConflictDialog, Resolution

        screen, host = self._screen, self._screen.host
        seen = request.seen_seq or 0
        news = await host.services.contacts.written_since(host.agent, request.contact_id, seen)
        screen.reading.again()
        decision = await screen.app.push_screen_wait(ConflictDialog(str(error), news, screen.customer))
        shown = max([seen, *(entry.seq for entry in news)])
        screen.seen.read(shown)
        return decision or Resolution.EDIT, shown

    # --- the draft

    def draft_due(self) -> None:
        """The composer wants its text saved."""
        self._screen.in_background(self.save_draft, "draft", alone=False)

    @property
    def busy(self) -> bool:
        """Whether a message is being queued; the database may be locked, and then this takes long."""
        return self._draft_lock.locked()

    async def save_draft(self) -> None:
        """Save what is in the composer now; an empty composer has no draft. Says so where it cannot be saved."""
        screen = self._screen
        if not screen.is_mounted or screen.shown is None or not screen.host.ready:
            return
        try:
            async with asyncio.timeout(SEND_PATIENCE):
                await self._draft_lock.acquire()
        except TimeoutError:
            # A message is being queued. What becomes of it decides whether this text is still a draft.
            await self._save_draft(screen.host.services.drafts.keep_aside)
            return
        try:
            await self._save_draft(screen.host.services.drafts.save)
        finally:
            self._draft_lock.release()

    async def _save_draft(self, save: Callable[[Agent, int, int | None, str], Awaitable[object]]) -> None:
        screen = self._screen
        if not screen.is_attached or not screen.composer.unsaved:
            return
        composer, contact_id, agent = screen.composer, screen.contact_id, screen.host.agent
        text = composer.text
        try:
            if text.strip():
                await save(agent, contact_id, screen.policy.chosen, text)
            else:
                await screen.host.services.drafts.discard(agent, contact_id)
        except InboxError as error:
            screen.say(f"The draft is not saved yet: {error}", refused=True)
            return
        composer.saved(text)
