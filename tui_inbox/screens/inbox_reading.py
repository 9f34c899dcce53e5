"""What the inbox reads beside the rows: counts, filter values, the preview. An answer that was overtaken is dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual.timer import Timer

from tui_inbox.domain.filters import InboxFilter, InboxKind, StatusCounts
from tui_inbox.domain.outbox import OutboxCounts, sees_everybody
from tui_inbox.screens.views import Facets
from tui_inbox.widgets.colleague_words import colleague_line
from tui_inbox.widgets.latest import Latest
from tui_inbox.widgets.lines import Line, Lines
from tui_inbox.widgets.preview import preview_lines

if TYPE_CHECKING:
    from tui_inbox.screens.inbox_view import InboxView

PREVIEW_PAUSE = 0.08
"""Seconds that the cursor must rest before the preview is read."""
PREVIEW_ENTRIES = 20


class InboxReading:
    """Reads for one inbox screen and tells it by ``show_numbers`` and the preview's own lines."""

    def __init__(self, screen: InboxView, failed: Callable[[str], object]) -> None:
        self._screen = screen
        self._failed = failed
        self._numbers = Latest(screen, "inbox-numbers", self._not_counted)
        self._facets = Latest(screen, "inbox-facets", failed)
        self._preview = Latest(screen, "inbox-preview", failed)
        self._timer: Timer | None = None
        self._company: Line = ()
        """Who else is at the contact, as the preview says it."""
        self.previewed: int | None = None
        """The contact that the preview shows."""
        self.counts: StatusCounts | None = None
        """Counts of the present view, or of the query before the present one; ``None`` while unknown."""
        self.counted: InboxFilter | None = None
        """The view that :attr:`counts` are of."""
        self.facets = Facets()
        self.trouble = OutboxCounts()
        """Messages that need a person: of this agent, or of everybody for whoever looks after all."""

    def forget_numbers(self) -> None:
        """The counts are of something else."""
        self.counts = self.counted = None

    def ask_numbers(self, view: InboxFilter) -> None:
        """Count what ``view`` finds in each status, and in All where it hides something from a search."""
        self._numbers.ask(partial(self._count, view))

    def ask_facets(self) -> None:
        """Read what can be filtered by."""
        self._facets.ask(self._read_facets)

    def ask_preview(self, contact_id: int | None, *, at_once: bool = False) -> None:
        """Show a contact in the preview once the cursor rests; ``None`` = nobody. Needs a preview that is visible."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        pane = self._screen.preview
        if not pane.display:
            self.previewed = None
            return
        if contact_id is None:
            self.previewed = None
            pane.show(_padded([], pane.content_size.height))
        elif at_once:
            self._preview.ask(partial(self._read_preview, contact_id))
        elif contact_id != self.previewed:
            work = partial(self._read_preview, contact_id)
            self._timer = self._screen.set_timer(PREVIEW_PAUSE, lambda: self._preview.ask(work))

    def company_changed(self) -> None:
        """Other agents came or went: the preview is read again if it says something else now."""
        if self.previewed is not None and self._company_at(self.previewed) != self._company:
            self.ask_preview(self.previewed, at_once=True)

    def _company_at(self, contact_id: int) -> Line:
        host = self._screen.host
        return colleague_line(host.services.presence.at(contact_id), host.clock())

    async def _count(self, view: InboxFilter) -> None:
        service = self._screen.host.services.inbox
        counts = await service.counts(view)
        everybodys = None
        if not view.query.empty and view.inbox is not InboxKind.ALL:
            everybodys = await service.counts(replace(view, inbox=InboxKind.ALL, team_id=None))
        host = self._screen.host
        self.trouble = await host.services.outbox.counts(host.agent, everybody=sees_everybody(host.agent))
        if view == self._screen.view:
            self.counts, self.counted = counts, view
            self._screen.show_numbers(counts, everybodys)

    def _not_counted(self, sentence: str) -> None:
        self.forget_numbers()
        self._screen.show_title()
        self._screen.show_choices()
        self._failed(sentence)

    async def _read_facets(self) -> None:
        services = self._screen.host.services
        found = await services.inbox.facets()
        teams = await services.directory.teams()
        self.facets = Facets(found.channels, found.tags, found.assignees, tuple(teams))
        self._screen.show_choices()

    async def _read_preview(self, contact_id: int) -> None:
        screen = self._screen
        services = screen.host.services
        view = await services.contacts.view(contact_id)
        entries = await services.contacts.timeline(contact_id, limit=PREVIEW_ENTRIES)
        current = screen.rows.current
        if current is None or current.contact_id != contact_id:
            return
        self.previewed, self._company = contact_id, self._company_at(contact_id)
        pane: Lines = screen.preview
        size = pane.content_size
        lines = preview_lines(
            view, entries, size.width, size.height, screen.rows.now, screen.host.tz, company=self._company
        )
        pane.show(_padded(lines, size.height))


def _padded(lines: list[Line], height: int) -> list[Line]:
    """As many lines as the pane has, always: then only those that differ are painted."""
    return [*lines, *((),) * (height - len(lines))]
