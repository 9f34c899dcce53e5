"""Closing: category by number, summary, and what the closing logic will do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.widgets import Input

from tui_inbox.actions import first_sign
from tui_inbox.domain import lifecycle as rules_of_life
from tui_inbox.domain.errors import InboxError
from tui_inbox.domain.kinds import ClosingLogic, ClosingNoteMode
from tui_inbox.domain.lifecycle import ClosingNote, WorkspaceRules, check_note
from tui_inbox.screens.dialogs.base import Dialog, field
from tui_inbox.text import clean_line
from tui_inbox.widgets.lines import Lines
from tui_inbox.widgets.pick_list import PickList, PickRow

if TYPE_CHECKING:
    from tui_inbox.services.contacts import ContactView

_DEMANDS = {
    ClosingNoteMode.OPTIONAL: "A note is optional: enter closes without one.",
    ClosingNoteMode.CATEGORY_REQUIRED: "A category is required.",
    ClosingNoteMode.BOTH_REQUIRED: "Category and summary are required.",
}


class CloseDialog(Dialog[ClosingNote]):
    """Asks for the closing note that the workspace demands."""

    title_text = "Close"
    accept_word = "close"

    def __init__(self, about: str, rules: WorkspaceRules, consequence: str) -> None:
        super().__init__()
        self._about = about
        self._rules = rules
        self._consequence = consequence

    def about(self) -> str:
        """Whom."""
        return self._about

    def hints(self) -> list[tuple[str, str]]:
        """Digits choose."""
        last = min(9, len(self._rules.categories))
        return [
            (f"1–{last}", "category"),
            ("tab", "summary"),
            (first_sign("accept", self.keymap), "close"),
            (first_sign("cancel", self.keymap), "back"),
        ]

    def body(self) -> ComposeResult:
        """Categories, summary, consequence."""
        yield Lines(id="demand")
        yield PickList(numbered=True, enter_picks=False, id="categories")
        yield field(placeholder="summary: how did it end?", id="summary")
        yield Lines(id="consequence")

    def on_mount(self) -> None:
        """Fill in."""
        self.query_one("#demand", Lines).show([((_DEMANDS.get(self._rules.closing_notes, ""), "muted"),)])
        self._show_categories()
        self.query_one("#consequence", Lines).show([(("↳ ", "accent"), (self._consequence, "muted"))])

    def do_accept(self) -> None:
        """Close with what was given, if the workspace is content with it."""
        chosen = self.query_one(PickList).marked
        category = "" if chosen is None else self._rules.categories[chosen]
        note = ClosingNote(category, self.query_one("#summary", Input).value.strip())
        try:
            check_note(note, self._rules)
        except InboxError as error:
            self.complain(str(error))
            self._ask_for(note)
            return
        self.dismiss(note)

    async def on_key(self, event: events.Key) -> None:
        """Letters go straight into the summary, also those typed before the focus has followed."""
        summary = self.query_one("#summary", Input)
        letter = event.character if event.is_printable else None
        if letter and (letter.isalpha() or self.focused is summary):
            event.stop()
            event.prevent_default()
            self.set_focus(summary)
            summary.insert_text_at_cursor(letter)

    @on(PickList.Picked)
    def _picked(self, event: PickList.Picked) -> None:
        event.stop()
        shown = self.query_one(PickList)
        shown.mark(None if shown.marked == event.index else event.index)
        self.complain("")
        if self._rules.closing_notes is ClosingNoteMode.BOTH_REQUIRED:
            self.set_focus(self.query_one("#summary", Input))

    def _show_categories(self) -> None:
        self.query_one(PickList).show([PickRow(((category, ""),)) for category in self._rules.categories])

    def _ask_for(self, note: ClosingNote) -> None:
        if note.category:
            self.set_focus(self.query_one("#summary", Input))
        else:
            self.query_one(PickList).focus()


def closing_consequence(view: ContactView, rules: WorkspaceRules) -> str:
    """What closing does to the assignee, in a clause; the rule itself is the domain's."""
    free = replace(rules, closing_notes=ClosingNoteMode.OFF)
    team_logic = ClosingLogic(view.team.closing_logic) if view.team and view.team.closing_logic else None
    try:
        change = rules_of_life.close(
            view.conversation,
            None,
            ClosingNote(),
            free,
            blocked=view.contact.blocked,
            now=view.at,
            team_logic=team_logic,
            assignee_away=view.assignee is not None and view.assignee.away,
        )
    except InboxError as error:
        return str(error)
    logic = (team_logic or rules.closing_logic).value.replace("_", " ")
    whose = "the team's closing logic" if team_logic else "closing logic"
    if view.assignee is None:
        return "nobody has it"
    owner = clean_line(view.assignee.handle, 20)
    told = "will unassign" if change.after.assignee_id is None else "stays with"
    return f"{told} {owner} ({whose}: {logic})"


def consequence_of_many(rules: WorkspaceRules) -> str:
    """The same for several contacts at once."""
    return f"closing logic: {rules.closing_logic.value.replace('_', ' ')}; a team may have its own"
