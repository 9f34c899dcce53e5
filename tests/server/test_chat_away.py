"""A visitor who has left gets the answer by email: once, what they did not see, and at no address that is another's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.server.support.chat import Visitor, Website, website
from tui_inbox.domain.kinds import ChannelKind, ConversationStatus, DeliveryState
from tui_inbox.domain.models import Agent, OutboxRow
from tui_inbox.repository.contacts import NewContact
from tui_inbox.repository.unit import Unit
from tui_inbox.services.chat_away import A_FILE, AWAY_AFTER, INTRODUCTION, ChatAwayService

FIRST = "11111111-aaaa"
ANA = "ana@customer.example"


@dataclass
class Away:
    """A website with a mailbox beside it."""

    site: Website

    @property
    def service(self) -> ChatAwayService:
        return ChatAwayService(self.site.space.context)

    async def visitor(self, email: str = ANA) -> tuple[Visitor, str]:
        """One who has written and left an address."""
        ana = await self.site.visitor().come("Ana Silva")
        address = await self.site.address_of(ana)
        await ana.say("hello?", FIRST)
        await self.site.shows(address, "hello?")
        if email:
            answer = await self.site.http.post("email", headers=ana.headers, json={"email": email})
            assert answer.status_code == 204
        return ana, address

    def later(self, by: timedelta = AWAY_AFTER) -> None:
        self.site.inbox.clock.now += by

    async def mails(self) -> list[OutboxRow]:
        mailbox = self.site.space.channels["mail"].id
        async with self.site.space.store.read() as unit:
            items = await unit.outbox_pages.page(of_agent=None, limit=100)
            rows = [await unit.outbox.get(item.message_id) for item in reversed(items)]
        return [row for row in rows if row is not None and row.channel_id == mailbox]


@pytest.fixture
async def away(tmp_path: Path) -> AsyncIterator[Away]:
    async with website(tmp_path) as site:
        config: dict[str, Any] = {"address": "support@shop.example", "smtp_host": "localhost", "imap_host": "localhost"}
        await site.space.add_channel("mail", ChannelKind.EMAIL, **config)
        yield Away(site)


async def test_what_was_not_seen_goes_by_mail_once(away: Away) -> None:
    _, address = await away.visitor("  Ana@Customer.example ")
    await away.site.answer(address, "It comes tomorrow.")
    await away.site.answer(address, "Between 8 and 10.")
    assert await away.service.run_once() == 0, "they may still be there"
    away.later()
    assert await away.service.run_once() == 1
    (mail,) = await away.mails()
    assert mail.body == f"{INTRODUCTION}\n\nIt comes tomorrow.\n\nBetween 8 and 10."
    assert (mail.state, mail.queued_by_id) == (DeliveryState.QUEUED, away.site.space.agent_id)
    async with away.site.space.store.read() as unit:
        target = await unit.contacts.channel(mail.contact_channel_id)
        conversation = await unit.conversations.get(mail.contact_id)
        thread = await unit.timeline.page(mail.contact_id)
    assert target is not None
    assert target.address == ANA
    assert conversation.status is ConversationStatus.OPEN
    assert thread[-1].body == mail.body
    assert await away.service.run_once() == 0
    await away.site.answer(address, "One more thing.")
    away.later()
    assert await away.service.run_once() == 1
    assert (await away.mails())[-1].body.endswith("\n\nOne more thing.")
    assert "tomorrow" not in (await away.mails())[-1].body


async def test_what_the_browser_has_got_does_not_go(away: Away) -> None:
    ana, address = await away.visitor()
    await away.site.answer(address, "seen")
    assert (await ana.saw(2, "delivered")).status_code == 204
    away.later()
    assert await away.service.run_once() == 0
    await away.site.answer(address, "not seen")
    away.later()
    assert await away.service.run_once() == 1
    (mail,) = await away.mails()
    assert mail.body == f"{INTRODUCTION}\n\nnot seen"


@pytest.mark.parametrize("case", ["no address", "paused", "somebody else's"])
async def test_when_nothing_goes(away: Away, case: str) -> None:
    _, address = await away.visitor("" if case == "no address" else ANA)
    await away.site.answer(address, "It comes tomorrow.")
    space = away.site.space

    mailbox = space.channels["mail"].id

    async def arrange(unit: Unit) -> None:
        if case == "paused":
            await unit.directory.pause_channel(mailbox, "the password is wrong", None)
        if case == "somebody else's":
            other = await unit.contacts.add(NewContact(first_name="Eve"), space.clock())
            await unit.contacts.add_channel(other, mailbox, ANA, started=True, now=space.clock())

    await space.store.write(arrange)
    away.later()
    assert await away.service.run_once() == 0
    assert await away.mails() == []


async def test_a_file_is_told_of(away: Away, tmp_path: Path) -> None:
    _, address = await away.visitor()
    contact = await away.site.inbox.contact(address, "chat")
    (tmp_path / "a.txt").write_bytes(b"x")
    file = await away.site.space.attachments.attach(
        Agent(away.site.space.agent_id, "ana", "Ana"), contact.id, tmp_path / "a.txt"
    )
    await away.site.answer(address, "", files=[file.id])
    away.later()
    assert await away.service.run_once() == 1
    assert (await away.mails())[0].body == f"{INTRODUCTION}\n\n{A_FILE}"


async def test_an_address_is_checked_and_may_come_with_the_website(away: Away) -> None:
    ana, _ = await away.visitor("")
    for wrong in ("", "nobody", "a@b\r\nBcc: c@d", "x" * 400 + "@y"):
        answer = await away.site.http.post("email", headers=ana.headers, json={"email": wrong})
        assert answer.status_code == 400
    assert (await away.site.http.post("email", json={"email": ANA})).status_code == 401
    token = (await away.site.http.post("visitors", json={"name": "Bo", "email": "bo@shop.example"})).json()["token"]
    known = await away.site.space.chat.visitor(away.site.space.channels["chat"], token)
    assert known is not None
    assert known.email == "bo@shop.example"
