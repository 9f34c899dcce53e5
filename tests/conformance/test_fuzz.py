"""Genuine webhooks with one value exchanged for something odd: read, or put aside as unreadable, and nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.channels.support import NOW
from tests.channels.test_payload import check
from tests.conformance.sample import Sample
from tests.conformance.samples import SAMPLES
from tui_inbox.channels.port import PayloadError
from tui_inbox.standins.config import ChannelConfig, Member
from tui_inbox.standins.platform import Platform
from tui_inbox.standins.platforms import PLATFORMS
from tui_inbox.standins.state import Accepted, ChannelState, Fault

TRIES = 1500
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 10**30, 1.5, 1e300, "", "0", "x" * 5000, "a\x00b\ud800", [], {}, [[]], [None], {"": None},
    {"id": []}, ["x"], "2026-11-22T12:00:00Z", "99999999999999999999",
)  # fmt: skip


def stand_in(sample: Sample) -> Platform:
    """The channel's stand-in, with what it needs to write webhooks."""
    account = ChannelConfig(
        name="main",
        kind=sample.kind,
        token=sample.secrets.get("token", ""),
        webhook_secret=sample.secrets.get("webhook_secret", ""),
        settings=sample.config,
    )
    return PLATFORMS[sample.kind](ChannelState(account, lambda: NOW), None)


def genuine(sample: Sample) -> Iterator[dict[str, Any]]:
    """Every kind of webhook that the stand-in has, before it is encoded."""
    platform = stand_in(sample)
    member = Member(address=sample.address, name="Zoë", blocked=True)
    sent = Accepted(
        1,
        "main",
        NOW,
        "77",
        sample.address,
        "hi",
        "",
        "",
        "echo",
        {"StatusCallback": "x"},
    )
    bodies = [platform.said(member, "hi", NOW - timedelta(minutes=1)), *platform.receipts(sent, None)]
    bodies += platform.receipts(sent, Fault(kind="late", code=131026))
    told = platform.membership(member, NOW)
    for body in [*bodies, *([told] if told is not None else [])]:
        yield json.loads(json.dumps(body, default=str))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document: what holds it, and its key."""
    if isinstance(value, dict | list):
        for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from places(item)


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.kind.value for sample in SAMPLES])
def test_odd_values_anywhere(sample: Sample) -> None:
    rng, adapter = random.Random(20261122), sample.adapter()
    platform = stand_in(sample)
    bodies = list(genuine(sample))
    read = 0
    for _ in range(TRIES):
        body = json.loads(json.dumps(rng.choice(bodies)))
        holder, key = rng.choice(list(places(body)))
        holder[key] = rng.choice(ODD)
        try:
            events = adapter.parse(platform.encode(body), NOW)
        except PayloadError:
            continue
        read += 1
        for event in events:
            check(event)
    assert read > TRIES // 10, "most of them can still be read"
