"""Mail: what goes over the wire, what each reply means, what is read from a mailbox, whatever lies in it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.channels.support import MESSAGE_ID, NOW, Standins, allow, loopback, standins, text_to
from tui_inbox.channels.email import EmailAdapter
from tui_inbox.channels.email_reading import parse, subject_of
from tui_inbox.channels.http import Http
from tui_inbox.channels.port import PayloadError, PollError, Secrets, SendVetoedError
from tui_inbox.channels.registry import build_adapter
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.events import Answered, ChannelEvent, InboundMessage, OutcomeKind, Outgoing, ReceiptEvent
from tui_inbox.domain.kinds import ChannelKind, ContentKind, ErrorClass, InboundKind, Receipt
from tui_inbox.domain.models import Channel
from tui_inbox.standins.config import ChannelConfig, MemberConfig, StandinConfig
from tui_inbox.standins.email import EmailStandin
from tui_inbox.standins.mail_servers import ImapSession, Reply, SmtpSession

BOX = "support@shop.example"
ANA = "ana@customer.example"
PASSWORD = "correct horse"
OURS = f"<{MESSAGE_ID}@shop.example>"


@dataclass
class Post:
    """A mail provider on loopback and our mailbox there."""

    servers: Standins
    standin: EmailStandin

    def adapter(self, password: str = PASSWORD, total: float = 5.0, **config: str) -> EmailAdapter:
        """The mailbox as the settings have it."""
        smtp, imap = self.standin.ports
        settings = {
            "address": BOX,
            "from_name": "Northwind",
            "smtp_host": "127.0.0.1",
            "smtp_port": str(smtp),
            "smtp_security": "none",
            "imap_host": "127.0.0.1",
            "imap_port": str(imap),
            "imap_security": "none",
            **config,
        }
        http = Http(total=total, clock=self.servers.clock)
        made = build_adapter(
            Channel(1, "mail", ChannelKind.EMAIL, settings), Secrets({"password": password}), http=http
        )
        assert isinstance(made, EmailAdapter)
        return made

    async def accepted(self) -> Sequence[dict[str, Any]]:
        """What the provider took."""
        found: Sequence[dict[str, Any]] = await self.servers.look("mail", "accepted")
        return found

    async def read(self, cursor: str) -> tuple[list[ChannelEvent], str]:
        """What came after ``cursor``, once nothing is on its way any more."""
        await self.servers.call("mail", "settled")
        adapter, events = self.adapter(), list[ChannelEvent]()
        while True:
            polled = await adapter.poll(cursor, 0)
            events += [event for body in polled.bodies for event in adapter.parse(body, NOW)]
            cursor = polled.cursor
            if not polled.more:
                return events, cursor


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    account = ChannelConfig(
        name="mail",
        kind=ChannelKind.EMAIL,
        token=PASSWORD,
        settings={"address": BOX},
        members=[MemberConfig(address=ANA, name="Ana Silva")],
    )
    async with standins(StandinConfig(channels=[account], receipt_delay=0)) as servers:
        standin = servers.host.channels["mail"].platform
        assert isinstance(standin, EmailStandin)
        yield Post(servers, standin)


async def test_a_text_arrives_as_it_was_written(post: Post) -> None:
    text = 'Hei Ana 👋, hinta on 5 € / kpl.\n.\n..two dots\nFrom here on "lisää"! & a=b ' + "long " * 300
    outcome = await post.adapter().send(text_to(ANA, text), allow)
    (taken,) = await post.accepted()
    assert (outcome.kind, outcome.provider_id) == (OutcomeKind.ACCEPTED, OURS)
    assert (taken["address"], taken["text"], taken["provider_id"]) == (ANA, text, OURS)
    heads = taken["request"]["headers"]
    assert (heads["from"], heads["subject"]) == (f"Northwind <{BOX}>", "Your request")
    assert "in-reply-to" not in heads


@pytest.mark.parametrize(
    ("heard", "subject"),
    [
        ("Subject: Order 4711\n\nWhere is it?", "Re: Order 4711"),
        ("Subject: RE: Order 4711\n\nWhere is it?", "RE: Order 4711"),
        ("no subject at all", "Your request"),
        ("Subject: a\x0bBcc: evil@example.com\r\n\nhm", "Re: a Bcc: evil@example.com"),
        ("Subject: " + "ä" * 500, "Re: " + "ä" * 196),
    ],
)
async def test_an_answer_goes_into_the_customers_thread(post: Post, heard: str, subject: str) -> None:
    answered = Answered("<abc.1@customer.example>", heard)
    await post.adapter().send(Outgoing(MESSAGE_ID, ANA, ContentKind.TEXT, "It comes", answered=answered), allow)
    heads = (await post.accepted())[0]["request"]["headers"]
    assert heads["in-reply-to"] == heads["references"] == "<abc.1@customer.example>"
    assert heads["subject"] == subject
    assert "bcc" not in heads


@pytest.mark.parametrize("ident", ["sha256:00", "<a@b>\r\nBcc: x@y.example", "<a b>", "", "<>"])
async def test_an_odd_id_of_the_customers_mail_is_left_out(post: Post, ident: str) -> None:
    await post.adapter().send(Outgoing(MESSAGE_ID, ANA, ContentKind.TEXT, "x", answered=Answered(ident, "")), allow)
    assert {"in-reply-to", "bcc"}.isdisjoint((await post.accepted())[0]["request"]["headers"])


@pytest.mark.parametrize("address", ["no address", "a@b\r\nBcc: c@d", "<a@b.example>", "", "a@b, c@d"])
async def test_an_address_that_is_none_is_refused(post: Post, address: str) -> None:
    outcome = await post.adapter().send(text_to(address), allow)
    assert (outcome.kind, outcome.error_class) == (OutcomeKind.REFUSED, ErrorClass.INVALID)
    assert await post.accepted() == []


CODES = [
    (550, "5.1.1 no such user", OutcomeKind.REFUSED, ErrorClass.UNREACHABLE),
    (550, "no such user", OutcomeKind.REFUSED, ErrorClass.UNREACHABLE),
    (550, "5.7.1 policy", OutcomeKind.REFUSED, ErrorClass.INVALID),
    (552, "5.2.2 full", OutcomeKind.REFUSED, ErrorClass.UNREACHABLE),
    (552, "5.3.4 too big", OutcomeKind.REFUSED, ErrorClass.INVALID),
    (556, "5.1.10 null mx", OutcomeKind.REFUSED, ErrorClass.UNREACHABLE),
    (571, "odd", OutcomeKind.REFUSED, ErrorClass.INVALID),
    (421, "4.3.2 closing", OutcomeKind.RETRY, ErrorClass.TEMPORARY),
    (450, "4.2.0 greylisted", OutcomeKind.RETRY, ErrorClass.TEMPORARY),
    (451, "4.7.1 later", OutcomeKind.RETRY, ErrorClass.TEMPORARY),
    (450, "4.7.28 too fast", OutcomeKind.RETRY, ErrorClass.RATE_LIMITED),
    (535, "5.7.8 wrong", OutcomeKind.RETRY, ErrorClass.AUTH),
]


@pytest.mark.parametrize(("code", "text", "kind", "error_class"), CODES)
async def test_what_a_reply_means(post: Post, code: int, text: str, kind: OutcomeKind, error_class: ErrorClass) -> None:
    await post.servers.call("mail", "fault", kind="error", code=code, description=text)
    outcome = await post.adapter().send(text_to(ANA, "secret words"), allow)
    assert (outcome.kind, outcome.error_class, outcome.error_code) == (kind, error_class, str(code))
    assert outcome.error_text.endswith(".")
    assert not {"secret words", ANA, PASSWORD} & {word for word in (ANA, PASSWORD) if word in outcome.error_text}
    assert await post.accepted() == []


async def test_no_answer_after_the_mail_went_out_is_uncertain(post: Post) -> None:
    for fault in ({"kind": "drop"}, {"kind": "truncated"}, {"kind": "drop", "accept": False}):
        await post.servers.call("mail", "fault", **fault)
        assert (await post.adapter().send(text_to(ANA), allow)).kind is OutcomeKind.AMBIGUOUS
    await post.servers.call("mail", "fault", kind="slow", seconds=3)
    assert (await post.adapter(total=0.5).send(text_to(ANA), allow)).kind is OutcomeKind.AMBIGUOUS


async def test_a_server_that_is_not_there_was_sent_nothing(post: Post) -> None:
    outcome = await post.adapter(smtp_port="1").send(text_to(ANA), allow)
    assert (outcome.kind, outcome.error_class) == (OutcomeKind.NOT_SENT, ErrorClass.TEMPORARY)


async def test_a_wrong_password_pauses_the_mailbox(post: Post) -> None:
    outcome = await post.adapter("wrong").send(text_to(ANA), allow)
    assert (outcome.kind, outcome.error_class, outcome.pauses_channel) == (OutcomeKind.RETRY, ErrorClass.AUTH, True)
    with pytest.raises(PollError) as caught:
        await post.adapter("wrong").poll("", 0)
    assert caught.value.refused


@pytest.mark.parametrize("error", [SendVetoedError("no"), TimeoutError("store"), OSError("disk")])
async def test_the_guard_stops_it_before_anything_is_sent(post: Post, error: Exception) -> None:
    async def guard() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        await post.adapter().send(text_to(ANA), guard)
    assert caught.value is error
    assert await post.accepted() == []


async def test_the_guard_comes_after_the_login_and_before_the_mail(post: Post) -> None:
    seen: list[int] = []

    async def guard() -> None:
        seen.append(len(await post.accepted()))

    await post.adapter("wrong").send(text_to(ANA), guard)
    assert seen == []
    await post.adapter().send(text_to(ANA), guard)
    assert seen == [0]


async def test_the_credential_is_tested_for_sending_and_reading(post: Post) -> None:
    good = await post.adapter().check()
    assert (good.ok, "INBOX (0)" in good.message) == (True, True)
    for wrong in (post.adapter("canary"), post.adapter(smtp_port="1"), post.adapter(imap_port="1")):
        found = await wrong.check()
        assert not found.ok
        assert "canary" not in found.message
    assert await post.accepted() == []


@pytest.mark.parametrize(
    "changed",
    [
        {"smtp_security": "none", "smtp_host": "mail.example"},
        {"imap_security": "ssl"},
        {"smtp_port": "0"},
        {"imap_port": "x"},
        {"smtp_port": "99999"},
    ],
)
async def test_wrong_settings_are_named(post: Post, changed: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(changed))):
        post.adapter(**changed)


# --- reading


async def test_what_lay_there_before_is_left_and_what_comes_is_read_once(post: Post) -> None:
    await post.servers.call("mail", "say", address=ANA, text="long ago")
    events, cursor = await post.read("")
    assert events == []
    for number in range(45):
        await post.servers.call("mail", "say", address=ANA, text=f"mail {number}")
    events, after = await post.read(cursor)
    assert [event.text for event in events if isinstance(event, InboundMessage)] == [f"mail {n}" for n in range(45)]
    assert await post.read(after) == ([], after)
    again, _ = await post.read(cursor)
    assert [event.key for event in again] == [event.key for event in events]


async def test_a_folder_that_was_numbered_anew_is_read_again(post: Post) -> None:
    _, cursor = await post.read("")
    for text in ("one", "two"):
        await post.servers.call("mail", "say", address=ANA, text=text)
    before, cursor = await post.read(cursor)
    post.standin.folder.validity += 1
    for number, mail in enumerate(post.standin.folder.mails, 1):
        mail.uid = number
    await post.servers.call("mail", "say", address=ANA, text="three")
    after, cursor = await post.read(cursor)
    assert [event.key for event in after[:2]] == [event.key for event in before], "their keys keep them from doubling"
    assert [event.text for event in after if isinstance(event, InboundMessage)] == ["one", "two", "three"]
    assert await post.read(cursor) == ([], cursor)


async def test_an_answer_proves_that_our_mail_arrived(post: Post) -> None:
    _, cursor = await post.read("")
    await post.adapter().send(text_to(ANA), allow)
    await post.servers.call("mail", "say", address=ANA, text="thanks")
    events, _ = await post.read(cursor)
    receipt, message = events
    assert isinstance(receipt, ReceiptEvent)
    assert isinstance(message, InboundMessage)
    assert (receipt.receipt, receipt.provider_id, receipt.echo) == (Receipt.READ, OURS, MESSAGE_ID)


async def test_a_mail_that_comes_back_tells_why(post: Post) -> None:
    _, cursor = await post.read("")
    await post.servers.call("mail", "fault", kind="late", description="5.2.2")
    assert (await post.adapter().send(text_to(ANA), allow)).kind is OutcomeKind.ACCEPTED
    (failed,), _ = await post.read(cursor)
    assert isinstance(failed, ReceiptEvent)
    assert (failed.provider_id, failed.echo, failed.error_code) == (OURS, MESSAGE_ID, "5.2.2")
    assert failed.error_class is ErrorClass.UNREACHABLE
    assert "full" in failed.error_text


DATE = "Sun, 22 Nov 2026 09:00:00 +0100"


def mail(*heads: str, body: str = "hello", sender: str = f"Zoë Ö <{ANA}>") -> bytes:
    lines = [
        f"From: {sender}",
        f"To: {BOX}",
        "Message-ID: <m1@customer.example>",
        "Date: Sun, 22 Nov 2026 09:00:00 +0100",
    ]
    return ("\r\n".join([*lines, *heads]) + "\r\n\r\n" + body).encode()


def read(raw: bytes) -> InboundMessage:
    (event,) = parse(raw, BOX, NOW)
    assert isinstance(event, InboundMessage)
    return event


def test_a_plain_mail() -> None:
    event = read(
        mail("Subject: =?utf-8?q?Tilaus_=E2=82=AC?=", "Content-Type: text/plain; charset=utf-8", body="Missä?\r\n")
    )
    assert (event.address, event.email, event.name) == (ANA, ANA, "Zoë Ö")
    assert event.text == "Subject: Tilaus €\n\nMissä?"
    assert subject_of(event.text) == "Tilaus €"
    assert (event.key, event.provider_id) == ("<m1@customer.example>",) * 2
    assert event.at == datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


HTML = "<p>Hello <b>there</b></p><script>alert(1)</script><ul><li>one<li>two</ul>\x1b]0;x\x07"
ALTERNATIVE = (
    "--x\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n--x\r\nContent-Type: text/plain\r\n\r\nplain\r\n--x--\r\n"
)
FILES = (
    "--x\r\nContent-Type: text/plain\r\n\r\nsee files\r\n"
    '--x\r\nContent-Type: image/jpeg; name="cat.jpg"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n'
    '--x\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="a\x07b.pdf"\r\n\r\n'
    "%PDF\r\n--x--"
)
REPORT = 'Content-Type: multipart/report; report-type=delivery-status; boundary="x"'
REPORTED = (
    "--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a\r\n\r\n"
    "Action: failed\r\nStatus: 5.1.1\r\n\r\n"
    "--x\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <other@elsewhere.example>\r\n\r\n--x--"
)
QUOTED = "No, the blue one.\n\nOn Sun, 22 Nov 2026, Northwind wrote:\n> Which one?\n> The red?\n\n"


@pytest.mark.parametrize(
    ("heads", "body", "text"),
    [
        (("Content-Type: text/html",), HTML, "Hello there"),
        (('Content-Type: multipart/alternative; boundary="x"',), ALTERNATIVE, "plain"),
        (('Content-Type: multipart/mixed; boundary="x"',), FILES, "see files\n[photo] cat.jpg\n[document] a\x07b.pdf"),
        ((), QUOTED, "No, the blue one."),
        ((), "> only\n> quoted", "> only\n> quoted"),
        ((), "> they said\nand I say no", "> they said\nand I say no"),
        (("Content-Type: text/plain; charset=no-such",), "grüße", "grüße"),
        (("Content-Type: text/plain", "Content-Transfer-Encoding: base64"), "aGVsbG8=!!", "hello"),
    ],
)
def test_what_is_shown(heads: tuple[str, ...], body: str, text: str) -> None:
    shown = read(mail(*heads, body=body)).text
    assert shown.startswith(text)
    assert "alert" not in shown


@pytest.mark.parametrize(
    "head", ["Auto-Submitted: auto-replied", "Precedence: bulk", "X-Autoreply: yes", "List-Id: <news.example>"]
)
def test_a_machines_answer_is_told_apart(head: str) -> None:
    assert read(mail(head)).kind is InboundKind.AUTOMATIC
    assert read(mail("Auto-Submitted: no")).kind is InboundKind.MESSAGE


def test_who_is_answered() -> None:
    assert (
        read(mail("Reply-To: Bo <BO@Customer.example>", sender="Form <form@web.example>")).address
        == "bo@customer.example"
    )
    assert read(mail("Reply-To: nonsense")).address == ANA
    for sender in (BOX, f"Us <{BOX.upper()}>", "MAILER-DAEMON@x.example", "undisclosed-recipients:;", "<>", "a@b c@d"):
        assert list(parse(mail(sender=sender), BOX, NOW)) == [], sender
    assert list(parse(mail(f"Reply-To: {BOX}"), BOX, NOW)) == [], "no loop"


def test_a_mail_without_an_id_has_the_same_key_each_time() -> None:
    raw = mail().replace(b"Message-ID: <m1@customer.example>\r\n", b"")
    assert read(raw).key == read(raw).key
    assert read(raw).key != read(raw + b"!").key
    assert read(raw).key.startswith("sha256:")


@pytest.mark.parametrize(
    "date", ["yesterday", "Sun, 22 Nov 99999 09:00:00 +0100", "", "Thu, 1 Jan 1970 00:00:00 +9999"]
)
def test_a_date_that_is_none_is_that_of_arrival(date: str) -> None:
    assert read(mail().replace(DATE.encode(), date.encode())).at == NOW


@pytest.mark.parametrize(
    "raw", [b"", b"hello", b"\xff\xfe\x00", b'{"odd": 1}', b"[" * 100_000, b"To: a@b.example\r\n\r\nx"]
)
def test_what_is_no_mail_is_put_aside(raw: bytes) -> None:
    with pytest.raises(PayloadError):
        parse(raw, BOX, NOW)


def nested(depth: int) -> bytes:
    inner = b"Content-Type: text/plain\r\n\r\ndeep"
    for number in range(depth):
        mark = f"b{number}".encode()
        inner = (
            b"Content-Type: multipart/mixed; boundary="
            + mark
            + b"\r\n\r\n--"
            + mark
            + b"\r\n"
            + inner
            + b"\r\n--"
            + mark
            + b"--"
        )
    return mail().partition(b"\r\n\r\n")[0] + b"\r\n" + inner


ENORMOUS: dict[str, Callable[[], bytes]] = {
    "parts": lambda: mail("Content-Type: multipart/mixed; boundary=x", body="--x\r\n\r\npart\r\n" * 10_000 + "--x--"),
    "one line": lambda: mail(body="x" * (4 << 20)),
    "html": lambda: mail("Content-Type: text/html", body="<div>" * 200_000),
    "heads": lambda: mail(*(f"X-{number}: {'y' * 900}" for number in range(2000))),
    "depth": lambda: nested(60),
    "subject": lambda: mail("Subject: " + "s" * 100_000),
}


@pytest.mark.parametrize("name", ENORMOUS)
def test_enormous_mails_are_read_as_far_as_they_can_be(name: str) -> None:
    assert len(read(ENORMOUS[name]()).text) < 120_000


def test_damaged_mails_are_read_or_put_aside() -> None:
    chance = random.Random(5)
    bodies = [
        mail('Content-Type: multipart/mixed; boundary="x"', body=FILES),
        mail("Content-Type: text/html", body=HTML),
    ]
    for _ in range(3000):
        raw = bytearray(chance.choice(bodies))
        for _ in range(chance.randint(1, 12)):
            place = chance.randrange(len(raw))
            raw[place : place + chance.randint(0, 3)] = bytes(
                chance.randrange(256) for _ in range(chance.randint(0, 3))
            )
        with contextlib.suppress(PayloadError):
            for event in parse(bytes(raw), BOX, NOW):
                assert isinstance(event, InboundMessage | ReceiptEvent)
                assert event.key
                if isinstance(event, InboundMessage):
                    event.text.encode()


def test_a_report_on_somebody_elses_mail_is_no_event() -> None:
    assert list(parse(mail(REPORT, body=REPORTED), BOX, NOW)) == []
    (ours,) = parse(mail(REPORT, body=REPORTED.replace("other@elsewhere", f"{MESSAGE_ID}@shop")), BOX, NOW)
    assert isinstance(ours, ReceiptEvent)


async def test_a_mail_that_is_too_large_is_named_and_left(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_inbox.channels.imap.MAIL_MAXIMUM", 1000)
    _, cursor = await post.read("")
    await post.servers.call("mail", "say", address=ANA, text="Subject: Photos\n" + "x" * 5000)
    (event,), _ = await post.read(cursor)
    assert isinstance(event, InboundMessage)
    assert event.text.startswith("Subject: Photos\n\n[mail of ")
    assert "too large" in event.text


@pytest.mark.parametrize("size", ["9" * 5000, "٤٢", "12 apples"])
def test_a_customer_cannot_pass_a_mail_off_as_too_large(size: str) -> None:
    assert read(mail(f"X-Inbox-Too-Large: {size}")).text == "hello"
    assert read(mail("X-Inbox-Too-Large: 12")).text == "hello"


async def test_a_mail_that_the_server_refuses_to_hand_out_is_not_passed_over(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, cursor = await post.read("")
    await post.servers.call("mail", "say", address=ANA, text="hello")
    await post.servers.call("mail", "settled")
    with monkeypatch.context() as broken:
        broken.setattr(ImapSession, "_fetch", lambda _self, _rest: ["TAG NO try again later"])
        with pytest.raises(PollError, match="asked again"):
            await post.adapter().poll(cursor, 0)
    (event,), _ = await post.read(cursor)
    assert isinstance(event, InboundMessage)


async def test_large_mails_are_read_a_few_at_a_time(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_inbox.channels.imap.BATCH_BYTES", 2000)
    _, cursor = await post.read("")
    for number in range(5):
        await post.servers.call("mail", "say", address=ANA, text=f"{number} " + "x" * 900)
    await post.servers.call("mail", "settled")
    polled = await post.adapter().poll(cursor, 0)
    assert (len(polled.bodies), polled.more) == (2, True)
    events, _ = await post.read(cursor)
    assert [event.text[0] for event in events if isinstance(event, InboundMessage)] == list("01234")


UNREADABLE = [b"HTTP/1.1 200 OK\r\n", b"2x0 taken\r\n", b"\xff\xfe\r\n", b"250" + b"x" * 9000 + b"\r\n"]


@pytest.mark.parametrize("answer", UNREADABLE, ids=["http", "letters", "bytes", "long"])
async def test_an_answer_that_cannot_be_read_is_no_refusal(
    post: Post, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """After the mail has gone out nobody knows; before that nothing was sent."""

    async def garbled(session: SmtpSession, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Reply:
        taken = await data(session, reader, writer)
        assert taken.code == 250
        writer.write(answer)
        return Reply(0, "")

    data = SmtpSession._data
    monkeypatch.setattr(SmtpSession, "_data", garbled)
    assert (await post.adapter().send(text_to(ANA), allow)).kind is OutcomeKind.AMBIGUOUS
    assert len(await post.accepted()) == 1
    async with loopback(answer) as other:
        outcome = await post.adapter(smtp_port=str(other.port), total=2.0).send(text_to(ANA), allow)
    assert outcome.kind is OutcomeKind.NOT_SENT
