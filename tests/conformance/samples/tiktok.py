"""TikTok."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.sample import Sample
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

NO_TEMPLATES = "TikTok has no templates."
NO_FAILURES = "TikTok reports no failure after it took a message."


def success(ident: str) -> Any:
    """What is answered for a message that was taken."""
    return {"code": 0, "message": "OK", "data": {"message": {"message_id": ident}}}


SAMPLE = Sample(
    kind=ChannelKind.TIKTOK,
    address="conv+AAA/1",
    stranger="conv+ZZZ/9",
    config={"business_id": "biz-1", "client_key": "client-1"},
    secrets={"token": "rft.first-refresh-token", "app_secret": "tiktok-app-secret"},
    errors={
        ErrorClass.WINDOW_CLOSED: ({"code": 40064},),
        ErrorClass.UNREACHABLE: ({"code": 40007},),
        ErrorClass.RATE_LIMITED: ({"code": 40100},),
        ErrorClass.AUTH: ({"code": 40105, "count": 2},),
        ErrorClass.INVALID: ({"code": 40002}, {"code": 40908}, {"code": 99999}),
        ErrorClass.TEMPORARY: ({"code": 51065},),
    },
    longest="😀" * 6000,
    lacks={
        "photo with text": "TikTok takes no text with a picture: they are two messages.",
        "tag after closing": "TikTok knows no tags: after 48 hours nothing goes.",
        "template after closing": NO_TEMPLATES,
        "template list": NO_TEMPLATES,
        "error window_count_used": "TikTok documents no code of its own for its 10 messages; 40064 stands for both.",
        "error quota_exhausted": "TikTok charges nothing for messages and documents no quota.",
        "error template": NO_TEMPLATES,
        "receipt delivered": "TikTok tells what was sent and what was read, and nothing in between.",
        "late failure": NO_FAILURES,
        "handshake": "TikTok is told the webhook's address in its console and asks nothing back.",
        "opt-out and back": "TikTok does not tell who blocks an account.",
    },
    success=success,
    text_in=lambda body: str(json.loads(body)["text"]["body"]),
    signature_headers=("tiktok-signature",),
    tells_name=False,
    ok_is_enough=False,
)
