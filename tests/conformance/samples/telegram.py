"""Telegram."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.sample import Sample
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

NO_WINDOW = "Telegram has no messaging window."
NO_TEMPLATES = "Telegram has no templates."
NO_RECEIPTS = "Telegram tells a bot nothing of what became of its messages."


def success(ident: str) -> Any:
    """A message as Telegram hands it back."""
    return {"ok": True, "result": {"message_id": int(ident), "chat": {"id": 1}}}


SAMPLE = Sample(
    kind=ChannelKind.TELEGRAM,
    address="4242",
    stranger="777777",
    secrets={"token": "123456:telegram-token_A", "webhook_secret": "hook"},
    errors={
        ErrorClass.UNREACHABLE: (
            {"code": 403, "description": "Forbidden: bot was blocked by the user"},
            {"code": 403, "description": "Forbidden: user is deactivated"},
            {"code": 403, "description": "Forbidden: bot can't initiate conversation with a user"},
            {"code": 400, "description": "Bad Request: chat not found"},
        ),
        ErrorClass.RATE_LIMITED: ({"code": 429, "retry_after": 7},),
        ErrorClass.AUTH: ({"code": 401}, {"code": 404}),
        ErrorClass.INVALID: ({"code": 400, "description": "Bad Request: message is too long"}, {"code": 409}),
        ErrorClass.TEMPORARY: ({"code": 500}, {"code": 502}),
    },
    longest="😀" * 4096,
    lacks={
        "tag after closing": NO_WINDOW,
        "template after closing": NO_TEMPLATES,
        "template list": NO_TEMPLATES,
        "error window_closed": NO_WINDOW,
        "error window_count_used": "Telegram counts no messages per customer.",
        "error quota_exhausted": "Telegram's bots have no quota and cost nothing.",
        "error template": NO_TEMPLATES,
        "lost answer settles itself": "Telegram has neither keys nor reports that could settle it.",
        "receipt sent": NO_RECEIPTS,
        "receipt delivered": NO_RECEIPTS,
        "receipt read": NO_RECEIPTS,
        "late failure": NO_RECEIPTS,
        "receipts out of order": NO_RECEIPTS,
        "handshake": "Telegram is told the webhook's address by setWebhook and asks nothing back.",
    },
    success=success,
    text_in=lambda body: str(json.loads(body)["text"]),
    signature_headers=("x-telegram-bot-api-secret-token",),
    signs_body=False,
)
