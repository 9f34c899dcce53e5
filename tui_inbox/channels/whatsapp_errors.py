"""Error codes of the WhatsApp Cloud API, in an answer or in a later status (reference: channels, section 2.5)."""

from __future__ import annotations

from tui_inbox.channels.meta import ErrorTable
from tui_inbox.channels.outcomes import Rule, limited, refused, spread, unauthorised, unknowable
from tui_inbox.domain.events import OutcomeKind
from tui_inbox.domain.kinds import ErrorClass

LABEL = "WhatsApp"
PAIR_WAIT = 6.0
"""Seconds between two messages to the same customer beyond the burst (reference: channels, section 2.4)."""

_PERMISSION = refused(
    ErrorClass.AUTH,
    "WhatsApp does not let this account send (missing permission). Ask an admin to check the rights of the token.",
)
_CODES = {
    (131047,): refused(
        ErrorClass.WINDOW_CLOSED,
        "WhatsApp refused it: more than 24 hours have passed since the customer wrote. Send a template instead.",
    ),
    (131026,): refused(
        ErrorClass.UNREACHABLE,
        "WhatsApp cannot deliver to this number: not on WhatsApp, blocked, or an old app. Try another channel.",
    ),
    (131021,): refused(ErrorClass.UNREACHABLE, "This is the business's own number. Choose another contact."),
    (131030,): refused(
        ErrorClass.UNREACHABLE, "This number is not on the test account's list. Ask an admin to add it there."
    ),
    (131050,): refused(
        ErrorClass.UNREACHABLE, "The customer has opted out of marketing messages. Wait until they write."
    ),
    (131049,): refused(
        ErrorClass.RATE_LIMITED,
        "WhatsApp holds back marketing messages to this customer. Try again after 24 hours, or use another template.",
    ),
    (130472,): refused(
        ErrorClass.UNREACHABLE, "WhatsApp keeps this customer out of marketing for an experiment. Try another channel."
    ),
    (4, 80007, 130429, 133016): limited("WhatsApp asks to send more slowly. It is tried again by itself."),
    (131056,): limited(
        "Too many messages to this customer in a short time. It is tried again by itself.",
        pauses_channel=False,
        retry_after=PAIR_WAIT,
    ),
    (131048,): refused(
        ErrorClass.RATE_LIMITED,
        "WhatsApp restricts this number because of spam reports. Ask an admin to look at the number's quality.",
    ),
    (0, 190): unauthorised(LABEL),
    (3, 10, 131005): _PERMISSION,
    (368, 131031, 130497): refused(
        ErrorClass.AUTH, "WhatsApp has restricted this account. Ask an admin to look into Meta's account quality page."
    ),
    (131042,): refused(
        ErrorClass.QUOTA, "WhatsApp cannot bill this account. Ask an admin to check its payment method."
    ),
    (132000,): refused(
        ErrorClass.TEMPLATE, "The template needs another number of values. Choose it again and fill in every field."
    ),
    (132001,): refused(
        ErrorClass.TEMPLATE, "The template does not exist in this language, or is not approved. Choose another one."
    ),
    (132005,): refused(ErrorClass.TEMPLATE, "The filled template is too long. Shorten the values."),
    (132007,): refused(ErrorClass.TEMPLATE, "The values break WhatsApp's rules for templates. Change them."),
    (132008, 132012): refused(
        ErrorClass.TEMPLATE, "A value does not have the form that the template wants. Change it."
    ),
    (132015,): refused(ErrorClass.TEMPLATE, "The template is paused for low quality. Choose another one."),
    (132016,): refused(ErrorClass.TEMPLATE, "The template is disabled for good. Choose another one."),
    (132068, 132069): refused(ErrorClass.TEMPLATE, "The form in this template cannot be used now. Choose another one."),
    (131063, 131064): refused(
        ErrorClass.TEMPLATE, "WhatsApp does not take this kind of template here now. Choose another one."
    ),
    (131062,): refused(
        ErrorClass.UNREACHABLE,
        "WhatsApp cannot send this to a customer without a phone number. Wait for them to write.",
    ),
    (100, 131008, 131009): refused(
        ErrorClass.INVALID, "WhatsApp found a value that it does not take. Check text and number, or ask an admin."
    ),
    (131051,): refused(ErrorClass.INVALID, "WhatsApp does not take this type of message."),
    (131052,): refused(ErrorClass.INVALID, "WhatsApp could not fetch the file. Send it again or as a link."),
    (131053,): Rule(
        OutcomeKind.RETRY, ErrorClass.TEMPORARY, "WhatsApp could not take the file. It is tried again by itself."
    ),
    (131037, 131045): refused(
        ErrorClass.AUTH, "The display name or certificate of this number is not approved. Ask an admin."
    ),
    (1, 2, 131000, 131016, 131057, 135000): unknowable(LABEL),
}
ERRORS = ErrorTable(LABEL, spread(_CODES), {}, _PERMISSION)
"""Every code of the reference."""
