"""From an answer to an outcome, as far as all channels agree: failures, HTTP statuses, error tables.

A channel's own table has one :class:`Rule` per error code; the HTTP status decides only where no code is readable,
since the same code is seen with several statuses (reference: channels, section 2.5). Texts are for the agent: what
happened and what to do, without addresses, tokens or the channel's own wording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tui_inbox.channels.http import FailureKind, HttpFailure, HttpReply
from tui_inbox.channels.tokens import TokenError
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import ErrorClass

MAYBE_SENT = frozenset({408, 425})
"""Statuses below 500 after which the message may have been taken (reference: reliability, section 1.8)."""
ASK = "Check with the customer or wait."
REPEATED = "A repeat within a day is safe and happens by itself."
"""What to do when nobody can know: on most channels, and on those that honour our key."""


@dataclass(frozen=True)
class Rule:
    """What one error code means."""

    kind: OutcomeKind
    error_class: ErrorClass
    text: str
    pauses_channel: bool = False
    retry_after: float | None = None
    """Seconds to wait where the channel documents them but does not send them."""

    def outcome(self, code: str, status: int | None = None, retry_after: float | None = None) -> SendOutcome:
        """The outcome of a send that was answered with this error; ``retry_after`` as the channel said."""
        return SendOutcome(
            self.kind,
            error_class=self.error_class,
            error_code=code,
            error_text=self.text,
            http_status=status,
            retry_after=self.retry_after if retry_after is None else retry_after,
            pauses_channel=self.pauses_channel,
        )


def refused(error_class: ErrorClass, text: str) -> Rule:
    """Definitely not accepted, and trying again is of no use."""
    return Rule(OutcomeKind.REFUSED, error_class, text)


def limited(text: str, *, pauses_channel: bool = True, retry_after: float | None = None) -> Rule:
    """Too fast: later it may be accepted."""
    return Rule(OutcomeKind.RETRY, ErrorClass.RATE_LIMITED, text, pauses_channel, retry_after)


def unauthorised(label: str) -> Rule:
    """The credential is no longer good: the channel stops until an admin acts, and messages stay queued."""
    text = f"{label} refused the access token. The message stays queued: ask an admin to set a new token."
    return Rule(OutcomeKind.RETRY, ErrorClass.AUTH, text, pauses_channel=True)


def unknowable(label: str, *, keyed: bool = False) -> Rule:
    """The server had trouble; the message may or may not have been taken. ``keyed``: the channel honours our key."""
    advice = REPEATED if keyed else ASK
    text = f"{label} had a fault while taking the message, so it may or may not arrive. {advice}"
    return Rule(OutcomeKind.AMBIGUOUS, ErrorClass.TEMPORARY, text)


def unknown_code(label: str, code: int) -> Rule:
    """A refusal whose code is not in the table."""
    return refused(ErrorClass.INVALID, f"{label} refused the message (error {code}). Change it, or ask an admin.")


def from_failure(label: str, failure: HttpFailure, *, keyed: bool = False) -> SendOutcome:
    """Outcome of a send that got no answer; ``keyed`` as for :func:`unknowable`."""
    if failure.kind is FailureKind.NOT_SENT:
        text = f"{label} {failure.text}. Nothing was sent; it is tried again by itself."
        return SendOutcome(OutcomeKind.NOT_SENT, error_class=ErrorClass.TEMPORARY, error_text=text)
    text = f"{label} {failure.text} after the message may have gone out. {REPEATED if keyed else ASK}"
    return SendOutcome(OutcomeKind.AMBIGUOUS, error_class=ErrorClass.TEMPORARY, error_text=text)


def without_token(label: str, error: TokenError) -> SendOutcome:
    """Outcome of a send that could not begin, since no access token was to be had."""
    if error.refused:
        return unauthorised(label).outcome("")
    text = f"{error} Nothing was sent; it is tried again by itself."
    return SendOutcome(OutcomeKind.NOT_SENT, error_class=ErrorClass.TEMPORARY, error_text=text)


def accepted(label: str, provider_id: str, status: int | None) -> SendOutcome:
    """Taken by the channel. Without a readable id it is still taken: sending again would send it twice."""
    text = "" if provider_id else f"{label} took the message, but its answer could not be read: its id is unknown."
    return SendOutcome(OutcomeKind.ACCEPTED, provider_id=provider_id, error_text=text, http_status=status)


@dataclass(frozen=True)
class LateFailure:
    """A failure that the channel reports after it took the message."""

    error_class: ErrorClass
    code: str
    text: str


def late_failure(rule: Rule | None, code: int | None, label: str) -> LateFailure:
    """What a reported error ``code`` with this rule (``None`` = unknown) means: the channel has given up."""
    told = "unknown" if code is None else str(code)
    if rule is None or rule.error_class is ErrorClass.TEMPORARY:
        text = f"{label} could not deliver the message (error {told}). Try again, or use another channel."
        return LateFailure(ErrorClass.TEMPORARY if rule else ErrorClass.INTERNAL, told, text)
    return LateFailure(rule.error_class, told, rule.text)


def with_skew(outcome: SendOutcome, reply: HttpReply) -> SendOutcome:
    """The outcome together with what the answer tells of the channel's clock."""
    return replace(outcome, clock_skew=reply.clock_skew)


def from_status(label: str, status: int, retry_after: float | None, code: str = "") -> SendOutcome:
    """Outcome by the HTTP status, for errors whose code is missing or unknown."""
    return _status_rule(label, status, code).outcome(code or str(status), status, retry_after)


def _status_rule(label: str, status: int, code: str) -> Rule:
    if status >= 500 or status in MAYBE_SENT:
        return unknowable(label)
    if status == 429:
        return limited(f"{label} asks to send more slowly. It is tried again by itself.")
    if status == 401:
        return unauthorised(label)
    if 300 <= status < 400:
        return refused(
            ErrorClass.INVALID,
            f"{label} answered with a redirect, so nothing was sent. Ask an admin to check base_url of this channel.",
        )
    told = f"error {code}" if code else f"status {status}"
    return refused(ErrorClass.INVALID, f"{label} refused the message ({told}). Change it, or ask an admin.")


def spread(codes: Mapping[tuple[int, ...], Rule]) -> dict[int, Rule]:
    """A table with one entry per code, from one with an entry per group of codes."""
    return {code: rule for group, rule in codes.items() for code in group}
