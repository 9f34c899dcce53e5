"""Facebook Messenger."""

from __future__ import annotations

import json

from tests.conformance.sample import Sample
from tests.conformance.samples import instagram
from tests.conformance.samples.meta_templates import FILLED, PICTURED, TEMPLATES
from tests.conformance.samples.whatsapp import HANDSHAKE
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

SAMPLE = Sample(
    kind=ChannelKind.MESSENGER,
    address="6400000000000002",
    stranger="777777",
    config={"page_id": "107000000000001"},
    secrets={"token": "EAAmessenger", "app_secret": "app-secret", "verify_token": "verify"},
    errors=instagram.SAMPLE.errors
    | {
        ErrorClass.WINDOW_CLOSED: ({"code": 10, "subcode": 2018278}, {"code": 10, "subcode": 2018065}),
        ErrorClass.TEMPLATE: ({"code": 100, "sends": "template"},),
    },
    longest="😀" * 2000,
    lacks={
        "photo with text": "Messenger takes no text with a picture: they are two messages.",
        "error window_count_used": "Messenger counts no messages within its window.",
        "error quota_exhausted": "Messenger's messages have no quota and cost nothing.",
        "late failure": "Messenger has no webhook for what fails after it was taken.",
        "opt-out and back": "Messenger tells no business who blocks it: sending fails instead.",
    },
    success=instagram.success,
    text_in=lambda body: str(json.loads(body)["message"]["text"]),
    signature_headers=("x-hub-signature-256",),
    tells_name=False,
    templates=TEMPLATES,
    template=FILLED,
    pictured=PICTURED,
    handshake=HANDSHAKE,
)
