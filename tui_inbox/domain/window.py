"""The one answer to "what may be sent to this contact on this channel right now?".

The screen, the command line, the queue and the sender all ask :func:`decide`; nobody else reads a policy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tui_inbox.domain.kinds import ComposerMode, InboundKind, Permission, WindowState
from tui_inbox.domain.limits import TextLimit
from tui_inbox.domain.policy import ChannelPolicy, FirstContact, Stage

AMBER = timedelta(minutes=15)
"""A window that closes sooner than this is shown in amber."""
FUTURE_TOLERANCE = timedelta(minutes=5)
"""An event dated later than this after its arrival is taken at its arrival instead."""

_ORDER = (Permission.TEXT, Permission.HUMAN_AGENT, Permission.TEMPLATE)
_MODE = {
    Permission.TEXT: ComposerMode.FREE,
    Permission.HUMAN_AGENT: ComposerMode.TAG,
    Permission.TEMPLATE: ComposerMode.TEMPLATE,
}


@dataclass(frozen=True)
class ChannelFacts:
    """What is known of one contact channel; instants are aware UTC."""

    last_qualifying_at: datetime | None = None
    """Event time of the newest inbound event that renews the window; ``None`` = never."""
    sent_since_inbound: int = 0
    """Messages sent (or on their way) since the customer's last message."""
    started: bool = False
    """The customer has started, followed or subscribed, even without writing."""
    opted_out: bool = False
    """The customer said STOP, blocked the bot or left."""
    contact_blocked: bool = False
    """We have blocked the contact."""
    paused: str = ""
    """Why the channel itself cannot be used (expired token, say); empty when it can."""


@dataclass(frozen=True)
class WindowAnswer:
    """What may be sent on one contact channel at one instant."""

    state: WindowState
    may_send: tuple[Permission, ...]
    """What may be sent now, freest first; empty when nothing may."""
    reason: str
    """Why, one sentence without the final stop."""
    way_out: str = ""
    """What the agent can do where text may not go; empty where it may."""
    closes_at: datetime | None = None
    """When the messaging window closes or has closed; ``None`` where there is none."""
    changes_at: datetime | None = None
    """The next instant at which, without any event, this answer changes; ``None`` = never."""
    warning: str = ""
    """Something to know before sending (charged, quota); empty mostly."""
    text_limit: TextLimit | None = None
    for_good: bool = False
    """Blocked whatever the customer does (retired channel, contact blocked by us)."""
    opted_out: bool = False

    @property
    def mode(self) -> ComposerMode:
        """The mode in which a composer opens for this answer."""
        return _MODE[self.may_send[0]] if self.may_send else ComposerMode.DISABLED

    def allows(self, permission: Permission) -> bool:
        """Whether ``permission`` is among what may be sent."""
        return permission in self.may_send


def decide(policy: ChannelPolicy, facts: ChannelFacts, now: datetime) -> WindowAnswer:
    """State, closing time, what may be sent, reason and way out for one contact channel at ``now``.

    A window is open if and only if ``now < last_qualifying_at + window - margin``, strictly; never an inbound
    event on a windowed channel counts as closed. ``now`` and all facts are aware UTC datetimes.
    """
    shut = _shut_for_good(policy, facts)
    if shut is not None:
        return shut
    if facts.last_qualifying_at is None:
        return _never_wrote(policy, facts)
    if policy.window is None:
        return _without_window(policy, facts)
    return _with_window(policy, facts, facts.last_qualifying_at, policy.window, now)


def renew(
    policy: ChannelPolicy,
    current: datetime | None,
    kind: InboundKind,
    event_at: datetime,
    arrived_at: datetime,
) -> datetime | None:
    """The new last qualifying time after an inbound event; never earlier than ``current``.

    An event dated more than five minutes after its arrival is taken at its arrival, so that a wrong clock on the far
    side cannot hold a window open.
    """
    if kind not in policy.renewing_events:
        return current
    at = arrived_at if event_at > arrived_at + FUTURE_TOLERANCE else event_at
    return at if current is None else max(current, at)


def best_channel(answers: Iterable[tuple[int, WindowAnswer]], preferred: int | None) -> int | None:
    """Id of the channel to write on: the preferred one where it allows anything, else the freest, else ``None``."""
    usable = [(ident, answer) for ident, answer in answers if answer.may_send]
    if any(ident == preferred for ident, _ in usable):
        return preferred
    ranked = sorted(usable, key=lambda item: _ORDER.index(item[1].may_send[0]))
    return ranked[0][0] if ranked else None


def _shut_for_good(policy: ChannelPolicy, facts: ChannelFacts) -> WindowAnswer | None:
    if policy.retired:
        return _blocked(policy, policy.retired.rstrip("."), "use another channel of this contact", for_good=True)
    if facts.contact_blocked:
        return _blocked(policy, "this contact is blocked", "unblock the contact first", for_good=True)
    if facts.opted_out:
        return _blocked(
            policy,
            "the customer has opted out of this channel",
            "use another channel, or wait until the customer opts in again",
            opted_out=True,
        )
    if facts.paused:
        return _blocked(
            policy,
            f"the channel is paused: {facts.paused}",
            "use another channel, or ask an admin to reconnect it",
        )
    return None


def _never_wrote(policy: ChannelPolicy, facts: ChannelFacts) -> WindowAnswer:
    if policy.first_contact is FirstContact.TEMPLATE:
        return WindowAnswer(
            WindowState.CLOSED,
            (Permission.TEMPLATE,),
            "the customer has never written here, so only an approved template may be sent",
            "send a template",
            text_limit=policy.text_limit,
        )
    if policy.window is None and (facts.started or policy.first_contact is FirstContact.YES):
        return _without_window(policy, facts)
    if policy.first_contact is FirstContact.YES:
        return _lasting(policy, None, "the customer has never written here")
    return _blocked(
        policy,
        f"nothing may be sent yet: {policy.start_hint}",
        "use another channel, or wait for the customer",
    )


def _without_window(policy: ChannelPolicy, facts: ChannelFacts) -> WindowAnswer:
    if _count_used(policy, facts):
        return _count_blocked(policy)
    return WindowAnswer(
        WindowState.NONE,
        _ordered(policy.while_open),
        f"{policy.label} has no messaging window",
        text_limit=policy.text_limit,
    )


def _with_window(
    policy: ChannelPolicy, facts: ChannelFacts, since: datetime, window: timedelta, now: datetime
) -> WindowAnswer:
    closes_at = since + window - policy.margin
    if now >= closes_at:
        return _after_close(policy, since, closes_at, now)
    if _count_used(policy, facts):
        return _count_blocked(policy, closes_at)
    reason = f"the customer wrote less than {span(window)} ago"
    if policy.count_limit is not None:
        reason += f"; {facts.sent_since_inbound} of {policy.count_limit} messages used"
    return WindowAnswer(
        WindowState.OPEN,
        _ordered(policy.while_open),
        reason,
        closes_at=closes_at,
        changes_at=closes_at,
        text_limit=policy.text_limit,
    )


def _after_close(policy: ChannelPolicy, since: datetime, closes_at: datetime, now: datetime) -> WindowAnswer:
    told = f"the {span(policy.window or timedelta(0))} window has closed"
    for stage in policy.after_close:
        ends_at = None if stage.until is None else since + stage.until - policy.margin
        if ends_at is None or now < ends_at:
            return _stage(policy, stage, told, closes_at, ends_at)
    return _blocked(
        policy,
        f"{told}; nothing may be sent until the customer writes again",
        "use another channel, or wait for the customer",
        closes_at=closes_at,
    )


def _lasting(policy: ChannelPolicy, closes_at: datetime | None, told: str) -> WindowAnswer:
    lasting = next((stage for stage in policy.after_close if stage.until is None), None)
    if lasting is None:
        return _blocked(
            policy,
            f"{told}; nothing may be sent until they write",
            "use another channel, or wait",
            closes_at=closes_at,
        )
    return _stage(policy, lasting, told, closes_at, None)


def _stage(
    policy: ChannelPolicy, stage: Stage, told: str, closes_at: datetime | None, ends_at: datetime | None
) -> WindowAnswer:
    allowed = _ordered(stage.allows)
    texts = {
        Permission.TEXT: ("text may still be sent", ""),
        Permission.HUMAN_AGENT: (
            "an answer written by a person may be sent with the HUMAN_AGENT tag",
            "write a tagged message",
        ),
        Permission.TEMPLATE: ("only an approved template may be sent", "send a template"),
    }
    allowed_text, way_out = texts[allowed[0]]
    return WindowAnswer(
        WindowState.CLOSED,
        allowed,
        f"{told}; {allowed_text}",
        way_out,
        closes_at=closes_at,
        changes_at=ends_at,
        warning=stage.warning,
        text_limit=policy.text_limit,
    )


def _count_used(policy: ChannelPolicy, facts: ChannelFacts) -> bool:
    return policy.count_limit is not None and facts.sent_since_inbound >= policy.count_limit


def _count_blocked(policy: ChannelPolicy, closes_at: datetime | None = None) -> WindowAnswer:
    return _blocked(
        policy,
        f"all {policy.count_limit} messages after the customer's last one are used",
        "use another channel, or wait until the customer writes again",
        closes_at=closes_at,
    )


def _blocked(
    policy: ChannelPolicy,
    reason: str,
    way_out: str,
    *,
    closes_at: datetime | None = None,
    for_good: bool = False,
    opted_out: bool = False,
) -> WindowAnswer:
    return WindowAnswer(
        WindowState.BLOCKED,
        (),
        reason,
        way_out,
        closes_at=closes_at,
        text_limit=policy.text_limit,
        for_good=for_good,
        opted_out=opted_out,
    )


def _ordered(allowed: frozenset[Permission]) -> tuple[Permission, ...]:
    return tuple(permission for permission in _ORDER if permission in allowed)


def span(length: timedelta) -> str:
    """A length as the field says it: ``24 h``, ``7 days``, ``90 s``."""
    seconds = int(length.total_seconds())
    if seconds >= 3 * 86_400 and seconds % 86_400 == 0:
        return f"{seconds // 86_400} days"
    if seconds >= 3600 and seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    if seconds >= 60 and seconds % 60 == 0:
        return f"{seconds // 60} min"
    return f"{seconds} s"
