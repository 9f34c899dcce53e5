"""One module per channel, each with its ``SAMPLE``; in the order of the adapters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.conformance.sample import Sample
from tests.conformance.samples import (
    custom,
    email,
    instagram,
    line,
    messenger,
    sms,
    telegram,
    tiktok,
    viber,
    webchat,
    wechat,
    whatsapp,
    whatsapp_360dialog,
    whatsapp_twilio,
    x,
)
from tui_inbox.domain.kinds import ChannelKind

SAMPLES: Sequence[Sample] = (
    telegram.SAMPLE,
    whatsapp.SAMPLE,
    instagram.SAMPLE,
    line.SAMPLE,
    messenger.SAMPLE,
    sms.SAMPLE,
    whatsapp_twilio.SAMPLE,
    whatsapp_360dialog.SAMPLE,
    viber.SAMPLE,
    wechat.SAMPLE,
    tiktok.SAMPLE,
    x.SAMPLE,
    custom.SAMPLE,
)
EVERY: Sequence[Sample] = (*SAMPLES, email.SAMPLE, webchat.SAMPLE)
"""Those that post webhooks, mail, which is asked for what came in, and our own chat."""
SAMPLE_OF: Mapping[ChannelKind, Sample] = {sample.kind: sample for sample in SAMPLES}
