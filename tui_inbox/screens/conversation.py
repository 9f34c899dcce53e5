"""The conversation screen: what its keys do, one method per action id, and when they cannot be done."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import App, SuspendNotSupported
from textual.binding import BindingType

from tui_inbox.actions import Scope, first_sign
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.kinds import ComposerMode, Direction, Permission
from tui_inbox.screens.base import bindings_for
from tui_inbox.screens.conversation_files import NONE_HERE
from tui_inbox.screens.conversation_trouble import NOT_THROUGH
from tui_inbox.screens.conversation_view import ConversationView, Neighbours
from tui_inbox.screens.message_actions import MessageActions
from tui_inbox.screens.on_contacts import OnContacts
from tui_inbox.text import clean_line

if TYPE_CHECKING:
    from tui_inbox.domain.outbox import OutboxItem
    from tui_inbox.services.reach import Reach

ALWAYS = frozenset({"help", "palette", "quit", "back"})
KEPT_AS = "conversation"
"""Name under which the application keeps the screen."""


class ConversationScreen(OnContacts, ConversationView):
    """One contact; stays for the whole walk through a list with ``]`` and ``[``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(Scope.GLOBAL, Scope.LIST, Scope.CONVERSATION, Scope.CONTACT, Scope.MESSAGE),
        *bindings_for(Scope.COMPOSER, only=("composer_template", "channel", "editor", "attach", "detach")),
    ]

    # --- availability

    def unavailable(self, action_id: str) -> str | None:
        """Why not, in one sentence."""
        if action_id in ALWAYS:
            return None
        if not self.host.ready or self.shown is None:
            return "The conversation is still opening."
        if action_id in self.actions.IDS:
            return self.actions.unavailable(action_id, (self.contact_id,))
        if action_id in MessageActions.IDS:
            return MessageActions(self).unavailable(action_id, self.trouble.items)
        if action_id == "message_text":
            return self.trouble.no_text()
        if action_id in {"message_next", "message_details"} and not self.trouble.stuck:
            return NOT_THROUGH
        if action_id in {"file_open", "file_save"} and not self.files.of_thread():
            return NONE_HERE if self.timeline.selected is None else "This message has no file."
        if action_id == "view" and self.timeline.longest is None:
            return "No message here is longer than what is shown."
        return self._cannot_write() if action_id == "write" else None

    def _cannot_write(self) -> str | None:
        current = self.policy.current
        if current is None:
            return "Nothing can be sent: this contact has no address on any channel."
        if self.composer.mode is ComposerMode.DISABLED:
            way_out = f" Way out: {current.answer.way_out}." if current.answer.way_out else ""
            return f"Nothing may be sent on {current.policy.label}: {current.answer.reason}.{way_out}"
        return None

    # --- moving

    def do_cursor_down(self) -> None:
        self.timeline.move(1)

    def do_cursor_up(self) -> None:
        self.timeline.move(-1)

    def do_half_down(self) -> None:
        self.timeline.move(max(1, self.timeline.size.height // 2))

    def do_half_up(self) -> None:
        self.timeline.move(-max(1, self.timeline.size.height // 2))

    def do_page_down(self) -> None:
        self.timeline.move(max(1, self.timeline.size.height - 1))

    def do_page_up(self) -> None:
        self.timeline.move(-max(1, self.timeline.size.height - 1))

    def do_top(self) -> None:
        self.timeline.to_start()

    def do_bottom(self) -> None:
        self.timeline.to_end()

    def do_view(self) -> None:
        """A long message to its end: the selected one, else the newest long one."""
        from tui_inbox.screens.pager import PagerScreen

        entry = self.timeline.longest
        assert entry is not None, "unavailable() has looked"
        local = entry.at.astimezone(self.host.tz)
        who = self.customer if entry.direction is Direction.INBOUND else str(clean_line(entry.author, 40))
        self.app.push_screen(PagerScreen(entry.body, f"{who} · {local:%d %B %H:%M}"))

    async def do_next(self) -> None:
        """The next conversation of the list."""
        await self._step(1)

    async def do_previous(self) -> None:
        """The previous conversation of the list."""
        await self._step(-1)

    async def _step(self, step: int) -> None:
        contact_id = await self.neighbour(step)
        if contact_id is None:
            self.say("This is the last one of the list." if step > 0 else "This is the first one of the list.")
        elif await self._may_leave():
            self.say("")
            await self.show_contact(contact_id)

    async def do_back(self) -> None:
        """Take the cursor off the messages, else back to the inbox; the draft is saved."""
        chosen = self.timeline.selected
        came_for_it = chosen is not None and bool(self.came_for) and chosen.message_id == self.came_for
        if not came_for_it and self.timeline.unselect():
            self.trouble.draw()
            return
        if await self._may_leave():
            self.dismiss(None)
            self.leave()

    async def _may_leave(self) -> bool:
        """Save the draft; stay while a message waits to be queued, since leaving would give it up."""
        await self.save_now()
        if self.sending.busy:
            self.say("Not left: your message is still being queued. It stays a draft if that fails.", refused=True)
        return not self.sending.busy

    # --- writing

    def do_write(self) -> None:
        """Into the composer; straight to the templates where only those may go."""
        if self.composer.mode is ComposerMode.TEMPLATE:
            self.do_template()
        else:
            self.set_focus(self.composer.field)

    def do_template(self) -> None:
        """Choose and send a template."""
        self.host.hold_keys()
        self.in_background(self._template, "template")

    async def _template(self) -> None:
        from tui_inbox.screens.template_picker import TemplatePicker

        item = self._template_channel()
        if item is None:
            self.say("No channel of this contact takes a template now.", refused=True)
            return
        assert self.shown is not None
        channel, seen = item.contact_channel.channel, self.sending.seen_seq
        templates = await self.host.services.directory.templates(channel.id)
        choice = await self.app.push_screen_wait(
            TemplatePicker(templates, self.shown.view.contact, f"{item.policy.label} · {clean_line(channel.name, 24)}")
        )
        if choice is None:
            return
        for blocked in self.trouble.holding_up(item.contact_channel.id):
            await self._text_back(blocked)  # it would keep the template waiting behind it
        await self.sending.send_template(choice, item.contact_channel.id, seen=seen)

    def _template_channel(self) -> Reach | None:
        """The channel in use where it takes templates, else the first that does."""
        current = self.policy.current
        items = (*((current,) if current is not None else ()), *self.policy.reaches)
        return next((item for item in items if item.answer.allows(Permission.TEMPLATE)), None)

    def do_composer_template(self) -> None:
        """The composer's key for it works here too: the policy bar names it as a way out."""
        self.do_template()

    def do_attach(self) -> None:
        """Put a file beside what is written."""
        self.host.hold_keys()
        self.in_background(self.files.attach, "file")

    def do_detach(self) -> None:
        """Take the file attached last away again."""
        self.in_background(self.files.detach, "file", alone=False)

    def do_file_open(self) -> None:
        """Open a file of the thread."""
        self.in_background(self.files.open, "file")

    def do_file_save(self) -> None:
        """Save a file of the thread."""
        self.host.hold_keys()
        self.in_background(self.files.save, "file")

    def do_channel(self) -> None:
        """Write on another channel."""
        self.host.hold_keys()
        self.in_background(self._channel, "channel")

    async def _channel(self) -> None:
        from tui_inbox.screens.dialogs.channel import ChannelDialog

        current = self.policy.current
        in_use = None if current is None else current.contact_channel.id
        dialog = ChannelDialog(self.customer, self.policy.reaches, in_use, self.host.clock(), self.host.tz)
        chosen = await self.app.push_screen_wait(dialog)
        if chosen is not None:
            self.policy.use(chosen)

    async def do_editor(self) -> None:
        """Write in an editor of one's own; the file stays until the draft is saved."""
        from tui_inbox import paths
        from tui_inbox.terminal import editor

        if self.composer.mode not in {ComposerMode.FREE, ComposerMode.TAG}:
            self.say(self._cannot_write() or "Only a template may be sent now.", refused=True)
            return
        await self.save_now()
        try:
            with self.app.suspend():
                edited = editor.edit(
                    self.composer.text,
                    name=f"contact-{self.contact_id}",
                    directory=paths.state_dir() / "editor",
                    environ=os.environ,
                )
        except SuspendNotSupported:
            self.say("An editor cannot be opened from here.", refused=True)
            return
        if edited.error:
            self.say(edited.error, refused=True)
            return
        self.composer.replace(edited.text)
        await self.save_now()
        if not self.composer.unsaved:
            edited.confirm()

    def do_undo(self) -> None:
        """A message that was just sent comes back into the composer; anything else is taken back as everywhere."""
        if self.actions.memory.sent_message and self.actions.memory.sent_to == self.contact_id:
            self.in_background(self._take_back, "send", alone=False)
        else:
            self._act("undo")

    def _act(self, action_id: str) -> None:
        self.host.hold_keys()
        self.actions.run(action_id, (self.contact_id,))

    async def _take_back(self) -> None:
        memory, host = self.actions.memory, self.host
        message_id = memory.sent_message
        memory.done(())
        try:
            undone = await host.services.sending.undo(host.agent, message_id)
        except InboxError as error:
            self.say(str(error), refused=True)
            return
        typed = self.composer.text
        self.composer.load("\n".join(part for part in (undone.text, typed) if part))
        self.policy.use(undone.channel_id)
        await self.files.read_again()
        self.say(undone.message)
        host.store_changed()
        self.reading.again()

    # --- messages that are not through

    def do_message_next(self) -> None:
        """The cursor to the next message that is not through; the panel tells of it."""
        message_id = self.trouble.following()
        if message_id is None or not self.timeline.select_message(message_id):
            self.say("It lies further up: scroll there to load it.", refused=True)
        self.trouble.draw()

    def do_message_details(self) -> None:
        """Every attempt, or the newest."""
        self.trouble.all_attempts = not self.trouble.all_attempts
        self.trouble.draw()

    def do_message_retry(self) -> None:
        self._decide("message_retry")

    def do_message_arrived(self) -> None:
        self._decide("message_arrived")

    def do_message_drop(self) -> None:
        self._decide("message_drop")

    def _decide(self, action_id: str) -> None:
        MessageActions(self).run(action_id, self.trouble.items, self._decided)

    def _decided(self, sentence: str) -> None:
        if sentence:
            self.say(sentence)
            self.reading.again()

    def do_message_text(self) -> None:
        """The text of a message that did not go out comes back into the composer."""
        current = self.trouble.current
        assert current is not None, "unavailable() has looked"
        self.in_background(partial(self._text_back, current.item), "send", alone=False)

    async def _text_back(self, item: OutboxItem) -> None:
        host = self.host
        await self.save_now()  # what is typed is in the draft first, so that both are kept
        back = await host.services.sending.take_back(host.agent, item.message_id)
        self.composer.load(back.draft)
        self.policy.use(back.channel_id)
        await self.files.read_again()
        way_out = ""
        if self.composer.mode is ComposerMode.TEMPLATE:
            way_out = (
                f" {first_sign('template', self.keymap)} chooses a template, or wait for a reply and send it then."
            )
        self.say(f"Its text is in the composer; nothing was sent.{way_out}")
        host.store_changed()
        self.reading.again()


def open_conversation(
    app: App[Any],
    contact_id: int,
    *,
    start: str = "read",
    neighbours: Neighbours | None = None,
    message_id: str = "",
) -> ConversationScreen:
    """Show a contact on the conversation screen of ``app``; see :class:`ConversationView` for the rest.

    The screen is made once and kept: making and styling its widgets takes longer than reading and painting a contact.
    """
    if not app.is_screen_installed(KEPT_AS):
        screen = ConversationScreen(contact_id, start=start, neighbours=neighbours, message_id=message_id)
        app.install_screen(screen, KEPT_AS)
    else:
        screen = cast(ConversationScreen, app.get_screen(KEPT_AS))
        screen.begin(contact_id, start=start, neighbours=neighbours, message_id=message_id)
    app.push_screen(screen)
    return screen
