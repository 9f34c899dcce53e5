"""LINE."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.sample import Sample
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

NO_WINDOW = "LINE has no messaging window."
NO_TEMPLATES = "LINE has no templates that need approval."
NO_RECEIPTS = "LINE tells nothing of what became of a message."


def success(ident: str) -> Any:
    """What is answered for a message that was taken."""
    return {"sentMessages": [{"id": ident}]}


SAMPLE = Sample(
    kind=ChannelKind.LINE,
    address="U8622f62b0c6e4ad1a1d4a5e8f0b1c2d3",
    stranger="U" + "7" * 32,
    secrets={"token": "line/token+A=", "app_secret": "app-secret"},
    errors={
        ErrorClass.UNREACHABLE: ({"code": 400, "description": "Failed to send messages"},),
        ErrorClass.RATE_LIMITED: ({"code": 429}, {"code": 429, "retry_after": 7}),
        ErrorClass.QUOTA: ({"code": 429, "description": "You have reached your monthly limit."},),
        ErrorClass.AUTH: ({"code": 401},),
        ErrorClass.INVALID: ({"code": 400, "description": "The request body has 1 error(s)"}, {"code": 413}),
        ErrorClass.TEMPORARY: ({"code": 500},),
    },
    longest="😀" * 2500,
    lacks={
        "photo with text": "LINE takes no text with a picture: they are two messages.",
        "tag after closing": NO_WINDOW,
        "template after closing": NO_TEMPLATES,
        "template list": NO_TEMPLATES,
        "error window_closed": NO_WINDOW,
        "error window_count_used": "LINE counts messages per account and month, not per customer.",
        "error template": NO_TEMPLATES,
        "receipt sent": NO_RECEIPTS,
        "receipt delivered": NO_RECEIPTS,
        "receipt read": NO_RECEIPTS,
        "late failure": NO_RECEIPTS,
        "receipts out of order": NO_RECEIPTS,
        "handshake": "LINE checks a webhook by posting a signed body without events.",
    },
    success=success,
    text_in=lambda body: str(json.loads(body)["messages"][0]["text"]),
    signature_headers=("x-line-signature",),
    tells_name=False,
)
