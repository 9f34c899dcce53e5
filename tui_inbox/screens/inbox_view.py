"""What the inbox shows: search line, filter sidebar, list, preview, and how they follow one view of the store."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Resize

from tui_inbox.actions import first_sign
from tui_inbox.domain.filters import InboxFilter, InboxKind, StatusCounts
from tui_inbox.domain.kinds import ConversationStatus
from tui_inbox.domain.search import parse
from tui_inbox.screens import views
from tui_inbox.screens.base import ActionScreen
from tui_inbox.screens.inbox_reading import InboxReading
from tui_inbox.screens.inbox_source import ViewSource
from tui_inbox.screens.opening import INBOX_HINTS
from tui_inbox.widgets.contact_list import ContactList
from tui_inbox.widgets.filter_sidebar import Choice, FilterSidebar
from tui_inbox.widgets.hint_bar import HintBar
from tui_inbox.widgets.lines import Lines, beside
from tui_inbox.widgets.preview import Preview
from tui_inbox.widgets.row_list import MOST_NEW_COUNTED, RowList
from tui_inbox.widgets.search_bar import SearchBar
from tui_inbox.widgets.status_line import StatusLine

WIDE, WIDEST = 100, 120
"""Terminal widths from which the sidebar and the preview are shown."""
SEARCH_HINTS = ("search_done", "search_end")
FILTER_HINTS = ("choose", "filters_leave", "clear_filters")
MINUTE = 60.0
"""Seconds between looks at rows whose times may read differently now: all at once, at the clock's whole minute."""


class InboxView(ActionScreen[None]):
    """Shows one view of the inbox; what keys do is the subclass's."""

    HINTS = INBOX_HINTS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide"), (WIDEST, "-widest")]

    def __init__(self) -> None:
        super().__init__()
        self.view = InboxFilter(inbox=InboxKind.MINE, status=ConversationStatus.OPEN)
        """What is shown."""
        self.title_line = Lines(id="title")
        self.search = SearchBar(id="search")
        self.filters = FilterSidebar(id="filters")
        self.rows = ContactList(id="rows")
        self.preview = Preview(id="preview")
        """Not displayed where there is no room."""
        self.status = StatusLine(id="status")
        self.hints = HintBar(self.HINTS)
        self.reading = InboxReading(self, self._failed)
        self._places: dict[InboxFilter, int] = {}
        self._keys_wait = True
        """Until the rows of the present view are there the application holds all keys."""

    def compose(self) -> ComposeResult:
        """Title, search, sidebar, list, preview, what happened, keys."""
        yield self.title_line
        yield self.search
        with Horizontal(id="body"):
            yield self.filters
            yield self.rows
            yield self.preview
        yield self.status
        yield self.hints

    # Life -----------------------------------------------------------------------------------------------------------

    async def on_mount(self) -> None:
        """Paint before there is any data."""
        self.rows.clock, self.rows.tz = self.host.clock, self.host.tz
        self.filters.host_keymap = self.keymap
        self.hints.show(self.HINTS, self.keymap)
        self.set_focus(self.rows)
        self.show_choices()
        self._wait_for_minute()
        if self.host.ready:
            await self.data_ready()

    async def data_ready(self) -> None:
        """The services are there: ask for the first rows."""
        self.view = replace(self.view, agent_id=self.host.agent.id)
        self.reading.ask_facets()
        self.show_title()
        self.show_view(self.view)

    async def store_changed(self) -> None:
        """Read again what is on the screen; nothing moves under the reader."""
        self.rows.read_again()
        self.reading.ask_numbers(self.view)
        self.reading.ask_facets()

    async def colleagues_changed(self) -> None:
        """Another agent looks at, or types to, another contact: only marks change."""
        self._show_colleagues()
        self.reading.company_changed()

    def _show_colleagues(self) -> None:
        # The first of a contact's is the one that types, where anybody does.
        at = {one.contact_id: one.doing for one in reversed(self.host.services.presence.colleagues)}
        if at != self.rows.colleagues:
            self.rows.colleagues = at
            self.rows.repaint()

    def on_screen_resume(self) -> None:
        """Back from a conversation: it may have changed."""
        if self.host.ready:
            self._show_colleagues()
        if self.host.ready and not self.rows.loading_rows:
            self.rows.read_again()
            self.reading.ask_numbers(self.view)

    def on_resize(self, event: Resize) -> None:
        """The title is laid out for the width; the preview may have come or gone."""
        self.show_title()
        self.call_after_refresh(self._preview_again)

    def show_view(self, view: InboxFilter) -> None:
        """Show another view; the cursor goes where it was in it."""
        if view.inbox is InboxKind.MINE or view.inbox is InboxKind.TEAM:
            view = replace(view, agent_id=self.host.agent.id)
        before, self.view = self.view, view
        other_frame = view.query.filters != before.query.filters or replace(view, query=before.query) != before
        rows = self.rows
        rows.with_assignee = view.inbox in {InboxKind.ALL, InboxKind.TEAM}
        rows.searching = view.query.finds
        keep = self._places.get(views.place(view)) if view.query.empty else None
        rows.ask(ViewSource(view, self.host.services.inbox), keep)
        if not other_frame:
            return  # the numbers are replaced once they are counted: with every key they would vanish and come back
        self._wait_for_rows()
        rows.total = None
        self.reading.forget_numbers()
        self.show_title()
        self.show_choices()

    def _wait_for_rows(self) -> None:
        """Let keys wait for the rows that were asked for: on those of the view before they would do harm."""
        if not self.rows.answered:
            self._keys_wait = True
            self.host.hold_keys()

    def choose(self, choice: Choice) -> None:
        """Show the view that a line of the sidebar makes of this one."""
        if self.host.ready:
            self.rows.unselect()
            self.show_view(views.chosen(self.view, choice))

    # What is read ---------------------------------------------------------------------------------------------------

    def show_numbers(self, counts: StatusCounts, everybodys: StatusCounts | None) -> None:
        """Counts have come: title, sidebar, scroll mark, and what this view hides."""
        self.rows.total = counts.of(self.view.status)
        self.rows.repaint()
        self.search.hint(views.elsewhere(self.view, counts, everybodys, self.keymap))
        self.show_title()
        self.show_choices()
        if not self.rows.window.rows:
            self._say_empty()

    def show_choices(self) -> None:
        """The sidebar as things are now."""
        lines = views.choices(self.view, self.reading.counts, self.reading.facets, self.keymap)
        self.filters.show(lines)

    def show_title(self) -> None:
        """The first line: inbox, status, how many, order, filters, selection, agent."""
        view, counts, host = self.view, self.reading.counts, self.host
        found = "" if counts is None else counts.said(view.status)
        left = [
            (views.inbox_name(view, self.reading.facets.teams), "strong"),
            (" · ", "faint"),
            (views.status_name(view.status), "strong"),
            (f"  {found}", "accent"),
            (f"   {views.SORTS[view.sort]}", "muted"),
        ]
        words = views.filter_words(view)
        if words:
            left.append((f"   only {words}", "warn"))
        chosen = len(self.rows.selected)
        if chosen:
            left.append((f"   ✓ {chosen} selected", "accent"))
        who = f"{host.agent.handle}" if host.ready else "opening…"
        right = [(who, "muted")]
        if trouble := self.reading.trouble.words:
            right = [(trouble, "warn strong"), (f" {first_sign('outbox', self.keymap)}   ", "muted"), *right]
        width = max(20, self.size.width - 2)
        self.title_line.show([beside(tuple(left), tuple(right), width)])

    def _say_empty(self) -> None:
        rows, view = self.rows, self.view
        if view.query.empty and not views.filtered(view):
            where = (
                f"Nothing in {views.inbox_name(view, self.reading.facets.teams)} is {views.status_name(view.status)}."
            )
            rows.empty_text = (
                where if view.status else "There is no contact here yet.",
                "Another inbox: 1 2 3   status: O C S A",
            )
        else:
            hint = views.elsewhere(view, self.reading.counts or StatusCounts(), None, self.keymap)
            rows.empty_text = (
                "Nothing found here.",
                hint or "esc takes the search away, F all filters; ? tells what can be found",
            )
        rows.repaint()

    def _failed(self, sentence: str) -> None:
        self.say(sentence, refused=True)

    def _wait_for_minute(self) -> None:
        now = self.host.clock()
        self.set_timer(MINUTE - now.second - now.microsecond / 1e6, self._minute)

    def _minute(self) -> None:
        # Below a dialog the smallest change paints the whole screen; coming back, everything is read again anyway.
        if self.is_active:
            self.rows.repaint()
            if self.reading.previewed is not None:
                self._preview_again()
        self._wait_for_minute()

    def _preview_again(self) -> None:
        current = self.rows.current
        self.reading.ask_preview(current.contact_id if current else None, at_once=True)

    def on_descendant_focus(self) -> None:
        """The keys below are those of what has the focus."""
        focused = self.focused
        ids = SEARCH_HINTS if focused is self.search.field else FILTER_HINTS if focused is self.filters else self.HINTS
        self.hints.show(ids, self.keymap, typing=focused is self.search.field)

    # Messages -------------------------------------------------------------------------------------------------------

    @on(RowList.CursorMoved)
    def _cursor_moved(self, message: RowList.CursorMoved) -> None:
        contact_id = None if message.row is None else int(message.row.key)
        if contact_id is not None and self.view.query.empty:
            self._places[views.place(self.view)] = contact_id
        self.reading.ask_preview(contact_id)

    @on(RowList.Answered)
    def _answered(self, message: RowList.Answered) -> None:
        """Rows first: what is read beside them waits until they are painted."""
        if message.empty:
            self._say_empty()
        self.call_after_refresh(self._read_beside)
        if self._keys_wait and self.rows.answered:
            self._keys_wait = False
            self.host.release_keys()

    def _read_beside(self) -> None:
        if self.reading.counted != self.view:
            self.reading.ask_numbers(self.view)
        if self.rows.current is not None and self.rows.current.contact_id == self.reading.previewed:
            self._preview_again()

    @on(RowList.NewAbove)
    def _new_above(self, message: RowList.NewAbove) -> None:
        count = message.count
        many = f"{MOST_NEW_COUNTED}+" if count >= MOST_NEW_COUNTED else str(count)
        self.say(f"↑ {many} new: gg goes to the top" if count else "")

    @on(RowList.Failed)
    def _rows_failed(self, message: RowList.Failed) -> None:
        self.say(message.sentence, refused=True)

    @on(SearchBar.Changed)
    def _query_changed(self, message: SearchBar.Changed) -> None:
        if self.host.ready:
            self.show_view(replace(self.view, query=parse(message.query)))

    @on(SearchBar.Finished)
    @on(FilterSidebar.Left)
    def _to_list(self) -> None:
        self.set_focus(self.rows)
        self._wait_for_rows()

    @on(FilterSidebar.Chosen)
    def _chosen(self, message: FilterSidebar.Chosen) -> None:
        self.choose(message.choice)
