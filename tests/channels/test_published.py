"""Against the published descriptions: our requests, WhatsApp's webhook examples, updates of Telegram.

The descriptions are not part of the project: their folder is named by an environment variable.
"""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.channels.support import NOW, adapter, allow, outgoing, sink, standin_config, standins
from tui_inbox.channels import line, telegram, whatsapp
from tui_inbox.channels.http import Http, HttpReply
from tui_inbox.domain.events import ChannelEvent, DeletedEvent, InboundMessage, OutcomeKind, SubscriptionEvent
from tui_inbox.domain.kinds import ChannelKind, ContentKind, InboundKind
from tui_inbox.domain.templates import TemplateContent
from tui_inbox.standins.specs import FOLDER_VARIABLE, Specs

pytestmark = pytest.mark.skipif(
    not os.environ.get(FOLDER_VARIABLE), reason=f"NOT RUN: {FOLDER_VARIABLE} names no folder of published descriptions"
)


@functools.cache
def specs() -> Specs:
    return Specs(Path(os.environ[FOLDER_VARIABLE]))


LINE = ChannelKind.LINE
USER_ID, BOT_ID = "U8622f62b0c6e4ad1a1d4a5e8f0b1c2d3", "U" + "a" * 32


def event(kind: str, source: str = "user", **content: Any) -> dict[str, Any]:
    """One event of LINE as its description demands it."""
    return {
        "type": kind,
        "mode": "active",
        "timestamp": 1_795_348_740_123,
        "source": {"type": source, "userId": USER_ID, **({} if source == "user" else {f"{source}Id": "C1"})},
        "webhookEventId": "01HZ0000000000000000000001",
        "deliveryContext": {"isRedelivery": False},
        **content,
    }


def line_body(*events: dict[str, Any]) -> dict[str, Any]:
    """A body with these events."""
    return {"destination": BOT_ID, "events": list(events)}


VALUES = {"header.1": "A", "1": "Ana", "2": "B", "button0.1": "x"}
WHATSAPP_MESSAGES = [
    outgoing(ChannelKind.WHATSAPP, "hello"),
    outgoing(ChannelKind.WHATSAPP, "é 😀\n\x1b[0m" * 100),
    outgoing(ChannelKind.WHATSAPP, content_kind=ContentKind.TEMPLATE, template=TemplateContent("hello", "en")),
    outgoing(
        ChannelKind.WHATSAPP, content_kind=ContentKind.TEMPLATE, template=TemplateContent("follow_up", "en_US", VALUES)
    ),
    outgoing(
        ChannelKind.WHATSAPP,
        content_kind=ContentKind.TEMPLATE,
        template=TemplateContent("named", "en", {"first_name": "Ana", "order_id": "7"}, named=True),
    ),
]


@pytest.mark.parametrize("message", WHATSAPP_MESSAGES)
def test_our_whatsapp_requests(message: Any) -> None:
    assert specs().whatsapp_problem(whatsapp.request(message)) == ""


@pytest.mark.parametrize("address", ["4242", "-100123", "@shop"])
def test_our_telegram_requests(address: str) -> None:
    message = outgoing(ChannelKind.TELEGRAM, "é", address=address)
    assert specs().telegram_problem("sendMessage", telegram.request(message)) == ""


def test_the_validators_can_fail() -> None:
    good = whatsapp.request(WHATSAPP_MESSAGES[0])
    for change in ({"to": None}, {"text": "x"}, {"text": None}, {"type": "template"}, {"messaging_product": 5}):
        body = {key: value for key, value in {**good, **change}.items() if value is not None}
        assert specs().whatsapp_problem(body), change
    for odd in ({"chat_id": 1}, {"text": "x"}, {"chat_id": 1.5, "text": "x"}, {"chat_id": 1, "text": "x", "odd": 1}):
        assert specs().telegram_problem("sendMessage", odd), odd
    assert specs().telegram_update_problem({"update_id": "x"})
    push = line.request(outgoing(LINE))
    wrong: dict[str, Any]
    for wrong in ({"to": 5}, {"messages": []}, {"messages": [{"type": "text"}]}, {"messages": [{"type": "odd"}]}):
        assert specs().line_push_problem({**push, **wrong}), wrong
    assert specs().line_answer_problem({"sentMessages": []})
    assert specs().line_error_problem({"details": []})
    good_event = event("follow", follow={"isUnblocked": False}, replyToken="r")
    assert specs().line_webhook_problem(line_body(good_event)) == ""
    for key in good_event:
        if key != "source":
            missing = {name: value for name, value in good_event.items() if name != key}
            assert specs().line_webhook_problem(line_body(missing)), key
    assert specs().telegram_update_problem({"update_id": 1, "message": {"message_id": 5}})


async def test_the_stand_in_refuses_what_the_description_does() -> None:
    kind = ChannelKind.WHATSAPP
    async with standins(standin_config()) as servers:
        sent = [await adapter(kind, servers.base(kind)).send(message, allow) for message in WHATSAPP_MESSAGES]
        odd = await adapter(kind, servers.base(kind)).send(outgoing(kind, address="US.1234"), allow)
        (told,) = await servers.ask(kind, "refused")
    assert {result.kind for result in sent} == {OutcomeKind.ACCEPTED}
    assert odd.kind is OutcomeKind.REFUSED
    assert "published description" in json.dumps(told)


def webhook_examples() -> dict[str, Any]:
    examples = specs().whatsapp["paths"]["/whatsapp/webhooks"]["post"]["requestBody"]["content"]["application/json"]
    return {name: example["value"] for name, example in examples["examples"].items()}


EXPECTED = {
    "Text Message": "Does it come in another color?",
    "Text Message with Context (Product Inquiry)": "Is this still available?",
    "Text Message from Click to WhatsApp Ad": None,
    "Reaction Message": "[reaction] 👍",
    "Image Message": "[photo] Taj Mahal",
    "Location Message": "[location] Philz Coffee, 101 Forest Ave, Palo Alto, CA 94301",
    "Contact Sharing Message": "[contact] Lucía Gómez +1 (983) 555-2319",
    "Unsupported Message": "[unsupported message: unsupported]",
    "Button Message": "Unsubscribe",
    "Interactive List Reply Message": "Priority Mail Express",
    "Interactive Button Reply Message": "Cancel",
    "Order Message": "[order] 2 products",
    "System Message": "[WhatsApp] User Sheena Nelson changed from 16505551234 to 12195555358",
}


def test_whatsapp_webhook_examples() -> None:
    examples = webhook_examples()
    assert set(EXPECTED) <= set(examples)
    for name, body in examples.items():
        events = adapter(ChannelKind.WHATSAPP).parse(json.dumps(body).encode(), NOW)
        if name not in EXPECTED:  # groups are no contacts
            assert list(events) == [], name
            continue
        (event,) = events
        assert isinstance(event, InboundMessage)
        assert event.address == "+16505551234"
        assert event.at.year in (2025, 2026)
        assert event.text
        assert EXPECTED[name] in (None, event.text), name
        assert event.name == ("" if name == "System Message" else "Sheena Nelson")


async def test_examples_posted_and_signed_by_the_stand_in() -> None:
    kind = ChannelKind.WHATSAPP
    examples = list(webhook_examples().values())
    async with sink() as receiver, standins(standin_config(receiver.url)) as servers:
        for body in examples:
            await servers.control(kind, "event", body=body)
        got = await receiver.wait_for(len(examples))
    assert [json.loads(body) for _, body in got] == examples


USER = {
    "id": 4242,
    "is_bot": False,
    "first_name": "Ana",
    "last_name": "Silva",
    "username": "ana",
    "language_code": "fi",
}
CHAT = {"id": 4242, "type": "private", "first_name": "Ana", "last_name": "Silva", "username": "ana"}
BASE = {"message_id": 5, "from": USER, "chat": CHAT, "date": 1_795_348_740}
FILE = {"file_id": "AgAD", "file_unique_id": "AQAD"}
BOT = {"id": 123456, "is_bot": True, "first_name": "Shop", "username": "shop_bot"}
CONTENTS: list[tuple[dict[str, Any], str]] = [
    ({"text": "hi", "entities": [{"type": "bold", "offset": 0, "length": 2}]}, "hi"),
    ({"photo": [{**FILE, "width": 90, "height": 51}], "caption": "bike"}, "[photo] bike"),
    ({"document": {**FILE, "file_name": "a.pdf", "mime_type": "application/pdf"}}, "[document] a.pdf"),
    ({"voice": {**FILE, "duration": 3}}, "[voice message]"),
    (
        {
            "sticker": {
                **FILE,
                "type": "regular",
                "width": 5,
                "height": 5,
                "is_animated": False,
                "is_video": False,
                "emoji": "🙂",
            }
        },
        "[sticker] 🙂",
    ),
    ({"location": {"latitude": 60.45, "longitude": 22.27}}, "[location] 60.45000, 22.27000"),
    ({"contact": {"phone_number": "+358401234567", "first_name": "Bo"}}, "[contact] Bo +358401234567"),
    ({"dice": {"emoji": "🎲", "value": 4}}, "[dice] 🎲 4"),
    ({"text": "why?", "reply_to_message": {**BASE, "message_id": 4, "text": "hello"}}, "why?"),
]


@pytest.mark.parametrize(("content", "text"), CONTENTS)
def test_telegram_updates(content: dict[str, Any], text: str) -> None:
    update = {"update_id": 9, "message": {**BASE, **content}}
    assert specs().telegram_update_problem(update) == ""
    (event,) = adapter(ChannelKind.TELEGRAM).parse(json.dumps(update).encode(), NOW)
    assert isinstance(event, InboundMessage)
    assert (event.text, event.name, event.address) == (text, "Ana Silva", "4242")


def test_other_telegram_updates() -> None:
    change = {
        "chat": CHAT,
        "from": USER,
        "date": 1_795_348_740,
        "old_chat_member": {"status": "member", "user": BOT},
        "new_chat_member": {"status": "kicked", "user": BOT, "until_date": 0},
    }
    query = {"id": "1", "from": USER, "message": {**BASE, "text": "pick"}, "chat_instance": "1", "data": "yes"}
    edited = {**BASE, "edit_date": 1_795_348_750, "text": "hi!"}
    for update in ({"my_chat_member": change}, {"callback_query": query}, {"edited_message": edited}):
        assert specs().telegram_update_problem({"update_id": 9, **update}) == ""
    parse = adapter(ChannelKind.TELEGRAM).parse
    (left,) = parse(json.dumps({"update_id": 9, "my_chat_member": change}).encode(), NOW)
    (button,) = parse(json.dumps({"update_id": 9, "callback_query": query}).encode(), NOW)
    assert isinstance(left, SubscriptionEvent)
    assert isinstance(button, InboundMessage)
    assert (left.started, button.kind) == (False, InboundKind.POSTBACK)


async def test_updates_of_the_stand_in() -> None:
    kind = ChannelKind.TELEGRAM
    async with sink() as receiver, standins(standin_config(receiver.url)) as servers:
        await servers.control(kind, "say", address="4242", text="hi", username="ana")
        await servers.control(kind, "members", address="4242", blocked=True)
        await servers.control(kind, "members", address="4242", blocked=False)
        got = await receiver.wait_for(3)
    for _, body in got:
        assert specs().telegram_update_problem(json.loads(body)) == ""


@pytest.mark.parametrize("text", ["hello", "é 😀\n\x1b[0m" * 100])
async def test_our_line_requests_and_what_the_stand_in_answers(text: str) -> None:
    assert specs().line_push_problem(line.request(outgoing(LINE, text))) == ""
    async with standins(standin_config()) as servers:
        answers = []
        for key in ("5a0b3c6e-59a4-4d6c-9a44-0e6a1f0f2b11", "5a0b3c6e-59a4-4d6c-9a44-0e6a1f0f2b11", "odd"):
            headers = {"Authorization": "Bearer line/token+A=", "X-Line-Retry-Key": key}
            url = f"{servers.base(LINE)}/v2/bot/message/push"
            reply = await Http().post_json(url, headers, line.request(outgoing(LINE, text)))
            assert isinstance(reply, HttpReply)
            answers.append((reply.status, reply.body))
    assert [status for status, _ in answers] == [200, 409, 400]
    assert specs().line_answer_problem(answers[0][1]) == ""
    assert [specs().line_error_problem(body) for _, body in answers[1:]] == ["", ""]


MEDIA = {"contentProvider": {"type": "line"}, "quoteToken": "q"}
STICKER = {"packageId": "1", "stickerId": "2", "stickerResourceType": "STATIC", "quoteToken": "q"}
LINE_EVENTS: list[tuple[dict[str, Any], str]] = [
    (event("message", message={"id": "1", "type": "text", "text": "hi (hello)", "quoteToken": "q"}), "hi (hello)"),
    (event("message", message={"id": "1", "type": "image", **MEDIA}), "[photo]"),
    (event("message", message={"id": "1", "type": "video", "duration": 1, **MEDIA}), "[video]"),
    (event("message", message={"id": "1", "type": "audio", "contentProvider": {"type": "line"}}), "[audio]"),
    (event("message", message={"id": "1", "type": "file", "fileName": "a.pdf", "fileSize": 9}), "[document] a.pdf"),
    (event("message", message={"id": "1", "type": "sticker", "keywords": ["Bye"], **STICKER}), "[sticker] Bye"),
    (
        event("message", message={"id": "1", "type": "location", "title": "Kafé", "latitude": 60.4, "longitude": 22.2}),
        "[location] Kafé",
    ),
    (
        event("postback", replyToken="r", postback={"data": "yes", "params": {"date": "2026-12-01"}}),
        "[button] yes 2026-12-01",
    ),
    (event("follow", replyToken="r", follow={"isUnblocked": True}), "follow"),
    (event("unfollow"), "unfollow"),
    (event("unsend", unsend={"messageId": "1"}), "unsend"),
    (event("join", "group", replyToken="r"), ""),
    (event("leave", "group"), ""),
    (event("message", "room", message={"id": "1", "type": "text", "text": "all", "quoteToken": "q"}), ""),
    (event("beacon", replyToken="r", beacon={"hwid": "1", "type": "enter"}), ""),
    (event("accountLink", link={"result": "ok", "nonce": "n"}), ""),
    (event("videoPlayComplete", replyToken="r", videoPlayComplete={"trackingId": "t"}), ""),
    (event("membership", replyToken="r", membership={"type": "left", "membershipId": 1}), ""),
]


def in_words(event: ChannelEvent) -> str:
    match event:
        case InboundMessage():
            return event.text
        case SubscriptionEvent():
            return "follow" if event.started else "unfollow"
        case _:
            return "unsend" if isinstance(event, DeletedEvent) else "?"


@pytest.mark.parametrize(("given", "told"), LINE_EVENTS, ids=[given["type"] for given, _ in LINE_EVENTS])
def test_line_webhooks(given: dict[str, Any], told: str) -> None:
    body = line_body(given)
    assert specs().line_webhook_problem(body) == ""
    found = adapter(LINE).parse(json.dumps(body).encode(), NOW)
    assert "".join(map(in_words, found)) == told


async def test_line_webhooks_of_the_stand_in() -> None:
    async with sink() as receiver, standins(standin_config(receiver.url)) as servers:
        await servers.control(LINE, "say", address=USER_ID, text="hi")
        await servers.control(LINE, "members", address=USER_ID, blocked=True)
        await servers.control(LINE, "members", address=USER_ID, blocked=False)
        got = await receiver.wait_for(3)
    for _, body in got:
        assert specs().line_webhook_problem(json.loads(body)) == ""
    assert len({json.loads(body)["events"][0]["webhookEventId"] for _, body in got}) == 3
