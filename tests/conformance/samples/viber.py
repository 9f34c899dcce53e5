"""Viber."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.sample import Sample
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

NO_BLOCK = "Viber's session only sets the price: after it a message is charged, not refused."
NO_TEMPLATES = "Viber's bots have no templates."


def success(ident: str) -> Any:
    """What is answered for a message that was taken."""
    return {"status": 0, "status_message": "ok", "message_token": int(ident)}


SAMPLE = Sample(
    kind=ChannelKind.VIBER,
    address="01234567890A=",
    stranger="99999999990B=",
    config={"sender_name": "Demo shop"},
    secrets={"token": "44dafb7e0f40021e-61a47a1e6778d187-f2c5a676a07050b3"},
    errors={
        ErrorClass.UNREACHABLE: tuple({"code": code} for code in (5, 6, 11)),
        ErrorClass.RATE_LIMITED: ({"code": 12},),
        ErrorClass.QUOTA: ({"code": 23}, {"code": 24}),
        ErrorClass.AUTH: ({"code": 2},),
        ErrorClass.INVALID: ({"code": 3}, {"code": 4}, {"code": 99}),
        ErrorClass.TEMPORARY: ({"kind": "status", "status": 500},),
    },
    longest="😀" * 7000,
    lacks={
        "tag after closing": NO_BLOCK,
        "template after closing": NO_TEMPLATES,
        "template list": NO_TEMPLATES,
        "error window_closed": NO_BLOCK,
        "error window_count_used": "Viber's limit of 100 messages an hour without an answer passes by itself.",
        "error template": NO_TEMPLATES,
        "receipt sent": "Viber tells what was delivered and seen, and nothing before.",
        "lost answer settles itself": "Viber has no keys, and its reports hold nothing of ours.",
        "handshake": "Viber checks a webhook by posting a signed event to it.",
    },
    success=success,
    text_in=lambda body: str(json.loads(body)["text"]),
    signature_headers=("x-viber-content-signature",),
    late_failure={"code": 1, "description": "failure"},
    ok_is_enough=False,
)
