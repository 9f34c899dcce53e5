"""What is Viber's own: HTTP 200 on failure, whole 64-bit tokens, sessions, kinds of messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.channels.support import MESSAGE_ID, NOW, allow, answer, loopback
from tests.conformance.samples import SAMPLE_OF
from tui_inbox.channels.port import PayloadError
from tui_inbox.domain.events import (
    ChannelEvent,
    InboundMessage,
    OutcomeKind,
    Outgoing,
    ReceiptEvent,
    SendOutcome,
    SubscriptionEvent,
)
from tui_inbox.domain.kinds import ChannelKind, ContentKind, ErrorClass, Receipt

SAMPLE = SAMPLE_OF[ChannelKind.VIBER]
TOKEN = 5741311803571721087
"""A float would make another number of it."""


async def send(reply: bytes) -> tuple[SendOutcome, dict[str, Any]]:
    """What comes of a message that is answered so, and its body."""
    async with loopback(reply) as server:
        outcome = await SAMPLE.adapter(server.url).send(Outgoing(MESSAGE_ID, "A=", ContentKind.TEXT, "hi"), allow)
    head, _, body = server.got[0].partition(b"\r\n\r\n")
    assert f"x-viber-auth-token: {SAMPLE.secrets['token']}".encode() in head.lower()
    return outcome, json.loads(body)


async def test_a_message_and_its_token() -> None:
    outcome, body = await send(answer(200, raw=b'{"status":0,"message_token":%d}' % TOKEN))
    assert (outcome.kind, outcome.provider_id) == (OutcomeKind.ACCEPTED, str(TOKEN))
    assert body == {
        "receiver": "A=",
        "type": "text",
        "text": "hi",
        "sender": {"name": "Demo shop"},
        "tracking_data": MESSAGE_ID,
        "min_api_version": 1,
    }


@pytest.mark.parametrize(
    ("status", "kind", "error_class"),
    [
        (1, OutcomeKind.REFUSED, ErrorClass.AUTH),
        (2, OutcomeKind.RETRY, ErrorClass.AUTH),
        (3, OutcomeKind.REFUSED, ErrorClass.INVALID),
        (5, OutcomeKind.REFUSED, ErrorClass.UNREACHABLE),
        (6, OutcomeKind.REFUSED, ErrorClass.UNREACHABLE),
        (7, OutcomeKind.REFUSED, ErrorClass.AUTH),
        (10, OutcomeKind.REFUSED, ErrorClass.AUTH),
        (12, OutcomeKind.RETRY, ErrorClass.RATE_LIMITED),
        (21, OutcomeKind.REFUSED, ErrorClass.UNREACHABLE),
        (23, OutcomeKind.REFUSED, ErrorClass.QUOTA),
        (24, OutcomeKind.REFUSED, ErrorClass.QUOTA),
        (77, OutcomeKind.REFUSED, ErrorClass.INVALID),
    ],
)
async def test_statuses_in_an_answer_that_is_always_200(
    status: int, kind: OutcomeKind, error_class: ErrorClass
) -> None:
    outcome, _ = await send(answer(200, {"status": status, "status_message": "canary"}))
    assert (outcome.kind, outcome.error_class, outcome.error_code) == (kind, error_class, str(status))
    assert "canary" not in outcome.error_text


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"[]", b'{"status":null}', b'{"status":"ok"}'])
async def test_an_answer_without_a_status_tells_nothing(body: bytes) -> None:
    outcome, _ = await send(answer(200, raw=body))
    assert (outcome.kind, outcome.error_class) == (OutcomeKind.AMBIGUOUS, ErrorClass.TEMPORARY)


def parse(**document: Any) -> list[ChannelEvent]:
    """Events of a callback."""
    body = {"timestamp": 1_763_800_000_123, "message_token": TOKEN, **document}
    return list(SAMPLE.adapter().parse(json.dumps(body).encode(), NOW))


def test_what_changes_nothing() -> None:
    for kind in ("webhook", "conversation_started", "client_status", "odd"):
        assert parse(event=kind, user={"id": "A="}) == []
    assert parse(event="message", sender={"id": ""}, message={"type": "text", "text": "x"}) == []
    assert parse(event="unsubscribed") == []
    with pytest.raises(PayloadError):
        parse(odd=1)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"type": "text", "text": "hi"}, "hi"),
        ({"type": "picture", "media": "https://x/y.jpg", "text": "look"}, "[photo] look"),
        ({"type": "file", "media": "https://x", "file_name": "a.pdf", "size": 5}, "[document] a.pdf"),
        ({"type": "video", "media": "https://x"}, "[video]"),
        ({"type": "sticker", "sticker_id": 46105}, "[sticker]"),
        ({"type": "location", "location": {"lat": 60.17, "lon": 24.94}}, "[location] 60.17000, 24.94000"),
        ({"type": "contact", "contact": {"name": "Bo", "phone_number": "+1"}}, "[contact] Bo +1"),
        ({"type": "url", "media": "https://x.example"}, "[link] https://x.example"),
        ({"type": "hologram"}, "[unsupported message]"),
        ({}, "[unsupported message]"),
    ],
)
def test_kinds_of_messages(message: dict[str, Any], text: str) -> None:
    (event,) = parse(event="message", sender={"id": "A=", "name": "Ana"}, message=message)
    assert isinstance(event, InboundMessage)
    assert (event.text, event.name, event.provider_id) == (text, "Ana", str(TOKEN))


def test_reports_and_subscriptions() -> None:
    for kind, receipt in (("delivered", Receipt.DELIVERED), ("seen", Receipt.READ), ("failed", Receipt.NONE)):
        (event,) = parse(event=kind, user_id="A=", desc="canary")
        assert isinstance(event, ReceiptEvent)
        assert (event.receipt, event.provider_id, event.address) == (receipt, str(TOKEN), "A=")
        assert (event.error_class is None) is (kind != "failed")
        assert "canary" not in event.error_text
    (came,) = parse(event="subscribed", user={"id": "A=", "name": "Ana"})
    (left,) = parse(event="unsubscribed", user_id="A=", message_token=None)
    assert isinstance(came, SubscriptionEvent)
    assert isinstance(left, SubscriptionEvent)
    assert (came.started, came.name, left.started, left.address) == (True, "Ana", False, "A=")
