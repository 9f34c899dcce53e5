"""The actions that mean the same on every screen with contacts on it; what they do is in ``contact_actions``."""

from __future__ import annotations


class OnContacts:
    """Mix into a screen that says in :meth:`_act` which contacts are meant."""

    def _act(self, action_id: str) -> None:
        raise NotImplementedError

    def do_note(self) -> None:
        self._act("note")

    def do_close(self) -> None:
        self._act("close")

    def do_reopen(self) -> None:
        self._act("reopen")

    def do_snooze(self) -> None:
        self._act("snooze")

    def do_assign(self) -> None:
        self._act("assign")

    def do_take(self) -> None:
        self._act("take")

    def do_block(self) -> None:
        self._act("block")

    def do_repeat(self) -> None:
        self._act("repeat")

    def do_undo(self) -> None:
        self._act("undo")
