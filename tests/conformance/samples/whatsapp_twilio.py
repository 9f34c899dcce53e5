"""WhatsApp by Twilio."""

from __future__ import annotations

from tests.conformance.sample import Sample
from tests.conformance.samples.meta_templates import FILLED, TEMPLATES
from tests.conformance.samples.sms import ACCOUNT, NO_HANDSHAKE, NO_TIME, success, text_in
from tests.conformance.samples.whatsapp import NO_COUNT, NO_TAGS, NOT_TOLD
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

SAMPLE = Sample(
    kind=ChannelKind.WHATSAPP_TWILIO,
    address="+16505551234",
    stranger="+777777",
    config={"account_sid": ACCOUNT, "number": "+15550001111"},
    secrets={"token": "fedcba9876543210fedcba9876543210"},
    errors={
        ErrorClass.WINDOW_CLOSED: ({"code": 63016}, {"kind": "late", "code": 63016}),
        ErrorClass.UNREACHABLE: (
            {"code": 21211},
            *({"kind": "late", "code": code} for code in (63024, 63003, 63033)),
        ),
        ErrorClass.RATE_LIMITED: ({"code": 20429}, {"code": 63018}, {"code": 63038}),
        ErrorClass.QUOTA: ({"code": 30002},),
        ErrorClass.AUTH: ({"code": 20003}, {"code": 63001}),
        ErrorClass.TEMPLATE: tuple({"code": code, "sends": "template"} for code in (63027, 63028, 63040, 63041)),
        ErrorClass.INVALID: ({"code": 21617}, {"kind": "late", "code": 63013}),
        ErrorClass.TEMPORARY: ({"code": 63010}, {"kind": "late", "code": 63010}),
    },
    longest="é" * 1600,
    lacks={
        "tag after closing": NO_TAGS,
        "error window_count_used": NO_COUNT,
        "inbound out of order": NO_TIME,
        "opt-out and back": NOT_TOLD,
        "handshake": NO_HANDSHAKE,
    },
    success=success,
    text_in=text_in,
    signature_headers=("x-twilio-signature",),
    tells_time=False,
    late_failure={"code": 63033},
    templates=TEMPLATES,
    template=FILLED,
)
