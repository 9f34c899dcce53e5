"""How an answer of the window rule reads on screen: glyph, word, tone, sentence, countdown, way out.

Used wherever reach is shown (policy bar, contact card, channel switcher, preview), so that it looks alike everywhere.
Decides nothing: that is :func:`tui_inbox.domain.window.decide`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from tui_inbox.domain.kinds import ComposerMode, Permission, WindowState
from tui_inbox.domain.window import AMBER, WindowAnswer
from tui_inbox.services.reach import Reach, clock_time

HOUR, DAY = 3600, 86_400


@dataclass(frozen=True)
class Face:
    """One answer in words."""

    glyph: str
    word: str
    """Says the state without any colour."""
    tone: str
    """``good``, ``warn``, ``info``, ``bad`` or ``muted``."""
    told: str
    """The state in one clause, with its countdown."""
    short: str
    """The same in a few cells, for lists."""
    way_out: str = ""
    """What the agent can do, without the keys for it."""


def face(item: Reach, now: datetime, zone: tzinfo | None = None) -> Face:
    """How the answer for one contact channel reads at ``now``; times in ``zone`` (``None`` = this machine's)."""
    answer = item.answer
    if answer.state is WindowState.BLOCKED:
        return _blocked(item, now, zone)
    if answer.state is WindowState.OPEN and answer.closes_at is not None:
        return _open(answer, answer.closes_at, now, zone)
    if answer.state is WindowState.NONE or answer.mode is ComposerMode.FREE:
        return _free(item, now, zone)
    if answer.mode is ComposerMode.TAG:
        return _tag(answer, now, zone)
    return Face("▤", "template only", "info", _closed(item, now, zone), "template", answer.way_out)


def countdown(left: timedelta) -> str:
    """What is left: ``6 d 4 h`` above two days, ``3 h 12 m`` above an hour, ``42 m 07 s`` below; never negative."""
    seconds = max(0, int(left.total_seconds()))
    if seconds >= 2 * DAY:
        return f"{seconds // DAY} d {seconds % DAY // HOUR} h"
    if seconds >= HOUR:
        return f"{seconds // HOUR} h {seconds % HOUR // 60:02} m"
    if seconds >= 60:
        return f"{seconds // 60} m {seconds % 60:02} s"
    return f"{seconds} s"


def next_change(items: Sequence[Reach], now: datetime) -> float | None:
    """Seconds until the words of one of ``items`` change by the passing of time; ``None`` = never.

    The end of a window counts as such; else once a minute above one hour and once a second below.
    """
    waits = [_wait(item.answer.changes_at, now) for item in items if item.answer.changes_at is not None]
    return min(waits, default=None)


def alternative(items: Sequence[Reach], current: Reach) -> Reach | None:
    """Another channel of the contact that allows more than ``current`` does; ``None`` when there is none."""
    rank = {ComposerMode.FREE: 0, ComposerMode.TAG: 1, ComposerMode.TEMPLATE: 2, ComposerMode.DISABLED: 3}
    others = [item for item in items if item.contact_channel.id != current.contact_channel.id]
    best = min(others, key=lambda item: rank[item.answer.mode], default=None)
    if best is None or rank[best.answer.mode] >= rank[current.answer.mode]:
        return None
    return best


def may_send(answer: WindowAnswer) -> str:
    """What may be sent, in words: ``free text``, ``a tagged answer``, ``a template``, ``nothing now``."""
    words = {
        Permission.TEXT: "free text",
        Permission.HUMAN_AGENT: "a tagged answer",
        Permission.TEMPLATE: "a template",
    }
    return words[answer.may_send[0]] if answer.may_send else "nothing now"


def _wait(changes_at: datetime | None, now: datetime) -> float:
    left = (changes_at - now).total_seconds() if changes_at is not None else 0.0
    if left <= 0:
        return 0.0
    step = 60 if left > HOUR else 1
    return left % step or float(step)


def _open(answer: WindowAnswer, closes_at: datetime, now: datetime, zone: tzinfo | None) -> Face:
    left = closes_at - now
    used = answer.reason.partition("; ")[2]
    told = f"free text for {countdown(left)}, until {clock_time(closes_at, now, zone)}"
    told += f" · {used.replace(' messages', '')}" if used else ""
    if left <= AMBER:
        return Face("◑", "closing soon", "warn", told, countdown(left))
    return Face("●", "open", "good", told, countdown(left))


def _free(item: Reach, now: datetime, zone: tzinfo | None) -> Face:
    answer = item.answer
    if answer.warning:
        return Face("◍", "open, with a warning", "warn", f"free text · {answer.warning}", "free text (!)")
    if answer.state is WindowState.NONE:
        return Face("○", "no window", "good", "free text at any time", "free text")
    return Face("○", "open", "good", f"free text · {_closed(item, now, zone)}", "free text")


def _tag(answer: WindowAnswer, now: datetime, zone: tzinfo | None) -> Face:
    told = "a person's answer may still be sent"
    short = "HUMAN_AGENT"
    if answer.changes_at is not None:
        left = countdown(answer.changes_at - now)
        told = f"HUMAN_AGENT for {left}, until {clock_time(answer.changes_at, now, zone)}"
        short = f"tag {left}"
    return Face("◇", "tag only", "info", told, short, "what you write is sent as a person's answer")


def _closed(item: Reach, now: datetime, zone: tzinfo | None) -> str:
    """The closing in one clause: when it was, or that the customer never wrote."""
    answer = item.answer
    if answer.closes_at is None:
        return answer.reason.partition(", so ")[0]
    window = answer.reason.partition(";")[0].removeprefix("the ").removesuffix(" has closed")
    return f"{window} closed {_day_or_clock(answer.closes_at, now, zone)}"


def _day_or_clock(at: datetime, now: datetime, zone: tzinfo | None) -> str:
    """The time of day while it is recent, else the day alone."""
    told = clock_time(at, now, zone)
    return told if now - at < timedelta(days=1) else told.rpartition(" ")[0] or told


def _blocked(item: Reach, now: datetime, zone: tzinfo | None) -> Face:
    answer = item.answer
    if answer.opted_out:
        return Face("⊘", "opted out", "bad", answer.reason, "opted out", answer.way_out)
    if answer.for_good:
        return Face("✕", "blocked for good", "bad", answer.reason, "for good", answer.way_out)
    if answer.reason.startswith("the channel is paused"):
        told = answer.reason.removeprefix("the channel is paused: ")
        return Face("‖", "channel paused", "warn", told, "paused", answer.way_out)
    if answer.reason.startswith("all "):
        return Face("■", "count used", "warn", answer.reason, "count used", answer.way_out)
    told = answer.reason.partition("nothing may be sent yet: ")[2] or _closed(item, now, zone)
    return Face("◌", "blocked until the customer writes", "bad", told, "not now", answer.way_out)
