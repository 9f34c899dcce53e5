"""Files in stand-ins: what customers send, what is uploaded, and how a form with a file is read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tui_inbox.domain.attachments import kind_of

if TYPE_CHECKING:
    from tui_inbox.standins.platform import Call

SERVED = "/_files/"
"""Before the id of a file that a customer has sent, in its address."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class StoredFile:
    """A file that a stand-in holds."""

    id: str
    name: str
    media_type: str
    content: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        """``photo``, ``audio``, ``video`` or ``document``."""
        return kind_of(self.media_type)

    def sent(self) -> SentFile:
        """As it stands in what was accepted."""
        digest = hashlib.sha256(self.content).hexdigest()
        return SentFile(self.name, self.media_type, len(self.content), digest)


@dataclass(frozen=True)
class SentFile:
    """A file in a message that was accepted: uploaded, or only named by its address."""

    name: str = ""
    media_type: str = ""
    size: int = 0
    sha256: str = ""
    link: str = ""


@dataclass(frozen=True)
class Form:
    """A form of type ``multipart/form-data``."""

    fields: Mapping[str, str]
    files: Mapping[str, StoredFile]
    """By field; without ids."""


def form_of(call: Call) -> Form | None:
    """The form in a request; ``None`` when it is none."""
    media_type = call.headers.get("content-type", "")
    if not media_type.startswith("multipart/form-data"):
        return None
    head = f"Content-Type: {media_type}\r\nMIME-Version: 1.0\r\n\r\n".encode("latin-1")
    parsed = message_from_bytes(head + call.body, policy=policy.HTTP)
    fields: dict[str, str] = {}
    files: dict[str, StoredFile] = {}
    for part in parsed.iter_parts() if isinstance(parsed, EmailMessage) else ():
        name = str(part.get_param("name", "", header="content-disposition"))
        content = part.get_payload(decode=True)
        data = content if isinstance(content, bytes) else b""
        if part.get_filename() is None:
            fields[name] = data.decode("utf-8", "replace")
        else:
            files[name] = StoredFile("", str(part.get_filename()), part.get_content_type(), data)
    return Form(fields, files)


def is_link(value: object) -> bool:
    """Whether a channel could fetch a file there: by HTTPS, or by HTTP on this machine."""
    if not isinstance(value, str):
        return False
    parts = urlsplit(value)
    return bool(parts.netloc) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))
