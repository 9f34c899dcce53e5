"""Channels that are asked for news: read once each, from where it was left, whoever asks and whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.channels.support import NOW, Clockwork, Standins, allow, standins, text_to
from tests.server.support.workspace import Adapters, Workspace, eventually, open_workspace
from tests.support.dovecot import dovecot, smtp_into
from tui_inbox.channels.http import Http
from tui_inbox.channels.port import ChannelAdapter, PollError, Secrets, poll_of
from tui_inbox.channels.registry import build_adapter
from tui_inbox.domain.attachments import FileState
from tui_inbox.domain.errors import NotFoundError
from tui_inbox.domain.events import OutcomeKind
from tui_inbox.domain.kinds import ChannelKind, ConversationStatus, DeliveryState, Direction, Receipt
from tui_inbox.domain.models import Agent, Channel
from tui_inbox.services.polling import PollingService
from tui_inbox.standins.config import ChannelConfig, StandinConfig
from tui_inbox.standins.email import EmailStandin
from tui_inbox.standins.platform import Answer
from tui_inbox.standins.telegram import TelegramStandin

BOX, ANA, PASSWORD = "support@shop.example", "ana@customer.example", "correct-horse"
PDF, JPEG = b"%PDF-1.7\r\n.\r\n" + bytes(range(256)) * 900, b"\xff\xd8\xff\xe0" + bytes(range(256)) * 300
TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


@dataclass
class Asked:
    """A workspace with a mailbox and a bot that has no webhook."""

    space: Workspace
    servers: Standins

    @property
    def polling(self) -> PollingService:
        """A poller."""
        return PollingService(self.space.context, self.space.adapters, self.space.receiving)

    async def said(self, channel: str) -> list[str]:
        """What came in on a channel, in the order of the threads."""
        async with self.space.store.read() as unit:
            for raw in await unit.inbound.recent(200):
                assert raw.status != "quarantined", raw.error
            target = await unit.contacts.by_address(self.space.channels[channel].id, ADDRESSES[channel])
            thread = [] if target is None else await unit.timeline.page(target.contact_id, limit=200)
        return [entry.body for entry in thread if entry.direction is Direction.INBOUND]


ADDRESSES = {"mail": ANA, "bot": "5550001"}


async def connect(space: Workspace, name: str, kind: ChannelKind, settings: dict[str, Any], secret: str) -> Channel:
    channel = await space.add_channel(name, kind, **settings)
    secrets = Secrets({"password": secret, "token": secret})
    space.adapters.other[name] = build_adapter(channel, secrets, http=Http(clock=space.clock))
    return channel


def mailbox(smtp: int, imap: int) -> dict[str, str]:
    servers = {"smtp_host": "127.0.0.1", "imap_host": "127.0.0.1", "smtp_security": "none", "imap_security": "none"}
    return {"address": BOX, "from_name": "Northwind", "smtp_port": str(smtp), "imap_port": str(imap), **servers}


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    accounts = [
        ChannelConfig(name="mail", kind=ChannelKind.EMAIL, token=PASSWORD, settings={"address": BOX}),
        ChannelConfig(name="bot", kind=ChannelKind.TELEGRAM, token=TOKEN, prefix="/bot"),
    ]
    config = StandinConfig(channels=accounts, receipt_delay=0)
    async with standins(config) as servers, open_workspace(tmp_path, servers.clock, "http://127.0.0.1:9") as space:
        platform = servers.host.channels["mail"].platform
        assert isinstance(platform, EmailStandin)
        await connect(space, "mail", ChannelKind.EMAIL, mailbox(*platform.ports), PASSWORD)
        base = f"http://127.0.0.1:{servers.port}/bot"
        await connect(space, "bot", ChannelKind.TELEGRAM, {"base_url": base}, TOKEN)
        made = Asked(space, servers)
        await made.polling.poll(space.channels["mail"])  # what lies there already is not read
        yield made


@pytest.mark.parametrize("name", ["mail", "bot"])
async def test_everything_is_read_once_from_where_it_was_left(asked: Asked, name: str) -> None:
    channel, expected = asked.space.channels[name], list[str]()
    for number in range(3):
        for text in range(25 if number == 1 else 2):
            expected.append(f"round {number} text {text}")
            await asked.servers.call(name, "say", address=ADDRESSES[name], text=expected[-1])
        if name == "mail":
            await asked.servers.call(name, "settled")
        assert await asked.polling.poll(channel) == (25 if number == 1 else 2)
        assert await asked.polling.poll(channel) == 0
    assert await asked.said(name) == expected


@pytest.mark.parametrize("name", ["mail", "bot"])
async def test_two_pollers_double_nothing(asked: Asked, name: str) -> None:
    texts = [f"text {number}" for number in range(30)]
    for text in texts:
        await asked.servers.call(name, "say", address=ADDRESSES[name], text=text)
    if name == "mail":
        await asked.servers.call(name, "settled")
    channel = asked.space.channels[name]
    taken = await asyncio.gather(*(asked.polling.poll(channel) for _ in range(4)))
    while await asked.polling.poll(channel):
        pass
    assert sum(taken) <= len(texts)
    assert await asked.said(name) == texts


async def test_what_could_not_be_stored_is_asked_for_again(asked: Asked) -> None:
    await asked.servers.call("bot", "say", address=ADDRESSES["bot"], text="hello")
    channel, poll = asked.space.channels["bot"], poll_of(asked.space.adapters.get(asked.space.channels["bot"]))
    assert poll is not None
    first = await poll("", 0)  # and the program ends here, before anything was stored
    assert len(first.bodies) == 1
    assert await asked.polling.poll(channel) == 1
    assert await asked.said("bot") == ["hello"]
    assert (await poll(first.cursor, 0)).bodies == []


async def test_a_refused_credential_pauses_the_channel_and_others_go_on(asked: Asked) -> None:
    wrong = build_adapter(asked.space.channels["mail"], Secrets({"password": "wrong"}))
    asked.space.adapters.other["mail"] = wrong
    await asked.servers.call("bot", "say", address=ADDRESSES["bot"], text="still here")
    stop = asyncio.Event()
    running = asyncio.create_task(asked.polling.run(stop))

    async def told() -> bool:
        return bool((await asked.space.channel("mail")).paused_reason) and await asked.said("bot") == ["still here"]

    await eventually(told)
    stop.set()
    await running
    assert "refused user or password" in (await asked.space.channel("mail")).paused_reason
    assert [channel.name for channel in await asked.polling.channels()] == ["bot"]


async def test_which_channels_are_asked(asked: Asked) -> None:
    assert "wa" in asked.space.channels
    assert [channel.name for channel in await asked.polling.channels()] == ["bot", "mail"]
    for name in ("wa", "nobody"):
        with pytest.raises(NotFoundError, match=name):
            await asked.polling.channels(name)
    with_webhook = Secrets({"token": TOKEN, "webhook_secret": "told"})
    asked.space.adapters.other["bot"] = build_adapter(asked.space.channels["bot"], with_webhook)
    assert [channel.name for channel in await asked.polling.channels()] == ["mail"]


async def test_a_bot_with_a_webhook_elsewhere_tells_why_it_cannot_be_asked(asked: Asked) -> None:
    platform = asked.servers.host.channels["bot"].platform
    platform.state.config = platform.state.config.model_copy(update={"webhook_url": "https://elsewhere.example"})
    with pytest.raises(PollError, match="has a webhook"):
        await asked.polling.poll(asked.space.channels["bot"])


def answer_to(raw: bytes, text: str, clock: Clockwork) -> bytes:
    """A customer's answer, with a picture."""
    ours = message_from_bytes(raw, policy=policy.default)
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"], mail["Date"] = f"Ana Silva <{ANA}>", str(ours["From"]), format_datetime(clock())
    mail["Subject"], mail["Message-ID"] = str(ours["Subject"]), "<second@customer.example>"
    mail["In-Reply-To"] = str(ours["Message-ID"])
    mail.set_content(f"{text}\n\nOn Sunday, Northwind wrote:\n> {text}\n")
    mail.add_attachment(JPEG, maintype="image", subtype="jpeg", filename="parcel.jpg")
    return mail.as_bytes()


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # a password without TLS, on this machine
async def test_a_conversation_over_real_servers(tmp_path: Path) -> None:
    """Dovecot and aiosmtpd: the customer writes, we answer in their thread, they answer, which proves it arrived."""
    clock = Clockwork(NOW)
    with dovecot(PASSWORD) as imap, smtp_into(imap) as (smtp, taken):
        async with open_workspace(tmp_path, clock, "http://127.0.0.1:9") as space:
            mail = await connect(space, "mail", ChannelKind.EMAIL, mailbox(smtp, imap.port), PASSWORD)
            polling = PollingService(space.context, space.adapters, space.receiving)
            assert (await space.adapters.get(mail).check()).ok
            imap.deliver(BOX, b"From: old@customer.example\r\nSubject: long ago\r\n\r\nnever mind\r\n")
            assert await polling.poll(mail) == 0
            first = EmailMessage(policy=policy.SMTP)
            first["From"], first["To"], first["Subject"] = f"Ana Silva <{ANA}>", BOX, "Order 4711"
            first["Date"], first["Message-ID"] = format_datetime(clock()), "<first@customer.example>"
            first.set_content("<p>Where <b>is</b> it?</p>", subtype="html")
            imap.deliver(BOX, first.as_bytes())
            assert await polling.poll(mail) == 1

            async with space.store.read() as unit:
                target = await unit.contacts.by_address(mail.id, ANA)
                assert target is not None
                conversation = await unit.conversations.get(target.contact_id)
            assert conversation.status is ConversationStatus.OPEN
            (tmp_path / "Käsi & offer.pdf").write_bytes(PDF)
            ana = Agent(space.agent_id, "ana", "Ana")
            offer = await space.attachments.attach(ana, target.contact_id, tmp_path / "Käsi & offer.pdf")
            message_id = await space.queue(target.id, "It comes tomorrow — 5 € back.", files=[offer.id])
            assert await space.sender().run_once()
            assert await space.state(message_id) is DeliveryState.SENT
            (envelope,) = taken
            assert isinstance(envelope.content, bytes)
            ours = message_from_bytes(envelope.content, policy=policy.default)
            assert ours["In-Reply-To"] == "<first@customer.example>"
            assert (ours["Subject"], envelope.rcpt_tos) == ("Re: Order 4711", [ANA])
            (attached,) = ours.iter_attachments()
            assert (attached.get_filename(), attached.get_content_type()) == ("Käsi & offer.pdf", "application/pdf")
            assert attached.get_payload(decode=True) == PDF

            imap.deliver(BOX, answer_to(envelope.content, "Thank you!", clock))
            assert await polling.poll(mail) == 1
            assert (await space.row(message_id)).receipt is Receipt.READ
            async with space.store.read() as unit:
                thread = await unit.timeline.page(target.contact_id, limit=10)
            said = [entry.body for entry in thread if entry.direction is Direction.INBOUND]
            assert said == [
                "Subject: Order 4711\n\nWhere is it?",
                "Subject: Re: Order 4711\n\nThank you!\n[photo] parcel.jpg",
            ]
            (photo,) = thread[-1].files
            assert (photo.name, photo.media_type, photo.state) == ("parcel.jpg", "image/jpeg", FileState.KEPT)
            async with space.store.read() as unit:
                assert await unit.attachments.content(photo.id) == JPEG
            assert await polling.poll(mail) == 0


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize("imap_security", ["tls", "starttls"])
async def test_the_password_goes_to_a_server_alone_whose_certificate_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, imap_security: str
) -> None:
    clock = Clockwork(NOW)
    with dovecot(PASSWORD) as imap, smtp_into(imap) as (smtp, taken):
        async with open_workspace(tmp_path, clock, "http://127.0.0.1:9") as space:
            port = imap.tls_port if imap_security == "tls" else imap.port
            secured = {"smtp_security": "starttls", "imap_security": imap_security}
            mail = await connect(space, "mail", ChannelKind.EMAIL, {**mailbox(smtp, port), **secured}, PASSWORD)
            adapter = space.adapters.get(mail)
            refused = await adapter.send(text_to(ANA), allow)
            assert (refused.kind, "certificate" in refused.error_text) == (OutcomeKind.NOT_SENT, True)
            with pytest.raises(PollError, match="certificate"):
                await PollingService(space.context, space.adapters, space.receiving).poll(mail)
            assert not (await adapter.check()).ok
            log = (imap.home / "dovecot.log").read_text()
            assert "no auth attempts" in log
            assert "Login:" not in log

            monkeypatch.setenv("SSL_CERT_FILE", str(imap.certificate))
            assert (await adapter.check()).ok
            assert (await adapter.send(text_to(BOX), allow)).kind is OutcomeKind.ACCEPTED
            assert len(taken) == 1
            assert await PollingService(space.context, space.adapters, space.receiving).poll(mail) == 0


class Recording(Adapters):
    """Keeps the settings by which the bot was asked last."""

    base_url = ""

    def get(self, channel: Channel) -> ChannelAdapter:
        """The adapter of a channel."""
        if channel.name == "bot":
            self.base_url = channel.config["base_url"]
        return super().get(channel)


async def test_a_poller_asks_by_the_settings_of_the_moment(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel whose settings change while it is being asked is asked by the new ones."""
    monkeypatch.setattr("tui_inbox.services.polling.PAUSE", 0.01)
    recording = asked.space.adapters = Recording(other=asked.space.adapters.other)
    stop, started = asyncio.Event(), await asked.space.channel("bot")
    running = asyncio.create_task(asked.polling.run(stop))

    async def begun() -> bool:
        return recording.base_url == started.config["base_url"]

    async def moved() -> bool:
        return recording.base_url == "https://elsewhere.example"

    await eventually(begun)
    config = {**started.config, "base_url": "https://elsewhere.example"}
    await asked.space.store.write(lambda unit: unit.directory.update_channel(started.id, config=config))
    await eventually(moved)
    stop.set()
    await running


async def test_an_update_without_a_number_is_left_out(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = asked.servers.host.channels["bot"].platform
    assert isinstance(platform, TelegramStandin)
    await asked.servers.call("bot", "say", address=ADDRESSES["bot"], text="hello")

    def odd(body: Mapping[str, Any]) -> Answer:
        """Twenty updates that are none, then the real ones."""
        genuine = [item for item in platform._updates if item["update_id"] >= body["offset"]]
        return Answer(200, {"ok": True, "result": [{"update_id": None, "message": {}}] * 20 + genuine})

    monkeypatch.setattr(platform, "_news", odd)
    assert await asked.polling.poll(asked.space.channels["bot"]) == 1
    assert await asked.polling.poll(asked.space.channels["bot"]) == 0
    assert await asked.said("bot") == ["hello"]
