"""How the answers of the window rule read: every state has its own glyph and word, countdowns, ways out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tui_inbox.domain.kinds import ChannelKind
from tui_inbox.domain.models import Channel, Contact, ContactChannel
from tui_inbox.domain.window import ChannelFacts
from tui_inbox.services.reach import Reach, reach
from tui_inbox.widgets.policy_words import Face, alternative, countdown, face, may_send, next_change

NOW = datetime(2026, 3, 11, 10, 0, tzinfo=UTC)
ANA = Contact(1, "Ana")


def contact_channel(ident: int, kind: ChannelKind, paused: str = "", **facts: Any) -> ContactChannel:
    """A contact channel with these facts."""
    channel = Channel(ident, kind.value, kind, paused_reason=paused)
    return ContactChannel(ident, 1, channel, "address", ChannelFacts(**facts))


def wrote(ago: timedelta, kind: ChannelKind = ChannelKind.WHATSAPP, **facts: Any) -> Reach:
    """A channel on which the customer wrote ``ago``."""
    item = contact_channel(1, kind, last_qualifying_at=NOW - ago, started=True, **facts)
    return reach(ANA, [item], NOW)[0]


def never(kind: ChannelKind, **facts: Any) -> Reach:
    """A channel on which the customer never wrote."""
    return reach(ANA, [contact_channel(1, kind, **facts)], NOW)[0]


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CASES: dict[str, tuple[Reach, str, str, str]] = {
    "open": (wrote(20 * HOUR), "open", "good", "free text for 4 h 00 m, until 14:00"),
    "amber": (wrote(DAY - timedelta(minutes=15)), "closing soon", "warn", "free text for 15 m 00 s, until 10:15"),
    "not yet amber": (wrote(DAY - timedelta(minutes=15, seconds=1)), "open", "good", "free text for 15 m 01 s"),
    "last second": (wrote(DAY - timedelta(seconds=1)), "closing soon", "warn", "free text for 1 s, until 10:00"),
    "counted": (wrote(HOUR, ChannelKind.WECHAT, sent_since_inbound=4), "open", "good", "4 of 5 used"),
    "count used": (wrote(HOUR, ChannelKind.WECHAT, sent_since_inbound=5), "count used", "warn", "all 5 messages"),
    "no window": (wrote(9 * DAY, ChannelKind.TELEGRAM), "no window", "good", "free text at any time"),
    "tag": (
        wrote(2 * DAY, ChannelKind.INSTAGRAM),
        "tag only",
        "info",
        "HUMAN_AGENT for 5 d 0 h, until Mon 16 Mar 10:00",
    ),
    "template": (wrote(DAY), "template only", "info", "24 h window closed 10:00"),
    "template, long ago": (wrote(9 * DAY), "template only", "info", "24 h window closed Tue 3 Mar"),
    "template, never wrote": (never(ChannelKind.WHATSAPP), "template only", "info", "never written here"),
    "blocked until written to": (
        wrote(8 * DAY, ChannelKind.INSTAGRAM),
        "blocked until the customer writes",
        "bad",
        "24 h window closed Wed 4 Mar",
    ),
    "never started": (never(ChannelKind.TELEGRAM), "blocked until the customer writes", "bad", "start the bot first"),
    "blocked for good": (wrote(HOUR, contact_blocked=True), "blocked for good", "bad", "this contact is blocked"),
    "retired": (never(ChannelKind.GOOGLE_BUSINESS), "blocked for good", "bad", "31 July 2024"),
    "opted out": (wrote(HOUR, ChannelKind.SMS, opted_out=True), "opted out", "bad", "opted out of this channel"),
    "paused": (wrote(HOUR, paused="the token has expired"), "channel paused", "warn", "the token has expired"),
    "charged": (wrote(2 * DAY, ChannelKind.VIBER), "open, with a warning", "warn", "charged"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_state_has_its_words(case: str) -> None:
    item, word, tone, told = CASES[case]
    shown = face(item, NOW, UTC)
    assert (shown.word, shown.tone) == (word, tone)
    assert told in shown.told
    assert shown.short


def test_no_state_is_told_by_colour_alone() -> None:
    faces = [face(item, NOW, UTC) for item, *_ in CASES.values()]
    by_word: dict[str, Face] = {}
    for shown in faces:
        other = by_word.setdefault(shown.word, shown)
        assert other.tone == shown.tone, "the same word in two colours"
    glyphs = {(shown.glyph, shown.word) for shown in faces}
    assert len({glyph for glyph, _ in glyphs}) >= len(by_word) - 1  # "open" and "no window" of a soft one may share


@pytest.mark.parametrize("case", [name for name, (item, *_) in CASES.items() if not item.answer.may_send])
def test_a_blocked_channel_names_a_way_out(case: str) -> None:
    assert face(CASES[case][0], NOW, UTC).way_out


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "0 s"),
        (0.9, "0 s"),
        (59, "59 s"),
        (60, "1 m 00 s"),
        (3599, "59 m 59 s"),
        (3600, "1 h 00 m"),
        (11_520, "3 h 12 m"),
        (2 * 86_400 - 1, "47 h 59 m"),
        (2 * 86_400, "2 d 0 h"),
    ],
)
def test_countdown(seconds: float, told: str) -> None:
    assert countdown(timedelta(seconds=seconds)) == told


@pytest.mark.parametrize(
    ("left", "wait"),
    [
        (timedelta(hours=3, minutes=12, seconds=40), 40),  # the minute turns over when 40 seconds are gone
        (timedelta(hours=3, minutes=12), 60),
        (timedelta(hours=1, seconds=1), 1),
        (timedelta(minutes=59), 1),
        (timedelta(seconds=0.25), 0.25),
    ],
)
def test_the_words_change_when_the_shown_unit_does(left: timedelta, wait: float) -> None:
    item = wrote(DAY - left)
    assert next_change([item], NOW) == pytest.approx(wait)
    before = face(item, NOW, UTC).told
    later = NOW + timedelta(seconds=wait + 0.001)
    assert face(reach(ANA, [item.contact_channel], later)[0], later, UTC).told != before


def test_nothing_changes_without_a_window() -> None:
    assert next_change([wrote(DAY, ChannelKind.TELEGRAM), never(ChannelKind.EMAIL)], NOW) is None


def test_the_alternative_is_the_freest_other_channel_and_only_if_it_is_freer() -> None:
    whatsapp = contact_channel(1, ChannelKind.WHATSAPP, last_qualifying_at=NOW - 2 * DAY)
    instagram = contact_channel(2, ChannelKind.INSTAGRAM, last_qualifying_at=NOW - 2 * DAY)
    telegram = contact_channel(3, ChannelKind.TELEGRAM, started=True)
    items = reach(ANA, [whatsapp, instagram, telegram], NOW, 1)
    chosen = alternative(items, items[0])
    assert chosen is not None
    assert chosen.policy.kind is ChannelKind.TELEGRAM
    assert may_send(chosen.answer) == "free text"
    assert alternative(items, chosen) is None
    assert alternative(items[:1], items[0]) is None
