"""Messages of a conversation that are not through: which one is in question, and the panel about it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual.timer import Timer

from tui_inbox.actions import first_sign
from tui_inbox.domain.kinds import ContentKind, DeliveryState
from tui_inbox.domain.outbox import OutboxDetail, OutboxItem, confirms_until, free_at, may_decide, waiting
from tui_inbox.domain.waiting import WaitKind
from tui_inbox.widgets.decision_panel import DecisionPanel
from tui_inbox.widgets.delivery_words import DecisionKeys, decision_lines
from tui_inbox.widgets.lines import Line

if TYPE_CHECKING:
    from tui_inbox.screens.conversation_view import ConversationView

TALL = 32
"""Rows of a terminal that has room for more than the newest attempt."""
LEAST_WAIT, MOST_WAIT = 1.0, 3600.0
"""Bounds in seconds of the wait until what the panel says is another."""
NOT_THROUGH = "Every message here is through; nothing needs a decision."


class Trouble:
    """Knows what is not through to the contact on the screen, newest first."""

    def __init__(self, screen: ConversationView) -> None:
        self._screen = screen
        self._details: tuple[OutboxDetail, ...] = ()
        self._timer: Timer | None = None
        self.all_attempts = False
        """Whether every attempt is shown."""

    def show(self, details: tuple[OutboxDetail, ...]) -> None:
        """What was read; the panel follows."""
        self._details = details
        self.draw()
        self._wait()

    def forget(self) -> None:
        """Tell of nothing, and wait for nothing."""
        self._details, self.all_attempts = (), False
        self.draw()
        self._wait()

    @property
    def current(self) -> OutboxDetail | None:
        """The message in question: the one under the cursor where it is not through, else the newest that needs a
        person; ``None`` when there is none."""
        chosen = self._screen.timeline.selected
        if chosen is not None:
            return next((one for one in self._details if one.item.message_id == chosen.message_id), None)
        return next((one for one in self._details if one.item.needs_person), None)

    @property
    def items(self) -> tuple[OutboxItem, ...]:
        """The message in question, as the actions want it."""
        current = self.current
        return () if current is None else (current.item,)

    @property
    def stuck(self) -> tuple[OutboxDetail, ...]:
        """Those that one can go through: in need of a person, or held up by something."""
        return tuple(one for one in self._details if one.item.needs_person or self._held_up(one.item))

    def holding_up(self, contact_channel_id: int) -> tuple[OutboxItem, ...]:
        """Texts that were blocked on a contact channel and hold the line there, as far as this agent decides."""
        agent = self._screen.host.agent
        return tuple(
            one.item
            for one in self._details
            if one.item.state is DeliveryState.BLOCKED
            and one.item.content_kind is ContentKind.TEXT
            and one.item.contact_channel_id == contact_channel_id
            and may_decide(agent, one.item.queued_by_id, one.item.assignee_id)
        )

    def following(self) -> str | None:
        """Id of the message after the one in question; after the last comes the first."""
        ids = [one.item.message_id for one in self.stuck]
        current = self.current
        if not ids:
            return None
        if current is None or current.item.message_id not in ids:
            return ids[0]
        return ids[(ids.index(current.item.message_id) + 1) % len(ids)]

    def no_text(self) -> str | None:
        """Why the text of the message in question cannot be taken back; ``None`` when it can."""
        current = self.current
        if current is None:
            return NOT_THROUGH
        if current.item.content_kind is not ContentKind.TEXT:
            return "A template has no text to edit; drop it and choose one anew."
        if current.item.state not in {DeliveryState.FAILED, DeliveryState.BLOCKED}:
            return "Only the text of a failed or blocked message can be taken back."
        return None

    def draw(self) -> None:
        """The panel as things are now."""
        panel = self._screen.query_one(DecisionPanel)
        panel.tell(None if self.current is None else self._lines)

    def _lines(self, width: int) -> list[Line]:
        current, screen = self.current, self._screen
        if current is None:
            return []
        host, item = screen.host, current.item
        few = 1 if screen.app.size.height < TALL else 3
        return decision_lines(
            current,
            self._keys(current.item),
            width,
            now=host.clock(),
            zone=host.tz,
            right=self._place(current),
            most_attempts=len(current.attempts) if self.all_attempts else few,
            allowed=may_decide(host.agent, item.queued_by_id, item.assignee_id),
        )

    def _keys(self, item: OutboxItem) -> DecisionKeys:
        keymap = self._screen.keymap
        text = item.content_kind is ContentKind.TEXT
        return DecisionKeys(
            again=first_sign("message_retry", keymap),
            arrived=first_sign("message_arrived", keymap),
            drop=first_sign("message_drop", keymap),
            text_back=first_sign("message_text", keymap) if text else "",
            template=first_sign("template", keymap),
        )

    def _place(self, current: OutboxDetail) -> str:
        ids = [one.item.message_id for one in self.stuck]
        if len(ids) < 2 or current.item.message_id not in ids:
            return ""
        key = first_sign("message_next", self._screen.keymap)
        return f"{ids.index(current.item.message_id) + 1} of {len(ids)} · {key} next"

    def _held_up(self, item: OutboxItem) -> bool:
        waits = waiting(item, self._screen.host.clock())
        return waits is not None and waits.kind is not WaitKind.HELD

    def _wait(self) -> None:
        """Read again when something that is said of time has come true."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        now = self._screen.host.clock()
        instants = [at for one in self._details for at in _changes_at(one.item, now) if at > now]
        if instants:
            seconds = min(MOST_WAIT, max(LEAST_WAIT, (min(instants) - now).total_seconds()))
            self._timer = self._screen.set_timer(seconds, self._screen.reading.again)


def _changes_at(item: OutboxItem, now: datetime) -> list[datetime]:
    """Instants at which other words are right for a message."""
    waits = waiting(item, now)
    found = [None if waits is None else waits.until]
    if item.state is DeliveryState.UNCERTAIN:
        found += [free_at(item.lease_until), confirms_until(item)]
    return [at for at in found if at is not None]
