"""X direct messages."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.sample import Sample
from tui_inbox.channels.signatures import x_signature
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

NO_WINDOW = "X has no messaging window."
NO_TEMPLATES = "X has no templates that need approval."
HANDSHAKE = {"crc_token": "crc-1", "expected": json.dumps({"response_token": x_signature("x-secret", b"crc-1")})}


def success(ident: str) -> Any:
    """What is answered for a message that was taken."""
    return {"data": {"dm_conversation_id": "1-2", "dm_event_id": ident}}


SAMPLE = Sample(
    kind=ChannelKind.X,
    address="2222222222222222222",
    stranger="3333333333333333333",
    config={"account_id": "1111111111111111111", "consumer_key": "consumer-key"},
    secrets={"token": "1111-access-token", "token_secret": "access-token-secret", "app_secret": "x-secret"},
    errors={
        ErrorClass.UNREACHABLE: ({"code": 403}, {"code": 404}),
        ErrorClass.RATE_LIMITED: ({"code": 429}, {"code": 429, "retry_after": 7}),
        ErrorClass.AUTH: ({"code": 401},),
        ErrorClass.INVALID: ({"code": 400},),
        ErrorClass.TEMPORARY: ({"code": 500}, {"code": 503}),
    },
    longest="😀" * 10_000,
    lacks={
        "tag after closing": NO_WINDOW,
        "template after closing": NO_TEMPLATES,
        "template list": NO_TEMPLATES,
        "error window_closed": NO_WINDOW,
        "error window_count_used": "X counts messages per account and day, not per customer.",
        "error quota_exhausted": "X's limits begin anew by themselves, so there is no quota to buy.",
        "error template": NO_TEMPLATES,
        "receipt delivered": "X tells what was sent and what was read, and nothing in between.",
        "late failure": "X reports no failure after it took a message.",
        "opt-out and back": "X does not tell who blocks an account.",
    },
    success=success,
    text_in=lambda body: str(json.loads(body)["text"]),
    signature_headers=("x-twitter-webhooks-signature",),
    handshake=HANDSHAKE,
)
