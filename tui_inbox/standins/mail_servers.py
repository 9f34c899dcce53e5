"""A mail server of one mailbox, as far as the inbox needs it: SMTP to send through, IMAP to read from.

Strict about order and form, as the real ones are: no mail before a login, nothing but CRLF, reading marks nothing.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

LINE_MAXIMUM = 8192
MAIL_MAXIMUM = 30 << 20
"""Bytes."""


class HangUpError(Exception):
    """Break the connection."""


@dataclass(frozen=True)
class Reply:
    """One reply of SMTP: a code and its words; ``cut`` = the line breaks off and the connection with it."""

    code: int
    text: str
    cut: bool = False


@dataclass
class StoredMail:
    """A mail in the folder."""

    uid: int
    raw: bytes
    at: datetime


@dataclass
class Folder:
    """The one folder of the mailbox."""

    validity: int = 1
    mails: list[StoredMail] = field(default_factory=list)

    @property
    def next_uid(self) -> int:
        """The number of the next mail."""
        return self.mails[-1].uid + 1 if self.mails else 1

    def add(self, raw: bytes, at: datetime) -> None:
        """Put a mail in."""
        self.mails.append(StoredMail(self.next_uid, raw, at))


Take = Callable[[str, str, bytes], Awaitable[Reply]]
"""What becomes of a mail: sender, recipient, the mail. Raises :class:`HangUpError`."""


class SmtpSession:
    """One connection to send mail."""

    def __init__(self, user: str, password: str, take: Take) -> None:
        self._user, self._password, self._take = user, password, take
        self._greeted = self._known = False
        self._sender = self._recipient = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the other side goes."""
        await _say(writer, "220 mail.example ESMTP")
        while line := await _line(reader):
            verb, _, rest = line.partition(" ")
            reply = await self._answer(verb.upper(), rest, reader, writer)
            if reply.cut:
                writer.write(f"{reply.code}"[:2].encode())
                await writer.drain()
                return
            await _say(writer, reply.text if reply.code == 0 else f"{reply.code} {reply.text}")
            if verb.upper() == "QUIT":
                return

    async def _answer(self, verb: str, rest: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Reply:
        match verb:
            case "EHLO":
                self._greeted = True
                return Reply(0, f"250-mail.example\r\n250-SIZE {MAIL_MAXIMUM}\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN")
            case "AUTH" if self._greeted:
                return await self._login(rest, reader, writer)
            case "MAIL" if self._known and not self._sender:
                self._sender = _path(rest, "FROM:")
                return Reply(250, "2.1.0 Ok") if self._sender else Reply(501, "5.1.7 Bad sender address syntax")
            case "MAIL" if not self._known:
                return Reply(530, "5.7.0 Authentication required")
            case "RCPT" if self._sender:
                self._recipient = _path(rest, "TO:")
                return Reply(250, "2.1.5 Ok") if self._recipient else Reply(501, "5.1.3 Bad recipient address syntax")
            case "DATA" if self._recipient:
                return await self._data(reader, writer)
            case "RSET" | "NOOP":
                self._sender = self._recipient = ""
                return Reply(250, "2.0.0 Ok")
            case "QUIT":
                return Reply(221, "2.0.0 Bye")
            case "AUTH" | "MAIL" | "RCPT" | "DATA":
                return Reply(503, "5.5.1 Bad sequence of commands")
            case _:
                return Reply(502, "5.5.2 Command not recognized")

    async def _login(self, rest: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Reply:
        mechanism, _, first = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            given = _decoded(first or await _ask(reader, writer, "334 ")).split("\0")[1:]
        elif mechanism.upper() == "LOGIN":
            user = first or await _ask(reader, writer, "334 VXNlcm5hbWU6")
            given = [_decoded(user), _decoded(await _ask(reader, writer, "334 UGFzc3dvcmQ6"))]
        else:
            return Reply(504, "5.5.4 Unrecognized authentication type")
        self._known = given == [self._user, self._password]
        return Reply(235, "2.7.0 Accepted") if self._known else Reply(535, "5.7.8 Authentication credentials invalid")

    async def _data(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Reply:
        await _say(writer, "354 End data with <CR><LF>.<CR><LF>")
        lines: list[bytes] = []
        while (line := await reader.readline()) != b".\r\n":
            if not line.endswith(b"\r\n") or len(line) > LINE_MAXIMUM:
                return Reply(554, "5.6.0 Lines must end with CRLF and be short")
            lines.append(line[1:] if line.startswith(b".") else line)
        sender, recipient = self._sender, self._recipient
        self._sender = self._recipient = ""
        return await self._take(sender, recipient, b"".join(lines))


class ImapSession:
    """One connection to read mail."""

    def __init__(self, user: str, password: str, folder: Folder) -> None:
        self._user, self._password, self._folder = user, password, folder
        self._known = self._selected = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the other side goes."""
        await _say(writer, "* OK IMAP4rev1 ready")
        while line := await _line(reader):
            tag, _, command = line.partition(" ")
            verb, _, rest = command.partition(" ")
            for answer in self._answer(verb.upper(), rest):
                writer.write(answer if isinstance(answer, bytes) else f"{answer.replace('TAG', tag, 1)}\r\n".encode())
            await writer.drain()
            if verb.upper() == "LOGOUT":
                return

    def _answer(self, verb: str, rest: str) -> list[str | bytes]:
        match verb:
            case "CAPABILITY":
                return ["* CAPABILITY IMAP4rev1", "TAG OK done"]
            case "NOOP":
                return ["TAG OK done"]
            case "LOGOUT":
                return ["* BYE", "TAG OK done"]
            case "LOGIN":
                self._known = _words(rest) == [self._user, self._password]
                return ["TAG OK logged in" if self._known else "TAG NO [AUTHENTICATIONFAILED] wrong"]
            case _ if not self._known:
                return ["TAG BAD log in first"]
            case "STATUS":
                return self._status(rest)
            case "SELECT" | "EXAMINE":
                return self._select(rest)
            case "UID" if self._selected:
                verb, _, rest = rest.partition(" ")
                return self._search(rest) if verb.upper() == "SEARCH" else self._fetch(rest)
            case _:
                return ["TAG BAD unknown command"]

    def _status(self, rest: str) -> list[str | bytes]:
        folder = self._folder
        if _words(rest)[0].upper() != "INBOX":
            return ["TAG NO no such folder"]
        told = f"MESSAGES {len(folder.mails)} UIDNEXT {folder.next_uid} UIDVALIDITY {folder.validity}"
        return [f"* STATUS INBOX ({told})", "TAG OK done"]

    def _select(self, rest: str) -> list[str | bytes]:
        if _words(rest)[0].upper() != "INBOX":
            return ["TAG NO no such folder"]
        self._selected = True
        return [f"* {len(self._folder.mails)} EXISTS", "* 0 RECENT", "* FLAGS ()", "TAG OK [READ-ONLY] done"]

    def _search(self, rest: str) -> list[str | bytes]:
        match = re.search(r"UID (\d+):\*(?: SINCE (\S+))?", rest.strip("()"))
        if match is None:
            return ["TAG BAD what is asked for?"]
        since = datetime.strptime(match[2].strip('")'), "%d-%b-%Y").replace(tzinfo=UTC) if match[2] else None
        last = self._folder.mails[-1].uid if self._folder.mails else 0
        found = [
            str(mail.uid)
            for mail in self._folder.mails
            if mail.uid >= min(int(match[1]), last) and (since is None or mail.at.date() >= since.date())
        ]
        return [" ".join(["* SEARCH", *found]), "TAG OK done"]

    def _fetch(self, rest: str) -> list[str | bytes]:
        uid, _, wanted = rest.partition(" ")
        for number, mail in enumerate(self._folder.mails, 1):
            if str(mail.uid) != uid:
                continue
            if "RFC822.SIZE" in wanted:
                return [f"* {number} FETCH (UID {uid} RFC822.SIZE {len(mail.raw)})", "TAG OK done"]
            head = "HEADER" in wanted
            raw = mail.raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if head else mail.raw
            name = "BODY[HEADER]" if head else "BODY[]"
            begin = f"* {number} FETCH (UID {uid} {name} {{{len(raw)}}}\r\n".encode()
            return [begin + raw + b")\r\n", "TAG OK done"]
        return ["TAG OK done"]


async def listen(session: Callable[[], SmtpSession | ImapSession], host: str, port: int) -> asyncio.Server:
    """A server that gives each connection a session of its own and closes it afterwards."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await session().serve(reader, writer)
        except (HangUpError, ConnectionError, asyncio.IncompleteReadError, ValueError):
            writer.transport.abort()
        except asyncio.CancelledError:  # the server ends; the stream would log it as a failure of its own
            return
        finally:
            writer.close()

    return await asyncio.start_server(connected, host, port, limit=MAIL_MAXIMUM)


async def _say(writer: asyncio.StreamWriter, text: str) -> None:
    writer.write(text.encode() + b"\r\n")
    await writer.drain()


async def _line(reader: asyncio.StreamReader) -> str:
    return (await reader.readline()).decode("utf-8", "replace").rstrip("\r\n")


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, question: str) -> str:
    await _say(writer, question)
    return await _line(reader)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def _path(rest: str, name: str) -> str:
    match = re.match(rf"(?i){name}<([^<>\s]+@[^<>\s]+)>", rest)
    return match[1] if match else ""


def _words(rest: str) -> list[str]:
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', rest)
    return [re.sub(r"\\(.)", r"\1", quoted) if quoted else plain for quoted, plain in found]
