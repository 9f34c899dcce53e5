"""What the outbox shows: title, channels that rest, the list, and everything about the message under the cursor."""

from __future__ import annotations

from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.events import Resize
from textual.timer import Timer

from tui_inbox.actions import first_sign
from tui_inbox.domain.outbox import OutboxCounts, OutboxDetail, may_decide, sees_everybody
from tui_inbox.screens.base import ActionScreen
from tui_inbox.screens.outbox_source import OutboxSource
from tui_inbox.widgets.decision_panel import DecisionPanel
from tui_inbox.widgets.delivery_words import DecisionKeys, decision_lines, queue_line
from tui_inbox.widgets.hint_bar import HintBar
from tui_inbox.widgets.latest import Latest
from tui_inbox.widgets.lines import Line, Lines, beside, cut
from tui_inbox.widgets.outbox_list import OutboxList
from tui_inbox.widgets.row_list import MOST_NEW_COUNTED, RowList

HINTS = (
    "outbox_open", "message_retry", "message_arrived", "message_drop", "outbox_select", "outbox_mine",
    "outbox_everybody", "outbox_back", "help",
)  # fmt: skip
TALL = 32
"""Rows of a terminal that has room for more than the newest attempt."""
MOST_QUEUES = 3
"""Channels told of above the list."""
MINUTE = 60.0


class OutboxView(ActionScreen[None]):
    """Shows the outbox; what keys do is the subclass's."""

    HINTS = HINTS

    def __init__(self) -> None:
        super().__init__()
        self.everybody = False
        """Whether the messages of all agents are shown."""
        self.title_line = Lines(id="title")
        self.queues = Lines(id="queues")
        self.rows = OutboxList(id="rows")
        self.panel = DecisionPanel(id="decision")
        self.hints = HintBar(self.HINTS)
        self.detail: OutboxDetail | None = None
        """What is told below the list."""
        self._counts: OutboxCounts | None = None
        self._reading = Latest(self, "outbox-detail", self._failed)
        self._numbers = Latest(self, "outbox-numbers", self._failed)
        self._minutes: Timer | None = None

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        from tui_inbox.widgets.status_line import StatusLine

        yield self.title_line
        yield self.queues
        yield self.rows
        yield self.panel
        yield StatusLine(id="status")
        yield self.hints

    # Life -----------------------------------------------------------------------------------------------------------

    async def on_mount(self) -> None:
        """Ask at once where the services are there already."""
        self.rows.clock, self.rows.tz = self.host.clock, self.host.tz
        self.hints.show(self.HINTS, self.keymap)
        self.set_focus(self.rows)
        self._minutes = self.set_interval(MINUTE, self.rows.repaint)
        if self.host.ready:
            await self.data_ready()

    async def data_ready(self) -> None:
        """A lead begins with everybody's, an agent with their own."""
        self.show_whose(everybody=sees_everybody(self.host.agent))

    async def store_changed(self) -> None:
        """Read again what is on the screen; nothing moves under the reader."""
        self.rows.read_again()
        self._ask_numbers()

    def on_screen_resume(self) -> None:
        """Back from a conversation: it may have changed."""
        if self.host.ready and not self.rows.loading_rows:
            self.rows.read_again()
            self._ask_numbers()

    def on_resize(self, event: Resize) -> None:
        """The title is laid out for the width."""
        self.show_title()

    def show_whose(self, *, everybody: bool) -> None:
        """Show one's own messages, or those of all."""
        self.everybody = self.rows.with_agent = everybody
        self.rows.unselect()
        self.rows.ask(OutboxSource(self.host.agent, everybody, self.host.services.outbox))
        self._counts = None
        self.show_title()
        self._ask_numbers()

    # What is read ---------------------------------------------------------------------------------------------------

    def show_title(self) -> None:
        """The first line: whose, how many need a person, how many are selected, agent."""
        host, counts = self.host, self._counts
        left = [("Outbox", "strong"), (" · ", "faint"), ("Everybody" if self.everybody else "Mine", "strong")]
        if counts is not None:
            told = f"   {counts.words}" if counts.any else "   nothing needs a decision"
            left.append((told, "warn" if counts.any else "muted"))
        chosen = len(self.rows.selected)
        if chosen:
            left.append((f"   ✓ {chosen} selected", "accent"))
        who = host.agent.handle if host.ready else ""
        self.title_line.show([beside(tuple(left), ((who, "muted"),), max(20, self.size.width - 2))])

    def _ask_numbers(self) -> None:
        self._numbers.ask(partial(self._count, self.everybody))

    async def _count(self, everybody: bool) -> None:
        service = self.host.services.outbox
        counts = await service.counts(self.host.agent, everybody=everybody)
        queues = await service.queues()
        if everybody != self.everybody:
            return
        self._counts = counts
        self.show_title()
        now, zone = self.host.clock(), self.host.tz
        lines = [queue_line(queue, now, zone) for queue in queues[:MOST_QUEUES]]
        if len(queues) > MOST_QUEUES:
            lines.append(((f"⏸ {len(queues) - MOST_QUEUES} more channels keep messages waiting", "warn"),))
        self.queues.show([cut(line, max(20, self.size.width - 2)) for line in lines])

    async def _read_detail(self, message_id: str) -> None:
        detail = await self.host.services.outbox.detail(message_id)
        current = self.rows.current
        if current is not None and current.message_id == message_id:
            self.detail = detail
            self.panel.tell(self._lines)

    def _lines(self, width: int) -> list[Line]:
        detail, host, keymap = self.detail, self.host, self.keymap
        if detail is None:
            return []
        keys = DecisionKeys(
            again=first_sign("message_retry", keymap),
            arrived=first_sign("message_arrived", keymap),
            drop=first_sign("message_drop", keymap),
        )
        item = detail.item
        return decision_lines(
            detail,
            keys,
            width,
            now=host.clock(),
            zone=host.tz,
            most_attempts=1 if self.app.size.height < TALL else 4,
            allowed=may_decide(host.agent, item.queued_by_id, item.assignee_id),
        )

    def _failed(self, sentence: str) -> None:
        self.say(sentence, refused=True)

    # Messages -------------------------------------------------------------------------------------------------------

    @on(RowList.CursorMoved)
    def _cursor_moved(self, message: RowList.CursorMoved) -> None:
        if message.row is None:
            self.detail = None
            self.panel.tell(None)
        else:
            self._reading.ask(partial(self._read_detail, str(message.row.key)))

    @on(RowList.Answered)
    def _answered(self, message: RowList.Answered) -> None:
        whose = "of anybody" if self.everybody else "of yours"
        self.rows.empty_text = (f"Every message {whose} is through.", "")
        self.rows.repaint()
        self.host.release_keys()

    @on(RowList.NewAbove)
    def _new_above(self, message: RowList.NewAbove) -> None:
        many = f"{MOST_NEW_COUNTED}+" if message.count >= MOST_NEW_COUNTED else str(message.count)
        self.say(f"↑ {many} new: gg goes to the top" if message.count else "")

    @on(RowList.Failed)
    def _rows_failed(self, message: RowList.Failed) -> None:
        self.say(message.sentence, refused=True)
