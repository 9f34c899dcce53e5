"""The published webhook examples, posted and signed as the channels do, end up in the inbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from tests.channels.test_published import BASE, CONTENTS, EXPECTED, pytestmark, specs, webhook_examples
from tests.server.support import posts
from tests.server.support.inbox import Inbox
from tests.server.support.workspace import SECRETS, SetClock, open_workspace
from tui_inbox.domain.filters import InboxFilter
from tui_inbox.domain.kinds import ChannelKind, ConversationStatus
from tui_inbox.domain.search import parse
from tui_inbox.server.receiver import make_receiver
from tui_inbox.services.inbox import InboxService

__all__ = ["pytestmark"]  # runs where the descriptions are, like the tests that it borrows from


def with_own_ids(example: Any, number: int) -> Any:
    """Several published examples carry the same message id, which only one message can have."""
    copy = json.loads(json.dumps(example))
    for entry in copy["entry"]:
        for change in entry["changes"]:
            for message in change["value"].get("messages", ()):
                message["id"] += str(number)
    return copy


async def test_they_are_found_open_and_unread_with_their_texts(tmp_path: Path) -> None:
    clock = SetClock()
    async with open_workspace(tmp_path, clock, "http://127.0.0.1:9") as space:
        await space.add_channel("tg", ChannelKind.TELEGRAM)
        transport = httpx.ASGITransport(app=make_receiver(space.receiving))
        async with httpx.AsyncClient(transport=transport, base_url="http://inbox.test") as client:
            for number, example in enumerate(webhook_examples().values()):
                body = json.dumps(with_own_ids(example, number)).encode()
                signed = {"content-type": "application/json", "x-hub-signature-256": posts.signature(body)}
                assert (await client.post("/hooks/path-wa", content=body, headers=signed)).status_code == 200
            for number, (content, _) in enumerate(CONTENTS):
                update = {"update_id": number, "message": {**BASE, **content, "message_id": 100 + number}}
                assert specs().telegram_update_problem(update) == ""
                secret = {"x-telegram-bot-api-secret-token": SECRETS["webhook_secret"]}
                assert (await client.post("/hooks/path-tg", json=update, headers=secret)).status_code == 200
        while await space.receiving.process_pending():
            pass
        inbox, service = Inbox(space, clock), InboxService(space.context)

        for query, address, channel, texts in (
            ("sheena nelson", "+16505551234", "wa", {text for text in EXPECTED.values() if text}),
            ("ana silva", "4242", "tg", {text for _, text in CONTENTS}),
        ):
            contact = await inbox.contact(address, channel)
            page = await service.page(InboxFilter(status=ConversationStatus.OPEN, query=parse(query)))
            row = next(row for row in page if row.contact_id == contact.id)
            assert row.unread > 0
            assert row.matched == ("name",)
            assert texts <= set(await inbox.said(contact.id))
