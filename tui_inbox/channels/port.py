"""What every channel adapter offers. Services and the receiver know adapters only through this page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from tui_inbox.domain.attachments import RemoteFile
from tui_inbox.domain.events import ChannelEvent, Outgoing, SendOutcome
from tui_inbox.domain.kinds import FORMER_SECRET, ChannelKind

if TYPE_CHECKING:
    from tui_inbox.channels.http import Http

FirstByteGuard = Callable[[], Awaitable[None]]
"""Awaited just before the first byte of a send leaves; raising :class:`SendVetoedError` stops it, and none leaves."""


KEY_LIFE = timedelta(hours=24)
"""How long a channel remembers an idempotency key where its adapter says nothing else (LINE's documented time)."""


JSON_TYPES = frozenset({"application/json"})
"""Media types of webhooks that are JSON."""
FORM_TYPES = frozenset({"application/x-www-form-urlencoded"})
"""Media types of webhooks that are forms."""


@dataclass(frozen=True)
class Polled:
    """What a channel that is asked for news had: bodies for :meth:`ChannelAdapter.parse`, and where to go on."""

    bodies: Sequence[bytes]
    cursor: str
    """Opaque; kept together with the bodies and given back at the next poll."""
    more: bool = False
    """There is more at once."""


class PollError(Exception):
    """The channel could not be asked. ``str()`` says what happened and what to do."""

    def __init__(self, told: str, *, refused: bool = False) -> None:
        super().__init__(told)
        self.refused = refused
        """The credential is no longer good, so that asking again is of no use."""


Poll = Callable[[str, float], Awaitable[Polled]]
"""Asks for what came after a cursor (empty = the first time), waiting at most so many seconds for something to come.

Raises :class:`PollError`. Nothing is lost or marked at the channel by asking: the same cursor gives the same again."""


class FetchError(Exception):
    """A file could not be fetched. ``str()`` says why, in words for the agent and without addresses."""

    def __init__(self, told: str, *, gone: bool = False) -> None:
        super().__init__(told)
        self.gone = gone
        """Asking again is of no use."""


@dataclass(frozen=True)
class Fetched:
    """A file that was fetched."""

    content: bytes | None = field(repr=False)
    """``None`` = it is larger than what was asked for."""
    media_type: str = ""
    """Empty = the channel did not say."""
    name: str = ""


Fetch = Callable[[RemoteFile, int], Awaitable[Fetched]]
"""Gets a file of at most so many bytes from the channel. Raises :class:`FetchError`."""


class SendVetoedError(Exception):
    """Raised by a guard: the message must not go out any more. ``str()`` says why."""


class PayloadError(Exception):
    """A correctly signed body that this adapter can't read; it is put into quarantine."""


@dataclass(frozen=True)
class Secrets:
    """Credentials of one channel. Never stored in the database, never printed, never logged."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    def get(self, name: str) -> str:
        """A secret by name (``token``, ``app_secret``, ``verify_token``, ``webhook_secret``); empty when not set."""
        return self.values.get(name, "")

    def former(self) -> Secrets | None:
        """Those in force before any of these was changed; ``None`` where no former one is told."""
        told = {name: value for name, value in self.values.items() if name.startswith(FORMER_SECRET)}
        before = {name.removeprefix(FORMER_SECRET): value for name, value in told.items()}
        return Secrets({**self.values, **before}) if before else None


@dataclass(frozen=True)
class WebhookRequest:
    """One request to the receiver, as the adapter sees it."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, bytes] = field(repr=False)
    """Lower-case names; values as bytes, since senders may put anything there."""
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class RemoteTemplate:
    """A template as the channel lists it."""

    name: str
    language: str
    status: str
    category: str
    components: Sequence[Mapping[str, object]]
    quality: str = ""
    named: bool = False
    reason: str = ""


@dataclass(frozen=True)
class ChannelCheck:
    """Result of testing a credential; nothing is sent to customers."""

    ok: bool
    message: str
    """What the channel said in plain words: the account's name, or what is wrong and what to do."""


@dataclass(frozen=True)
class WebhookAnswer:
    """Body with which a webhook that was kept is answered; the status is 200."""

    content: str = ""
    media_type: str | None = None


class ChannelAdapter(Protocol):
    """One connected account of one kind. What holds for all accounts of the kind stands on the class."""

    kind: ChannelKind
    keyed: bool
    """The channel honours our idempotency key, so repeating a send is safe while it knows the key.

    For how long is said by an attribute ``key_life`` (a timedelta); without it :data:`KEY_LIFE` is taken.
    """
    body_maximum: int
    """Largest webhook body in bytes."""
    required_config: Sequence[str]
    """Names of non-secret settings that must be given.

    Those that are worth asking for too, because something is missing without them, are told by an attribute
    ``useful_config``.
    """
    required_secrets: Sequence[str]
    """Names of secrets that must be set."""
    webhook_secrets: Sequence[str]
    """Names of secrets without which the channel can send but refuses everything that comes in."""
    webhook_types: frozenset[str]
    """Media types of webhooks, in lower case; any other is refused unread."""
    webhook_answer: WebhookAnswer
    """What the channel wants to hear."""

    def __init__(self, config: Mapping[str, str], secrets: Secrets, http: Http) -> None:
        """Made by the registry. ``config`` has every required setting, ``base_url`` (empty = the channel's own) and
        ``webhook_url``, the public address that the channel posts to (empty = not configured)."""

    @property
    def receives(self) -> bool:
        """Whether the secret is set that webhooks are verified with; without it the channel has no webhook at all."""

    async def send(self, message: Outgoing, before_first_byte: FirstByteGuard) -> SendOutcome:
        """Send once. Never raises for anything that the network or the channel does; re-raises
        :class:`SendVetoedError` from the guard."""

    def verify(self, request: WebhookRequest) -> bool:
        """Whether the request is signed by the channel. False when no secret is set. Never raises."""

    def handshake(self, request: WebhookRequest) -> str | None:
        """Body to answer to a subscription handshake (GET) with; ``None`` = refuse."""

    def parse(self, body: bytes, received_at: datetime) -> Sequence[ChannelEvent]:
        """Every event in a verified body, in order. Raises :class:`PayloadError` for what is not this channel's."""

    async def templates(self) -> Sequence[RemoteTemplate]:
        """Templates that the channel holds; empty where it has none. Raises ``InboxError``."""

    async def check(self) -> ChannelCheck:
        """Test the credential."""

    async def close(self) -> None:
        """Release connections."""


def key_life_of(adapter: ChannelAdapter) -> timedelta | None:
    """How long after its first use the channel still honours our key; ``None`` = it knows no keys."""
    life: timedelta = getattr(adapter, "key_life", None) or KEY_LIFE
    return life if adapter.keyed else None


def kept_body_of(adapter: ChannelAdapter, request: WebhookRequest) -> bytes:
    """What is stored of a verified request for :meth:`ChannelAdapter.parse`: its body.

    A channel that says part of it in the address adds that by a method ``kept_body``.
    """
    kept: Callable[[WebhookRequest], bytes] | None = getattr(adapter, "kept_body", None)
    return request.body if kept is None else kept(request)


def poll_of(adapter: ChannelAdapter) -> Poll | None:
    """How the channel is asked for news: by an attribute ``poll``; ``None`` where it tells them by webhook."""
    found: Poll | None = getattr(adapter, "poll", None)
    return found


def fetch_of(adapter: ChannelAdapter) -> Fetch | None:
    """How files of the channel's customers are fetched: by a method ``fetch``; ``None`` where they come along."""
    found: Fetch | None = getattr(adapter, "fetch", None)
    return found


def threads_by_answer(adapter: ChannelAdapter) -> bool:
    """Whether the adapter wants to know the customer's last message with each send: an attribute ``threads``."""
    return bool(getattr(adapter, "threads", False))


def handshake_type_of(adapter: ChannelAdapter) -> str:
    """Media type of the answer to a handshake: plain text, unless an attribute ``handshake_type`` says other."""
    found: str = getattr(adapter, "handshake_type", "text/plain")
    return found
