"""Email: sending by SMTP, reading by IMAP (reference: channels, section 11; reliability, section 1.8).

Before the mail's own bytes have gone out a failure is definite; once they have, only the server's answer tells. Each
send is a connection of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime

import aiosmtplib

from tui_inbox.channels import email_reading, imap
from tui_inbox.channels.email_errors import LABEL, refusal
from tui_inbox.channels.email_writing import message_id, write
from tui_inbox.channels.http import FailureKind, Http, HttpFailure
from tui_inbox.channels.outcomes import accepted, from_failure, refused
from tui_inbox.channels.port import (
    ChannelCheck,
    FirstByteGuard,
    Polled,
    PollError,
    RemoteTemplate,
    Secrets,
    WebhookAnswer,
    WebhookRequest,
)
from tui_inbox.domain.clock import boottime
from tui_inbox.domain.errors import UsageError
from tui_inbox.domain.events import ChannelEvent, Outgoing, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, ErrorClass

PORTS = {"smtp": {"starttls": 587, "tls": 465, "none": 25}, "imap": {"tls": 993, "starttls": 143, "none": 143}}
"""Ports by protocol and security, where the settings name none."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ANSWER_TIMEOUT = 20.0
"""Seconds for each answer of the server."""
WRONG_ADDRESS = refused(ErrorClass.INVALID, "The customer's mail address can't be written to. Correct it.")


class EmailAdapter:
    """One mailbox."""

    kind: ChannelKind = ChannelKind.EMAIL
    keyed: bool = False
    threads: bool = True
    body_maximum: int = imap.MAIL_MAXIMUM
    required_config: Sequence[str] = ("address", "smtp_host", "imap_host")
    required_secrets: Sequence[str] = ("password",)
    webhook_secrets: Sequence[str] = ()
    webhook_types: frozenset[str] = frozenset()
    webhook_answer: WebhookAnswer = WebhookAnswer()

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        self._address = config["address"]
        self._name = config.get("from_name", "")
        self._subject = config.get("subject", "") or "Your request"
        self._user = config.get("user", "") or self._address
        self._password = secrets.get("password")
        self._smtp = _server(config, "smtp", "starttls")
        self._imap = imap.Account(
            *_server(config, "imap", "tls"), self._user, self._password, config.get("folder", "") or "INBOX"
        )
        self._total, self._clock = http.total, http.clock

    @property
    def receives(self) -> bool:
        """Never by webhook: the mailbox is asked."""
        return False

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send a mail. Raises only what the guard raises."""
        if not email_reading.is_address(message.address):
            return WRONG_ADDRESS.outcome("")
        raw = write(message, address=self._address, name=self._name, subject=self._subject, clock=self._clock)
        sending = _Sending(self._client(), boottime() + self._total)
        try:
            async with asyncio.timeout(self._total):
                await self._login(sending.client)
                await sending.ask(before_first_byte)
                await sending.send(self._address, message.address, raw)
        except (aiosmtplib.SMTPException, OSError) as error:
            if error is sending.guard_error:
                raise
            # A reply that can't be read has no code of the server's.
            if isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code < 600:
                return refusal(error.code, error.message)
            kind = FailureKind.AMBIGUOUS if sending.may_be_out else FailureKind.NOT_SENT
            return from_failure(LABEL, HttpFailure(kind, _told(error)))
        finally:
            sending.client.close()
        return accepted(LABEL, message_id(message, self._address), None)

    def verify(self, request: WebhookRequest) -> bool:
        """There are no webhooks."""
        return False

    def handshake(self, request: WebhookRequest) -> str | None:
        """There are no webhooks."""
        return None

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """The events of one mail. Raises :class:`PayloadError`."""
        return email_reading.parse(body, self._address, received_at)

    async def poll(self, cursor: str, wait: float) -> Polled:
        """The mails after ``cursor``; does not wait for any. Raises :class:`PollError`."""
        return await asyncio.to_thread(imap.read, self._imap, cursor, self._clock())

    async def templates(self) -> Sequence[RemoteTemplate]:
        """Mail has none."""
        return ()

    async def check(self) -> ChannelCheck:
        """Log in to both servers; sends nothing."""
        client = self._client()
        try:
            async with asyncio.timeout(self._total):
                await self._login(client)
        except aiosmtplib.SMTPAuthenticationError:
            return ChannelCheck(False, f"{LABEL} refused user or password for sending. Set the password anew.")
        except (aiosmtplib.SMTPException, OSError) as error:
            return ChannelCheck(False, f"{LABEL} {_told(error)}. Check smtp_host, smtp_port and smtp_security.")
        finally:
            client.close()
        try:
            held = await asyncio.to_thread(imap.look, self._imap)
        except PollError as error:
            return ChannelCheck(False, str(error))
        return ChannelCheck(True, f"Mail: {self._address} can be sent from, and its {self._imap.folder} ({held}) read.")

    async def close(self) -> None:
        """Nothing is kept open."""

    def _client(self) -> aiosmtplib.SMTP:
        host, port, security = self._smtp
        return aiosmtplib.SMTP(
            hostname=host,
            port=port,
            use_tls=security == "tls",
            start_tls=security == "starttls",
            timeout=min(ANSWER_TIMEOUT, self._total),
        )

    async def _login(self, client: aiosmtplib.SMTP) -> None:
        await client.connect()
        await client.login(self._user, self._password)


class _Sending:
    """One mail on its way."""

    def __init__(self, client: aiosmtplib.SMTP, deadline: float) -> None:
        self.client = client
        self.may_be_out = False
        self.guard_error: BaseException | None = None
        self._deadline = deadline

    async def ask(self, guard: FirstByteGuard) -> None:
        """Let the guard decide; what it raises is told apart from what the server does."""
        try:
            await guard()
        except BaseException as error:
            self.guard_error = error
            raise

    async def send(self, sender: str, recipient: str, raw: bytes) -> None:
        """Hand the mail over. From the moment that :attr:`may_be_out` is set only an answer says what became of it."""
        await self.client.mail(sender)
        await self.client.rcpt(recipient)
        # A process that was frozen half-way and is woken comes by here before any timer of the event loop can stop it.
        if boottime() >= self._deadline:
            raise TimeoutError
        self.may_be_out = True
        await self.client.data(raw)
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await self.client.quit()


def _server(config: Mapping[str, str], name: str, usual: str) -> tuple[str, int, str]:
    """Host, port and security of a server. Raises :class:`UsageError`."""
    host = config[f"{name}_host"]
    security = config.get(f"{name}_security", "") or usual
    if security not in PORTS[name]:
        raise UsageError(f"{name}_security must be tls, starttls or none, not '{security}'.")
    if security == "none" and host not in LOOPBACK:
        raise UsageError(f"{name}_security can be none on this machine only, since the password goes there.")
    told = config.get(f"{name}_port", "") or str(PORTS[name][security])
    if not (told.isascii() and told.isdigit() and 0 < int(told) < 65_536):
        raise UsageError(f"{name}_port must be a number from 1 to 65535.")
    return host, int(told), security


def _told(error: BaseException) -> str:
    """What happened, in plain words and without addresses."""
    if isinstance(error, TimeoutError | aiosmtplib.SMTPTimeoutError):
        return "did not answer in time"
    if isinstance(error, ssl.SSLError):
        return "has no certificate that this machine trusts"
    if isinstance(error, aiosmtplib.SMTPServerDisconnected):
        return "broke the connection"
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        return "does not offer what is needed (TLS, or a way to log in)"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return "answered something that is no mail protocol"
    return "can't be reached"
