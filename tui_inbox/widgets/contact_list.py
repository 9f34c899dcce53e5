"""The inbox list: contacts as one-line rows, with a selection for actions on many."""

from __future__ import annotations

from collections.abc import Mapping

from textual.strip import Strip

from tui_inbox.domain.models import InboxRow
from tui_inbox.domain.presence import Doing
from tui_inbox.widgets.marked_list import MarkedList
from tui_inbox.widgets.row_words import columns_for, head_spans, row_spans


class ContactList(MarkedList[InboxRow]):
    """Rows of the inbox, the cursor, and the selected contacts."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self.with_assignee = True
        """Whether rows tell whose they are; pointless in Mine and Unassigned."""
        self.searching = False
        """Whether rows tell in which field the search hit."""
        self.colleagues: Mapping[int, Doing] = {}
        """What other agents do, by contact."""

    def paint_row(self, row: InboxRow, width: int, *, under_cursor: bool) -> Strip:
        """One line: a bar under the cursor, marks, facts, name, the newest words."""
        columns = columns_for(width, with_assignee=self.with_assignee)
        spans = row_spans(
            row,
            columns,
            width - 1,
            self.now,
            self.tz,
            selected=row.contact_id in self.selected,
            searching=self.searching,
            colleague=self.colleagues.get(row.contact_id),
        )
        lead = ("▌", "accent") if under_cursor else (" ", "")
        return self.strip_of([lead, *spans], width, under_cursor=under_cursor)

    def paint_head(self, width: int) -> Strip:
        """The names of the columns."""
        spans = [(" ", ""), *head_spans(columns_for(width, with_assignee=self.with_assignee), width - 1)]
        return self.strip_of(spans, width, under_cursor=False)
