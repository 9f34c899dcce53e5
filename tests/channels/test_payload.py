"""Hostile bodies: whatever comes, an adapter returns events or raises PayloadError, and its texts can be stored."""

from __future__ import annotations

import contextlib
import json
from dataclasses import fields
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.channels.support import CONFIG, KINDS, NOW, adapter
from tui_inbox.channels.port import PayloadError
from tui_inbox.domain.events import ChannelEvent, InboundMessage
from tui_inbox.domain.kinds import ChannelKind

LINE = ChannelKind.LINE
OBJECTS = {ChannelKind.WHATSAPP: "whatsapp_business_account", ChannelKind.INSTAGRAM: "instagram"}
BOMBS = {
    "empty": b"",
    "not json": b"hello",
    "half": b'{"object":',
    "utf-16": '{"update_id":1}'.encode("utf-16"),
    "latin-1": '{"update_id":1,"x":"é"}'.encode("latin-1"),
    "array": b"[]",
    "text": b'"x"',
    "null": b"null",
    "nan": b'{"update_id":1,"x":NaN}',
    "infinity": b'{"update_id":1,"x":-Infinity}',
    "digits": b'{"update_id":1,"x":' + b"9" * 5000 + b"}",
    "deep arrays": b"[" * 200_000 + b"]" * 200_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep inside": b'{"update_id":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS.keys())
def test_bombs(kind: ChannelKind, body: bytes) -> None:
    with pytest.raises(PayloadError):
        adapter(kind).parse(body, NOW)


@pytest.mark.parametrize("kind", [ChannelKind.WHATSAPP, ChannelKind.INSTAGRAM])
@pytest.mark.parametrize("body", [{}, {"object": "page", "entry": []}, {"object": 5}, {"entry": []}])
def test_bodies_of_another_kind(kind: ChannelKind, body: dict[str, Any]) -> None:
    with pytest.raises(PayloadError):
        adapter(kind).parse(json.dumps(body).encode(), NOW)
    with pytest.raises(PayloadError):
        adapter(kind).parse(json.dumps({"object": OBJECTS[kind], "entry": {}}).encode(), NOW)


@pytest.mark.parametrize("body", [{}, {"destination": "U1"}, {"destination": "U1", "events": {}}, {"events": []}])
def test_bodies_that_are_not_of_line(body: dict[str, Any]) -> None:
    with pytest.raises(PayloadError):
        adapter(LINE).parse(json.dumps(body).encode(), NOW)


def test_an_empty_batch_is_no_error() -> None:
    for kind, name in OBJECTS.items():
        assert list(adapter(kind).parse(json.dumps({"object": name, "entry": []}).encode(), NOW)) == []
    assert list(adapter(LINE).parse(b'{"destination":"U1","events":[]}', NOW)) == []


def test_lone_surrogates_and_nul_become_a_sign_that_can_be_stored() -> None:
    message = rb'{"message_id":5,"date":1,"chat":{"id":9,"type":"private"},"text":"a\ud800b\u0000c"}'
    body = b'{"update_id":1,"message":%s}' % message
    (event,) = adapter(ChannelKind.TELEGRAM).parse(body, NOW)
    assert isinstance(event, InboundMessage)
    assert event.text == "a\ufffdb\ufffdc"


def check(event: ChannelEvent) -> None:
    """Every text can be written as UTF-8 and has no NUL; every time is aware; keys are there."""
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, str):
            assert "\x00" not in value
            value.encode("utf-8")
        if isinstance(value, datetime):
            assert value.tzinfo is not None
    assert event.key


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["\ud800", "private", "messages", "text", "1795348740", "-1", "9" * 30, "\x1b]52;c;x\x07"])
)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


def shaped(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """An object with some of the fields that an adapter looks at, each holding anything."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, ANYTHING))


MESSAGE = shaped(
    "from", "from_user_id", "id", "timestamp", "type", "text", "image", "location", "contacts", "order", "group_id"
)
VALUE = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.just({"phone_number_id": CONFIG[ChannelKind.WHATSAPP]["phone_number_id"]}) | ANYTHING,
        "contacts": st.lists(shaped("wa_id", "user_id", "profile"), max_size=2) | ANYTHING,
        "messages": st.lists(MESSAGE, max_size=3) | ANYTHING,
        "statuses": st.lists(shaped("id", "status", "timestamp", "errors", "recipient_id"), max_size=3) | ANYTHING,
        "calls": st.lists(shaped("id", "from", "timestamp", "direction"), max_size=2) | ANYTHING,
        "event": ANYTHING,
        "message_template_name": ANYTHING,
        "message_template_language": ANYTHING,
    },
)
FIELDS = st.sampled_from(["messages", "calls", "message_template_status_update"]) | ANYTHING
CHANGE = st.fixed_dictionaries({"field": FIELDS, "value": VALUE | ANYTHING})
ITEM = st.fixed_dictionaries(
    {"sender": shaped("id") | st.just({"id": "1"}), "recipient": shaped("id") | st.just({"id": "2"})},
    optional={
        "timestamp": ANYTHING,
        "message": shaped("mid", "text", "attachments", "is_echo", "is_deleted", "reply_to") | ANYTHING,
        "read": shaped("mid", "watermark") | ANYTHING,
        "reaction": shaped("mid", "action", "emoji") | ANYTHING,
        "postback": shaped("mid", "title", "payload") | ANYTHING,
    },
)
EVENT = st.fixed_dictionaries(
    {
        "source": st.just({"type": "user", "userId": "U1"}) | shaped("type", "userId"),
        "type": st.sampled_from(["message", "postback", "follow", "unfollow", "unsend", "join"]) | ANYTHING,
    },
    optional={
        "timestamp": ANYTHING,
        "webhookEventId": ANYTHING,
        "message": shaped("id", "type", "text", "fileName", "keywords", "title", "latitude", "longitude") | ANYTHING,
        "postback": shaped("data", "params") | ANYTHING,
        "unsend": shaped("messageId") | ANYTHING,
    },
)
CHATS = st.just({"id": 9, "type": "private"}) | shaped("id", "type")
PERSONS = shaped("id", "first_name", "last_name", "username") | ANYTHING
BODIES = {
    ChannelKind.WHATSAPP: st.fixed_dictionaries(
        {
            "object": st.just("whatsapp_business_account"),
            "entry": st.lists(st.fixed_dictionaries({"changes": st.lists(CHANGE, max_size=3) | ANYTHING}), max_size=2),
        }
    ),
    ChannelKind.INSTAGRAM: st.fixed_dictionaries(
        {
            "object": st.just("instagram"),
            "entry": st.lists(st.fixed_dictionaries({"messaging": st.lists(ITEM, max_size=3) | ANYTHING}), max_size=2),
        }
    ),
    LINE: st.fixed_dictionaries({"destination": st.just("U1"), "events": st.lists(EVENT, max_size=3) | ANYTHING}),
    ChannelKind.TELEGRAM: st.fixed_dictionaries(
        {"update_id": st.integers(0, 2**31)},
        optional={
            "message": st.fixed_dictionaries(
                {"chat": CHATS, "message_id": st.integers(1, 99) | ANYTHING},
                optional={"from": PERSONS, "date": ANYTHING, "text": ANYTHING, "photo": ANYTHING, "venue": ANYTHING},
            )
            | ANYTHING,
            "my_chat_member": st.fixed_dictionaries(
                {"chat": CHATS, "new_chat_member": shaped("status"), "date": ANYTHING}
            ),
            "callback_query": st.fixed_dictionaries({"id": ANYTHING, "from": PERSONS}, optional={"data": ANYTHING}),
        },
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=300)
@given(data=st.data())
def test_parse_raises_nothing_but_payload_error(kind: ChannelKind, data: st.DataObject) -> None:
    body = json.dumps(data.draw(BODIES[kind] | ANYTHING)).encode()
    try:
        events = adapter(kind).parse(body, NOW)
    except PayloadError:
        return
    for event in events:
        check(event)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=200)
@given(body=st.binary(max_size=200))
def test_parse_of_any_bytes(kind: ChannelKind, body: bytes) -> None:
    with contextlib.suppress(PayloadError):
        adapter(kind).parse(body, NOW)
