"""Reading WhatsApp's webhooks: every type of message, statuses, calls, templates, users without a number."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.channels.support import NOW, adapter
from tui_inbox.channels.port import PayloadError
from tui_inbox.domain.events import ChannelEvent, InboundMessage, ReceiptEvent, TemplateChanged
from tui_inbox.domain.kinds import ChannelKind, ErrorClass, InboundKind, Receipt

AT = datetime(2026, 11, 22, 11, 59, tzinfo=UTC)
STAMP = str(int(AT.timestamp()))
NUMBER = "106540352242922"


def change(field: str = "messages", **value: Any) -> dict[str, Any]:
    return {"field": field, "value": {"metadata": {"phone_number_id": NUMBER}, **value}}


def parse(*changes: Any) -> list[ChannelEvent]:
    body = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": list(changes)}]}
    return list(adapter(ChannelKind.WHATSAPP).parse(json.dumps(body).encode(), NOW))


def message(kind: str = "text", **content: Any) -> dict[str, Any]:
    return {"from": "16505551234", "id": "wamid.1", "timestamp": STAMP, "type": kind, **content}


def one(item: dict[str, Any], *people: dict[str, Any]) -> InboundMessage:
    (event,) = parse(change(messages=[item], contacts=list(people)))
    assert isinstance(event, InboundMessage)
    return event


def test_a_text_message() -> None:
    person = {"wa_id": "16505551234", "profile": {"name": "Sheena Nelson", "username": "sheena"}}
    assert one(message(text={"body": "Does it come in\nblue?"}), person) == InboundMessage(
        address="+16505551234",
        key="message:wamid.1",
        provider_id="wamid.1",
        at=AT,
        text="Does it come in\nblue?",
        name="Sheena Nelson",
        username="sheena",
        phone="+16505551234",
    )


MEDIA = {"id": "1", "mime_type": "x/y", "sha256": "z"}
PLACE = {"latitude": 37.442214, "longitude": -122.161659}


@pytest.mark.parametrize(
    ("item", "text", "attachments"),
    [
        (message("image", image=MEDIA), "[photo]", ("photo",)),
        (message("image", image={**MEDIA, "caption": "Taj Mahal"}), "[photo] Taj Mahal", ("photo",)),
        (message("audio", audio=MEDIA), "[audio]", ("audio",)),
        (message("audio", audio={**MEDIA, "voice": True}), "[voice message]", ("voice message",)),
        (message("video", video=MEDIA), "[video]", ("video",)),
        (message("sticker", sticker=MEDIA), "[sticker]", ("sticker",)),
        (message("document", document={**MEDIA, "filename": "a.pdf"}), "[document] a.pdf", ("document",)),
        (message("location", location=PLACE), "[location] 37.44221, -122.16166", ("location",)),
        (
            message("location", location={**PLACE, "name": "Philz", "address": "101 Forest Ave"}),
            "[location] Philz, 101 Forest Ave",
            ("location",),
        ),
        (message("location", location={"latitude": "x"}), "[location]", ("location",)),
        (
            message("contacts", contacts=[{"name": {"formatted_name": "Lu G"}, "phones": [{"phone": "+1 9"}]}]),
            "[contact] Lu G +1 9",
            ("contact",),
        ),
        (message("button", button={"payload": "stop", "text": "Unsubscribe"}), "Unsubscribe", ()),
        (message("button", button={"payload": "stop"}), "[button] stop", ()),
        (message("interactive", interactive={"list_reply": {"id": "a", "title": "Express"}}), "Express", ()),
        (message("interactive", interactive={"button_reply": {"id": "a", "title": "Cancel"}}), "Cancel", ()),
        (message("interactive", interactive={"nfm_reply": {"body": "Sent"}}), "[form] Sent", ()),
        (message("interactive", interactive={"type": "new"}), "[choice]", ()),
        (message("reaction", reaction={"message_id": "x", "emoji": "👍"}), "[reaction] 👍", ()),
        (message("reaction", reaction={"message_id": "x"}), "[reaction removed]", ()),
        (message("order", order={"product_items": [{}, {}], "text": "soon?"}), "[order] 2 products soon?", ("order",)),
        (message("order", order={"product_items": [{}]}), "[order] 1 product", ("order",)),
        (message("unsupported", errors=[{"code": 131051}]), "[unsupported message: unsupported]", ("unsupported",)),
        (message("hologram"), "[unsupported message: hologram]", ("unsupported",)),
        (message("unsupported", unsupported={"type": "poll"}), "[unsupported message: poll]", ("unsupported",)),
        (message("image", image="odd"), "[photo]", ("photo",)),
        (message("text", text=None), "", ()),
        ({**message(), "type": 5}, "[unsupported message: 5]", ("unsupported",)),
    ],
)
def test_every_type_has_a_line(item: dict[str, Any], text: str, attachments: tuple[str, ...]) -> None:
    event = one(item)
    assert (event.text, event.attachments) == (text, attachments)


def test_kinds_of_events() -> None:
    assert one(message("reaction", reaction={"emoji": "👍"})).kind is InboundKind.REACTION
    assert one(message("system", system={"body": "changed number"})).kind is InboundKind.FOLLOW
    assert one(message("hologram")).kind is InboundKind.MESSAGE


@pytest.mark.parametrize(
    ("item", "person", "address", "phone"),
    [
        ({"from_user_id": "US.1234"}, {"user_id": "US.1234"}, "US.1234", ""),
        ({}, {"user_id": "US.1234"}, "US.1234", ""),
        ({"from": "US.1234"}, {"user_id": "US.1234"}, "US.1234", ""),
        ({"from_user_id": "US.1234"}, {"user_id": "US.1234", "wa_id": "16505551234"}, "US.1234", "+16505551234"),
        ({"from": "16505551234", "from_user_id": "US.1234"}, {}, "+16505551234", "+16505551234"),
    ],
)
def test_users_without_a_number(item: dict[str, Any], person: dict[str, Any], address: str, phone: str) -> None:
    base = {key: value for key, value in message(text={"body": "x"}).items() if key != "from"}
    event = one(base | item, person | {"profile": {"name": "Ana"}})
    assert (event.address, event.phone, event.name) == (address, phone, "Ana")


def test_names_belong_to_who_wrote() -> None:
    people = [{"wa_id": str(n), "profile": {"name": f"name {n}"}} for n in range(10_001, 10_004)]
    items = [message(text={"body": "x"}) | {"from": str(n), "id": f"m{n}"} for n in (10_003, 10_001, 10_009)]
    events = parse(change(messages=items, contacts=people))
    assert [event.name for event in events if isinstance(event, InboundMessage)] == ["name 10003", "name 10001", ""]


@pytest.mark.parametrize("broken", [{"id": ""}, {"id": None}, {"from": None}, {"from": {}}, {"group_id": "G"}])
def test_what_has_no_sender_or_id_or_is_of_a_group_is_left_out(broken: dict[str, Any]) -> None:
    assert parse(change(messages=[message() | broken, 5, None, "x"])) == []


@pytest.mark.parametrize(
    "stamp",
    ["", "x", None, {}, [], "9" * 15, "9" * 500, -5, "0", 1.5, True],
)
def test_nonsense_times_are_taken_at_arrival(stamp: Any) -> None:
    assert one(message() | {"timestamp": stamp}).at == NOW


def test_a_time_in_the_future_is_told_as_it_is() -> None:
    """The receiver takes it at its arrival, and must see that a clock is wrong."""
    ahead = NOW + timedelta(hours=1)
    assert one(message() | {"timestamp": str(int(ahead.timestamp()))}).at == ahead


def test_old_and_slightly_early_times_are_kept() -> None:
    old = NOW - timedelta(days=9)
    assert one(message() | {"timestamp": str(int(old.timestamp()))}).at == old
    soon = NOW + timedelta(minutes=9)
    assert one(message() | {"timestamp": int(soon.timestamp())}).at == soon


def status(name: str, **more: Any) -> dict[str, Any]:
    return {"id": "wamid.2", "status": name, "timestamp": STAMP, "recipient_id": "16505551234", **more}


@pytest.mark.parametrize(
    ("name", "receipt"),
    [
        ("sent", Receipt.SENT),
        ("delivered", Receipt.DELIVERED),
        ("read", Receipt.READ),
        ("played", Receipt.READ),
    ],
)
def test_receipts(name: str, receipt: Receipt) -> None:
    assert parse(change(statuses=[status(name, biz_opaque_callback_data="our-id")])) == [
        ReceiptEvent(
            key=f"status:wamid.2:{name}",
            at=AT,
            receipt=receipt,
            provider_id="wamid.2",
            echo="our-id",
            address="+16505551234",
        )
    ]


@pytest.mark.parametrize(
    ("errors", "error_class", "code"),
    [
        ([{"code": 131047, "title": "Re-engagement message"}], ErrorClass.WINDOW_CLOSED, "131047"),
        ([{"code": 131026}], ErrorClass.UNREACHABLE, "131026"),
        ([{"code": 131042}], ErrorClass.QUOTA, "131042"),
        ([{"code": 131000}], ErrorClass.TEMPORARY, "131000"),
        ([{"code": 999999}], ErrorClass.INTERNAL, "999999"),
        ([], ErrorClass.INTERNAL, "unknown"),
        ("odd", ErrorClass.INTERNAL, "unknown"),
    ],
)
def test_failures_after_acceptance(errors: Any, error_class: ErrorClass, code: str) -> None:
    (event,) = parse(change(statuses=[status("failed", errors=errors)]))
    assert isinstance(event, ReceiptEvent)
    assert (event.receipt, event.error_class, event.error_code) == (Receipt.NONE, error_class, code)
    assert event.error_text.endswith(".")
    assert "tried again by itself" not in event.error_text


def test_unknown_statuses_are_left_out() -> None:
    assert parse(change(statuses=[status("warning"), status("deleted"), status("sent", id=None), 7])) == []


def test_a_call_renews_the_window_and_is_one_entry() -> None:
    call = {"id": "c1", "from": "16505551234", "event": "connect", "timestamp": STAMP, "direction": "USER_INITIATED"}
    events = parse(change("calls", calls=[call, call | {"event": "terminate"}]))
    assert {event.key for event in events} == {"call:c1"}
    assert isinstance(events[0], InboundMessage)
    assert (events[0].kind, events[0].address) == (InboundKind.CALL, "+16505551234")


def test_our_own_call_is_no_event_of_the_customer() -> None:
    call = {"id": "c1", "from": "16505551234", "timestamp": STAMP, "direction": "BUSINESS_INITIATED"}
    assert parse(change("calls", calls=[call])) == []


@pytest.mark.parametrize(
    ("event", "status_after"),
    [
        ("APPROVED", "APPROVED"),
        ("REJECTED", "REJECTED"),
        ("PAUSED", "PAUSED"),
        ("DISABLED", "DISABLED"),
        ("REINSTATED", "APPROVED"),
    ],
)
def test_template_changes(event: str, status_after: str) -> None:
    value = {
        "event": event,
        "message_template_id": 1,
        "message_template_name": "follow_up",
        "message_template_language": "en_US",
        "reason": "NONE" if event == "APPROVED" else "SCAM",
    }
    (found,) = parse({"field": "message_template_status_update", "value": value})
    assert isinstance(found, TemplateChanged)
    assert (found.name, found.language, found.status) == ("follow_up", "en_US", status_after)
    assert found.reason == ("" if event == "APPROVED" else "SCAM")


@pytest.mark.parametrize("value", [{"event": "FLAGGED", "message_template_name": "x"}, {}, {"event": 5}])
def test_template_notices_that_change_nothing(value: dict[str, Any]) -> None:
    assert (
        parse({"field": "message_template_status_update", "value": {**value, "message_template_language": "en"}}) == []
    )


def test_fields_that_concern_nobody_here() -> None:
    assert parse({"field": "user_preferences", "value": {"user_preferences": [{"value": "stop"}]}}) == []
    assert parse({"field": "message_template_quality_update", "value": {}}, {"field": 5, "value": 5}, 5) == []


def test_every_entry_change_and_item_of_a_batch() -> None:
    items = [message(text={"body": str(n)}) | {"id": f"m{n}"} for n in range(12)]
    entries = [
        {"id": str(e), "changes": [change(messages=items[start : start + 2]) for start in (e * 4, e * 4 + 2)]}
        for e in range(3)
    ]
    body = json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()
    events = adapter(ChannelKind.WHATSAPP).parse(body, NOW)
    assert [event.text for event in events if isinstance(event, InboundMessage)] == [str(n) for n in range(12)]


def test_another_number_of_the_same_app() -> None:
    other = {"field": "messages", "value": {"metadata": {"phone_number_id": "42"}, "messages": [message()]}}
    with pytest.raises(PayloadError, match="phone_number_id 42"):
        parse(other)
    assert len(parse(other, change(messages=[message()]))) == 1
