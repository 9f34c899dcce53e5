"""What the conversation shows: thread, contact card, channel-policy bar, composer, and how they follow the store.

Reading is in ``conversation_reading``, sending and drafts in ``conversation_sending``, the keys in ``conversation``.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import ScreenResume
from textual.reactive import Reactive
from textual.widget import Widget

from tui_inbox.actions import first_sign, keys_of
from tui_inbox.screens.base import ActionScreen
from tui_inbox.screens.company import Company
from tui_inbox.screens.contact_actions import ContactActions
from tui_inbox.screens.conversation_files import Files
from tui_inbox.screens.conversation_reading import Loaded, ThreadReading
from tui_inbox.screens.conversation_sending import Sending
from tui_inbox.screens.conversation_trouble import Trouble
from tui_inbox.screens.seen import Seen
from tui_inbox.text import clean_line
from tui_inbox.widgets.channel_policy import ChannelPolicyBar
from tui_inbox.widgets.composer import Composer
from tui_inbox.widgets.composer_text import ComposerKeys
from tui_inbox.widgets.contact_card import ContactCard
from tui_inbox.widgets.decision_panel import DecisionPanel
from tui_inbox.widgets.hint_bar import HintBar
from tui_inbox.widgets.status_line import StatusLine
from tui_inbox.widgets.timeline import Timeline
from tui_inbox.widgets.timeline_layout import Reader
from tui_inbox.widgets.work import Work, begin

if TYPE_CHECKING:
    from tui_inbox.services.reach import Reach

WIDE, WIDEST = 100, 120
"""Terminal widths from which the contact card stands at the right, and is wider."""

HOLD_AT_MOST = 0.25
"""Seconds for which the first picture waits for the data, so that it is painted once and not twice."""


class Neighbours(Protocol):
    """The list that a conversation was opened from."""

    async def neighbour(self, contact_id: int, step: int) -> int | None:
        """The contact after (1) or before (-1) another one; ``None`` at the end of the list."""


class ConversationView(ActionScreen[None]):
    """Shows one contact; what keys do is the subclass's."""

    HINTS = ("write", "template", "note", "close", "snooze", "assign", "take", "next", "undo", "back", "help")
    COMPOSER_HINTS = ("send", "newline", "composer_template", "channel", "leave", "attach", "editor")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide"), (WIDEST, "-widest")]
    CSS_PATH = "conversation.tcss"
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """As Textual declares it, but a change of the focus alone does not paint the whole screen anew."""

    def __init__(
        self, contact_id: int, *, start: str = "read", neighbours: Neighbours | None = None, message_id: str = ""
    ) -> None:
        """``start``: ``read``, or the action to do as soon as the contact is shown, for example ``write``.

        ``message_id``: the message to begin at instead of the newest.
        """
        super().__init__()
        self.contact_id = contact_id
        """Who is shown."""
        self.shown: Loaded | None = None
        """What was read of them; ``None`` until then."""
        self._neighbours = neighbours
        self._start = start
        self.came_for = message_id
        """Id of the message that it was opened for; empty = for the newest."""
        self.reading = ThreadReading(self)
        self.sending = Sending(self)
        self.trouble = Trouble(self)
        self.company = Company(self)
        self.files = Files(self)
        self.seen = Seen()
        self._hold = ExitStack()
        self._followed: Reach | None = None
        """The channel in use as the composer knows it."""
        self._styled_for = ""

    def begin(self, contact_id: int, *, start: str, neighbours: Neighbours | None, message_id: str) -> None:
        """Show another contact on this screen, which was left before and is about to be pushed again."""
        self.shown = None
        self.contact_id, self._start, self._neighbours = contact_id, start, neighbours
        self.came_for = message_id
        self._fold()
        self._hold_picture()
        self.reading.open(contact_id, message_id)

    def compose(self) -> ComposeResult:
        """Thread at the left, card at the right or folded at the top."""
        host, keymap = self.host, self.keymap
        self._styled_for = self.app.theme
        self._fold()
        with Horizontal(id="conversation"):
            with Vertical(id="thread-side"):
                yield ContactCard(host.tz, folded=True, id="head")
                yield Timeline(id="timeline")
                yield DecisionPanel(id="decision")
                yield ChannelPolicyBar(host.clock, lambda ident: first_sign(ident, keymap), host.tz, id="policy")
                yield Composer(self._composer_keys(), id="composer")
            yield ContactCard(host.tz, folded=False, id="card")
        yield StatusLine(id="status")
        yield HintBar(self.HINTS, keymap)

    def _composer_keys(self) -> ComposerKeys:
        ids = {"send": "send", "newline": "newline", "template": "composer_template", "channel": "channel"}
        ids |= {"editor": "editor", "leave": "leave", "attach": "attach", "detach": "detach"}
        return ComposerKeys(**{name: keys_of(ident, self.keymap) for name, ident in ids.items()})

    # --- parts

    @property
    def timeline(self) -> Timeline:
        """The thread."""
        return self.query_one("#timeline", Timeline)

    @property
    def policy(self) -> ChannelPolicyBar:
        """The bar above the composer."""
        return self.query_one("#policy", ChannelPolicyBar)

    @property
    def composer(self) -> Composer:
        """Where one writes."""
        return self.query_one("#composer", Composer)

    @property
    def customer(self) -> str:
        """The contact's name, cleaned."""
        return str(clean_line(self.shown.view.contact.name, 40)) if self.shown is not None else ""

    @property
    def actions(self) -> ContactActions:
        """What can be done to the contact."""
        return ContactActions(self)

    # --- life

    async def on_mount(self) -> None:
        """Read at once where the services are there already."""
        if self.host.ready:
            self._hold_picture()
            await self.data_ready()

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Back, maybe from a dialog: a window may have closed meanwhile.

        Textual styles everything anew each time that the screen is pushed; that is needed in another theme alone.
        """
        self.policy.catch_up()
        event.refresh_styles = self._styled_for != self.app.theme
        self._styled_for = self.app.theme

    async def data_ready(self) -> None:
        """Read the contact."""
        self.reading.open(self.contact_id, self.came_for)

    def on_unmount(self) -> None:
        """Nobody looks at it any more; it may have been left before anything was read."""
        self.company.gone()
        self._hold.close()

    def leave(self) -> None:
        """Let go of the contact: nothing of it ticks on, or is seen should the next one be slow to come."""
        self.shown = None
        self.company.go()
        self.set_focus(None)
        self.policy.forget()
        self.trouble.forget()
        for card in self.query(ContactCard):
            card.forget()
        self.timeline.forget()
        self.composer.load("")
        self.files.show(())
        self.query_one(StatusLine).clear()

    def _fold(self) -> None:
        """Set the classes of this width; Textual does so after its first layout, and would need a second one then."""
        self.set_classes([name for width, name in self.HORIZONTAL_BREAKPOINTS if self.app.size.width >= width][-1:])

    def _hold_picture(self) -> None:
        """Keys and picture wait for what is being read, the picture not for long."""
        self.host.hold_keys()
        self._hold.close()
        self._hold.enter_context(self.app.batch_update())
        self.set_timer(HOLD_AT_MOST, self._release)

    def _release(self) -> None:
        """Paint from now on."""
        self._hold.close()
        self.check_idle()

    async def store_changed(self) -> None:
        """Somebody wrote: read again; nothing moves under the reader and the composer stays as it is."""
        if self.shown is not None:
            self.reading.again()

    async def colleagues_changed(self) -> None:
        """Another agent came, went, or began to type."""
        self.company.show()

    async def save_now(self) -> None:
        """Put the draft on disk."""
        await self.sending.save_draft()

    async def show_contact(self, contact_id: int) -> None:
        """Show another contact; the draft of this one is saved first."""
        self.host.hold_keys()
        await self.sending.save_draft()
        self.contact_id, self.came_for = contact_id, ""
        self.shown = None
        self.reading.open(contact_id)

    def in_background(self, work: Work, group: str, *, alone: bool = True) -> None:
        """Do ``work`` beside the screen's messages; a failure is told. ``alone``: it replaces earlier work."""
        begin(self, work, group, alone=alone)

    async def neighbour(self, step: int) -> int | None:
        """The next or previous contact of the list that this screen was opened from."""
        return None if self._neighbours is None else await self._neighbours.neighbour(self.contact_id, step)

    @on(Loaded)
    def _loaded(self, message: Loaded) -> None:
        """Take over what was read, unless it is of a contact that was left meanwhile, or was read once already."""
        if message.contact_id != self.contact_id or message.fresh is (self.shown is not None):
            return
        if self.shown is not None:
            message = message.over(self.shown)
        self.shown = message
        view = message.view
        if message.fresh:
            self.seen.opened(view.conversation.last_seq)
            self.composer.load(message.draft)
            self.policy.use(None)
        else:
            self.seen.came(view.conversation.last_seq, hidden=self.timeline.new_below > 0)
        for card in self.query(ContactCard):
            card.show_view(view, self.host.agent.handle)
        channels = tuple(item.contact_channel for item in view.reach)
        self.policy.show_contact(view.contact, channels, view.conversation.last_channel_id)
        if message.fresh and message.draft_channel is not None:
            self.policy.use(message.draft_channel)
        # The bar tells by messages that come later; what follows here needs the mode now, and the picture all of it.
        self._show_reach(view.at)
        self._follow()
        self.files.show(message.composer_files)
        self.timeline.show(message.entries, self._reader(), complete=message.complete, fresh=message.fresh)
        if message.fresh and self.came_for:
            self.timeline.select_message(self.came_for)
        self._show_hints()
        self.trouble.show(message.details)
        self.sending.ask_consequence()
        if message.fresh:
            self.company.come()
            self.company.show()
            self.reading.mark_read()
        start, self._start = self._start, "read"
        if start != "read":
            self.call_later(self.perform, start)
        elif message.fresh:
            self.host.release_keys()

    def _reader(self) -> Reader:
        assert self.shown is not None
        host = self.host
        return Reader(
            agent=host.agent.handle,
            customer=str(clean_line(self.shown.view.contact.first_name or self.shown.view.contact.name, 40)),
            now=host.clock(),
            zone=host.tz,
            view_key=first_sign("view", self.keymap),
        )

    # --- messages of the parts

    @on(ChannelPolicyBar.ModeChanged)
    def _mode_changed(self) -> None:
        if self.policy.current != self._followed:
            self._follow()
            self.files.judge()
            self.sending.ask_consequence()

    def _follow(self) -> None:
        current = self._followed = self.policy.current
        self.composer.follow(None if current is None else current.answer)

    @on(ChannelPolicyBar.Judged)
    def _judged(self, message: ChannelPolicyBar.Judged) -> None:
        self._show_reach(message.now)
        # It follows whatever was loaded, by a way so long that every part has told the screen that it looks different:
        # painted before that, all of it would be painted twice.
        self._release()

    def _show_reach(self, now: datetime) -> None:
        current = self.policy.current
        in_use = None if current is None else current.contact_channel.id
        for card in self.query(ContactCard):
            card.show_reach(self.policy.reaches, in_use, now)

    @on(ChannelPolicyBar.Pressed)
    @on(Composer.ChannelWanted)
    async def _channel_wanted(self) -> None:
        await self.perform("channel")

    @on(Composer.TemplateWanted)
    async def _template_wanted(self) -> None:
        await self.perform("template")

    @on(Composer.AttachWanted)
    async def _attach_wanted(self) -> None:
        await self.perform("attach")

    @on(Composer.DetachWanted)
    async def _detach_wanted(self) -> None:
        await self.perform("detach")

    @on(Composer.EditorWanted)
    async def _editor_wanted(self) -> None:
        await self.perform("editor")

    @on(Composer.Submitted)
    def _submitted(self, message: Composer.Submitted) -> None:
        self.sending.send_text(message.text, message.tag)

    @on(Composer.Refused)
    def _refused(self, message: Composer.Refused) -> None:
        self.say(message.reason, refused=True)

    @on(Composer.Typed)
    def _typed(self) -> None:
        self.company.typed()

    @on(Composer.DraftDue)
    def _draft_due(self) -> None:
        self.sending.draft_due()

    @on(Composer.Left)
    @on(Timeline.Activated)
    def _leave_composer(self) -> None:
        # Nothing else takes the focus: the keys are the screen's, and no widget is painted anew for it.
        self.set_focus(None)
        self.trouble.draw()

    @on(Timeline.OlderWanted)
    def _older_wanted(self) -> None:
        self.reading.older()

    def on_descendant_focus(self) -> None:
        """The hint bar follows the focus."""
        self._show_hints()

    def on_descendant_blur(self) -> None:
        """The hint bar follows the focus."""
        self._show_hints()

    def _show_hints(self) -> None:
        writing = self.focused is self.composer.field
        self.query_one(HintBar).show(self.COMPOSER_HINTS if writing else self._hints(), self.keymap)

    def _hints(self) -> tuple[str, ...]:
        """Those of the screen; that files can be opened is said where there are some."""
        return ("write", "template", "file_open", *self.HINTS[2:]) if self.files.of_thread() else self.HINTS
