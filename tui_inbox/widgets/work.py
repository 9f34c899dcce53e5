"""Starting work beside the messages of a widget, a screen or the application."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from textual.dom import DOMNode

Work = Callable[[], Coroutine[Any, Any, Any]]


def begin(owner: DOMNode, work: Work, group: str, *, alone: bool = False, exit_on_error: bool = False) -> None:
    """Start ``work``. ``alone``: it takes the place of earlier work of the same group.

    Work is given as a function, so that what is never begun, because the program ends, leaves nothing behind.
    """
    owner.run_worker(work, group=group, exclusive=alone, exit_on_error=exit_on_error)
