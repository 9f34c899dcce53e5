"""Webhook signatures: our vectors and the shared ones."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.channels.support import adapter
from tests.conformance.samples import SAMPLE_OF
from tui_inbox.channels.http import Http
from tui_inbox.channels.port import Secrets, WebhookRequest
from tui_inbox.channels.registry import ADAPTERS
from tui_inbox.domain.kinds import ChannelKind

SHARED_VARIABLE = "TUI_INBOX_TESTDATA"
SIGNED_BY = {
    "meta": (ChannelKind.WHATSAPP, ChannelKind.INSTAGRAM, ChannelKind.MESSENGER),
    "telegram": (ChannelKind.TELEGRAM,),
    "line": (ChannelKind.LINE,),
    "viber": (ChannelKind.VIBER,),
    "twilio": (ChannelKind.SMS, ChannelKind.WHATSAPP_TWILIO),
}
"""Kinds of channel that check a vector's kind of signature."""
OWN: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "signatures.json").read_text("utf-8"))


def shared() -> Iterator[Any]:
    folder = os.environ.get(SHARED_VARIABLE)
    if not folder:
        yield pytest.param({}, marks=pytest.mark.skip(f"NOT RUN: {SHARED_VARIABLE} names no folder of shared vectors"))
        return
    document = json.loads((Path(folder) / "signature-vectors.json").read_text("utf-8"))
    for vector in document["vectors"]:
        if vector["channel"] in SIGNED_BY:
            public = document["public_url_for"].get(vector["id"], vector.get("url", ""))
            yield pytest.param(vector | {"public_url": public}, id=vector["id"])


def accepted(vector: dict[str, Any]) -> list[bool]:
    """The verdict of every kind of channel that the vector concerns."""
    headers = {name.lower(): value.encode("utf-8") for name, value in vector["headers"].items()}
    body = urlencode([(name, value) for name, value in vector["form"]]) if "form" in vector else vector["body"]
    request = WebhookRequest("POST", {}, headers, body.encode("utf-8"))
    secrets = Secrets(dict.fromkeys(("token", "app_secret", "webhook_secret"), vector["key"]))
    found = []
    for kind in SIGNED_BY[vector["channel"]]:
        config = {**SAMPLE_OF[kind].config, "webhook_url": vector.get("public_url", "")}
        found.append(ADAPTERS[kind](config, secrets, Http()).verify(request))
    return found


@pytest.mark.parametrize("vector", OWN, ids=[f"{item['channel']}: {item['note']}" for item in OWN])
def test_own_vectors(vector: dict[str, Any]) -> None:
    assert set(accepted(vector)) == {vector["valid"]}


@pytest.mark.parametrize("vector", shared())
def test_shared_vectors(vector: dict[str, Any]) -> None:
    assert set(accepted(vector)) == {vector["valid"]}


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
