"""What Messenger's webhooks say beyond what all channels share: watermarks, echoes, postbacks, templates."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.channels.support import NOW
from tests.conformance.samples import SAMPLE_OF
from tui_inbox.domain.events import ChannelEvent, EchoEvent, InboundMessage, ReceiptEvent, TemplateChanged
from tui_inbox.domain.kinds import ChannelKind, InboundKind, Receipt

ANA, PAGE = "6400000000000002", "107000000000001"
STAMP = 1_763_800_000_123
AT = datetime(2025, 11, 22, 8, 26, 40, 123_000, tzinfo=UTC)


def parse(*items: dict[str, Any], **entry: Any) -> list[ChannelEvent]:
    """Events of one body."""
    body = {"object": "page", "entry": [{"id": PAGE, "time": STAMP, "messaging": list(items), **entry}]}
    return list(SAMPLE_OF[ChannelKind.MESSENGER].adapter().parse(json.dumps(body).encode(), NOW))


def item(sender: str = ANA, **content: Any) -> dict[str, Any]:
    """One event of Ana's, or of the Page's own."""
    return {
        "sender": {"id": sender},
        "recipient": {"id": PAGE if sender == ANA else ANA},
        "timestamp": STAMP,
        **content,
    }


def test_a_delivery_names_messages_and_everything_before_an_instant() -> None:
    found = parse(item(delivery={"mids": ["m_1", "m_2"], "watermark": STAMP - 1000}))
    assert [(event.receipt, event.provider_id) for event in found if isinstance(event, ReceiptEvent)] == [
        (Receipt.DELIVERED, "m_1"),
        (Receipt.DELIVERED, "m_2"),
        (Receipt.DELIVERED, ""),
    ]
    last = found[-1]
    assert isinstance(last, ReceiptEvent)
    assert (last.address, last.watermark) == (ANA, datetime(2025, 11, 22, 8, 26, 39, 123_000, tzinfo=UTC))
    assert len({event.key for event in found}) == 3


def test_a_delivery_without_ids_or_with_odd_ones() -> None:
    for delivery in (
        {"watermark": STAMP},
        {"mids": "m_1", "watermark": STAMP},
        {"mids": [None, {}], "watermark": STAMP},
    ):
        (event,) = parse(item(delivery=delivery))
        assert isinstance(event, ReceiptEvent)
        assert event.watermark == AT
    assert parse(item(delivery={"mids": [], "watermark": "soon"})) == []
    assert parse(item("", delivery={"watermark": STAMP})) == []


def test_what_was_read() -> None:
    (event,) = parse(item(read={"watermark": STAMP}))
    assert isinstance(event, ReceiptEvent)
    assert (event.receipt, event.address, event.watermark) == (Receipt.READ, ANA, AT)


def test_a_colleague_in_metas_own_inbox() -> None:
    (event,) = parse(item(PAGE, message={"mid": "m_9", "text": "hi", "is_echo": True, "app_id": 1}))
    assert event == EchoEvent(ANA, "echo:m_9", "m_9", AT, "hi")


def test_openers() -> None:
    postback, reaction = parse(
        item(postback={"title": "Get started", "payload": "START"}),
        item(reaction={"reaction": "love", "emoji": "❤", "action": "react", "mid": "m_1"}),
    )
    assert isinstance(postback, InboundMessage)
    assert isinstance(reaction, InboundMessage)
    assert (postback.text, postback.kind) == ("Get started", InboundKind.POSTBACK)
    assert reaction.kind is InboundKind.REACTION


def test_a_template_changes_its_status() -> None:
    value = {"event": "PAUSED", "message_template_name": "order", "message_template_language": "en", "reason": "NONE"}
    (event,) = parse(changes=[{"field": "message_template_status_update", "value": value}])
    assert isinstance(event, TemplateChanged)
    assert (event.name, event.language, event.status, event.reason) == ("order", "en", "PAUSED", "")
