"""The custom channel's own ways: what another system may post, with and without a shared signing secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.channels.support import KEY, MESSAGE_ID, NOW, allow, answer, loopback, text_to
from tests.conformance.sample import Sample
from tests.conformance.samples import custom
from tui_inbox.channels.port import PayloadError, WebhookRequest, key_life_of
from tui_inbox.channels.signatures import custom_signature
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.events import ChannelEvent, EchoEvent, InboundMessage, OutcomeKind, ReceiptEvent
from tui_inbox.domain.kinds import ErrorClass, Receipt

SAMPLE = custom.SAMPLE
ANA = SAMPLE.address
STAMP = 1000 * int(NOW.timestamp())


def event(kind: str = "message", **fields: Any) -> dict[str, Any]:
    return {"type": kind, "mId": "77", "timestamp": STAMP, "message": {"type": "text", "text": "hi"}, **fields}


def body(*events: Any, **fields: Any) -> bytes:
    return json.dumps({"channelId": "shop-1", "contactId": ANA, "events": events, **fields}).encode()


def parse(raw: bytes) -> list[ChannelEvent]:
    return list(SAMPLE.adapter().parse(raw, NOW))


def configured(**config: str) -> Sample:
    return Sample(**{**SAMPLE.__dict__, "config": {**SAMPLE.config, **config}})


def test_a_message_with_its_contact() -> None:
    person = {"firstName": "Ana", "lastName": "Silva", "phone": "+358401234567", "email": "ana@example.com"}
    (found,) = parse(body(event(), contact=person))
    assert found == InboundMessage(
        address=ANA, key="message:77", provider_id="77", at=NOW, text="hi", name="Ana Silva", phone="+358401234567"
    )
    (from_number,) = parse(body(event(), contactId="+358401234567"))
    assert isinstance(from_number, InboundMessage)
    assert from_number.phone == "+358401234567"


def test_echoes_and_receipts_in_order() -> None:
    statuses = [
        event("message_status", status={"value": value}, messageId=MESSAGE_ID)
        for value in ("sent", "delivered", "read", "failed")
    ]
    echo, *receipts = parse(body(event("message_echo"), *statuses))
    assert echo == EchoEvent(ANA, "echo:77", "77", NOW, "hi")
    found = [item for item in receipts if isinstance(item, ReceiptEvent)]
    assert [item.receipt for item in found] == [Receipt.SENT, Receipt.DELIVERED, Receipt.READ, Receipt.NONE]
    assert {item.echo for item in found} == {MESSAGE_ID}
    assert found[-1].error_class is ErrorClass.INVALID
    assert len({item.key for item in found}) == 4


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"type": "quick_reply", "title": "Yes"}, "Yes"),
        ({"type": "location", "latitude": 60.45, "longitude": 22.27}, "[location] 60.45000, 22.27000"),
        ({"type": "attachment", "attachment": {"type": "image", "url": "https://x"}}, "[photo]"),
        ({"type": "attachment", "attachment": {"type": "file", "fileName": "a.pdf"}}, "[document] a.pdf"),
        ({"type": "hologram"}, "[unsupported message]"),
    ],
)
def test_every_type_has_a_line(message: dict[str, Any], text: str) -> None:
    (found,) = parse(body(event(message=message)))
    assert isinstance(found, InboundMessage)
    assert found.text == text


@pytest.mark.parametrize(
    "raw",
    [
        body(event(), channelId="another"),
        body(event(), contactId=""),
        body(event(), contactId="a b"),
        body(event(), contactId="x" * 51),
        body(event(mId="")),
        body(event(mId="x" * 51)),
        body(event("odd")),
        body(event("message_status", status={"value": "odd"})),
        b'{"channelId": "shop-1", "contactId": "a", "events": 5}',
        b"[]",
    ],
)
def test_what_is_put_aside(raw: bytes) -> None:
    with pytest.raises(PayloadError):
        parse(raw)


def test_token_and_signature() -> None:
    raw = body(event())
    secret = SAMPLE.secrets["app_secret"]
    token = f"Bearer {SAMPLE.secrets['webhook_secret']}".encode()
    signature = custom_signature(secret, raw).encode()
    both, adapter = {"authorization": token, "x-inbox-signature-256": signature}, SAMPLE.adapter()
    assert adapter.verify(WebhookRequest("POST", {}, both, raw))
    assert not adapter.verify(WebhookRequest("POST", {}, {"authorization": token}, raw))
    assert not adapter.verify(WebhookRequest("POST", {}, {"x-inbox-signature-256": signature}, raw))
    assert not adapter.verify(WebhookRequest("POST", {}, both, raw + b" "))
    plain = SAMPLE.adapter(app_secret="")
    assert plain.verify(WebhookRequest("POST", {}, {"authorization": token}, raw))
    assert not plain.verify(WebhookRequest("POST", {}, {"authorization": token + b"x"}, raw))


async def test_what_goes_out() -> None:
    async with loopback(answer(200, {"mId": "m1"})) as server:
        found = await SAMPLE.adapter(server.url).send(text_to(ANA, "ä 😀"), allow)
        await SAMPLE.adapter(server.url, app_secret="").send(text_to(ANA), allow)
    head, _, sent = server.got[0].partition(b"\r\n\r\n")
    assert found.provider_id == "m1"
    assert head.startswith(b"POST /message ")
    assert json.loads(sent) == {
        "channelId": "shop-1",
        "contactId": ANA,
        "messageId": MESSAGE_ID,
        "message": {"type": "text", "text": "ä 😀"},
    }
    lines = head.lower().split(b"\r\n")
    assert f"idempotency-key: {KEY}".encode() in lines
    assert f"x-inbox-signature-256: {custom_signature('custom-signing', sent)}".encode() in lines
    assert b"x-inbox-signature-256" not in server.got[1].lower()


async def test_a_key_counts_only_where_the_system_says_so() -> None:
    assert key_life_of(configured(idempotent="yes").adapter()) is not None
    careless = configured(idempotent="no").adapter("http://127.0.0.1:1")
    assert key_life_of(careless) is None
    async with loopback(answer(503, {})) as server:
        found = await configured(idempotent="no").adapter(server.url).send(text_to(ANA), allow)
        safe = await SAMPLE.adapter(server.url).send(text_to(ANA), allow)
    assert (found.kind, "repeat within a day is safe" in found.error_text) == (OutcomeKind.AMBIGUOUS, False)
    assert (safe.kind, "repeat within a day is safe" in safe.error_text) == (OutcomeKind.AMBIGUOUS, True)
    with pytest.raises(UsageError, match="yes or no"):
        configured(idempotent="perhaps").adapter()


async def test_a_system_without_a_question() -> None:
    async with loopback(answer(404, {})) as server:
        told = await SAMPLE.adapter(server.url).check()
    assert not told.ok
    assert "GET /channel" in told.message
