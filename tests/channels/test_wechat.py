"""WeChat's own ways: signatures in the query, XML, encryption, one access token at a time."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.channels.support import NOW, Clockwork, Standins, allow, standins, text_to
from tests.conformance.samples import wechat
from tui_inbox import paths
from tui_inbox.channels import token_sending
from tui_inbox.channels.port import ChannelAdapter, PayloadError, WebhookRequest
from tui_inbox.channels.signatures import wechat_signature, wechat_signed
from tui_inbox.channels.wechat_crypto import decrypt, encrypt, key_of
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.events import InboundMessage, OutcomeKind, SubscriptionEvent
from tui_inbox.domain.kinds import ChannelKind, ErrorClass, InboundKind
from tui_inbox.standins.config import ChannelConfig, MemberConfig, StandinConfig

SAMPLE = wechat.SAMPLE
ANA = SAMPLE.address
AT = datetime(2026, 11, 22, 11, 59, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
KEY = key_of(SAMPLE.secrets["webhook_secret"])
APP = SAMPLE.config["app_id"]


def adapter(base: str = "", *, clock: Clockwork | None = None, **secrets: str) -> ChannelAdapter:
    """One for plain callbacks."""
    return SAMPLE.adapter(base, clock=clock or Clockwork(), more=None, **{"webhook_secret": "", **secrets})


def xml(**fields: str) -> bytes:
    values = {"ToUserName": "gh_1", "FromUserName": ANA, "CreateTime": str(int(AT.timestamp())), **fields}
    return ("<xml>" + "".join(f"<{k}><![CDATA[{v}]]></{k}>" for k, v in values.items()) + "</xml>").encode()


def signed(body: bytes, nonce: str = "n", stamp: str = STAMP, token: str = wechat.TOKEN) -> WebhookRequest:
    query = {"signature": wechat_signature(token, stamp, nonce), "timestamp": stamp, "nonce": nonce}
    return WebhookRequest("POST", query, {}, body)


def shared() -> Iterator[Any]:
    folder = os.environ.get("TUI_INBOX_TESTDATA")
    if not folder:
        yield pytest.param({}, marks=pytest.mark.skip("NOT RUN: TUI_INBOX_TESTDATA names no folder of shared vectors"))
        return
    document = json.loads((Path(folder) / "signature-vectors.json").read_text("utf-8"))
    for vector in document["vectors"]:
        if vector["channel"].startswith("wechat"):
            yield pytest.param(vector, id=vector["id"])


@pytest.mark.parametrize("vector", shared())
def test_shared_vectors(vector: dict[str, Any]) -> None:
    if vector["channel"] == "wechat-aes":
        assert _aes_verdict(vector) is vector["valid"]
        return
    query = vector["query"]
    now = vector.get("now", int(query["timestamp"]))
    found = wechat_signed(vector["key"], query["signature"], query["timestamp"], query["nonce"], now=now)
    assert found is vector["valid"]


def _aes_verdict(vector: dict[str, Any]) -> bool:
    query, cipher = vector["query"], vector["encrypt"]
    stamp, now = query["timestamp"], int(query["timestamp"])
    if not wechat_signed(vector["key"], query["msg_signature"], stamp, query["nonce"], cipher, now=now):
        return False
    try:
        decrypt(key_of(vector["aes_key"]), cipher, vector["appid"])
    except PayloadError:
        return False
    return True


def test_the_published_vector() -> None:
    assert wechat_signature("test", "1410685589", "test") == "f21891de399b4e33a1a93c9a7b8a8fffb5a443ff"
    assert wechat_signature("wxtoken", "1700000000", "abc123") == "648e512f26fb3d06fa35e8d2169d5ed06cfc26bc"


def test_a_plain_signature_and_what_is_none() -> None:
    hook, body = adapter(), xml(MsgType="text", Content="hi", MsgId="1")
    assert hook.verify(signed(body))
    old = str(int(STAMP) - 301)
    for forged in (signed(body, stamp=old), signed(body, token="other"), WebhookRequest("POST", {}, {}, body)):
        assert not hook.verify(forged)
    good = signed(body)
    for name in good.query:
        for value in ("", "é", good.query[name] + "1"):
            assert not hook.verify(WebhookRequest("POST", {**good.query, name: value}, {}, body))
    assert not adapter(verify_token="").receives
    assert not adapter(verify_token="").verify(signed(body, token=""))


def test_a_plain_signature_is_good_for_one_body() -> None:
    """It says nothing of the body, so who has seen it could put it before another."""
    hook, body = adapter(), xml(MsgType="text", Content="hi", MsgId="1")
    assert hook.verify(signed(body))
    assert hook.verify(signed(body)), "WeChat posts again what was not answered"
    assert not hook.verify(signed(xml(MsgType="text", Content="send me your money", MsgId="2")))
    assert hook.verify(signed(xml(MsgType="text", Content="next", MsgId="2"), nonce="n2"))


def test_with_a_key_nothing_plain_is_let_in() -> None:
    hook = SAMPLE.adapter(clock=Clockwork())
    assert not hook.verify(signed(xml(MsgType="text", Content="hi", MsgId="1")))


def test_encryption_there_and_back_and_every_flipped_bit() -> None:
    document = xml(MsgType="text", Content="批 😀", MsgId="1")
    cipher = encrypt(KEY, document, APP)
    assert decrypt(KEY, cipher, APP) == document
    rng = random.Random(7)
    stamp, nonce, signature = STAMP, "n", wechat_signature(wechat.TOKEN, STAMP, "n", cipher)
    hook = SAMPLE.adapter(clock=Clockwork())
    query = {"msg_signature": signature, "timestamp": stamp, "nonce": nonce}
    good = f"<xml><Encrypt>{cipher}</Encrypt></xml>".encode()
    assert hook.verify(WebhookRequest("POST", query, {}, good))
    start = good.index(cipher.encode())
    for _ in range(1000):
        changed = bytearray(good)
        changed[start + rng.randrange(len(cipher))] ^= 1 << rng.randrange(8)
        assert not hook.verify(WebhookRequest("POST", query, {}, bytes(changed)))


@pytest.mark.parametrize(
    "cipher",
    ["", "x", "AAAA", "é", encrypt(KEY, b"<xml/>", "another app"), encrypt(bytes(32), b"<xml/>", APP), "A" * 44],
    ids=["empty", "no base64", "no block", "no ASCII", "another app", "another key", "noise"],
)
def test_what_cannot_be_decrypted(cipher: str) -> None:
    with pytest.raises(PayloadError):
        decrypt(KEY, cipher, APP)


def test_a_key_that_is_none() -> None:
    with pytest.raises(UsageError, match="EncodingAESKey") as caught:
        adapter(webhook_secret="canary")
    assert "canary" not in str(caught.value)


def test_a_text_message() -> None:
    (found,) = adapter().parse(xml(MsgType="text", Content="hi ]] <b>", MsgId="77"), NOW)
    assert found == InboundMessage(address=ANA, key="message:77", provider_id="77", at=AT, text="hi ]] <b>")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"MsgType": "image", "PicUrl": "http://x"}, "[photo]"),
        ({"MsgType": "voice"}, "[voice message]"),
        ({"MsgType": "voice", "Recognition": "ni hao"}, "[voice message] ni hao"),
        ({"MsgType": "shortvideo"}, "[video]"),
        ({"MsgType": "location", "Location_X": "60.4", "Location_Y": "22.2"}, "[location] 60.4, 22.2"),
        ({"MsgType": "location", "Label": "Turku"}, "[location] Turku"),
        ({"MsgType": "link", "Title": "T", "Url": "https://x"}, "[link] T https://x"),
        ({"MsgType": "hologram"}, "[unsupported message]"),
    ],
)
def test_every_type_has_a_line(fields: dict[str, str], text: str) -> None:
    (found,) = adapter().parse(xml(**fields), NOW)
    assert isinstance(found, InboundMessage)
    assert found.text == text
    assert found.key == f"message:{ANA}:{int(AT.timestamp())}", "without an id: who and when"


def test_events() -> None:
    hook = adapter()
    (came,) = hook.parse(xml(MsgType="event", Event="subscribe"), NOW)
    (left,) = hook.parse(xml(MsgType="event", Event="unsubscribe"), NOW)
    (menu,) = hook.parse(xml(MsgType="event", Event="CLICK", EventKey="prices"), NOW)
    assert isinstance(came, SubscriptionEvent)
    assert isinstance(left, SubscriptionEvent)
    assert isinstance(menu, InboundMessage)
    assert (came.started, left.started, came.key == left.key) == (True, False, False)
    assert (menu.kind, menu.text) == (InboundKind.POSTBACK, "[menu] prices")
    assert list(hook.parse(xml(MsgType="event", Event="TEMPLATESENDJOBFINISH"), NOW)) == []


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><xml><FromUserName>&a;</FromUserName><MsgType>text</MsgType></xml>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml></xml>',
        b"<xml>" + b"<a>" * 50 + b"</a>" * 50 + b"</xml>",
        b"<xml><MsgType>text</MsgType></xml>",
        b"<xml>",
        b"{}",
        b"\xff\xfe<\x00",
        b"",
    ],
)
def test_xml_that_is_put_aside(body: bytes) -> None:
    with pytest.raises(PayloadError):
        adapter().parse(body, NOW)


def account() -> StandinConfig:
    member = MemberConfig(address=ANA, last_inbound_at=NOW)
    config = ChannelConfig(
        name="wechat",
        kind=ChannelKind.WECHAT,
        prefix="/wechat",
        app_secret=SAMPLE.secrets["app_secret"],
        verify_token=wechat.TOKEN,
        settings=SAMPLE.config,
        members=(member,),
    )
    return StandinConfig(channels=(config,), receipts=False)


async def taken(servers: Standins) -> list[str]:
    return [item["text"] for item in await servers.look("wechat", "accepted")]


async def test_one_token_for_all_who_send_at_once() -> None:
    """Each new token ends the former, so two that are fetched side by side would break each other."""
    async with standins(account()) as servers:
        base = f"http://127.0.0.1:{servers.port}/wechat"
        senders = [adapter(base, clock=servers.clock) for _ in range(5)]
        found = await asyncio.gather(*(item.send(text_to(ANA, f"m{n}"), allow) for n, item in enumerate(senders)))
        assert [item.kind for item in found] == [OutcomeKind.ACCEPTED] * 5
        assert len(await taken(servers)) == 5
        refused = await servers.look("wechat", "refused")
    assert refused == []
    (file,) = (paths.data_dir() / "tokens").glob("*.json")
    assert file.stat().st_mode & 0o077 == 0
    assert SAMPLE.secrets["app_secret"] not in file.read_text()


async def test_a_token_that_ran_out_or_was_ended_is_replaced_without_a_trace() -> None:
    async with standins(account()) as servers:
        sender = adapter(f"http://127.0.0.1:{servers.port}/wechat", clock=servers.clock)
        assert (await sender.send(text_to(ANA, "one"), allow)).kind is OutcomeKind.ACCEPTED
        servers.clock.now += timedelta(hours=2)
        assert (await sender.send(text_to(ANA, "two"), allow)).kind is OutcomeKind.ACCEPTED
        await servers.call("wechat", "fault", kind="error", code=40001)
        asked = []

        async def guard() -> None:
            asked.append(1)

        found = await sender.send(text_to(ANA, "three"), guard)
        assert (found.kind, len(asked)) == (OutcomeKind.ACCEPTED, 1)
        assert await taken(servers) == ["one", "two", "three"]


async def test_an_answer_that_comes_late_leaves_no_time_for_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_sending, "RENEW_SECONDS", 0.0)
    async with standins(account()) as servers:
        sender = adapter(f"http://127.0.0.1:{servers.port}/wechat", clock=servers.clock)
        await servers.call("wechat", "fault", kind="error", code=42001)
        found = await sender.send(text_to(ANA, "one"), allow)
        assert (found.kind, found.error_class, found.pauses_channel) == (
            OutcomeKind.RETRY,
            ErrorClass.TEMPORARY,
            False,
        )
        assert await taken(servers) == []


async def test_five_messages_after_one_of_the_customer() -> None:
    async with standins(account()) as servers:
        sender = adapter(f"http://127.0.0.1:{servers.port}/wechat", clock=servers.clock)
        for number in range(5):
            servers.clock.now += timedelta(minutes=1)
            assert (await sender.send(text_to(ANA, str(number)), allow)).kind is OutcomeKind.ACCEPTED
        sixth = await sender.send(text_to(ANA, "6"), allow)
        assert (sixth.kind, sixth.error_class) == (OutcomeKind.REFUSED, ErrorClass.COUNT_USED)
        servers.clock.now += timedelta(minutes=1)
        await servers.call("wechat", "say", address=ANA, text="more?")
        assert (await sender.send(text_to(ANA, "7"), allow)).kind is OutcomeKind.ACCEPTED
        servers.clock.now += timedelta(hours=48)
        late = await sender.send(text_to(ANA, "8"), allow)
    assert late.error_class is ErrorClass.WINDOW_CLOSED


async def test_a_wrong_secret_pauses_and_a_server_that_is_away_does_not() -> None:
    async with standins(account()) as servers:
        base = f"http://127.0.0.1:{servers.port}/wechat"
        wrong = await adapter(base, clock=servers.clock, app_secret="wrong-secret").send(text_to(ANA, "x"), allow)
        assert (wrong.kind, wrong.error_class, wrong.pauses_channel) == (OutcomeKind.RETRY, ErrorClass.AUTH, True)
        assert await taken(servers) == []
    gone = await adapter("http://127.0.0.1:1").send(text_to(ANA, "x"), allow)
    assert (gone.kind, gone.pauses_channel) == (OutcomeKind.NOT_SENT, False)
