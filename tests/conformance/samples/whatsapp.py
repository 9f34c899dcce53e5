"""WhatsApp by Meta's Cloud API."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.sample import Sample
from tests.conformance.samples.meta_templates import FILLED, PICTURED, TEMPLATES
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

NO_COUNT = "WhatsApp counts no messages within its window."
NO_TAGS = "WhatsApp has templates instead of tags."
NOT_TOLD = "WhatsApp tells no business who blocks it: sending fails instead."
HANDSHAKE = {"hub.mode": "subscribe", "hub.verify_token": "verify", "hub.challenge": "1158", "expected": "1158"}


def success(ident: str) -> Any:
    """What is answered for a message that was taken."""
    return {"messages": [{"id": f"wamid.{ident}"}]}


SAMPLE = Sample(
    kind=ChannelKind.WHATSAPP,
    address="+16505551234",
    stranger="+777777",
    config={"phone_number_id": "106540352242922", "waba_id": "419561257915477"},
    secrets={"token": "EAAwhatsapp", "app_secret": "app-secret", "verify_token": "verify"},
    errors={
        ErrorClass.WINDOW_CLOSED: ({"code": 131047}, {"kind": "late", "code": 131047}),
        ErrorClass.UNREACHABLE: ({"code": 131026}, {"code": 131050}, {"kind": "late", "code": 131026}),
        ErrorClass.RATE_LIMITED: ({"code": 4}, {"code": 80007}, {"code": 130429, "retry_after": 120}),
        ErrorClass.QUOTA: ({"code": 131042},),
        ErrorClass.AUTH: ({"code": 190}, {"code": 0}),
        ErrorClass.TEMPLATE: tuple({"code": code} for code in (132000, 132001, 132012, 132015, 132016)),
        ErrorClass.INVALID: ({"code": 100}, {"code": 131008}, {"code": 131051}),
        ErrorClass.TEMPORARY: tuple({"code": code} for code in (131000, 131016, 1, 2)),
    },
    longest="é" * 4096,
    lacks={
        "tag after closing": NO_TAGS,
        "error window_count_used": NO_COUNT,
        "opt-out and back": NOT_TOLD,
    },
    success=success,
    text_in=lambda body: str(json.loads(body)["text"]["body"]),
    signature_headers=("x-hub-signature-256",),
    late_failure={"code": 131026},
    templates=TEMPLATES,
    template=FILLED,
    pictured=PICTURED,
    handshake=HANDSHAKE,
)
