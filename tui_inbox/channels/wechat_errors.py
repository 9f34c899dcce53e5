"""What WeChat refuses (reference: channels, section 6.3). It answers HTTP 200 to everything; ``errcode`` tells."""

from __future__ import annotations

from collections.abc import Mapping

from tui_inbox.channels.outcomes import Rule, limited, refused, spread, unauthorised, unknowable
from tui_inbox.domain.kinds import ErrorClass

LABEL = "WeChat"
TOKEN_CODES = frozenset({40001, 40014, 42001, 42007})
"""The access token has run out or another program has fetched a new one: it is fetched anew once."""
CODES: Mapping[int, Rule] = spread(
    {
        tuple(TOKEN_CODES): unauthorised(LABEL),
        (45015,): refused(
            ErrorClass.WINDOW_CLOSED,
            "WeChat takes nothing 48 hours after the customer's last message, or after they unfollowed. "
            "Wait until the customer writes, or use another channel.",
        ),
        (45047,): refused(
            ErrorClass.COUNT_USED,
            "The messages that WeChat allows after one customer message are used up. Wait until the customer writes.",
        ),
        (43004,): refused(
            ErrorClass.UNREACHABLE, "The customer does not follow the account at WeChat. Use another channel."
        ),
        (43019, 48002): refused(
            ErrorClass.UNREACHABLE,
            "The customer has blocked the account or takes no messages from it at WeChat. Use another channel.",
        ),
        (40003,): refused(ErrorClass.UNREACHABLE, "WeChat does not know this customer. Use another channel."),
        (43101,): refused(
            ErrorClass.TEMPLATE, "The customer has refused notifications at WeChat. Use another channel."
        ),
        (40037, 47003): refused(ErrorClass.TEMPLATE, "WeChat does not take this template. Ask an admin."),
        (45011,): limited("WeChat asks to send more slowly. It is tried again by itself."),
        (45009,): refused(
            ErrorClass.QUOTA,
            "The account's calls of this day are used up at WeChat. Try again tomorrow, or use another channel.",
        ),
        (48001, 50002, 48004, 48008): refused(
            ErrorClass.AUTH, "WeChat does not let this account send. Ask an admin to check its rights and state."
        ),
        (45002,): refused(ErrorClass.INVALID, "The text is longer than WeChat takes (2,048 bytes). Shorten it."),
        (44004,): refused(ErrorClass.INVALID, "WeChat takes no empty text. Write something."),
        (-1,): unknowable(LABEL),
    }
)
