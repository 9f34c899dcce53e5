"""WeChat, with encrypted callbacks; the plain ones are tested in ``tests/channels/test_wechat.py``."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.sample import Sample
from tui_inbox.channels.signatures import wechat_signature
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

NO_TEMPLATES = "WeChat's notifications need the customer's consent for each, so there are none to pick from."
NO_RECEIPTS = "WeChat tells nothing of what became of a message."
TOKEN = "callback-token"
STAMP = "1795348800"
"""The noon at which the checks begin, in seconds."""
HANDSHAKE = {
    "signature": wechat_signature(TOKEN, STAMP, "n1"),
    "timestamp": STAMP,
    "nonce": "n1",
    "echostr": "1158",
    "expected": "1158",
}


def success(ident: str) -> Any:
    """What is answered for a message that was taken."""
    return {"errcode": 0, "errmsg": "ok"}


SAMPLE = Sample(
    kind=ChannelKind.WECHAT,
    address="oABCD1234567890abcdef_-xyz01",
    stranger="oZZZZ1234567890abcdef_-xyz99",
    config={"app_id": "wx0123456789abcdef"},
    secrets={
        "app_secret": "wechat-app-secret",
        "verify_token": TOKEN,
        "webhook_secret": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    },
    errors={
        ErrorClass.WINDOW_CLOSED: ({"code": 45015},),
        ErrorClass.COUNT_USED: ({"code": 45047},),
        ErrorClass.UNREACHABLE: tuple({"code": code} for code in (43004, 43019, 48002, 40003)),
        ErrorClass.RATE_LIMITED: ({"code": 45011},),
        ErrorClass.QUOTA: ({"code": 45009},),
        ErrorClass.AUTH: tuple({"code": code, "count": 2} for code in (40001, 40014, 42001, 42007)),
        ErrorClass.TEMPLATE: tuple({"code": code} for code in (40037, 47003, 43101)),
        ErrorClass.INVALID: ({"code": 45002}, {"code": 44004}, {"code": 99999}),
        ErrorClass.TEMPORARY: ({"code": -1},),
    },
    longest="批" * 682 + "é",
    lacks={
        "photo with text": "WeChat takes no text with a picture: they are two messages.",
        "message id": "WeChat gives a message no id.",
        "tag after closing": "WeChat knows no tags: after 48 hours nothing goes.",
        "template after closing": NO_TEMPLATES,
        "template list": NO_TEMPLATES,
        "lost answer settles itself": "WeChat has neither keys nor reports that could settle it.",
        "receipt sent": NO_RECEIPTS,
        "receipt delivered": NO_RECEIPTS,
        "receipt read": NO_RECEIPTS,
        "late failure": NO_RECEIPTS,
        "receipts out of order": NO_RECEIPTS,
    },
    success=success,
    text_in=lambda body: str(json.loads(body)["text"]["content"]),
    signature_query=("msg_signature",),
    signs_body=False,  # the cipher text is covered, what stands around it is not
    tells_name=False,
    ok_is_enough=False,
    handshake=HANDSHAKE,
)
