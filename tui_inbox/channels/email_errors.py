"""What the replies of a mail server mean (reference: channels, section 11; RFC 5321, RFC 3463)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tui_inbox.channels.outcomes import LateFailure, Rule, limited, refused, unauthorised
from tui_inbox.domain.events import OutcomeKind, SendOutcome
from tui_inbox.domain.kinds import ErrorClass

LABEL = "The mail server"
NO_MAILBOX = refused(ErrorClass.UNREACHABLE, "There is no such mailbox. Check the address with the customer.")
NO_DOMAIN = refused(ErrorClass.UNREACHABLE, "The customer's mail domain takes no mail. Check the address.")
DISABLED = refused(ErrorClass.UNREACHABLE, "The customer's mailbox is switched off. Use another channel.")
FULL = refused(ErrorClass.UNREACHABLE, "The customer's mailbox is full. Use another channel, or try again later.")
TOO_LARGE = refused(ErrorClass.INVALID, "The mail is larger than the server takes. Shorten it.")
NOT_ALLOWED = refused(
    ErrorClass.INVALID, "The mail server does not let us send this mail (policy). Ask an admin to check the mailbox."
)
LATER = Rule(OutcomeKind.RETRY, ErrorClass.TEMPORARY, f"{LABEL} asks to try again later. That happens by itself.")
SLOWER = limited("The mail server asks to send more slowly. It is tried again by itself.")
_ENHANCED: Sequence[tuple[str, Rule]] = (
    ("5.1.2", NO_DOMAIN),
    ("5.4.4", NO_DOMAIN),
    ("5.1.10", NO_DOMAIN),
    ("5.1.8", NOT_ALLOWED),
    ("5.1.7", NOT_ALLOWED),
    ("5.1", NO_MAILBOX),
    ("5.2.1", DISABLED),
    ("5.2.2", FULL),
    ("5.2.3", TOO_LARGE),
    ("5.3.4", TOO_LARGE),
    ("5.7.8", unauthorised(LABEL)),
    ("5.7", NOT_ALLOWED),
    ("4.7.28", SLOWER),
)
"""Beginning of an enhanced status and its meaning; the longer ones of a family first."""
_BASIC: Mapping[int, Rule] = {
    421: LATER,
    450: LATER,
    451: LATER,
    452: LATER,
    454: LATER,
    530: unauthorised(LABEL),
    534: unauthorised(LABEL),
    535: unauthorised(LABEL),
    550: NO_MAILBOX,
    551: NO_MAILBOX,
    552: TOO_LARGE,
    553: NO_MAILBOX,
    554: NOT_ALLOWED,
    556: NO_DOMAIN,
}


def rule_for(code: int, text: str) -> Rule:
    """What a refusal with this reply code and text means."""
    enhanced = re.match(r"\s*([245]\.\d{1,3}\.\d{1,3})\b", text)
    found = by_status(enhanced[1]) if enhanced else None
    if found is not None and (found.kind is OutcomeKind.RETRY or code >= 500):
        return found
    if code in _BASIC:
        return _BASIC[code]
    if 400 <= code < 500:
        return LATER
    return refused(ErrorClass.INVALID, f"{LABEL} refused the mail (code {code}). Change it, or ask an admin.")


def by_status(status: str) -> Rule | None:
    """What an enhanced status (``5.1.1``) means; ``None`` for one without a meaning of its own."""
    return next((rule for start, rule in _ENHANCED if f"{status}.".startswith(f"{start}.")), None)


def refusal(code: int, text: str) -> SendOutcome:
    """Outcome of a mail that the server did not take."""
    return rule_for(code, text).outcome(str(code))


def bounce(status: str) -> LateFailure:
    """What a report that a mail could not be delivered means."""
    rule = by_status(status)
    if rule is None or rule.error_class is ErrorClass.AUTH:
        told = f"The mail came back undelivered (status {status or 'unknown'}). Try again, or use another channel."
        return LateFailure(ErrorClass.UNREACHABLE, status, told)
    return LateFailure(rule.error_class, status, rule.text)
