"""Reading a mail: who wrote what, or which of our mails came back, or that a machine answered.

A mail is whatever somebody on the internet sent: every part may be missing, wrong or enormous. What can't be decoded
is shown as far as it can be; nothing here raises for it, except :class:`PayloadError` for bytes that are no mail.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from tui_inbox.channels import placeholders
from tui_inbox.channels.email_errors import bounce
from tui_inbox.channels.port import PayloadError
from tui_inbox.domain.attachments import NAME_MAXIMUM, RemoteFile
from tui_inbox.domain.events import ChannelEvent, InboundMessage, ReceiptEvent
from tui_inbox.domain.kinds import InboundKind, Receipt

TEXT_MAXIMUM = 100_000
"""Characters of a mail that are shown."""
HTML_MAXIMUM = 1 << 20
"""Characters of HTML that are turned into text."""
PARTS_MAXIMUM = 200
"""Parts of a mail that are looked at."""
ID_MAXIMUM = 500
SUBJECT = "Subject: "
"""Begins the first line of a mail in the thread."""
TOO_LARGE = "X-Inbox-Too-Large"
"""Put before the head of a mail whose body was left on the server; its size in bytes."""
_AUTOMATIC = frozenset({"bulk", "auto_reply", "junk", "list"})
_ATTRIBUTION = re.compile(r"(?im)^.{0,200}\b(wrote|writes|schrieb|a écrit|escribió|ha scritto|escreveu|kirjoitti)\s*:$")


def parse(raw: bytes, address: str, received_at: datetime) -> Sequence[ChannelEvent]:
    """The events of one mail to the mailbox ``address``. Raises :class:`PayloadError` for what is no mail."""
    try:
        mail = message_from_bytes(raw, policy=policy.compat32)
    except (MessageError, ValueError, RecursionError) as error:
        raise PayloadError(f"the mail can't be read ({type(error).__name__})") from error
    if mail.get("from") is None:
        raise PayloadError("the body is no mail: it has no sender")
    parts = list(_parts(mail))
    if mail.get_content_type() == "multipart/report":
        return list(_report(mail, parts, address, received_at, raw))
    return list(_message(mail, parts, address, received_at, raw))


def subject_of(shown: str) -> str:
    """The subject of a mail, from its text in the thread; empty where it had none."""
    first, _, _ = shown.partition("\n")
    return first.removeprefix(SUBJECT) if first.startswith(SUBJECT) else ""


def is_address(text: str) -> bool:
    """Whether a mail can go there, by its form."""
    return re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}", text) is not None


def _message(
    mail: Message, parts: Sequence[Message], address: str, received_at: datetime, raw: bytes
) -> Iterator[ChannelEvent]:
    sender = _first_address(mail, "from")
    writer = _first_address(mail, "reply-to") if _first_address(mail, "reply-to")[1] else sender
    if not writer[1] or address.lower() in (writer[1], sender[1]):
        return  # our own mail, or one that nobody can answer
    if writer[1].partition("@")[0] in {"mailer-daemon", "postmaster"}:
        return
    at, ident = _sent_at(mail, received_at), _identifier(mail)
    yield from _answers(mail, address, at, ident)
    files = tuple(_file(part) for part in parts if _is_file(part))
    key = ident or f"sha256:{hashlib.sha256(raw).hexdigest()}"
    yield InboundMessage(
        address=writer[1],
        key=key,
        provider_id=key,
        at=at,
        text=_shown(mail, parts, files),
        kind=InboundKind.AUTOMATIC if _by_a_machine(mail) else InboundKind.MESSAGE,
        name=writer[0] or sender[0],
        email=writer[1],
        attachments=tuple(file.kind for file in files),
        files=files,
    )


def _answers(mail: Message, address: str, at: datetime, ident: str) -> Iterator[ReceiptEvent]:
    """An answer proves that the mail it answers has arrived, whatever became of its sending."""
    ours = _ours(_line(mail, "in-reply-to"), address)
    if ours:
        key = f"answered:{ours}:{ident}"[:ID_MAXIMUM]
        yield ReceiptEvent(key, at, Receipt.READ, provider_id=f"<{ours}@{_domain(address)}>", echo=ours)


def _report(
    mail: Message, parts: Sequence[Message], address: str, received_at: datetime, raw: bytes
) -> Iterator[ChannelEvent]:
    """A report on the delivery of one of our mails (RFC 3464); one on somebody else's is no event."""
    ours = next((found for part in parts if (found := _returned(part, address))), "")
    if not ours:
        return
    at = _sent_at(mail, received_at)
    for part in parts:
        if part.get_content_type() != "message/delivery-status":
            continue
        for number, fields in enumerate(_blocks(part)):
            action = _line(fields, "action").lower()
            key = f"report:{ours}:{number}:{hashlib.sha256(raw).hexdigest()[:32]}"
            ident = f"<{ours}@{_domain(address)}>"
            if action == "failed":
                told = bounce(_line(fields, "status").split(" ")[0])
                yield ReceiptEvent(
                    key,
                    at,
                    Receipt.NONE,
                    provider_id=ident,
                    echo=ours,
                    error_class=told.error_class,
                    error_code=told.code,
                    error_text=told.text,
                )
            elif action in {"delivered", "relayed", "expanded"}:
                yield ReceiptEvent(key, at, Receipt.DELIVERED, provider_id=ident, echo=ours)


def _blocks(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    for block in payload if isinstance(payload, list) else ():
        if isinstance(block, Message):
            yield block


def _returned(part: Message, address: str) -> str:
    """Our id of the mail whose head comes back in a report."""
    if part.get_content_type() not in {"message/rfc822", "text/rfc822-headers", "message/rfc822-headers"}:
        return ""
    inner = part.get_payload()
    if isinstance(inner, list):
        head: Message = inner[0] if inner and isinstance(inner[0], Message) else Message()
    else:
        head = message_from_bytes(_decoded(part), policy=policy.compat32)
    return _ours(_line(head, "message-id"), address)


def _ours(identifier: str, address: str) -> str:
    """Our own id of a message, out of a ``Message-ID`` that we made."""
    match = re.search(r"<([A-Za-z0-9-]{1,64})@([^<>@\s]+)>", identifier)
    return match[1] if match and match[2].lower() == _domain(address) else ""


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _by_a_machine(mail: Message) -> bool:
    automatic = _line(mail, "auto-submitted").lower()
    return (
        (bool(automatic) and automatic != "no")
        or _line(mail, "precedence").lower() in _AUTOMATIC
        or any(mail.get(name) is not None for name in ("x-autoreply", "x-autorespond", "list-id"))
    )


def _file(part: Message) -> RemoteFile:
    content, media_type = _decoded(part), part.get_content_type().lower()
    name = _unfolded(part.get_filename() or "")[:NAME_MAXIMUM]
    return RemoteFile(placeholders.of_media_type(media_type), "", name, media_type, len(content), content)


def _shown(mail: Message, parts: Sequence[Message], files: Sequence[RemoteFile]) -> str:
    first, size = next(iter(mail.raw_items()))  # ours stands before all that came with the mail
    large = re.fullmatch(r"\s*([0-9]{1,12})", str(size)) if first == TOO_LARGE else None
    body = f"[mail of {int(large[1]):,} bytes: too large, read it in the mailbox]" if large else _text(parts)
    lines = [placeholders.marked(file.kind, file.name) for file in files]
    subject = _line(mail, "subject")[:ID_MAXIMUM]
    head = f"{SUBJECT}{subject}\n\n" if subject else ""
    return (head + "\n".join([part for part in (body, *lines) if part])).strip()


def _text(parts: Sequence[Message]) -> str:
    """What was written: the plain text, else the HTML as text, without the mail that it answers."""
    readable = [part for part in parts if not _is_file(part)]
    for wanted, reader in (("text/plain", _words), ("text/html", _html)):
        texts = [reader(part) for part in readable if part.get_content_type() == wanted]
        if any(text.strip() for text in texts):
            whole = "\n".join(texts).replace("\r\n", "\n").strip()
            shown = _without_quotes(whole)
            return shown if len(shown) <= TEXT_MAXIMUM else shown[:TEXT_MAXIMUM] + "\n[the rest is in the mailbox]"
    return ""


def _without_quotes(text: str) -> str:
    """Without the answered mail at the end: its lines begin with ``>``, or a line before it says who wrote."""
    lines = text.split("\n")
    end = len(lines)
    while end and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith(">")):
        end -= 1
    quoted = any(line.lstrip().startswith(">") for line in lines[end:])
    if not quoted:
        return text
    if end and _ATTRIBUTION.match(lines[end - 1].strip()):
        end -= 1
    kept = "\n".join(lines[:end]).rstrip()
    return kept or text


def _html(part: Message) -> str:
    from inscriptis import get_text  # only for mails that have no plain text

    source = _words(part)[:HTML_MAXIMUM]
    try:
        return str(get_text(source))
    except Exception:  # noqa: BLE001 - whatever the parser makes of it, the words are shown
        return re.sub(r"<[^>]{0,2000}>", " ", source)


def _words(part: Message) -> str:
    charset = part.get_content_charset() or "utf-8"
    data = _decoded(part)
    try:
        return data.decode(charset, "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")


def _decoded(part: Message) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, RecursionError):
        return b""
    return payload if isinstance(payload, bytes) else b""


def _parts(mail: Message) -> Iterator[Message]:
    """The parts of a mail without their containers, at most :data:`PARTS_MAXIMUM`; not those of mails within it."""
    waiting, seen = [mail], 0
    while waiting and seen < PARTS_MAXIMUM:
        part = waiting.pop(0)
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            waiting[:0] = [inner for inner in payload if isinstance(inner, Message)]
        else:
            seen += 1
            yield part


def _is_file(part: Message) -> bool:
    if part.get_content_disposition() == "attachment" or part.get_filename():
        return True
    return part.get_content_maintype() not in {"text", "message", "multipart"}


def _first_address(mail: Message, name: str) -> tuple[str, str]:
    """Name and address, in lower case; empty where there is none that a mail can go to."""
    for shown, address in getaddresses([_line(mail, name)]):
        if is_address(address):
            return shown.strip(), address.lower()
    return "", ""


def _identifier(mail: Message) -> str:
    found = re.search(r"<[^<>\s]{1,400}>", _line(mail, "message-id"))
    return found[0] if found else ""


def _sent_at(mail: Message, received_at: datetime) -> datetime:
    try:
        at = parsedate_to_datetime(_line(mail, "date"))
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError, IndexError):
        return received_at


def _line(mail: Message, name: str) -> str:
    return next((_unfolded(str(value)) for key, value in mail.raw_items() if key.lower() == name), "")


def _unfolded(value: str) -> str:
    """A header as words: decoded, on one line. Bytes beyond ASCII are taken for UTF-8, as RFC 6532 has it."""
    text = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    with contextlib.suppress(LookupError, ValueError, MessageError):
        text = str(make_header(decode_header(text)))
    return " ".join(text.encode("utf-8", "replace").decode("utf-8", "replace").split())
