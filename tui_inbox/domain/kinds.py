"""The closed vocabularies of the product, as enumerations whose values are stored and printed."""

from __future__ import annotations

from enum import IntEnum, StrEnum

FORMER_SECRET = "former_"
"""What the name of a secret begins with that was in force before: what was signed with it still counts."""


class ChannelKind(StrEnum):
    """What a channel is; one policy and one adapter each."""

    TELEGRAM = "telegram"
    LINE = "line"
    WEBCHAT = "webchat"
    SMS = "sms"
    EMAIL = "email"
    CUSTOM = "custom"
    WHATSAPP = "whatsapp"
    WHATSAPP_TWILIO = "whatsapp-twilio"
    WHATSAPP_360DIALOG = "whatsapp-360dialog"
    MESSENGER = "messenger"
    INSTAGRAM = "instagram"
    VIBER = "viber"
    WECHAT = "wechat"
    TIKTOK = "tiktok"
    X = "x"
    GOOGLE_BUSINESS = "google_business"


class Permission(StrEnum):
    """What may be sent; the values are those of ``may_send`` on the command line."""

    TEXT = "text"
    TEMPLATE = "template"
    HUMAN_AGENT = "tag:HUMAN_AGENT"


class InboundKind(StrEnum):
    """Events from a customer; each policy names those that renew its window."""

    MESSAGE = "message"
    CALL = "call"
    POSTBACK = "postback"
    REACTION = "reaction"
    FOLLOW = "follow"
    READ = "read"
    AUTOMATIC = "automatic"
    """An answer by a machine: absence notes and the like."""


class WindowState(StrEnum):
    """State of one contact channel at one instant."""

    OPEN = "open"
    """A messaging window exists and is open."""
    CLOSED = "closed"
    """The window has closed; a template, a tagged or a charged message may still go."""
    NONE = "none"
    """The channel has no window; text may go at any time."""
    BLOCKED = "blocked"
    """Nothing may be sent now."""


class ComposerMode(StrEnum):
    """The mode in which the composer opens; never one that would fail."""

    FREE = "free"
    TAG = "tag"
    TEMPLATE = "template"
    DISABLED = "disabled"


class ConversationStatus(StrEnum):
    """Status of the thread with one contact; ``none`` until the first message either way."""

    NONE = "none"
    OPEN = "open"
    SNOOZED = "snoozed"
    CLOSED = "closed"


class Role(StrEnum):
    """What an agent is allowed to do."""

    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"


class Direction(StrEnum):
    """Way of one timeline entry."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    NOTE = "note"
    """Internal; never sent, never reopens."""


class ContentKind(StrEnum):
    """What an outgoing message is made of."""

    TEXT = "text"
    TEMPLATE = "template"


class DeliveryState(StrEnum):
    """Who owns an outgoing message (reference: reliability, section 1.6)."""

    QUEUED = "queued"
    LEASED = "leased"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


class Receipt(IntEnum):
    """What the far side reported; only ever rises."""

    NONE = 0
    SENT = 1
    DELIVERED = 2
    READ = 3


class ErrorClass(StrEnum):
    """Why a message was not sent, the same words for every channel (reference: channels, section 17.1)."""

    WINDOW_CLOSED = "window_closed"
    COUNT_USED = "window_count_used"
    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate_limited"
    QUOTA = "quota_exhausted"
    AUTH = "auth"
    TEMPLATE = "template"
    INVALID = "invalid"
    TEMPORARY = "temporary"
    INTERNAL = "internal"


class ClosingNoteMode(StrEnum):
    """What the workspace demands when a conversation is closed."""

    OFF = "off"
    OPTIONAL = "optional"
    CATEGORY_REQUIRED = "category_required"
    BOTH_REQUIRED = "both_required"


class ClosingLogic(StrEnum):
    """What becomes of the assignee on closing."""

    KEEP = "keep"
    UNASSIGN = "unassign"
    UNASSIGN_WHEN_AWAY = "unassign_when_away"


class AssignOnSend(StrEnum):
    """Whose a conversation becomes when somebody sends."""

    REOPEN = "reopen"
    """Only a reopened one becomes the sender's."""
    UNASSIGNED = "unassigned"
    """A reopened or an unassigned one becomes the sender's."""
    ALWAYS = "always"


class SortOrder(StrEnum):
    """Orders of the inbox list."""

    LATEST = "latest"
    OLDEST = "oldest"
    WINDOW_END = "window_end"
    WAITING = "waiting"


class WindowFilter(StrEnum):
    """Filter of the inbox list by window state of the channel last used."""

    OPEN = "open"
    CLOSING = "closing"
    """Open, and closes within four hours."""
    CLOSED = "closed"
    NONE = "none"
