"""Error codes of Twilio, in an answer or in a later status (reference: channels, sections 3.1 and 9.1)."""

from __future__ import annotations

from collections.abc import Mapping

from tui_inbox.channels.outcomes import Rule, limited, refused, spread, unauthorised, unknowable
from tui_inbox.domain.kinds import ErrorClass

LABEL = "Twilio"

_ACCOUNT = refused(
    ErrorClass.AUTH, "Twilio does not let this account send so. Ask an admin to look at the account and its number."
)
_TEMPORARY = unknowable(LABEL)
ERRORS: Mapping[int, Rule] = spread(
    {
        (63016,): refused(
            ErrorClass.WINDOW_CLOSED,
            "WhatsApp refused it: more than 24 hours have passed since the customer wrote. Send a template instead.",
        ),
        (21610,): refused(
            ErrorClass.UNREACHABLE,
            "The customer has opted out with STOP. They must write START first; use another channel till then.",
        ),
        (21211, 21614, 21612, 30006): refused(
            ErrorClass.UNREACHABLE, "This number cannot get text messages. Check it, or use another channel."
        ),
        (30003, 30005): refused(
            ErrorClass.UNREACHABLE, "The phone is switched off or unknown to its network. Try later or another channel."
        ),
        (30004, 63033, 63014): refused(
            ErrorClass.UNREACHABLE, "The customer blocks messages of this number. Try another channel."
        ),
        (63024, 63003): refused(
            ErrorClass.UNREACHABLE, "This number is not on WhatsApp. Check it, or use another channel."
        ),
        (21608,): refused(
            ErrorClass.UNREACHABLE, "A trial account of Twilio sends to confirmed numbers only. Ask an admin."
        ),
        (20429, 63018, 63017, 63038, 21611, 30001): limited(
            "Twilio asks to send more slowly. It is tried again by itself."
        ),
        (63026, 63032): refused(
            ErrorClass.RATE_LIMITED, "WhatsApp holds back messages of this number. Ask an admin to look at its quality."
        ),
        (30002,): refused(ErrorClass.QUOTA, "Twilio has suspended this account. Ask an admin to settle its bill."),
        (20003, 63001): unauthorised(LABEL),
        (21408, 21606, 63007, 63020, 63015, 30022, 30023): _ACCOUNT,
        (63027,): refused(
            ErrorClass.TEMPLATE, "The template does not exist in this language, or is not approved. Choose another one."
        ),
        (63028, 21656): refused(
            ErrorClass.TEMPLATE, "The template needs other values. Choose it again and fill in every field."
        ),
        (63040, 63041, 21655): refused(
            ErrorClass.TEMPLATE, "The template is paused, rejected or gone. Choose another one."
        ),
        (21617,): refused(ErrorClass.INVALID, "The text is longer than Twilio takes (1,600 characters). Shorten it."),
        (21602,): refused(ErrorClass.INVALID, "Twilio takes no empty text. Write something."),
        (30007,): refused(ErrorClass.INVALID, "The carrier has filtered the text as unwanted. Change its words."),
        (63005, 63006, 63013, 63021, 63030): refused(
            ErrorClass.INVALID, "WhatsApp does not take this content. Change the text."
        ),
        (63019, 63034): refused(ErrorClass.INVALID, "Twilio could not take the file. Send it again or as a link."),
        (21609,): refused(
            ErrorClass.INVALID, "Twilio cannot reach the address for reports. Ask an admin to check public_url."
        ),
        (63009, 63010, 63012, 30008, 30410): _TEMPORARY,
    }
)
"""Every code of the reference."""
