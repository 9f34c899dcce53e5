"""The composer: where an agent writes.

Knows text, its counter and the mode that the channel-policy bar tells it; knows no store and no channel. It asks for
everything else by messages: sending, saving the draft, a template, another channel, an editor. The text is never
taken away: it goes only when the screen says that it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import TextArea

from tui_inbox.domain.attachments import Attachment, name_for, size_words
from tui_inbox.domain.kinds import ComposerMode, Permission
from tui_inbox.domain.limits import TextLimit, TextMeasure, TextUnit, measure
from tui_inbox.domain.window import WindowAnswer
from tui_inbox.text import clean_line, typed
from tui_inbox.widgets.composer_text import ComposerKeys, ComposerText
from tui_inbox.widgets.lines import Line, Lines, beside

SAVE_AFTER = 0.4
"""Seconds without a key after which the draft is saved."""
SAVE_AT_LATEST = 0.5
"""Seconds after which it is saved although keys keep coming, so that a crash loses no more."""
LEAST_ROWS, MOST_ROWS = 3, 8
_UNLIMITED = TextLimit(None, TextUnit.CHARACTERS)


class Composer(Vertical):
    """Text field and counter row."""

    BINDINGS: ClassVar[list[BindingType]] = []
    DEFAULT_CSS = """
    Composer { height: auto; background: $surface; }
    Composer > Lines { height: 1; padding: 0 1; background: $surface; }
    Composer > #composer-files { display: none; height: auto; }
    Composer > #composer-files.-some { display: block; }
    """

    @dataclass
    class Submitted(Message):
        """The agent wants this text sent, with this tag."""

        text: str
        tag: str

    @dataclass
    class Refused(Message):
        """Sending is refused here; why, in one sentence."""

        reason: str

    @dataclass
    class DraftDue(Message):
        """The draft should be saved now."""

        text: str

    class Typed(Message):
        """The agent has changed the text."""

    class TemplateWanted(Message):
        """The agent wants a template."""

    class ChannelWanted(Message):
        """The agent wants another channel."""

    class EditorWanted(Message):
        """The agent wants to write in an editor of their own."""

    class AttachWanted(Message):
        """The agent wants to attach a file."""

    class DetachWanted(Message):
        """The agent wants the file attached last away."""

    class Left(Message):
        """The agent leaves the composer; the text stays."""

    def __init__(self, keys: ComposerKeys, *, hint: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._keys = keys
        self._hint = hint
        self._answer: WindowAnswer | None = None
        self._busy = False
        self._saved = ""
        self._idle_timer: Timer | None = None
        self._late_timer: Timer | None = None
        self._measure = measure("", _UNLIMITED)
        self.files: tuple[Attachment, ...] = ()
        """Files that go along."""

    def compose(self) -> ComposeResult:
        """A field and a row."""
        field = ComposerText(show_line_numbers=False, highlight_cursor_line=False, soft_wrap=True, id="composer-text")
        field.cursor_blink = False
        field.special = self._keys.all()
        field.answer = self._special
        yield field
        yield Lines(id="composer-files")
        yield Lines(id="composer-row")

    # --- what the screen reads and says

    @property
    def field(self) -> ComposerText:
        """The editing field."""
        return self.query_one("#composer-text", ComposerText)

    @property
    def row(self) -> Lines:
        """The row with the counter."""
        return self.query_one("#composer-row", Lines)

    @property
    def text(self) -> str:
        """What is written."""
        return self.field.text

    @property
    def mode(self) -> ComposerMode:
        """The mode in force."""
        return ComposerMode.DISABLED if self._answer is None else self._answer.mode

    @property
    def measure(self) -> TextMeasure:
        """The text measured in the channel's unit."""
        return self._measure

    @property
    def unsaved(self) -> bool:
        """Whether there is something that the last saving does not hold."""
        return self.text != self._saved

    def follow(self, answer: WindowAnswer | None) -> None:
        """Take the mode that the channel allows now; whatever is written stays."""
        self._answer = answer
        writable = self.mode in {ComposerMode.FREE, ComposerMode.TAG}
        field = self.field
        field.read_only = not writable
        field.show_cursor = writable
        field.set_class(not writable, "-kept")
        field.placeholder = Content(self._placeholder())
        self._refresh_row()

    def show_files(self, files: tuple[Attachment, ...], refusal: str) -> None:
        """The files that go along, each in a row; below them why they cannot, where that is so."""
        self.files = files
        shown = self.query_one("#composer-files", Lines)
        rows: list[Line] = [
            (("▫ ", "info"), (clean_line(name_for(file), 56), ""), (f"  {size_words(file.size)}", "muted"))
            for file in files
        ]
        shown.show([*rows, *([(("✗ ", "bad strong"), (clean_line(refusal, 150), "bad"))] if refusal else [])])
        shown.set_class(bool(files), "-some")

    def load(self, text: str) -> None:
        """Put a text in that is saved already (a draft, what came back from sending)."""
        self._saved = text
        self._put(text)
        self._refresh_row()

    def replace(self, text: str) -> None:
        """Put a text in that is not saved yet (from an editor)."""
        self._put(text)

    def sent(self, text: str) -> None:
        """``text`` was sent: it goes; what was typed meanwhile stays."""
        self._busy = False
        rest = self.text.removeprefix(text)
        self.load(rest.lstrip("\n") if rest != self.text else self.text)
        self._saved = ""
        if self.text:
            self._touched()

    def not_sent(self) -> None:
        """Sending did not happen: the text stays and may be sent again."""
        self._busy = False

    def saved(self, text: str) -> None:
        """The store holds ``text``."""
        self._saved = text
        self._refresh_row()

    def save_now(self) -> None:
        """Ask for saving at once, if there is something to save."""
        self._stop_timers()
        if self.unsaved and not self._busy:
            self.post_message(self.DraftDue(self.text))

    # --- what happens inside

    @on(TextArea.Changed)
    def _changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._fit_height()
        self._refresh_row()
        if self.unsaved:
            self._touched()
            self.post_message(self.Typed())

    @on(ComposerText.Rewrapped)
    def _rewrapped(self, event: ComposerText.Rewrapped) -> None:
        event.stop()
        self._fit_height()
        self.field.call_after_refresh(self.field.scroll_cursor_visible)

    def _special(self, key: str) -> None:
        match self._keys.meaning(key):
            case "send":
                self.submit()
            case "newline":
                if not self.field.read_only:
                    self.field.insert("\n")
            case "template":
                self.post_message(self.TemplateWanted())
            case "channel":
                self.post_message(self.ChannelWanted())
            case "editor":
                self.post_message(self.EditorWanted())
            case "attach":
                self.post_message(self.AttachWanted())
            case "detach":
                self.post_message(self.DetachWanted())
            case _:
                self.save_now()
                self.post_message(self.Left())

    @on(ComposerText.TypedInVain)
    def _typed_in_vain(self, event: ComposerText.TypedInVain) -> None:
        event.stop()
        if self.mode is ComposerMode.TEMPLATE:
            self.post_message(self.Refused(self._placeholder()))
        else:
            self.post_message(self.Refused(self._refusal()))

    def submit(self) -> None:
        """Ask for sending, or say why not. Harmless while a sending is on its way."""
        if self._busy:
            return
        refusal = self._refusal()
        if self.mode is ComposerMode.TEMPLATE:
            self.post_message(self.TemplateWanted())
        elif refusal:
            self.post_message(self.Refused(refusal))
        else:
            self._busy = True
            self._stop_timers()
            tag = "HUMAN_AGENT" if self.mode is ComposerMode.TAG else ""
            self.post_message(self.Submitted(self.text, tag))

    def on_descendant_blur(self) -> None:
        """Leaving the field saves the draft."""
        self.save_now()

    def on_unmount(self) -> None:
        """No timer outlives the composer."""
        self._stop_timers()

    def _refusal(self) -> str:
        if self._answer is None:
            return "This contact has no address on any channel. The text is kept."
        if self.mode is ComposerMode.DISABLED:
            return f"Not sent: {self._answer.reason}. The text is kept."
        if not self.text.strip() and not self.files:
            return "There is nothing to send yet."
        if self._measure.over:
            return (
                f"Not sent: {self._measure.describe()}, {self._measure.over:,} too many. "
                "Shorten it or send it in parts; the text is kept."
            )
        return ""

    def _put(self, text: str) -> None:
        self.field.load_text(typed(text))
        self.field.move_cursor(self.field.document.end)
        self.field.refresh()  # the placeholder would stay in rows that the new text does not reach
        self._fit_height()

    def _touched(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.stop()
        self._idle_timer = self.set_timer(SAVE_AFTER, self.save_now)
        if self._late_timer is None:
            self._late_timer = self.set_timer(SAVE_AT_LATEST, self.save_now)

    def _stop_timers(self) -> None:
        for timer in (self._idle_timer, self._late_timer):
            if timer is not None:
                timer.stop()
        self._idle_timer = self._late_timer = None

    def _fit_height(self) -> None:
        rows = min(MOST_ROWS, max(LEAST_ROWS, self.field.wrapped_document.height))
        if self.field.styles.height is None or self.field.styles.height.value != rows:
            self.field.styles.height = rows

    def _refresh_row(self) -> None:
        limit = (self._answer.text_limit if self._answer else None) or _UNLIMITED
        self._measure = measure(self.text, limit)
        row = self.row
        width = row.content_size.width or 78
        row.show([beside(self._counter(), ((self._hint, "faint"),), width)])

    def _counter(self) -> Line:
        if self.mode in {ComposerMode.TEMPLATE, ComposerMode.DISABLED}:
            return (("‖ kept draft, not sent", "warn"),) if self.text else (("", ""),)
        if self._measure.over:
            return ((f"✗ {self._measure.describe()}, {self._measure.over:,} too many", "bad strong"),)
        return ((self._measure.describe(), "muted"),)

    def _placeholder(self) -> str:
        if self._answer is None:
            return "Nothing can be sent: this contact has no address on any channel."
        if self.mode is ComposerMode.TEMPLATE:
            sign = "Enter" if "enter" in self._keys.send else self._keys.template[0]
            return f"Only a template may be sent. {sign} chooses one."
        if self.mode is ComposerMode.DISABLED:
            way_out = f" Way out: {self._answer.way_out}." if self._answer.way_out else ""
            return f"Nothing may be sent here: {self._answer.reason}.{way_out}"
        if self._answer.allows(Permission.TEXT):
            return "Write a message…"
        return "Write an answer as a person: it is sent with the HUMAN_AGENT tag…"
