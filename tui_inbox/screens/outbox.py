"""The outbox: what its keys do. What it shows is :mod:`tui_inbox.screens.outbox_view`'s, what is done to messages
:mod:`tui_inbox.screens.message_actions`'."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.binding import BindingType

from tui_inbox.actions import Scope
from tui_inbox.domain.outbox import OutboxItem, sees_everybody
from tui_inbox.screens.base import bindings_for
from tui_inbox.screens.message_actions import MessageActions
from tui_inbox.screens.outbox_view import OutboxView
from tui_inbox.screens.over_rows import OverRows
from tui_inbox.widgets.marked_list import MarkedList
from tui_inbox.widgets.row_list import RowList

ALWAYS = frozenset({"help", "palette", "quit", "outbox_back"})
NEEDS_ROW = frozenset({"outbox_open", "outbox_select", "outbox_select_to"})


class OutboxScreen(OutboxView, OverRows):
    """Messages that are not through, newest first."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_for(Scope.GLOBAL, Scope.LIST, Scope.OUTBOX, Scope.MESSAGE)

    @property
    def chosen(self) -> tuple[OutboxItem, ...]:
        """The selected messages, else the one under the cursor."""
        rows = self.rows
        if rows.selected:
            return tuple(row for row in rows.window.rows if row.key in rows.selected)
        return () if rows.current is None else (rows.current,)

    def unavailable(self, action_id: str) -> str | None:
        """Why not, in one sentence."""
        if action_id in ALWAYS:
            return None
        if not self.host.ready:
            return "The outbox is still opening."
        if action_id in NEEDS_ROW and self.rows.current is None:
            return "There is no message under the cursor."
        if action_id == "outbox_everybody" and not sees_everybody(self.host.agent):
            return "Only a lead or an admin sees the messages of everybody."
        return MessageActions(self).unavailable(action_id, self.chosen) if action_id in MessageActions.IDS else None

    def _list(self) -> MarkedList[Any]:
        return self.rows

    def do_outbox_select(self) -> None:
        self._select()

    def do_outbox_select_to(self) -> None:
        self._select_to()

    def do_outbox_mine(self) -> None:
        self.show_whose(everybody=False)

    def do_outbox_everybody(self) -> None:
        self.show_whose(everybody=True)

    def do_outbox(self) -> None:
        """It is this screen: its key closes it again."""
        self.dismiss(None)

    def do_outbox_back(self) -> None:
        """Let go of the selection, else back to where one came from."""
        if not self._unselect():
            self.dismiss(None)

    # Conversations --------------------------------------------------------------------------------------------------

    @on(RowList.Opened)
    def _opened(self, message: RowList.Opened) -> None:
        self.do_outbox_open()

    def do_outbox_open(self) -> None:
        """The conversation, at this message."""
        from tui_inbox.screens.conversation import open_conversation

        row = self.rows.current
        if row is not None:
            open_conversation(self.app, row.contact_id, neighbours=self, message_id=row.message_id)

    async def neighbour(self, contact_id: int, step: int) -> int | None:
        """The next contact of the list that is another one; the cursor goes along. ``None`` at the end."""
        rows, at = self.rows.window.rows, self.rows.window.at
        while 0 <= (at := at + step) < len(rows):
            if rows[at].contact_id != contact_id:
                self.rows.move_to(at)
                return rows[at].contact_id
        return None

    # Messages -------------------------------------------------------------------------------------------------------

    def do_message_retry(self) -> None:
        self._decide("message_retry")

    def do_message_arrived(self) -> None:
        self._decide("message_arrived")

    def do_message_drop(self) -> None:
        self._decide("message_drop")

    def _decide(self, action_id: str) -> None:
        MessageActions(self).run(action_id, self.chosen, self._decided)

    def _decided(self, sentence: str) -> None:
        if sentence:
            self.rows.unselect()
            self.show_title()
            self.say(sentence)
