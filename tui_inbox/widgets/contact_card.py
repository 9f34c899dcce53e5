"""Who the customer is and how they can be reached: a card at the right, or two rows at the top of a narrow screen.

Every channel has one line that says what may be sent now; the countdowns come with the judgements of the policy bar.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from tui_inbox.domain.kinds import ConversationStatus
from tui_inbox.services.reach import Reach, clock_time
from tui_inbox.text import cells, clean_line, fit, wrap
from tui_inbox.widgets.lines import Line, Lines, Span, beside, cut
from tui_inbox.widgets.policy_words import Face, face

STATUS_MARKS = {
    ConversationStatus.NONE: ("∅", "muted"),
    ConversationStatus.OPEN: ("●", "good"),
    ConversationStatus.SNOOZED: ("☾", "info"),
    ConversationStatus.CLOSED: ("○", "muted"),
}
if TYPE_CHECKING:  # brings the data layer, which is imported after the first frame
    from tui_inbox.services.contacts import ContactView

_NAME = 14
"""Cells for a channel's name in the card."""


class ContactCard(Lines):
    """The card, or its folded form."""

    DEFAULT_CSS = """
    ContactCard { padding: 0 1; background: $surface; }
    """

    def __init__(self, zone: tzinfo | None = None, *, folded: bool, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._zone = zone
        self._folded = folded
        self._view: ContactView | None = None
        self._agent = ""
        self._reaches: tuple[Reach, ...] = ()
        self._in_use: int | None = None
        self._now: datetime | None = None

    def show_view(self, view: ContactView, agent: str) -> None:
        """Show a contact; ``agent`` is the handle of who reads."""
        self._view, self._agent = view, agent
        self._reaches, self._now = view.reach, view.at
        self._draw()

    def show_reach(self, reaches: tuple[Reach, ...], in_use: int | None, now: datetime) -> None:
        """New answers for the channels; ``in_use`` is the contact channel that the composer writes on."""
        self._reaches, self._in_use, self._now = reaches, in_use, now
        self._draw()

    def forget(self) -> None:
        """Show nobody."""
        self._view = None
        self.show(())

    def on_resize(self) -> None:
        """Rows are laid out for the width."""
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        if self._view is None or self._now is None or not width:
            return
        self.show(self._header(width) if self._folded else self._card(width))

    # --- folded

    def _header(self, width: int) -> list[Line]:
        assert self._view is not None
        contact = self._view.contact
        name = str(clean_line(contact.name, 40))
        tags = " ".join(f"#{clean_line(tag, 16)}" for tag in contact.tags[:3])
        left: Line = ((name, "strong"), (f"  {tags}" if tags else "", "accent"))
        channels: list[Span] = []
        for item, shown in self._faces():
            channels += [("   " if channels else "", ""), self._mark(item), (f"{shown.glyph} ", shown.tone)]
            channels += [(f"{item.policy.label} ", "muted"), (shown.short, shown.tone)]
        told = tuple(channels) or (("no channel", "bad"),)
        return [beside(left, self._state_spans(), width), cut(told, width)]

    def _state_spans(self) -> Line:
        assert self._view is not None
        glyph, tone = STATUS_MARKS[self._view.conversation.status]
        return ((f"{glyph} ", tone), (self._status_words(), tone), (f"  {self._owner()}", "muted"))

    # --- full card

    def _card(self, width: int) -> list[Line]:
        assert self._view is not None
        contact = self._view.contact
        glyph, tone = STATUS_MARKS[self._view.conversation.status]
        lines: list[Line] = [((str(clean_line(contact.name, width)), "strong"),)]
        lines.append(((f"{glyph} ", tone), (self._status_words(), tone)))
        lines.append(((self._owner(), "muted"),))
        lines += self._team_line()
        lines += [(), *self._fields(width)]
        lines += self._tags(width)
        lines += [(), (("Reach", "strong"), ("  what may be sent now", "faint"))]
        lines += self._channels(width)
        return [cut(line, width) for line in lines]

    def _team_line(self) -> list[Line]:
        assert self._view is not None
        return [((f"team {clean_line(self._view.team.name, 20)}", "muted"),)] if self._view.team else []

    def _fields(self, width: int) -> list[Line]:
        assert self._view is not None
        contact = self._view.contact
        pairs = [
            ("email", contact.email),
            ("phone", contact.phone),
            ("from", contact.country),
            ("speaks", contact.language),
            *contact.custom.items(),
        ]
        label = 8
        return [
            ((fit(str(clean_line(key, label - 1)), label), "faint"), (str(clean_line(value, width - label)), ""))
            for key, value in pairs
            if value
        ]

    def _tags(self, width: int) -> list[Line]:
        assert self._view is not None
        tags = " ".join(f"#{clean_line(tag, 24)}" for tag in self._view.contact.tags)
        return [((row, "accent"),) for row in wrap(tags, width)] if tags else []

    def _channels(self, width: int) -> list[Line]:
        lines: list[Line] = []
        for item, shown in self._faces():
            label = fit(item.policy.label, _NAME)
            lines.append((self._mark(item), (f"{shown.glyph} ", shown.tone), (label, ""), (shown.short, shown.tone)))
            lines.append((("    ", ""), (self._second(item, width - 4), "faint")))
        return lines or [(("no address on any channel", "bad"),)]

    def _second(self, item: Reach, width: int) -> str:
        """The word of the state with the address where it fits."""
        assert self._now is not None
        word = face(item, self._now, self._zone).word
        address = str(clean_line(item.contact_channel.address, 24))
        both = f"{word} · {address}"
        return both if address and cells(both) <= width else word

    # --- words

    def _faces(self) -> list[tuple[Reach, Face]]:
        assert self._now is not None
        return [(item, face(item, self._now, self._zone)) for item in self._reaches]

    def _mark(self, item: Reach) -> Span:
        used = item.contact_channel.id == self._in_use
        return ("▸ " if used else "  ", "accent strong") if not self._folded else ("▸" if used else "", "accent strong")

    def _status_words(self) -> str:
        assert self._view is not None
        assert self._now is not None
        row = self._view.conversation
        if row.status is ConversationStatus.CLOSED:
            by = f" by {self._view.closed_by.handle}" if self._view.closed_by else ""
            at = f" {clock_time(row.closed_at, self._now, self._zone)}" if row.closed_at and not self._folded else ""
            return f"closed{by}{at}"
        if row.status is ConversationStatus.SNOOZED and row.snoozed_until is not None:
            return f"snoozed until {clock_time(row.snoozed_until, self._now, self._zone)}"
        return "no conversation yet" if row.status is ConversationStatus.NONE else row.status.value

    def _owner(self) -> str:
        assert self._view is not None
        assignee = self._view.assignee
        if assignee is None:
            return "nobody's"
        away = ", away" if assignee.away else ""
        return f"yours{away}" if assignee.handle == self._agent else f"{clean_line(assignee.handle, 20)}'s{away}"
