"""Stand-in of a mail provider: one mailbox, sent from by SMTP and read by IMAP (reference: channels, section 11).

The control API works as for every channel: what a webhook is elsewhere is a mail in the folder here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import format_datetime, make_msgid
from typing import Any

from tui_inbox.standins.config import Member
from tui_inbox.standins.files import SentFile, StoredFile
from tui_inbox.standins.mail_servers import Folder, HangUpError, ImapSession, Reply, SmtpSession, listen
from tui_inbox.standins.platform import Answer, Call, Cut, Handle, Reaction, RefusedError, Taken, Torn
from tui_inbox.standins.specs import Specs
from tui_inbox.standins.state import Accepted, ChannelState, Fault
from tui_inbox.standins.webhooks import Poster, Webhook

IN_THE_FOLDER = "imap"
"""Stands where the address of a receiver does: mail waits in the folder until it is read."""


class Mailbox(Poster):
    """Puts into the folder what would be posted elsewhere."""

    def __init__(self, platform: EmailStandin) -> None:
        super().__init__(platform, IN_THE_FOLDER)
        self._folder, self._clock = platform.folder, platform.state.clock

    async def _try(self, webhook: Webhook) -> bool:
        webhook.attempts += 1
        webhook.delivered = True
        self._folder.add(webhook.body, self._clock())
        return True


class EmailStandin:
    """One mailbox."""

    def __init__(self, state: ChannelState, specs: Specs | None) -> None:
        self.state = state
        self.folder = Folder()
        self.address = state.config.setting("address")
        self._user = state.config.setting("user") or self.address
        self._servers: list[asyncio.Server] = []

    def poster(self) -> Poster:
        """Where mails to us go."""
        return Mailbox(self)

    async def serve(self, handle: Handle, stack: AsyncExitStack) -> None:
        """Listen for SMTP and IMAP on this machine until ``stack`` is closed."""
        password = self.state.config.token

        async def take(sender: str, recipient: str, raw: bytes) -> Reply:
            call = Call("SMTP", "/mail", {}, {"from": sender, "to": recipient}, raw)
            return _reply(await handle(call))

        sessions: tuple[tuple[str, Callable[[], SmtpSession | ImapSession]], ...] = (
            ("smtp_port", lambda: SmtpSession(self._user, password, take)),
            ("imap_port", lambda: ImapSession(self._user, password, self.folder)),
        )
        for name, session in sessions:
            server = await listen(session, "127.0.0.1", int(self.state.config.setting(name) or 0))
            stack.callback(server.close)
            self._servers.append(server)

    @property
    def ports(self) -> tuple[int, int]:
        """Ports of SMTP and IMAP."""
        smtp, imap = (int(server.sockets[0].getsockname()[1]) for server in self._servers)
        return smtp, imap

    def is_send(self, call: Call) -> bool:
        """Every mail that was handed over whole."""
        return call.method == "SMTP"

    def authorise(self, call: Call) -> None:
        """The login came before."""

    def read(self, call: Call) -> Answer:
        """There is nothing to ask by HTTP."""
        raise RefusedError(Answer(404, {"error": "mail servers speak SMTP and IMAP"}))

    def check(self, call: Call) -> Taken:
        """A mail must have what every mail has, be from the mailbox itself, and go to somebody who exists."""
        mail = message_from_bytes(call.body, policy=policy.default)
        sender, recipient = call.headers["from"], call.headers["to"]
        for name in ("From", "To", "Subject", "Date", "Message-ID"):
            if mail[name] is None:
                raise _refused(554, f"5.6.0 The mail has no {name}")
        if sender != self.address or self.address not in str(mail["From"]):
            raise _refused(553, "5.7.1 Sender address rejected: not owned by user")
        if self.state.member(recipient).blocked:
            raise _refused(550, "5.1.1 No such user here")
        body = mail.get_body(("plain",)) if isinstance(mail, EmailMessage) else None
        text = body.get_content().replace("\r\n", "\n") if isinstance(body, EmailMessage) else ""
        files = tuple(map(_attached, mail.iter_attachments() if isinstance(mail, EmailMessage) else ()))
        heads = {name.lower(): str(value) for name, value in mail.items()}
        whole, echo = str(text).removesuffix("\n"), str(mail["Message-ID"])
        return Taken(recipient, whole, {"headers": heads}, echo=echo, files=files)

    def provider_id(self, taken: Taken) -> str:
        """The mail has its own."""
        return taken.echo

    def taken(self, message: Accepted) -> Answer:
        """Queued."""
        return Answer(250, f"2.0.0 Ok: queued as {message.number:X}")

    def failure(self, fault: Fault) -> Answer:
        """A reply with the code of the fault."""
        return Answer(fault.code or 554, fault.description or "5.0.0 refused")

    def receipts(self, message: Accepted, late: Fault | None) -> Sequence[Mapping[str, Any]]:
        """Nothing, or the report that it came back."""
        if late is None:
            return ()
        status = late.description or "5.1.1"
        return ({"report": message.echo, "to": message.address, "status": status, "at": self.state.clock()},)

    def said(self, member: Member, text: str, at: datetime) -> Mapping[str, Any]:
        """A mail of the customer; a first line that begins with ``Subject:`` is its subject."""
        first, _, rest = text.partition("\n")
        subject = first.removeprefix("Subject:").strip() if first.startswith("Subject:") else ""
        ours = [item.echo for item in self.state.accepted if item.address == member.address]
        return {
            "from": member.address,
            "name": member.name,
            "subject": subject,
            "text": rest.strip() if subject else text,
            "answers": ours[-1] if ours else "",
            "at": at,
        }

    def said_file(self, member: Member, text: str, at: datetime, file: StoredFile, url: str) -> Mapping[str, Any]:
        """A mail with a file."""
        return {**self.said(member, text, at), "file": file}

    def authorise_file(self, call: Call) -> None:
        """Files come with the mail."""
        raise RefusedError(Answer(404, {}))

    def membership(self, member: Member, at: datetime) -> Mapping[str, Any] | None:
        """Nobody tells."""
        return None

    def sign(self, body: bytes, url: str) -> Mapping[str, str]:
        """Nothing is posted."""
        return {}

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """The mail as it lies in the folder."""
        return self._report(body) if "report" in body else self._mail(body)

    def _mail(self, body: Mapping[str, Any]) -> bytes:
        mail = EmailMessage(policy=policy.SMTP)
        mail["From"] = f'"{body["name"]}" <{body["from"]}>' if body["name"] else str(body["from"])
        mail["To"], mail["Date"] = self.address, format_datetime(body["at"])
        mail["Message-ID"] = make_msgid(domain="customer.example")
        if body["subject"]:
            mail["Subject"] = body["subject"]
        if body["answers"]:
            mail["In-Reply-To"] = mail["References"] = body["answers"]
        mail.set_content(body["text"], charset="utf-8", cte="base64")
        file = body.get("file")
        if isinstance(file, StoredFile):
            main, _, sub = file.media_type.partition("/")
            mail.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name)
        return mail.as_bytes()

    def _report(self, body: Mapping[str, Any]) -> bytes:
        head = (
            f"From: MAILER-DAEMON@mail.example\r\nTo: {self.address}\r\nDate: {format_datetime(body['at'])}\r\n"
            f"Message-ID: {make_msgid(domain='mail.example')}\r\nAuto-Submitted: auto-replied\r\n"
            "Subject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="report"\r\n\r\n'
        )
        parts = (
            "--report\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
            "--report\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.example\r\n\r\n"
            f"Final-Recipient: rfc822; {body['to']}\r\nAction: failed\r\nStatus: {body['status']}\r\n\r\n"
            f"--report\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {body['report']}\r\nTo: {body['to']}\r\n\r\n"
            "--report--\r\n"
        )
        return (head + parts).encode()


def _attached(part: Message) -> SentFile:
    content = part.get_payload(decode=True)
    data = content if isinstance(content, bytes) else b""
    return StoredFile("", str(part.get_filename()), part.get_content_type(), data).sent()


def _refused(code: int, text: str) -> RefusedError:
    return RefusedError(Answer(code, text))


def _reply(reaction: Reaction) -> Reply:
    """The reply that a reaction of the channel is in SMTP."""
    if isinstance(reaction, Cut):
        raise HangUpError
    if isinstance(reaction, Torn):
        return Reply(reaction.answer.status, "", cut=True)
    text = reaction.body if isinstance(reaction.body, str) else "4.3.0 as told"
    return Reply(reaction.status if reaction.status == 250 or reaction.status >= 400 else 451, text)
