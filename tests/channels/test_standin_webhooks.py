"""What the stand-ins report: customers who write and answer, receipts, echoes; signed, in order, until taken."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.channels.support import (
    ADDRESS,
    KINDS,
    MESSAGE_ID,
    NOW,
    adapter,
    allow,
    outgoing,
    sink,
    standin_config,
    standins,
)
from tui_inbox.channels.port import ChannelAdapter, WebhookRequest
from tui_inbox.domain.events import (
    ChannelEvent,
    EchoEvent,
    InboundMessage,
    OutcomeKind,
    ReceiptEvent,
    SubscriptionEvent,
)
from tui_inbox.domain.kinds import ChannelKind, ErrorClass, Receipt
from tui_inbox.standins.config import CustomersConfig

WHATSAPP, INSTAGRAM, TELEGRAM = ChannelKind.WHATSAPP, ChannelKind.INSTAGRAM, ChannelKind.TELEGRAM
LINE = ChannelKind.LINE


def events(receiver: ChannelAdapter, got: list[tuple[dict[str, bytes], bytes]]) -> list[ChannelEvent]:
    """What an adapter makes of webhooks, each of which must be signed."""
    found: list[ChannelEvent] = []
    for headers, body in got:
        assert receiver.verify(WebhookRequest("POST", {}, headers, body))
        found += receiver.parse(body, NOW)
    return found


@pytest.mark.parametrize("kind", KINDS)
async def test_a_customer_writes(kind: ChannelKind) -> None:
    text = "Ñandú / 😀\n\x1b[2J"
    at = NOW - timedelta(hours=5)
    async with sink() as receiver, standins(standin_config(receiver.url)) as servers:
        await servers.control(kind, "say", address="777777", name="Zoë Ö", text=text, at=at.isoformat())
        (event,) = events(adapter(kind), await receiver.wait_for(1))
    assert isinstance(event, InboundMessage)
    assert (event.text, event.at) == (text, at)
    assert event.address == "777777" if kind is not WHATSAPP else "+777777"
    assert event.name == ("" if kind in (INSTAGRAM, LINE) else "Zoë Ö")


async def test_meta_escapes_what_it_signs() -> None:
    async with sink() as receiver, standins(standin_config(receiver.url)) as servers:
        await servers.control(WHATSAPP, "say", address="+777777", text="äöå 😀 /path")
        ((_, body),) = await receiver.wait_for(1)
    assert rb"\u00e4\u00f6\u00e5 \ud83d\ude00 \/path" in body
    assert body.isascii()


async def test_a_customer_without_a_number() -> None:
    async with sink() as receiver, standins(standin_config(receiver.url)) as servers:
        await servers.control(WHATSAPP, "say", address="US.1234", text="hi")
        (event,) = events(adapter(WHATSAPP), await receiver.wait_for(1))
        result = await adapter(WHATSAPP, servers.base(WHATSAPP)).send(outgoing(WHATSAPP, address="US.1234"), allow)
    assert isinstance(event, InboundMessage)
    assert (event.address, event.phone) == ("US.1234", "")
    if result.kind is OutcomeKind.ACCEPTED:  # the published description knows no users without a number
        assert result.provider_id


@pytest.mark.parametrize("kind", [TELEGRAM, LINE])
async def test_blocking_an_account_is_told_and_taken_back(kind: ChannelKind) -> None:
    async with sink() as receiver, standins(standin_config(receiver.url)) as servers:
        for blocked in (True, False):
            await servers.control(kind, "members", address=ADDRESS[kind], blocked=blocked)
        found = events(adapter(kind), await receiver.wait_for(2))
    assert [event.started for event in found if isinstance(event, SubscriptionEvent)] == [False, True]


async def test_receipts_of_whatsapp() -> None:
    async with sink() as receiver, standins(standin_config(receiver.url, receipts=True)) as servers:
        sent = await adapter(WHATSAPP, servers.base(WHATSAPP)).send(outgoing(WHATSAPP), allow)
        found = events(adapter(WHATSAPP), await receiver.wait_for(3))
    receipts = [event for event in found if isinstance(event, ReceiptEvent)]
    assert [event.receipt for event in receipts] == [Receipt.SENT, Receipt.DELIVERED, Receipt.READ]
    assert {(event.provider_id, event.echo) for event in receipts} == {(sent.provider_id, MESSAGE_ID)}


async def test_echo_and_receipt_of_instagram() -> None:
    async with sink() as receiver, standins(standin_config(receiver.url, receipts=True)) as servers:
        sent = await adapter(INSTAGRAM, servers.base(INSTAGRAM)).send(outgoing(INSTAGRAM), allow)
        echo, read = events(adapter(INSTAGRAM), await receiver.wait_for(2))
    assert isinstance(echo, EchoEvent)
    assert isinstance(read, ReceiptEvent)
    assert (echo.echo, echo.provider_id, echo.address) == (MESSAGE_ID, sent.provider_id, ADDRESS[INSTAGRAM])
    assert (read.receipt, read.provider_id) == (Receipt.READ, sent.provider_id)


async def test_a_failure_after_acceptance() -> None:
    async with sink() as receiver, standins(standin_config(receiver.url, receipts=True)) as servers:
        await servers.control(WHATSAPP, "fault", kind="late", code=131047)
        sent = await adapter(WHATSAPP, servers.base(WHATSAPP)).send(outgoing(WHATSAPP), allow)
        (event,) = events(adapter(WHATSAPP), await receiver.wait_for(1))
    assert sent.kind is OutcomeKind.ACCEPTED
    assert isinstance(event, ReceiptEvent)
    assert (event.receipt, event.error_class) == (Receipt.NONE, ErrorClass.WINDOW_CLOSED)


async def test_webhooks_are_repeated_until_they_are_taken_in_order() -> None:
    async with sink(500, 503, 401) as receiver, standins(standin_config(receiver.url)) as servers:
        for text in ("one", "two"):
            await servers.control(TELEGRAM, "say", address="5", text=text)
        await servers.control(TELEGRAM, "settled")
        found = events(adapter(TELEGRAM), receiver.got)
        told = await servers.ask(TELEGRAM, "webhooks")
    assert [event.text for event in found if isinstance(event, InboundMessage)] == ["one", "two"]
    assert [(item["attempts"], item["status"], item["delivered"]) for item in told] == [(4, 200, True), (1, 200, True)]


async def test_webhooks_wait_for_an_address() -> None:
    async with sink() as receiver, standins(standin_config()) as servers:
        await servers.control(TELEGRAM, "say", address="5", text="early")
        await servers.control(TELEGRAM, "webhook_url", url=receiver.url)
        (event,) = events(adapter(TELEGRAM), await receiver.wait_for(1))
    assert isinstance(event, InboundMessage)
    assert event.text == "early"


async def test_webhooks_come_again_and_in_another_order() -> None:
    async with sink() as receiver, standins(standin_config(receiver.url)) as servers:
        for text in ("one", "two", "three"):
            await servers.control(LINE, "say", address=ADDRESS[LINE], text=text)
        await servers.control(LINE, "again", last=2, backwards=True)
        await servers.control(LINE, "again")
        found = events(adapter(LINE), await receiver.wait_for(6))
    texts = [event.text for event in found if isinstance(event, InboundMessage)]
    assert texts == ["one", "two", "three", "three", "two", "two"]
    assert len({event.key for event in found}) == 3


async def test_a_webhook_of_ones_own() -> None:
    async with sink() as receiver, standins(standin_config(receiver.url)) as servers:
        await servers.control(WHATSAPP, "event", body={"object": "x"})
        await servers.control(WHATSAPP, "event", body='{"object": "é"}')
        got = await receiver.wait_for(2)
    assert [body for _, body in got] == [b'{"object":"x"}', '{"object": "é"}'.encode()]
    assert all(adapter(WHATSAPP).verify(WebhookRequest("POST", {}, headers, body)) for headers, body in got)


@pytest.mark.parametrize("kind", KINDS)
async def test_customers_answer(kind: ChannelKind) -> None:
    customers = CustomersConfig(delay=(0, 0), seed=7)
    answers = []
    for _ in range(2):
        async with sink() as receiver, standins(standin_config(receiver.url, customers=customers)) as servers:
            await adapter(kind, servers.base(kind)).send(outgoing(kind, "Shall we book an appointment?"), allow)
            (event,) = events(adapter(kind), await receiver.wait_for(1))
        assert isinstance(event, InboundMessage)
        assert event.address == ADDRESS[kind]
        answers.append(event.text)
    assert answers[0] == answers[1]
    assert answers[0]


async def test_customers_may_stay_silent() -> None:
    customers = CustomersConfig(delay=(0, 0), answers=0)
    async with sink() as receiver, standins(standin_config(receiver.url, customers=customers)) as servers:
        await adapter(TELEGRAM, servers.base(TELEGRAM)).send(outgoing(TELEGRAM), allow)
        await servers.control(TELEGRAM, "say", address="5", text="last")
        await servers.control(TELEGRAM, "settled")
    assert len(receiver.got) == 1
