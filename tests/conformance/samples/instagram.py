"""Instagram."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.sample import Sample
from tests.conformance.samples.whatsapp import HANDSHAKE
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

NO_TEMPLATES = "Instagram has no templates."


def success(ident: str) -> Any:
    """What is answered for a message that was taken."""
    return {"recipient_id": "1", "message_id": f"m_{ident}"}


SAMPLE = Sample(
    kind=ChannelKind.INSTAGRAM,
    address="6400000000000001",
    stranger="777777",
    config={"account_id": "17841400000000000"},
    secrets={"token": "EAAinstagram", "app_secret": "app-secret", "verify_token": "verify"},
    errors={
        ErrorClass.WINDOW_CLOSED: ({"code": 10, "subcode": 2534022},),
        ErrorClass.UNREACHABLE: (
            {"code": 551},
            {"code": 551, "subcode": 1545041},
            {"code": 200, "subcode": 1545041},
            {"code": 100, "subcode": 2018001},
        ),
        ErrorClass.RATE_LIMITED: tuple({"code": code} for code in (4, 17, 32, 613)),
        ErrorClass.AUTH: ({"code": 190},),
        ErrorClass.INVALID: ({"code": 100},),
        ErrorClass.TEMPORARY: tuple({"code": code} for code in (1, 2, 1200)),
    },
    longest="é" * 500,
    lacks={
        "photo with text": "Instagram takes no text with a picture: they are two messages.",
        "template after closing": NO_TEMPLATES,
        "template list": NO_TEMPLATES,
        "error window_count_used": "Instagram counts no messages within its window.",
        "error quota_exhausted": "Instagram's messages have no quota and cost nothing.",
        "error template": NO_TEMPLATES,
        "receipt delivered": "Instagram tells what was sent and read, and nothing in between.",
        "late failure": "Instagram has no webhook for what fails after it was taken.",
        "opt-out and back": "Instagram tells no business who blocks it: sending fails instead.",
    },
    success=success,
    text_in=lambda body: str(json.loads(body)["message"]["text"]),
    signature_headers=("x-hub-signature-256",),
    tells_name=False,
    handshake=HANDSHAKE,
)
