"""Dialogs about files: which one to attach, which one is meant, where to save it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from textual import events, on
from textual.app import ComposeResult
from textual.widgets import Input

from tui_inbox.domain.attachments import Attachment, name_for, size_words
from tui_inbox.screens.dialogs.base import Dialog, field
from tui_inbox.text import clean_line, fit
from tui_inbox.widgets.pick_list import PickList, PickRow

MOST_SHOWN = 200
"""Entries of a directory that are listed."""


class PathDialog(Dialog[Path]):
    """Returns a path. The list shows what begins as it is typed; tab completes, arrows choose."""

    AUTO_FOCUS = "Input"
    DEFAULT_CSS = """
    PathDialog > .dialog-box { width: 78; }
    PathDialog PickList { height: 8; margin-top: 1; }
    """

    def __init__(self, about: str, start: str) -> None:
        super().__init__()
        self._about, self._start = about, start
        self._entries: list[Path] = []

    def about(self) -> str:
        """Whom, or what."""
        return self._about

    def hints(self) -> list[tuple[str, str]]:
        """Tab completes."""
        return [("tab", "complete"), ("↑↓", "choose"), *super().hints()]

    def body(self) -> ComposeResult:
        """Field and list."""
        yield field(self._start, id="path")
        yield PickList(id="entries")

    def on_mount(self) -> None:
        """Show the directory that it begins in."""
        self._list()
        self.call_after_refresh(self._to_end)

    def _to_end(self) -> None:
        """The end of a long path is what one goes on with; how wide the field is is known only now."""
        shown = self.query_one(Input)
        shown.cursor_position = 0
        shown.cursor_position = len(shown.value)

    @property
    def typed(self) -> str:
        """What stands in the field."""
        return self.query_one(Input).value

    def do_accept(self) -> None:
        """Into a directory, else take the file."""
        path = Path(self.typed).expanduser()
        if not self.typed.strip():
            self.complain("Type the name of a file.")
        elif path.is_dir():
            self._put(path, into=True)
        else:
            self.take(path)

    def take(self, path: Path) -> None:
        """Answer with a path that is no directory."""
        self.dismiss(path)

    async def on_key(self, event: events.Key) -> None:
        """Tab completes; what the arrows reach is put into the field."""
        if event.key == "tab" and isinstance(self.focused, Input):
            event.stop()
            event.prevent_default()
            self._complete()
            return
        await super().on_key(event)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.complain("")
        self._list()

    @on(PickList.Picked)
    def _picked(self, event: PickList.Picked) -> None:
        event.stop()
        if event.index < len(self._entries):
            self._put(self._entries[event.index], into=True)
            self.query_one(Input).focus()

    def _complete(self) -> None:
        """As far as all that fits agrees; to the entry under the cursor where that is no further."""
        self._list()  # what was typed just before the key is not listed yet
        if not self._entries:
            return
        common = _common([entry.name for entry in self._entries])
        last = self.typed.rpartition("/")[2]
        if len(common) > len(last) and len(self._entries) > 1:
            self._put(self._entries[0].with_name(common))
        else:
            self._put(self._entries[min(self.query_one(PickList).cursor, len(self._entries) - 1)], into=True)

    def _put(self, path: Path, *, into: bool = False) -> None:
        """Put a path into the field; a directory with its slash."""
        value = f"{str(path).rstrip('/')}/" if into and path.is_dir() else str(path)
        shown = self.query_one(Input)
        shown.value = value
        shown.cursor_position = len(value)

    def _list(self) -> None:
        head, _, last = self.typed.rpartition("/")
        directory = Path(f"{head}/" if head or self.typed.startswith("/") else ".").expanduser()
        self._entries = _entries(directory, last)
        self.query_one(PickList).show([_row(entry) for entry in self._entries])


class AttachDialog(PathDialog):
    """Returns the path of a file that is there."""

    title_text = "Attach a file"
    accept_word = "attach"

    def take(self, path: Path) -> None:
        """Only what is there."""
        if path.exists():
            self.dismiss(path)
        else:
            self.complain(f"There is no file {path}.")


class SaveDialog(PathDialog):
    """Returns where to save a file; nothing is ever written over."""

    title_text = "Save as"
    accept_word = "save"

    def take(self, path: Path) -> None:
        """Only what is not there yet."""
        if path.exists():
            self.complain(f"{path} is there already. Give another name.")
        elif not path.parent.is_dir():
            self.complain(f"There is no directory {path.parent}.")
        else:
            self.dismiss(path)


class FileDialog(Dialog[int]):
    """Returns the index of one of several files."""

    title_text = "Which file?"
    accept_word = "this one"

    def __init__(self, files: Sequence[Attachment], about: str) -> None:
        super().__init__()
        self._files, self._about = files, about

    def about(self) -> str:
        """What for."""
        return self._about

    def body(self) -> ComposeResult:
        """The files."""
        yield PickList(numbered=True, id="files")

    def on_mount(self) -> None:
        """Fill in."""
        self.query_one(PickList).show([_file_row(file) for file in self._files])

    @on(PickList.Picked)
    def _picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(event.index)


def _file_row(file: Attachment) -> PickRow:
    return PickRow(((fit(clean_line(name_for(file), 46), 47), ""), (size_words(file.size), "muted")))


def _entries(directory: Path, begins: str) -> list[Path]:
    """What is in a directory and begins so: directories first; hidden ones only where a dot was typed."""
    try:
        with os.scandir(directory) as found:
            fitting = [item for item in found if item.name.lower().startswith(begins.lower())]
            shown = [item for item in fitting if begins.startswith(".") or not item.name.startswith(".")]
            ordered = sorted(shown, key=lambda item: (not item.is_dir(), item.name.lower()))
    except OSError:
        return []
    return [directory / item.name for item in ordered[:MOST_SHOWN]]


def _common(names: Sequence[str]) -> str:
    """The letters with which all names begin: the first and the last in order differ the most."""
    first, last = min(names), max(names)
    end = next((n for n, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[: min(end, len(last))]


def _row(entry: Path) -> PickRow:
    try:
        told = "/" if entry.is_dir() else size_words(entry.stat().st_size)
    except OSError:
        told = ""
    if told == "/":
        return PickRow(((clean_line(entry.name, 60) + "/", "accent"),))
    return PickRow(((fit(clean_line(entry.name, 56), 58), ""), (told, "muted")))
