"""How the fate of an outgoing message reads: mark and word, why it waits, what happened, what may still settle it.

Pure words and spans; the thread, the preview, the list and the outbox say them alike. What comes from a channel passes
the cleaner here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from tui_inbox.domain.delivery import NEEDS_PERSON
from tui_inbox.domain.events import OutcomeKind
from tui_inbox.domain.kinds import DeliveryState, Direction, Receipt
from tui_inbox.domain.models import Attempt, TimelineEntry
from tui_inbox.domain.outbox import OutboxDetail, OutboxItem, confirms_until, free_at, probably_refused, waiting
from tui_inbox.domain.policy import policy_for
from tui_inbox.domain.waiting import Waiting, WaitKind
from tui_inbox.services.queue_state import ChannelQueue
from tui_inbox.services.reach import clock_time
from tui_inbox.text import clean_line, duration, wrap
from tui_inbox.widgets.lines import Line, Span, beside, cut

STATES: Mapping[DeliveryState, Span] = {
    DeliveryState.QUEUED: ("◷ queued", "muted"),
    DeliveryState.LEASED: ("→ sending", "muted"),
    DeliveryState.SENDING: ("→ sending", "muted"),
    DeliveryState.SENT: ("✓ sent", "muted"),
    DeliveryState.FAILED: ("✗ failed", "bad strong"),
    DeliveryState.UNCERTAIN: ("? uncertain", "warn strong"),
    DeliveryState.BLOCKED: ("⊘ blocked", "bad strong"),
    DeliveryState.CANCELLED: ("∅ cancelled", "faint"),
}
RECEIPTS: Mapping[Receipt, Span] = {
    Receipt.DELIVERED: ("✓✓ delivered", "muted"),
    Receipt.READ: ("✓✓ read", "good"),
}
HELD: Span = ("◔ held", "info")
"""Queued, and can still be taken back."""
OUTCOMES: Mapping[str, str] = {
    "": "under way",
    OutcomeKind.ACCEPTED: "taken",
    OutcomeKind.REFUSED: "refused",
    OutcomeKind.RETRY: "not taken yet",
    OutcomeKind.NOT_SENT: "nothing left",
    OutcomeKind.AMBIGUOUS: "may have gone out",
    "lease expired": "the sender stopped",
}
"""Outcome of an attempt, as it is stored, in plain words."""
SENDER_STOPPED = "lease expired"


@dataclass(frozen=True)
class DecisionKeys:
    """The keys that the words name, as people write them."""

    again: str = "R"
    arrived: str = "Y"
    drop: str = "D"
    text_back: str = ""
    """Empty where it cannot be done."""
    template: str = ""
    """The same."""


def status_of(entry: TimelineEntry) -> Span | None:
    """Glyph and word of an outgoing message's fate; ``None`` for anything else."""
    if entry.direction is not Direction.OUTBOUND or entry.state is None:
        return None
    if entry.state is DeliveryState.SENT and entry.receipt in RECEIPTS:
        return RECEIPTS[entry.receipt]
    return _mark(entry.state, entry.waits)


def mark_of(item: OutboxItem, now: datetime) -> Span:
    """Glyph and word of a message in the outbox."""
    return _mark(item.state, waiting(item, now))


def _mark(state: DeliveryState, waits: Waiting | None) -> Span:
    return HELD if waits is not None and waits.kind is WaitKind.HELD else STATES[state]


def label_of(item: OutboxItem) -> str:
    """The channel as people call it."""
    return policy_for(item.channel_kind).label


# --- why it waits


def waiting_words(waits: Waiting, channel: str, now: datetime, zone: tzinfo | None) -> str:
    """Why a queued message waits: ``waits: WhatsApp rests until 14:05``. ``channel``: its label, clean."""
    until = "" if waits.until is None else f" until {clock_time(waits.until, now, zone)}"
    reason = str(clean_line(waits.reason, 160)).rstrip(".")
    match waits.kind:
        case WaitKind.HELD:
            return f"held{until}: until then it can be taken back"
        case WaitKind.EARLIER:
            return f"waits behind {_earlier(waits.behind)}"
        case WaitKind.PAUSED if waits.until is None:
            return f"waits: {channel} is paused until an admin acts ({reason})"
        case WaitKind.PAUSED:
            return f"waits: {channel} rests{until} ({reason})"
        case WaitKind.RESTS if waits.until is None:
            return f"waits: {channel} does not answer; one message tries it again first"
        case WaitKind.RESTS:
            return f"waits: {channel} rests{until}, it does not answer"
        case WaitKind.RETRY:
            told = f"not yet: {reason}" if reason else "not yet"
            at = "" if waits.until is None else f" at {clock_time(waits.until, now, zone)}"
            return f"{told}; it is tried again by itself{at}"
        case _:
            return "waits: nobody takes it; does a sender run? (tui-inbox doctor)"


def _earlier(state: DeliveryState | None) -> str:
    if state in NEEDS_PERSON:
        article = "an" if state is DeliveryState.UNCERTAIN else "a"
        return f"{article} {state} message: decide about that one first"
    return "an earlier message that is on its way"


def queue_line(queue: ChannelQueue, now: datetime, zone: tzinfo | None) -> Line:
    """The queue of a channel: ``⏸ WhatsApp shop: 12 wait, the oldest for 25 min; rests until 14:05``."""
    channel, label = queue.channel, policy_for(queue.channel.kind).label
    name = label if channel.name.casefold() == label.casefold() else f"{label} {clean_line(channel.name, 24)}"
    some = f"{queue.waiting} wait{'s' if queue.waiting == 1 else ''}"
    waits = f"{some}, the oldest for {duration(queue.age(now))}" if queue.waiting else "nothing waits"
    if queue.paused_reason:
        kind = WaitKind.PAUSED
    else:
        kind = WaitKind.SENDER if queue.breaker_retry_at is None else WaitKind.RESTS
    until = queue.paused_until if kind is WaitKind.PAUSED else queue.breaker_retry_at
    at = "" if until is None or until <= now else f" until {clock_time(until, now, zone)}"
    match kind:
        case WaitKind.PAUSED:
            told = f"rests{at}" if at else "paused until an admin acts"
            told = f"{told} ({str(clean_line(queue.paused_reason, 120)).rstrip('.')})"
        case WaitKind.RESTS:
            told = f"does not answer, rests{at}" if at else "does not answer, one message tries it again"
        case _:
            told = "each says below why"
    return ((f"⏸ {name}: {waits}; ", "warn"), (told, "muted"))


# --- what happened


def what_happened(detail: OutboxDetail, now: datetime, zone: tzinfo | None) -> str:
    """The trouble of a message in plain words; clean."""
    item, channel = detail.item, label_of(detail.item)
    reason = str(clean_line(item.error_text, 160)).rstrip(".")
    match item.state:
        case DeliveryState.UNCERTAIN:
            stopped = bool(detail.attempts) and detail.attempts[-1].outcome == SENDER_STOPPED
            cause = "The sender stopped" if stopped else "The connection broke"
            return f"{cause} after the message may have gone out. {channel} has not confirmed it."
        case DeliveryState.FAILED:
            return f"It did not go out: {reason or 'the channel refused it'}."
        case DeliveryState.BLOCKED:
            told = reason or "the messaging window closed before it could leave"
            return f"It was held back: {told}. Nothing was sent."
        case DeliveryState.QUEUED:
            waits = waiting(item, now)
            return (
                "It is about to be sent." if waits is None else f"{_capital(waiting_words(waits, channel, now, zone))}."
            )
        case DeliveryState.LEASED | DeliveryState.SENDING:
            return "It is being sent."
        case _:
            return ""


def may_settle_itself(item: OutboxItem, now: datetime, zone: tzinfo | None) -> str:
    """Whether the channel can still settle an uncertain message itself, and by when."""
    channel, until = label_of(item), confirms_until(item)
    if until is None:
        return f"{channel} confirms nothing afterwards: check with the customer."
    at = clock_time(until, now, zone)
    if now < until:
        return f"{channel} can still confirm it by itself; usually by {at}."
    if probably_refused(item, now):
        return f"{channel} has reported other things since {at} but not this one: it probably never took it."
    return f"{channel} usually confirms by {at} but has reported nothing since: check with the customer, or wait."


def attempt_words(attempt: Attempt, zone: tzinfo | None) -> str:
    """One try: ``09:12:03  may have gone out after 20 s · HTTP 502 · the channel failed``; clean."""
    told = OUTCOMES.get(attempt.outcome, str(clean_line(attempt.outcome, 40)))
    if attempt.first_byte_at is not None and attempt.ended_at is not None:
        told = f"{told} after {duration(attempt.ended_at - attempt.first_byte_at)}"
    parts = [told]
    if attempt.http_status is not None:
        parts.append(f"HTTP {attempt.http_status}")
    if attempt.error_text or attempt.error_code:
        parts.append(str(clean_line(attempt.error_text or attempt.error_code, 80)))
    return f"{attempt.leased_at.astimezone(zone):%H:%M:%S}  {' · '.join(parts)}"


# --- the panel


def decision_lines(
    detail: OutboxDetail,
    keys: DecisionKeys,
    width: int,
    *,
    now: datetime,
    zone: tzinfo | None,
    right: str = "",
    most_attempts: int = 1,
    allowed: bool = True,
) -> list[Line]:
    """Everything that a decision about one message needs. ``right``: what stands at the end of the first row, clean.

    ``allowed``: whether the reader may decide; else it is said who may.
    """
    item = detail.item
    mark, tone = mark_of(item, now)
    who = f" · by {clean_line(item.queued_by, 20)}" if item.queued_by else ""
    age = f"{clock_time(item.created_at, now, zone)}, {duration(now - item.created_at)} ago"
    head = ((mark, tone), (f"  {label_of(item)} · queued {age}{who}", "muted"))
    lines: list[Line] = [beside(head, ((right, "muted"),) if right else (), width)]
    lines += _told(what_happened(detail, now, zone), width, "")
    if item.state is DeliveryState.UNCERTAIN:
        lines += _told(may_settle_itself(item, now, zone), width, "info")
    lines += _attempts(detail.attempts, most_attempts, width, zone)
    if allowed:
        lines.append(cut(_offers(item, keys, now, zone), width))
    else:
        lines.append(cut((("Its sender, whoever has the conversation, or a lead decides about it.", "muted"),), width))
    return lines


def _told(sentence: str, width: int, style: str) -> list[Line]:
    return [((row, style),) for row in wrap(sentence, width)]


def _attempts(attempts: Sequence[Attempt], most: int, width: int, zone: tzinfo | None) -> list[Line]:
    shown = attempts[-most:] if most else ()
    lines: list[Line] = []
    for attempt in shown:
        number = f"try {attempt.n} of {len(attempts)}" if len(attempts) > 1 else "try 1"
        lines.append(cut(((f"{number}  ", "muted"), (attempt_words(attempt, zone), "muted")), width))
    return lines


def _offers(item: OutboxItem, keys: DecisionKeys, now: datetime, zone: tzinfo | None) -> Line:
    """What can be done, with its keys."""
    match item.state:
        case DeliveryState.UNCERTAIN:
            free = free_at(item.lease_until)
            again = "send again"
            if free is not None and free > now:
                again = f"send again, from {free.astimezone(zone):%H:%M:%S}"
            offers = [(keys.arrived, "it arrived"), (keys.again, again), (keys.drop, "drop")]
        case DeliveryState.FAILED:
            offers = [(keys.again, "try again"), (keys.text_back, "edit its text"), (keys.drop, "drop")]
        case DeliveryState.BLOCKED:
            offers = [
                (keys.template, "template"),
                (keys.text_back, "text back, wait for a reply"),
                (keys.again, "try again"),
                (keys.drop, "drop"),
            ]
        case DeliveryState.QUEUED:
            offers = [(keys.drop, "drop")]
        case _:
            offers = []
    spans: list[Span] = []
    for key, label in offers:
        if key:
            spans += [("   " if spans else "", ""), (key, "accent strong"), (f" {label}", "")]
    return tuple(spans)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
