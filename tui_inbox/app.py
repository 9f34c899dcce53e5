"""The application: paints first, opens inbox and data behind the first frame, watches the store, ends cleanly.

What one sees is in ``screens``; nothing here knows SQL, HTTP or a channel.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.app import SystemCommand
from textual.driver import Driver
from textual.events import Resize
from textual.screen import Screen
from textual.timer import Timer

from tui_inbox.actions import Keymap, check_keymap
from tui_inbox.domain.clock import Clock, system_clock
from tui_inbox.domain.errors import InboxError, UsageError
from tui_inbox.screens.opening import OpeningScreen
from tui_inbox.screens.typeahead import TypeAhead
from tui_inbox.terminal import signals
from tui_inbox.terminal.guard import guarded_driver
from tui_inbox.widgets.keys import single_keys
from tui_inbox.widgets.work import begin

if TYPE_CHECKING:  # imported after the first frame
    from collections.abc import Mapping

    from textual.command import Provider

    from tui_inbox.domain.models import Agent
    from tui_inbox.screens.base import ActionScreen, Services

WATCH_EVERY = 0.3
"""Seconds between two looks at whether somebody else has written to the store."""
LOOK_OVER_AFTER = 5.0
"""Seconds after the start at which the whole database is looked over once."""
SETTLED_AFTER = 0.15
"""Seconds without another change after which the window's size is taken to stay."""
SAVE_BEFORE_PAUSE = 1.0
"""Seconds that saving the drafts may take before the program goes into the background."""
DEAF = 0.2
"""Seconds after another program had the terminal in which an interrupt is taken to be that one's."""
INBOX, DATA_LAYER = "tui_inbox.screens.inbox", "tui_inbox.bootstrap"
"""Imported in a thread once the first frame is out, one after the other."""
log = logging.getLogger("tui_inbox.app")

OpenServices = Callable[[], Awaitable["Services"]]
OnReady = Callable[["Services"], Awaitable[None] | None]


def _commands() -> type[Provider]:
    """What the palette offers; imported when it is opened."""
    from tui_inbox.screens.palette import ActionCommands

    return ActionCommands


class TuiInbox(TypeAhead):
    """The inbox in a terminal. ``run()`` returns the exit code."""

    TITLE = "tui-inbox"
    CSS_PATH = "app.tcss"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_commands}
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(
        self,
        open_services: OpenServices,
        agent_handle: str,
        *,
        clock: Clock = system_clock,
        tz: tzinfo = UTC,
        theme: str = "textual-dark",
        keys: Mapping[str, Iterable[str]] | None = None,
        on_ready: OnReady | None = None,
        driver_class: type[Driver] | None = None,
    ) -> None:
        """``open_services`` is awaited after the first frame; ``on_ready`` is called once they are there.

        Who works here and how it looks may also come later, by :meth:`personalise`. Raises :class:`UsageError` for an
        unknown theme or for keys that cannot be.
        """
        super().__init__(driver_class=driver_class or guarded_driver())
        self.animation_level = "none"
        self.clock: Clock = clock
        self.tz: tzinfo = tz
        self.keymap: Keymap = {}
        self.opener = ""
        self.agent_handle = ""
        self.personalise(agent_handle, theme=theme, keys=keys or {})
        self._open_services = open_services
        self._on_ready = on_ready
        self._services: Services | None = None
        self._agent: Agent | None = None
        self._token: int | None = None
        self._generation = 0
        self._trouble = ""
        self._looking: asyncio.Task[None] | None = None
        self._settling: Timer | None = None
        self._forget_signals: Callable[[], None] = lambda: None
        self._forget_pause: Callable[[], None] = lambda: None
        self._lent = False
        self._deaf_until = 0.0

    def personalise(
        self, agent_handle: str, *, theme: str, keys: Mapping[str, Iterable[str]], opener: str = ""
    ) -> None:
        """Take over the settings of the person who works here. Raises :class:`UsageError`; nothing is changed then."""
        keymap = check_keymap(keys)
        if theme not in self.available_themes:
            raise UsageError(f"There is no theme '{theme}'. Known ones: {', '.join(sorted(self.available_themes))}.")
        self.agent_handle, self.keymap, self.theme, self.opener = agent_handle, keymap, theme, opener
        self.set_keymap(single_keys(keymap))

    # What screens use -----------------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether services and agent are there."""
        return self._services is not None and self._agent is not None

    @property
    def services(self) -> Services:
        """The use cases."""
        assert self._services is not None, "asked for before they were open"
        return self._services

    @property
    def agent(self) -> Agent:
        """Who sits at the keyboard."""
        assert self._agent is not None, "asked for before it was known"
        return self._agent

    def store_changed(self) -> None:
        """Tell the screen on top that the store has changed; those below read again when they come back."""
        for screen in self._own_screens()[-1:]:
            screen.call_next(screen.store_changed)

    def hint(self, sentence: str) -> None:
        """Something worth knowing, in the status line of the screen on top."""
        for screen in self._own_screens()[-1:]:
            screen.say(sentence)

    def log_failure(self, error: BaseException) -> None:
        """Write a failure to the log file, without the values of variables."""
        log.error("unexpected failure", exc_info=error)

    # Start ----------------------------------------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[Any]:
        """What takes no time to paint; the inbox comes over it and stays."""
        return OpeningScreen()

    def on_mount(self) -> None:
        """Signals now; the inbox and its data after the first frame. Keys wait until it shows its first rows."""
        self.hold_keys(longest=None)
        self._forget_signals = signals.install(asyncio.get_running_loop(), self._signalled)
        self._forget_pause = signals.install_pause(self._paused)
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        begin(self, self._open, "open", exit_on_error=True)

    async def _open(self) -> None:
        inbox = await asyncio.to_thread(importlib.import_module, INBOX)
        await self.push_screen(inbox.InboxScreen())
        try:
            await asyncio.to_thread(importlib.import_module, DATA_LAYER)
            services = await self._open_services()
            self._services = services
            self._agent = await services.directory.agent(self.agent_handle)
            self._token = await services.store.change_token()
        except InboxError as error:
            self._stop(error)
            return
        await self._merge_drafts()
        for screen in self._own_screens():
            await screen.data_ready()
        self.set_interval(WATCH_EVERY, self._watch)
        self.set_timer(LOOK_OVER_AFTER, self._look_over)
        if self._on_ready is not None:
            started = self._on_ready(services)
            if inspect.isawaitable(started):
                await started

    def _stop(self, error: InboxError) -> None:
        """End with a sentence on stderr and the documented exit code."""
        from tui_inbox.text import terminal_safe

        self.exit(error.exit_code, error.exit_code, Text(f"tui-inbox: {terminal_safe(str(error))}"))

    # Watching the store ---------------------------------------------------------------------------------------------

    def _look_over(self) -> None:
        """Damage is better found before it is met; not while the first screens are being read."""
        begin(self, self.services.store.look_over, "look-over")

    def _watch(self) -> None:
        """Look beside the application's own messages: an answer may take long, and keys must not wait for it."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(self._looked)

    def _looked(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.log_failure(error)

    async def _look(self) -> None:
        store = self.services.store
        trouble: InboxError | None = await store.check()
        token = self._token
        try:
            token = await store.change_token()
        except InboxError as error:
            trouble = trouble or error
        await self._tell(trouble)
        if token != self._token or store.generation != self._generation:
            self._token, self._generation = token, store.generation
            self.store_changed()
        if await self.services.presence.look(self.agent):
            for screen in self._own_screens()[-1:]:
                screen.call_next(screen.colleagues_changed)

    async def _tell(self, trouble: InboxError | None) -> None:
        """The banner of every screen; once the trouble is over, what was kept for that moment."""
        from tui_inbox.screens.trouble_words import banner_words
        from tui_inbox.widgets.banner import show_banner

        before, self._trouble = self._trouble, "" if trouble is None else banner_words(trouble)
        if before or self._trouble:
            for screen in self.screen_stack:
                show_banner(screen, self._trouble)
        if before and not self._trouble:
            await self.save_all()
            await self._merge_drafts()
            self.store_changed()

    async def _merge_drafts(self) -> None:
        """Drafts that lay in files go into the database."""
        from tui_inbox.screens.trouble_words import merged_words

        try:
            merged = await self.services.drafts.merge_files()
        except InboxError as error:
            log.warning("drafts stay in files: %s", error)
            return
        words = merged_words(merged.taken, merged.joined, merged.left)
        if words:
            self.hint(words)

    # The window's size -----------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Paint all of it once the size has settled.

        A window that was made small and large again has lost what it showed, while Textual, which may hear of the last
        size only, sees no change and paints nothing.
        """
        if self.ready:
            if self._settling is not None:
                self._settling.stop()
            self._settling = self.set_timer(SETTLED_AFTER, self._settled)

    def _settled(self) -> None:
        # Signals interrupt each other's handlers, so that the size that is told last may not be the latest.
        window = getattr(self._driver, "window_size", None)
        size = self.size if window is None else window()
        if size == self.size:
            self.refresh()
        else:
            self.post_message(Resize(size, size))

    # End ------------------------------------------------------------------------------------------------------------

    def _signalled(self, number: int) -> None:
        if number != signal.SIGINT or time.monotonic() >= self._deaf_until:
            begin(self, partial(self._end, signals.exit_code(number)), "end")

    async def _end(self, code: int) -> None:
        """Drafts first, then the terminal."""
        try:
            await self.save_all()
        finally:
            self.exit(code, code)

    def _paused(self, pause: signals.Pause) -> None:
        if self._lent:
            pause()  # the shell waits for all of us, and what was typed here was saved before
        else:
            asyncio.get_running_loop().call_soon_threadsafe(self.call_later, self._pause_soon, pause)

    def _pause_soon(self, pause: signals.Pause) -> None:
        begin(self, partial(self._pause, pause), "pause")

    async def _pause(self, pause: signals.Pause) -> None:
        """Drafts first: a program in the background may be killed there, or its line may drop."""
        try:
            await asyncio.wait_for(self.save_all(), SAVE_BEFORE_PAUSE)
        except TimeoutError:
            log.warning("put into the background before the drafts were saved")
        pause()

    @contextmanager
    def suspend(self) -> Iterator[None]:
        """Lend the terminal to another program. A ctrl+c that is typed there is told to us as well and is not ours."""
        self._lent = True
        try:
            with super().suspend():
                yield
        finally:
            self._lent = False
            self._deaf_until = time.monotonic() + DEAF

    async def on_unmount(self) -> None:
        """What was opened is closed."""
        self._forget_signals()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        self._forget_pause()
        if self._services is not None:
            await self._services.close()

    async def save_all(self) -> None:
        """Put on disk what was typed on any screen."""
        for screen in self._own_screens():
            await screen.save_now()

    def _own_screens(self) -> list[ActionScreen[Any]]:
        """The full screens, from the bottom; none while there is but the first frame."""
        from tui_inbox.screens.base import ActionScreen

        return [screen for screen in self.screen_stack if isinstance(screen, ActionScreen)]

    def _handle_exception(self, error: Exception) -> None:
        """End on an unexpected failure. Textual would print the values of local variables: customers' text."""
        self.log_failure(error)
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._fatal_error()

    def _fatal_error(self) -> None:
        from tui_inbox import paths

        self._exit_renderables.append(
            Text(f"tui-inbox had to stop: an unexpected failure. Drafts are kept. Details are in {paths.log_file()}")
        )
        self._close_messages_no_wait()

    # Palette --------------------------------------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """None of Textual's own: the registry names every command."""
        return ()
