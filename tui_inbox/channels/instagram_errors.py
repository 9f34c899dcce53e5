"""Error codes of Instagram messaging (reference: channels, sections 4.5 and 5)."""

from __future__ import annotations

from tui_inbox.channels.meta import SUBCODE_ANY, ErrorTable
from tui_inbox.channels.outcomes import limited, refused, spread, unauthorised, unknowable
from tui_inbox.domain.kinds import ErrorClass

LABEL = "Instagram"

_WINDOW = refused(
    ErrorClass.WINDOW_CLOSED,
    "Instagram refused it: the messaging window has closed. Wait until the customer writes, or use another channel.",
)
_UNREACHABLE = refused(
    ErrorClass.UNREACHABLE,
    "Instagram cannot deliver to this person: not available, or they blocked the account. Try another channel.",
)
_PERMISSION = refused(
    ErrorClass.AUTH,
    "Instagram does not let this account send (missing permission). Ask an admin to check the rights of the token.",
)
_RESTRICTED = refused(
    ErrorClass.AUTH, "Instagram has restricted this account for now. Ask an admin to look into Meta's account page."
)
_CODES = {
    (551, 36103): _UNREACHABLE,
    (4, 17, 32, 613, 80002, 80004, 80006): limited("Instagram asks to send more slowly. It is tried again by itself."),
    (190,): unauthorised(LABEL),
    (10, 230): _PERMISSION,
    (368,): _RESTRICTED,
    (100,): refused(ErrorClass.INVALID, "Instagram found a value that it does not take. Shorten or change the text."),
    (1, 2, 1200): unknowable(LABEL),
}
_PAIRS = {
    (10, 2534022): _WINDOW,
    (10, 2018278): _WINDOW,
    (10, 2018065): _WINDOW,
    (10, 2018108): _UNREACHABLE,
    (10, 1893063): _RESTRICTED,
    (100, 2018001): _UNREACHABLE,
    (100, 2018047): refused(ErrorClass.INVALID, "Instagram could not take the file. Send it again or as a link."),
    (SUBCODE_ANY, 1545041): _UNREACHABLE,
}
ERRORS = ErrorTable(LABEL, spread(_CODES), _PAIRS, _PERMISSION)
"""Every code of the reference."""
