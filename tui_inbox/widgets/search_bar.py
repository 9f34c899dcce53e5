"""The search line: tells what is typed, and shows what other views would find."""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import Reactive
from textual.widgets import Input, Static

from tui_inbox.actions import Scope
from tui_inbox.terminal.fields import InOrder
from tui_inbox.widgets.keys import ActionTarget, bindings_for


class SearchInput(ActionTarget, InOrder, Input):
    """The field; leaving it is the bar's business."""

    BINDINGS = bindings_for(Scope.SEARCH)
    virtual_size: Reactive[Size] = Reactive(Size(0, 0), layout=False)
    """As Textual declares it, but a longer text alone does not lay out the whole screen anew."""

    def say(self, sentence: str, *, refused: bool = False) -> None:
        """Nothing here is ever refused."""

    def do_search_done(self) -> None:
        """On to the list."""
        self.post_message(SearchBar.Finished(keep=True))

    def do_search_end(self) -> None:
        """Without the search."""
        self.post_message(SearchBar.Finished(keep=False))


class SearchBar(Horizontal):
    """A sign, the field, and a hint at the right."""

    DEFAULT_CSS = """
    SearchBar {
        height: 1;
        padding: 0 1;
        & > #search-sign { width: 2; color: $text-accent; text-style: bold; }
        & > SearchInput {
            border: none; padding: 0; height: 1; width: 1fr; background: $background;
            &:focus { border: none; background-tint: $foreground 0%; }
        }
        & > #search-hint { width: auto; max-width: 75%; color: $text-warning; padding-left: 2; }
    }
    """

    @dataclass
    class Changed(Message):
        """The query is another one."""

        query: str

    @dataclass
    class Finished(Message):
        """On to the list, keeping the query or without it."""

        keep: bool

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self.field = SearchInput(placeholder="name, phone or email · tag:vip assignee:ana", id="search-field")
        """Where one types."""
        self.field.cursor_blink = False
        self._hint = Static("", id="search-hint", markup=False)
        self._hinted = ""
        self._told = ""

    def compose(self) -> ComposeResult:
        """Sign, field, hint."""
        yield Static("/", id="search-sign", markup=False)
        yield self.field
        yield self._hint

    @property
    def query_text(self) -> str:
        """What is typed."""
        return self.field.value

    def set_query(self, query: str) -> None:
        """Put another query there without telling."""
        self._told = query
        with self.prevent(Input.Changed):
            self.field.value = query

    def hint(self, sentence: str) -> None:
        """What other views would find; empty = nothing to say."""
        if sentence != self._hinted:
            self._hinted = sentence
            self._hint.update(Content(sentence))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell with every key: whoever answers drops what was overtaken, so nothing waits for a pause in the typing."""
        event.stop()
        self._tell()

    def on_search_bar_finished(self, message: Finished) -> None:
        """Tell at once what holds now; the screen moves on to the list."""
        if not message.keep:
            with self.prevent(Input.Changed):
                self.field.value = ""
        self._tell()

    def _tell(self) -> None:
        query = self.field.value
        if query != self._told:
            self._told = query
            self.post_message(self.Changed(query))
