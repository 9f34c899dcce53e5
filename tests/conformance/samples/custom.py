"""A custom channel whose system signs and honours our key."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.sample import Sample
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

NO_WINDOW = "A custom channel has no window unless an admin sets one."
NO_TEMPLATES = "The protocol has no templates."


def success(ident: str) -> Any:
    """What is answered for a message that was taken."""
    return {"mId": ident}


def _named(code: str) -> dict[str, Any]:
    return {"code": 400, "description": code}


SAMPLE = Sample(
    kind=ChannelKind.CUSTOM,
    address="user_1=+/@",
    stranger="+358401234567",
    config={"base_url": "https://custom.example", "channel_id": "shop-1", "idempotent": "yes"},
    secrets={"token": "custom-out-token", "app_secret": "custom-signing", "webhook_secret": "custom-in-token"},
    errors={
        ErrorClass.WINDOW_CLOSED: (_named("window_closed"),),
        ErrorClass.COUNT_USED: (_named("window_count_used"),),
        ErrorClass.UNREACHABLE: (_named("unreachable"),),
        ErrorClass.RATE_LIMITED: ({"code": 429}, {"code": 429, "retry_after": 7}),
        ErrorClass.QUOTA: (_named("quota_exhausted"),),
        ErrorClass.AUTH: ({"code": 401},),
        ErrorClass.INVALID: (_named("invalid"), _named("something else"), {"code": 422}),
        ErrorClass.TEMPORARY: ({"code": 500}, {"code": 503}),
    },
    longest="",
    lacks={
        "tag after closing": NO_WINDOW,
        "template after closing": NO_TEMPLATES,
        "template list": NO_TEMPLATES,
        "limits": "The system behind it knows its own limits; an admin may set one.",
        "error template": NO_TEMPLATES,
        "handshake": "The protocol has none: the system is told the address and the token.",
        "opt-out and back": "The protocol has no such event: sending is refused instead.",
    },
    success=success,
    text_in=lambda body: str(json.loads(body)["message"]["text"]),
    signature_headers=("authorization", "x-inbox-signature-256"),
    late_failure={"code": 1, "description": "gone"},
)
