"""What channels tell us, in one vocabulary: inbound events, receipts, and the outcome of one send.

Adapters make these; services read them. Nothing here knows HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tui_inbox.domain.attachments import OutgoingFile, RemoteFile
from tui_inbox.domain.kinds import ContentKind, ErrorClass, InboundKind, Receipt
from tui_inbox.domain.templates import TemplateContent


@dataclass(frozen=True)
class InboundMessage:
    """Something the customer did that belongs in the thread."""

    address: str
    """The channel's own id of the customer; never assumed to be a phone number."""
    key: str
    """Unique within the channel; for dedupe."""
    provider_id: str
    at: datetime
    text: str
    kind: InboundKind = InboundKind.MESSAGE
    name: str = ""
    username: str = ""
    phone: str = ""
    """E.164 where the channel gives one."""
    email: str = ""
    """Where the channel gives one."""
    attachments: tuple[str, ...] = ()
    """Kinds of attachments, for a placeholder line such as ``[photo]``."""
    files: tuple[RemoteFile, ...] = ()
    """Those of the attachments that can be fetched."""


@dataclass(frozen=True)
class ReceiptEvent:
    """What became of a message that we sent."""

    key: str
    """Unique within the channel; for dedupe."""
    at: datetime
    receipt: Receipt
    """``NONE`` together with an error class: the channel says it failed."""
    provider_id: str = ""
    echo: str = ""
    """Our own message id, where the channel hands it back."""
    address: str = ""
    watermark: datetime | None = None
    """Every message to ``address`` up to this instant is meant."""
    error_class: ErrorClass | None = None
    error_code: str = ""
    error_text: str = ""


@dataclass(frozen=True)
class EchoEvent:
    """A message sent from our account, by us or by somebody in the channel's own app."""

    address: str
    key: str
    provider_id: str
    at: datetime
    text: str
    echo: str = ""


@dataclass(frozen=True)
class SubscriptionEvent:
    """The customer started or left: started the bot, blocked it, opted out or in."""

    address: str
    key: str
    at: datetime
    started: bool
    """True: may be written to again. False: opted out or blocked us."""
    name: str = ""


@dataclass(frozen=True)
class DeletedEvent:
    """The customer took a message back; our copy is redacted."""

    address: str
    key: str
    provider_id: str
    at: datetime


@dataclass(frozen=True)
class TemplateChanged:
    """The channel changed a template's status."""

    key: str
    at: datetime
    name: str
    language: str
    status: str
    reason: str = ""


ChannelEvent = InboundMessage | ReceiptEvent | EchoEvent | SubscriptionEvent | DeletedEvent | TemplateChanged


@dataclass(frozen=True)
class Answered:
    """The customer's message that a new one follows, for channels that thread by it."""

    provider_id: str
    text: str


@dataclass(frozen=True)
class Outgoing:
    """One message as an adapter gets it."""

    message_id: str
    """Also the token that the channel echoes back, where it can."""
    address: str
    content_kind: ContentKind
    text: str = ""
    template: TemplateContent | None = None
    tag: str = ""
    """``HUMAN_AGENT`` or empty."""
    idempotency_key: str = ""
    answered: Answered | None = None
    """The customer's last message on this channel; only for adapters that ask for it."""
    files: tuple[OutgoingFile, ...] = ()


class OutcomeKind(StrEnum):
    """What is known after one attempt (reference: reliability, section 1.8)."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """Definitely not accepted, and trying again is of no use."""
    RETRY = "retry"
    """Definitely not accepted; later it may be."""
    NOT_SENT = "not_sent"
    """No byte left the machine."""
    AMBIGUOUS = "ambiguous"
    """Nobody can know."""


@dataclass(frozen=True)
class SendOutcome:
    """The outcome of one attempt."""

    kind: OutcomeKind
    provider_id: str = ""
    error_class: ErrorClass | None = None
    error_code: str = ""
    error_text: str = ""
    """In the agent's words, without addresses or tokens."""
    http_status: int | None = None
    retry_after: float | None = None
    """Seconds, as the channel said; ``None`` = it did not."""
    pauses_channel: bool = False
    """The whole channel must wait (rate limit) or be repaired (auth)."""
    clock_skew: float | None = None
    """Seconds by which the channel's clock is ahead of ours, by the date of its answer; ``None`` = it gave none."""
