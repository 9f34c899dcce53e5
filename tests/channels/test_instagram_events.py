"""Reading Instagram's webhooks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.channels.support import NOW, adapter
from tui_inbox.domain.events import ChannelEvent, DeletedEvent, EchoEvent, InboundMessage, ReceiptEvent
from tui_inbox.domain.kinds import ChannelKind, InboundKind, Receipt

AT = datetime(2026, 11, 22, 11, 59, 0, 250_000, tzinfo=UTC)
STAMP = 1_795_348_740_250
CUSTOMER, ACCOUNT = "6400000000000001", "17841400000000000"


def parse(*items: Any, field: str = "messaging") -> list[ChannelEvent]:
    body = {"object": "instagram", "entry": [{"id": ACCOUNT, "time": STAMP, field: list(items)}]}
    return list(adapter(ChannelKind.INSTAGRAM).parse(json.dumps(body).encode(), NOW))


def item(**content: Any) -> dict[str, Any]:
    return {"sender": {"id": CUSTOMER}, "recipient": {"id": ACCOUNT}, "timestamp": STAMP, **content}


def test_a_text_message() -> None:
    assert parse(item(message={"mid": "m1", "text": "hej"})) == [
        InboundMessage(address=CUSTOMER, key="message:m1", provider_id="m1", at=AT, text="hej")
    ]


@pytest.mark.parametrize(
    ("message", "text", "attachments"),
    [
        ({"attachments": [{"type": "image"}]}, "[photo]", ("photo",)),
        ({"attachments": [{"type": "image"}, {"type": "video"}]}, "[photo] [video]", ("photo", "video")),
        ({"attachments": [{"type": "story_mention"}]}, "[story mention]", ("story mention",)),
        ({"attachments": [{"type": "share"}], "text": "look"}, "[shared post] look", ("shared post",)),
        ({"attachments": [{"type": "hologram"}]}, "[hologram]", ("hologram",)),
        ({"attachments": [{}]}, "[attachment]", ("attachment",)),
        ({"reply_to": {"story": {"id": "1"}}, "text": "nice"}, "[reply to your story] nice", ()),
        ({"reply_to": {"mid": "m0"}, "text": "yes"}, "yes", ()),
        ({"is_unsupported": True}, "[unsupported message]", ("unsupported message",)),
        ({}, "[unsupported message]", ()),
        ({"text": 5, "attachments": "odd"}, "5", ()),
    ],
)
def test_every_type_has_a_line(message: dict[str, Any], text: str, attachments: tuple[str, ...]) -> None:
    (event,) = parse(item(message={"mid": "m1", **message}))
    assert isinstance(event, InboundMessage)
    assert (event.text, event.attachments) == (text, attachments)


def test_an_echo_is_ours_and_belongs_to_the_customer() -> None:
    echo = item(message={"mid": "m1", "text": "hello", "is_echo": True, "app_id": 5, "metadata": "our-id"})
    echo |= {"sender": {"id": ACCOUNT}, "recipient": {"id": CUSTOMER}}
    assert parse(echo) == [EchoEvent(CUSTOMER, "echo:m1", "m1", AT, "hello", echo="our-id")]


def test_an_unsent_message() -> None:
    assert parse(item(message={"mid": "m1", "is_deleted": True})) == [DeletedEvent(CUSTOMER, "deleted:m1", "m1", AT)]


def test_seen_by_id_and_by_watermark() -> None:
    by_id, by_time = parse(item(read={"mid": "m1"}), item(read={"watermark": STAMP}))
    assert by_id == ReceiptEvent("read:m1", AT, Receipt.READ, provider_id="m1", address=CUSTOMER)
    assert isinstance(by_time, ReceiptEvent)
    assert (by_time.watermark, by_time.provider_id, by_time.address) == (AT, "", CUSTOMER)


def test_postback_and_reaction_renew_the_window() -> None:
    button, heart = parse(
        item(postback={"mid": "m5", "title": "Talk to us", "payload": "TALK"}),
        item(reaction={"mid": "m1", "action": "react", "reaction": "love", "emoji": "❤"}),
    )
    assert isinstance(button, InboundMessage)
    assert isinstance(heart, InboundMessage)
    assert (button.kind, button.text, button.provider_id) == (InboundKind.POSTBACK, "Talk to us", "m5")
    assert (heart.kind, heart.text) == (InboundKind.REACTION, "[reaction] ❤")
    assert heart.provider_id != "m1"


def test_a_postback_without_an_id_has_a_key_of_its_own() -> None:
    first, second = parse(item(postback={"payload": "A"}), item(postback={"payload": "A"}) | {"timestamp": STAMP + 1})
    assert first.key != second.key


def test_what_is_no_event() -> None:
    assert parse(item(reaction={"mid": "m1", "action": "unreact"}), item(read={"odd": 1}), item(), 5, None) == []
    assert parse(item(message={"text": "no id"}), item(message={"mid": "m1"}) | {"sender": None}) == []
    assert parse(item(read={"mid": "m1"}) | {"sender": {}}) == []
    assert parse(item(message={"mid": "m1", "text": "x"}), field="standby") == []


def test_tests_of_the_app_dashboard_come_as_changes() -> None:
    value = {**item(message={"mid": "m1", "text": "x"}), "timestamp": "1795348740"}
    (event,) = parse({"field": "messages", "value": value}, field="changes")
    assert event.at == AT.replace(microsecond=0)


def test_every_entry_and_item_of_a_batch() -> None:
    entries = [{"messaging": [item(message={"mid": f"{e}{n}", "text": f"{e}{n}"}) for n in range(3)]} for e in range(3)]
    body = json.dumps({"object": "instagram", "entry": entries}).encode()
    assert len(adapter(ChannelKind.INSTAGRAM).parse(body, NOW)) == 9
