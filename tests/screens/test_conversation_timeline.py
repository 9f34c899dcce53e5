"""Laying out a thread: columns, names, day rules, statuses; customer text cannot reach our columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.cells import cell_len

from tests.support.hostile import texts
from tui_inbox.domain.kinds import ChannelKind, ContentKind, DeliveryState, Direction, ErrorClass, Receipt
from tui_inbox.domain.models import TimelineEntry
from tui_inbox.domain.waiting import Waiting, WaitKind
from tui_inbox.widgets.delivery_words import STATES, status_of
from tui_inbox.widgets.lines import Line
from tui_inbox.widgets.timeline_layout import GUTTERS, Reader, body_rows, event_sentence, lay_out

NOW = datetime(2026, 3, 11, 10, 0, tzinfo=UTC)
READER = Reader("ana", "Carlos", NOW, UTC)
WIDTH = 79


def inbound(body: str = "Hello", at: datetime = NOW, **more: Any) -> TimelineEntry:
    """A customer's message."""
    return TimelineEntry(
        f"in-{at}-{body[:5]}", 1, at, Direction.INBOUND, body=body, channel_kind=ChannelKind.WHATSAPP, **more
    )


def outbound(state: DeliveryState = DeliveryState.SENT, author: str = "ana", **more: Any) -> TimelineEntry:
    """A message of ours."""
    given = {"body": "We sent it.", "channel_kind": ChannelKind.WHATSAPP, "message_id": "m", "at": NOW, **more}
    return TimelineEntry(f"out-{state}", 2, direction=Direction.OUTBOUND, author=author, state=state, **given)


def event(kind: str, author: str = "", **detail: Any) -> TimelineEntry:
    """A lifecycle event."""
    return TimelineEntry(f"event-{kind}", 3, NOW, None, event=kind, author=author, detail=detail)


def words(line: Line) -> str:
    """A line without styles."""
    return "".join(text for text, _ in line)


def shown(*entries: TimelineEntry, width: int = WIDTH) -> list[str]:
    """The rows of a thread without styles."""
    bodies = [body_rows(entry, READER, width) for entry in entries]
    return [words(row.line).rstrip() for row in lay_out(entries, bodies, READER, width)]


@pytest.mark.parametrize("state", list(DeliveryState))
def test_every_state_has_a_glyph_and_a_word(state: DeliveryState) -> None:
    status = status_of(outbound(state))
    assert status is not None
    glyph, _, word = status[0].partition(" ")
    assert glyph
    assert word


def test_uncertain_never_looks_like_failed() -> None:
    assert STATES[DeliveryState.UNCERTAIN][0][0] == "?"
    assert STATES[DeliveryState.FAILED][0][0] == "✗"


@pytest.mark.parametrize(
    ("receipt", "told"),
    [
        (Receipt.NONE, "✓ sent"),
        (Receipt.SENT, "✓ sent"),
        (Receipt.DELIVERED, "✓✓ delivered"),
        (Receipt.READ, "✓✓ read"),
    ],
)
def test_receipts_rise_in_words(receipt: Receipt, told: str) -> None:
    status = status_of(outbound(receipt=receipt))
    assert status is not None
    assert status[0] == told


def test_the_customers_own_messages_have_no_status() -> None:
    assert status_of(inbound()) is None


def test_an_uncertain_message_says_that_nobody_knows() -> None:
    rows = "\n".join(shown(outbound(DeliveryState.UNCERTAIN)))
    assert "? uncertain" in rows
    assert "it may have gone out; WhatsApp has not confirmed it" in rows


def test_a_failed_message_says_why() -> None:
    failed = outbound(
        DeliveryState.FAILED, error_class=ErrorClass.UNREACHABLE, error_text="the number is not on WhatsApp"
    )
    rows = "\n".join(shown(failed))
    assert "✗ failed" in rows
    assert "the number is not on WhatsApp" in rows


def test_no_two_fates_look_alike_without_colour() -> None:
    held = Waiting(WaitKind.HELD, NOW, NOW + timedelta(seconds=5))
    fates = [outbound(state) for state in DeliveryState if state is not DeliveryState.LEASED]
    fates += [outbound(receipt=Receipt.DELIVERED), outbound(receipt=Receipt.READ)]
    fates.append(outbound(DeliveryState.QUEUED, waits=held))
    words = [status_of(fate) for fate in fates]
    assert None not in words
    assert len({word[0] for word in words if word is not None}) == len(fates)


LATER = NOW + timedelta(hours=4, minutes=5)
WAITS = {
    "waits: WhatsApp rests until 14:05 (it asked to send more slowly)": Waiting(
        WaitKind.PAUSED, NOW, LATER, "it asked to send more slowly."
    ),
    "waits: WhatsApp is paused until an admin acts (the access token is refused)": Waiting(
        WaitKind.PAUSED, NOW, None, "the access token is refused"
    ),
    "waits: WhatsApp rests until 14:05, it does not answer": Waiting(WaitKind.RESTS, NOW, LATER),
    "waits: WhatsApp does not answer; one message tries it again first": Waiting(WaitKind.RESTS, NOW),
    "waits behind an uncertain message: decide about that one first": Waiting(
        WaitKind.EARLIER, NOW, behind=DeliveryState.UNCERTAIN
    ),
    "waits behind a blocked message: decide about that one first": Waiting(
        WaitKind.EARLIER, NOW, behind=DeliveryState.BLOCKED
    ),
    "waits behind an earlier message that is on its way": Waiting(WaitKind.EARLIER, NOW, behind=DeliveryState.SENDING),
    "not yet: the channel is busy; it is tried again by itself at 14:05": Waiting(
        WaitKind.RETRY, NOW, LATER, "the channel is busy."
    ),
    "waits: nobody takes it; does a sender run? (tui-inbox doctor)": Waiting(WaitKind.SENDER, NOW),
}


@pytest.mark.parametrize(
    ("told", "waits"), WAITS.items(), ids=[f"{waits.kind}-{n}" for n, waits in enumerate(WAITS.values())]
)
def test_a_queued_message_says_why_it_waits_and_since_when(told: str, waits: Waiting) -> None:
    rows = " ".join(" ".join(shown(outbound(DeliveryState.QUEUED, waits=waits), width=110)).replace("┃", " ").split())
    assert f"{told} · since 10:00" in rows


def test_what_is_about_to_be_sent_says_nothing_more() -> None:
    held = Waiting(WaitKind.HELD, NOW, LATER)
    assert len(shown(outbound(DeliveryState.QUEUED))) == len(shown(outbound())) == 3
    assert len(shown(outbound(DeliveryState.QUEUED, waits=held))) == 3


def test_messages_of_one_author_stand_under_one_name() -> None:
    later = NOW + timedelta(minutes=5)
    rows = shown(inbound("one"), inbound("two", later), outbound(at=later + timedelta(minutes=1)))
    assert [row.strip() for row in rows if "Carlos" in row] == ["Carlos · WhatsApp"]
    assert sum("you · WhatsApp" in row for row in rows) == 1


def test_a_long_pause_or_another_channel_names_the_author_again() -> None:
    first = inbound("one")
    assert sum("Carlos" in row for row in shown(first, inbound("two", NOW + timedelta(hours=1)))) == 2
    other = replace(inbound("two", NOW + timedelta(minutes=1)), channel_kind=ChannelKind.TELEGRAM, channel_name="tg")
    assert sum("Carlos" in row for row in shown(first, other)) == 2


def test_names_tell_who_wrote_and_how() -> None:
    rows = "\n".join(
        shown(
            outbound(author="bo", at=NOW, content_kind=ContentKind.TEMPLATE),
            outbound(author="", at=NOW, tag=""),
            outbound(author="ana", at=NOW, tag="HUMAN_AGENT"),
            TimelineEntry("n", 4, NOW, Direction.NOTE, body="careful", author="ana"),
            replace(inbound(), arrived_late=True),
        )
    )
    assert "bo · WhatsApp · template" in rows
    assert "sent elsewhere · WhatsApp" in rows
    assert "you · WhatsApp · HUMAN_AGENT" in rows
    assert "note · you · only the team sees it" in rows
    assert "Carlos · WhatsApp · arrived late" in rows


def test_each_day_has_one_rule() -> None:
    days = [NOW - timedelta(days=400), NOW - timedelta(days=3), NOW - timedelta(days=1), NOW, NOW]
    rules = [row.strip("─ ") for row in shown(*(inbound(f"{n}", at) for n, at in enumerate(days))) if "──" in row]
    assert rules == [
        "Tuesday 4 February 2025",
        "Sunday 8 March",
        "Yesterday, Tuesday 10 March",
        "Today, Wednesday 11 March",
    ]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (event("closed", "bo", category="solved", summary="tracking sent"), "bo closed this · solved: tracking sent"),
        (event("closed", "ana"), "you closed this"),
        (event("closed"), "the program closed this"),
        (event("reopened", "ana", by="sending"), "you reopened this by sending"),
        (event("reopened", by="customer"), "reopened by Carlos"),
        (event("opened", "bo", by="hand"), "bo opened this"),
        (event("woken", by="time"), "back from snooze: its time came"),
        (event("woken", by="customer"), "back from snooze: Carlos wrote"),
        (event("snoozed", "ana", until="2026-03-12T09:00:00+00:00"), "you snoozed this until Thu 12 Mar 09:00"),
        (event("snoozed", "ana", until="soon"), "you snoozed this"),
        (event("assigned", "bo", **{"from": "", "to": "ana"}), "assigned to ana"),
        (event("assigned", "bo", **{"from": "chen", "to": "ana"}), "assigned to ana (was chen)"),
        (event("unassigned", "bo", by="closing", **{"from": "bo", "to": ""}), "unassigned by closing (was bo)"),
        (event("contact_blocked", "bo"), "bo: contact blocked"),
    ],
)
def test_events_are_sentences(entry: TimelineEntry, told: str) -> None:
    assert event_sentence(entry, READER) == told


@pytest.mark.parametrize("width", [40, 60, 79, 120, 200])
@pytest.mark.parametrize("body", ["word " * 60, "x" * 500, "漢字" * 120, "👩‍👩‍👧‍👦" * 40, "a\n\n\nb", ""])
def test_rows_fit_the_width_and_stand_behind_the_gutter(width: int, body: str) -> None:
    gutter = GUTTERS[Direction.INBOUND][0]
    for line in body_rows(inbound(body), READER, width):
        assert cell_len(words(line)) <= width
        assert line[1][0] == gutter


@pytest.mark.parametrize("entry", [one.text for one in texts("body")], ids=[one.id for one in texts("body")])
def test_no_hostile_text_reaches_the_columns_that_are_ours(entry: str) -> None:
    columns = sum(len(span[0]) for span in body_rows(inbound("plain"), READER, WIDTH)[0][:2])
    for number, line in enumerate(body_rows(inbound(entry), READER, WIDTH)):
        text = words(line)
        assert text[:columns] == (" 10:00 │ " if number == 0 else "       │ ")
        assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in text)
        assert cell_len(text) <= WIDTH - 13, "the status column stays free"


@pytest.mark.parametrize("forged", ["✓✓ read", "10:00 ┃ you · WhatsApp", "── Today ──"])
def test_a_forged_status_stands_behind_the_customers_gutter(forged: str) -> None:
    row = words(body_rows(inbound(forged), READER, WIDTH)[0])
    assert row == f" 10:00 │ {forged}"
