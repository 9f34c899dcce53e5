"""The actions that mean the same on every screen with a list of rows: moving the cursor and selecting."""

from __future__ import annotations

from typing import Any

from tui_inbox.widgets.marked_list import MarkedList


class OverRows:
    """Mix into a screen, behind what shows it, that says in :meth:`_list` which list is meant."""

    def _list(self) -> MarkedList[Any]:
        raise NotImplementedError

    def show_title(self) -> None:
        """Say anew what the list holds and how much of it is selected."""
        raise NotImplementedError

    def do_cursor_down(self) -> None:
        self._list().move(1)

    def do_cursor_up(self) -> None:
        self._list().move(-1)

    def do_half_down(self) -> None:
        self._list().move_page(0.5)

    def do_half_up(self) -> None:
        self._list().move_page(-0.5)

    def do_page_down(self) -> None:
        self._list().move_page(1)

    def do_page_up(self) -> None:
        self._list().move_page(-1)

    def do_top(self) -> None:
        self._list().go_first()

    def do_bottom(self) -> None:
        self._list().go_last()

    def _select(self) -> None:
        self._list().toggle()
        self.show_title()

    def _select_to(self) -> None:
        self._list().select_to_cursor()
        self.show_title()

    def _unselect(self) -> bool:
        """Let go of the selection; false when there is none."""
        if not self._list().selected:
            return False
        self._list().unselect()
        self.show_title()
        return True
