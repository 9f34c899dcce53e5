"""Reading a mailbox by IMAP: what came after a cursor, without marking anything.

The cursor is the folder's UIDVALIDITY, the last UID that was read, and the day of the first look. When the server has
numbered the folder anew, all mails since that day are read again; their Message-IDs keep them from doubling. Before the
first look nothing is read: a mailbox may hold years of mail.
"""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from imaplib import IMAP4
from typing import Any

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxLoginError

from tui_inbox.channels.email_reading import TOO_LARGE
from tui_inbox.channels.port import Polled, PollError

BATCH = 20
"""Mails read at a time."""
BATCH_BYTES = 8 << 20
"""Bytes after which no further mail is read at that time."""
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
    """Some of the mails after ``cursor``. Blocks. Raises :class:`PollError`."""
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
        bodies, last = _some(box, uids)
        if last is None:
            last = following - 1 if anew else after
        return Polled(bodies, Place(validity, last, place.since).cursor, more=bool(uids) and last < uids[-1])


def _some(box: BaseMailBox, uids: Sequence[int]) -> tuple[list[bytes], int | None]:
    """The first of these mails, not too many and not too large together; and the number of the last one."""
    bodies: list[bytes] = []
    last = None
    for uid in uids[:BATCH]:
        body, last = _mail(box, uid), uid
        if body is not None:
            bodies.append(body)
        if sum(map(len, bodies)) >= BATCH_BYTES:
            break
    return bodies, last


def look(account: Account) -> int:
    """How many mails the folder holds. Blocks. Raises :class:`PollError`."""
    with _opened(account) as box:
        return int(box.folder.status(account.folder, ["MESSAGES"])["MESSAGES"])


@contextlib.contextmanager
def _opened(account: Account) -> Iterator[BaseMailBox]:
    where = f"The mailbox at {account.host}:{account.port}"
    try:
        box = _box(account)
    except ssl.SSLError:
        raise PollError(f"{where} has no certificate that this machine trusts. The password was not sent.") from None
    except (OSError, ValueError, ImapToolsError, IMAP4.error) as error:
        raise PollError(f"{where} can't be reached ({type(error).__name__}). Check imap_host and imap_port.") from None
    try:
        box.login(account.user, account.password, initial_folder=None)
        yield box
    except MailboxLoginError:
        raise PollError(
            f"{where} refused user or password. Set the password anew, then: tui-inbox channel test NAME", refused=True
        ) from None
    except (ImapToolsError, IMAP4.error, OSError, ValueError, KeyError, IndexError) as error:
        told = f"{where} failed to answer ({type(error).__name__}). Check folder '{account.folder}'; it is asked again."
        raise PollError(told) from None
    finally:
        with contextlib.suppress(Exception):  # whatever the server says to a good-bye
            box.client.socket().settimeout(1.0)
            box.logout()
        with contextlib.suppress(OSError, AttributeError):
            box.client.shutdown()


def _box(account: Account) -> BaseMailBox:
    options: dict[str, Any] = {"host": account.host, "port": account.port, "timeout": TIMEOUT}
    if account.security == "none":
        return MailBoxUnencrypted(**options)
    # Left to themselves, both would take any certificate, and the password goes there.
    options["ssl_context"] = ssl.create_default_context()
    return MailBox(**options) if account.security == "tls" else MailBoxStartTls(**options)


def _mail(box: BaseMailBox, uid: int) -> bytes | None:
    """One mail, raw; ``None`` when it has gone meanwhile."""
    size = _size(_fetched(box, uid, "RFC822.SIZE"))
    if size is None:
        return None
    if size > MAIL_MAXIMUM:
        head = _literal(_fetched(box, uid, "BODY.PEEK[HEADER]"))
        return None if head is None else f"{TOO_LARGE}: {size}\r\n".encode() + head
    return _literal(_fetched(box, uid, "BODY.PEEK[]"))


def _fetched(box: BaseMailBox, uid: int, what: str) -> Sequence[Any]:
    """Items of the answer; none when the mail has gone. A server that refuses is no reason to pass over a mail."""
    status, items = box.client.uid("FETCH", str(uid), f"({what})")
    if status != "OK":
        raise IMAP4.error(f"FETCH {what}: {status}")
    return items or ()


def _size(items: Sequence[Any]) -> int | None:
    for item in items:
        text = item[0] if isinstance(item, tuple) else item
        match = re.search(rb"RFC822\.SIZE (\d+)", text) if isinstance(text, bytes) else None
        if match:
            return int(match[1])
    return None


def _literal(items: Sequence[Any]) -> bytes | None:
    return next((bytes(item[1]) for item in items if isinstance(item, tuple)), None)
