"""Presence on the conversation screen: the others are told that one is here, and one is told who else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_inbox.widgets.colleague_words import colleague_line
from tui_inbox.widgets.work import begin

if TYPE_CHECKING:
    from tui_inbox.screens.conversation_view import ConversationView

GROUP = "presence"
"""Worker group of what is written down; it must outlive the screen that is left."""


class Company:
    """Tells and shows presence for one screen."""

    def __init__(self, screen: ConversationView) -> None:
        self._screen = screen
        self._here = False
        """Whether the agent is here, by this screen: another one may show the same contact already."""

    def come(self) -> None:
        """The agent looks at the contact that is shown."""
        host = self._screen.host
        host.services.presence.come(host.agent, self._screen.contact_id)
        self._here = True
        self._tell()

    def typed(self) -> None:
        """The agent writes."""
        self._screen.host.services.presence.typed()
        self._tell()

    def go(self) -> None:
        """The agent leaves the contact."""
        self.gone()
        self._tell()

    def gone(self) -> None:
        """The screen is not there any more. Nothing is begun here: the program may be ending, which tells it too."""
        if self._here:
            self._here = False
            self._screen.host.services.presence.go(self._screen.contact_id)

    def show(self) -> None:
        """Say who else is here, above the composer."""
        host = self._screen.host
        here = host.services.presence.at(self._screen.contact_id)
        self._screen.policy.show_colleagues(colleague_line(here, host.clock()))

    def _tell(self) -> None:
        begin(self._screen.app, self._screen.host.services.presence.tell, GROUP)
