"""Writing a mail: an answer in the customer's thread, and nothing that an agent's text could smuggle into its head."""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from tui_inbox.channels.email_reading import subject_of
from tui_inbox.domain.clock import Clock
from tui_inbox.domain.events import Outgoing

SUBJECT_MAXIMUM = 200
"""Characters of a subject."""


def message_id(message: Outgoing, address: str) -> str:
    """The ``Message-ID``: the same at every try, so that a late report or answer names this very message."""
    return f"<{message.message_id}@{address.rpartition('@')[2]}>"


def write(message: Outgoing, *, address: str, name: str, subject: str, clock: Clock) -> bytes:
    """The mail as it goes over the wire, lines ended by CRLF. ``subject`` is for a mail that answers none."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(_one_line(name), addr_spec=address)
    mail["To"] = Address(addr_spec=message.address)
    mail["Subject"] = _subject(message, subject)
    mail["Date"] = format_datetime(clock())
    mail["Message-ID"] = message_id(message, address)
    answered = message.answered.provider_id if message.answered is not None else ""
    if re.fullmatch(r"<[!-;=?-~]+>", answered):
        mail["In-Reply-To"] = answered
        mail["References"] = answered
    mail.set_content(message.text, charset="utf-8", cte="quoted-printable")
    for file in message.files:
        main, _, sub = file.media_type.partition("/")
        mail.add_attachment(file.content, maintype=main, subtype=sub, filename=_one_line(file.name))
    return mail.as_bytes()


def _subject(message: Outgoing, subject: str) -> str:
    heard = subject_of(message.answered.text) if message.answered is not None else ""
    if not heard:
        return _one_line(subject)
    return _one_line(heard if re.match(r"(?i)re\s*:", heard) else f"Re: {heard}")


def _one_line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())[
        :SUBJECT_MAXIMUM
    ]
