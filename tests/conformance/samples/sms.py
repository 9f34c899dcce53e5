"""SMS by Twilio."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from tests.conformance.sample import Sample
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

ACCOUNT = "AC" + "0a" * 16
NO_WINDOW = "A text message has no messaging window."
NO_TEMPLATES = "A text message needs no template."
NO_TIME = "Twilio's forms have no time: what they tell is taken at its arrival."
NO_HANDSHAKE = "Twilio is told the webhook's address in its console and asks nothing back."


def success(ident: str) -> Any:
    """A message that was queued."""
    return {"sid": f"SM{int(ident):032x}", "status": "queued", "error_code": None}


def text_in(body: bytes) -> str:
    """The text of a form."""
    return parse_qs(body.decode())["Body"][0]


SAMPLE = Sample(
    kind=ChannelKind.SMS,
    address="+16505551234",
    stranger="+777777",
    config={"account_sid": ACCOUNT, "number": "+15550001111"},
    secrets={"token": "0123456789abcdef0123456789abcdef"},
    errors={
        ErrorClass.UNREACHABLE: (
            *({"code": code} for code in (21610, 21211, 21614, 21612)),
            *({"kind": "late", "code": code} for code in (30003, 30004, 30005, 30006)),
        ),
        ErrorClass.RATE_LIMITED: ({"code": 20429}, {"code": 20429, "retry_after": 7}),
        ErrorClass.QUOTA: ({"code": 30002}, {"kind": "late", "code": 30002}),
        ErrorClass.AUTH: ({"code": 20003},),
        ErrorClass.INVALID: ({"code": 21617}, {"code": 99999}, {"kind": "late", "code": 30007}),
        ErrorClass.TEMPORARY: ({"kind": "late", "code": 30008},),
    },
    longest="é" * 1600,
    lacks={
        "tag after closing": NO_WINDOW,
        "template after closing": NO_TEMPLATES,
        "template list": NO_TEMPLATES,
        "error window_closed": NO_WINDOW,
        "error window_count_used": "A text message may follow another as often as one likes.",
        "error template": NO_TEMPLATES,
        "receipt read": "No phone tells whether a text message was read.",
        "inbound out of order": NO_TIME,
        "handshake": NO_HANDSHAKE,
    },
    success=success,
    text_in=text_in,
    signature_headers=("x-twilio-signature",),
    tells_name=False,
    tells_time=False,
    late_failure={"code": 30003},
)
