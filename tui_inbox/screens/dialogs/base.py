"""What every dialog shares: a calm box in the middle, a title row, a row of keys at the bottom."""

from __future__ import annotations

from typing import Generic, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import Input

from tui_inbox.actions import Scope, first_sign
from tui_inbox.screens.base import ActionModal, bindings_for
from tui_inbox.terminal.fields import InOrder
from tui_inbox.text import clean_line, typed, wrap
from tui_inbox.widgets.lines import Line, Lines, beside
from tui_inbox.widgets.pick_list import PickList

AnswerT = TypeVar("AnswerT")
_LIST_KEYS = {"down": 1, "up": -1, "pagedown": 8, "pageup": -8}


class Field(InOrder, Input):
    """A field of a dialog."""


def field(value: str = "", *, placeholder: str = "", id: str) -> Input:  # noqa: A002 - Textual's name
    """A one-line field that does not blink."""
    made = Field(typed(value), placeholder=placeholder, id=id, select_on_focus=False, compact=True)
    made.cursor_blink = False
    return made


class Dialog(ActionModal[AnswerT | None], Generic[AnswerT]):
    """Escape leaves it with ``None``; what the answer is, each dialog says itself."""

    BINDINGS = bindings_for(Scope.DIALOG)
    AUTO_FOCUS = "PickList, Input, TextArea"
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """As Textual declares it, but a change of the focus alone does not paint the whole screen anew."""
    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 0%;
    }
    Dialog > .dialog-box {
        width: 66;
        max-width: 100%;
        height: auto;
        max-height: 100%;
        border: round $primary;
        background: $surface;
        padding: 0 1;
    }
    Dialog Lines { background: $surface; }
    Dialog .dialog-title { margin-bottom: 1; }
    Dialog .dialog-foot { margin-top: 1; }
    Dialog Input { background: $boost; height: 1; border: none; padding: 0 1; }
    Dialog Input:focus { border: none; }
    """

    title_text: str = ""
    """What the dialog asks."""
    accept_word: str = "accept"
    opening: bool = False
    """Something that takes the keyboard is opening in the dialog: keys wait until the dialog lets them go."""

    def compose(self) -> ComposeResult:
        """The box: title, body, complaint, keys."""
        with Vertical(classes="dialog-box"):
            yield Lines(classes="dialog-title")
            yield from self.body()
            yield Lines(id="complaint")
            yield Lines(classes="dialog-foot")

    def body(self) -> ComposeResult:
        """The middle of the dialog."""
        return iter(())

    def about(self) -> str:
        """Whom or what it is about, cleaned; stands beside the title."""
        return ""

    def hints(self) -> list[tuple[str, str]]:
        """Keys and words of the bottom row."""
        return [(first_sign("accept", self.keymap), self.accept_word), (first_sign("cancel", self.keymap), "back")]

    def on_mount(self) -> None:
        """Fill title and keys."""
        self._draw_frame()

    def on_resize(self) -> None:
        """Rows are laid out for the width."""
        self.call_after_refresh(self._draw_frame)

    def complain(self, sentence: str) -> None:
        """Why it cannot be accepted; empty takes the complaint back."""
        shown = self.query_one("#complaint", Lines)
        rows = wrap(str(clean_line(sentence, 400)), max(20, (shown.content_size.width or 60) - 2)) if sentence else []
        shown.show([(("! " if n == 0 else "  ", "warn strong"), (row, "warn")) for n, row in enumerate(rows)])

    def say(self, sentence: str, *, refused: bool = False) -> None:
        """Refusals belong to the dialog."""
        self.complain(sentence)

    def do_cancel(self) -> None:
        """Leave; nothing is changed."""
        self.dismiss(None)

    def do_accept(self) -> None:
        """Enter, where no field takes it."""

    def do_submit(self) -> None:
        """The same from any field."""
        self.do_accept()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.do_accept()
        if not self.opening:
            self.host.release_keys()

    @on(PickList.Refused)
    def _refused(self, event: PickList.Refused) -> None:
        event.stop()
        self.complain(event.reason)

    async def on_key(self, event: events.Key) -> None:
        """Arrows in a field move the list below it."""
        if isinstance(self.focused, Input) and event.key in _LIST_KEYS:
            for shown in self.query(PickList):
                event.stop()
                event.prevent_default()
                shown.move(_LIST_KEYS[event.key])
                return

    def _draw_frame(self) -> None:
        title = self.query_one(".dialog-title", Lines)
        width = title.content_size.width or 60
        title.show([beside(((self.title_text, "strong"),), ((self.about(), "muted"),), width)])
        foot: list[tuple[str, str]] = []
        for key, word in self.hints():
            foot += [("   " if foot else "", ""), (key, "accent strong"), (f" {word}", "muted")]
        self.query_one(".dialog-foot", Lines).show([tuple(foot)])


def quiet(sentence: str) -> Line:
    """A sentence in the background."""
    return ((sentence, "muted"),)
