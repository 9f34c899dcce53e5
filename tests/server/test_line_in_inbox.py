"""LINE from end to end: signed webhooks through the receiver, and messages through the sender to the stand-in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.channels.support import Standins, standins
from tests.server.support.inbox import Inbox
from tests.server.support.workspace import SECRETS, SetClock, open_workspace
from tui_inbox.channels.signatures import line_signature
from tui_inbox.domain.kinds import ChannelKind, ConversationStatus, DeliveryState
from tui_inbox.server.receiver import make_receiver
from tui_inbox.standins.config import ChannelConfig, MemberConfig, StandinConfig

LINE = ChannelKind.LINE
ANA = "U8622f62b0c6e4ad1a1d4a5e8f0b1c2d3"


@dataclass
class Stage:
    """An inbox with one LINE account, its receiver, and the stand-in that messages go to."""

    inbox: Inbox
    client: httpx.AsyncClient
    servers: Standins
    count: int = field(default=0)

    def event(self, kind: str, **content: Any) -> dict[str, Any]:
        """An event of Ana's, a minute after the last one."""
        self.inbox.clock.advance(minutes=1)
        self.count += 1
        return {
            "type": kind,
            "mode": "active",
            "timestamp": int(self.inbox.clock().timestamp() * 1000),
            "source": {"type": "user", "userId": ANA},
            "webhookEventId": f"E{self.count}",
            "deliveryContext": {"isRedelivery": False},
            **content,
        }

    async def post(self, *events: dict[str, Any], secret: str = SECRETS["app_secret"]) -> int:
        """Post a body as LINE does; returns the receiver's status, after the body has been worked off."""
        body = json.dumps({"destination": "U" + "1" * 32, "events": events}, ensure_ascii=False).encode()
        headers = {"content-type": "application/json; charset=utf-8", "x-line-signature": line_signature(secret, body)}
        answer = await self.client.post("/hooks/path-line", content=body, headers=headers)
        await self.inbox.space.receiving.process_pending()
        return answer.status_code

    async def send(self, text: str) -> DeliveryState:
        """Send to Ana; returns what became of it."""
        target = await self.inbox.find(ANA, "line")
        message_id = await self.inbox.space.queue(target.id, text)
        sender = self.inbox.space.sender()
        while await sender.run_once():
            pass
        return await self.inbox.space.state(message_id)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    member = MemberConfig(address=ANA)
    account = ChannelConfig(name="line", kind=LINE, prefix="/line", token=SECRETS["token"], members=(member,))
    clock = SetClock()
    async with (
        standins(StandinConfig(channels=(account,))) as servers,
        open_workspace(tmp_path, clock, servers.base(LINE)) as space,
    ):
        await space.add_channel("line", LINE)
        transport = httpx.ASGITransport(app=make_receiver(space.receiving), raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://inbox.test") as client:
            yield Stage(Inbox(space, clock), client, servers)


def said(text: str, ident: str) -> dict[str, Any]:
    return {"message": {"id": ident, "type": "text", "text": text, "quoteToken": "q"}, "replyToken": "r"}


async def test_a_friend_comes_writes_is_answered_and_goes(stage: Stage) -> None:
    assert await stage.post(stage.event("follow", follow={"isUnblocked": False}, replyToken="r")) == 200
    contact = await stage.inbox.contact(ANA, "line")
    assert (await stage.inbox.conversation(contact.id)).status is ConversationStatus.NONE, "a follow asks for no answer"
    assert await stage.send("welcome") is DeliveryState.SENT

    first = stage.event("message", **said("こんにちは 😀", "77"))
    assert await stage.post(first, stage.event("message", **said("and this", "78"))) == 200
    again = {**first, "deliveryContext": {"isRedelivery": True}}
    assert await stage.post(again) == 200
    assert await stage.inbox.said(contact.id) == ["こんにちは 😀", "and this"]
    assert (await stage.inbox.conversation(contact.id)).status is ConversationStatus.OPEN

    assert await stage.post(stage.event("unsend", unsend={"messageId": "77"})) == 200
    assert await stage.inbox.said(contact.id) == ["", "and this"]

    assert await stage.post(stage.event("unfollow")) == 200
    assert (await stage.inbox.find(ANA, "line")).facts.opted_out
    assert await stage.send("are you there?") is DeliveryState.BLOCKED, "LINE itself would say nothing"
    taken = await stage.servers.ask(LINE, "accepted")
    assert [item["text"] for item in taken] == ["welcome"]

    assert await stage.post(stage.event("follow", follow={"isUnblocked": True}, replyToken="r")) == 200
    assert not (await stage.inbox.find(ANA, "line")).facts.opted_out


async def test_the_verify_button_of_the_console_is_answered_and_changes_nothing(stage: Stage) -> None:
    assert await stage.post() == 200
    async with stage.inbox.space.store.read() as unit:
        assert await unit.contacts.by_address(stage.inbox.space.channels["line"].id, ANA) is None
    assert {error for _, error in await stage.inbox.statuses()} == {""}


async def test_a_wrong_channel_secret_is_refused(stage: Stage) -> None:
    assert await stage.post(stage.event("message", **said("hi", "77")), secret="another") == 401
    assert await stage.inbox.statuses() == []


async def test_the_key_of_the_message_reaches_line_and_its_id_comes_back(stage: Stage) -> None:
    await stage.post(stage.event("follow", follow={"isUnblocked": False}, replyToken="r"))
    target = await stage.inbox.find(ANA, "line")
    message_id = await stage.inbox.space.queue(target.id, "once")
    await stage.servers.control(LINE, "fault", kind="drop")
    sender = stage.inbox.space.sender()
    assert await sender.run_once()
    row = await stage.inbox.space.row(message_id)
    assert row.state is DeliveryState.QUEUED, "in doubt, but safe to repeat"
    stage.inbox.clock.now = row.due_at
    assert await sender.run_once()
    row = await stage.inbox.space.row(message_id)
    (taken,) = await stage.servers.ask(LINE, "accepted")
    assert (row.state, row.provider_id) == (DeliveryState.SENT, taken["provider_id"])
    assert taken["key"] == row.idempotency_key
