"""Reading LINE's webhooks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.channels.support import ADDRESS, NOW, adapter
from tui_inbox.domain.events import ChannelEvent, DeletedEvent, InboundMessage, SubscriptionEvent
from tui_inbox.domain.kinds import ChannelKind, InboundKind

AT = datetime(2026, 11, 22, 11, 59, 0, 250_000, UTC)
STAMP = 1000 * int(AT.timestamp()) + 250
ANA = ADDRESS[ChannelKind.LINE]


def event(kind: str, ident: str = "E1", **content: Any) -> dict[str, Any]:
    source = {"type": "user", "userId": ANA}
    context = {"isRedelivery": False}
    start = {"type": kind, "mode": "active", "timestamp": STAMP, "source": source, "deliveryContext": context}
    return {**start, "webhookEventId": ident, **content}


def message(**content: Any) -> dict[str, Any]:
    return event("message", message={"id": "77", "type": "text", "text": "hi", **content})


def parse(*events: Any) -> list[ChannelEvent]:
    return list(adapter(ChannelKind.LINE).parse(json.dumps({"destination": "U1", "events": events}).encode(), NOW))


def test_a_text_message() -> None:
    assert parse(message()) == [InboundMessage(address=ANA, key="event:E1", provider_id="77", at=AT, text="hi")]


@pytest.mark.parametrize(
    ("content", "text", "attachments"),
    [
        ({"type": "image"}, "[photo]", ("photo",)),
        ({"type": "video", "text": None}, "[video]", ("video",)),
        ({"type": "audio", "text": None}, "[audio]", ("audio",)),
        ({"type": "file", "fileName": "a.pdf"}, "[document] a.pdf", ("document",)),
        ({"type": "sticker", "text": None}, "[sticker]", ("sticker",)),
        ({"type": "sticker", "text": None, "keywords": ["Bye", "Love"]}, "[sticker] Bye", ("sticker",)),
        ({"type": "sticker", "text": "See you", "keywords": ["Bye"]}, "[sticker] See you", ("sticker",)),
        ({"type": "location", "latitude": 60.45, "longitude": 22.27}, "[location] 60.45000, 22.27000", ("location",)),
        ({"type": "location", "title": "Kafé", "address": "Aura 1"}, "[location] Kafé, Aura 1", ("location",)),
        ({"type": "hologram"}, "[unsupported message]", ("unsupported",)),
        ({"type": None}, "[unsupported message]", ("unsupported",)),
    ],
)
def test_every_type_has_a_line(content: dict[str, Any], text: str, attachments: tuple[str, ...]) -> None:
    (found,) = parse(message(**{"text": None, **content}))
    assert isinstance(found, InboundMessage)
    assert (found.text, found.attachments) == (text, attachments)


@pytest.mark.parametrize(("kind", "started"), [("follow", True), ("unfollow", False)])
def test_friends_come_and_go(kind: str, started: bool) -> None:
    assert parse(event(kind)) == [SubscriptionEvent(ANA, "event:E1", AT, started)]


@pytest.mark.parametrize(
    ("postback", "text"),
    [
        ({"data": "yes"}, "[button] yes"),
        ({"data": "day", "params": {"datetime": "2026-12-01T10:00"}}, "[button] day 2026-12-01T10:00"),
        ({}, "[button]"),
    ],
)
def test_a_button_is_a_postback(postback: dict[str, Any], text: str) -> None:
    first, second = parse(event("postback", postback=postback), event("postback", "E2", postback=postback))
    assert isinstance(first, InboundMessage)
    assert isinstance(second, InboundMessage)
    assert (first.kind, first.text, first.address, first.at) == (InboundKind.POSTBACK, text, ANA, AT)
    assert first.provider_id != second.provider_id, "the same button twice is two events"


def test_a_message_that_was_taken_back() -> None:
    assert parse(event("unsend", unsend={"messageId": "77"})) == [DeletedEvent(ANA, "event:E1", "77", AT)]
    assert parse(event("unsend"), event("unsend", unsend={"messageId": None})) == []


def test_an_event_delivered_again_has_the_same_key() -> None:
    again = {**message(), "deliveryContext": {"isRedelivery": True}}
    assert parse(message()) == parse(again)


def test_an_event_without_an_id_has_a_key_all_the_same() -> None:
    bare = {name: value for name, value in message().items() if name != "webhookEventId"}
    left = {name: value for name, value in event("unfollow").items() if name != "webhookEventId"}
    first, second = parse(bare, left)
    assert (first.key, second.key) == (f"event:message:{ANA}:{STAMP}", f"event:unfollow:{ANA}:{STAMP}")


def test_every_event_of_a_batch_in_order() -> None:
    found = parse(event("follow"), message(), event("join"), 5, None, event("unfollow", "E3"))
    assert [type(item) for item in found] == [SubscriptionEvent, InboundMessage, SubscriptionEvent]


def test_standby_is_read_too() -> None:
    """Another module answers then, but the thread must show what was said."""
    assert parse({**message(), "mode": "standby"}) == parse(message())


@pytest.mark.parametrize(
    "source",
    [{"type": "group", "groupId": "C1", "userId": ANA}, {"type": "room", "userId": ANA}, {"type": "user"}, {}, None],
)
def test_only_people_count(source: Any) -> None:
    assert parse({**message(), "source": source}) == []


@pytest.mark.parametrize("kind", ["join", "leave", "memberJoined", "beacon", "accountLink", "videoPlayComplete", None])
def test_other_events_change_nothing(kind: Any) -> None:
    assert parse({**message(), "type": kind}) == []


def test_a_message_without_an_id_cannot_be_told_from_another() -> None:
    assert parse(message(id=None), event("message")) == []
