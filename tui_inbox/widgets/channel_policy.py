"""The channel-policy bar above the composer: what may be sent on the channel in use, until when, why, and the way out.

Keeps the facts of all channels of the contact and judges them anew with the clock, at the very instant at which an
answer changes, and whenever its own words change. Touches no store. It tells others by messages: the composer follows
:class:`ChannelPolicyBar.ModeChanged`, the contact card :class:`ChannelPolicyBar.Judged`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from textual import events
from textual.message import Message
from textual.timer import Timer

from tui_inbox.domain.clock import Clock
from tui_inbox.domain.kinds import ComposerMode
from tui_inbox.domain.models import Contact, ContactChannel
from tui_inbox.domain.window import WindowAnswer
from tui_inbox.services.reach import Reach, preferred_of, reach
from tui_inbox.widgets.lines import Line, Lines, beside, cut
from tui_inbox.widgets.policy_words import alternative, face, may_send, next_change

LEAST_WAIT, MOST_WAIT = 0.02, 3600.0
"""Bounds in seconds of one wait; the upper one catches a clock that was set or a machine that slept."""
LEAST_OWN = 24
"""Cells of the second row that colleagues never take."""
NO_CHANNEL: Line = (
    ("⊘ ", "bad"),
    ("no channel", "bad strong"),
    ("  this contact has no address on any channel", "muted"),
)


class ChannelPolicyBar(Lines):
    """Two rows: the state of the channel, and what sending would do or how to get out."""

    DEFAULT_CSS = """
    ChannelPolicyBar { height: 2; background: $boost; padding: 0 1 0 0; }
    """

    @dataclass
    class ModeChanged(Message):
        """What may be sent on the channel in use is not what it was; ``answer`` is ``None`` without any channel."""

        answer: WindowAnswer | None
        item: Reach | None

    @dataclass
    class Judged(Message):
        """All channels of the contact were judged at ``now``."""

        reaches: tuple[Reach, ...]
        now: datetime

    class Pressed(Message):
        """The bar was clicked: the agent wants another channel."""

    def __init__(
        self,
        clock: Clock,
        key_sign: Callable[[str], str],
        zone: tzinfo | None = None,
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._zone = zone
        self._key_sign = key_sign
        self._contact: Contact | None = None
        self._channels: tuple[ContactChannel, ...] = ()
        self._last_used: int | None = None
        self._chosen: int | None = None
        self._told: tuple[int, WindowAnswer] | None = None
        self._consequence = ""
        self._colleagues: Line = ()
        self._timer: Timer | None = None
        self._late = False
        self.reaches: tuple[Reach, ...] = ()
        """The latest answers, the channel last used first."""
        self.current: Reach | None = None
        """The channel in use with its latest answer."""

    def show_contact(self, contact: Contact, channels: tuple[ContactChannel, ...], last_used: int | None) -> None:
        """Show a contact; the channel in use stays if the contact has it, else it is the best one."""
        if self._contact is None or self._contact.id != contact.id:
            self._chosen, self._told, self._consequence = None, None, ""
        self._contact, self._channels, self._last_used = contact, channels, last_used
        self.judge()

    def use(self, contact_channel_id: int | None) -> None:
        """Write on this channel; ``None`` = the one that the program would choose."""
        self._chosen = contact_channel_id
        self.judge()

    @property
    def chosen(self) -> int | None:
        """The channel that the agent chose; ``None`` while the program chooses."""
        return self._chosen

    def show_consequence(self, sentence: str) -> None:
        """What sending would do, in one line; empty while unknown."""
        if sentence != self._consequence:
            self._consequence = sentence
            self._draw(self._clock())

    def show_colleagues(self, line: Line) -> None:
        """Who else is at this contact: at the right of the second row, where one looks before sending."""
        if line != self._colleagues:
            self._colleagues = line
            if self._contact is not None:
                self._draw(self._clock())

    def judge(self) -> None:
        """Judge every channel now, redraw what changed, tell what changed, and wait for the next change."""
        if self._contact is None:
            return
        now = self._clock()
        self.reaches = reach(self._contact, self._channels, now, self._last_used)
        self.current = self._in_use()
        self._draw(now)
        self.post_message(self.Judged(self.reaches, now))
        told = None if self.current is None else (self.current.contact_channel.id, self.current.answer)
        if told != self._told or told is None:
            self._told = told
            self.post_message(self.ModeChanged(self.current.answer if self.current else None, self.current))
        self._wait(now)

    def on_click(self, event: events.Click) -> None:
        """A click asks for another channel."""
        event.stop()
        self.post_message(self.Pressed())

    def on_resize(self) -> None:
        """The rows are laid out for the width."""
        if self._contact is not None:
            self._draw(self._clock())

    def forget(self) -> None:
        """Show nobody, and wait for nothing."""
        self._contact, self.reaches, self.current = None, (), None
        self._stop_waiting()
        self.show(())

    def on_unmount(self) -> None:
        """No timer outlives the bar."""
        self._stop_waiting()

    def _in_use(self) -> Reach | None:
        if self._chosen is not None:
            for item in self.reaches:
                if item.contact_channel.id == self._chosen:
                    return item
        first = self.reaches[0] if self.reaches else None
        return preferred_of(self.reaches, first.contact_channel.id if first else None) or first

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _wait(self, now: datetime) -> None:
        self._stop_waiting()
        seconds = next_change(self.reaches, now)
        if seconds is not None and self.is_mounted:
            self._timer = self.set_timer(min(MOST_WAIT, max(LEAST_WAIT, seconds + 0.002)), self._due)

    def _due(self) -> None:
        """Time has passed. Below a dialog nothing is judged: the smallest change there paints the whole screen."""
        if self.screen.is_active:
            self.judge()
        else:
            self._late = True

    def catch_up(self) -> None:
        """The screen is on top again: judge what was left undone meanwhile."""
        if self._late:
            self._late = False
            self.judge()

    def _draw(self, now: datetime) -> None:
        width = self.content_size.width or 78
        if self.current is None:
            others = self._with_colleagues((("▌", "edge-bad"),), width)
            self.show([cut((("▌ ", "edge-bad"), *NO_CHANNEL), width), others])
            return
        shown = face(self.current, now, self._zone)
        edge = (("▌ ", f"edge-{shown.tone}"),)
        state = (
            (f"{shown.glyph} ", shown.tone),
            (shown.word, f"{shown.tone} strong"),
            (f"  {shown.told}", ""),
        )
        name: Line = ((self.current.policy.label, "muted"),)
        second = self._with_colleagues((*edge, *self._second_row(shown.way_out)), width)
        self.show([beside((*edge, *state), name, width), second])

    def _with_colleagues(self, row: Line, width: int) -> Line:
        """``row`` with the colleagues at its end; they get what they need, and what it says itself is cut first."""
        if not self._colleagues:
            return cut(row, width)
        return beside(row, cut(self._colleagues, width - LEAST_OWN), width)

    def _second_row(self, way_out: str) -> Line:
        """What sending does where text may go; else the way out with its keys."""
        assert self.current is not None
        mode = self.current.answer.mode
        spans: list[tuple[str, str]] = []
        if mode in {ComposerMode.FREE, ComposerMode.TAG}:
            spans.append((f"↳ {self._consequence}" if self._consequence else "", "muted"))
        other = alternative(self.reaches, self.current)
        if mode is ComposerMode.TEMPLATE:
            spans += [(self._key_sign("composer_template"), "strong"), (" choose a template", "muted")]
        if mode is not ComposerMode.FREE and other is not None:
            spans += [("   " if spans else "", ""), (self._key_sign("channel"), "strong")]
            spans.append((f" {other.policy.label}: {may_send(other.answer)}", "muted"))
        if not any(text for text, _ in spans):
            spans = [(f"way out: {way_out}" if way_out else "", "muted")]
        return tuple(spans)
