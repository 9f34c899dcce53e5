"""The filters over the list, for terminals too narrow for the sidebar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from tui_inbox.screens.base import ActionModal
from tui_inbox.widgets.filter_sidebar import FilterSidebar

if TYPE_CHECKING:
    from tui_inbox.screens.inbox import InboxScreen


class FiltersScreen(ActionModal[None]):
    """The same lines as the sidebar; choosing one shows at once, leaving goes back to the list."""

    def __init__(self, inbox: InboxScreen) -> None:
        super().__init__()
        self._inbox = inbox

    def compose(self) -> ComposeResult:
        """A box with the sidebar in it."""
        with Vertical():
            yield FilterSidebar(id="overlay-filters")

    def on_mount(self) -> None:
        """The lines of the inbox below."""
        sidebar = self.query_one(FilterSidebar)
        sidebar.host_keymap = self.keymap
        sidebar.show(self._inbox.filters.choices)
        sidebar.focus()

    @on(FilterSidebar.Chosen)
    def _chosen(self, message: FilterSidebar.Chosen) -> None:
        self._inbox.choose(message.choice)
        self.query_one(FilterSidebar).show(self._inbox.filters.choices)

    @on(FilterSidebar.Left)
    def _left(self) -> None:
        self.dismiss(None)
