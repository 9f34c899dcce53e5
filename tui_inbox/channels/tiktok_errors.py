"""What TikTok refuses (reference: channels, section 13). It answers HTTP 200 to most things; ``code`` tells."""

from __future__ import annotations

from collections.abc import Mapping

from tui_inbox.channels.outcomes import Rule, limited, refused, spread, unauthorised, unknowable
from tui_inbox.domain.kinds import ErrorClass

LABEL = "TikTok"
TOKEN_CODES = frozenset({40105})
"""The access token has run out: it is fetched anew once."""
CODES: Mapping[int, Rule] = spread(
    {
        tuple(TOKEN_CODES): unauthorised(LABEL),
        (40100,): limited("TikTok asks to send more slowly. It is tried again by itself."),
        (40001,): refused(ErrorClass.AUTH, "TikTok does not let this account send. Ask an admin to check its rights."),
        (40002, 40908): refused(ErrorClass.INVALID, "TikTok does not take this message as it is. Change it."),
        (40007,): refused(ErrorClass.UNREACHABLE, "TikTok does not know this conversation. Use another channel."),
        # TikTok documents no code for a closed window or used-up messages; this is the likeliest one.
        (40064,): refused(
            ErrorClass.WINDOW_CLOSED,
            "TikTok's messaging rules stop this message: the 48 hours or the 10 messages after the customer's last one "
            "may be over. Wait until the customer writes, or use another channel.",
        ),
        (51065,): unknowable(LABEL),
    }
)
