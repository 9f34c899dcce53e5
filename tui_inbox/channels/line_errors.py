"""What LINE refuses (reference: channels, section 8). It has no error codes: an HTTP status and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tui_inbox.channels import payload
from tui_inbox.channels.outcomes import MAYBE_SENT, Rule, limited, refused, unauthorised, unknowable
from tui_inbox.domain.kinds import ErrorClass

LABEL = "LINE"

UNREACHABLE = refused(
    ErrorClass.UNREACHABLE,
    "LINE does not know this customer as a friend of the account. They must add it; use another channel till then.",
)
QUOTA = refused(
    ErrorClass.QUOTA,
    "The account's messages of this month are used up at LINE. Ask an admin to buy more, or use another channel.",
)
TOO_LONG = refused(
    ErrorClass.INVALID, "The text is longer than LINE takes (5,000 characters; an emoji counts two). Shorten it."
)
EMPTY = refused(ErrorClass.INVALID, "LINE takes no empty text. Write something.")
PERMISSION = refused(
    ErrorClass.AUTH,
    "LINE does not let this account send. Ask an admin to check the account's plan and rights.",
)
UNKNOWABLE = unknowable(LABEL, keyed=True)
_TEXTS: Sequence[tuple[int, str, Rule]] = (
    (429, "monthly limit", QUOTA),
    (400, "failed to send messages", UNREACHABLE),
    (400, "'to'", UNREACHABLE),
    (400, "length must be", TOO_LONG),
    (400, "may not be empty", EMPTY),
)
"""Status, a piece of the message or of a detail in lower case, meaning."""
_STATUSES: Mapping[int, Rule] = {
    401: unauthorised(LABEL),
    403: PERMISSION,
    409: UNKNOWABLE,  # our key is known there, but nothing says that the message was taken: asking again tells
    413: TOO_LONG,
    429: limited("LINE asks to send more slowly. It is tried again by itself."),
}


def rule(status: int, answer: Mapping[str, Any]) -> Rule | None:
    """What an answer other than a success means; ``None`` when it is not known."""
    details = (payload.text(item.get("message")) for item in payload.mappings(answer.get("details")))
    words = " ".join([payload.text(answer.get("message")), *details]).lower()
    for wanted, piece, found in _TEXTS:
        if status == wanted and piece in words:
            return found
    return UNKNOWABLE if status >= 500 or status in MAYBE_SENT else _STATUSES.get(status)
