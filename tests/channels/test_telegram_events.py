"""Reading Telegram's updates."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.channels.support import NOW, adapter
from tui_inbox.channels.port import PayloadError
from tui_inbox.domain.events import ChannelEvent, InboundMessage, SubscriptionEvent
from tui_inbox.domain.kinds import ChannelKind, InboundKind

AT = datetime(2026, 11, 22, 11, 59, tzinfo=UTC)
STAMP = int(AT.timestamp())
ANA = {"id": 4242, "is_bot": False, "first_name": "Ana", "last_name": "Silva", "username": "ana_s"}
CHAT = {"id": 4242, "type": "private", "first_name": "Ana"}


def parse(update: dict[str, Any]) -> list[ChannelEvent]:
    return list(adapter(ChannelKind.TELEGRAM).parse(json.dumps({"update_id": 77, **update}).encode(), NOW))


def message(**content: Any) -> dict[str, Any]:
    return {"message": {"message_id": 5, "from": ANA, "chat": CHAT, "date": STAMP, **content}}


def test_a_text_message() -> None:
    assert parse(message(text="hi")) == [
        InboundMessage(
            address="4242",
            key="update:77",
            provider_id="4242:5",
            at=AT,
            text="hi",
            name="Ana Silva",
            username="ana_s",
        )
    ]


PERSON = {"first_name": "Bo", "phone_number": "+358 40"}
PLACE = {"latitude": 60.45, "longitude": 22.27}


@pytest.mark.parametrize(
    ("content", "text", "attachments"),
    [
        ({"photo": [{"file_id": "x"}], "caption": "my bike"}, "[photo] my bike", ("photo",)),
        ({"document": {"file_name": "a.pdf"}}, "[document] a.pdf", ("document",)),
        ({"animation": {}, "document": {}}, "[animation]", ("animation",)),
        ({"sticker": {"emoji": "🙂"}}, "[sticker] 🙂", ("sticker",)),
        ({"voice": {}}, "[voice message]", ("voice message",)),
        ({"video_note": {}}, "[video message]", ("video message",)),
        ({"video": {}}, "[video]", ("video",)),
        ({"audio": {"file_name": "s.mp3"}}, "[audio] s.mp3", ("audio",)),
        ({"contact": PERSON}, "[contact] Bo +358 40", ("contact",)),
        ({"location": PLACE}, "[location] 60.45000, 22.27000", ("location",)),
        (
            {"location": PLACE, "venue": {"title": "Kafé", "address": "Aura 1"}},
            "[location] Kafé, Aura 1",
            ("location",),
        ),
        ({"poll": {"question": "When?"}}, "[poll] When?", ("poll",)),
        ({"dice": {"emoji": "🎲", "value": 4}}, "[dice] 🎲 4", ()),
        ({"new_thing": {}}, "[unsupported message]", ("unsupported",)),
        ({}, "[unsupported message]", ("unsupported",)),
    ],
)
def test_every_type_has_a_line(content: dict[str, Any], text: str, attachments: tuple[str, ...]) -> None:
    (event,) = parse(message(**content))
    assert isinstance(event, InboundMessage)
    assert (event.text, event.attachments) == (text, attachments)


@pytest.mark.parametrize("text", ["/start", "/start shop42"])
def test_starting_the_bot_is_a_message_and_a_subscription(text: str) -> None:
    subscription, event = parse(message(text=text))
    assert isinstance(subscription, SubscriptionEvent)
    assert isinstance(event, InboundMessage)
    assert (subscription.address, subscription.started, event.text) == ("4242", True, text)
    assert subscription.key != event.key


def test_starting_is_not_in_the_middle_of_a_text() -> None:
    assert len(parse(message(text="how do I /start ?"))) == 1
    assert len(parse(message(text="/starting"))) == 1


@pytest.mark.parametrize(("status", "started"), [("kicked", False), ("left", False), ("member", True)])
def test_blocking_and_unblocking(status: str, started: bool) -> None:
    change = {"chat": CHAT, "from": ANA, "date": STAMP, "new_chat_member": {"status": status, "user": {"id": 1}}}
    assert parse({"my_chat_member": change}) == [SubscriptionEvent("4242", "update:77", AT, started, name="Ana Silva")]


def test_a_button_is_a_postback() -> None:
    (event,) = parse({"callback_query": {"id": "9", "from": ANA, "message": {"chat": CHAT}, "data": "yes"}})
    assert isinstance(event, InboundMessage)
    assert (event.kind, event.text, event.address, event.at) == (InboundKind.POSTBACK, "[button] yes", "4242", NOW)
    (inline,) = parse({"callback_query": {"id": "9", "from": ANA, "data": "yes"}})
    assert isinstance(inline, InboundMessage)
    assert inline.address == "4242"


@pytest.mark.parametrize("kind", ["group", "supergroup", "channel", None, 5])
def test_only_private_chats_count(kind: Any) -> None:
    chat = CHAT | {"type": kind}
    assert parse(message(text="x") | {"message": {**message(text="x")["message"], "chat": chat}}) == []
    change = {"chat": chat, "from": ANA, "date": STAMP, "new_chat_member": {"status": "kicked"}}
    assert parse({"my_chat_member": change}) == []
    assert parse({"callback_query": {"id": "9", "from": ANA, "message": {"chat": chat}, "data": "yes"}}) == []


@pytest.mark.parametrize("field", ["edited_message", "channel_post", "poll", "chat_member", "anything"])
def test_other_updates_change_nothing(field: str) -> None:
    assert parse({field: message(text="x")["message"]}) == []


def test_the_same_message_in_two_updates_has_one_provider_id() -> None:
    first, second = parse(message(text="x")), parse({**message(text="x"), "update_id": 78})
    assert isinstance(first[0], InboundMessage)
    assert isinstance(second[0], InboundMessage)
    assert first[0].provider_id == second[0].provider_id
    assert first[0].key != second[0].key


@pytest.mark.parametrize("number", [None, "x", 1.5, True, {}, 10**30])
def test_what_has_no_number_is_no_update(number: Any) -> None:
    with pytest.raises(PayloadError):
        parse({"update_id": number})
