"""Files of a conversation: those in the composer, and opening and saving those of the thread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from tui_inbox.actions import first_sign
from tui_inbox.domain.attachments import (
    RULES,
    Attachment,
    FileState,
    kind_of,
    may_be_opened,
    name_for,
    refusal_of,
)
from tui_inbox.terminal import opener
from tui_inbox.text import clean_line

if TYPE_CHECKING:
    from tui_inbox.domain.kinds import ChannelKind
    from tui_inbox.screens.conversation_view import ConversationView

NONE_HERE = "No message here has a file."
Portion = tuple[tuple[Attachment, ...], str]
"""Files and text that go in one message."""


class Files:
    """Knows the files in the composer of the contact on the screen."""

    def __init__(self, screen: ConversationView) -> None:
        self._screen = screen
        self._last_directory = ""

    # --- in the composer

    @property
    def attached(self) -> tuple[Attachment, ...]:
        """The files beside what is written."""
        return self._screen.composer.files

    def show(self, files: Sequence[Attachment]) -> None:
        """What was read; the composer shows it."""
        self._screen.composer.show_files(tuple(files), self._refusal(files))

    def judge(self) -> None:
        """Another channel may not carry them."""
        self.show(self.attached)

    async def read_again(self) -> None:
        """What the store has."""
        screen, host = self._screen, self._screen.host
        contact_id = screen.contact_id
        found = await host.services.attachments.of_composer(host.agent, contact_id)
        if screen.contact_id == contact_id:
            self.show(found)

    async def attach(self) -> None:
        """Ask which file, and put it beside what is written. Must run in a worker."""
        from tui_inbox.screens.dialogs.files import AttachDialog

        screen, host, contact_id = self._screen, self._screen.host, self._screen.contact_id
        start = self._last_directory or f"{Path.cwd()}/"
        path = await screen.app.push_screen_wait(AttachDialog(screen.customer, start))
        if path is None:
            return
        self._last_directory = f"{path.parent}/"
        file = await host.services.attachments.attach(host.agent, contact_id, path)
        await self.read_again()
        refusal = self._refusal(self.attached)
        if refusal:
            screen.say(f"{refusal} {first_sign('detach', screen.keymap)} takes it away.", refused=True)
        else:
            screen.say(f"{clean_line(name_for(file), 60)} goes with your next message.")
            screen.set_focus(screen.composer.field)

    async def detach(self) -> None:
        """Take the last file away again."""
        screen, host = self._screen, self._screen.host
        if not self.attached:
            screen.say("There is no file in the composer.", refused=True)
            return
        last = self.attached[-1]
        await host.services.attachments.remove(host.agent, last.id)
        await self.read_again()
        screen.say(f"{clean_line(name_for(last), 60)} is taken away; the file on your disk stays.")

    def portions(self, text: str) -> list[Portion]:
        """What is in the composer as the messages that it takes on this channel, in their order."""
        current = self._screen.policy.current
        return portions(None if current is None else current.contact_channel.channel.kind, self.attached, text)

    def _refusal(self, files: Sequence[Attachment]) -> str:
        current = self._screen.policy.current
        if current is None or not files:
            return ""
        kind, label = current.contact_channel.channel.kind, current.policy.label
        told = (refusal_of(kind, label, some, "") for some, _ in portions(kind, files, "") if some)
        return next((sentence for sentence in told if sentence), "")

    # --- in the thread

    def of_thread(self) -> tuple[Attachment, ...]:
        """The files in question: those of the message under the cursor, else of the newest that has some."""
        chosen = self._screen.timeline.selected
        if chosen is not None:
            return chosen.files
        return next((entry.files for entry in reversed(self._screen.timeline.entries) if entry.files), ())

    async def open(self) -> None:
        """Show a file with another program. Must run in a worker."""
        screen, host = self._screen, self._screen.host
        file = await self._choose("to open")
        if file is None or not await self._is_here(file):
            return
        if not may_be_opened(file.media_type):
            save = first_sign("file_save", screen.keymap)
            told = file.media_type or "of an unknown type"
            screen.say(
                f"This file is {told}: it could be a program, so it is not opened. {save} saves it.", refused=True
            )
            return
        path = await host.services.attachments.copy_to_open(file.id)
        words = opener.on_terminal(host.opener, path)
        try:
            if words:
                with screen.app.suspend():
                    opener.run(words)
            elif viewer := opener.desktop(os.environ):
                opener.start([viewer, str(path)])
                screen.say(f"{clean_line(name_for(file), 60)} is being opened.")
            else:
                screen.say(opener.NO_VIEWER, refused=True)
        except (OSError, SuspendNotSupported):
            screen.say(f"The program to show files with can't be started: {host.opener or viewer}.", refused=True)

    async def save(self) -> None:
        """Ask where to, and save a file there. Must run in a worker."""
        from tui_inbox.screens.dialogs.files import SaveDialog

        screen, host = self._screen, self._screen.host
        file = await self._choose("to save")
        if file is None or not await self._is_here(file):
            return
        start = f"{self._last_directory or f'{Path.cwd()}/'}{name_for(file)}"
        path = await screen.app.push_screen_wait(SaveDialog(clean_line(name_for(file), 40), start))
        if path is not None:
            place = await host.services.attachments.save(file.id, path)
            self._last_directory = f"{place.parent}/"
            screen.say(f"Saved: {clean_line(str(place), 200)}")

    async def _choose(self, what_for: str) -> Attachment | None:
        from tui_inbox.screens.dialogs.files import FileDialog

        files = self.of_thread()
        if len(files) < 2:
            return files[0] if files else None
        index = await self._screen.app.push_screen_wait(FileDialog(files, what_for))
        return None if index is None else files[index]

    async def _is_here(self, file: Attachment) -> bool:
        """Whether it is in the database; one that could not be fetched is asked for again."""
        screen, host = self._screen, self._screen.host
        if file.state is FileState.KEPT:
            return True
        if file.state is FileState.FAILED:
            await host.services.attachments.again(file.id)
            host.store_changed()
            screen.say("It could not be fetched; the channel is asked again now.")
        elif file.state is FileState.WAITING:
            screen.say("It is still being fetched. It can be opened as soon as it is here.", refused=True)
        else:
            screen.say(f"Not here: {clean_line(file.error, 160)}.", refused=True)
        return False


def portions(kind: ChannelKind | None, files: Sequence[Attachment], text: str) -> list[Portion]:
    """Files and text as the messages that they take on a channel of this kind: as few as it allows, the text last."""
    rules = None if kind is None else RULES.get(kind)
    if not files or rules is None:
        return [(tuple(files), text)]
    groups = [tuple(files[at : at + rules.most]) for at in range(0, len(files), rules.most)]
    alone: list[Portion] = [(group, "") for group in groups]
    fits = rules.text_maximum is None or len(text) <= rules.text_maximum
    if not text.strip():
        return alone
    if fits and all(kind_of(file.media_type) in rules.text for file in groups[-1]):
        return [*alone[:-1], (groups[-1], text)]
    return [*alone, ((), text)]
