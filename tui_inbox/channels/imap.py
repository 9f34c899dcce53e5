"""Reading a mailbox by IMAP: what came after a cursor, without marking anything.

The cursor is the folder's UIDVALIDITY, the last UID that was read, and the day of the first look. When the server has
numbered the folder anew, all mails since that day are read again; their Message-IDs keep them from doubling. Before the
first look nothing is read: a mailbox may hold years of mail.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxLoginError

from tui_inbox.channels.email_reading import TOO_LARGE
from tui_inbox.channels.port import Polled, PollError

BATCH = 20
"""Mails read at a time."""
MAIL_MAXIMUM = 25 << 20
"""Bytes of a mail that is fetched whole; of a larger one the head alone is read."""
TIMEOUT = 30.0
"""Seconds for each answer of the server."""


@dataclass(frozen=True)
class Account:
    """Where the mailbox is and how it is opened."""

    host: str
    port: int
    security: str
    """``tls``, ``starttls`` or ``none``."""
    user: str
    password: str
    folder: str


@dataclass(frozen=True)
class Place:
    """A cursor, taken apart."""

    validity: int
    uid: int
    since: date

    @classmethod
    def of(cls, cursor: str) -> Place | None:
        """The place that :attr:`cursor` names; ``None`` for none."""
        match = re.fullmatch(r"(\d+):(\d+):(\d{4}-\d\d-\d\d)", cursor)
        return cls(int(match[1]), int(match[2]), date.fromisoformat(match[3])) if match else None

    @property
    def cursor(self) -> str:
        """As it is kept."""
        return f"{self.validity}:{self.uid}:{self.since.isoformat()}"


def read(account: Account, cursor: str, today: datetime) -> Polled:
    """At most :data:`BATCH` mails after ``cursor``. Blocks. Raises :class:`PollError`."""
    with _opened(account) as box:
        status = box.folder.status(account.folder, ["UIDVALIDITY", "UIDNEXT"])
        box.folder.set(account.folder, readonly=True)
        validity, following = int(status["UIDVALIDITY"]), int(status["UIDNEXT"])
        place = Place.of(cursor)
        if place is None:
            return Polled((), Place(validity, following - 1, today.date()).cursor)
        anew = place.validity != validity
        after = 0 if anew else place.uid
        wanted = f"UID {after + 1}:*" + (f" SINCE {place.since:%d-%b-%Y}" if anew else "")
        # "n:*" always holds the last mail, also when its number is below n.
        uids = sorted(int(uid) for uid in box.uids(wanted) if int(uid) > after)
        bodies = [body for uid in uids[:BATCH] if (body := _mail(box, uid)) is not None]
        last = uids[:BATCH][-1] if uids else max(after, following - 1 if anew else after)
        return Polled(bodies, Place(validity, last, place.since).cursor, more=len(uids) > BATCH)


def look(account: Account) -> int:
    """How many mails the folder holds. Blocks. Raises :class:`PollError`."""
    with _opened(account) as box:
        return int(box.folder.status(account.folder, ["MESSAGES"])["MESSAGES"])


@contextlib.contextmanager
def _opened(account: Account) -> Iterator[BaseMailBox]:
    where = f"The mailbox at {account.host}:{account.port}"
    try:
        box = _box(account)
    except (OSError, ValueError, ImapToolsError, box_errors()) as error:
        raise PollError(f"{where} can't be reached ({type(error).__name__}). Check imap_host and imap_port.") from None
    try:
        box.login(account.user, account.password, initial_folder=None)
        yield box
    except MailboxLoginError:
        raise PollError(
            f"{where} refused user or password. Set the password anew, then: tui-inbox channel test NAME", refused=True
        ) from None
    except (ImapToolsError, box_errors(), OSError, ValueError, KeyError, IndexError) as error:
        told = f"{where} failed to answer ({type(error).__name__}). Check folder '{account.folder}'; it is asked again."
        raise PollError(told) from None
    finally:
        with contextlib.suppress(Exception):  # whatever the server says to a good-bye
            box.client.socket().settimeout(1.0)
            box.logout()
        with contextlib.suppress(OSError, AttributeError):
            box.client.shutdown()


def box_errors() -> type[Exception]:
    """What the library beneath raises for broken answers and lines."""
    import imaplib

    return imaplib.IMAP4.error


def _box(account: Account) -> BaseMailBox:
    options: dict[str, Any] = {"host": account.host, "port": account.port, "timeout": TIMEOUT}
    try:
        if account.security == "tls":
            return MailBox(**options)
        return MailBoxStartTls(**options) if account.security == "starttls" else MailBoxUnencrypted(**options)
    except socket.gaierror as error:
        raise OSError(error.strerror) from None


def _mail(box: BaseMailBox, uid: int) -> bytes | None:
    """One mail, raw; ``None`` when it has gone meanwhile."""
    size = _number(box.client.uid("FETCH", str(uid), "(RFC822.SIZE)"))
    if size is None:
        return None
    if size > MAIL_MAXIMUM:
        head = _bytes(box.client.uid("FETCH", str(uid), "(BODY.PEEK[HEADER])"))
        return None if head is None else f"{TOO_LARGE}: {size}\r\n".encode() + head
    return _bytes(box.client.uid("FETCH", str(uid), "(BODY.PEEK[])"))


def _number(answer: tuple[str, list[Any]]) -> int | None:
    for item in answer[1] or ():
        text = item[0] if isinstance(item, tuple) else item
        match = re.search(rb"RFC822\.SIZE (\d+)", text) if isinstance(text, bytes) else None
        if match:
            return int(match[1])
    return None


def _bytes(answer: tuple[str, list[Any]]) -> bytes | None:
    return next((bytes(item[1]) for item in answer[1] or () if isinstance(item, tuple)), None)
