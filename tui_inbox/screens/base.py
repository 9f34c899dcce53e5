"""What every screen shares: the surroundings it may use, actions by name, one line to say things in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar, cast

from textual import events
from textual.screen import ModalScreen
from textual.widgets import Input, TextArea
from textual.worker import Worker, WorkerState

from tui_inbox.actions import ACTIONS, Keymap, Scope
from tui_inbox.domain.clock import Clock
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.models import Agent
from tui_inbox.screens.painting import Painting
from tui_inbox.widgets.keys import ActionTarget, bindings_for
from tui_inbox.widgets.status_line import StatusLine

if TYPE_CHECKING:  # the data layer is imported after the first frame, never by a screen
    from tui_inbox.repository.store import Store
    from tui_inbox.services.attachments import AttachmentService
    from tui_inbox.services.contacts import ContactService
    from tui_inbox.services.directory import DirectoryService
    from tui_inbox.services.drafts import DraftService
    from tui_inbox.services.inbox import InboxService
    from tui_inbox.services.lifecycle import LifecycleService
    from tui_inbox.services.outbox import OutboxService
    from tui_inbox.services.presence import PresenceService
    from tui_inbox.services.sending import SendingService

__all__ = ["ActionModal", "ActionScreen", "Host", "Services", "bindings_for"]

ResultT = TypeVar("ResultT")


class Services(Protocol):
    """The use cases that screens call."""

    @property
    def store(self) -> Store: ...
    @property
    def inbox(self) -> InboxService: ...
    @property
    def contacts(self) -> ContactService: ...
    @property
    def sending(self) -> SendingService: ...
    @property
    def outbox(self) -> OutboxService: ...
    @property
    def lifecycle(self) -> LifecycleService: ...
    @property
    def drafts(self) -> DraftService: ...
    @property
    def directory(self) -> DirectoryService: ...
    @property
    def presence(self) -> PresenceService: ...
    @property
    def attachments(self) -> AttachmentService: ...
    async def close(self) -> None:
        """Release the store and whatever else is open."""


class Host(Protocol):
    """The application as screens see it."""

    clock: Clock
    tz: tzinfo
    keymap: Keymap
    opener: str
    """Command of the settings that shows a file on this terminal; empty = the desktop's own viewer."""

    @property
    def ready(self) -> bool:
        """Whether services and agent are there."""

    @property
    def services(self) -> Services:
        """The use cases; only when :attr:`ready`."""

    @property
    def agent(self) -> Agent:
        """Who sits at the keyboard; only when :attr:`ready`."""

    def hold_keys(self) -> None:
        """Something that takes the keyboard is opening: let keys wait for it."""

    def release_keys(self) -> None:
        """It is there, or will not come."""

    def store_changed(self) -> None:
        """Tell all screens that this program has just written to the store."""


class ActionScreen(ActionTarget, Painting[ResultT]):
    """A full screen. Subclasses set ``BINDINGS = bindings_for(…)`` and write ``do_<action id>`` methods."""

    SEQUENCE_SCOPES = (Scope.LIST,)
    HINTS: ClassVar[tuple[str, ...]] = ()
    """Action ids of the hint bar, the most wanted first."""
    AUTO_FOCUS = ""

    @property
    def host(self) -> Host:
        """The application."""
        return cast(Host, self.app)

    @property
    def keymap(self) -> Keymap:
        return self.host.keymap

    def say(self, sentence: str, *, refused: bool = False) -> None:
        """One sentence in the status line of the screen on top."""
        if refused:
            self.host.release_keys()
        for screen in reversed(self.app.screen_stack):
            lines = list(screen.query(StatusLine))
            if lines:
                lines[0].say(sentence, refused=refused)
                return

    def on_descendant_focus(self) -> None:
        """A field that has the focus takes the keys that waited for it."""
        if isinstance(self.focused, Input | TextArea):
            self.host.release_keys()

    async def data_ready(self) -> None:
        """Called once services and agent are there; at once when they are before the screen is shown."""

    async def store_changed(self) -> None:
        """Called when somebody, or this program, has written to the store. Read again what is shown."""

    async def colleagues_changed(self) -> None:
        """Called when what another agent looks at or types to reads differently."""

    async def save_now(self) -> None:
        """Called before the program ends by a signal: put what was typed on disk."""

    def commands(self) -> Mapping[str, str]:
        """Action ids of this screen for the command palette, with the reason where one is unavailable, else empty."""
        alive = {binding.id for _, binding in self._bindings if binding.id}
        known = (action for action in ACTIONS.values() if action.command)
        return {
            action.id: self.unavailable(action.id) or ""
            for action in known
            if action.id in alive or (not action.keys and hasattr(self, f"do_{action.id}"))
        }

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A failed piece of work is told, never swallowed, and never ends the program."""
        if event.state is not WorkerState.ERROR:
            return
        event.stop()
        error = event.worker.error
        if isinstance(error, InboxError):
            self.say(str(error), refused=True)
        elif error is not None:
            self.say("Something went wrong in the program; the log file says where. Nothing was sent.", refused=True)
            report = getattr(self.app, "log_failure", None)
            if report is not None:
                report(error)

    def do_help(self) -> None:
        """Keys of this screen first, then the rest."""
        from tui_inbox.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self))

    def do_palette(self) -> None:
        """Textual's command palette over the registry."""
        from tui_inbox.screens.palette import Palette

        if not Palette.is_open(self.app):
            self.app.push_screen(Palette())

    def do_outbox(self) -> None:
        """The outbox over this screen; where it is below already, back to it."""
        from tui_inbox.screens.outbox import OutboxScreen

        if any(isinstance(screen, OutboxScreen) for screen in self.app.screen_stack[:-1]):
            self.say("The outbox is below: esc goes back to it.", refused=True)
            return
        self.host.hold_keys()
        self.app.push_screen(OutboxScreen())

    async def do_quit(self) -> None:
        """Leave; what was typed is saved first."""
        await self.save_now()
        self.app.exit(0)


class ActionModal(ActionTarget, Painting[ResultT], ModalScreen[ResultT]):
    """A dialog over a screen; says things on the screen below."""

    @property
    def host(self) -> Host:
        """The application."""
        return cast(Host, self.app)

    @property
    def keymap(self) -> Keymap:
        return self.host.keymap

    def on_mount(self) -> None:
        """Keys that waited for the dialog are its own, once it is laid out and something has the focus."""
        self.call_after_refresh(self.host.release_keys)

    def say(self, sentence: str, *, refused: bool = False) -> None:
        """One sentence in the status line of the dialog, or of the screen below."""
        for screen in reversed(self.app.screen_stack):
            lines = list(screen.query(StatusLine))
            if lines:
                lines[0].say(sentence, refused=refused)
                return

    async def on_key(self, event: events.Key) -> None:
        """Sequences first; what is none of them goes to the bindings."""
        await self.watch_sequence(event)
