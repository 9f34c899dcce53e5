"""The website chat: no provider stands behind it, so sending lays the message out for the visitor's browser.

The program itself is the channel: it defines the ids, so the same message is laid out once however often it is tried.
What comes in is written by our own receiver (``server/chat.py``) in the form that is read here; nothing of it is
taken at ``/hooks/``."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from tui_inbox.channels import outcomes
from tui_inbox.channels.http import Http
from tui_inbox.channels.outcomes import refused
from tui_inbox.channels.payload import instant, mapping, parse_mapping, text
from tui_inbox.channels.port import (
    JSON_TYPES,
    ChannelCheck,
    FirstByteGuard,
    PayloadError,
    RemoteTemplate,
    Secrets,
    WebhookAnswer,
    WebhookRequest,
)
from tui_inbox.domain.attachments import RemoteFile, kind_of
from tui_inbox.domain.errors import StoreError, UsageError
from tui_inbox.domain.events import ChannelEvent, InboundMessage, OutcomeKind, Outgoing, ReceiptEvent, SendOutcome
from tui_inbox.domain.kinds import ChannelKind, ErrorClass, Receipt

LABEL = "The website chat"
TEXT_MAXIMUM = 10_000
"""Characters, both ways (reference: channels, section 12)."""
NAME_MAXIMUM = 80
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
KEY_LIFE = timedelta(days=3650)
"""Lines are never thrown away, so a key is good for ever."""
UNKNOWN = refused(ErrorClass.UNREACHABLE, "This visitor has no chat on the website (any more). Use another channel.")
TOO_LONG = refused(
    ErrorClass.INVALID, "The text is longer than the website chat takes (10,000 characters). Shorten it."
)
EMPTY = refused(ErrorClass.INVALID, "The website chat takes no empty text. Write something.")


class Mailbox(Protocol):
    """Where messages wait for browsers."""

    async def put(self, channel_id: int, message: Outgoing) -> bool:
        """Lay a message out, once for each message id; false when nobody has that address. Raises ``StoreError``."""


class WebChatAdapter:
    """The chat of one website. ``config``: ``title`` (shown on top), ``origins`` (websites that may embed it)."""

    kind: ChannelKind = ChannelKind.WEBCHAT
    keyed: bool = True
    key_life: timedelta | None = KEY_LIFE
    body_maximum: int = 64 << 10
    required_config: Sequence[str] = ()
    required_secrets: Sequence[str] = ()
    webhook_secrets: Sequence[str] = ()
    webhook_types: frozenset[str] = JSON_TYPES
    webhook_answer: WebhookAnswer = WebhookAnswer()

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        self.origins = origins_of(config)
        odd = [part for part in _listed(config) if part not in self.origins]
        if odd:
            raise UsageError("origins of a website chat must look like https://www.example.com, separated by commas.")
        self.title = config.get("title", "")
        self._mailbox: tuple[int, Mailbox] | None = None

    def deliver_into(self, channel_id: int, mailbox: Mailbox) -> None:
        """Say where messages of this channel wait for browsers."""
        self._mailbox = channel_id, mailbox

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Lay a text out for the visitor. Raises only what the guard raises."""
        assert self._mailbox is not None
        empty = not message.text.strip() and not message.files
        wrong = EMPTY if empty else TOO_LONG if len(message.text) > TEXT_MAXIMUM else None
        if wrong is not None:
            return wrong.outcome("text")
        await before_first_byte()
        channel_id, mailbox = self._mailbox
        try:
            known = await mailbox.put(channel_id, message)
        except StoreError:
            return outcomes.unknowable(LABEL, keyed=True).outcome("store")
        return SendOutcome(OutcomeKind.ACCEPTED, message.message_id) if known else UNKNOWN.outcome("visitor")

    @property
    def receives(self) -> bool:
        """Never by webhook: visitors come to the chat's own addresses."""
        return False

    def verify(self, request: WebhookRequest) -> bool:
        """Nothing is posted by others."""
        return False

    def handshake(self, request: WebhookRequest) -> str | None:
        """There is none."""
        return None

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """What :func:`said` and :func:`seen` wrote. Raises :class:`PayloadError`."""
        document = parse_mapping(body)
        address, kind = text(document.get("visitor")), text(document.get("type"))
        if not address or kind not in ("message", "receipt"):
            raise PayloadError("the body is not one of the website chat")
        at = instant(document.get("at"), received_at)
        return [_message(document, address, at)] if kind == "message" else _receipts(document, address, at)

    async def templates(self) -> Sequence[RemoteTemplate]:
        """There are none."""
        return ()

    async def check(self) -> ChannelCheck:
        """There is nobody to ask: the chat is there while ``tui-inbox serve`` runs."""
        places = ", ".join(self.origins) or "its own page only"
        return ChannelCheck(
            True, f"{LABEL} needs no credential; it may be used on {places} while tui-inbox serve runs."
        )

    async def close(self) -> None:
        """Nothing is kept open."""


def origins_of(config: Mapping[str, str]) -> tuple[str, ...]:
    """The websites that may embed the chat: ``https://host`` each, separated by commas; what is none is left out."""
    return tuple(part for part in _listed(config) if ORIGIN.fullmatch(part))


def _listed(config: Mapping[str, str]) -> list[str]:
    parts = (part.strip().rstrip("/").lower() for part in config.get("origins", "").split(","))
    return [part for part in parts if part]


def said(address: str, key: str, words: str, name: str, at: datetime, file: RemoteFile | None = None) -> bytes:
    """The raw event of a visitor's message, with the file that it is."""
    whole: dict[str, Any] = {}
    if file is not None and file.content is not None:
        content = base64.b64encode(file.content).decode("ascii")
        whole["file"] = {"name": file.name, "media_type": file.media_type, "content": content}
    return _body(visitor=address, type="message", key=key, text=words, name=name, at=_milliseconds(at), **whole)


def seen(address: str, message_ids: Sequence[str], receipt: Receipt, at: datetime) -> bytes:
    """The raw event that a browser has, or has shown, messages of ours."""
    ids, state = list(message_ids), receipt.name.lower()
    return _body(visitor=address, type="receipt", ids=ids, state=state, at=_milliseconds(at))


def _body(**fields: Any) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _message(document: Mapping[str, Any], address: str, at: datetime) -> InboundMessage:
    ident = f"{address}:{text(document.get('key'))}"
    files = _files(mapping(document.get("file")))
    return InboundMessage(
        address=address,
        key=f"message:{ident}",
        provider_id=ident,
        at=at,
        text=text(document.get("text")),
        name=text(document.get("name")),
        attachments=tuple(file.kind for file in files),
        files=files,
    )


def _files(told: Mapping[str, Any]) -> tuple[RemoteFile, ...]:
    if not told:
        return ()
    media_type = text(told.get("media_type"))
    content = base64.b64decode(text(told.get("content")))
    return (RemoteFile(kind_of(media_type), "", text(told.get("name")), media_type, len(content), content),)


def _receipts(document: Mapping[str, Any], address: str, at: datetime) -> Sequence[ReceiptEvent]:
    receipt = Receipt.READ if document.get("state") == "read" else Receipt.DELIVERED
    ids = document.get("ids")
    found = [text(ident) for ident in ids] if isinstance(ids, list) else []
    return [
        ReceiptEvent(
            key=f"{receipt.name.lower()}:{ident}",
            at=at,
            receipt=receipt,
            provider_id=ident,
            echo=ident,
            address=address,
        )
        for ident in found
        if ident
    ]
