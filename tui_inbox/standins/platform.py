"""What the stand-in of each channel has to say; the server asks through this page only."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from tui_inbox.standins.config import Member
from tui_inbox.standins.files import SentFile, StoredFile
from tui_inbox.standins.state import Accepted, ChannelState, Fault

if TYPE_CHECKING:
    from tui_inbox.standins.webhooks import Poster


@dataclass(frozen=True)
class Call:
    """One request to a channel."""

    method: str
    path: str
    """After the channel's prefix."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What the channel answers."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    file: StoredFile | None = None
    """Instead of the body, this."""


@dataclass(frozen=True)
class Cut:
    """Instead of an answer, the connection breaks."""


@dataclass(frozen=True)
class Torn:
    """An answer of which half is missing."""

    answer: Answer

    @property
    def content(self) -> bytes:
        """The half that is sent."""
        whole = json.dumps(self.answer.body).encode()
        return whole[: len(whole) // 2]


Reaction = Answer | Cut | Torn
Handle = Callable[[Call], Awaitable[Reaction]]
"""Answers a request as the channel would, faults included."""


class RefusedError(Exception):
    """The channel refuses the request with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"status {answer.status}")
        self.answer = answer


@dataclass(frozen=True)
class Taken:
    """A message that passed every check, before it is recorded."""

    address: str
    text: str
    request: Mapping[str, Any]
    template: str = ""
    tag: str = ""
    echo: str = ""
    key: str = ""
    late: Fault | None = None
    """What goes wrong with it after it was taken, where the channel notices only then."""
    files: tuple[SentFile, ...] = ()


class Platform(Protocol):
    """One channel."""

    state: ChannelState

    def is_send(self, call: Call) -> bool:
        """Whether the request sends a message (faults concern these only)."""

    def authorise(self, call: Call) -> None:
        """Raise :class:`RefusedError` for a wrong token."""

    def read(self, call: Call) -> Answer:
        """Answer anything that is no send. Raises :class:`RefusedError`."""

    def check(self, call: Call) -> Taken:
        """Check a message as the real one does. Raises :class:`RefusedError`."""

    def provider_id(self, taken: Taken) -> str:
        """A new id for a message."""

    def taken(self, message: Accepted) -> Answer:
        """The answer to a message that was taken."""

    def failure(self, fault: Fault) -> Answer:
        """The channel's own error shape for a fault."""

    def receipts(self, message: Accepted, late: Fault | None) -> Sequence[Mapping[str, Any]]:
        """Bodies of the webhooks that report what became of the message, in order."""

    def said(self, member: Member, text: str, at: datetime) -> Mapping[str, Any]:
        """Body of the webhook by which the customer's message arrives."""

    def membership(self, member: Member, at: datetime) -> Mapping[str, Any] | None:
        """Body of the webhook that tells a change of ``blocked``; ``None`` where the channel does not tell."""

    def sign(self, body: bytes, url: str) -> Mapping[str, str]:
        """Headers of a webhook with this body to the address ``url``."""

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """The webhook body as the channel writes it."""


@runtime_checkable
class CarriesFiles(Protocol):
    """A channel whose customers can send files."""

    def said_file(self, member: Member, text: str, at: datetime, file: StoredFile, url: str) -> Mapping[str, Any]:
        """Body of the webhook by which a file of the customer arrives; ``url`` is where it can be fetched."""

    def authorise_file(self, call: Call) -> None:
        """Raise :class:`RefusedError` for whoever may not fetch a file at such an address."""


@runtime_checkable
class AsksForReceipts(Protocol):
    """A channel that is told with each message where to report what became of it."""

    def receipt_query(self, message: Accepted) -> str:
        """Query of the address that receipts of this message go to."""


@runtime_checkable
class SignsUrl(Protocol):
    """A channel whose signature stands in the query of the webhook's address."""

    def signed_url(self, body: bytes, url: str) -> str:
        """``url`` with the signature of this body."""


@runtime_checkable
class KeepsMail(Protocol):
    """A channel that is spoken to by other ways than HTTP, and that is asked for what came in."""

    def poster(self) -> Poster:
        """What keeps that."""

    async def serve(self, handle: Handle, stack: AsyncExitStack) -> None:
        """Listen until ``stack`` is closed."""
