"""Ten thousand flipped bits for every channel: none of them goes through."""

from __future__ import annotations

import random
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.channels.support import NOW
from tests.conformance.sample import Posted, Sample
from tests.conformance.samples import SAMPLES
from tui_inbox.channels import payload
from tui_inbox.channels.port import FORM_TYPES, PayloadError
from tui_inbox.standins.config import ChannelConfig, Member
from tui_inbox.standins.platform import SignsUrl
from tui_inbox.standins.platforms import PLATFORMS
from tui_inbox.standins.state import ChannelState

FLIPS = 10_000


def genuine(sample: Sample) -> Posted:
    """A customer's message as the channel posts it."""
    account = ChannelConfig(
        name="main",
        kind=sample.kind,
        token=sample.secrets.get("token", ""),
        token_secret=sample.secrets.get("token_secret", ""),
        verify_token=sample.secrets.get("verify_token", ""),
        app_secret=sample.secrets.get("app_secret", ""),
        webhook_secret=sample.secrets.get("webhook_secret", ""),
        settings=sample.config,
    )
    platform = PLATFORMS[sample.kind](ChannelState(account, lambda: NOW), None)
    body = platform.encode(platform.said(Member(address=sample.address, name="Zoë"), "äöå 😀 /path & a=b", NOW))
    signed = platform.sign(body, sample.webhook_url)
    url = platform.signed_url(body, sample.webhook_url) if isinstance(platform, SignsUrl) else ""
    return Posted(urlsplit(url).query, {name.lower(): value.encode() for name, value in signed.items()}, body)


def flipped(sample: Sample, posted: Posted, rng: random.Random) -> Iterator[Posted]:
    """The same with one bit changed, of the proof or of what it proves."""
    name = rng.choice([*sample.signature_headers, *sample.signature_query])
    query = dict(parse_qsl(posted.query))
    proof = posted.headers[name] if name in posted.headers else query[name].encode()
    while True:
        parts = [bytearray(proof), bytearray(posted.body if sample.signs_body else b"")]
        place = rng.randrange(sum(map(len, parts)))
        part = parts[0] if place < len(parts[0]) else parts[1]
        part[place if part is parts[0] else place - len(parts[0])] ^= 1 << rng.randrange(8)
        body = bytes(parts[1]) if sample.signs_body else posted.body
        if name in posted.headers:
            yield Posted(posted.query, {**posted.headers, name: bytes(parts[0])}, body)
        else:
            yield Posted(urlencode({**query, name: bytes(parts[0])}), posted.headers, body)


def same_form(one: bytes, other: bytes) -> bool:
    """Whether two different bodies are the same form, such as ``%C3`` and ``%c3``: what is signed is what it says."""
    try:
        return one != other and payload.parse_form(one) == payload.parse_form(other)
    except PayloadError:
        return False


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.kind.value for sample in SAMPLES])
def test_ten_thousand_flipped_bits_are_refused(sample: Sample) -> None:
    posted, adapter = genuine(sample), sample.adapter(clock=lambda: NOW)
    assert adapter.verify(posted.request())
    count = 0
    for forged in flipped(sample, posted, random.Random(20261122)):
        if adapter.webhook_types == FORM_TYPES and same_form(posted.body, forged.body):
            continue
        assert not adapter.verify(forged.request())
        count += 1
        if count == FLIPS:
            break
