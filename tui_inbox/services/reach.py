"""What may be sent to a contact now, channel by channel: one pure function for screens, command line and sending."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from tui_inbox.domain.models import Channel, Contact, ContactChannel
from tui_inbox.domain.policy import ChannelPolicy, policy_for
from tui_inbox.domain.window import ChannelFacts, WindowAnswer, best_channel, decide

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Reach:
    """One contact channel and what may be sent on it."""

    contact_channel: ContactChannel
    policy: ChannelPolicy
    answer: WindowAnswer


def reach(
    contact: Contact, channels: Iterable[ContactChannel], now: datetime, last_used: int | None = None
) -> tuple[Reach, ...]:
    """Every channel of ``contact`` with its answer at ``now``; the one last used comes first.

    ``last_used`` is the id of the contact channel last used (``Conversation.last_channel_id``); without it the newest
    message decides. Needs no store, so a screen may call it each second.
    """
    ordered = sorted(channels, key=lambda item: (item.id == last_used, item.last_message_at or _LONG_AGO), reverse=True)
    return tuple(_reach(contact, item, now) for item in ordered)


def facts_now(contact: Contact, contact_channel: ContactChannel, now: datetime) -> ChannelFacts:
    """The stored facts of a contact channel together with what its contact and channel add.

    A pause that ends by itself (rate limit) only delays what is queued; one without an end blocks.
    """
    return replace(
        contact_channel.facts,
        contact_blocked=contact.blocked or contact_channel.facts.contact_blocked,
        paused=contact_channel.facts.paused or lasting_pause(contact_channel.channel),
    )


def lasting_pause(channel: Channel) -> str:
    """Why the channel cannot be used until a person acts; empty when it can."""
    return channel.paused_reason if channel.paused_until is None else ""


def preferred_of(reaches: tuple[Reach, ...], last_used: int | None) -> Reach | None:
    """The channel to write on: the one last used where it allows anything, else the freest; ``None`` if none does."""
    best = best_channel(((item.contact_channel.id, item.answer) for item in reaches), last_used)
    return next((item for item in reaches if item.contact_channel.id == best), None) if best is not None else None


def clock_time(at: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """An instant in the agent's zone (``None`` = this machine's): ``14:05`` today, else ``Mon 3 Mar 14:05``."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    year = f" {local:%Y}" if local.year != today.year else ""
    return f"{local:%a} {local.day} {local:%b}{year} {local:%H:%M}"


def _reach(contact: Contact, item: ContactChannel, now: datetime) -> Reach:
    policy = policy_for(item.channel.kind, item.channel.policy_override)
    answer = decide(policy, facts_now(contact, item, now), now)
    until = item.channel.paused_until
    if item.channel.paused_reason and until is not None and now < until and answer.may_send:
        told = f"the channel is waiting ({item.channel.paused_reason.rstrip('.')}): messages leave later"
        answer = replace(answer, warning="; ".join(part for part in (answer.warning, told) if part))
    return Reach(item, policy, answer)
