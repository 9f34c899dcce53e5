"""WhatsApp by 360dialog."""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.samples import whatsapp
from tui_inbox.domain.kinds import ChannelKind

SAMPLE = replace(
    whatsapp.SAMPLE,
    kind=ChannelKind.WHATSAPP_360DIALOG,
    config={"phone_number_id": "106540352242923"},
    secrets={"token": "d360-key_A", "webhook_secret": "hook"},
    lacks={**whatsapp.SAMPLE.lacks, "handshake": "360dialog is told the webhook's address and asks nothing back."},
    signature_headers=("authorization",),
    signs_body=False,
    handshake={},
)
