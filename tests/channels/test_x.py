"""X's own ways: OAuth 1.0a, the hourly question, events with people in them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.channels.support import NOW, Clockwork, allow, answer, loopback, text_to
from tests.conformance.samples import x
from tests.server.support.workspace import SetClock, open_workspace
from tui_inbox.channels.oauth1 import OAuth1
from tui_inbox.channels.port import PayloadError, Secrets
from tui_inbox.channels.registry import build_adapter
from tui_inbox.channels.signatures import x_signature
from tui_inbox.domain.events import ChannelEvent, EchoEvent, InboundMessage, OutcomeKind, ReceiptEvent
from tui_inbox.domain.kinds import ChannelKind, ErrorClass, Receipt
from tui_inbox.domain.models import Channel
from tui_inbox.server.receiver import make_receiver

SAMPLE = x.SAMPLE
ANA, SHOP = SAMPLE.address, SAMPLE.config["account_id"]
STAMP = str(1000 * int(NOW.timestamp()))


def message(sender: str = ANA, recipient: str = SHOP, ident: str = "77", **data: Any) -> dict[str, Any]:
    created = {"target": {"recipient_id": recipient}, "sender_id": sender, "message_data": {"text": "hi", **data}}
    return {"type": "message_create", "id": ident, "created_timestamp": STAMP, "message_create": created}


def event(kind: str, owner: str = SHOP, **payload: Any) -> bytes:
    data = {"event_uuid": "-1", "filter": {"user_id": owner}, "event_type": kind, "payload": payload}
    return json.dumps({"data": data}).encode()


def parse(raw: bytes) -> list[ChannelEvent]:
    return list(SAMPLE.adapter(clock=Clockwork()).parse(raw, NOW))


def test_a_message_with_who_wrote_it() -> None:
    people = {ANA: {"data": {"id": ANA, "name": "Ana Silva", "username": "ana"}}}
    (found,) = parse(event("dm.received", direct_message_events=[message()], users=people))
    assert found == InboundMessage(
        address=ANA, key="message:77", provider_id="77", at=NOW, text="hi", name="Ana Silva", username="ana"
    )


def test_what_we_wrote_and_what_was_read() -> None:
    (echo,) = parse(event("dm.sent", direct_message_events=[message(SHOP, ANA)]))
    assert echo == EchoEvent(ANA, "echo:77", "77", NOW, "hi")
    read = {"created_timestamp": STAMP, "sender_id": ANA, "target": {"recipient_id": SHOP}, "last_read_event_id": "77"}
    (receipt,) = parse(event("dm.read", direct_message_mark_read_events=[read, {**read, "sender_id": SHOP}]))
    assert isinstance(receipt, ReceiptEvent)
    assert (receipt.receipt, receipt.address, receipt.watermark) == (Receipt.READ, ANA, NOW)


def test_attachments_and_what_changes_nothing() -> None:
    (photo,) = parse(event("dm.received", direct_message_events=[message(attachment={"media": {"type": "photo"}})]))
    assert isinstance(photo, InboundMessage)
    assert (photo.text, photo.attachments) == ("[photo] hi", ("photo",))
    odd = [5, None, {}, message(ident=""), {"id": "1"}]
    assert parse(event("dm.received", direct_message_events=odd)) == []
    assert parse(event("chat.received", encrypted="x")) == []
    assert parse(event("dm.indicate_typing")) == []


@pytest.mark.parametrize("raw", [event("dm.received", owner="42"), event(""), b'{"data": 5}', b"[]"])
def test_what_is_put_aside(raw: bytes) -> None:
    with pytest.raises(PayloadError):
        parse(raw)


def test_the_published_example_of_oauth_is_signed_as_published() -> None:
    """The example of the platform's own page on signatures (a form, which our requests never are)."""
    keys = OAuth1(
        "xvz1evFS4wEEPTGEFPHBog",
        "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
        "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
        "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
    )
    parameters = {
        "oauth_consumer_key": keys.consumer_key,
        "oauth_nonce": "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": "1318622958",
        "oauth_token": keys.token,
        "oauth_version": "1.0",
    }
    url = "https://api.twitter.com/1/statuses/update.json?include_entities=true"
    form = ("status", "Hello Ladies + Gentlemen, a signed OAuth request!")
    assert keys.signature("POST", url, parameters, form) == "tnnArxj06cWHq44gCs1OSKk/jLY="


async def test_no_two_requests_have_the_same_nonce_and_no_secret_travels() -> None:
    async with loopback(answer(201, {"data": {"dm_event_id": "1"}})) as server:
        for _ in range(2):
            await SAMPLE.adapter(server.url).send(text_to(ANA), allow)
    first, second = server.got
    assert first.split(b"oauth_nonce=")[1][:34] != second.split(b"oauth_nonce=")[1][:34]
    assert SAMPLE.secrets["token_secret"].encode() not in first + second
    assert SAMPLE.secrets["app_secret"].encode() not in first + second


@pytest.mark.parametrize(
    ("problem", "error_class"),
    [
        ("about:blank", ErrorClass.UNREACHABLE),
        ("https://api.x.com/2/problems/client-forbidden", ErrorClass.AUTH),
        ("https://api.x.com/2/problems/oauth1-permissions", ErrorClass.AUTH),
    ],
)
async def test_a_refusal_is_the_recipients_or_the_apps(problem: str, error_class: ErrorClass) -> None:
    told = {"title": "Forbidden", "type": problem, "status": 403, "detail": "x"}
    async with loopback(answer(403, told)) as server:
        found = await SAMPLE.adapter(server.url).send(text_to(ANA), allow)
    assert (found.kind, found.error_class) == (OutcomeKind.REFUSED, error_class)


async def test_the_limit_says_when_it_begins_anew() -> None:
    reset = str(int(NOW.timestamp()) + 600)
    async with loopback(answer(429, {}, x_rate_limit_reset=reset)) as server:
        found = await SAMPLE.adapter(server.url, clock=Clockwork()).send(text_to(ANA), allow)
    assert (found.kind, found.retry_after, found.pauses_channel) == (OutcomeKind.RETRY, 600.0, True)


async def test_keys_of_another_account_are_told() -> None:
    async with loopback(answer(200, {"data": {"id": "9", "username": "other"}})) as server:
        told = await SAMPLE.adapter(server.url).check()
    assert not told.ok
    assert "@other, id 9" in told.message


async def test_the_hourly_question_is_answered_as_json(tmp_path: Any) -> None:
    async with open_workspace(tmp_path, SetClock(), "http://127.0.0.1:9") as space:
        space.adapters.other["x"] = build_adapter(
            Channel(1, "x", ChannelKind.X, dict(SAMPLE.config)), Secrets(SAMPLE.secrets)
        )
        await space.add_channel("x", ChannelKind.X)
        transport = httpx.ASGITransport(app=make_receiver(space.receiving))
        async with httpx.AsyncClient(transport=transport, base_url="http://inbox.test") as client:
            found = await client.get("/hooks/path-x?crc_token=crc-1")
            without = await client.get("/hooks/path-x")
    assert found.headers["content-type"].startswith("application/json")
    assert found.json() == {"response_token": x_signature("x-secret", b"crc-1")}
    assert x_signature("x-secret", b"crc-1") == "sha256=V9VUZOmFsD5MoIwfo7tlyO7bREUb7WTTG2Ulj1GVNRY="
    assert without.status_code == 403
