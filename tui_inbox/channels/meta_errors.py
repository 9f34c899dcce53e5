"""Error codes of Messenger and Instagram messaging, which share all but a few (reference: channels, 4.5 and 5)."""

from __future__ import annotations

from tui_inbox.channels.meta import SUBCODE_ANY, ErrorTable
from tui_inbox.channels.outcomes import limited, refused, spread, unauthorised, unknowable
from tui_inbox.domain.kinds import ErrorClass


def messaging_errors(label: str, after_closing: str) -> ErrorTable:
    """Every code of the reference; ``after_closing`` says what an agent may do once the window has closed."""
    window = refused(ErrorClass.WINDOW_CLOSED, f"{label} refused it: the messaging window has closed. {after_closing}")
    unreachable = refused(
        ErrorClass.UNREACHABLE,
        f"{label} cannot deliver to this person: not available, or they blocked the account. Try another channel.",
    )
    permission = refused(
        ErrorClass.AUTH,
        f"{label} does not let this account send (missing permission). Ask an admin to check the rights of the token.",
    )
    restricted = refused(
        ErrorClass.AUTH, f"{label} has restricted this account for now. Ask an admin to look into Meta's account page."
    )
    codes = {
        (551, 36103): unreachable,
        (4, 17, 32, 613, 80002, 80004, 80006): limited(
            f"{label} asks to send more slowly. It is tried again by itself."
        ),
        (190,): unauthorised(label),
        (10, 230): permission,
        (368,): restricted,
        (100,): refused(ErrorClass.INVALID, f"{label} found a value that it does not take. Shorten or change it."),
        (1, 2, 1200): unknowable(label),
    }
    pairs = {
        (10, 2534022): window,
        (10, 2018278): window,
        (10, 2018065): window,
        (10, 2018108): unreachable,
        (10, 1893063): restricted,
        (100, 2018001): unreachable,
        (100, 2018047): refused(ErrorClass.INVALID, f"{label} could not take the file. Send it again or as a link."),
        (SUBCODE_ANY, 1545041): unreachable,
    }
    return ErrorTable(label, spread(codes), pairs, permission)
