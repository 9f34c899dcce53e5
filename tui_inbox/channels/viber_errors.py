"""What Viber refuses: a ``status`` in an answer that is always HTTP 200 (reference: channels, section 7)."""

from __future__ import annotations

from collections.abc import Mapping

from tui_inbox.channels.outcomes import Rule, limited, refused, spread, unauthorised, unknowable
from tui_inbox.domain.kinds import ErrorClass

LABEL = "Viber"
OK = 0

_ACCOUNT = refused(
    ErrorClass.AUTH, "Viber does not let this bot send. Ask an admin to look at the bot in Viber's admin panel."
)
ERRORS: Mapping[int, Rule] = spread(
    {
        (1, 10): refused(
            ErrorClass.AUTH, "Viber wants a webhook before it sends. Ask an admin to set the webhook again."
        ),
        (2,): unauthorised(LABEL),
        (3, 4, 13, 14, 16, 17, 18, 19, 20): refused(
            ErrorClass.INVALID, "Viber found a value that it does not take. Shorten or change the text."
        ),
        (5, 8): refused(
            ErrorClass.UNREACHABLE,
            "Viber does not know this customer. They must write to the bot; try another channel.",
        ),
        (6,): refused(
            ErrorClass.UNREACHABLE,
            "The customer has left the bot. They must subscribe again; use another channel till then.",
        ),
        (7, 9, 15): _ACCOUNT,
        (11,): refused(
            ErrorClass.UNREACHABLE, "The customer's Viber cannot show messages of bots. Use another channel."
        ),
        (12,): limited(
            "Viber takes no more messages to this customer for now. It is tried again by itself.", pauses_channel=False
        ),
        (21,): refused(ErrorClass.UNREACHABLE, "Viber's bots are not offered in the customer's country."),
        (22, 24): refused(
            ErrorClass.QUOTA, "Viber cannot charge this message. Ask an admin to look at the bot's balance."
        ),
        (23,): refused(
            ErrorClass.QUOTA,
            "The bot's free messages outside the session are used up. Wait until the customer writes.",
        ),
    }
)
"""Every status of the reference."""
UNKNOWABLE = unknowable(LABEL)
