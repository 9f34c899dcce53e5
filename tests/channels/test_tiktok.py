"""TikTok's own ways: a signature with a time, an envelope around text, refresh tokens that are good once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.channels.support import NOW, Clockwork, allow, standins, text_to
from tests.conformance.samples import tiktok
from tui_inbox.channels.port import PayloadError, WebhookRequest
from tui_inbox.channels.signatures import tiktok_signature, tiktok_signed
from tui_inbox.domain.events import ChannelEvent, EchoEvent, InboundMessage, OutcomeKind, ReceiptEvent
from tui_inbox.domain.kinds import ChannelKind, ErrorClass, Receipt
from tui_inbox.standins.config import ChannelConfig, MemberConfig, StandinConfig

SAMPLE = tiktok.SAMPLE
ANA = SAMPLE.address
STAMP = 1000 * int(NOW.timestamp()) - 60_000


def body(event: str = "im_receive_msg", client_key: str = "client-1", **content: Any) -> bytes:
    inner = {"conversation_id": ANA, "message_id": "m+1", "timestamp": STAMP, "type": "text", "text": {"body": "hi"}}
    envelope = {"client_key": client_key, "event": event, "create_time": 1, "user_openid": "biz-1"}
    return json.dumps({**envelope, "content": json.dumps({**inner, **content})}).encode()


def parse(raw: bytes) -> list[ChannelEvent]:
    return list(SAMPLE.adapter(clock=Clockwork()).parse(raw, NOW))


def test_the_vector_and_its_time() -> None:
    known = "t=1700000000,s=9039e9700acd5e10d05d5f1c571adaddb23d372196f0d31941d715d87c9a11ed"
    raw = b'{"event":"im_receive_msg"}'
    assert tiktok_signature("tt-secret", "1700000000", raw) == known
    headers = {"tiktok-signature": known.encode()}
    assert tiktok_signed("tt-secret", raw, headers, 1_700_000_300)
    for now in (1_700_000_301, 1_699_999_699):
        assert not tiktok_signed("tt-secret", raw, headers, now)


@pytest.mark.parametrize(
    "header", [b"", b"t=,s=", b"t=1700000000", b"s=x,t=1700000000", b"t=\xc3\xa9,s=x", b"t=" + b"9" * 5000 + b",s=x"]
)
def test_headers_that_are_none(header: bytes) -> None:
    assert not tiktok_signed("tt-secret", b"{}", {"tiktok-signature": header}, 1_700_000_000)
    assert not SAMPLE.adapter().verify(WebhookRequest("POST", {}, {}, b"{}"))


def test_a_message_an_echo_and_a_receipt() -> None:
    (said,) = parse(body())
    assert isinstance(said, InboundMessage)
    assert (said.address, said.key, said.provider_id, said.text) == (ANA, "message:m+1", "m+1", "hi")
    assert said.at == NOW - timedelta(minutes=1)
    (echo,) = parse(body("im_send_msg", message_tag={"source": "APP"}))
    assert isinstance(echo, EchoEvent)
    assert (echo.address, echo.provider_id, echo.text) == (ANA, "m+1", "hi")
    (read,) = parse(body("im_mark_read_msg", read={"last_read_timestamp": STAMP - 1000}))
    assert isinstance(read, ReceiptEvent)
    assert (read.receipt, read.address, read.watermark) == (Receipt.READ, ANA, NOW - timedelta(seconds=61))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"type": "image", "text": None}, "[photo]"),
        ({"type": "SHARE_POST", "text": None}, "[shared post]"),
        ({"type": "hologram"}, "[unsupported message]"),
        ({"type": None}, "[unsupported message]"),
    ],
)
def test_every_type_has_a_line(content: dict[str, Any], text: str) -> None:
    (found,) = parse(body(**content))
    assert isinstance(found, InboundMessage)
    assert found.text == text


def test_what_changes_nothing() -> None:
    for raw in (
        body("im_receive_msg_eu", conversation_id=None, text=None),
        body("im_referral_msg"),
        body(message_id=None),
        body("im_send_msg", message_id=""),
    ):
        assert parse(raw) == []


@pytest.mark.parametrize(
    "raw", [body(client_key="another"), b'{"event":"x","client_key":"client-1"}', b'{"content":"{}"}', b"[]"]
)
def test_what_is_put_aside(raw: bytes) -> None:
    with pytest.raises(PayloadError):
        parse(raw)


async def test_refresh_tokens_are_used_once_and_kept_for_the_next_process() -> None:
    member = MemberConfig(address=ANA, last_inbound_at=NOW)
    account = ChannelConfig(
        name="tiktok",
        kind=ChannelKind.TIKTOK,
        prefix="/tiktok",
        token=SAMPLE.secrets["token"],
        app_secret=SAMPLE.secrets["app_secret"],
        settings=SAMPLE.config,
        members=(member,),
    )
    async with standins(StandinConfig(channels=(account,), receipts=False)) as servers:
        base = f"http://127.0.0.1:{servers.port}/tiktok"
        for _ in range(3):  # each time another process, a day later
            found = await SAMPLE.adapter(base, clock=servers.clock).send(text_to(ANA), allow)
            assert found.kind is OutcomeKind.ACCEPTED, found
            servers.clock.now += timedelta(hours=23, minutes=59)
            await servers.call("tiktok", "say", address=ANA, text="still there?")
        await servers.call("tiktok", "fault", kind="error", code=40105)
        found = await SAMPLE.adapter(base, clock=servers.clock).send(text_to(ANA), allow)
        assert found.kind is OutcomeKind.ACCEPTED
        assert len(await servers.look("tiktok", "accepted")) == 4


async def test_ten_messages_after_one_of_the_customer() -> None:
    member = MemberConfig(address=ANA, last_inbound_at=NOW)
    account = ChannelConfig(
        name="tiktok",
        kind=ChannelKind.TIKTOK,
        prefix="/tiktok",
        token=SAMPLE.secrets["token"],
        app_secret=SAMPLE.secrets["app_secret"],
        settings=SAMPLE.config,
        members=(member,),
    )
    async with standins(StandinConfig(channels=(account,), receipts=False)) as servers:
        sender = SAMPLE.adapter(f"http://127.0.0.1:{servers.port}/tiktok", clock=servers.clock)
        kinds = [(await sender.send(text_to(ANA, str(n)), allow)).kind for n in range(10)]
        eleventh = await sender.send(text_to(ANA), allow)
    assert set(kinds) == {OutcomeKind.ACCEPTED}
    assert (eleventh.kind, eleventh.error_class) == (OutcomeKind.REFUSED, ErrorClass.WINDOW_CLOSED)
    assert "10 messages" in eleventh.error_text
