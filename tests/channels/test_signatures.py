"""Webhook signatures: our vectors, the shared ones, and every single flipped bit."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.channels.support import adapter
from tui_inbox.channels.port import WebhookRequest
from tui_inbox.channels.signatures import (
    LINE_HEADER,
    META_HEADER,
    line_signature,
    line_signed,
    meta_signature,
    meta_signed,
)
from tui_inbox.domain.kinds import ChannelKind

SHARED_VARIABLE = "TUI_INBOX_TESTDATA"
ADAPTERS = {
    "meta": (ChannelKind.WHATSAPP, ChannelKind.INSTAGRAM),
    "telegram": (ChannelKind.TELEGRAM,),
    "line": (ChannelKind.LINE,),
}
OWN: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "signatures.json").read_text("utf-8"))


def shared() -> Iterator[Any]:
    folder = os.environ.get(SHARED_VARIABLE)
    if not folder:
        yield pytest.param({}, marks=pytest.mark.skip(f"NOT RUN: {SHARED_VARIABLE} names no folder of shared vectors"))
        return
    document = json.loads((Path(folder) / "signature-vectors.json").read_text("utf-8"))
    for vector in document["vectors"]:
        if vector["channel"] in ADAPTERS:
            yield pytest.param(vector, id=vector["id"])


def accepted(vector: dict[str, Any]) -> list[bool]:
    headers = {name.lower(): value.encode("utf-8") for name, value in vector["headers"].items()}
    request = WebhookRequest("POST", {}, headers, vector["body"].encode("utf-8"))
    return [
        adapter(kind, app_secret=vector["key"], webhook_secret=vector["key"]).verify(request)
        for kind in ADAPTERS[vector["channel"]]
    ]


@pytest.mark.parametrize("vector", OWN, ids=[f"{item['channel']}: {item['note']}" for item in OWN])
def test_own_vectors(vector: dict[str, Any]) -> None:
    assert set(accepted(vector)) == {vector["valid"]}


@pytest.mark.parametrize("vector", shared())
def test_shared_vectors(vector: dict[str, Any]) -> None:
    assert set(accepted(vector)) == {vector["valid"]}


def test_ten_thousand_flipped_bits_are_refused() -> None:
    rng = random.Random(20261122)
    body = json.dumps({"object": "instagram", "entry": [{"text": "äöå 😀 /path"}] * 8}).encode()
    for sign, signed, name in ((meta_signature, meta_signed, META_HEADER), (line_signature, line_signed, LINE_HEADER)):
        signature = sign("app-secret", body).encode()
        assert signed("app-secret", body, {name: signature})
        for _ in range(10_000):
            both = bytearray(body + signature)
            both[rng.randrange(len(both))] ^= 1 << rng.randrange(8)
            changed, header = bytes(both[: len(body)]), bytes(both[len(body) :])
            assert not signed("app-secret", changed, {name: header})


@pytest.mark.parametrize("kind", [ChannelKind.WHATSAPP, ChannelKind.INSTAGRAM])
@pytest.mark.parametrize(
    ("query", "secret", "expected"),
    [
        ({"hub.mode": "subscribe", "hub.verify_token": "verify", "hub.challenge": "1158"}, "verify", "1158"),
        ({"hub.mode": "subscribe", "hub.verify_token": "Verify", "hub.challenge": "1158"}, "verify", None),
        ({"hub.mode": "subscribe", "hub.verify_token": "vérify", "hub.challenge": "1158"}, "verify", None),
        ({"hub.mode": "subscribe", "hub.verify_token": "\ud800", "hub.challenge": "1158"}, "verify", None),
        ({"hub.mode": "unsubscribe", "hub.verify_token": "verify", "hub.challenge": "1158"}, "verify", None),
        ({"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "1158"}, "", None),
        ({"hub.mode": "subscribe", "hub.verify_token": "verify"}, "verify", None),
        ({}, "verify", None),
    ],
)
def test_handshake(kind: ChannelKind, query: dict[str, str], secret: str, expected: str | None) -> None:
    assert adapter(kind, verify_token=secret).handshake(WebhookRequest("GET", query, {}, b"")) == expected


@pytest.mark.parametrize("kind", [ChannelKind.TELEGRAM, ChannelKind.LINE])
def test_channels_without_a_handshake(kind: ChannelKind) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "hook", "hub.challenge": "1"}
    assert adapter(kind).handshake(WebhookRequest("GET", query, {}, b"")) is None
