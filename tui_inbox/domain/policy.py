"""Channel policies as data: what each channel allows, when, how much, and who may write first.

Figures are those of the project's channel reference (section 21 and the section of each channel). An admin may
override any of them per channel; an override is a plain mapping, checked by :func:`with_override`.
The rule that reads this data is :func:`tui_inbox.domain.window.decide`; nothing else interprets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.kinds import ChannelKind, InboundKind, Permission
from tui_inbox.domain.limits import TextLimit, TextUnit

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TEXT = frozenset({Permission.TEXT})
TEMPLATE = frozenset({Permission.TEMPLATE})
HUMAN_AGENT = frozenset({Permission.HUMAN_AGENT})


class FirstContact(StrEnum):
    """Whether the business may write to somebody who never wrote."""

    YES = "yes"
    TEMPLATE = "template"
    NO = "no"


@dataclass(frozen=True)
class Stage:
    """What may be sent in one span after the window has closed.

    ``until`` is counted from the last qualifying event, ``None`` means for ever. Spans follow each other in order.
    """

    until: timedelta | None
    allows: frozenset[Permission]
    warning: str = ""


@dataclass(frozen=True)
class ChannelPolicy:
    """The rules of one channel kind."""

    kind: ChannelKind
    label: str
    """Name on screen."""
    first_contact: FirstContact
    text_limit: TextLimit
    window: timedelta | None = None
    """Length of the messaging window; ``None`` = the channel has none."""
    while_open: frozenset[Permission] = TEXT
    after_close: tuple[Stage, ...] = ()
    renewing_events: frozenset[InboundKind] = frozenset({InboundKind.MESSAGE})
    count_limit: int | None = None
    """Most messages that may be sent after one customer message; ``None`` = no limit."""
    margin: timedelta = timedelta(0)
    """Taken off the end of the window, for clocks that disagree."""
    retired: str = ""
    """Why the channel can never be written to; empty for a living one."""
    start_hint: str = "the customer must write first"
    """What must happen before the first message, where the business may not write first."""


CUSTOMER_MESSAGE = frozenset({InboundKind.MESSAGE})
MESSAGE_OR_CALL = frozenset({InboundKind.MESSAGE, InboundKind.CALL})
META_OPENERS = frozenset({InboundKind.MESSAGE, InboundKind.POSTBACK, InboundKind.REACTION})


def _whatsapp(kind: ChannelKind, label: str, limit: int) -> ChannelPolicy:
    return ChannelPolicy(
        kind=kind,
        label=label,
        first_contact=FirstContact.TEMPLATE,
        text_limit=TextLimit(limit, TextUnit.CHARACTERS),
        window=DAY,
        while_open=TEXT | TEMPLATE,
        after_close=(Stage(None, TEMPLATE),),
        renewing_events=MESSAGE_OR_CALL,
    )


_POLICIES = (
    ChannelPolicy(
        ChannelKind.TELEGRAM,
        "Telegram",
        FirstContact.NO,
        TextLimit(4096, TextUnit.CHARACTERS),
        start_hint="the customer must start the bot first",
    ),
    ChannelPolicy(
        ChannelKind.LINE,
        "LINE",
        FirstContact.NO,
        TextLimit(5000, TextUnit.UTF16),
        start_hint="the customer must add the account as a friend first",
    ),
    ChannelPolicy(
        ChannelKind.WEBCHAT,
        "Website chat",
        FirstContact.NO,
        TextLimit(10_000, TextUnit.CHARACTERS),
        start_hint="the visitor must have opened the chat once",
    ),
    ChannelPolicy(ChannelKind.SMS, "SMS", FirstContact.YES, TextLimit(1600, TextUnit.SMS)),
    ChannelPolicy(ChannelKind.EMAIL, "Email", FirstContact.YES, TextLimit(None, TextUnit.CHARACTERS)),
    ChannelPolicy(ChannelKind.CUSTOM, "Custom channel", FirstContact.YES, TextLimit(None, TextUnit.CHARACTERS)),
    _whatsapp(ChannelKind.WHATSAPP, "WhatsApp", 4096),
    _whatsapp(ChannelKind.WHATSAPP_TWILIO, "WhatsApp (Twilio)", 1600),
    _whatsapp(ChannelKind.WHATSAPP_360DIALOG, "WhatsApp (360dialog)", 4096),
    ChannelPolicy(
        ChannelKind.MESSENGER,
        "Messenger",
        FirstContact.NO,
        TextLimit(2000, TextUnit.CHARACTERS),
        window=DAY,
        while_open=TEXT | TEMPLATE,
        after_close=(Stage(7 * DAY, HUMAN_AGENT | TEMPLATE), Stage(None, TEMPLATE)),
        renewing_events=META_OPENERS,
    ),
    ChannelPolicy(
        ChannelKind.INSTAGRAM,
        "Instagram",
        FirstContact.NO,
        TextLimit(1000, TextUnit.BYTES),
        window=DAY,
        after_close=(Stage(7 * DAY, HUMAN_AGENT),),
        renewing_events=META_OPENERS,
    ),
    ChannelPolicy(
        ChannelKind.VIBER,
        "Viber",
        FirstContact.NO,
        TextLimit(7000, TextUnit.CHARACTERS),
        window=DAY,
        after_close=(Stage(None, TEXT, "outside the 24 h session: charged, or counted against the monthly quota"),),
        start_hint="the customer must subscribe to the bot first",
    ),
    ChannelPolicy(
        ChannelKind.WECHAT,
        "WeChat",
        FirstContact.NO,
        TextLimit(2048, TextUnit.BYTES),
        window=48 * HOUR,
        count_limit=5,
    ),
    ChannelPolicy(
        ChannelKind.TIKTOK,
        "TikTok",
        FirstContact.NO,
        TextLimit(6000, TextUnit.CHARACTERS),
        window=48 * HOUR,
        count_limit=10,
    ),
    ChannelPolicy(ChannelKind.X, "X", FirstContact.YES, TextLimit(10_000, TextUnit.CHARACTERS)),
    ChannelPolicy(
        ChannelKind.GOOGLE_BUSINESS,
        "Google Business Messages",
        FirstContact.NO,
        TextLimit(None, TextUnit.CHARACTERS),
        retired="Google ended Business Messages on 31 July 2024.",
    ),
)

DEFAULT_POLICIES: Mapping[ChannelKind, ChannelPolicy] = {policy.kind: policy for policy in _POLICIES}
"""One policy for every kind."""


def policy_for(kind: ChannelKind, override: Mapping[str, Any] | None = None) -> ChannelPolicy:
    """The policy of a channel: the default of its kind with the admin's override laid over it.

    Raises :class:`UsageError` for an override that names an unknown field or has a value out of range.
    """
    policy = DEFAULT_POLICIES[kind]
    return with_override(policy, override) if override else policy


def with_override(policy: ChannelPolicy, override: Mapping[str, Any]) -> ChannelPolicy:
    """``policy`` with fields replaced.

    Keys: ``window_seconds`` (number or null), ``margin_seconds``, ``count_limit`` (number or null),
    ``text_limit`` (number or null), ``human_agent_until_seconds`` (number or null),
    ``first_contact`` (``yes``, ``template``, ``no``), ``after_close`` (list of ``text``, ``template``).
    """
    changes: dict[str, Any] = {}
    for key, value in override.items():
        apply = _OVERRIDES.get(key)
        if apply is None:
            raise UsageError(f"Unknown policy setting '{key}'. Known ones: {', '.join(sorted(_OVERRIDES))}.")
        changes.update(apply(policy, key, value))
        policy = replace(policy, **changes)
    return policy


def _number(key: str, value: Any, *, none: bool = False) -> float | None:
    if value is None and none:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 366 * 86_400:
        raise UsageError(f"Policy setting '{key}' must be a number from 0 up to one year in seconds, not {value!r}.")
    return value


def _window(policy: ChannelPolicy, key: str, value: Any) -> dict[str, Any]:
    seconds = _number(key, value, none=True)
    return {"window": None if seconds is None else timedelta(seconds=seconds)}


def _margin(policy: ChannelPolicy, key: str, value: Any) -> dict[str, Any]:
    return {"margin": timedelta(seconds=_number(key, value) or 0)}


def _count(policy: ChannelPolicy, key: str, value: Any) -> dict[str, Any]:
    number = _number(key, value, none=True)
    return {"count_limit": None if number is None else int(number)}


def _text_limit(policy: ChannelPolicy, key: str, value: Any) -> dict[str, Any]:
    number = _number(key, value, none=True)
    return {"text_limit": TextLimit(None if number is None else int(number), policy.text_limit.unit)}


def _human_agent(policy: ChannelPolicy, key: str, value: Any) -> dict[str, Any]:
    seconds = _number(key, value, none=True)
    stages = tuple(stage for stage in policy.after_close if Permission.HUMAN_AGENT not in stage.allows)
    if seconds is not None:
        lasting = frozenset().union(*(stage.allows for stage in stages if stage.until is None))
        stages = (Stage(timedelta(seconds=seconds), HUMAN_AGENT | lasting), *stages)
    return {"after_close": stages}


def _first_contact(policy: ChannelPolicy, key: str, value: Any) -> dict[str, Any]:
    try:
        return {"first_contact": FirstContact(value)}
    except ValueError as error:
        raise UsageError(f"Policy setting '{key}' must be yes, template or no, not {value!r}.") from error


def _after_close(policy: ChannelPolicy, key: str, value: Any) -> dict[str, Any]:
    allowed = {permission.value for permission in (Permission.TEXT, Permission.TEMPLATE)}
    if not isinstance(value, list) or not set(map(str, value)) <= allowed:
        raise UsageError(f"Policy setting '{key}' must be a list of text and template, not {value!r}.")
    stages = tuple(stage for stage in policy.after_close if stage.until is not None)
    lasting = frozenset(Permission(item) for item in value)
    return {"after_close": (*stages, Stage(None, lasting)) if lasting else stages}


_OVERRIDES = {
    "window_seconds": _window,
    "margin_seconds": _margin,
    "count_limit": _count,
    "text_limit": _text_limit,
    "human_agent_until_seconds": _human_agent,
    "first_contact": _first_contact,
    "after_close": _after_close,
}
