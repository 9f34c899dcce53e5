"""Assigning: agents with a search field, and nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from tui_inbox.domain.models import Agent
from tui_inbox.domain.search import fold
from tui_inbox.screens.dialogs.base import Dialog, field
from tui_inbox.text import clean_line, fit
from tui_inbox.widgets.lines import Span
from tui_inbox.widgets.pick_list import PickList, PickRow


@dataclass(frozen=True)
class Assignment:
    """Who gets it; ``None`` = nobody."""

    agent: Agent | None


class AssignDialog(Dialog[Assignment]):
    """Type to filter, arrows to choose."""

    title_text = "Assign"
    accept_word = "assign"
    AUTO_FOCUS = "Input"
    DEFAULT_CSS = """
    AssignDialog #agents { max-height: 10; margin-top: 1; }
    """

    def __init__(self, about: str, agents: Sequence[Agent], me: Agent, present: Agent | None) -> None:
        super().__init__()
        self._about = about
        self._me = me
        self._present = present
        self._agents = sorted(agents, key=lambda agent: (agent.id != me.id, agent.away, agent.handle))
        self._shown: list[Agent | None] = []

    def about(self) -> str:
        """Whom."""
        return self._about

    def hints(self) -> list[tuple[str, str]]:
        """Arrows choose while typing."""
        return [("↑↓", "choose"), *super().hints()]

    def body(self) -> ComposeResult:
        """Search and list."""
        yield field(placeholder="search agents", id="who")
        yield PickList(id="agents")

    def on_mount(self) -> None:
        """Fill in."""
        self._filter("")

    def do_accept(self) -> None:
        """The agent under the cursor."""
        if not self._shown:
            self.complain("No agent matches. Change the search.")
            return
        self.query_one(PickList).pick()

    @on(PickList.Picked)
    def _picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(Assignment(self._shown[event.index]))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.complain("")
        self._filter(event.value)

    def _filter(self, typed: str) -> None:
        words = fold(typed).split()
        fits = [agent for agent in self._agents if all(word in fold(f"{agent.handle} {agent.name}") for word in words)]
        self._shown = list(fits)
        if not words or "unassign".startswith(words[0]) or "nobody".startswith(words[0]):
            self._shown.append(None)
        self.query_one(PickList).show([self._row(agent) for agent in self._shown])

    def _row(self, agent: Agent | None) -> PickRow:
        if agent is None:
            return PickRow((("∅ ", "muted"), (fit("nobody", 16), ""), ("unassign", "muted")))
        marks = [word for word, told in (("you", agent.id == self._me.id), ("has it now", self._has(agent))) if told]
        state: Span = ("☾ ", "warn") if agent.away else ("● ", "good")
        words = ([("away")] if agent.away else []) + marks
        extra: Span = (f"  {', '.join(words)}" if words else "", "warn" if agent.away else "muted")
        return PickRow(
            (state, (fit(clean_line(agent.handle, 15), 16), ""), (clean_line(agent.name, 24), "muted"), extra)
        )

    def _has(self, agent: Agent) -> bool:
        return self._present is not None and agent.id == self._present.id
