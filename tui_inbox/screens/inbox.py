"""The inbox: what its keys do. What it shows is :mod:`tui_inbox.screens.inbox_view`'s, acting on contacts
:mod:`tui_inbox.screens.contact_actions`'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType

from tui_inbox.actions import Scope, first_sign
from tui_inbox.domain.filters import InboxFilter, InboxKind
from tui_inbox.domain.kinds import ConversationStatus
from tui_inbox.screens import views
from tui_inbox.screens.base import bindings_for
from tui_inbox.screens.inbox_view import InboxView
from tui_inbox.screens.on_contacts import OnContacts
from tui_inbox.screens.over_rows import OverRows
from tui_inbox.widgets.marked_list import MarkedList
from tui_inbox.widgets.row_list import RowList
from tui_inbox.widgets.work import begin

if TYPE_CHECKING:
    from tui_inbox.screens.contact_actions import ContactActions

ALWAYS = frozenset({"help", "palette", "quit", "search"})
"""Actions that need no data."""
NEEDS_ROW = frozenset(
    {"open", "select", "select_to", "write", "template", "note", "close", "reopen", "snooze", "assign", "take", "block"}
)
DONE_TO_CONTACTS = frozenset({"note", "close", "reopen", "snooze", "assign", "take", "block", "undo", "repeat"})
ONE_ONLY = frozenset({"write", "template", "open"})
"""Actions that make no sense on many contacts at once."""


class InboxScreen(OnContacts, InboxView, OverRows):
    """The screen that the program opens with."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["inbox.tcss", "conversation.tcss"]
    """All of it at once: a style sheet that comes with a later screen makes Textual paint everything again."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_for(Scope.GLOBAL, Scope.LIST, Scope.INBOX, Scope.CONTACT)

    def __init__(self) -> None:
        super().__init__()
        self._actions: ContactActions | None = None

    @property
    def actions(self) -> ContactActions:
        """What can be done to contacts."""
        if self._actions is None:
            from tui_inbox.screens.contact_actions import ContactActions

            self._actions = ContactActions(self)
        return self._actions

    @property
    def chosen_ids(self) -> Sequence[int]:
        """The selected contacts, else the one under the cursor."""
        if self.rows.selected:
            return tuple(self.rows.selected)
        return (self.rows.current.contact_id,) if self.rows.current else ()

    def unavailable(self, action_id: str) -> str | None:
        """Why not, in one sentence."""
        if action_id in ALWAYS:
            return None
        if not self.host.ready:
            return "The inbox is still opening."
        if action_id in NEEDS_ROW and self.rows.current is None:
            return "There is no contact under the cursor."
        if action_id in ONE_ONLY and len(self.rows.selected) > 1:
            return "Several contacts are selected; esc lets go of them."
        return self.actions.unavailable(action_id, self.chosen_ids) if action_id in DONE_TO_CONTACTS else None

    def _list(self) -> MarkedList[Any]:
        return self.rows

    def do_select(self) -> None:
        self._select()

    def do_select_to(self) -> None:
        self._select_to()

    def do_clear(self) -> None:
        """Let go of the selection, else of the search."""
        if self._unselect():
            return
        if not self.view.query.empty:
            self.search.set_query("")
            self.show_view(replace(self.view, query=views.NO_QUERY))
        else:
            self.say("")

    # Views ----------------------------------------------------------------------------------------------------------

    def do_search(self) -> None:
        self.set_focus(self.search.field)

    def do_mine(self) -> None:
        self._inbox(InboxKind.MINE)

    def do_unassigned(self) -> None:
        self._inbox(InboxKind.UNASSIGNED)

    def do_all(self) -> None:
        self._inbox(InboxKind.ALL)

    def do_status_open(self) -> None:
        self._change(replace(self.view, status=ConversationStatus.OPEN))

    def do_status_closed(self) -> None:
        self._change(replace(self.view, status=ConversationStatus.CLOSED))

    def do_status_snoozed(self) -> None:
        self._change(replace(self.view, status=ConversationStatus.SNOOZED))

    def do_status_any(self) -> None:
        self._change(replace(self.view, status=None))

    def do_sort(self) -> None:
        self._change(replace(self.view, sort=views.by_window(self.view.sort)))
        self.say(f"Order: {views.SORTS[self.view.sort]}.")

    def do_sort_next(self) -> None:
        self._change(replace(self.view, sort=views.next_sort(self.view.sort)))
        self.say(f"Order: {views.SORTS[self.view.sort]}.")

    def do_clear_filters(self) -> None:
        self.search.set_query("")
        self._change(views.without_filters(self.view))

    async def do_filters(self) -> None:
        """Into the sidebar, or the same lines over the list where the sidebar has no room."""
        if self.filters.display:
            self.set_focus(self.filters)
            return
        from tui_inbox.screens.filters import FiltersScreen

        await self.app.push_screen(FiltersScreen(self))

    def _inbox(self, kind: InboxKind) -> None:
        self._change(replace(self.view, inbox=kind, team_id=None))

    def _change(self, view: InboxFilter) -> None:
        self.rows.unselect()
        self.show_view(view)

    # Contacts -------------------------------------------------------------------------------------------------------

    @on(RowList.Opened)
    def _opened(self, message: RowList.Opened) -> None:
        assert isinstance(message.key, int), "the inbox knows its contacts by number"
        self._open(message.key, "read")

    def do_open(self) -> None:
        self._open_current("read")

    def do_write(self) -> None:
        self._open_current("write")

    def do_template(self) -> None:
        self._open_current("template")

    def _open_current(self, start: str) -> None:
        if self.rows.current is not None:
            self._open(self.rows.current.contact_id, start)

    def _open(self, contact_id: int, start: str) -> None:
        from tui_inbox.screens.conversation import open_conversation

        if start != "read":
            self.host.hold_keys()
        open_conversation(self.app, contact_id, start=start, neighbours=self)

    async def neighbour(self, contact_id: int, step: int) -> int | None:
        """The contact after (1) or before (-1) another in the list; the cursor goes along. ``None`` at the end."""
        row = self.rows.neighbour(contact_id, step)
        if row is None:
            return None
        self.rows.select_row(row.key)
        return row.contact_id

    def _act(self, action_id: str) -> None:
        """Do something to the chosen contacts, beside the screen's own messages: dialogs need those to flow.

        Keys wait until a dialog that asks something is there, or until it is done without one.
        """
        self.host.hold_keys()
        begin(self, partial(self._acting, action_id, self.chosen_ids), "contact-action")

    async def _acting(self, action_id: str, contact_ids: Sequence[int]) -> None:
        try:
            sentence = await self.actions.perform(action_id, contact_ids)
        finally:
            self.host.release_keys()
        if sentence:
            self.rows.unselect()
            self.show_title()
            self.say(self._with_undo(action_id, sentence))

    def _with_undo(self, action_id: str, sentence: str) -> str:
        """Tell the key that takes it back, where one does."""
        if action_id == "undo" or self.actions.unavailable("undo", ()):
            return sentence
        return f"{sentence}  {first_sign('undo', self.keymap)} undoes"
