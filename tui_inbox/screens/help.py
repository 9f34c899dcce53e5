"""The help: keys of the screen one came from first, then the rest, what search finds and cannot find, the marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.events import Resize

from tui_inbox.actions import TOGETHER, Keymap, Scope, in_scope, signs_of
from tui_inbox.domain.policy import policy_for
from tui_inbox.screens.base import ActionScreen, bindings_for
from tui_inbox.text import wrap
from tui_inbox.widgets.hint_bar import HintBar
from tui_inbox.widgets.lines import Line, Lines
from tui_inbox.widgets.row_words import CHANNEL_LETTERS

KEY_WIDTH = 16
HEADINGS = {
    Scope.GLOBAL: "Everywhere",
    Scope.LIST: "Moving",
    Scope.INBOX: "Inbox",
    Scope.SEARCH: "While searching",
    Scope.FILTERS: "In the filters",
    Scope.CONTACT: "Contacts (in the inbox: all selected ones)",
    Scope.CONVERSATION: "Conversation",
    Scope.MESSAGE: "Messages that are not through (in the outbox: all selected ones)",
    Scope.OUTBOX: "Outbox",
    Scope.COMPOSER: "Composer",
    Scope.DIALOG: "Dialogs",
}
_NEAREST = (
    Scope.INBOX, Scope.OUTBOX, Scope.CONVERSATION, Scope.MESSAGE, Scope.CONTACT, Scope.LIST, Scope.GLOBAL,
)  # fmt: skip
"""Scopes in the order in which a screen's own keys are told."""
SEARCH_HELP = (
    "Words may come in any order; all of them must be found. Case and accents do not matter.",
    "Names and phone numbers match anywhere inside: car finds Carlos, Scarlet and Oscar; 4567 finds +1 555 123 4567, "
    "typed with any punctuation. Emails match whole first, then inside. Custom text fields match whole.",
    "name: phone: email: id: look in one field only. tag: assignee: channel: country: language: status: window: are "
    "filters, for example tag:vip assignee:ana.",
    'text: looks into messages and notes: text:refund, or text:"credit note" for words in a row; the last word may be '
    "only begun. The row shows the line. Of frequent words only the newest messages are looked at; + says so.",
    "What search cannot find: country, language, tags, assignee, status, checkboxes and dates. Those that have a "
    "filter are reached by it.",
)
MARKS = (
    ("● ◌ ○ ·", "conversation open, snoozed, closed; the contact never had one"),
    ("• ! ? ✓ ⊘", "unread; a message did not go out; one is uncertain; selected; contact blocked"),
    ("✎ ☻", "another agent is typing to, or looks at, the contact"),
    ("3 h 12 m", "time left in which free text may be sent on the channel last used"),
    ("free", "that channel has no messaging window"),
    ("template", "the window has closed: an approved template may be sent"),
    ("tag 6 d", "the window has closed: a HUMAN_AGENT message may be sent for so long"),
    ("charged", "the window has closed: text may be sent, but is charged or counted"),
    ("closed", "nothing may be sent there until the customer writes"),
)

FATES = (
    ("◔ held", "queued, and can still be taken back"),
    ("◷ queued", "waits to be sent; below it stands why it waits and since when"),
    ("→ sending", "a sender has it; it can no longer be stopped"),
    ("✓ sent", "the channel took it"),
    ("✓✓ delivered", "it is on the customer's device"),
    ("✓✓ read", "the customer has seen it"),
    ("✗ failed", "it did not go out; the reason stands below it"),
    ("⊘ blocked", "it was held back because it may not be sent any more; nothing was sent"),
    ("? uncertain", "nobody can know whether it went out; only a person sends it again"),
    ("∅ cancelled", "given up or taken back"),
)
"""Marks of an outgoing message."""


class HelpScreen(ActionScreen[None]):
    """One long page; the motions scroll it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(Scope.LIST),
        *bindings_for(only=("help", "quit", "back", "accept")),
    ]

    def __init__(self, below: ActionScreen[Any]) -> None:
        super().__init__()
        self._below = below

    def compose(self) -> ComposeResult:
        """Title, page, keys."""
        yield Lines(id="help-title")
        with VerticalScroll(id="help-page", can_focus=False):
            yield Lines(id="help-lines")
        yield HintBar(("back", "cursor_down", "page_down", "bottom"), self.keymap)

    def on_mount(self) -> None:
        """Fill the page."""
        self.query_one("#help-title", Lines).show([(("Help", "strong"),)])

    def on_resize(self, event: Resize) -> None:
        """Sentences are folded for the width."""
        width = max(40, min(100, event.size.width - 6))
        self.query_one("#help-lines", Lines).show(list(help_lines(self._below, self.keymap, width)))

    @property
    def page(self) -> VerticalScroll:
        """What scrolls."""
        return self.query_one("#help-page", VerticalScroll)

    def do_back(self) -> None:
        """Back to where one came from."""
        self.dismiss(None)

    do_help = do_accept = do_back

    async def do_quit(self) -> None:
        """Leaves the help only."""
        self.dismiss(None)

    def do_cursor_down(self) -> None:
        self._scroll(1)

    def do_cursor_up(self) -> None:
        self._scroll(-1)

    def do_half_down(self) -> None:
        self._scroll(self.page.size.height // 2)

    def do_half_up(self) -> None:
        self._scroll(-(self.page.size.height // 2))

    def do_page_down(self) -> None:
        self._scroll(self.page.size.height - 1)

    def do_page_up(self) -> None:
        self._scroll(1 - self.page.size.height)

    def do_top(self) -> None:
        self.page.scroll_home(animate=False)

    def do_bottom(self) -> None:
        self.page.scroll_end(animate=False)

    def _scroll(self, lines: int) -> None:
        self.page.scroll_relative(y=lines, animate=False)


def help_lines(below: ActionScreen[Any], keymap: Keymap, width: int) -> Iterator[Line]:
    """The page in ``width`` cells, for the screen ``below``: its scopes first."""
    reasons = below.commands()
    for scope in _order(below):
        yield ((HEADINGS[scope], "accent strong"),)
        for action in in_scope(scope):
            keys = signs_of(action.id, keymap) or "palette"
            reason = reasons.get(action.id, "")
            yield ((f"  {keys:<{KEY_WIDTH}}", "strong"), (action.help, "muted" if reason else ""))
            if reason:
                yield from _folded(f"not now: {reason}", width, KEY_WIDTH + 2, "warn")
        yield ()
    yield (("What search finds", "accent strong"),)
    for sentence in SEARCH_HELP:
        yield from _folded(sentence, width, 2, "")
    yield ()
    yield (("Marks", "accent strong"),)
    yield from _marks(MARKS, width)
    yield ()
    yield (("Marks of your messages", "accent strong"),)
    yield from _marks(FATES, width)
    yield ()
    yield (("Channels", "accent strong"),)
    yield from _channels(3 if width >= 70 else 2)


def _marks(marks: Sequence[tuple[str, str]], width: int) -> Iterator[Line]:
    for sign, told in marks:
        first, *rest = wrap(told, width - KEY_WIDTH - 2)
        yield ((f"  {sign:<{KEY_WIDTH}}", "strong"), (first, ""))
        yield from (((" " * (KEY_WIDTH + 2), ""), (row, "")) for row in rest)


def _folded(text: str, width: int, indent: int, style: str) -> Iterator[Line]:
    for row in wrap(text, width - indent):
        yield ((" " * indent, ""), (row, style))


def _order(below: ActionScreen[Any]) -> list[Scope]:
    """Scopes whose keys are alive on the screen below, then the others."""
    alive = {binding.id for _, binding in below._bindings if binding.id}
    here = [scope for scope in Scope if any(action.id in alive for action in in_scope(scope))]
    lively = next((scopes for scopes in TOGETHER if set(here) & scopes == set(here)), frozenset(here))
    first = [scope for scope in _NEAREST if scope in lively]
    first = [scope for scope in first if scope in here]
    return [*first, *(scope for scope in HEADINGS if scope not in first)]


def _channels(columns: int) -> Iterator[Line]:
    """Letters of the channels, some beside each other."""
    letters: dict[str, str] = {}
    for kind, sign in CHANNEL_LETTERS.items():
        letters.setdefault(sign, policy_for(kind).label)
    pairs = list(letters.items())
    for index in range(0, len(pairs), columns):
        row = pairs[index : index + columns]
        yield tuple(span for sign, label in row for span in ((f"  {sign:<3}", "strong"), (f"{label:<18}", "")))
